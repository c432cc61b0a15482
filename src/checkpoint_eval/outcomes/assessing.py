"""Which assessments of needs count, and who made them."""

from collections.abc import Sequence

import numpy as np

from checkpoint_eval._arrays import NO_CODES, BoolArray, IntArray
from checkpoint_eval._checks import counted
from checkpoint_eval.outcomes.extract_tables import Assessments
from checkpoint_eval.outcomes.follow_up import FollowUp


def latest(people: FollowUp, names: Sequence[str], usable: BoolArray) -> IntArray:
    """Return (n, p) the row of the last usable assessment, of one day the highest; -1 for none."""
    table = people.records.assessments
    row = people.per_record(np.arange(people.n), -1)[table.person]
    place = np.array([names.index(name) if name in names else -1 for name in table.pathways])
    column = place[table.pathway] if table.size else np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero(usable & (row >= 0) & (column >= 0) & (table.pathway >= 0))
    keys = [table.score[rows], table.date[rows].view(np.int64)]
    if table.assessor.size:
        keys.insert(0, table.assessor[rows])  # so that the order of rows decides nothing
    order = rows[np.lexsort(keys)]
    found = np.full((people.n, len(names)), -1)
    found[row[order], column[order]] = order  # the last written is the latest
    return found


def who_assessed(table: Assessments, used: Sequence[IntArray]) -> tuple[IntArray, tuple[str, ...]]:
    """Return (n, 2) whose the scores before and after are, and how often they are several's."""
    if not table.assessor.size:
        return NO_CODES, ()
    nobody = len(table.assessors)
    codes = np.stack([np.append(table.assessor, -1)[rows] for rows in used], axis=1)
    last = codes.max(axis=2, initial=-1)
    first = np.where(codes < 0, nobody, codes).min(axis=2, initial=nobody)
    several = (first < last).sum(axis=0).tolist()
    notes = tuple(
        f"{counted(count, 'person', 'people')} assessed by several {when}: by whom is left open"
        for count, when in zip(several, ("before", "afterwards"), strict=True)
        if count
    )
    return np.where(first == last, last, -1), notes
