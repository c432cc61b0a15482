"""Proven reoffending: whether, and how often, within a follow-up and a wait for disposals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, frozen
from checkpoint_eval._checks import as_tuple, check_choice, check_count, counted
from checkpoint_eval._display import Shown, columns_frame
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.counting import PROVEN, Counting, check_counting, proven_by
from checkpoint_eval.outcomes.dates import whole_days
from checkpoint_eval.outcomes.follow_up import CLOCKS, Clock, check_people, follow
from checkpoint_eval.outcomes.observed import BinaryOutcome, CountOutcome, Provenance
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.outcomes.street_time import days_in_custody
from checkpoint_eval.randomise.assignment import Assignment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Reoffending(Shown):
    """Reoffences of each person within a follow-up.

    Attributes
    ----------
    reoffences : (n,) int
        0 where `missing`.
    missing : (n,) bool
        People whose follow-up the extract does not reach, or who are not in it.
    months, wait : int
        Calendar months of follow-up, and of waiting for disposals after it.
    provenance : Provenance
    """

    reoffences: IntArray
    missing: BoolArray
    months: int
    wait: int
    provenance: Provenance

    def __post_init__(self) -> None:
        object.__setattr__(self, "reoffences", frozen(self.reoffences, np.int64))
        object.__setattr__(self, "missing", frozen(self.missing, bool))

    @property
    def reoffended(self) -> BinaryOutcome:
        """Whether each person reoffended, for `Trial`."""
        return BinaryOutcome(
            value=self.reoffences > 0, missing=self.missing, provenance=self.provenance
        )

    @property
    def rate(self) -> float:
        """Share of people followed who reoffended."""
        return _mean_among(self.reoffences > 0, ~self.missing)

    @property
    def per_reoffender(self) -> float:
        """Reoffences for each person who reoffended."""
        return _mean_among(self.reoffences, self.reoffences > 0)

    @property
    def per_person(self) -> float:
        """Reoffences for each person followed."""
        return _mean_among(self.reoffences, ~self.missing)

    def by_arm(self, assignment: Assignment) -> pd.DataFrame:
        """Return one row an arm: people, followed, reoffenders, reoffences, and the three rates."""
        check_people(assignment, self.missing.size)
        rows = []
        for code, name in enumerate(assignment.arms):
            here = (assignment.arm == code) & ~self.missing
            found = self.reoffences[here]
            rows.append(
                {
                    "arm": name,
                    "people": int((assignment.arm == code).sum()),
                    "followed": int(here.sum()),
                    "reoffenders": int((found > 0).sum()),
                    "reoffences": int(found.sum()),
                    "rate": _mean_among(self.reoffences > 0, here),
                    "per reoffender": _mean_among(self.reoffences, here & (self.reoffences > 0)),
                    "per person": _mean_among(self.reoffences, here),
                }
            )
        return pd.DataFrame(rows)

    def __repr__(self) -> str:
        followed = int((~self.missing).sum())
        return (
            f"Reoffending of {counted(followed, 'person', 'people')} followed for {self.months} "
            f"months: {100 * self.rate:.1f}% reoffended, {self.per_reoffender:.2f} reoffences a "
            f"reoffender, {self.per_person:.2f} a person. {self.provenance}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a person."""
        return columns_frame(self, "reoffences", "missing")


def _mean_among(values: IntArray | BoolArray, among: BoolArray) -> float:
    return float(values[among].mean()) if among.any() else float("nan")


def proven_reoffending(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    counting: Counting = PROVEN,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> Reoffending:
    """Count offences of a follow-up that were proven in it or in the wait that follows.

    Parameters
    ----------
    records : Records
    assignment : Assignment
        With `ids` and `date`.
    months : int
        An offence counts that was committed after the index day and up to the same day of the
        month so many months later.
    counting : Counting
        What counts; by default what led to a conviction or caution within those months and six
        more. ``Counting(proven=False)`` is the timely local measure, without disposals.
    index, index_name
        Another day than randomisation, and what it is; see `follow`.

    Returns
    -------
    Reoffending
        People not in the records, or whose follow-up and wait the extract does not reach, are
        missing. Those who died stay: after death nobody reoffends.

    Raises
    ------
    TrialError
        When the assignment has no identifiers or dates, or the extract no disposals.

    References
    ----------
    Ministry of Justice, Proven reoffending statistics quarterly bulletin, 28 July 2016: one year
    of follow-up and a further six months for cases to be decided. Checked against a plain loop
    over people and days.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from checkpoint_eval import Assignment
    >>> records = Records.from_tables(
    ...     people=pd.DataFrame({"id": ["a", "b"]}),
    ...     offences=pd.DataFrame({"person": ["a"], "date": ["2017-01-05"], "offence": [1]}),
    ...     disposals=pd.DataFrame(
    ...         {"offence": [1], "date": ["2017-03-01"], "disposal": ["caution"]}
    ...     ),
    ...     extract_date="2019-01-01",
    ... )
    >>> assignment = Assignment(
    ...     arm=[0, 1], arms=("court", "contract"), stratum=[0, 0], ids=["a", "b"],
    ...     date=["2016-08-01", "2016-08-02"],
    ... )
    >>> proven_reoffending(records, assignment).rate
    0.5
    """
    check_count(months, "months")
    people = follow(records, assignment, index=index, index_name=index_name)
    found = check_counting(counting).within(people, months)
    return Reoffending(
        reoffences=found.total(),
        missing=found.missing,
        months=months,
        wait=counting.wait if counting.proven else 0,
        provenance=found.provenance,
    )


def reoffence_counts(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    counting: Counting = PROVEN,
    clock: Clock = "elapsed",
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> CountOutcome:
    """Count reoffences over the time each person was at risk.

    Parameters
    ----------
    records, assignment, months, counting, index, index_name
        As `proven_reoffending`.
    clock : {"elapsed", "street"}
        Exposure: days from the index day to the end of follow-up, death or departure; "street"
        takes out days in custody.

    Returns
    -------
    CountOutcome

    Raises
    ------
    TrialError
        As `proven_reoffending`; and for street time when the extract came without custody.

    References
    ----------
    As `proven_reoffending`. Checked against a plain loop over people and days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> reoffence_counts(cohort.records(), cohort.assignment)
    CountOutcome(240 people, 631 events in 87,277 days)
    """
    found = proven_reoffending(
        records,
        assignment,
        months=months,
        counting=counting,
        index=index,
        index_name=index_name,
    )
    at_risk = time_at_risk(
        records, assignment, months=months, clock=clock, index=index, index_name=index_name
    )
    return CountOutcome(
        value=found.reoffences,
        exposure=np.where(found.missing, 0.0, at_risk),
        unit="days",
        missing=found.missing,
        provenance=replace(
            found.provenance, definition=f"{found.provenance.definition}; {clock} time at risk"
        ),
    )


def time_at_risk(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    clock: Clock = "elapsed",
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> FloatArray:
    """Return (n,) days each person could have reoffended and been seen to.

    Parameters
    ----------
    records, assignment, months, index, index_name
        As `proven_reoffending`.
    clock : {"elapsed", "street"}
        From the index day to the end of follow-up, of the extract, or to death or departure;
        "street" takes out days in custody. The index day counts, the last does not: 12 months
        from 1 August 2016 are 365 days.

    Returns
    -------
    (n,) float
        NaN for people not in the records.

    Raises
    ------
    TrialError
        For street time when the extract came without custody.

    References
    ----------
    Street and elapsed time at risk; written out in docs/methods.md. Checked against a loop over
    days.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> time_at_risk(cohort.records(), cohort.assignment, clock="street")[:3]
    array([365., 365., 365.])
    """
    check_count(months, "months")
    check_choice(clock, "clock", CLOCKS)
    people = follow(records, assignment, index=index, index_name=index_name)
    end = people.end(people.until(months))
    days = whole_days(end, people.index).astype(np.float64)
    if clock == "street":
        days = days - days_in_custody(people, np.arange(people.n), end)
    return np.where(people.unlinked, np.nan, days)


def measured_by_age(
    records: Records,
    assignment: Assignment,
    *,
    months: int = 12,
    ages: Sequence[int] = (0, 1, 2, 3, 6, 9, 12),
    counting: Counting = PROVEN,
) -> pd.DataFrame:
    """Show how measures of reoffending are revised as an extract ages.

    Parameters
    ----------
    records, assignment, months, counting
        As `proven_reoffending`.
    ages : sequence of int
        Months after the end of follow-up at which somebody might have looked.

    Returns
    -------
    DataFrame
        One row an age: among the people whose follow-up the extract outlives by the greatest age,
        the share with a recorded offence (by when it was recorded, where the extract says so) and
        with a proven one, as an extract of that age would have shown them. An offence is proven
        within the wait, however old the extract; one that the extract does not date the recording
        of counts as recorded when it was committed.

    Raises
    ------
    TrialError
        When the extract outlives nobody's follow-up by the greatest age.

    References
    ----------
    The lag of proven reoffending: Ministry of Justice bulletins publish about 21 months after a
    cohort. Checked against extracts cut at each age.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> measured_by_age(cohort.records(), cohort.assignment, ages=(0, 3, 6))
       age in months  people  recorded    proven
    0              0     240      0.55  0.504167
    1              3     240      0.55  0.529167
    2              6     240      0.55  0.545833
    """
    check_count(months, "months")
    check_counting(counting)
    whole = [check_count(age, "ages", least=0) for age in as_tuple(ages, "ages", of="months")]
    if not whole:
        raise TrialError("`ages` names no age; list months after the end of follow-up.")
    people = follow(records, assignment)
    last = people.until(months)
    old = ~people.unlinked & (people.until(months + max(whole)) <= records.extract_date)
    if not old.any():
        raise TrialError(
            f"Nobody was followed for {months} + {max(whole)} months by the extract of "
            f"{records.extract_date}; give smaller `ages` or a later extract."
        )
    rows, who = replace(counting, proven=False).reoffences(people, last, last)
    known = records.offences.recorded
    committed = records.offences.date[rows]
    recorded = committed
    if known.size:  # what is not said to be recorded later was recorded at once
        recorded = np.where(np.isnat(known[rows]), committed, known[rows])
    proven = proven_by(records, counting.proving)[rows]
    found = []
    for age in sorted(whole):
        seen = people.until(months + age)[who]
        by = people.until(months + min(age, counting.wait))[who].view(np.int64)
        shown = {"recorded": recorded <= seen, "proven": proven <= by}
        row: dict[str, float] = {"age in months": age, "people": int(old.sum())}
        for name, mask in shown.items():
            had = np.bincount(who[mask], minlength=people.n) > 0
            row[name] = float(had[old].mean())
        found.append(row)
    return pd.DataFrame(found)
