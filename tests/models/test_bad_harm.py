"""Amounts and counts that cannot be, cannot be asked, and cannot answer."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import (
    bootstrap_interval,
    harm_inequality,
    rate_sensitivity,
    superiority_probability,
    trimmed_mean_difference,
    two_part_effects,
)
from checkpoint_eval.report import plot_lorenz

ARM = [0, 1] * 6
DAYS = [0, 0, 5, 2, 10, 1, 0, 4, 365, 0, 2, 2555]
VERBS: dict[str, Any] = {
    "trimmed": trimmed_mean_difference,
    "superiority": superiority_probability,
    "two parts": two_part_effects,
    "inequality": harm_inequality,
}
verbs = pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)


def read(days: Any = DAYS, **how: Any) -> ce.Trial:
    frame = pd.DataFrame(
        {
            "arm": ARM,
            "days": days,
            "any": [0, 1, 1] * 4,
            "week": range(1, 13),
            "one": 1,
            "years": 1.0,
            "events": [0, 0, 0, 1, 2, 3, 0, 0, 4, 1, 1, 0],
            "age": [20, 31, 25, 47, 52, 33, 28, 29, 60, 41, 22, 37],
        }
    )
    declared: dict[str, Any] = {
        "numeric": {"harm": "days"},
        "binary": {"any": "any"},
        "times": {"re": ("week", "one", "weeks")},
        "counts": {"events": ("events", "years", "years")},
        "covariates": ["age"],
    }
    return ce.Trial.from_frame(frame, arm="arm", control=0, **(declared | how))


def estimates(found: Any) -> tuple[ce.Estimate, ...]:
    if isinstance(found, ce.Estimate):
        return (found,)
    return found if isinstance(found, tuple) else (found.difference,)


@verbs
@pytest.mark.parametrize(
    ("outcome", "message"),
    [
        ("any", "'any' is not a number for each person; use `risk_difference`"),
        ("re", "'re' is not a number for each person"),
        ("events", "'events' is a count over a time at risk; use `rate_ratio`"),
    ],
)
def test_other_outcomes(verb: Any, outcome: str, message: str) -> None:
    with pytest.raises(TrialError, match=message):
        verb(read(), outcome=outcome)


@verbs
def test_names_levels_and_arms(verb: Any) -> None:
    with pytest.raises(UnknownColumn, match="harn"):
        verb(read(), outcome="harn")
    for level in (0, 1, 95, float("nan")):
        with pytest.raises(TrialError, match="`level`"):
            verb(read(), outcome="harm", level=level)
    with pytest.raises(UnknownColumn, match="treatment arm"):
        verb(read(), outcome="harm", arm="elsewhere")
    with pytest.raises(UnknownColumn):
        verb(read(), outcome="harm", analysis_set="completers")


@pytest.mark.parametrize("trim", [0, 0.5, -0.1, 20, float("nan"), "0.2", True])
def test_shares_that_cannot_be_cut_off(trim: Any) -> None:
    with pytest.raises(TrialError, match=r"`trim` must lie above 0 and below 0.5.*20 % is written"):
        trimmed_mean_difference(read(), outcome="harm", trim=trim)


def test_choices() -> None:
    with pytest.raises(TrialError, match=r"`method` is 'winsorized'.*winsorised"):
        trimmed_mean_difference(read(), outcome="harm", method="winsorized")  # type: ignore[arg-type]
    with pytest.raises(TrialError, match=r"`model` is 'lognormal'.*log-normal"):
        two_part_effects(read(), outcome="harm", model="lognormal")  # type: ignore[arg-type]


@pytest.mark.parametrize("verb", [two_part_effects, harm_inequality])
def test_negative_amounts(verb: Any) -> None:
    days = [0, 0, -5, 2, 10, -1, 0, 4, 365, 0, 2, 2555]
    with pytest.raises(InvalidData, match=r"'harm' is -5 for the person at place 2 \(2 such peop"):
        verb(read(days), outcome="harm")
    how: Any = {"draws": 100, "rng": np.random.default_rng(1), "outcome": "harm"}
    with pytest.raises(InvalidData, match="numbers of at least 0"):
        bootstrap_interval(read(days), statistic="mean ratio", **how)
    assert bootstrap_interval(read(days), statistic="mean difference", **how).estimable
    assert trimmed_mean_difference(read(days), outcome="harm").estimable
    assert superiority_probability(read(days), outcome="harm").estimable


def test_numbers_resampled_the_wrong_way() -> None:
    how: Any = {"draws": 100, "rng": np.random.default_rng(1)}
    with pytest.raises(TrialError, match="needs a number for each person, which 're' is not"):
        bootstrap_interval(read(), outcome="re", statistic="mean difference", **how)
    with pytest.raises(TrialError, match="needs a time-to-event outcome, which 'harm' is not"):
        bootstrap_interval(read(), outcome="harm", statistic="hazard ratio", **how)
    with pytest.raises(TrialError, match=r"`horizon` is 9, but .* numbers without a time"):
        bootstrap_interval(read(), outcome="harm", statistic="mean ratio", horizon=9, **how)
    with pytest.raises(TrialError, match="`cause` belongs"):
        bootstrap_interval(read(), outcome="harm", statistic="mean ratio", cause="death", **how)


def test_means_that_cannot_be_resampled() -> None:
    how: Any = {"draws": 100, "rng": np.random.default_rng(1), "outcome": "harm"}
    same = bootstrap_interval(read([3] * 12), statistic="mean difference", **how)
    assert "not estimable: the draws do not vary" in same.method
    nobody = [0 if arm == 0 else day for arm, day in zip(ARM, DAYS, strict=True)]
    none = bootstrap_interval(read(nobody), statistic="mean ratio", **how)
    assert "not estimable: the statistic has no value" in none.method


NOTHING_IN_COURT = [0 if arm == 0 else 5 + k for k, arm in enumerate(ARM)]
ALL_HAVE = list(range(1, 13))


@pytest.mark.parametrize(
    ("verb", "days", "reason"),
    [
        ("trimmed", [0] * 10 + [9, 9], "no variation is left within the arms once they are trim"),
        ("trimmed", [7.3] * 12, "no variation is left"),
        ("superiority", [2.5] * 12, "is alike for all in each arm"),
        ("superiority", [day + 100 * arm for arm, day in zip(ARM, ALL_HAVE, strict=True)], "alike"),
        ("two parts", NOTHING_IN_COURT, "nobody in .control. has any"),
        ("two parts", ALL_HAVE, "everyone in .* has some, so there is one part only"),
        ("inequality", [0] * 12, "nobody in .* has any"),
        ("inequality", [0] * 10 + [3, 3], "one person in .* has all of it"),
        ("inequality", [0.1] * 12, "no variation is left within the arms"),
    ],
)
def test_no_answer_is_a_value(verb: str, days: Any, reason: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = estimates(VERBS[verb](read(days), outcome="harm"))
    for each in found:
        assert np.isnan([each.value, each.low, each.high, each.p_value, each.std_error]).all()
        assert re.search(f"not estimable: .*{reason}", each.method)
        assert each.n == (6, 6)


@verbs
def test_a_person_in_an_arm(verb: Any) -> None:
    frame = pd.DataFrame({"arm": [0, 1, 1, 1, 1], "days": [3, 0, 2, 5, 1]})
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"harm": "days"})
    for each in estimates(verb(trial, outcome="harm")):
        assert np.isnan(each.value)
        assert "not estimable: " in each.method


@verbs
def test_missing_in_one_arm_is_counted(verb: Any) -> None:
    days = [np.nan if place in (1, 3) else day for place, day in enumerate(DAYS)]
    for each in estimates(verb(read(days), outcome="harm")):
        assert each.missing == (0, 2)
        assert each.n == (6, 4)
    gone = [np.nan if arm else day for arm, day in zip(ARM, DAYS, strict=True)]
    with pytest.raises(ImpossibleDesign, match="has nobody with a known 'harm'"):
        verb(read(gone), outcome="harm")


def test_a_covariate_constant_among_those_with_any() -> None:
    frame = pd.DataFrame({"arm": ARM * 4, "days": [0, 0, 0, 0, *range(1, 9)] * 4})
    frame["flag"] = ((frame["days"] == 0) & (np.arange(48) < 24)).astype(int)
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, covariates=["flag"], numeric={"harm": "days"}
    )
    for each in two_part_effects(trial, outcome="harm", adjust="flag"):
        assert "not estimable: a covariate does not vary among those with any" in each.method


def test_a_covariate_that_tells_who_has_any() -> None:
    days = [flag * day for flag, day in zip([0, 1, 1] * 4, range(1, 13), strict=True)]
    frame = pd.DataFrame({"arm": ARM, "days": days, "any": [0, 1, 1] * 4})
    frame["age"] = frame["any"] * 10.0 + np.arange(12) / 10
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, covariates=["age"], numeric={"harm": "days"}
    )
    for each in two_part_effects(trial, outcome="harm", adjust="age"):
        assert "not estimable: the model of the share has no finite maximum" in each.method


@pytest.mark.parametrize("top", [0, -0.1, 1.5, float("nan")])
def test_shares_of_people(top: Any) -> None:
    with pytest.raises(TrialError, match="`top` must lie above 0"):
        harm_inequality(read(), outcome="harm").held_by(top)


def test_figures_need_their_noun() -> None:
    with pytest.raises(TrialError, match="must be an `Inequality`, got Trial"):
        plot_lorenz(read())  # type: ignore[arg-type]


def counted(events: Any, years: Any = 1.0) -> ce.Trial:
    frame = pd.DataFrame({"arm": [0, 1] * (len(events) // 2), "events": events, "years": years})
    counts = {"events": ("events", "years", "years")}
    return ce.Trial.from_frame(frame, arm="arm", control=0, counts=counts)


def told(events: Any, **how: Any) -> dict[str, str]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = rate_sensitivity(counted(events, **how), outcome="events")
    for each in table.estimates:
        assert np.isnan(each.value) == ("not estimable" in each.method)
    return dict(zip(table.models, (each.method for each in table.estimates), strict=True))


def test_no_zeros() -> None:
    found = told([1, 2, 3, 1, 5, 2, 2, 4, 6, 1] * 3)
    assert "an arm has no more zeros than its counts foretell" in found["zero-inflated poisson"]
    assert "everyone in an arm has events, so no zeros" in found["hurdle poisson"]


def test_counts_that_vary_no_more_than_poissons() -> None:
    rng = np.random.default_rng(3)
    found = told(np.where(rng.random(200) < 0.4, 0, rng.binomial(8, 0.5, 200)))
    assert "beside the zeros added, counts vary no more" in found["zero-inflated negative binomial"]
    assert "above 0, counts vary no more than Poisson's" in found["hurdle negative binomial"]
    assert "not estimable" not in found["zero-inflated poisson"] + found["hurdle poisson"]


def test_nobody_has_two() -> None:
    found = told([0, 1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1])
    assert "nobody in an arm has more than one event" in found["hurdle poisson"]


def test_no_events() -> None:
    for method in told([0, 1, 0, 2, 0, 0, 0, 3]).values():
        assert "not estimable: no events in 'control'" in method
    for method in told([0] * 8).values():
        assert "not estimable: no events" in method


def test_people_without_time_at_risk_are_left_out() -> None:
    events = [0, 0, 3, 1, 0, 2, 5, 0, 1, 1, 0, 4, 2, 0]
    trial = counted(events, years=[0.0, *[1.0] * 13])
    table = rate_sensitivity(trial, outcome="events")
    assert table.zeros == (2, 3)
    for each in table.estimates:
        assert each.missing == (1, 0)
        assert each.n == (6, 7)
        assert "1 person without time at risk left out" in each.method


def test_rates_of_what_is_no_count() -> None:
    with pytest.raises(TrialError, match="'harm' is not a count over a time at risk"):
        rate_sensitivity(read(), outcome="harm")
    with pytest.raises(UnknownColumn, match="agee"):
        rate_sensitivity(read(), outcome="events", adjust="agee")
    with pytest.raises(TrialError, match="`level`"):
        rate_sensitivity(read(), outcome="events", level=95)
