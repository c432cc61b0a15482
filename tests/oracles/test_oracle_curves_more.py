"""What is read off curves, adjusted, stratified, over time or from a landmark, against R.

survfit, survdiff, cmprsk, geepack, and leaving out one person after the other; R also checked the
latter against prodlim and survival::pseudo.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    incidence_difference,
    logrank_test,
    pseudo_observations,
    restricted_mean_curve,
)
from checkpoint_eval.models.bands import bridge_within, hall_wellner_value
from checkpoint_eval.outcomes import TimeToEvent, landmark

if TYPE_CHECKING:
    from collections.abc import Callable

    Compare = Callable[..., None]

FOLDER = Path(__file__).parent
R = json.loads((FOLDER / "curves_more.json").read_text(encoding="utf-8"))
NAME = "event"
# n numbers of size up to n·horizon that nearly cancel: n·1e-16 of that, with room.
LEFT_OUT = 1e-9
# Both sides polish a regression to its rounding; statsmodels stops at a gradient of 1e-10.
FITTED = 1e-7
ROOT = 1e-9  # roots of a smooth function, R's integral good to 1e-12
# data: (time, arm, control, columns of categories, columns of numbers)
SHAPE = {
    "rossi": ("week", "fin", 0, ["race", "wexp", "mar"], ["age", "prio"]),
    "recid": ("durat", "workprg", 0, ["black", "felon"], ["priors", "age"]),
    "lung": ("time", "sex", 1, ["ecog"], ["age"]),
    "mgus2": ("et", "sex", "F", ["old"], ["age", "mspike"]),
}
# What is written in R's formula: (adjust, strata)
RIGHT: dict[str, tuple[list[str], list[str]]] = {
    "age + prio": (["age", "prio"], []),
    "age + factor(race)": (["age", "race"], []),
    "age": (["age"], []),
    "age + factor(ph.ecog)": (["age", "ecog"], []),
    "priors + interaction(black, felon)": (["priors"], ["black", "felon"]),
    "priors + age": (["priors", "age"], []),
    "age + mspike": (["age", "mspike"], []),
}


def kinds_of(name: str, frame: pd.DataFrame) -> np.ndarray[Any, Any]:
    """(n,) 0 censored, 1 the event, 2 another cause."""
    found = {
        "rossi": lambda: frame["arrest"],
        "recid": lambda: 1 - frame["cens"],
        "lung": lambda: frame["status"] == 2,
        "mgus2": lambda: frame["ev"],
    }[name]()
    return found.to_numpy().astype(int)


@cache
def trial(name: str, fewer: bool = False) -> ce.Trial:
    """The people R had; categories as text; `fewer` leaves out who has a rare level of ECOG."""
    time, arm, control, factors, numbers = SHAPE[name]
    frame = pd.read_csv(FOLDER.parent / "data" / f"{name}.csv").rename(columns={"ph.ecog": "ecog"})
    if fewer:
        frame = frame[frame["ecog"].isin([0, 1, 2])]
    if name == "mgus2":
        frame["old"] = (frame["age"] >= 70).astype(int)
    for column in factors:
        frame[column] = ["" if pd.isna(v) else f"level {int(v)}" for v in frame[column]]
        frame[column] = frame[column].replace("", None)
    kind = kinds_of(name, frame)
    read = ce.Trial.from_frame(
        frame.assign(kind=kind == 1),
        arm=arm,
        control=control,
        covariates=[*factors, *numbers],
        times={NAME: (time, "kind", "weeks")},
    )
    if name != "mgus2":
        return read
    outcome = TimeToEvent(
        time=frame[time].to_numpy(float),
        event=kind == 1,
        unit="weeks",
        competing=np.maximum(kind - 1, 0),
        causes=("death",),
    )

    return replace(read, outcomes={NAME: outcome})


def named(case: dict[str, Any]) -> str:
    """For the test's name."""
    keys = ("data", "measure", "of", "right", "contrast", "strata", "horizon", "cause")
    return " ".join(str(case[key]) for key in keys if key in case)


def ask(of: str, who: ce.Trial, case: dict[str, Any], **how: Any) -> ce.Estimate:
    """One of the three verbs that compare curves at a horizon."""
    if of == "restricted mean":
        return ce.restricted_mean(who, outcome=NAME, horizon=case["horizon"], **how)
    if of == "survival":
        return ce.survival_difference(who, outcome=NAME, at=case["horizon"], **how)
    cause = "death" if case["cause"] == 2 else None
    return incidence_difference(who, outcome=NAME, at=case["horizon"], cause=cause, **how)


@pytest.mark.parametrize("case", R["pseudo"], ids=named)
def test_pseudo_observations_equal_leaving_out(case: dict[str, Any], agree: Compare) -> None:
    """Every one in the mean and the mean square, every few by itself."""
    found = pseudo_observations(
        trial(case["data"]),
        outcome=NAME,
        horizon=case["horizon"],
        measure=case["measure"],
        cause="death" if case.get("cause") == 2 else None,
    )
    size = case["horizon"] if case["measure"] == "restricted mean" else 1
    value = found["value"].to_numpy()
    agree(value[:: case["every"]], case["value"], rel=LEFT_OUT, absolute=LEFT_OUT * size)
    agree(value.mean(), case["mean"], rel=LEFT_OUT)
    agree((value**2).mean(), case["square"], rel=LEFT_OUT)


@pytest.mark.parametrize("case", R["adjusted"], ids=named)
def test_adjusted_equals_geepack(case: dict[str, Any], agree: Compare) -> None:
    """Coefficient of the arm, robust error, and both arms predicted for everyone."""
    adjust, strata = RIGHT[case["right"]]
    more = {"measure": case["contrast"]} if case["measure"] == "restricted mean" else {}
    found = ask(case["measure"], trial(case["data"]), case, adjust=adjust, strata=strata, **more)
    log = case["contrast"] != "difference"
    agree(np.log(found.value) if log else found.value, case["coef"], rel=FITTED)
    agree(found.std_error, case["std_error"], rel=FITTED)
    agree(found.by_arm, case["by_arm"], rel=FITTED)
    assert sum(found.n) == case["n"]
    assert sum(found.n) + sum(found.missing) == trial(case["data"]).n
    assert found.adjusted_for == tuple(adjust)


def test_adjusted_rossi_as_known(printed: Compare) -> None:
    """R geepack 1.3.9, and quasipoisson glm with HC0, typed by hand from other sessions."""
    rossi = trial("rossi")
    one = ce.restricted_mean(rossi, outcome=NAME, horizon=52, adjust=["age", "prio"])
    printed([one.value, one.std_error], [1.9177276, 1.2008100], rel=1e-7)
    two = ce.restricted_mean(
        rossi, outcome=NAME, horizon=52, measure="ratio", adjust=["age", "prio"]
    )
    printed([np.log(two.value), two.std_error], [0.04194986748, 0.0262921841], rel=1e-7)
    three = ce.restricted_mean(
        rossi, outcome=NAME, horizon=52, measure="lost ratio", adjust=["age", "race"]
    )
    printed([np.log(three.value), three.std_error], [-0.3302318709, 0.2017069252], rel=1e-7)


@pytest.mark.parametrize("case", R["strata"], ids=named)
def test_strata_in_their_shares(case: dict[str, Any], agree: Compare) -> None:
    """Each arm of each stratum by itself in R; shares of everyone compared; variances add up."""
    strata = ["ecog" if name == "ph.ecog" else name for name in case["strata"]]
    who = trial(case["data"], fewer="ecog" in strata)
    found = ask(case["of"], who, case, strata=strata)
    agree(found.by_arm, case["by_arm"])
    agree(found.value, case["by_arm"][1] - case["by_arm"][0])
    agree(found.std_error, np.sqrt(sum(case["variance"])))


@pytest.mark.parametrize("measure", ["ratio", "lost ratio"])
@pytest.mark.parametrize(
    "case", [c for c in R["strata"] if c["of"] == "restricted mean"], ids=named
)
def test_ratios_over_strata(case: dict[str, Any], measure: Any, agree: Compare) -> None:
    """Of the standardised means, by the delta method."""
    mean, variance = np.array(case["by_arm"]), np.array(case["variance"])
    mean = case["horizon"] - mean if measure == "lost ratio" else mean
    found = ask(
        "restricted mean", trial(case["data"]), case, strata=case["strata"], measure=measure
    )
    agree(found.by_arm, mean)
    agree(found.value, mean[1] / mean[0])
    agree(found.std_error, np.sqrt((variance / mean**2).sum()))


@pytest.mark.parametrize("measure", ["difference", "ratio", "lost ratio"])
@pytest.mark.parametrize("case", R["curves"], ids=lambda case: case["data"])
def test_restricted_mean_over_time_equals_survfit(
    case: dict[str, Any], measure: Any, agree: Compare
) -> None:
    """The curve at each horizon that is on its grid, and the verb at every horizon."""
    who = trial(case["data"])
    curve = restricted_mean_curve(who, outcome=NAME, measure=measure, level=0.9)
    z = 1.6448536269514722
    met = 0
    means, variances = np.array(case["mean"]).T, np.array(case["variance"]).T
    for horizon, mean, variance in zip(case["horizon"], means, variances, strict=True):
        mean = horizon - mean if measure == "lost ratio" else mean
        if not variance.sum() or (measure == "lost ratio" and not mean.all()):
            continue
        log = measure != "difference"
        value = np.log(mean[1] / mean[0]) if log else mean[1] - mean[0]
        error = np.sqrt((variance / (mean**2 if log else 1)).sum())
        back = np.exp if log else np.asarray
        want = back([value, value - z * error, value + z * error])
        one = ce.restricted_mean(who, outcome=NAME, horizon=horizon, measure=measure, level=0.9)
        agree([one.value, one.low, one.high], want)
        agree(one.std_error, error)
        agree(one.by_arm, mean)
        place = np.flatnonzero(curve.time == horizon)
        if place.size:
            met += 1
            i = int(place[0])
            agree([curve.value[i], curve.low[i], curve.high[i]], want)
            agree(curve.std_error[i], error)
            agree(curve.by_arm[:, i], mean)
    assert met >= 3


def test_restricted_mean_curve_ends_where_the_shorter_arm_does() -> None:
    """Lung: men are followed to day 1022, women to 965."""
    curve = restricted_mean_curve(trial("lung"), outcome=NAME)
    assert curve.time[-1] == 965
    assert (curve.n, curve.contrast) == ((138, 90), ("2", "1"))


@pytest.mark.parametrize("case", R["critical"], ids=lambda c: f"{c['end']} at {c['level']}")
def test_bridge_values(case: dict[str, float], agree: Compare) -> None:
    """R integrates an absorbed motion; the library sums the terms of Hall and Wellner."""
    agree(hall_wellner_value(case["end"], level=case["level"]), case["value"], rel=ROOT)
    agree(bridge_within(case["value"], case["end"]), case["level"], rel=ROOT)


@pytest.mark.parametrize(("level", "want"), [(0.90, 1.224), (0.95, 1.358), (0.99, 1.628)])
def test_bridge_values_of_kolmogorov(level: float, want: float, printed: Compare) -> None:
    """The whole bridge: Smirnov's table (1948), to its digits."""
    printed(hall_wellner_value(1.0, level=level), [want])


@pytest.mark.parametrize("interval", ["plain", "log", "log-log"])
@pytest.mark.parametrize("case", R["bands"], ids=lambda case: case["data"])
def test_band_equals_its_formula_in_r(case: dict[str, Any], interval: Any, agree: Compare) -> None:
    """At every time of each arm's own follow-up."""
    curve = ce.survival_curve(
        trial(case["data"]),
        outcome=NAME,
        interval=interval,
        band="hall-wellner",
        level=case["level"],
    )
    for arm, want in enumerate(case["arms"]):
        at = np.searchsorted(curve.time, want["time"])
        agree(curve.time[at], want["time"], rel=0)
        for limit in ("low", "high"):
            numbers = [np.nan if v in (None, "NA") else v for v in want[interval][limit]]
            agree(getattr(curve, limit)[arm, at], numbers, rel=ROOT)


@pytest.mark.parametrize("case", R["landmarks"], ids=lambda c: f"{c['data']} at {c['at']}")
def test_landmark_equals_those_left(case: dict[str, Any], agree: Compare) -> None:
    """survfit, survdiff and cuminc of those followed beyond, timed anew."""
    before = trial(case["data"])
    who = landmark(before, outcome=NAME, at=case["at"])
    name = f"{NAME} after {case['at']:g} weeks"
    how: dict[str, Any] = {"outcome": name, "analysis_set": name}
    curve = ce.survival_curve(who, **how)
    i = int(np.searchsorted(curve.time, case["horizon"], side="right")) - 1
    agree(curve.survival[:, i], case["survival"])
    agree(curve.std_error[:, i], case["std_error"])
    agree(curve.at_risk[:, 0], case["n"], rel=0)
    agree(curve.events.sum(axis=1), case["events"], rel=0)
    mean = ce.restricted_mean(who, horizon=case["horizon"], **how)
    agree(mean.by_arm, case["mean"])
    agree(logrank_test(who, **how).statistic ** 2, case["chisq"])
    if case["incidence"]:
        found = incidence_difference(who, at=case["horizon"], cause="death", **how)
        agree(found.by_arm, case["incidence"])
    assert who.n == before.n
    assert who.outcome(NAME) is before.outcome(NAME)
