"""One person a rule: outcomes from a police extract, worked out on a calendar by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from small_extracts import INDEX, RECORDED, cohort, records

from checkpoint_eval import Assignment, Trial, TrialError, outcomes
from checkpoint_eval.outcomes import Counting

DAY_ZERO = Counting(proven=False, day_zero=True)


def count(given: outcomes.Records, *index: str, **how: Any) -> list[int | None]:
    """Reoffences of a and b; None where missing."""
    found = outcomes.proven_reoffending(given, cohort(*index), **how)
    pairs = zip(found.reoffences, found.missing, strict=True)
    return [None if missing else int(value) for value, missing in pairs]


WINDOWS = [
    # index, months, last day that counts, first that does not
    ("2016-03-01", 12, "2017-03-01", "2017-03-02"),
    ("2015-03-01", 12, "2016-03-01", "2016-03-02"),  # 366 days: 29 February lies within
    ("2016-02-29", 12, "2017-02-28", "2017-03-01"),  # 2017 has no 29 February
    ("2016-02-29", 48, "2020-02-29", "2020-03-01"),
    ("2015-02-28", 12, "2016-02-28", "2016-02-29"),  # not carried to the end of the month
    ("2016-01-31", 1, "2016-02-29", "2016-03-01"),
    ("2015-01-31", 1, "2015-02-28", "2015-03-01"),
    ("2016-01-31", 3, "2016-04-30", "2016-05-01"),
    ("2016-08-31", 6, "2017-02-28", "2017-03-01"),
    ("2016-12-31", 12, "2017-12-31", "2018-01-01"),
    ("2016-03-01", 24, "2018-03-01", "2018-03-02"),
]


@pytest.mark.parametrize(("index", "months", "last", "after"), WINDOWS)
def test_the_last_day_of_follow_up(index: str, months: int, last: str, after: str) -> None:
    """The same day of the month, or the last of a shorter month."""
    given = records([("a", last), ("b", after)])
    assert count(given, index, months=months, counting=RECORDED) == [1, 0]
    days = (np.datetime64(last) - np.datetime64(index)).astype(int)
    assert outcomes.time_at_risk(given, cohort(index), months=months).tolist() == [days] * 2


def test_the_index_day_and_the_day_after() -> None:
    """An offence on the day of randomisation may have come before it: left out unless asked for."""
    given = records([("a", INDEX), ("b", "2016-03-02"), ("b", "2016-02-29")])
    assert count(given, counting=RECORDED) == [0, 1]
    assert count(given, counting=DAY_ZERO) == [1, 1]
    first = outcomes.time_to_reoffence(given, cohort(), counting=DAY_ZERO)
    assert first.time.tolist() == [0, 1]
    assert first.event.tolist() == [True, True]
    with pytest.raises(TrialError, match="time 0"):
        outcomes.reoffence_episodes(given, cohort(), counting=DAY_ZERO)


DECIDED = [
    # offence, disposal, what it was, counted?
    ("2016-05-01", "2016-05-01", "caution", 1),
    ("2017-03-01", "2017-09-01", "conviction", 1),  # 12 months to offend, 6 more to be decided
    ("2017-03-01", "2017-09-02", "conviction", 0),
    ("2016-03-02", "2017-09-02", "conviction", 0),
    ("2017-03-02", "2017-03-02", "conviction", 0),
    ("2016-05-01", "2016-06-01", "reprimand", 1),
    ("2016-05-01", "2016-06-01", "warning", 1),
    ("2016-05-01", "2016-06-01", "no further action", 0),
    ("2016-05-01", "2016-06-01", "acquitted", 0),
    ("2016-05-01", None, "caution", 0),
]


@pytest.mark.parametrize(("offence", "disposal", "kind", "counted"), DECIDED)
def test_what_proves(offence: str, disposal: str | None, kind: str, counted: int) -> None:
    """A conviction or caution by the end of follow-up and wait. Person b keeps kinds known."""
    given = records(
        [("a", offence), ("b", "2010-01-01")],
        disposals=[(1, disposal, kind), (2, "2010-01-01", "caution")],
    )
    assert count(given) == [counted, 0]


def test_the_wait_is_reckoned_from_the_index_day() -> None:
    """29 February 2016 and 18 months are 29 August 2017, though 12 months end on the 28th."""
    for day, counted in (("2017-08-29", 1), ("2017-08-30", 0)):
        given = records([("a", "2016-05-01")], disposals=[(1, day, "caution")])
        assert count(given, "2016-02-29") == [counted, 0]


def test_several_disposals_of_one_offence_prove_it_once() -> None:
    kinds = ["no further action", "caution", "conviction"]
    rows = [(1, f"2016-0{month}-01", kind) for month, kind in zip((6, 7, 8), kinds, strict=True)]
    assert count(records([("a", "2016-05-01")], disposals=rows)) == [1, 0]
    late = [(1, "2019-01-01", "conviction"), (1, "2016-07-01", "caution")]
    assert count(records([("a", "2016-05-01")], disposals=late)) == [1, 0]


def test_another_wait_and_other_proof() -> None:
    given = records([("a", "2017-03-01")], disposals=[(1, "2018-03-01", "penalty notice")])
    notice = ("penalty notice",)
    assert count(given, counting=Counting(wait=12, proving=notice)) == [1, 0]
    assert count(given, counting=Counting(wait=11, proving=notice)) == [0, 0]
    same_day = records([("a", "2017-02-28")], disposals=[(1, "2017-03-01", "caution")])
    assert count(same_day, counting=Counting(wait=0)) == [1, 0]


def test_24_months() -> None:
    """Index 1 March 2016: offences to 1 March 2018, disposals to 1 September 2018."""
    disposals = [(1, "2018-09-01", "caution"), (2, "2018-09-02", "caution")]
    given = records([("a", "2018-03-01"), ("b", "2018-03-01")], disposals=disposals)
    assert count(given, months=24) == [1, 0]


def test_the_extract_must_reach_the_end_of_the_wait() -> None:
    """For offences as recorded the end of follow-up is enough; None is missing, not 0."""
    offences, proof = [("a", "2016-05-01")], [(1, "2016-06-01", "caution")]
    for extract, due in (("2017-09-01", [1, 0]), ("2017-08-31", [None, None])):
        assert count(records(offences, disposals=proof, extract=extract)) == due
    for extract, due in (("2017-03-01", [1, 0]), ("2017-02-28", [None, None])):
        assert count(records(offences, extract=extract), counting=RECORDED) == due
    index = ("2016-03-01", "2016-03-02")  # b was randomised a day later
    assert count(records(extract="2017-03-01"), *index, counting=RECORDED) == [0, None]


def test_not_in_the_extract_is_missing_and_without_offences_is_nought() -> None:
    given = records([("a", "2016-05-01"), ("b", "2016-06-01")], people=("a",))
    assert count(given, counting=RECORDED) == [1, None]
    assert count(records([]), counting=RECORDED) == [0, 0]
    assert np.isnan(outcomes.time_at_risk(given, cohort())).tolist() == [False, True]
    first = outcomes.time_to_reoffence(given, cohort(), counting=RECORDED)
    assert first.missing.tolist() == [False, True]
    episodes = outcomes.reoffence_episodes(given, cohort(), counting=RECORDED)
    assert set(episodes.person.tolist()) == {0}
    assert episodes.missing.tolist() == [False, True]


def test_rates() -> None:
    """Offences 3, 0, missing: half reoffended, 3 a reoffender, 1.5 a person."""
    days = ["2016-05-01", "2016-05-01", "2016-07-01"]
    given = records([("a", day) for day in days], people=("a", "b"))
    three = Assignment(
        arm=[0, 1, 1], arms=("court", "contract"), stratum=[0] * 3, ids=["a", "b", "z"],
        date=[INDEX] * 3,
    )  # fmt: skip
    found = outcomes.proven_reoffending(given, three, counting=RECORDED)
    assert (found.rate, found.per_reoffender, found.per_person) == (0.5, 3.0, 1.5)
    arms = found.by_arm(three)
    assert arms["people"].tolist() == [1, 2]
    assert arms["followed"].tolist() == [1, 1]
    assert arms["reoffences"].tolist() == [3, 0]
    trial = Trial(assignment=three, outcomes={"again": found.reoffended})
    assert trial.outcome("again").value.tolist() == [True, False, False]


def test_offences_by_code() -> None:
    given = records([("a", "2016-05-01", "theft"), ("b", "2016-05-01", "fraud"),
                     ("b", "2016-06-01", "theft"), ("b", "2016-07-01", "assault")])  # fmt: skip
    assert count(given, counting=RECORDED) == [1, 3]
    assert count(given, counting=Counting(proven=False, codes=("fraud", "assault"))) == [0, 2]
    theft = Counting(proven=False, codes=("theft",))
    first = outcomes.time_to_reoffence(given, cohort(), counting=theft)
    assert first.time.tolist() == [61, 92]  # 1 May and 1 June after 1 March


def test_another_index_day() -> None:
    """Each from their own day; the outcome says which day it is."""
    given = records([("a", "2016-05-01"), ("b", "2016-05-01")])
    how: dict[str, Any] = {"index": ["2016-04-30", "2016-05-01"], "index_name": "first interview"}
    assert count(given, counting=RECORDED, **how) == [1, 0]
    found = outcomes.time_to_reoffence(given, cohort(), counting=RECORDED, **how)
    assert found.time.tolist() == [1, 730]
    assert found.provenance is not None
    assert found.provenance.index == "first interview"
    usual = outcomes.time_to_reoffence(given, cohort(), counting=RECORDED).provenance
    assert usual is not None
    assert usual.index == "randomisation"


def first(given: outcomes.Records, **how: Any) -> tuple[float, bool, str | None]:
    """Time, event and competing cause of person a."""
    found = outcomes.time_to_reoffence(given, cohort(), **({"counting": RECORDED} | how))
    cause = int(found.competing[0])
    return float(found.time[0]), bool(found.event[0]), found.causes[cause - 1] if cause else None


def test_death_and_emigration() -> None:
    """Death on 1 April is 31 days after 1 March; an offence that day still counts."""
    gone = [("a", "2016-04-01", "death")]
    assert first(records(gone=gone)) == (31, False, "death")
    assert first(records([("a", "2016-04-01")], gone=gone)) == (31, True, None)
    assert first(records([("a", "2016-04-02")], gone=gone)) == (31, False, "death")
    abroad = [("b", "2016-03-05", "death"), ("a", "2016-03-11", "emigration"), *gone]
    assert first(records(gone=abroad)) == (10, False, "emigration")
    assert first(records([("a", "2016-03-10")], gone=abroad)) == (9, True, None)
    assert first(records(gone=[("a", "2018-03-02", "death")])) == (730, False, None)
    assert first(records(gone=gone, extract="2016-03-31")) == (30, False, None)
    exposed = outcomes.time_at_risk(records(gone=gone), cohort())
    assert exposed.tolist() == [31, 365]
    assert count(records(gone=gone), counting=RECORDED) == [0, 0]  # after death nobody reoffends


def test_time_ends_at_the_extract() -> None:
    """A short follow-up is not missing; proof may come until six months after the horizon."""
    assert first(records(extract="2016-04-01")) == (31, False, None)
    for day, event in (("2018-09-01", True), ("2018-09-02", False)):
        given = records([("a", "2016-03-11")], disposals=[(1, day, "caution")])
        assert first(given, counting=Counting()) == ((10 if event else 730), event, None)


SPELLS = [
    # spells; street days from 1 to 21 March 2016 (20 days) when an offence on the 21st ends them
    ([], 20),
    ([("2016-01-01", "2016-02-01")], 20),  # over before the index day
    ([("2016-02-01", "2016-03-01")], 20),  # released on the index day: at liberty on it
    ([("2016-02-01", "2016-03-06")], 15),  # 1 to 5 March inside
    ([("2016-03-01", "2016-03-02")], 19),
    ([("2016-03-11", "2016-03-16")], 15),  # 11 to 15 March inside
    ([("2016-03-11", "2016-03-12")], 19),
    ([("2016-03-11", "2016-03-11")], 20),  # in and out on one day
    ([("2016-03-11", "2016-03-21")], 10),  # released on the day of the offence
    ([("2016-03-11", "2016-03-25")], 10),  # offence in custody: the clock stood at 10
    ([("2016-03-11", None)], 10),  # still inside at the extract
    ([("2016-03-21", "2016-04-01")], 20),  # arrested for it
    ([("2016-05-01", "2016-06-01")], 20),
    ([("2016-03-06", "2016-03-11"), ("2016-03-09", "2016-03-14")], 12),  # 6 to 13, 9-10 once
    ([("2016-03-06", "2016-03-16"), ("2016-03-08", "2016-03-10")], 10),  # one inside the other
    ([("2016-03-06", "2016-03-11"), ("2016-03-11", "2016-03-14")], 12),  # touching
    ([("2016-03-06", "2016-03-08"), ("2016-03-11", "2016-03-14")], 15),
    ([("2016-03-06", "2016-03-08"), ("2016-03-06", "2016-03-08")], 18),  # written twice
]  # fmt: skip


@pytest.mark.parametrize(("spells", "days"), SPELLS)
def test_street_time(spells: list[tuple[str, str | None]], days: int) -> None:
    """Days in custody are taken out once; b, never inside, is not touched."""
    given = records([("a", "2016-03-21")], custody=[("a", *spell) for spell in spells])
    assert first(given, clock="street") == (days, True, None)
    assert first(given) == (20, True, None)
    if days > 0:
        episodes = outcomes.reoffence_episodes(given, cohort(), counting=RECORDED, clock="street")
        assert episodes.stop[0] == days
        assert episodes.stop[-1] == 730
    exposed = outcomes.time_at_risk(
        records(custody=[("a", *spell) for spell in spells], extract="2016-03-21"),
        cohort(), clock="street",
    )  # fmt: skip
    assert exposed.tolist() == [days, 20]


def test_street_time_says_so() -> None:
    found = [
        outcomes.time_to_reoffence(records(), cohort(), counting=RECORDED, clock=clock).provenance
        for clock in ("elapsed", "street")
    ]
    assert found[0] is not None
    assert found[1] is not None
    assert "street" in str(found[1]) + found[1].definition
    assert "street" not in str(found[0]) + found[0].definition
