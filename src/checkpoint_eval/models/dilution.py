"""Override dilution: how far what people received thins the comparison of what was assigned."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import IntArray
from checkpoint_eval._checks import as_names, check_known
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.baseline import crossed
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN


@dataclass(frozen=True, slots=True, kw_only=True)
class DilutionRow(Shown):
    """The people of one arm in one stratum, by what they received.

    `share` is of those whose treatment is known. `drop_in` is the share of the stratum's control
    that received treatment, `drop_out` the share of its treatment that did not; `kept` is one less
    both, `inflation` what dilution multiplies the people needed by, 1/kept². Both are NaN where
    an arm's treatment is unknown; inflation too where nothing is kept, as no number would do.
    """

    stratum: str
    arm: str
    people: int
    received_control: int
    received_treatment: int
    received_other: int
    unknown: int
    share: float
    drop_in: float
    drop_out: float
    kept: float
    inflation: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Dilution(Shown):
    """How far overrides thin the contrast between the arms, by stratum.

    Attributes
    ----------
    contrast : (treatment, control)
    by : tuple of str
        What the strata are.
    rows : tuple of DilutionRow
        Everyone first, then strata in order; control first.
    """

    contrast: tuple[str, str]
    by: tuple[str, ...]
    rows: tuple[DilutionRow, ...]

    @property
    def kept(self) -> float:
        """Share of an effect on compliers that intention to treat keeps, over everyone."""
        return self.rows[0].kept

    @property
    def inflation(self) -> float:
        """How many times as many people dilution asks for, over everyone."""
        return self.rows[0].inflation

    def to_frame(self) -> pd.DataFrame:
        """Return one row a stratum and arm."""
        return pd.DataFrame([asdict(row) for row in self.rows])

    def __repr__(self) -> str:
        by = f" by {', '.join(self.by)}" if self.by else ""
        asks = f"needs {self.inflation:.3g} times the people"
        if np.isnan(self.inflation):
            asks = "no number of people makes up for it"
        return (
            f"Override dilution{by}: intention to treat keeps {100 * self.kept:.3g}% of the effect "
            f"on compliers, and {asks}\n"
            f"{text_table(self.to_frame().round(3))}"
        )


def override_dilution(
    trial: Trial, *, by: str | Sequence[str] | None = None, arm: str | None = None
) -> Dilution:
    """Count who received what by arm and stratum, and what that does to the comparison.

    Parameters
    ----------
    trial : Trial
        Read with the arm each person received.
    by : str or sequence of str, optional
        Baseline columns whose combinations are the strata. Default: those of the randomisation.
        ``()`` means everyone alone.
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    Dilution

    Raises
    ------
    TrialError
        When the arm received was not recorded.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    If treatment does as much for whoever takes it, and assignment nothing else, the difference
    between arms as randomised is `kept` = 1 − drop_out − drop_in of it, and the people needed for
    the same power multiply by 1/kept². Someone who received a third arm has dropped out of
    treatment, not into it.

    References
    ----------
    Lachin and Foulkes (1986), Biometrics 42, 507-519; Lachin (1981), Controlled Clinical Trials 2,
    93-113. Checked against hand-counted tables.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"arm": [0] * 10 + [1] * 10, "got": [0] * 10 + [1] * 8 + [0] * 2})
    >>> trial = Trial.from_frame(people, arm="arm", control=0, received="got")
    >>> found = override_dilution(trial)
    >>> round(found.kept, 4), round(found.inflation, 4)
    (0.8, 1.5625)
    """
    check_trial(trial)
    if not trial.received.size:
        raise TrialError(
            "The arm each person received was not recorded; name its column in `received` when the "
            "trial is read."
        )
    treatment = _treatment(trial, arm)
    names = trial.assignment.stratified_by if by is None else as_names(by)
    codes, labels = trial.assignment.stratum, trial.assignment.strata
    if by is not None and names:
        codes, labels = crossed([trial.column(name) for name in names])
    groups = [("everyone", np.arange(trial.n))]
    if names:
        groups += [(label, np.flatnonzero(codes == code)) for code, label in enumerate(labels)]
    return Dilution(
        contrast=(trial.arms[treatment], trial.arms[0]),
        by=tuple(names),
        rows=tuple(row for label, who in groups for row in _pair(trial, treatment, who, label)),
    )


def _treatment(trial: Trial, arm: str | None) -> int:
    """Return the code of the arm compared with control; with several, it must be named."""
    if arm is not None:
        return trial.arms.index(check_known(arm, trial.arms[1:], what="treatment arm"))
    if len(trial.arms) > 2:
        raise TrialError(
            f"The trial has {len(trial.arms)} arms; name the one to compare with "
            f"{trial.arms[0]!r} in `arm`: {', '.join(map(repr, trial.arms[1:]))}."
        )
    return 1


def _pair(
    trial: Trial, treatment: int, who: IntArray, stratum: str
) -> tuple[DilutionRow, DilutionRow]:
    """Return the rows of control and treatment in one stratum."""
    assigned, received = trial.assignment.arm[who], trial.received[who]
    pair = (0, treatment)
    got = np.array([[((assigned == a) & (received == r)).sum() for r in pair] for a in pair])
    people = np.array([(assigned == code).sum() for code in pair])
    unknown = np.array([((assigned == code) & (received < 0)).sum() for code in pair])
    with np.errstate(invalid="ignore"):
        share = got / (people - unknown)[:, None]
    drop_in, drop_out = float(share[0, 1]), float(1 - share[1, 1])
    # Counts, so that all of an effect lost is 0 and not nearly so.
    kept = float(share[1, 1] - share[0, 1])
    control, treated = (
        DilutionRow(
            stratum=stratum,
            arm=trial.arms[code],
            people=int(people[place]),
            received_control=int(got[place, 0]),
            received_treatment=int(got[place, 1]),
            received_other=int(people[place] - unknown[place] - got[place].sum()),
            unknown=int(unknown[place]),
            share=float(share[place, place]),
            drop_in=drop_in,
            drop_out=drop_out,
            kept=kept,
            inflation=1 / kept**2 if kept > 0 else NAN,
        )
        for place, code in enumerate(pair)
    )
    return control, treated
