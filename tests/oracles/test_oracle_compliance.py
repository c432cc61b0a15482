"""Complier effects against R estimatr's iv_robust, lm_robust for Anderson–Rubin, and survfit.

compliance.json is written by compliance.R, with full precision.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import complier_average_effect

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "compliance.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parents[1] / "data"
VARIANCES: Any = ["classical", "HC0", "HC1", "HC2"]
THREE = ["age", "race", "prio"]


def rossi(got: np.ndarray | None = None, y: Any = "arrest", **how: Any) -> ce.Trial:
    r = pd.read_csv(DATA / "rossi.csv")
    if got is None:
        taken = (r["wexp"] == 1) | (r["prio"] < 3)
        got = np.where(r["fin"] == 1, taken, r["prio"] > 8)
    r = r.assign(got=got.astype(int), y=r[y] if isinstance(y, str) else y(r))
    return ce.Trial.from_frame(
        r, arm="fin", control=0, received="got", factors=THREE, numeric={"y": "y"}, **how
    )


def check(found: ce.Estimate, want: dict[str, float], agree: Compare) -> None:
    got = [found.value, found.std_error, found.low, found.high, found.p_value]
    # Two factorisations of the same columns: a few digits short of double precision.
    agree(got, [want[each] for each in ("value", "std_error", "low", "high", "p_value")], 1e-8)
    assert f"on {want['df']:.4g} degrees of freedom" in found.method


@pytest.mark.parametrize("variance", VARIANCES)
def test_two_stages(variance: Any, agree: Compare) -> None:
    found = complier_average_effect(rossi(), outcome="y", variance=variance)
    check(found, R["rossi"]["plain"][variance], agree)
    assert "Wald's ratio" in found.method
    found = complier_average_effect(rossi(), outcome="y", adjust=THREE, variance=variance)
    check(found, R["rossi"]["adjusted"][variance], agree)
    assert "two-stage least squares" in found.method
    assert f"first-stage F = {R['rossi']['first_stage'][variance]:.4g}" in found.method


@pytest.mark.parametrize("variance", VARIANCES)
def test_strata_enter_both_stages(variance: Any, agree: Compare) -> None:
    """Those of the randomisation by default, or named."""
    want = R["rossi"]["stratified"][variance]
    trial = rossi(y="week", strata=["race"])
    how: Any = {"outcome": "y", "adjust": "age", "variance": variance}
    check(complier_average_effect(trial, **how), want, agree)
    check(complier_average_effect(rossi(y="week"), strata="race", **how), want, agree)
    none = complier_average_effect(trial, outcome="y", strata=())
    assert none.value == complier_average_effect(rossi(y="week"), outcome="y").value


@pytest.mark.parametrize("variance", VARIANCES)
def test_anderson_rubin_interval(variance: Any, agree: Compare) -> None:
    want = R["rossi"]["anderson_rubin"][variance]
    how: Any = {"outcome": "y", "adjust": THREE, "variance": variance}
    found = complier_average_effect(rossi(), interval="anderson-rubin", **how)
    agree([found.low, found.high], want["ends"], 1e-7)  # R's came from uniroot
    agree([found.p_value], [want["p_value"]], 1e-8)


@pytest.mark.parametrize("name", list(R["weak"]))
def test_weak_instruments(name: str, agree: Compare) -> None:
    """The effects in the set are those that lm_robust does not refuse, whatever its shape."""
    r = pd.read_csv(DATA / "rossi.csv")
    last = r["age"] % 10
    got = last < (5 + r["fin"] if name == "interval" else 5)
    y: Any = {"everything": "paro", "pieces": lambda each: each["arrest"] + each["fin"]}
    trial, want = rossi(got.to_numpy(), y.get(name, "arrest")), R["weak"][name]
    check(complier_average_effect(trial, outcome="y", adjust=THREE), want["fit"], agree)
    found = complier_average_effect(trial, outcome="y", adjust=THREE, interval="anderson-rubin")
    assert f"F = {want['f']:.4g}, below 10: a weak instrument" in found.method
    grid, inside = np.array(want["grid"]), np.array(want["p"]) > 0.05
    pieces = re.search(r"up to (\S+), and from ([^\s;]+)", found.method)
    if pieces:
        low, high = map(float, pieces.groups())
        assert np.isinf([found.low, found.high]).all()
        assert ((grid < low) | (grid > high)).tolist() == inside.tolist()
    else:
        assert ((grid > found.low) & (grid < found.high)).tolist() == inside.tolist()
    assert bool(pieces) == (name in ("gap", "pieces"))
    assert (found.high == np.inf) == (name != "interval")
    assert ("no effect is refused" in found.method) == (name == "everything")


def test_times_by_their_curves(agree: Compare) -> None:
    """The difference of Kaplan–Meier's risks over that of what was received, some censored."""
    d, want = pd.read_csv(DATA / "recid.csv"), R["recid"]
    d["got"] = np.where(d["workprg"] == 1, d["age"] % 5 > 0, d["age"] % 7 == 0).astype(int)
    d["event"] = 1 - d["cens"]
    trial = ce.Trial.from_frame(
        d, arm="workprg", control=0, received="got", times={"back": ("durat", "event", "months")}
    )
    found = complier_average_effect(trial, outcome="back", horizon=want["at"], variance="HC0")
    agree([found.value], [want["value"]], 1e-10)
    # Leaving people out one by one beside the derivative: they part by about 1 / people.
    agree([found.std_error], [want["std_error_hc0"]], 3e-3)
    assert f"{want['censored_before']} people are censored earlier" in found.method
    itt = want["risk"][1] - want["risk"][0]
    agree([found.value * (want["share"][1] - want["share"][0])], [itt], 1e-10)
