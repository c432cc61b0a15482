"""What every imputed trial is put through: drawn, filled in, analysed and pooled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from scipy.special import stdtr, stdtrit

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import (
    as_names,
    check_choice,
    check_count,
    check_known,
    check_level,
    check_positive,
    check_rng,
    counted,
    is_number,
)
from checkpoint_eval._progress import watched
from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.compared import compare
from checkpoint_eval.models.design_matrix import indicators
from checkpoint_eval.models.imputed import Drawn, draw_outcomes, independent, rubins_rules
from checkpoint_eval.models.means import mean_difference
from checkpoint_eval.outcomes.baseline import Covariate
from checkpoint_eval.outcomes.observed import BinaryOutcome, NumericOutcome
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.results import NAN, Estimate

Analysis: TypeAlias = Callable[[Trial], Estimate]
Reference = Literal["own arm", "control"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """What is done with every imputed trial."""

    outcome: str
    analysis: Analysis
    complete_df: float | None
    level: float


def asked_of(
    trial: Trial,
    outcome: str,
    analysis: Analysis | None,
    imputations: int,
    complete_df: float | None,
    level: float,
) -> Asked:
    """Fill in defaults and refuse what cannot be imputed or analysed."""
    check_trial(trial)
    check_level(level)
    check_count(imputations, "imputations", least=2)
    if complete_df is not None:
        check_positive(complete_df, "complete_df")
    if not isinstance(trial.outcome(outcome), BinaryOutcome | NumericOutcome):
        raise TrialError(
            f"Outcome {outcome!r} is not a yes or no, or a number, for each person; only those are "
            "imputed. Use `attrition_bounds` with a `horizon` for a time to an event."
        )
    if analysis is not None and not callable(analysis):
        raise TrialError(
            f"`analysis` must be a function from a `Trial` to an `Estimate`, got {analysis!r}."
        )
    if analysis is None and len(trial.arms) > 2:
        raise TrialError(
            f"The trial has {len(trial.arms)} arms; name the one to compare in an `analysis` of "
            "your own."
        )
    return Asked(
        outcome=outcome,
        analysis=analysis or (lambda filled: mean_difference(filled, outcome=outcome, level=level)),
        complete_df=complete_df,
        level=level,
    )


def shifts_of(trial: Trial, delta: float | Mapping[str, float], name: str) -> FloatArray:
    """Return (k,) what is added in each arm."""
    by_arm = delta if isinstance(delta, Mapping) else dict.fromkeys(trial.arms[1:], delta)
    found = np.zeros(len(trial.arms))
    for arm, shift in by_arm.items():
        check_known(arm, trial.arms, what="arm")
        if not is_number(shift) or not np.isfinite(shift):
            raise TrialError(f"`{name}` must be finite, got {shift!r}.")
        found[trial.arms.index(arm)] = shift
    return found


def drawn_from(
    trial: Trial,
    outcome: str,
    covariates: str | Sequence[str] | None,
    imputations: int,
    reference: Reference,
    rng: np.random.Generator,
) -> tuple[Drawn, str]:
    """Draw what is missing, and tell from what."""
    check_rng(rng)
    check_choice(reference, "reference", ("own arm", "control"))
    names = as_names(covariates) if covariates is not None else _default(trial)
    observed = trial.outcome(outcome)
    binary = isinstance(observed, BinaryOutcome)
    seen, arms = ~observed.missing, len(trial.arms)
    source = tuple(range(arms)) if reference == "own arm" else (0,) * arms
    drawn = draw_outcomes(
        np.where(seen, floats(observed.value), 0.0),  # type: ignore[union-attr]
        seen,
        trial.assignment.arm,
        _columns([trial.column(name) for name in names], trial.n),
        source=source,
        binary=binary,
        imputations=imputations,
        rng=rng,
    )
    whose = "each arm's own people" if reference == "own arm" else "control's people"
    model = "logistic" if binary else "linear"
    on = f" on {', '.join(names)}" if names else ""
    told = f"{imputations} imputations by {model} regression{on} from {whose}"
    if drawn.aside:
        told += f", {counted(drawn.aside, 'column')} left aside as constant or collinear there"
    return drawn, told


def _default(trial: Trial) -> tuple[str, ...]:
    strata = trial.assignment.stratified_by
    return (*trial.covariates, *(name for name in strata if name not in trial.covariates))


def _columns(covariates: Sequence[Covariate], n: int) -> FloatArray:
    """Return (n, c) independent columns in their standard deviations, the missing at the mean.

    Those that do not vary, or only as columns before them do, tell nothing more and are left out.
    """
    columns: list[FloatArray] = []
    for each in covariates:
        lost = each.missing
        found = indicators(each)[1] if not lost.all() else []
        columns += [np.where(lost, values[~lost].mean(), values) for values in found]
        columns += [floats(lost)] * bool(lost.any())
    matrix = np.column_stack([np.ones(n), *columns])
    spread = matrix.std(axis=0)
    spread[spread == 0] = 1.0
    matrix[:, 1:] = ((matrix - matrix.mean(axis=0)) / spread)[:, 1:]
    return matrix[:, independent(matrix)[1:]]


def pooled(trial: Trial, asked: Asked, drawn: tuple[Drawn, str], shift: FloatArray) -> Estimate:
    """Analyse every imputed trial and pool by Rubin's rules."""
    found, told = drawn
    if not found.people.size:
        each = _analysed(asked, trial)
        return replace(each, method=f"nobody's outcome is missing, none imputed; {each.method}")
    if found.reason:
        whose = trial.arms[found.reason_in]
        reason = f"{told}; not estimable: {found.reason} within {whose!r}"
        return _none(_analysed(asked, trial), reason)
    estimates = [
        _analysed(asked, _filled(trial, asked.outcome, found.people, values))
        for values in watched(found.shifted(shift), "Imputing")
    ]
    return _pool(trial, asked, estimates, f"{told}{_told(trial, found.arm, shift)}")


def _analysed(asked: Asked, trial: Trial) -> Estimate:
    """Return what the analysis gives, which must be one estimate."""
    found = asked.analysis(trial)
    if not isinstance(found, Estimate):
        raise TrialError(
            f"`analysis` must return an `Estimate`, got {type(found).__name__}; use a verb such as "
            "`mean_difference`, with all it needs but the trial."
        )
    return found


def _filled(trial: Trial, outcome: str, people: IntArray, values: FloatArray) -> Trial:
    """Return the trial with an outcome filled in."""
    observed = trial.outcome(outcome)
    assert isinstance(observed, BinaryOutcome | NumericOutcome)
    whole = np.array(observed.value, dtype=float)
    whole[people] = values
    kind = BinaryOutcome if isinstance(observed, BinaryOutcome) else NumericOutcome
    filled = kind(value=whole, provenance=observed.provenance)
    return replace(trial, outcomes={**trial.outcomes, outcome: filled})


def _told(trial: Trial, arm: IntArray, shift: FloatArray) -> str:
    """Tell how many were imputed in each arm, and what was added to them."""
    counts = np.bincount(arm, minlength=len(trial.arms))
    parts = [f"{count} in {name!r}" for name, count in zip(trial.arms, counts, strict=True)]
    moved = [f"{by:+g} in {name!r}" for name, by in zip(trial.arms, shift, strict=True) if by != 0]
    return f" (imputed: {', '.join(parts)}" + (
        f"; shifted by {', '.join(moved)})" if moved else ")"
    )


def _pool(trial: Trial, asked: Asked, estimates: list[Estimate], told: str) -> Estimate:
    first = estimates[0]
    failed = [each for each in estimates if not each.estimable]
    if failed:
        return _none(failed[0], f"{told}; {len(failed)} of the analyses fail: {failed[0].method}")
    errors = np.array([each.std_error for each in estimates])
    if not np.isfinite(errors).all():
        raise TrialError(
            "`analysis` returns estimates without a standard error, which Rubin's rules need; use "
            "one that has it, such as `mean_difference`."
        )
    ratio = first.scale == "ratio"
    values = np.array([each.value for each in estimates])
    pooled = rubins_rules(
        np.log(values) if ratio else values,
        errors,
        complete_df=max(sum(first.n) - 2, 1) if asked.complete_df is None else asked.complete_df,
    )
    half = float(stdtrit(pooled.df, 0.5 + asked.level / 2)) * pooled.std_error
    limits = np.array([pooled.value - half, pooled.value, pooled.value + half])
    low, value, high = (np.exp(limits) if ratio else limits).tolist()
    seen = compare(
        trial,
        outcome=asked.outcome,
        analysis_set=first.analysis_set,
        kind="any",
        arm=first.contrast[0] if len(trial.arms) > 2 else None,
    )
    return replace(
        first,
        value=value,
        low=low,
        high=high,
        level=asked.level,
        p_value=float(2 * stdtr(pooled.df, -abs(pooled.value) / pooled.std_error)),
        std_error=pooled.std_error,
        by_arm=tuple(np.mean([each.by_arm for each in estimates], axis=0).tolist()),
        events=seen.events()[:2],
        method=(
            f"{told}; Rubin's rules, t interval on {pooled.df:.4g} degrees of freedom "
            f"(Barnard–Rubin); {100 * pooled.lost:.3g}% of the variance is between imputations; "
            f"each: {first.method}"
        ),
    )


def _none(like: Estimate, method: str) -> Estimate:
    """Return an estimate without a value."""
    return replace(
        like,
        value=NAN,
        low=NAN,
        high=NAN,
        p_value=NAN,
        std_error=NAN,
        by_arm=(NAN, NAN),
        method=method,
    )
