"""Every number of a table carries its unit: what each measure prints, by arm and as an effect."""

import re
from typing import Any

import numpy as np
import pandas as pd
import promised_trial
import pytest

import checkpoint_eval as ce
from checkpoint_eval.report.tables import (
    estimates_table,
    format_effect,
    untold,
    visible,
    why_untold,
)

POINTS = r"[+−]\d+\.\d points \([+−]\d+\.\d to [+−]\d+\.\d\)"
RATIO = r"\d+\.\d\d+ \(\d+\.\d\d+ to (\d+\.\d\d+|∞)\)"
DAYS = r"[+−]\d+\.\d+ days \([+−]\d+\.\d+ to [+−]\d+\.\d+\)"
EACH = r"[+−]\d\.\d\d per person \([+−]\d\.\d\d to [+−]\d\.\d\d\)"
BARE = r"[+−]\d+\.\d+ \([+−]\d+\.\d+ to [+−]\d+\.\d+\)"
SHARE, PAIRS, NONE = r"\d+\.\d%", r"\d+\.\d% of pairs", r""

# Measure, kind of outcome: what an effect and the result in an arm look like.
SHOWN = [
    ("risk difference", "breach", POINTS, SHARE),
    ("risk ratio", "breach", RATIO, SHARE),
    ("odds ratio", "breach", RATIO, SHARE),
    ("complier average effect", "breach", POINTS, SHARE),
    ("partially nested risk difference", "breach", POINTS, SHARE),
    ("hazard ratio", "reoffence", RATIO, NONE),
    ("marginal hazard ratio", "reoffence", RATIO, NONE),
    ("restricted mean difference", "reoffence", DAYS, r"\d+\.\d days"),
    ("restricted mean ratio", "reoffence", RATIO, r"\d+\.\d days"),
    ("restricted mean time lost ratio", "reoffence", RATIO, r"\d+\.\d days"),
    ("survival difference", "reoffence", POINTS, SHARE),
    ("cumulative incidence difference", "reoffence", POINTS, SHARE),
    ("subdistribution hazard ratio", "reoffence", RATIO, NONE),
    ("complier average effect", "reoffence", POINTS, SHARE),
    ("win ratio", "reoffence", RATIO, PAIRS),
    ("win odds", "reoffence", RATIO, PAIRS),
    ("net benefit", "reoffence", POINTS, PAIRS),
    ("rate ratio", "stops", RATIO, r"\d\.\d+ per person-year"),
    ("mean difference", "stops", EACH, r"\d\.\d\d per person"),
    ("complier average effect", "stops", EACH, r"\d\.\d\d per person"),
    ("partially nested mean difference", "stops", EACH, r"\d\.\d\d per person"),
    ("mean difference", "harm", BARE, r"\d+\.\d\d"),
    ("trimmed mean difference", "harm", BARE, r"\d+\.\d\d"),
    ("winsorised mean difference", "harm", BARE, r"\d+\.\d\d"),
    ("superiority difference", "harm", POINTS, PAIRS),
    ("complier average effect", "harm", BARE, r"\d+\.\d\d"),
    ("ordinal odds ratio", "severity", RATIO, NONE),
    ("rate ratio", "arrests", RATIO, NONE),
    ("mean events difference", "arrests", EACH, r"\d\.\d\d per person"),
    ("mean events with death difference", "arrests", EACH, r"\d\.\d\d per person"),
    ("while-alive rate ratio", "arrests", RATIO, r"0\.00\d+ per person-day"),
    ("randomisation test (risk difference)", "breach", r"statistic [+−]\d+\.\d points", NONE),
    ("randomisation test (adjusted difference)", "breach", r"statistic [+−]\d+\.\d points", NONE),
    ("randomisation test (adjusted difference)", "harm", r"statistic −?\d+\.\d{3}", NONE),
    (
        "randomisation test (survival difference)",
        "reoffence",
        r"statistic [+−]\d+\.\d points",
        NONE,
    ),
    (
        "randomisation test (restricted mean difference)",
        "reoffence",
        r"statistic [+−]\d+\.\d days",
        NONE,
    ),
    ("log-rank test", "reoffence", r"statistic −?\d+\.\d{3}", NONE),
]


@pytest.fixture(scope="module")
def found() -> ce.Evaluation:
    return ce.evaluate(promised_trial.promised())


@pytest.fixture(scope="module")
def table(found: ce.Evaluation) -> pd.DataFrame:
    return estimates_table(found)


@pytest.mark.parametrize(("measure", "outcome", "effect", "arm"), SHOWN)
def test_every_number_has_its_unit(
    table: pd.DataFrame, measure: str, outcome: str, effect: str, arm: str
) -> None:
    bare = table["measure"].str.replace(r"( at .*|, adjusted.*)$", "", regex=True)
    row = table[(bare == measure) & (table["outcome"] == outcome)].iloc[0]
    assert re.fullmatch(effect, row["effect (interval)"]), row["effect (interval)"]
    for cell in ("control", "treatment"):
        counts, _, result = row[cell].partition("; ")
        assert re.fullmatch(r"(\d+/)?\d+(, \d+ unknown)?", counts), counts
        assert re.fullmatch(arm, result), result


def test_every_measure_of_a_protocol_is_looked_at(table: pd.DataFrame) -> None:
    """So that a new measure gets a line above."""
    bare = set(table["measure"].str.replace(r"( at .*|, adjusted.*)$", "", regex=True))
    tests = {each for each in bare if "test" in each}
    assert bare - tests == {measure for measure, *_ in SHOWN if "test" not in measure}


def test_the_effect_on_compliers_is_the_number_it_was(found: ce.Evaluation) -> None:
    """A share of 0.129 prints as 12.9 points, not as 0.13 and not as 0.1 points."""
    effect = next(
        each.value
        for each in found.results
        if isinstance(each.value, ce.Estimate)
        and each.value.estimand == "complier average effect"
        and each.value.outcome == "breach"
    )
    low, value, high = (
        f"{100 * each:+.1f}".replace("-", "−") for each in (effect.low, effect.value, effect.high)
    )
    assert format_effect(effect) == f"{value} points ({low} to {high})"


def estimate(method: str) -> ce.Estimate:
    held: dict[str, Any] = {"estimand": "risk difference", "outcome": "y", "analysis_set": "itt"}
    held |= {"contrast": ("t", "c"), "scale": "difference", "level": 0.95, "p_value": np.nan}
    held |= {"value": np.nan, "low": np.nan, "high": np.nan, "n": (9, 9), "events": (1, 1)}
    return ce.Estimate(**held, method=method)


def test_what_is_withheld_is_not_called_not_estimable() -> None:
    few = estimate("Wald; withheld: fewer than 10 people")
    none = estimate("Wald; not estimable: no events")
    assert [untold(few), format_effect(few)] == ["withheld", "withheld"]
    assert [untold(none), format_effect(none)] == ["not estimable", "not estimable"]
    assert why_untold(few) == "is withheld: fewer than 10 people"
    assert why_untold(none) == "cannot be estimated: no events"


def test_control_characters_are_seen() -> None:
    assert visible("re\x07arrest\x00\x9f") == "re�arrest��"
    assert visible("Ünïted\tand\nsons 中文 −") == "Ünïted\tand\nsons 中文 −"
