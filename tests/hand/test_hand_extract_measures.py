"""Counts, episodes, harm, change, entrants, contracts, needs and ageing, worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from small_extracts import INDEX, LATE, RECORDED, cohort, records

from checkpoint_eval import TrialError, outcomes
from checkpoint_eval.outcomes import Counting

MINE = outcomes.HarmWeights(
    name="mine", version="1", source="none", weights={"theft": 2, "fraud": 0.5, "rape": 2555}
)
CAUTION = "2016-06-01"


def intervals(given: outcomes.Records, **how: Any) -> list[tuple[float, float, bool]]:
    """Intervals of person a."""
    found = outcomes.reoffence_episodes(given, cohort(), **({"counting": RECORDED} | how))
    table = found.to_frame()
    mine = table[table["person"] == 0]
    return list(zip(mine["start"], mine["stop"], mine["event"], strict=True))


def test_counts_and_exposure() -> None:
    """Three in a year of 365 days; b died after 31 days; street time leaves 10 days out."""
    given = records(
        [("a", "2016-04-01"), ("a", "2016-04-01"), ("a", "2017-03-01"), ("b", "2016-03-20")],
        custody=[("a", "2016-05-01", "2016-05-11")],
        gone=[("b", "2016-04-01", "death")],
    )
    found = outcomes.reoffence_counts(given, cohort(), counting=RECORDED)
    assert found.value.tolist() == [3, 1]  # two offences on one day are two offences
    assert found.exposure.tolist() == [365, 31]
    assert found.unit == "days"
    street = outcomes.reoffence_counts(given, cohort(), counting=RECORDED, clock="street")
    assert street.value.tolist() == [3, 1]
    assert street.exposure.tolist() == [355, 31]
    leap = outcomes.reoffence_counts(given, cohort("2015-03-01"), counting=RECORDED)
    assert leap.exposure.tolist() == [366, 366]
    short = outcomes.reoffence_counts(records(extract="2017-02-28"), cohort(), counting=RECORDED)
    assert short.missing.tolist() == [True, True]


def test_episodes() -> None:
    """Events after 10 and 31 days, then to the horizon at 730."""
    given = records([("a", "2016-04-01"), ("a", "2016-03-11")])
    assert intervals(given) == [(0, 10, True), (10, 31, True), (31, 730, False)]
    assert intervals(given, months=1) == [(0, 10, True), (10, 31, True)]
    assert intervals(records()) == [(0, 730, False)]
    late = records([("a", "2018-03-01"), ("a", "2018-03-02")])
    assert intervals(late) == [(0, 730, True)]


def test_episodes_end_at_departure_and_extract() -> None:
    rows = [("a", "2016-03-11"), ("a", "2016-04-05")]
    gone = [("a", "2016-04-01", "death")]
    assert intervals(records(rows, gone=gone)) == [(0, 10, True), (10, 31, False)]
    assert intervals(records(rows, extract="2016-03-21")) == [(0, 10, True), (10, 20, False)]
    dead = [("a", "2016-03-11", "death")]
    assert intervals(records(rows, gone=dead)) == [(0, 10, True)]


def test_two_offences_one_day_are_one_event() -> None:
    given = records([("a", "2016-03-11", "theft"), ("a", "2016-03-11", "fraud")])
    assert intervals(given) == [(0, 10, True), (10, 730, False)]
    with pytest.raises(TrialError, match=r"1 offence share.*collapse='day'"):
        intervals(given, collapse="offence")
    theft = Counting(proven=False, codes=("theft",))
    assert intervals(given, collapse="offence", counting=theft)[0] == (0, 10, True)


def test_episodes_on_the_street() -> None:
    """Inside 11 to 15 March: the offence of the 21st comes after 15 street days."""
    given = records(
        [("a", "2016-03-11"), ("a", "2016-03-21")], custody=[("a", "2016-03-11", "2016-03-16")]
    )
    due = [(0, 10, True), (10, 15, True), (15, 725, False)]
    assert intervals(given, clock="street") == due
    inside = records(
        [("a", "2016-03-11"), ("a", "2016-03-14")], custody=[("a", "2016-03-11", "2016-03-16")]
    )
    with pytest.raises(TrialError, match="two events at one time"):
        intervals(inside, clock="street")
    assert intervals(inside)[:2] == [(0, 10, True), (10, 13, True)]
    never_out = records([("a", "2016-03-11")], custody=[("a", "2016-03-11", None)])
    assert intervals(never_out, clock="street") == [(0, 10, True)]


def test_harm() -> None:
    """a: 2 + 2 + 0.5; b: nothing proven, nothing weighed."""
    days = [("a", "2016-04-01", "theft"), ("a", "2016-04-01", "theft"),
            ("a", "2016-05-01", "fraud"), ("b", "2016-05-01", "rape"),
            ("b", "2010-01-01", "rape")]  # fmt: skip
    proof = [(row, CAUTION, "caution") for row in (1, 2, 3)]
    given = records(days, disposals=proof)
    found = outcomes.harm_days(given, cohort(), weights=MINE)
    assert found.value.tolist() == [4.5, 0.0]
    every = outcomes.harm_days(given, cohort(), weights=MINE, counting=RECORDED)
    assert every.value.tolist() == [4.5, 2555.0]
    assert outcomes.severity(given, MINE).tolist() == [2, 2, 0.5, 2555, 2555]
    soon = records(days, disposals=proof, extract="2017-08-31")
    assert outcomes.harm_days(soon, cohort(), weights=MINE).missing.tolist() == [True, True]


def test_the_shipped_medians() -> None:
    """Cambridge medians as FACTS 3.2 gives them; one rape weighs 2,555 thefts from a shop."""
    days = [("a", "2016-04-01", "rape"), ("b", "2016-04-01", "shoplifting")]
    found = outcomes.harm_days(
        records(days), cohort(), weights=outcomes.CAMBRIDGE_MEDIANS, counting=RECORDED
    )
    assert found.value.tolist() == [2555.0, 1.0]
    printed = {"homicide": 5475, "other sexual": 182.25, "residential burglary": 273.5,
               "public order": 7.5, "arson": 185, "robbery": 365}  # fmt: skip
    shipped = outcomes.CAMBRIDGE_MEDIANS.weights
    assert {code: shipped[code] for code in printed} == printed


CHANGE = [
    # the index day, a day, and how many before and after
    ("2016-03-01", "2015-02-28", (0, 0)),
    ("2016-03-01", "2015-03-01", (1, 0)),
    ("2016-03-01", "2016-02-29", (1, 0)),
    ("2016-03-01", "2016-03-01", (0, 0)),  # the index day belongs to neither
    ("2016-03-01", "2016-03-02", (0, 1)),
    ("2016-03-01", "2017-03-01", (0, 1)),
    ("2016-03-01", "2017-03-02", (0, 0)),
    ("2016-02-29", "2015-02-27", (0, 0)),
    ("2016-02-29", "2015-02-28", (1, 0)),
    ("2016-02-29", "2017-02-28", (0, 1)),
]


@pytest.mark.parametrize(("index", "day", "due"), CHANGE)
def test_change(index: str, day: str, due: tuple[int, int]) -> None:
    """As many calendar months on either side, offences as recorded."""
    found = outcomes.change_in_offending(records([("a", day)]), cohort(index))
    assert (found.before[0], found.after[0]) == due
    assert found.change.value.tolist() == [due[1] - due[0], 0]
    assert "mean" in found.warning


def test_change_by_arm_and_missing() -> None:
    """a: 4 before and 1 after is -75 per cent; nothing is said of months not reached."""
    given = records([("a", f"2015-0{month}-10") for month in (4, 5, 6, 7)] + [("a", "2016-04-01")])
    table = outcomes.change_in_offending(given, cohort()).by_arm(cohort())
    assert table["before"].tolist() == [4, 0]
    assert table["after"].tolist() == [1, 0]
    assert -75.0 in table.iloc[0].tolist()
    short = outcomes.change_in_offending(records(extract="2017-02-28"), cohort())
    assert short.missing.tolist() == [True, True]


ENTRANTS = [
    # offences and what came of them, by person a; True, False or None for missing
    ([("2016-05-01", "2016-06-01", "caution")], True),
    ([], False),
    ([("2016-05-01", "2016-06-01", "no further action")], False),
    ([("2010-05-01", "2010-06-01", "conviction")], None),
    ([("2010-05-01", "2010-06-01", "conviction"), ("2016-05-01", "2016-06-01", "caution")], None),
    ([("2010-05-01", "2010-06-01", "acquitted"), ("2016-05-01", "2016-06-01", "caution")], True),
    ([("2016-05-01", "2017-03-01", "caution")], True),  # the entry is dated by the disposal
    ([("2016-05-01", "2017-03-02", "caution")], False),
    ([("2016-02-01", "2016-03-01", "caution")], None),  # decided on the index day: before
    ([("2016-02-01", "2016-03-02", "caution")], True),
]


@pytest.mark.parametrize(("rows", "due"), ENTRANTS)
def test_first_time_entrants(rows: list[tuple[str, str, str]], due: bool | None) -> None:
    offences = [("a", day) for day, _, _ in rows]
    disposals = [(row, day, kind) for row, (_, day, kind) in enumerate(rows, start=1)]
    disposals.append((len(rows) + 1, "2010-01-01", "caution"))  # of person b
    given = records([*offences, ("b", "2009-01-01")], disposals=disposals)
    found = outcomes.first_time_entrants(given, cohort())
    assert (None if found.missing[0] else bool(found.value[0])) == due
    assert bool(found.missing[1])


def test_on_contract() -> None:
    """Four months from 1 March end on 1 July; a breach does not wait for a disposal."""
    given = records([("a", "2016-07-01"), ("b", "2016-07-02")])
    assert outcomes.on_contract_reoffending(given, cohort()).value.tolist() == [True, False]
    longer = outcomes.on_contract_reoffending(given, cohort(), months=5)
    assert longer.value.tolist() == [True, True]
    index_day = outcomes.on_contract_reoffending(records([("a", INDEX)]), cohort())
    assert index_day.value.tolist() == [False, False]
    late = outcomes.on_contract_reoffending(records(extract="2016-06-30"), cohort())
    assert late.missing.tolist() == [True, True]
    autumn = records([("a", "2016-02-29"), ("b", "2016-03-01")])
    value = outcomes.on_contract_reoffending(autumn, cohort("2015-10-31")).value
    assert value.tolist() == [True, False]


def test_pathway_scores() -> None:
    """Before: the last on or before the index day; after: the last of follow-up."""
    needs = [
        ("a", "2016-01-01", "drugs", 9), ("a", "2016-02-29", "drugs", 7),
        ("a", "2016-03-01", "drugs", 3), ("a", "2016-03-01", "drugs", 5),  # the higher of a day
        ("a", "2016-03-02", "drugs", 4), ("a", "2017-03-01", "drugs", 1),
        ("a", "2017-03-02", "drugs", 8), ("a", "2016-03-02", "housing", 2),
    ]  # fmt: skip
    given = records(needs=needs)
    found = outcomes.pathway_scores(given, cohort(), pathways=("drugs", "housing"))
    np.testing.assert_array_equal(found.baseline, [[5, np.nan], [np.nan, np.nan]])
    np.testing.assert_array_equal(found.follow_up, [[1, 2], [np.nan, np.nan]])
    assert found.outcome("drugs").missing.tolist() == [False, True]
    assert found.needs().tolist() == [1, 0]
    assert found.needs(threshold=5).tolist() == [0, 0]
    later = outcomes.pathway_scores(given, cohort(), months=6, earliest=2)
    np.testing.assert_array_equal(later.follow_up, [[np.nan, np.nan]] * 2)


def test_who_assessed() -> None:
    """Whose scores count, by person: one name, several people's, or nobody's that is known."""
    needs = [
        ("a", "2016-01-01", "drugs", 9, "Zoe"),  # later ones count
        ("a", "2016-02-29", "drugs", 7, "Ann"), ("a", "2016-02-01", "housing", 1, "Ann"),
        ("a", "2016-02-29", "drugs", 7, "Abe"),  # of one day and score the later name counts
        ("a", "2016-09-01", "drugs", 7, "Bob"), ("a", "2016-08-01", "housing", 1, "Ann"),
        ("b", "2016-02-01", "drugs", 2, None), ("b", "2016-02-01", "housing", 2, "Bob"),
        ("b", "2016-09-01", "drugs", 3, "Ann"), ("b", "2016-09-01", "drugs", 1, "Bob"),
        ("b", "2016-09-01", "housing", 0, " "), ("b", "2016-09-02", "other", 0, "Cas"),
    ]  # fmt: skip
    given = records(needs=needs)
    found = outcomes.pathway_scores(given, cohort(), pathways=("drugs", "housing"))
    assert found.assessors == ("Abe", "Ann", "Bob", "Cas", "Zoe")
    assert found.assessor.tolist() == [[1, -1], [2, 1]]
    notes = found.provenance.notes if found.provenance else ()
    assert notes == ("1 person assessed by several afterwards: by whom is left open",)
    table = found.assessed_by(cohort()).set_index("assessor")
    assert list(table.columns) == [
        *("court, before", "contract, before", "court, after", "contract, after"),
        *("court, both", "contract, both"),
    ]
    assert table.loc["Ann"].tolist() == [1, 0, 0, 1, 0, 0]
    assert table.loc["Bob"].tolist() == [0, 1, 0, 0, 0, 0]
    assert table.loc["not known"].tolist() == [0, 0, 1, 0, 0, 0]
    one = outcomes.pathway_scores(given, cohort(), pathways=("drugs",))
    assert one.assessor.tolist() == [[1, 2], [-1, 1]]
    plain = outcomes.pathway_scores(records(needs=[each[:4] for each in needs]), cohort())
    assert (plain.assessor.size, plain.assessors) == (0, ())
    np.testing.assert_array_equal(
        plain.follow_up, outcomes.pathway_scores(given, cohort()).follow_up
    )


def test_measured_by_age() -> None:
    """Follow-up ends 1 March 2017. a proven that April, b in September; both recorded at once."""
    days = [("a", "2016-05-01"), ("b", "2016-05-01")]
    proof = [(1, "2017-04-01", "caution"), (2, "2017-09-01", "conviction")]
    table = outcomes.measured_by_age(records(days, disposals=proof), cohort(), ages=(0, 1, 5, 6))
    assert table["age in months"].tolist() == [0, 1, 5, 6]
    assert table["people"].tolist() == [2] * 4
    assert table["recorded"].tolist() == [1.0] * 4
    assert table["proven"].tolist() == [0.0, 0.5, 0.5, 1.0]


def test_measured_by_age_with_days_of_recording() -> None:
    """a's offence was recorded at once, b's on 2 April 2017: a month and a day after follow-up."""
    offences = pd.DataFrame(
        {"person": ["a", "b"], "date": ["2016-05-01"] * 2, "offence": [1, 2],
         "recorded": ["2016-05-01", "2017-04-02"]}
    )  # fmt: skip
    given = outcomes.Records.from_tables(
        people=pd.DataFrame({"id": ["a", "b"]}),
        offences=offences,
        disposals=pd.DataFrame({"offence": [1], "date": ["2017-03-01"], "disposal": ["caution"]}),
        extract_date=LATE,
    )
    table = outcomes.measured_by_age(given, cohort(), ages=(0, 1, 2))
    assert table["recorded"].tolist() == [0.5, 0.5, 1.0]
    assert table["proven"].tolist() == [0.5, 0.5, 0.5]


def test_measured_by_age_leaves_out_who_was_not_followed_so_long() -> None:
    given = records([("a", "2016-05-01")], extract="2017-09-01")
    table = outcomes.measured_by_age(given, cohort(INDEX, "2016-03-02"), ages=(0, 6))
    assert table["people"].tolist() == [1, 1]
    assert table["recorded"].tolist() == [1.0, 1.0]
    with pytest.raises(TrialError, match="Nobody was followed for 12"):
        outcomes.measured_by_age(given, cohort(), ages=(7,))


def test_two_departures_on_a_day_do_not_hang_on_the_order_of_rows() -> None:
    gone = [("a", "2016-05-01", "emigration"), ("a", "2016-05-01", "death")]
    found = [
        outcomes.time_to_reoffence(records(gone=rows), cohort()).competing[0]
        for rows in (gone, gone[::-1])
    ]
    assert found[0] == found[1]


def test_an_entry_is_a_disposal_whatever_the_offence() -> None:
    """a's first is a fraud, b was cautioned before; a choice of offences is not offered."""
    given = records(
        [("a", "2016-05-01", "fraud"), ("b", "2009-01-01", "theft")],
        disposals=[(1, CAUTION, "caution"), (2, "2009-02-01", "caution")],
    )
    found = outcomes.first_time_entrants(given, cohort())
    assert found.value.tolist() == [True, False]
    assert found.missing.tolist() == [False, True]


def test_measured_by_age_stops_at_the_wait() -> None:
    """As `proven_reoffending` of that same extract, which waits six months."""
    proof = [(1, "2017-12-01", "caution")]
    given = records([("a", "2016-05-01")], disposals=proof)
    table = outcomes.measured_by_age(given, cohort(), ages=(12,))
    assert table["proven"].tolist() == [outcomes.proven_reoffending(given, cohort()).rate]


def test_measured_by_age_what_is_proven_was_recorded() -> None:
    """The extract does not say when this one was recorded; that it was is plain."""
    given = outcomes.Records.from_tables(
        people=pd.DataFrame({"id": ["a", "b"]}),
        offences=pd.DataFrame(
            {"person": ["a"], "date": ["2016-05-01"], "offence": [1],
             "recorded": pd.Series([None], dtype="datetime64[ns]")}
        ),
        disposals=pd.DataFrame({"offence": [1], "date": ["2016-06-01"], "disposal": ["caution"]}),
        extract_date=LATE,
    )  # fmt: skip
    table = outcomes.measured_by_age(given, cohort(), ages=(0, 6))
    assert (table["recorded"] >= table["proven"]).all()


def test_nobody_reoffends_after_death() -> None:
    """What `proven_reoffending` says of the dead, and what `time_to_reoffence` does."""
    given = records([("a", "2016-05-02")], gone=[("a", "2016-05-01", "death")])
    found = outcomes.reoffence_counts(given, cohort(), counting=RECORDED)
    assert found.value.tolist() == [0, 0]
