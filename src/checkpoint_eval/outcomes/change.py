"""Measures beside the main one: change in offending, first-time entrants, offences on contract."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, IntArray, frozen
from checkpoint_eval._checks import as_names, check_count
from checkpoint_eval._display import Shown, columns_frame
from checkpoint_eval.outcomes.counting import PROVING, RECORDED, Counting, check_counting, proven_by
from checkpoint_eval.outcomes.dates import A_DAY, add_months
from checkpoint_eval.outcomes.follow_up import NEVER, check_people, follow
from checkpoint_eval.outcomes.observed import BinaryOutcome, NumericOutcome, Provenance
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.outcomes.reoffending import proven_reoffending
from checkpoint_eval.randomise.assignment import Assignment

REGRESSION = (
    "People chosen because they offended much offend less afterwards whatever is done "
    "(regression to the mean): a fall within one arm is no effect; only the difference between "
    "randomised arms is."
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class ChangeInOffending(Shown):
    """Offences of each person in as many months before the index day as after it.

    Attributes
    ----------
    before, after : (n,) int
    missing : (n,) bool
    months : int
    provenance : Provenance
    """

    before: IntArray
    after: IntArray
    missing: BoolArray
    months: int
    provenance: Provenance

    def __post_init__(self) -> None:
        for name in ("before", "after", "missing"):
            object.__setattr__(self, name, frozen(getattr(self, name)))

    @property
    def change(self) -> NumericOutcome:
        """After less before, for `Trial`: compare it between arms."""
        return NumericOutcome(
            value=(self.after - self.before).astype(np.float64),
            missing=self.missing,
            provenance=self.provenance,
        )

    @property
    def warning(self) -> str:
        """Why a fall is not an effect."""
        return REGRESSION

    def by_arm(self, assignment: Assignment) -> pd.DataFrame:
        """Return one row an arm: offences before and after, and the change in per cent."""
        check_people(assignment, self.missing.size)
        rows = []
        for code, name in enumerate(assignment.arms):
            here = (assignment.arm == code) & ~self.missing
            before, after = int(self.before[here].sum()), int(self.after[here].sum())
            rows.append(
                {
                    "arm": name,
                    "people": int(here.sum()),
                    "before": before,
                    "after": after,
                    "change %": 100 * (after / before - 1) if before else np.nan,
                }
            )
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        known = ~self.missing
        return (
            f"ChangeInOffending: {int(self.before[known].sum())} offences in {self.months} months "
            f"before, {int(self.after[known].sum())} after. {REGRESSION}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person."""
        return columns_frame(self, "before", "after", "missing")


def change_in_offending(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    counting: Counting = RECORDED,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> ChangeInOffending:
    """Count offences in equal times before and after the index day.

    Parameters
    ----------
    records, assignment, index, index_name
        As `proven_reoffending`.
    months : int
        On either side; the index day belongs to neither, unless `counting` counts it after.
    counting : Counting
        Which offences count; recorded ones by default, as the partnership counted detected crimes.

    Returns
    -------
    ChangeInOffending

    Raises
    ------
    TrialError
        As `proven_reoffending`.

    References
    ----------
    County Durham and Darlington, Reducing Re-offending Strategy 2015-18 (change in detected
    crimes). Checked against a plain loop over people and days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> change = change_in_offending(cohort.records(), cohort.assignment)
    >>> int(change.before.sum()), int(change.after.sum())
    (301, 668)
    """
    check_count(months, "months")
    people = follow(records, assignment, index=index, index_name=index_name)
    found = check_counting(counting).within(people, months)
    rows, before = people.offences_within(
        add_months(people.index, -months), people.index - A_DAY, codes=counting.codes
    )
    if counting.proven:
        by = add_months(people.index, counting.wait)
        before = before[proven_by(records, counting.proving)[rows] <= by.view(np.int64)[before]]
    told = found.provenance
    return ChangeInOffending(
        before=np.where(found.missing, 0, np.bincount(before, minlength=people.n)),
        after=found.total(),
        missing=found.missing,
        months=months,
        provenance=replace(
            told, definition=f"{told.definition}, less those in the {months} months before"
        ),
    )


def first_time_entrants(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    proving: Sequence[str] = PROVING,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> BinaryOutcome:
    """Say who, never proven to have offended before, was proven to within a follow-up.

    Parameters
    ----------
    records, assignment, index, index_name
        As `proven_reoffending`.
    months : int
        An entry is a disposal after the index day and within so many months, whatever the offence.
    proving : sequence of str
        Disposals that are an entry.

    Returns
    -------
    BinaryOutcome
        Missing for people proven to have offended before the index day, who cannot enter for the
        first time, and for people not in the records or not followed so long.

    Raises
    ------
    TrialError
        As `proven_reoffending`.

    References
    ----------
    First reprimand, warning, caution or conviction. Checked against a plain loop over people and
    days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> first_time_entrants(cohort.records(), cohort.assignment)
    BinaryOutcome(240 people, 96 yes, 118 missing)
    """
    check_count(months, "months")
    people = follow(records, assignment, index=index, index_name=index_name)
    kinds = as_names(proving)
    proven = proven_by(records, kinds)
    first = people.records.offences
    entry = np.full(records.n + 1, NEVER)
    known = first.person >= 0
    np.minimum.at(entry, first.person[known], proven[known])
    day = entry[people.person]
    index_day, last = people.index.view(np.int64), people.until(months)
    earlier = day <= index_day
    late = last > records.extract_date
    return BinaryOutcome(
        value=(day > index_day) & (day <= last.view(np.int64)),
        missing=people.unlinked | earlier | late,
        provenance=people.provenance(
            f"first {' or '.join(kinds)} ever, within {months} months",
            [f"{int((earlier & ~people.unlinked).sum())} people had one before: not eligible"],
        ),
    )


def on_contract_reoffending(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 4,
    counting: Counting = RECORDED,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> BinaryOutcome:
    """Say who offended while a contract of some months ran, in either arm.

    Parameters
    ----------
    records, assignment, index, index_name
        As `proven_reoffending`.
    months : int
        Length of the contract from the index day; the control arm is read over the same time.
    counting : Counting
        Recorded offences by default: a breach does not wait for a disposal.

    Returns
    -------
    BinaryOutcome

    Raises
    ------
    TrialError
        As `proven_reoffending`.

    References
    ----------
    Durham Constabulary: a contract of four months, broken by an offence. Checked against a plain
    loop over people and days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> on_contract_reoffending(cohort.records(), cohort.assignment)
    BinaryOutcome(240 people, 96 yes)
    """
    found = proven_reoffending(
        records,
        assignment,
        months=months,
        counting=counting,
        index=index,
        index_name=index_name,
    )
    return found.reoffended
