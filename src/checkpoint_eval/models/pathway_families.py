"""A family of pathways: statistics redrawn, p-values adjusted, and tests of the whole."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval.models.pathway_parts import adjusted_family
from checkpoint_eval.models.pathway_results import PathwayFamily
from checkpoint_eval.models.redrawn_statistics import studentised_many
from checkpoint_eval.models.rerandomise import told_of
from checkpoint_eval.models.shrinkage import Spread, shrunken_effects
from checkpoint_eval.models.step_down import westfall_young
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.randomise.redrawing import enumerated, redraw, tail_of
from checkpoint_eval.results import NAN, Estimate, SignificanceTest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Measured:
    """Effects of a family and (n, p + 1) what is redrawn: residuals, then sums of ranks."""

    among: str
    effects: tuple[Estimate, ...]
    value: FloatArray
    members: IntArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Redrawn:
    """Statistics (m,) as observed and (b, m) redrawn; (b,) chances when all are listed."""

    observed: FloatArray
    drawn: FloatArray
    chances: FloatArray | None
    draws: int
    told: str


def redrawn_statistics(
    trial: Trial, families: Sequence[Measured], *, draws: int, rng: np.random.Generator
) -> Redrawn:
    """Redraw the allocation once for all families."""
    of = studentised_many(np.hstack([each.value for each in families]))
    observed = of(trial.assignment.arm.astype(np.int8)[None, :])[0]
    rule = told_of(trial)
    if np.isnan(observed).all():
        none = np.zeros((1, observed.size))
        return Redrawn(observed=observed, drawn=none, chances=None, draws=0, told="nothing redrawn")
    support = enumerated(trial.assignment, limit=draws)
    if support is not None:
        made = int(support.weight.size)
        return Redrawn(
            observed=observed,
            drawn=of(support.arm),
            chances=support.weight,
            draws=made,
            told=f"all {made:,} allocations of {rule}; two-sided, exact",
        )
    drawn = [of(codes) for codes in redraw(trial.assignment, draws=draws, rng=rng)]
    return Redrawn(
        observed=observed,
        drawn=np.concatenate(drawn),
        chances=None,
        draws=draws,
        told=f"{draws:,} allocations redrawn by {rule}; two-sided (b + 1)/(B + 1)",
    )


def family_of(
    trial: Trial,
    found: Measured,
    redrawn: Redrawn,
    spread: Spread,
    *,
    first: int,
    level: float,
    analysis_set: str,
) -> PathwayFamily:
    """Adjust one family's p-values; its statistics stand from `first` on, the rank sum last."""
    last = first + len(found.effects)
    observed, drawn = redrawn.observed[first:last], redrawn.drawn[:, first:last]
    chances = redrawn.chances
    raw = westfall_young(observed, drawn, step="none", chances=chances)
    known = ~np.isnan(raw)
    p_values = {
        "redrawn": raw,
        "westfall-young": westfall_young(observed, drawn, chances=chances),
        "westfall-young single step": westfall_young(
            observed, drawn, step="single", chances=chances
        ),
    }
    p_values |= adjusted_family(raw)
    largest = float(np.abs(observed[known]).max()) if known.any() else NAN
    single = p_values["westfall-young single step"]
    of_ranks = slice(last, last + 1)
    rank_p = westfall_young(
        redrawn.observed[of_ranks], redrawn.drawn[:, of_ranks], step="none", chances=chances
    )
    rest = (trial.arms, analysis_set, found, redrawn)
    return PathwayFamily(
        among=found.among,
        effects=found.effects,
        statistics=observed,
        p_values=p_values,
        shrunken=shrunken_effects(
            [each.value for each in found.effects],
            [each.std_error for each in found.effects],
            spread=spread,
            level=level,
        ),
        largest=_global(
            "largest", largest, float(single[known].min()) if known.any() else NAN, *rest
        ),
        rank_sum=_global("rank sum", float(redrawn.observed[last]), float(rank_p[0]), *rest),
    )


def _global(
    name: str,
    statistic: float,
    p_value: float,
    arms: tuple[str, ...],
    analysis_set: str,
    found: Measured,
    redrawn: Redrawn,
) -> SignificanceTest:
    """Return a test of no effect on any pathway of a family."""
    told = {
        "largest": "largest in size of Welch's t of each pathway",
        "rank sum": "O'Brien: Welch's t of sums of ranks over pathways",
    }[name]
    seen = ~np.isnan(found.value[:, -1])
    members = [found.members == arm for arm in (0, 1)]
    method = f"{told}, among {found.among}; {redrawn.told}"
    if np.isnan(p_value):
        method += "; not estimable: no pathway was assessed in both arms, or nothing varies"
    exact = redrawn.chances is not None
    error = 0.0 if exact else _error(p_value, redrawn.draws)
    return SignificanceTest(
        test=f"global test of pathways ({name})",
        outcome=", ".join(each.outcome for each in found.effects),
        analysis_set=analysis_set,
        arms=arms,
        statistic=statistic,
        p_value=p_value,
        method=method,
        n=tuple(int((each & seen).sum()) for each in members),
        missing=tuple(int((each & ~seen).sum()) for each in members),
        draws=redrawn.draws,
        monte_carlo_error=error,
        exact=exact,
    )


def _error(p_value: float, draws: int) -> float:
    """Return the Monte Carlo error of a redrawn p."""
    if np.isnan(p_value) or not draws:
        return NAN
    return tail_of(round(p_value * (draws + 1)) - 1, draws).error
