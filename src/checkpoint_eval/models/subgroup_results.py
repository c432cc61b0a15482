"""What a subgroup analysis found: one interaction for each baseline column, then its levels."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._checks import counted
from checkpoint_eval._display import Shown, html_table
from checkpoint_eval._values import Value
from checkpoint_eval.results import Estimate, SignificanceTest


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Subgroup(Value, Shown):
    """One baseline column: whether the effect differs between its levels, and what it is in each.

    Attributes
    ----------
    moderator : str
    levels : (m,) str
    effects : (m,) Estimate
    interaction : SignificanceTest
        Of one effect for all levels.
    p_adjusted : float
        Its p-value, adjusted by Holm's method over all columns shown.
    planned : bool
        Whether it was planned before outcomes were seen.
    expected : tuple of str
        Levels from the lowest effect to the highest, as stated in advance; empty when nothing was.
    baseline : bool
        Whether the column was read as a covariate or stratum, so as known before randomisation.
    cuts : tuple of float
        Where a number was cut.
    unknown : (control, treatment)
        People of the analysis set whose level is not known; they are in no level.
    """

    moderator: str
    levels: tuple[str, ...]
    effects: tuple[Estimate, ...]
    interaction: SignificanceTest
    p_adjusted: float
    planned: bool
    expected: tuple[str, ...]
    baseline: bool
    cuts: tuple[float, ...]
    unknown: tuple[int, int]

    @property
    def direction(self) -> str:
        """How the effects lie beside what was stated in advance."""
        if not self.expected:
            return "not stated"
        found = np.array([self.effects[self.levels.index(level)].value for level in self.expected])
        if np.isnan(found).any():
            return "stated; cannot be told"
        return "as stated" if (np.diff(found) > 0).all() else "not as stated"

    def __repr__(self) -> str:
        return (
            f"Subgroup({self.moderator}: {len(self.levels)} levels, interaction p = "
            f"{self.interaction.p_value:.3g}, {'planned' if self.planned else 'exploratory'})"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a level."""
        rows = zip(self.levels, self.effects, strict=True)
        return pd.DataFrame([_row(self.moderator, level, effect) for level, effect in rows])


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SubgroupEffects(Shown):
    """Effects in subgroups, below the effect in everyone.

    Attributes
    ----------
    overall : Estimate
    subgroups : tuple of Subgroup
    """

    overall: Estimate
    subgroups: tuple[Subgroup, ...]

    def __repr__(self) -> str:
        several = ", ".join(
            f"{each.moderator} p = {each.interaction.p_value:.3g} ({each.p_adjusted:.3g} by Holm)"
            for each in self.subgroups
        )
        planned = sum(each.planned for each in self.subgroups)
        return (
            f"SubgroupEffects of the {self.overall.estimand} of {self.overall.outcome}, "
            f"{self.overall.analysis_set}: interactions {several}; "
            f"{counted(len(self.subgroups), 'column')}, {planned} planned"
        )

    def _repr_html_(self) -> str:
        return Shown._repr_html_(self) + html_table(self.credibility())

    def to_frame(self) -> pd.DataFrame:
        """Return everyone, then for each column its interaction and below it a row a level.

        Levels have no p-values: whether one lies below a threshold and another above tells
        nothing of whether effects differ.
        """
        rows = [_row("everyone", "", self.overall)]
        for each in self.subgroups:
            test = each.interaction
            rows.append(
                {
                    "subgroup": each.moderator,
                    "level": "interaction",
                    "n_control": sum(effect.n[0] for effect in each.effects),
                    "n_treatment": sum(effect.n[1] for effect in each.effects),
                    "unknown_control": each.unknown[0],
                    "unknown_treatment": each.unknown[1],
                    "statistic": test.statistic,
                    "df": test.df,
                    "p_value": test.p_value,
                    "p_adjusted": each.p_adjusted,
                    "standing": "planned" if each.planned else "exploratory",
                    "method": test.method,
                }
            )
            rows += [
                _row(each.moderator, level, effect)
                for level, effect in zip(each.levels, each.effects, strict=True)
            ]
        columns = ["subgroup", "level", *_NUMBERS, "statistic", "df", "p_value", "p_adjusted"]
        whole = dict.fromkeys([name for name in _NUMBERS if "_" in name], "Int64")
        frame = pd.DataFrame(rows, columns=[*columns, "standing", "method"])
        return frame.astype(whole)

    def credibility(self) -> pd.DataFrame:
        """Return one row a column: what bears on whether its effects truly differ."""
        return pd.DataFrame(
            [
                {
                    "subgroup": each.moderator,
                    "planned": each.planned,
                    "direction": each.direction,
                    "columns tested": len(self.subgroups),
                    "interaction p": each.interaction.p_value,
                    "after Holm": each.p_adjusted,
                    "measured": "before randomisation" if each.baseline else "not known when",
                    "cut at": ", ".join(f"{cut:g}" for cut in each.cuts),
                    "smallest level": min(sum(effect.n) for effect in each.effects),
                }
                for each in self.subgroups
            ]
        )


_NUMBERS = (
    *("n_control", "n_treatment", "events_control", "events_treatment"),
    *("missing_control", "missing_treatment", "unknown_control", "unknown_treatment"),
    *("value", "low", "high"),
)


def _row(moderator: str, level: str, effect: Estimate) -> dict[str, object]:
    counts = {"n": effect.n, "events": effect.events, "missing": effect.missing}
    return {
        "subgroup": moderator,
        "level": level,
        **{
            f"{name}_{arm}": count
            for name, pair in counts.items()
            for arm, count in zip(("control", "treatment"), pair, strict=False)
        },
        "value": effect.value,
        "low": effect.low,
        "high": effect.high,
        "method": effect.method,
    }
