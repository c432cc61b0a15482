"""Who is whose navigator: clusters that exist under treatment only."""

from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray
from checkpoint_eval._checks import counted
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.compared import Compared
from checkpoint_eval.outcomes.observed import BinaryOutcome, CountOutcome, NumericOutcome
from checkpoint_eval.outcomes.trial import Trial

# With fewer navigators than this, intervals and p lean on few of them (Candlish et al. 2018).
FEW = 10


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Navigators:
    """The navigators of the people compared.

    Attributes
    ----------
    names : (j,) str
        Navigators recorded for people under treatment.
    group : (n,) int
        Code of each treated person's navigator; from j on, those without one, each by themselves.
        -1 for controls.
    arms : (control, treatment)
    crossed : int
        Controls who share a navigator with somebody, nevertheless taken as without.
    """

    names: tuple[str, ...]
    group: IntArray
    arms: tuple[str, str]
    crossed: int

    @property
    def caseload(self) -> IntArray:
        """(j,) people of each navigator."""
        found: IntArray = np.bincount(self.group[self.group >= 0])
        return found[: len(self.names)]

    @property
    def alone(self) -> BoolArray:
        """(n,) treated people without a navigator."""
        return np.asarray(self.group >= len(self.names))

    def told(self, *, alone: str) -> str:
        """Return what the method says of them; `alone`: how those without are taken."""
        if not self.names:
            return "no navigator recorded"
        least, most = int(self.caseload.min()), int(self.caseload.max())
        size = counted(most, "person", "people") if least == most else f"{least} to {most} people"
        parts = [f"{counted(len(self.names), 'navigator')} with {size}"]
        if self.alone.any():
            without = counted(int(self.alone.sum()), "person", "people")
            parts.append(f"{without} in {self.arms[1]!r} without, {alone}")
        if self.crossed:
            share = "shares one and is" if self.crossed == 1 else "share one and are"
            parts.append(
                f"{counted(self.crossed, 'person', 'people')} in {self.arms[0]!r} {share} taken "
                "as without"
            )
        if (self.caseload > 1).sum() < FEW:
            parts.append(f"fewer than {FEW} with several people, so that the result leans on few")
        return "; ".join(parts)


def navigators_of(trial: Trial, people: Compared, navigator: str) -> Navigators:
    """Return whose navigator is whose among the people compared.

    Raises
    ------
    ImpossibleDesign
        When half of the controls or more share navigators: then they are no part of treatment.
    """
    column = people.columns(trial, (navigator,))[0]
    codes, treated = column.codes, people.arm == 1
    shared = np.bincount(codes[codes >= 0], minlength=1)[codes] > 1
    crossed = int((shared & (codes >= 0) & ~treated).sum())
    controls = int((~treated).sum())
    if 2 * crossed >= controls:
        raise ImpossibleDesign(
            f"{crossed} of {controls} people in {people.arms[0]!r} share a {navigator!r}: people "
            "are nested in both arms. Use `mean_difference` with `cluster`, or name in `navigator` "
            "the column of who worked with people under treatment."
        )
    recorded = np.unique(codes[treated & (codes >= 0)])
    group = np.where(treated, np.searchsorted(recorded, codes), -1)
    alone = treated & (codes < 0)
    group[alone] = recorded.size + np.arange(alone.sum())
    return Navigators(
        names=tuple(column.group_names[code] for code in recorded),
        group=group,
        arms=(people.arms[0], people.arms[1]),
        crossed=crossed,
    )


def numbers_of(trial: Trial, people: Compared) -> tuple[FloatArray, str]:
    """Return one number a person, and what is told of how it was read."""
    observed = trial.outcome(people.outcome)
    if isinstance(observed, BinaryOutcome):
        return people.event.astype(np.float64), "linear probability model of a yes or no"
    if isinstance(observed, CountOutcome):
        return people.value, "mean count, whatever the time at risk"
    if isinstance(observed, NumericOutcome):
        return people.value, ""
    raise TrialError(
        f"Outcome {people.outcome!r} is not one number for each person; use `restricted_mean` "
        "for a time to an event, or `mean_cumulative_difference` for repeated events."
    )


def refuse_navigator(navigator: str, beside: tuple[str, ...]) -> None:
    """Refuse a navigator who is also a covariate or a stratum."""
    if navigator in beside:
        raise TrialError(
            f"{navigator!r} is named in `navigator` and in `adjust` or `strata`; controls have "
            "none, so leave it out there."
        )
