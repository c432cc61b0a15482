"""How many people a trial needs, from what is seen of its outcome without looking at the arms."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval._checks import check_count, check_level, check_positive, is_number
from checkpoint_eval._display import Shown, row_frame
from checkpoint_eval._values import Value
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import compare
from checkpoint_eval.outcomes.observed import BinaryOutcome
from checkpoint_eval.outcomes.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Reestimate(Value, Shown):
    """The people a trial needs after a blinded look at its outcome.

    Attributes
    ----------
    outcome : str
    seen : int
        People whose outcome is known.
    assumed, found : float
        The pooled risk, or the standard deviation within arms, as planned and as seen.
    planned, people : int
        People in all, as planned and for the same power at the same effect now.
    exact : float
        Before rounding up.
    method : str
    """

    outcome: str
    seen: int
    assumed: float
    found: float
    planned: int
    people: int
    exact: float
    method: str

    def __repr__(self) -> str:
        return (
            f"{self.people:,} people are needed instead of {self.planned:,}: {self.found:.4g} of "
            f"{self.outcome} seen among {self.seen:,}, {self.assumed:.4g} assumed. {self.method}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row."""
        return row_frame(self)


def reestimate_people(
    trial: Trial,
    *,
    outcome: str,
    planned: int,
    effect: float,
    assumed: float,
    share: float = 0.5,
    most: int | None = None,
) -> Reestimate:
    """Re-estimate how many people a trial needs, without looking at the arms.

    Parameters
    ----------
    trial : Trial
        As it is now. The arms are not looked at.
    outcome : str
        Binary or a number.
    planned : int
        People in all, by the plan.
    effect : float
        The difference between the arms that the trial is planned to see: of risks, or of means.
    assumed : float
        What the plan assumes: the risk in control, or the standard deviation within arms.
    share : float
        The share of people allocated to treatment.
    most : int, optional
        A ceiling on the answer.

    Returns
    -------
    Reestimate

    Raises
    ------
    ImpossibleDesign
        When the effect does not fit the risks, or fewer than ten people are seen.
    TrialError
        When the outcome is a time to event, whose information is events: see `forecast_events`.

    Notes
    -----
    People are in proportion to the variance of the difference. Risks: pooled risk p and effect δ
    put control at p − share·δ and treatment at p + (1 − share)·δ. Means: the variance of all people
    less what the effect itself adds, share(1 − share)δ² (Zucker and others 1999). Looking at pooled
    data spends no error.

    References
    ----------
    Gould (1992); Zucker, Wittes, Schabenberger and Brittain (1999); Kieser and Friede (2003).
    Checked against arithmetic in tests/hand.

    Examples
    --------
    >>> from checkpoint_eval import load_minneapolis
    >>> reestimate_people(
    ...     load_minneapolis(), outcome="failure", planned=300, effect=-0.1, assumed=0.25,
    ... ).people
    279
    """
    check_count(planned, "planned")
    check_level(share, "share")
    check_positive(assumed, "assumed")
    if not is_number(effect) or not 0 < abs(effect) < np.inf:
        raise TrialError(f"`effect` must be a number other than 0, got {effect!r}.")
    people = compare(trial, outcome=outcome, kind="any", every_arm=True)
    seen = int(people.people.size)
    if seen < 10:
        raise ImpossibleDesign(f"Only {seen} people are seen; at least 10 are needed to go by.")
    if isinstance(trial.outcome(outcome), BinaryOutcome):
        found = float(people.event.mean())
        before = _risk_variance(assumed, assumed + effect, share)
        after = _risk_variance(found - share * effect, found + (1 - share) * effect, share)
        pooled, method = assumed + share * effect, "pooled risk, blind to arms"
    elif people.value.size and not people.exposure.size:
        after = _variance_within(people.value, effect, share)
        found, before = after**0.5, assumed**2
        pooled, method = assumed, "variance within arms, blind to arms"
    else:
        raise TrialError(
            f"Outcome {outcome!r} is neither binary nor a number; the information of a time to "
            "event is events: see `forecast_events`."
        )
    exact = planned * after / before
    needed = int(np.ceil(exact - 1e-9))
    return Reestimate(
        outcome=outcome,
        seen=seen,
        assumed=pooled,
        found=found,
        planned=planned,
        people=needed if most is None else min(needed, check_count(most, "most")),
        exact=exact,
        method=method,
    )


def _variance_within(value: FloatArray, effect: float, share: float) -> float:
    """Return the variance of all people less what the effect itself adds."""
    n = value.size
    within = float(value.var(ddof=1)) - share * (1 - share) * effect**2 * n / (n - 1)
    if not within > 0:
        raise ImpossibleDesign(
            f"The outcome varies less ({value.std():.4g}) than an `effect` of {effect:g} alone "
            "would make it; the effect cannot be so large."
        )
    return within


def _risk_variance(control: float, treatment: float, share: float) -> float:
    if not (0 < control < 1 and 0 < treatment < 1):
        raise ImpossibleDesign(
            f"Risks of {control:.4g} and {treatment:.4g} are not both between 0 and 1; the "
            "`effect` does not fit the risk."
        )
    return treatment * (1 - treatment) / share + control * (1 - control) / (1 - share)
