"""Changes to records that somebody asked for; each says how many rows it touched."""

from dataclasses import replace
from typing import Any, Literal

import numpy as np

from checkpoint_eval._arrays import BoolArray
from checkpoint_eval._checks import check_choice
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.audit_rows import first_disposal
from checkpoint_eval.outcomes.auditing import Finding
from checkpoint_eval.outcomes.dates import A_DAY
from checkpoint_eval.outcomes.extract_tables import Custody, Disposals
from checkpoint_eval.outcomes.records import Records, Repair, check_records
from checkpoint_eval.outcomes.street_time import merged_spells

TABLES = {"deaths": "departures", "pathways": "assessments"}


def without_rows(records: Records, finding: Finding) -> Records:
    """Return the records without the rows of a finding.

    Parameters
    ----------
    records : Records
    finding : Finding
        Of `audit`, in a table of rows: offences, disposals, custody, deaths or pathways.

    Returns
    -------
    Records
        With the repair noted. Disposals of removed offences prove nothing any more and are
        removed, and noted, with them.

    Raises
    ------
    TrialError
        When the finding is about people, whom no repair removes.

    References
    ----------
    Checked against hand-worked extracts.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.outcomes import audit
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> records = cohort.records()
    >>> finding = audit(records, cohort.assignment).findings[0]
    >>> without_rows(records, finding).repairs[0].rows == len(finding.rows)
    True
    """
    check_records(records)
    if not isinstance(finding, Finding):
        raise TrialError(f"`finding` must be a `Finding` of `audit`, got {finding!r}.")
    if finding.table in ("people", "assignment"):
        raise TrialError(
            f"Finding {finding.rule!r} is about people, and nobody randomised is removed; correct "
            "the table it names."
        )
    table = records.table(finding.table)
    keep = ~np.isin(table.rows, finding.rows)
    removed = Repair(rule=finding.rule, table=finding.table, rows=int((~keep).sum()))
    if finding.table != "offences":
        name = TABLES.get(finding.table, finding.table)
        changed: dict[str, Any] = {name: table.kept(keep)}
        return replace(records, **changed, repairs=(*records.repairs, removed))
    disposals, dropped = _following(records.disposals, keep)
    repairs = (*records.repairs, removed)
    if dropped:
        told = f"disposal of a removed offence ({finding.rule})"
        repairs = (*repairs, Repair(rule=told, table="disposals", rows=dropped))
    return replace(
        records, offences=records.offences.kept(keep), disposals=disposals, repairs=repairs
    )


def _following(disposals: Disposals, keep: BoolArray) -> tuple[Disposals, int]:
    """Return disposals whose offences remain, pointing at their new rows, and how many went."""
    if not disposals.size:
        return disposals, 0
    place = np.append(np.where(keep, np.cumsum(keep) - 1, -2), -1)  # -2: removed just now
    offence = place[disposals.offence]
    stays = offence != -2
    moved = replace(disposals, offence=np.where(stays, offence, -1))
    return moved.kept(stays), int((~stays).sum())


def merge_custody(records: Records) -> Records:
    """Return the records with spells in custody that touch or overlap made one.

    Open spells are closed on the day after the extract; spells that cannot be are left out.

    References
    ----------
    Checked against a loop over days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> merge_custody(cohort.records()).repairs
    (Repair(rule='custody merged', table='custody', rows=8),)
    """
    check_records(records)
    spells = merged_spells(records)
    before = records.custody.size
    custody = Custody(
        person=spells.person,
        start=spells.start.view("datetime64[D]"),
        end=spells.end.view("datetime64[D]"),
        row=spells.row,
    )
    order = np.argsort(records.custody.rows)
    first = order[np.searchsorted(records.custody.rows[order], spells.row)]
    longer = int((records.custody.end[first] != custody.end).sum())
    note = Repair(rule="custody merged", table="custody", rows=before - custody.size + longer)
    return replace(records, custody=custody, repairs=(*records.repairs, note))


def close_custody(records: Records) -> Records:
    """Return the records with spells still open ended on the day after the extract.

    References
    ----------
    Checked against hand-worked extracts.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> close_custody(cohort.records()).repairs
    (Repair(rule='open custody closed at the extract', table='custody', rows=8),)
    """
    check_records(records)
    custody = records.custody
    still = np.isnat(custody.end) & (custody.start <= records.extract_date)
    end = np.where(still, records.extract_date + A_DAY, custody.end)
    note = Repair(rule="open custody closed at the extract", table="custody", rows=int(still.sum()))
    return replace(records, custody=replace(custody, end=end), repairs=(*records.repairs, note))


def collapse_episodes(records: Records, *, by: Literal["day", "disposal"] = "day") -> Records:
    """Return the records with the offences of one episode made one.

    Parameters
    ----------
    records : Records
    by : {"day", "disposal"}
        An episode: offences of one person on one day; or offences of one person disposed of on one
        day, dated by the first of them.

    Returns
    -------
    Records
        Of each episode the first offence remains (the earliest, and of those the first row); every
        disposal of the episode is then of that offence. Recorded offences without a disposal stay
        as they are when collapsing by disposal.

    Raises
    ------
    TrialError
        When collapsing by disposal and the extract came without disposals.

    References
    ----------
    Counting one occasion once. Checked against a plain loop.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> records = cohort.records()
    >>> len(records.offences.date) - len(collapse_episodes(records).offences.date)
    104
    """
    check_records(records)
    check_choice(by, "by", ("day", "disposal"))
    offences, disposals = records.offences, records.disposals
    undated = np.isnat(offences.date)
    day = np.where(undated, np.iinfo(np.int64).max, offences.date.view(np.int64))
    key = day
    if by == "disposal":
        if "disposals" not in records.given:
            raise TrialError("The extract came without disposals; collapse by day instead.")
        first = first_disposal(records)
        # Without a disposal an offence is an episode of its own.
        alone = -np.arange(offences.size) - np.iinfo(np.int64).max // 2
        key = np.where(np.isnat(first), alone, first.view(np.int64))
    order = np.lexsort((np.arange(offences.size), day, key, offences.person))
    person, key = offences.person[order], key[order]
    opens = np.ones(order.size, dtype=bool)
    opens[1:] = (person[1:] != person[:-1]) | (key[1:] != key[:-1]) | (person[1:] < 0)
    if by == "day":
        opens |= np.isnat(offences.date[order])
    leader = np.empty(order.size, dtype=np.int64)
    leader[order] = order[np.maximum.accumulate(np.where(opens, np.arange(order.size), 0))]
    keep = leader == np.arange(order.size)
    place = np.append(np.where(keep, np.cumsum(keep) - 1, -1), -1)
    offence = place[np.append(leader, -1)[disposals.offence]]
    note = Repair(rule=f"offences of one {by} made one", table="offences", rows=int((~keep).sum()))
    return replace(
        records,
        offences=offences.kept(keep),
        disposals=replace(disposals, offence=offence),
        repairs=(*records.repairs, note),
    )
