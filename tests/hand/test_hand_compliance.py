"""Complier effects, analyses side by side and dilution: trials whose counts were printed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import (
    complier_average_effect,
    effects_by_analysis,
    override_dilution,
)

# Of each cell: the arm assigned, the arm received, people and events.
Cells = list[tuple[int, int, int, int]]
VITAMIN_A: Cells = [(0, 0, 11_588, 74), (1, 1, 9_675, 12), (1, 0, 2_419, 34)]
# Minneapolis as Angrist (2006) has it: z = 1 for advice or separation assigned, d = 1 for it given.
ANGRIST: Cells = [(0, 0, 91, 9), (0, 1, 1, 0), (1, 0, 45, 7), (1, 1, 177, 40)]
# The same as Berk and Sherman (1988) printed it, arrest against advice or separation.
MINNEAPOLIS: Cells = [(1, 1, 91, 10), (1, 0, 1, 0), (0, 1, 44, 8), (0, 0, 177, 39)]


def read(cells: Cells, **how: Any) -> ce.Trial:
    parts = [
        pd.DataFrame({"arm": a, "got": d, "y": np.repeat([1, 0], [events, n - events])})
        for a, d, n, events in cells
    ]
    columns = {"binary": {"again": "y"}, "numeric": {"number": "y"}} | how
    return ce.Trial.from_frame(
        pd.concat(parts, ignore_index=True), arm="arm", control=0, received="got", **columns
    )


def test_vitamin_a() -> None:
    """Sommer and Zeger (1991): 46 of 12,094 and 74 of 11,588 died; 9,675 of 12,094 took it."""
    found = complier_average_effect(read(VITAMIN_A), outcome="again", variance="HC0")
    itt = 46 / 12_094 - 74 / 11_588
    assert itt == pytest.approx(-0.0025824, abs=5e-8)
    assert found.value == pytest.approx(itt / (9_675 / 12_094), rel=1e-10)  # same sums, another way
    assert found.value == pytest.approx(-0.0032280, abs=5e-8)
    assert found.std_error == pytest.approx(0.0011592, abs=5e-8)
    classical = complier_average_effect(read(VITAMIN_A), outcome="again", variance="classical")
    assert classical.std_error == pytest.approx(0.0011529, abs=5e-8)
    # Compliers with it: 12 of 9,675. Without it: of the control's deaths per head those of never-
    # takers, 34 of 12,094, are not theirs.
    without = (74 / 11_588 - 34 / 12_094) / (9_675 / 12_094)
    assert found.by_arm == pytest.approx((without, 12 / 9_675), rel=1e-9)
    assert (found.n, found.events) == ((11_588, 12_094), (74, 46))
    assert "80% comply" in found.method


def test_vitamin_a_wrong_on_purpose() -> None:
    """Per protocol .005146, as treated .006470: neither is the complier's .0032."""
    found = effects_by_analysis(read(VITAMIN_A), outcome="again")
    assert found.intention_to_treat.value == pytest.approx(-0.0025824, abs=5e-8)
    assert found.per_protocol.value == pytest.approx(12 / 9_675 - 74 / 11_588, rel=1e-12)
    assert found.per_protocol.value == pytest.approx(-0.005146, abs=5e-7)
    assert found.as_treated.value == pytest.approx(12 / 9_675 - 108 / 14_007, rel=1e-12)
    assert found.as_treated.value == pytest.approx(-0.006470, abs=5e-7)
    assert found.complier.value == pytest.approx(-0.0032280, abs=5e-8)
    assert "not effects of treatment" in repr(found)
    assert found.to_frame()["n_treatment"].tolist() == [12_094, 9_675, 9_675, 12_094]


@pytest.mark.parametrize(
    ("variance", "want"), [("classical", 0.0600362), ("HC0", 0.0526940), ("HC1", 0.0528626)]
)
def test_minneapolis_as_angrist_has_it(variance: Any, want: float) -> None:
    found = complier_average_effect(read(ANGRIST), outcome="number", variance=variance)
    assert found.value == pytest.approx(0.14481385, abs=5e-9)
    assert found.std_error == pytest.approx(want, abs=5e-8)
    itt, first = 47 / 222 - 9 / 92, 177 / 222 - 1 / 92
    assert (round(itt, 5), round(first, 5)) == (0.11389, 0.78643)
    assert found.value == pytest.approx(itt / first, rel=1e-10)


def test_the_classical_error_step_by_step() -> None:
    """Residuals y − a − b·d, a = ȳ − b·d̄; s² on n − 2; over the first stage's sum of squares."""
    b = (47 / 222 - 9 / 92) / (177 / 222 - 1 / 92)
    a = 56 / 314 - b * 178 / 314
    squares = 0.0
    for _, d, n, events in ANGRIST:
        squares += events * (1 - a - b * d) ** 2 + (n - events) * (a + b * d) ** 2
    first = (177 / 222 - 1 / 92) ** 2 * (92 * 222 / 314)
    found = complier_average_effect(read(ANGRIST), outcome="again", variance="classical")
    assert found.std_error == pytest.approx(np.sqrt(squares / 312 / first), rel=1e-10)


def test_minneapolis_flips() -> None:
    """As assigned 10/92 and 47/221, Fisher p .036; as delivered 18/135 and 39/178, not so clear."""
    found = effects_by_analysis(read(MINNEAPOLIS), outcome="again")
    itt, treated = found.intention_to_treat, found.as_treated
    assert (itt.value, itt.events, itt.n) == (
        pytest.approx(10 / 92 - 47 / 221),
        (47, 10),
        (221, 92),
    )
    assert itt.p_value == pytest.approx(0.0360, abs=5e-5)
    assert (treated.events, treated.n) == ((39, 18), (178, 135))
    assert treated.value == pytest.approx(-0.08577, abs=5e-6)
    assert itt.p_value < 0.05 < treated.p_value
    assert found.complier.value == pytest.approx(-0.13161, abs=5e-6)
    robust = complier_average_effect(read(MINNEAPOLIS), outcome="again", variance="HC0")
    assert robust.std_error == pytest.approx(0.05402, abs=5e-6)
    # The reference value .06035 divides the squares by 313, this library and R by 311.
    classical = complier_average_effect(read(MINNEAPOLIS), outcome="again", variance="classical")
    assert classical.std_error * np.sqrt(311 / 313) == pytest.approx(0.06035, abs=5e-6)


def test_numbers_are_compared_by_their_means() -> None:
    found = effects_by_analysis(read(MINNEAPOLIS), outcome="number")
    assert [each.estimand for each in found.estimates] == [
        *["mean difference"] * 3,
        "complier average effect",
    ]
    assert found.per_protocol.value == pytest.approx(10 / 91 - 39 / 177, rel=1e-12)


def test_rows_differ_only_in_whom_they_compare() -> None:
    """Strata of the randomisation enter none of them: 1/2 less 3/4, over 3/4 for compliers."""
    people = pd.DataFrame(
        {
            "arm": [0] * 4 + [1] * 4,
            "got": [0] * 4 + [1, 1, 1, 0],
            "y": [1, 1, 1, 0, 1, 0, 1, 0],
            "site": list("aaabbbab"),
        }
    )
    trial = ce.Trial.from_frame(
        people, arm="arm", control=0, received="got", strata=["site"], binary={"y": "y"}
    )
    found = effects_by_analysis(trial, outcome="y")
    assert found.intention_to_treat.value == pytest.approx(2 / 4 - 3 / 4)
    assert found.complier.value == pytest.approx((2 / 4 - 3 / 4) / (3 / 4))
    stratified = complier_average_effect(trial, outcome="y").value
    assert stratified != pytest.approx(found.complier.value, rel=1e-3)


def test_times_without_censoring_are_yes_or_no() -> None:
    """By 3 weeks: control 2 of 4 (weeks 1 and 3), treatment 1 of 4; three of four took it."""
    people = pd.DataFrame(
        {
            "arm": [0] * 4 + [1] * 4,
            "got": [0] * 4 + [1, 1, 1, 0],
            "week": [1, 3, 5, 9, 2, 5, 6, 9],
            "event": [1, 1, 1, 0, 1, 1, 1, 0],
        }
    )
    trial = ce.Trial.from_frame(
        people, arm="arm", control=0, received="got", times={"back": ("week", "event", "weeks")}
    )
    found = complier_average_effect(trial, outcome="back", horizon=3)
    assert found.value == pytest.approx((1 / 4 - 2 / 4) / (3 / 4))
    assert (found.events, found.time_point, found.unit) == ((2, 1), 3.0, "weeks")


def test_times_whose_last_person_at_risk_has_the_event() -> None:
    """By 5: control 1, as one is left at 5 and has it; treatment 2 of 5 at 3; four of five took it.

    Without that one person nobody in control is seen to have it: leaving people out is far off
    there, and the numbers are centred on the curve all the same.
    """
    people = pd.DataFrame(
        {
            "arm": [0] * 6 + [1] * 5,
            "got": [0] * 6 + [1, 1, 1, 1, 0],
            "week": [1, 5, 1, 2, 4, 2, 6, 3, 3, 3, 3],
            "event": [0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1],
        }
    )
    trial = ce.Trial.from_frame(
        people, arm="arm", control=0, received="got", times={"back": ("week", "event", "weeks")}
    )
    found = complier_average_effect(trial, outcome="back", horizon=5)
    assert found.value == pytest.approx((2 / 5 - 1) / (4 / 5))
    assert "7 people are censored earlier" in found.method


@pytest.mark.parametrize(
    ("drop_out", "drop_in", "inflation"),
    [(0.1, 0, 1.23457), (0.2, 0, 1.5625), (0.2, 0.05, 1.77778), (0.3, 0.1, 2.77778)],
)
def test_dilution(drop_out: float, drop_in: float, inflation: float) -> None:
    out, into = round(100 * drop_out), round(100 * drop_in)
    trial = read([(0, 0, 100 - into, 0), (0, 1, into, 0), (1, 1, 100 - out, 0), (1, 0, out, 0)])
    found = override_dilution(trial)
    assert found.kept == pytest.approx(1 - drop_out - drop_in)
    assert found.inflation == pytest.approx(inflation, abs=5e-6)
    assert [row.share for row in found.rows] == pytest.approx([1 - drop_in, 1 - drop_out])
    control, treatment = found.rows
    assert (control.received_treatment, treatment.received_control) == (into, out)


def test_dilution_by_stratum_counts_everyone() -> None:
    """Two suites; one person's treatment is unknown, one received a third arm."""
    people = pd.DataFrame(
        {
            "arm": ["court", "court", "contract", "contract", "contract"] * 2,
            "got": [
                *("court", "contract", "contract", "contract", "court"),
                *("court", None, "contract", "fine", "contract"),
            ],
            "suite": ["Durham"] * 5 + ["Peterlee"] * 5,
        }
    )
    trial = ce.Trial.from_frame(
        pd.concat([people, people.assign(arm="fine", got="fine")]),
        arm="arm",
        control="court",
        arms=("court", "contract", "fine"),
        received="got",
        strata=["suite"],
    )
    frame = override_dilution(trial, arm="contract").to_frame().set_index(["stratum", "arm"])
    assert len(frame) == 6
    assert frame.loc[("everyone", "court"), "people":"unknown"].tolist() == [4, 2, 1, 0, 1]
    assert frame.loc[("everyone", "contract"), "people":"unknown"].tolist() == [6, 1, 4, 1, 0]
    kept = frame["kept"].groupby(level=0).first()
    assert kept["everyone"] == pytest.approx(4 / 6 - 1 / 3)
    assert sorted(kept.drop("everyone")) == pytest.approx(sorted([2 / 3 - 1 / 2, 2 / 3 - 0]))
    assert override_dilution(trial, arm="contract", by=()).to_frame().shape[0] == 2
    named = override_dilution(trial, arm="contract", by="suite")
    assert sorted(named.to_frame()["kept"]) == sorted(frame["kept"])


def test_nothing_kept() -> None:
    found = override_dilution(read([(0, 0, 5, 0), (0, 1, 5, 0), (1, 1, 5, 0), (1, 0, 5, 0)]))
    assert found.kept == 0
    assert np.isnan(found.inflation)
    assert "no number of people makes up for it" in repr(found)
