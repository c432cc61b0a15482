"""Extracts of two people for hand-worked cases and for bad input."""

from __future__ import annotations

from typing import Any

import pandas as pd

from checkpoint_eval import Assignment, outcomes

RECORDED = outcomes.Counting(proven=False)
INDEX = "2016-03-01"  # horizons: 2017-03-01 (365 days) and 2018-03-01 (730); wait to 2017-09-01
LATE = "2021-01-01"
NEED = ["person", "date", "pathway", "score", "assessor"]


def records(
    offences: Any = (),
    *,
    disposals: Any = (),
    custody: Any = (),
    gone: Any = (),
    needs: Any = (),
    people: Any = ("a", "b"),
    extract: str = LATE,
) -> outcomes.Records:
    """Offences are (person, date[, code]), numbered from 1; other tables as they are named.

    Needs are (person, date, pathway, score), and who assessed them where one says so.
    """
    rows = [(who, date, *(code or ["theft"])) for who, date, *code in offences]
    table = pd.DataFrame(rows, columns=["person", "date", "code"])
    return outcomes.Records.from_tables(
        people=pd.DataFrame({"id": list(people)}),
        offences=table.assign(offence=range(1, len(table) + 1)),
        disposals=pd.DataFrame(list(disposals), columns=["offence", "date", "disposal"]),
        custody=pd.DataFrame(list(custody), columns=["person", "start", "end"]),
        deaths=pd.DataFrame(list(gone), columns=["person", "date", "kind"]),
        pathways=pd.DataFrame(list(needs), columns=NEED[: len([*needs, NEED[:4]][0])]),
        extract_date=extract,
    )


def cohort(*index: str, ids: Any = ("a", "b")) -> Assignment:
    """Person a in the control arm and b in the other, both from one day unless two are given."""
    both = (index or (INDEX,)) * (2 // max(len(index), 1))
    return Assignment(
        arm=[0, 1], arms=("court", "contract"), stratum=[0, 0], ids=list(ids), date=list(both)
    )
