"""An evaluation without a protocol: what is computed of each kind of outcome, and its report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.models import (
    gray_test,
    incidence_difference,
    mean_cumulative_difference,
    rate_ratio,
    recurrent_hazard_ratio,
    terminal_mean_difference,
)
from checkpoint_eval.outcomes import (
    BinaryOutcome,
    CountOutcome,
    Episodes,
    NumericOutcome,
    TimeToEvent,
)

if TYPE_CHECKING:
    from pathlib import Path

N = 60
TIMED = ["hazard ratio", "log-rank test", "risk difference", "risk ratio"]
TIMED += ["restricted mean difference"]
AMOUNT = ["mean difference", "trimmed mean difference", "superiority difference"]
AMOUNT += ["randomisation test (mean difference)"]


def outcomes(death: bool) -> dict[str, Any]:
    """Of people followed for 50 to 59 days, in ten lengths that both arms hold."""
    rng = np.random.default_rng(5)
    code, rows = rng.choice([0, 1, 2], N), []
    for person in range(N):
        end, start = 50 + person // 2 % 10, 0
        for stop in [*np.unique(rng.integers(1, 50, rng.poisson(1.5))), end]:
            rows.append((person, start, stop, stop < end))
            start = stop
    person, start_, stop_, event = zip(*rows, strict=True)
    return {
        "first": TimeToEvent(
            time=rng.integers(1, 60, N),
            event=code == 1,
            competing=np.where(code == 2, 1, 0),
            causes=("death",),
        ),
        "arrests": Episodes(
            person=person,
            start=start_,
            stop=stop_,
            event=event,
            people=N,
            terminal=np.arange(N) % 7 == 0 if death else [],
        ),
        "stops": CountOutcome(value=rng.poisson(2, N), exposure=rng.exponential(1, N) + 0.1),
        "harm": NumericOutcome(value=rng.normal(size=N)),
        "breach": BinaryOutcome(value=rng.random(N) < 0.3),
    }


def trial(arms: tuple[str, ...] = ("court", "contract"), death: bool = False) -> ce.Trial:
    codes = np.arange(N) % len(arms)
    arm = ce.Assignment(arm=codes, arms=arms, stratum=np.zeros(N, int))
    return ce.Trial(assignment=arm, outcomes=outcomes(death))


@pytest.fixture(scope="module")
def found() -> ce.Evaluation:
    return ce.evaluate(trial())


def test_each_kind_has_its_measures(found: ce.Evaluation) -> None:
    measures = found.to_frame().groupby("outcome", sort=False)["measure"].apply(list).to_dict()
    assert measures == {
        "first": [*TIMED, "cumulative incidence difference", "Gray's test"],
        "arrests": ["rate ratio", "mean events difference"],
        "stops": ["rate ratio"],
        "harm": AMOUNT,
        "breach": ["risk difference", "risk ratio", "odds ratio"],
    }
    assert not found.to_frame()["planned"].any()
    assert not found.to_frame()["confirmatory"].any()


def test_values_are_the_verbs_values(found: ce.Evaluation) -> None:
    given = trial()
    both = given.assignment.arm
    first, arrests = given.outcomes["first"], given.outcomes["arrests"]
    assert isinstance(first, TimeToEvent)
    assert isinstance(arrests, Episodes)
    end = min(first.time[both == code].max() for code in (0, 1))
    last = min(arrests.end[both == code].max() for code in (0, 1))
    listed = [each.value for each in found.results]
    assert listed[5] == incidence_difference(given, outcome="first", at=end)
    assert listed[6] == gray_test(given, outcome="first")
    assert listed[7] == recurrent_hazard_ratio(given, outcome="arrests")
    assert listed[8] == mean_cumulative_difference(given, outcome="arrests", at=last)
    assert listed[9] == rate_ratio(given, outcome="stops")


def test_with_death_the_mean_knows_of_it() -> None:
    given = trial(death=True)
    result = next(
        each.value
        for each in ce.evaluate(given).results
        if isinstance(each.value, ce.Estimate) and "mean events" in each.value.estimand
    )
    want = terminal_mean_difference(given, outcome="arrests", at=result.time_point)
    assert result.estimand == want.estimand
    assert result.value == want.value


def test_several_arms() -> None:
    table = ce.evaluate(trial(("court", "contract", "third"))).to_frame()
    rates = table[table["measure"] == "rate ratio"]
    assert rates["treatment"].tolist() == ["contract", "third"] * 2
    numbers = table[table["measure"].str.startswith("randomisation")].iloc[0]
    assert np.isnan(numbers["p_value"])
    assert "not estimable: it compares two arms, the trial has 3" in numbers["method"]


@pytest.mark.parametrize("arms", [("court", "contract"), ("court", "contract", "third")])
def test_its_report_is_written(arms: tuple[str, ...], tmp_path: Path) -> None:
    evaluation = ce.evaluate(trial(arms, death=True))
    folder = report.write_folder(evaluation, tmp_path / "report", disclosure=None)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "per person-day" in page
    assert "Gray&#39;s test" in page
    assert ("not estimable" in page) == (len(arms) > 2)
    evaluation.to_json()
    axes = report.plot_forest(evaluation)
    drawn = sum(len(ax.get_yticks()) for ax in axes)
    estimates = [each.value for each in evaluation.results if isinstance(each.value, ce.Estimate)]
    # A result that is not estimable keeps its row, beside others that are.
    assert sum(each.estimable for each in estimates) <= drawn <= len(estimates)
    plt.close("all")


def test_cells_tell_rates_numbers_and_shares(found: ce.Evaluation) -> None:
    table = report.estimates_table(found).set_index(["outcome", "measure"])
    rate = found.results[9].value
    assert isinstance(rate, ce.Estimate)
    cell = table.loc[("stops", "rate ratio"), "control"]
    assert cell == f"{rate.events[0]}/{rate.n[0]}; {rate.by_arm[0]:.3g} per person-day"
    mean = next(each for each in table.index if each[1].startswith("mean events"))
    assert "day" not in table.loc[mean, "effect (interval)"]
    share = next(each for each in table.index if each[1].startswith("cumulative"))
    assert "points" in table.loc[share, "effect (interval)"]
    assert "%" in table.loc[share, "control"]
    assert table.loc[("harm", "randomisation test (mean difference)"), "control"] == "30"


def test_the_digest_seals_what_competes() -> None:
    """Who died of what is read by Gray's test, so it is part of the data."""
    first = outcomes(death=False)["first"]
    arms = trial().assignment
    other = TimeToEvent(
        time=first.time, event=first.event, competing=0 * first.competing, causes=("death",)
    )
    named = TimeToEvent(
        time=first.time, event=first.event, competing=first.competing, causes=("move",)
    )
    digests = {
        ce.Trial(assignment=arms, outcomes={"y": each}).digest for each in (first, other, named)
    }
    assert len(digests) == 3
