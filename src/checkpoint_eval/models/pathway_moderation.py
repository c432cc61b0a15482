"""Pathways as moderators: whether treatment does more for those with a need."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, floats, frozen, frozen_mapping
from checkpoint_eval._checks import check_level
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import ImpossibleDesign, TrialError
from checkpoint_eval.models.cox import hazard_ratio
from checkpoint_eval.models.means import mean_difference
from checkpoint_eval.models.pathway_overlap import check_scores, check_threshold
from checkpoint_eval.models.pathway_parts import FAMILY, adjusted_family, check_same_people
from checkpoint_eval.models.rates import rate_ratio
from checkpoint_eval.models.wald import wald
from checkpoint_eval.outcomes.episodes import Episodes
from checkpoint_eval.outcomes.needs import PathwayScores
from checkpoint_eval.outcomes.observed import CountOutcome, TimeToEvent
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, Estimate

LABELS, UNKNOWN = ("with a need", "without a need"), "not assessed"
ESTIMANDS = {
    "hazard_ratio": "hazard ratio",
    "rate_ratio": "rate ratio",
    "mean_difference": "mean difference",
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathwayInteractions(Shown):
    """Effects on one outcome with and without each need, and how they differ.

    Attributes
    ----------
    pathways : (p,) str
    outcome : str
    with_need, without : (p,) Estimate
        The effect of treatment among those with the need and those assessed to have none.
    interactions : (p,) Estimate
        With less without, or with divided by without: 0, or 1, when the need does not matter.
    p_values : mapping of str to (p,) float
        Of the interactions, adjusted as one family: "holm", "hochberg", "bh".
    """

    pathways: tuple[str, ...]
    outcome: str
    with_need: tuple[Estimate, ...]
    without: tuple[Estimate, ...]
    interactions: tuple[Estimate, ...]
    p_values: Mapping[str, FloatArray]

    def __post_init__(self) -> None:
        held = {name: frozen(each, np.float64) for name, each in self.p_values.items()}
        object.__setattr__(self, "p_values", frozen_mapping(held))

    def __repr__(self) -> str:
        done = sum(each.estimable for each in self.interactions)
        least = min(self.p_values["holm"], key=lambda p: (np.isnan(p), p))
        return (
            f"PathwayInteractions of {self.outcome}: {done} of {len(self.pathways)} pathways, "
            f"smallest p {least:.3g} after Holm"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pathway: effects with and without the need, interaction and p."""
        columns: dict[str, object] = {"pathway": self.pathways}
        for label, several in (("with", self.with_need), ("without", self.without)):
            columns[f"n {label} control"] = [each.n[0] for each in several]
            columns[f"n {label} treatment"] = [each.n[1] for each in several]
            columns[f"effect {label}"] = [each.value for each in several]
        for part in ("value", "low", "high", "p_value"):
            columns[part] = [getattr(each, part) for each in self.interactions]
        columns |= {f"p {name}": self.p_values[name] for name in FAMILY}
        for arm, label in enumerate(("control", "treatment")):
            columns[f"missing {label}"] = [each.missing[arm] for each in self.interactions]
        columns["method"] = [each.method for each in self.interactions]
        return pd.DataFrame(columns)


def pathway_interactions(
    trial: Trial,
    scores: PathwayScores,
    *,
    outcome: str,
    threshold: float = 0.0,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> PathwayInteractions:
    """Ask of each pathway whether treatment changed an outcome more for those with the need.

    Parameters
    ----------
    trial : Trial
    scores : PathwayScores
        Of the trial's people, in their order; only those before randomisation are read.
    outcome : str
        A time to an event is compared by hazard ratios, a count by rate ratios, a yes or no by
        risk differences, a number by mean differences; each stratified by default.
    threshold : float
        A need is a score above it.
    level, analysis_set, arm
        As `hazard_ratio`.

    Returns
    -------
    PathwayInteractions

    Raises
    ------
    TrialError
        For scores of other people, or an outcome of repeated events.
    UnknownColumn
        For names the trial does not have.

    Notes
    -----
    People with and without a need are different people, so their effects are independent: the
    interaction is the difference of the two (of their logarithms), with variance the sum of the
    two and a normal interval. A need that all or none have has no interaction. Needs come
    together: an interaction with one may be another's.

    References
    ----------
    Altman and Bland (2003), BMJ 326, 219. Checked against R lm with a full interaction (HC2) and
    coxph, and by hand.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> trial = load_rossi()
    >>> prior = trial.column("prio").values
    >>> scores = PathwayScores(
    ...     pathways=("record",), baseline=prior[:, None], follow_up=prior[:, None]
    ... )
    >>> found = pathway_interactions(trial, scores, outcome="rearrest", threshold=3)
    >>> found.interactions[0].estimand
    'ratio of hazard ratios'
    """
    check_trial(trial)
    check_scores(scores)
    check_level(level)
    check_threshold(threshold)
    check_same_people(trial, scores)
    if isinstance(trial.outcome(outcome), Episodes):
        raise TrialError(
            f"Outcome {outcome!r} is of repeated events; count them with `reoffence_counts`."
        )
    if analysis_set == "as-treated":
        raise TrialError("Needs are told by the arm people were randomised to; use another set.")
    whole = _with_sets(trial, scores, threshold=threshold, analysis_set=analysis_set)
    how = {"outcome": outcome, "level": level, "arm": arm}
    with_need, without, interactions = [], [], []
    for pathway in scores.pathways:
        pair = [
            _effect(whole, analysis_set=_set_name(analysis_set, label, pathway), **how)  # type: ignore[arg-type]
            for label in LABELS
        ]
        with_need.append(pair[0])
        without.append(pair[1])
        unseen = whole.arm_in(_set_name(analysis_set, UNKNOWN, pathway))
        interactions.append(_interaction(pair[0], pair[1], pathway, unseen, whole.arms))
    return PathwayInteractions(
        pathways=scores.pathways,
        outcome=outcome,
        with_need=tuple(with_need),
        without=tuple(without),
        interactions=tuple(interactions),
        p_values=adjusted_family(floats([each.p_value for each in interactions])),
    )


def _set_name(analysis_set: str, label: str, pathway: str) -> str:
    return f"{analysis_set}, {label} in {pathway}"


def _with_sets(
    trial: Trial, scores: PathwayScores, *, threshold: float, analysis_set: str
) -> Trial:
    """Return the trial with sets of people with each need, without it, and not assessed."""
    inside = trial.arm_in(analysis_set) >= 0
    need, known = scores.in_need(threshold), ~np.isnan(scores.baseline)
    sets = dict(trial.sets)
    for place, pathway in enumerate(scores.pathways):
        groups = (need[:, place], known[:, place] & ~need[:, place], ~known[:, place])
        for label, group in zip((*LABELS, UNKNOWN), groups, strict=True):
            sets[_set_name(analysis_set, label, pathway)] = group & inside
    return replace(trial, sets=sets)


def _effect(
    trial: Trial, *, outcome: str, analysis_set: str, level: float, arm: str | None
) -> Estimate:
    """Return the effect by the verb for the kind of outcome, or why there is none."""
    seen = trial.outcome(outcome)
    verb: Callable[..., Estimate] = mean_difference
    if isinstance(seen, TimeToEvent):
        verb = hazard_ratio
    elif isinstance(seen, CountOutcome):
        verb = rate_ratio
    try:
        return verb(trial, outcome=outcome, analysis_set=analysis_set, level=level, arm=arm)
    except ImpossibleDesign as problem:
        reason = str(problem).removesuffix(".")
    code = trial.arm_in(analysis_set)
    treatment = 1 if arm is None else trial.arms.index(arm)
    n = [int(((code == each) & ~seen.missing).sum()) for each in (0, treatment)]
    lost = [int(((code == each) & seen.missing).sum()) for each in (0, treatment)]
    return Estimate(
        estimand=ESTIMANDS[verb.__name__],
        outcome=outcome,
        analysis_set=analysis_set,
        contrast=(trial.arms[treatment], trial.arms[0]),
        scale="difference" if verb is mean_difference else "ratio",
        value=NAN,
        low=NAN,
        high=NAN,
        level=level,
        p_value=NAN,
        method=f"not estimable: {reason}",
        n=(n[0], n[1]),
        events=(),
        missing=(lost[0], lost[1]),
    )


def _interaction(
    mine: Estimate, other: Estimate, pathway: str, unseen: IntArray, arms: tuple[str, ...]
) -> Estimate:
    """Return how the effect with a need differs from that without."""
    ratio = mine.scale == "ratio"
    ends = np.array([mine.value, other.value])
    gap = float(np.diff(np.log(ends) if ratio else ends)[0]) * -1
    error = float(np.hypot(mine.std_error, other.std_error))
    named = next((each.estimand for each in (mine, other) if each.estimable), mine.estimand)
    method = f"{named} with a need in {pathway} against without; normal interval"
    low = high = p_value = NAN
    if np.isfinite(gap) and 0 < error < np.inf:
        low, high, p_value = wald(gap, error, level=mine.level)
    else:
        missing = [
            f"{label}: {each.method.rpartition('not estimable: ')[2]}"
            for label, each in zip(LABELS, (mine, other), strict=True)
            if not each.estimable
        ]
        gap = error = NAN
        method += f"; not estimable: {'; '.join(missing) or 'no variance'}"
    values = np.exp([gap, low, high]) if ratio else np.array([gap, low, high])
    codes = [arms.index(name) for name in mine.contrast[::-1]]
    n, lost = (
        [sum(pair) for pair in zip(*several, strict=True)]
        for several in ((mine.n, other.n), (mine.missing, other.missing))
    )
    lost = [count + int((unseen == code).sum()) for count, code in zip(lost, codes, strict=True)]
    return Estimate(
        estimand=f"ratio of {named}s" if ratio else f"difference of {named}s",
        outcome=mine.outcome,
        analysis_set=mine.analysis_set.partition(f", {LABELS[0]}")[0],
        contrast=mine.contrast,
        scale=mine.scale,
        value=float(values[0]),
        low=float(values[1]),
        high=float(values[2]),
        level=mine.level,
        p_value=p_value,
        std_error=error,
        method=method,
        n=(n[0], n[1]),
        events=(),
        missing=(lost[0], lost[1]),
    )
