"""Treatment kept to, outcomes lost and distances, counted by hand on a dozen people."""

from __future__ import annotations

from dataclasses import replace
from math import inf, isnan, nan, sqrt
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import Attrition, Integrity, attrition, treatment_integrity

EXACT = 1e-12
DATES = ["2024-12-31", "2025-01-01", "2025-01-31", "2024-12-01", "2025-01-15", "2025-02-01"]
# who  suite    arm         received    contacts  day
PEOPLE = [
    ("a", "north", "court", "court", 0, 0),
    ("b", "north", "court", "contract", 6, 1),
    ("c", "south", "court", "court", 2, 2),
    ("d", "south", "court", None, None, 3),
    ("e", "south", "court", "court", 1, 4),
    ("f", "north", "contract", "contract", 9, 0),
    ("g", "north", "contract", "contract", 7, 1),
    ("h", "south", "contract", "court", 0, 2),
    ("i", "south", "contract", "contract", 8, 3),
    ("j", "south", "contract", None, 4, 5),
]
COUNTS = ["group", "arm", "people", "as_assigned", "otherwise", "unknown"]


def read() -> ce.Trial:
    """Ten people, dated."""
    table = pd.DataFrame(PEOPLE, columns=["who", "suite", "arm", "got", "contacts", "day"])
    trial = ce.Trial.from_frame(
        table, arm="arm", control="court", id="who", received="got", factors=["suite", "contacts"]
    )
    days = np.array([DATES[day] for day in table["day"]], dtype="datetime64[D]")
    return replace(trial, assignment=replace(trial.assignment, date=days))


def counts(found: Integrity) -> list[tuple[Any, ...]]:
    """The counted columns."""
    return list(found.to_frame()[COUNTS].itertuples(index=False, name=None))


def test_everyone() -> None:
    """a, c, e of court's four known; f, g, i of contract's four known; b crossed to contract."""
    found = treatment_integrity(read())
    assert [row[1:] for row in counts(found)] == [
        ("court", 5, 3, 1, 1),
        ("contract", 5, 3, 1, 1),
    ]
    assert found.crossed_over == ((3, 1), (1, 3))
    assert found.contamination == pytest.approx(1 / 4, rel=EXACT)
    assert [row.share for row in found.rows] == [0.75, 0.75]
    assert isnan(found.rows[0].contacts)  # no column was named


def test_arms_are_told_apart() -> None:
    """Of three in court one was treated; of two in contract none got court."""
    table = pd.DataFrame({"arm": [0, 0, 0, 1, 1], "got": [0, 0, 1, 1, 1]})
    found = treatment_integrity(ce.Trial.from_frame(table, arm="arm", control=0, received="got"))
    assert found.crossed_over == ((2, 1), (0, 2))
    assert found.contamination == pytest.approx(1 / 3, rel=EXACT)
    assert [(r.as_assigned, r.otherwise) for r in found.rows] == [(2, 1), (2, 0)]


def test_by_suite_with_contacts() -> None:
    """North court 0 and 6: 3 a person; south court 2, 1 and one not counted: 1.5."""
    found = treatment_integrity(read(), by="suite", contacts="contacts")
    assert counts(found) == [
        ("suite=north", "court", 2, 1, 1, 0),
        ("suite=north", "contract", 2, 2, 0, 0),
        ("suite=south", "court", 3, 2, 0, 1),
        ("suite=south", "contract", 3, 1, 1, 1),
    ]
    assert [row.contacts for row in found.rows] == pytest.approx([3, 8, 1.5, 4], rel=EXACT)
    assert [row.share for row in found.rows] == [0.5, 1, 1, 0.5]


MONTHS = [
    # December: a, d | f, i; January: b, c, e | g, h; February: nobody | j
    ("2024-12", "court", 2, 1, 0, 1),
    ("2024-12", "contract", 2, 2, 0, 0),
    ("2025-01", "court", 3, 2, 1, 0),
    ("2025-01", "contract", 2, 1, 1, 0),
]


def test_by_month() -> None:
    """Months in order over the new year; in February nobody went to court."""
    found = counts(treatment_integrity(read(), by="month"))
    assert found[:4] == MONTHS
    assert [row for row in found[4:] if row[2]] == [("2025-02", "contract", 1, 0, 0, 1)]


def test_nobody_known_has_no_share() -> None:
    """February's only person: not nought of one, but unknown."""
    found = treatment_integrity(read(), by="month")
    last = next(row for row in found.rows if row.group == "2025-02" and row.people)
    assert isnan(last.share)
    assert not last.low > 0
    assert not last.high < 1


def test_by_month_and_suite() -> None:
    """Every cell that holds somebody."""
    found = counts(treatment_integrity(read(), by=["month", "suite"]))
    assert [row for row in found if row[2]] == [
        ("month=2024-12, suite=north", "court", 1, 1, 0, 0),  # a
        ("month=2024-12, suite=north", "contract", 1, 1, 0, 0),  # f
        ("month=2024-12, suite=south", "court", 1, 0, 0, 1),  # d
        ("month=2024-12, suite=south", "contract", 1, 1, 0, 0),  # i
        ("month=2025-01, suite=north", "court", 1, 0, 1, 0),  # b
        ("month=2025-01, suite=north", "contract", 1, 1, 0, 0),  # g
        ("month=2025-01, suite=south", "court", 2, 2, 0, 0),  # c, e
        ("month=2025-01, suite=south", "contract", 1, 0, 1, 0),  # h
        ("month=2025-02, suite=south", "contract", 1, 0, 0, 1),  # j
    ]


def test_wilson_limits() -> None:
    """3 of 4 at z: (3/4 + z²/8 ± z sqrt(3/64 + z²/64)) / (1 + z²/4); 4 of 4 end at 1."""
    z = 1.959963984540054
    row = treatment_integrity(read()).rows[0]
    half = z * sqrt(3 / 64 + z * z / 64)
    expected = [(0.75 + z * z / 8 + side * half) / (1 + z * z / 4) for side in (-1, 1)]
    assert (row.low, row.high) == pytest.approx(expected, rel=1e-10)
    north = treatment_integrity(read(), by="suite").rows[1]  # 2 of 2: 1 / (1 + z²/2) to 1
    assert (north.low, north.high) == pytest.approx((1 / (1 + z * z / 2), 1), rel=1e-10)


# arm  weeks  event  any   age  kind     why
LOST = [
    (0, 3, 1, 1, 20, "theft", None),
    (0, 4, 0, None, 30, "theft", "moved"),
    (0, 8, 0, 0, 40, "harm", None),
    (0, None, None, None, 50, "harm", "moved"),
    (0, 5, 0, 0, 24, "theft", None),
    (1, 5, 0, 1, 22, "harm", None),
    (1, 8, 0, 0, 26, "theft", None),
    (1, 2, 0, None, 33, "harm", "withdrew"),
    (1, 8, 1, 0, 28, "harm", None),
    (1, 6, 0, 1, 31, "theft", None),
]


def losses(horizon: float | None = None, outcome: str = "re", **asked: Any) -> Attrition:
    """Ten people: who was lost."""
    table = pd.DataFrame(LOST, columns=["arm", "week", "ev", "any", "age", "kind", "why"])
    trial = ce.Trial.from_frame(
        table,
        arm="arm",
        control=0,
        covariates=["age", "kind"],
        factors=["why"],
        times={"re": ("week", "ev", "weeks")},
        binary={"any": "any"},
    )
    return attrition(trial, outcome=outcome, horizon=horizon, **asked)


@pytest.mark.parametrize(
    ("horizon", "lost"),
    [(None, (1, 0)), (2, (1, 0)), (2.5, (1, 1)), (5, (2, 1)), (5.5, (3, 2)), (8, (3, 3))],
)
def test_censored_before_a_horizon(horizon: float | None, lost: tuple[int, int]) -> None:
    """Censored at 5 is known until 5, not until 5.5; an event at 3 is known ever after."""
    found = losses(horizon)
    assert (found.people, found.lost) == ((5, 5), lost)
    assert found.share == pytest.approx([n / 5 for n in lost], rel=EXACT)
    assert (found.horizon == horizon) if horizon else isnan(found.horizon)


def test_reasons_and_when() -> None:
    """Two moved, one of them at 4 and one nobody knows when; one withdrew at 2."""
    found = losses(5, reason="why").to_frame().set_index(["arm", "reason"])
    assert found.loc[("control", "moved"), "people"] == 2
    assert found.loc[("control", "moved"), "median_time"] == 4
    assert found.loc[("treatment", "withdrew"), "people"] == 1
    assert found.loc[("treatment", "withdrew"), "median_time"] == 2
    assert found["people"].sum() == 3
    once = losses(outcome="any", reason="why")
    assert [row.people for row in once.reasons] == [2, 1]
    assert all(isnan(row.median_time) for row in once.reasons)


def test_reasons_not_told_are_counted() -> None:
    """By 5.5 one more of control is lost without a reason, and one of treatment."""
    found = losses(5.5, reason="why").to_frame()
    assert found["people"].sum() == 5
    assert sorted(found["people"]) == [1, 1, 1, 2]


def test_selection_of_numbers() -> None:
    """Control lost 30, 50 and kept 20, 40, 24: (40 - 28) / sqrt((200 + 112) / 2)."""
    table = losses(outcome="any").selection_frame().set_index(["covariate", "arm"])
    row = table.loc[("age", "control")]
    assert (row["mean_lost"], row["mean_kept"]) == pytest.approx((40, 28), rel=EXACT)
    assert row["difference"] == pytest.approx(12 / sqrt((200 + 112) / 2), rel=EXACT)
    row = table.loc[("age", "treatment")]
    assert (row["mean_lost"], row["mean_kept"]) == pytest.approx((33, 26.75), rel=EXACT)
    assert isnan(row["difference"])  # one person has no spread


def test_selection_of_categories() -> None:
    """Theft 1 of 2 lost, 2 of 3 kept: s² = 1/2 and 1/3: -1/6 / sqrt(5/12)."""
    table = losses(outcome="any").selection_frame().set_index(["covariate", "arm"])
    row = table.loc[("kind=theft", "control")]
    assert (row["mean_lost"], row["mean_kept"]) == pytest.approx((1 / 2, 2 / 3), rel=EXACT)
    assert row["difference"] == pytest.approx(-1 / 6 / sqrt(5 / 12), rel=EXACT)
    other = table.loc[("kind=harm", "control"), "difference"]
    assert other == pytest.approx(1 / 6 / sqrt(5 / 12), rel=EXACT)


def test_the_dead_are_not_lost() -> None:
    """Death at 2 ended follow-up before 5, and nothing more could be known; censoring lost two."""
    table = pd.DataFrame({"arm": [0, 0, 0, 1, 1, 1]})
    outcome = ce.TimeToEvent(
        time=[2, 2, 8, 2, 3, 8],
        event=[False, False, True, False, False, False],
        competing=[1, 0, 0, 0, 1, 0],
        causes=("death",),
        unit="weeks",
    )
    trial = ce.Trial.from_frame(table, arm="arm", control=0)
    found = attrition(replace(trial, outcomes={"re": outcome}), outcome="re", horizon=5)
    assert found.lost == (1, 1)


def test_fisher_by_hand() -> None:
    """0 of 4 against 3 of 4: tables 0..3 weigh 4, 24, 24, 4 of 56: 8/56."""
    table = pd.DataFrame({"arm": [0] * 4 + [1] * 4, "any": [0, 1, 0, 1, None, None, None, 0]})
    trial = ce.Trial.from_frame(table, arm="arm", control=0, binary={"any": "any"})
    found = attrition(trial, outcome="any")
    assert found.lost == (0, 3)
    assert found.test.p_value == pytest.approx(1 / 7, rel=1e-10)
    assert found.test.statistic == pytest.approx(3 / 4, rel=EXACT)  # treatment - control


def test_greatest_distance() -> None:
    """1, 2, 3 | 2, 4, 6: at 3 all of control, a third of treatment: 2/3."""
    table = pd.DataFrame({"arm": [0, 0, 0, 1, 1, 1], "age": [1, 2, 3, 2, 4, 6]})
    table["kind"] = list("xxyxyy")
    trial = ce.Trial.from_frame(table, arm="arm", control=0, covariates=["age", "kind"])
    rows = ce.standardised_differences(trial).to_frame()
    assert rows.loc[rows["covariate"] == "age", "ks"].item() == pytest.approx(2 / 3, rel=EXACT)
    shares = rows.loc[rows["covariate"] == "kind", "ks"]
    assert list(shares) == pytest.approx([1 / 3] * len(shares), rel=EXACT)


def test_the_control_arm_as_measure() -> None:
    """Means 2 and 4, s0 = 1, s1 = 2: 2 / 1; and no spread of control's is infinitely far."""
    table = pd.DataFrame({"arm": [0, 0, 0, 1, 1, 1], "age": [1, 2, 3, 2, 4, 6]})
    table["same"] = [5, 5, 5, 5, 6, 7]
    trial = ce.Trial.from_frame(table, arm="arm", control=0, covariates=["age", "same"])
    found = ce.standardised_differences(trial, denominator="control").rows
    assert [row.difference for row in found] == pytest.approx([2, inf], rel=EXACT)
    usual = ce.standardised_differences(trial).rows
    assert usual[0].difference == pytest.approx(2 / sqrt(5 / 2), rel=EXACT)
    assert usual[1].ks == pytest.approx(2 / 3, rel=EXACT)
    assert nan not in [row.ks for row in usual]


def test_columns_are_told_in_the_order_asked_for() -> None:
    """By suite and month: the suite first, and months in order within it."""
    found = counts(treatment_integrity(read(), by=["suite", "month"]))
    groups = list(dict.fromkeys(row[0] for row in found))
    assert groups[:3] == [
        "suite=north, month=2024-12",
        "suite=north, month=2025-01",
        "suite=south, month=2024-12",
    ]
