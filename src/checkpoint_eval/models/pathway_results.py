"""What a comparison of critical pathways found."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, frozen, frozen_mapping
from checkpoint_eval._display import Shown
from checkpoint_eval.models.pathway_overlap import CoOccurrence
from checkpoint_eval.models.pathway_parts import PathwayCounts
from checkpoint_eval.models.shrinkage import Shrunken
from checkpoint_eval.results import Estimate, SignificanceTest

# The columns of p-values, in the order they are shown.
ADJUSTED: tuple[str, ...] = (
    *("redrawn", "westfall-young", "westfall-young single step", "holm", "hochberg", "bh"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathwayFamily(Shown):
    """One effect per pathway among the same kind of people, adjusted as one family.

    Attributes
    ----------
    among : str
        "those with the need", or "everyone".
    effects : (p,) Estimate
        Adjusted mean differences in the score afterwards; negative: less need under treatment.
    statistics : (p,) float
        Studentised differences of what the score before does not foretell; those redrawn.
    p_values : mapping of str to (p,) float
        "redrawn" unadjusted; then "westfall-young" (step-down), "westfall-young single step",
        "holm", "hochberg" and "bh", each from the same redraws. NaN where not testable.
    shrunken : Shrunken
        The effects drawn towards each other.
    largest, rank_sum : SignificanceTest
        Global tests of no effect on any pathway: of the largest statistic, and O'Brien's.
    """

    among: str
    effects: tuple[Estimate, ...]
    statistics: FloatArray
    p_values: Mapping[str, FloatArray]
    shrunken: Shrunken
    largest: SignificanceTest
    rank_sum: SignificanceTest

    def __post_init__(self) -> None:
        object.__setattr__(self, "statistics", frozen(self.statistics, np.float64))
        held = {name: frozen(each, np.float64) for name, each in self.p_values.items()}
        object.__setattr__(self, "p_values", frozen_mapping(held))

    def __repr__(self) -> str:
        done = sum(each.estimable for each in self.effects)
        return (
            f"{done} of {len(self.effects)} pathways compared among {self.among}; global p "
            f"{self.rank_sum.p_value:.3g} (rank sum), {self.largest.p_value:.3g} (largest)"
        )

    def columns(self) -> dict[str, Any]:
        """Return effects and p-values as columns."""
        names = ("value", "low", "high", "p_value")
        found: dict[str, Any] = {
            name: [getattr(each, name) for each in self.effects] for name in names
        }
        found |= {f"p {name}": self.p_values[name] for name in ADJUSTED}
        shrunken = self.shrunken
        found |= {"shrunken": shrunken.value, "shrunken low": shrunken.low}
        return found | {
            "shrunken high": shrunken.high,
            "method": [each.method for each in self.effects],
        }

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pathway."""
        return pd.DataFrame(self.columns())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class PathwayComparison(Shown):
    """Treatment against control on every critical pathway.

    Attributes
    ----------
    pathways, arms : tuple of str
        Arms control first.
    analysis_set : str
    threshold, level : float
        A need is a score above the threshold.
    counts : PathwayCounts
        Who had each need and who was assessed, by arm.
    with_need, everyone : PathwayFamily
        Effects among those with the need before, and among all who were assessed.
    resolved : Estimate
        Difference in the mean number of needs resolved by those who had any, adjusted for how many
        they had; positive: more under treatment.
    together : CoOccurrence
        Which needs came together before.
    draws : int
    exact : bool
        Whether all allocations were listed, not drawn.
    notes : tuple of str
        What stands in the way of a comparison, such as controls who were not assessed.
    planned : bool
    """

    pathways: tuple[str, ...]
    arms: tuple[str, ...]
    analysis_set: str
    threshold: float
    level: float
    counts: PathwayCounts
    with_need: PathwayFamily
    everyone: PathwayFamily
    resolved: Estimate
    together: CoOccurrence
    draws: int
    exact: bool
    notes: tuple[str, ...] = ()
    planned: bool = False

    def __repr__(self) -> str:
        drawn = f"all {self.draws:,} allocations" if self.exact else f"{self.draws:,} draws"
        notes = "".join(f" {each}." for each in self.notes)
        return (
            f"PathwayComparison, {self.arms[1]} against {self.arms[0]}, {self.analysis_set}: "
            f"{self.with_need!r}; {drawn}; {'planned' if self.planned else 'exploratory'}.{notes}"
        )

    def _table(self) -> pd.DataFrame:
        return self.to_frame().drop(columns="method")

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pathway and kind of people: need, n, assessed, missing, effect, p."""
        return pd.concat(
            [self._rows(family) for family in (self.with_need, self.everyone)], ignore_index=True
        )

    def _rows(self, family: PathwayFamily) -> pd.DataFrame:
        counts = self.counts
        assessed = counts.assessed_after if family is self.everyone else counts.need_assessed
        return pd.DataFrame(
            {"pathway": self.pathways, "among": family.among}
            | _by_arm("need", counts.need)
            | _by_arm("assessed", assessed)
            | _by_arm("n", np.array([each.n for each in family.effects]))
            | _by_arm("missing", np.array([each.missing for each in family.effects]))
            | family.columns()
        )


def _by_arm(name: str, counts: IntArray) -> dict[str, IntArray]:
    return {f"{name} control": counts[:, 0], f"{name} treatment": counts[:, 1]}
