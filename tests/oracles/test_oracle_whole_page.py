"""A published page against R: every number of it, from its tables and its words alone.

`whole_page.R` reads the people and the intervals of an invented trial of three arms and works out
what the page, `estimates.csv` and `evaluation.json` say of it, without this library. The data are
awkward: outcomes missing, people censored before the time point, other arms received or not known,
causes that compete, intervals with gaps, deaths.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import read_protocol
from checkpoint_eval.outcomes import Episodes
from checkpoint_eval.report import estimates_table
from checkpoint_eval.report.sections_results import curves_section

FOLDER = Path(__file__).parent
KEY = ["section", "outcome", "measure", "treatment", "analysis_set", "adjusted_for"]
COUNTS = [
    f"{what}_{arm}" for what in ("n", "events", "missing") for arm in ("control", "treatment")
]
NUMBERS = ["value", "low", "high", "std_error", "statistic", "df", "p_value", "p_adjusted"]
NUMBERS += ["result_control", "result_treatment"]
# Closed forms differ by rounding alone. R stops climbing at a likelihood that changes by 1e-9
# (coxph) or 1e-8 (glm.nb), and polr's standard errors are of differences of 1e-3 in its gradient;
# p carries their error z² times.
CLOSED, CLIMBED, DIFFERENCED = 1e-9, 1e-7, 1e-5
TOLERANCE = {"hazard ratio": CLIMBED, "rate ratio": CLIMBED, "ordinal odds ratio": DIFFERENCED}


@pytest.fixture(scope="module")
def page() -> Any:
    return json.loads((FOLDER / "whole_page.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def found() -> ce.Evaluation:
    people = pd.read_csv(FOLDER / "whole_page_people.csv")
    trial = ce.Trial.from_protocol(people, read_protocol(FOLDER / "whole_page.toml"))
    episodes = Episodes.from_frame(
        pd.read_csv(FOLDER / "whole_page_episodes.csv"),
        ids=trial.ids,
        id="id",
        start="start",
        stop="stop",
        event="event",
        terminal="terminal",
    )
    trial = dataclasses.replace(trial, outcomes={**trial.outcomes, "offences": episodes})
    return ce.evaluate(trial, progress=iter)


@pytest.fixture(scope="module")
def told(found: ce.Evaluation) -> Any:
    """As `evaluation.json` holds it."""
    return json.loads(found.to_json())


def close(got: Any, want: Any, rel: float = CLOSED) -> None:
    np.testing.assert_allclose(np.array(got, float), np.array(want, float), rtol=rel, atol=1e-14)


def row_of(table: pd.DataFrame, want: dict[str, Any]) -> Any:
    """Return the one row of the tidy table that a row of R is about."""
    mine = table[(table[KEY] == [want[key] for key in KEY]).all(axis=1)]
    assert len(mine) == 1, [want[key] for key in KEY]
    return mine.iloc[0]


def test_every_estimate_and_test(found: ce.Evaluation, page: Any) -> None:
    table = found.to_frame()
    for want in page["results"]:
        row = row_of(table, want)
        for name in set(COUNTS) & set(want):
            assert row[name] == want[name], (name, *row[KEY])
        rel = TOLERANCE.get(want["measure"], CLOSED)
        names = [name for name in NUMBERS if name in want]
        np.testing.assert_allclose(
            row[names].to_numpy(float),
            [want[name] for name in names],
            rtol=rel,
            err_msg=", ".join([*row[KEY], *names]),
        )


def test_no_estimate_is_left_out(found: ce.Evaluation, page: Any) -> None:
    """What R did not work out is what cannot be: risks standardised where people are censored."""
    table = found.to_frame()
    done = {tuple(want[key] for key in KEY) for want in page["results"]}
    rest = table[[tuple(row) not in done for row in table[KEY].to_numpy().tolist()]]
    assert rest["value"].isna().all()
    assert rest["method"].str.contains("not estimable: . people are censored earlier").all()
    assert len(table) - len(rest) == len(page["results"]) == 86


def test_numbers_in_words(found: ce.Evaluation, page: Any) -> None:
    """Shares of compliers, the first stage, Brant's test, dispersions, hazards that change."""
    table = found.to_frame()
    said = 0
    for want in page["results"]:
        method = row_of(table, want)["method"]
        if "comply" in want:
            assert (
                f"{100 * want['comply']:.3g}% comply; first-stage F = {want['first_F']:.4g}"
                in method
            )
            said += 1
        if "dispersion" in want:
            assert f"dispersion {want['dispersion']:.3g};" in method
            said += 1
        if "brant" in want:
            cuts = ", ".join(f"above {cut}: {odds:.3g}" for cut, odds in enumerate(want["above"]))
            test = f"chi-square {want['brant']:.3g} on 2 df, p = {want['brant_p']:.3g}"
            assert f"odds ratios {cuts}; Brant's test that they agree: {test}" in method
            said += 1
        if "changes_p" in want:
            changes = f"changes with time (p = {want['changes_p']:.2g})"
            assert (changes in method) == (want["changes_p"] < 0.05)
            assert ("changes with time" in method) == (want["changes_p"] < 0.05)
            said += 1
    assert said == 18


def test_printed_effects(found: ce.Evaluation, page: Any) -> None:
    """Differences in shares, as the page prints them."""
    printed = estimates_table(found)["effect (interval)"].tolist()
    shares = ("risk difference", "survival difference", "cumulative incidence difference")
    some = [w for w in page["results"] if w["measure"] in shares and w["section"] == "results"]
    assert len(some) == 12
    for want in some:
        value, low, high = (
            f"{100 * want[name]:+.1f}".replace("-", "−") for name in ("value", "low", "high")
        )
        assert f"{value} points ({low} to {high})" in printed


def test_flow_and_baseline(found: ce.Evaluation, told: Any, page: Any) -> None:
    steps = {step["step"]: step["counts"] for step in told["flow"]["steps"]}
    for place, want in enumerate(page["flow"]):
        assert steps["randomised"][place] == want["randomised"]
        assert steps["received as assigned"][place] == want["received"]
        assert steps["in analysis set agreed"][place] == want["agreed"]
        for name in ("reoffence", "custody", "breach", "harm", "grade", "stops", "offences"):
            assert steps[f"{name} analysed"][place] == want[name]
            assert steps[f"{name} unknown"][place] == want["randomised"] - want[name]
    rows = {(row["covariate"], row["level"], row["arm"]): row for row in told["baseline"]["rows"]}
    for want in page["baseline"]:
        for name in ("age", "priors"):
            row = rows[name, "", want["arm"]]
            close((row["mean"], row["sd"]), want[name])
        for name in ("site", "risk"):
            for level, count in want[name].items():
                assert rows[name, level, want["arm"]]["count"] == count
    assert found.baseline.n == tuple(want["n"] for want in page["baseline"])


def test_balance_and_checks(told: Any, page: Any) -> None:
    for table, want in zip(told["balance"], page["balance"], strict=True):
        got = {(row["covariate"], row["level"]): row["difference"] for row in table["rows"]}
        wanted = {("age", ""): want["age"], ("priors", ""): want["priors"]}
        wanted |= {("risk", level): value for level, value in want["risk"].items()}
        wanted["risk", "(overall)"] = want["overall"]
        assert set(got) == set(wanted)
        close([got[key] for key in wanted], list(wanted.values()))
    for got, want in zip(told["checks"], (page["sample_ratio"], page["omnibus"]), strict=True):
        close((got["statistic"], got["p_value"]), (want["statistic"], want["p_value"]))


def test_integrity(told: Any, page: Any) -> None:
    rows = [row for table in told["integrity"] for row in table["rows"]]
    for got, want in zip(rows, page["integrity"], strict=True):
        assert got["arm"] == want["arm"]
        assert got["group"].removeprefix("site=") == want["group"]
        for name in ("people", "as_assigned", "otherwise", "unknown"):
            assert got[name] == want[name]
        close(
            [got[name] for name in ("share", "low", "high")],
            [want[name] for name in ("share", "low", "high")],
        )
    assert told["integrity"][0]["crossed_over"] == page["crossed"]


def test_bounds(told: Any, page: Any) -> None:
    """R differentiates Lee's bounds by steps of 1e-6, so errors, and ends, agree to 1e-8."""
    names = ("low", "high", "interval_low", "interval_high")
    for place, want in enumerate(page["bounds"]):
        for got, method in zip(told["bounds"][2 * place :], ("manski", "lee"), strict=False):
            close([got[name] for name in names], [want[method][name] for name in names], 1e-8)
            assert got["missing"] == want["missing"]
        close(max(told["bounds"][2 * place + 1]["trimmed"]), want["lee"]["trimmed"])


def test_inequality(found: ce.Evaluation, page: Any) -> None:
    for place, each in enumerate(found.inequality):
        arms = [page["inequality"][code] for code in (0, place + 1)]
        for name in ("gini", "low", "high"):
            close(getattr(each, name), [arm[name] for arm in arms])
        close(each.held_by(0.1), [arm["top"] for arm in arms])
        want, got = page["gini_difference"][place], each.difference
        close(
            [got.value, got.low, got.high, got.std_error, got.p_value],
            [want[name] for name in ("value", "low", "high", "std_error", "p_value")],
        )


def test_subgroups(told: Any, page: Any) -> None:
    names = ("value", "low", "high", "std_error", "p_value")
    for table, wanted in zip(told["subgroups"], page["subgroups"], strict=True):
        for got, want in zip(table["subgroups"], wanted["by"], strict=True):
            close(
                (got["interaction"]["statistic"], got["interaction"]["p_value"]),
                (want["Q"], want["p_value"]),
            )
            assert got["levels"] == [level["level"] for level in want["levels"]]
            for one, level in zip(got["effects"], want["levels"], strict=True):
                close([one[name] for name in names], [level[name] for name in names])
                assert one["n"] == [level["n_control"], level["n_treatment"]]
                assert one["missing"] == [level["missing_control"], level["missing_treatment"]]


def test_curves(found: ce.Evaluation, page: Any) -> None:
    """Curve and limits at the times the page prints, and who is at risk as the day begins."""
    tables = curves_section(found, {}).tables
    for curve, printed, name in zip(found.curves, tables, ("reoffence", "custody"), strict=True):
        rows = {row[0]: row[1:] for row in printed.rows}
        for arm in found.arms:
            want = [each for each in page["curves"][name] if each["arm"] == arm]
            assert rows[arm] == tuple(f"{100 * each['survival']:.1f}%" for each in want)
            assert rows[f"{arm}, at risk"] == tuple(str(each["at_risk"]) for each in want)
            mine = curve.to_frame().query("arm == @arm")
            for each in want[1:]:
                last = mine[mine["time"] <= each["time"]].iloc[-1]
                names = ["survival", "low", "high"]
                close(last[names], [each[key] for key in names])
