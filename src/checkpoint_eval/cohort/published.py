"""Published trials, shipped with their source and their protocol."""

from importlib import resources

import pandas as pd

from checkpoint_eval.design.protocol_toml import parse_protocol
from checkpoint_eval.outcomes.trial import Trial


def load_rossi() -> Trial:
    """Return the Maryland LIFE experiment: financial aid to men released from prison.

    432 men released from Maryland state prisons, 216 of them randomised to weekly financial aid,
    followed for 52 weeks to their first re-arrest. A published randomised trial in people leaving
    custody, the nearest public relative of a deferred-prosecution trial.

    Returns
    -------
    Trial
        Arms "no aid" and "financial aid"; outcome "rearrest" in weeks; covariates age, race (1
        black), wexp (1 full-time work before), mar (1 married), paro (1 released on parole), prio
        (prior convictions). Its protocol is our plan for the demonstration, written after the
        trial, and says so.

    References
    ----------
    Rossi, Berk and Lenihan (1980), Money, Work and Crime: Experimental Evidence. Data as in
    Allison (1984) and Fox's appendix on Cox regression. Checked against the published coefficients
    (tests/published).

    Examples
    --------
    >>> load_rossi()
    Trial(432 people; no aid: 216, financial aid: 216; outcomes: rearrest)
    """
    folder = resources.files("checkpoint_eval.cohort") / "data"
    protocol = parse_protocol(
        (folder / "rossi.toml").read_text(encoding="utf-8"), name="rossi.toml"
    )
    with (folder / "rossi.csv").open("r", encoding="utf-8") as file:
        return Trial.from_protocol(pd.read_csv(file), protocol)
