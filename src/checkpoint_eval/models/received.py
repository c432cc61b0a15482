"""What people received beside what they were assigned: one outcome in four analyses."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from checkpoint_eval._checks import check_level
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.models.compared import Compared, compare, not_estimable
from checkpoint_eval.models.complier import complier_average_effect
from checkpoint_eval.models.means import mean_difference
from checkpoint_eval.models.measured import check_clock, known_received
from checkpoint_eval.models.risk import risk_difference
from checkpoint_eval.outcomes.observed import BinaryOutcome
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import Estimate

QUESTIONS = {
    "intention to treat": "what assigning does: the randomised comparison",
    "per protocol": "no randomised comparison: who complied differs from who did not, by arm",
    "as treated": "no randomised comparison: who received treatment was chosen after assignment",
    "complier": "what treatment does for those who take it when assigned to it",
}
WARNING = (
    "The two middle rows are not effects of treatment: they compare people who were not "
    "randomised to be compared, and can have either sign without any effect."
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EffectsByAnalysis(Shown):
    """One outcome by intention to treat, per protocol, as treated, and among compliers.

    Attributes
    ----------
    estimates : tuple of Estimate
        In that order, all differences of one kind.
    unknown : (control, treatment)
        People as randomised, with a known outcome, whose arm received is not known. They count in
        the first row alone.
    """

    estimates: tuple[Estimate, Estimate, Estimate, Estimate]
    unknown: tuple[int, int] = (0, 0)

    @property
    def intention_to_treat(self) -> Estimate:
        """Everyone as randomised."""
        return self.estimates[0]

    @property
    def per_protocol(self) -> Estimate:
        """Those who received what they were assigned; not a randomised comparison."""
        return self.estimates[1]

    @property
    def as_treated(self) -> Estimate:
        """Everyone by what they received; not a randomised comparison."""
        return self.estimates[2]

    @property
    def complier(self) -> Estimate:
        """The complier average effect."""
        return self.estimates[3]

    def to_frame(self) -> pd.DataFrame:
        """Return one row an analysis, with what each is and is not."""
        rows = [
            {
                "analysis": name,
                "value": each.value,
                "low": each.low,
                "high": each.high,
                "p_value": each.p_value,
                "n_control": each.n[0],
                "n_treatment": each.n[1],
                "missing_control": each.missing[0],
                "missing_treatment": each.missing[1],
                "is": question,
                "method": each.method,
            }
            for (name, question), each in zip(QUESTIONS.items(), self.estimates, strict=True)
        ]
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        first = self.intention_to_treat
        shown = self.to_frame().drop(columns="method").round(4)
        lost = ""
        if any(self.unknown):
            lost = (
                f" The arm received is unknown for {self.unknown[1]} against {self.unknown[0]}, "
                "who count in the first row alone."
            )
        return (
            f"Effects on {first.outcome}, {first.contrast[0]} against {first.contrast[1]}, by "
            f"analysis. {WARNING}{lost}\n{text_table(shown)}"
        )


def effects_by_analysis(
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    level: float = 0.95,
    arm: str | None = None,
) -> EffectsByAnalysis:
    """Show intention to treat beside what people ask for next, and say which are no effects.

    Parameters
    ----------
    trial : Trial
        Read with the arm each person received.
    outcome : str
        A binary or numeric outcome, a count, whose times at risk then do not enter, or a
        time-to-event outcome with a `horizon`.
    horizon : float, optional
        When a time-to-event outcome is read, in its unit; within follow-up.
    level : float
    arm : str, optional
        Which treatment arm is compared with control, when there are several.

    Returns
    -------
    EffectsByAnalysis
        Four differences: of risks, or of means. Per protocol keeps those who received what they
        were assigned; as treated counts everyone by what they received. An analysis that has
        nobody left in an arm is not estimable, and its `method` says so.

    Raises
    ------
    TrialError
        When the arm received was not recorded, or a horizon is missing or needless.
    ImpossibleDesign
        For a horizon beyond follow-up.

    Notes
    -----
    None is stratified or adjusted, so that rows differ only in whom they compare. Decide which is
    primary before the outcome is opened; it is intention to treat. Published conclusions flip: in
    Minneapolis arrest as assigned was followed by less violence (p = .036, N = 313), as delivered
    not clearly so.

    References
    ----------
    As `risk_difference`, `mean_difference` and `complier_average_effect`. Hernán and Robins (2017),
    New England Journal of Medicine 377, on per-protocol analyses. Checked against the Minneapolis
    experiment's and the vitamin A trial's counts.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame(
    ...     {"arm": [0] * 6 + [1] * 6, "got": [0] * 5 + [1] + [1] * 4 + [0] * 2,
    ...      "y": [1, 1, 0, 1, 0, 0, 0, 1, 0, 0, 1, 0]}
    ... )
    >>> trial = Trial.from_frame(
    ...     people, arm="arm", control=0, received="got", binary={"again": "y"}
    ... )
    >>> found = effects_by_analysis(trial, outcome="again")
    >>> [round(each.value, 3) for each in found.estimates]
    [-0.167, -0.35, -0.371, -0.333]
    """
    check_trial(trial)
    check_level(level)
    clock = check_clock(trial, outcome, horizon)
    whole = compare(trial, outcome=outcome, kind="any", arm=arm)
    some, _ = known_received(trial, whole)

    def by(analysis_set: str) -> Estimate:
        how = {"outcome": outcome, "level": level, "analysis_set": analysis_set, "arm": arm}
        if clock or isinstance(trial.outcome(outcome), BinaryOutcome):
            return risk_difference(trial, horizon=horizon, **how)  # type: ignore[arg-type]
        return mean_difference(trial, method="neyman", **how)  # type: ignore[arg-type]

    first = by("itt")
    unknown = [one - other for one, other in zip(some.missing, whole.missing, strict=True)]
    return EffectsByAnalysis(
        unknown=(unknown[0], unknown[1]),
        estimates=(
            first,
            _or_not(by, trial, "per-protocol", whole, first),
            _or_not(by, trial, "as-treated", whole, first),
            complier_average_effect(
                trial, outcome=outcome, horizon=horizon, strata=(), level=level, arm=arm
            ),
        ),
    )


def _or_not(
    by: Callable[[str], Estimate],
    trial: Trial,
    analysis_set: str,
    whole: Compared,
    first: Estimate,
) -> Estimate:
    """Return the estimate of a set, or why people as received cannot be compared."""
    try:
        return by(analysis_set)
    except ImpossibleDesign as problem:
        none = not_estimable(
            whole,
            estimand=first.estimand,
            scale="difference",
            level=first.level,
            method="compared by what was received",
            reason=str(problem).rstrip("."),
            time_point=first.time_point,
        )
    code = trial.arm_in(analysis_set)
    lost = trial.outcome(whole.outcome).missing
    pair = [code == trial.arms.index(name) for name in whole.arms]
    n = [int((own & ~lost).sum()) for own in pair]
    missing = [int((own & lost).sum()) for own in pair]
    return replace(
        none, analysis_set=analysis_set, n=(n[0], n[1]), events=(), missing=(missing[0], missing[1])
    )
