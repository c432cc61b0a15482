"""Hypothesis strategies for those who property-test their own pipelines; loaded when asked for.

``pip install 'checkpoint-eval[test]'`` brings hypothesis. Equal and near days are drawn often.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.randomise.assignment import Assignment

try:
    from hypothesis import strategies as st
    from hypothesis.strategies import DrawFn, SearchStrategy
except ImportError as problem:
    raise ImportError(
        "checkpoint_eval.testing needs hypothesis; install it with "
        "pip install 'checkpoint-eval[test]'."
    ) from problem

from checkpoint_eval.testing_scenarios import cohorts, scenarios

__all__ = ["assignments", "cohorts", "extracts", "followed", "records", "scenarios", "trials"]

Tables: TypeAlias = dict[str, Any]
FIRST, A_DAY = "2016-01-01", np.timedelta64(1, "D")
ARMS = ("control", "treatment")
CODES = ("theft", "violence", "drugs", "criminal damage", None)
KINDS = ("conviction", "caution", "reprimand", "warning", "no further action")
LEFT = ("death", "emigration")
PATHWAYS = ("accommodation", "drugs and alcohol", "finances", "attitudes")
DAYS = ("born", "date", "recorded", "start", "end")
NOBODY, NO_OFFENCE = "nobody", "no offence"
YOUNGEST, OLDEST = 3_653, 21_915  # days: people are 10 to 60 years old on an extract's first day
EARLIEST, LATEST = np.datetime64("1961-01-01", "D"), np.datetime64("2099-01-01", "D")


def extracts(
    *,
    most: int = 5,
    rows: int = 10,
    first: str = FIRST,
    last: str = "2019-01-01",
    dirty: bool = False,
    partial: bool = False,
) -> "SearchStrategy[Tables]":
    """Draw the tables of an extract, to be read with ``Records.from_tables(**tables)``.

    Parameters
    ----------
    most : int
        Most people, at least 2.
    rows : int
        Most rows of each other table.
    first, last : str
        The days between which things happen; the extract is of `last`. A narrow range makes days
        coincide.
    dirty : bool
        Whether to inject every fault that `audit` knows: dates out of order, out of range or
        missing; people and offences that are not there; repeated people; spells that overlap or
        end before they begin. Without it `audit` finds no error, though it may warn.
    partial : bool
        Whether to leave out optional tables and columns now and then.

    Returns
    -------
    strategy of dict
        Pandas DataFrames `people`, `offences`, `disposals`, `custody`, `deaths` and `pathways`,
        None for one left out; and `extract_date`. Dates are text, None where missing.

    Raises
    ------
    TrialError
        When there is no room for two people or a day.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> @settings(max_examples=10, derandomize=True, database=None, deadline=None)
    ... @given(extracts())
    ... def test_offences_are_recorded_after_they_were_committed(tables):
    ...     offences = tables["offences"].dropna(subset="recorded")
    ...     assert (offences["recorded"] >= offences["date"]).all()
    >>> test_offences_are_recorded_after_they_were_committed()
    """
    low, high = np.datetime64(first, "D"), np.datetime64(last, "D")
    if not (most >= 2 and rows >= 0):
        raise TrialError(f"`most` must be at least 2 and `rows` at least 0, got {most} and {rows}.")
    if not EARLIEST <= low <= high < LATEST:
        raise TrialError(
            f"`first` and `last` must be days in order from {EARLIEST} to before {LATEST}, got "
            f"{first!r} and {last!r}."
        )
    span = int((high - low).astype(int))
    return _extracts(_plans(most, rows, low, span, dirty), partial)


def records(**how: Any) -> "SearchStrategy[Records]":
    """Draw `Records`; the parameters are those of `extracts`.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from checkpoint_eval.outcomes import merge_custody
    >>> @settings(max_examples=10, derandomize=True, database=None, deadline=None)
    ... @given(records(dirty=True))
    ... def test_spells_are_merged_once(drawn):
    ...     merged = merge_custody(drawn)
    ...     assert merge_custody(merged).custody.size == merged.custody.size
    >>> test_spells_are_merged_once()
    """
    return extracts(**how).map(lambda tables: Records.from_tables(**tables))


def assignments(
    records: Records, *, arms: Sequence[str] = ARMS, back: int = 1_000, dirty: bool = False
) -> "SearchStrategy[Assignment]":
    """Draw an `Assignment` with identifiers and dates of people in the records.

    Parameters
    ----------
    records : Records
    arms : sequence of str
        Control first; everyone has somebody.
    back : int
        How many days before the extract the first may be randomised. Days next to an offence are
        drawn often.
    dirty : bool
        Whether to assign people who are not in the records, after the extract, or after death.

    Returns
    -------
    strategy of Assignment
        Some or all of the people, in any order.

    Examples
    --------
    >>> from hypothesis import given, settings, strategies as st
    >>> people = pd.DataFrame({"id": ["a", "b", "c"]})
    >>> offences = pd.DataFrame({"person": ["a"], "date": ["2018-03-01"]})
    >>> known = Records.from_tables(people=people, offences=offences, extract_date="2019-01-01")
    >>> @settings(max_examples=10, derandomize=True, database=None, deadline=None)
    ... @given(assignments(known))
    ... def test_nobody_is_randomised_after_the_extract(assignment):
    ...     assert (assignment.date <= known.extract_date).all()
    >>> test_nobody_is_randomised_after_the_extract()
    """
    if not (len(arms) >= 2 and back >= 0):
        raise TrialError(
            f"`arms` must name two or more and `back` be at least 0, got {arms!r} and {back}."
        )
    if not (dirty or records.n >= len(arms)):
        raise TrialError(
            f"`records` have {records.n} people for {len(arms)} arms; a trial needs one in each."
        )
    return _assignments(records, tuple(arms), back, dirty)


def followed(**how: Any) -> "SearchStrategy[tuple[Records, Assignment]]":
    """Draw records and an assignment of their people; the parameters are those of `extracts`.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from checkpoint_eval.outcomes import audit
    >>> @settings(max_examples=10, derandomize=True, database=None, deadline=None)
    ... @given(followed())
    ... def test_sound_extracts_have_no_errors(drawn):
    ...     assert audit(*drawn).ok
    >>> test_sound_extracts_have_no_errors()
    """

    def assigned(each: Records) -> "SearchStrategy[tuple[Records, Assignment]]":
        first = np.datetime64(how.get("first", FIRST), "D")
        back = int((each.extract_date - first).astype(int))
        return st.tuples(st.just(each), assignments(each, back=back, dirty=how.get("dirty", False)))

    return records(**how).flatmap(assigned)


def trials(
    *, most: int = 24, arms: Sequence[str] = ARMS, strata: int = 1, missing: bool = False
) -> "SearchStrategy[Trial]":
    """Draw a small valid trial with a time to an event, a yes or no, and a number.

    Parameters
    ----------
    most : int
        Most people; every arm has at least two in every stratum, whatever it says.
    arms : sequence of str
        Control first.
    strata : int
        How many sites the randomisation was stratified by; 1 for none.
    missing : bool
        Whether some outcomes are missing; two people of each arm and site are always seen.

    Returns
    -------
    strategy of Trial
        With outcomes `reoffence` (tied whole weeks), `any` and `harm`, and the covariate `age`.

    Examples
    --------
    >>> from hypothesis import given, settings
    >>> from checkpoint_eval import risk_difference
    >>> @settings(max_examples=10, derandomize=True, database=None, deadline=None)
    ... @given(trials())
    ... def test_a_risk_difference_is_at_most_one(trial):
    ...     assert abs(risk_difference(trial, outcome="any").value) <= 1
    >>> test_a_risk_difference_is_at_most_one()
    """
    if not (len(arms) >= 2 and strata >= 1):
        raise TrialError(
            f"`arms` must name two or more and `strata` be at least 1, got {arms!r} and {strata}."
        )
    return _trials(most, tuple(arms), strata, missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Over which days an extract is drawn, of whom, how large, and whether it is sound."""

    first: np.datetime64
    span: int  # the day of the extract, counted from the first
    rows: int
    dirty: bool
    days: "SearchStrategy[int]"
    gone: Mapping[str, int | None]  # the day each person died or left

    @property
    def who(self) -> "SearchStrategy[str]":
        return st.sampled_from([*self.gone, NOBODY] if self.dirty else [*self.gone])

    def faulty(self, strategy: "SearchStrategy[Any]") -> "SearchStrategy[Any]":
        """Return a strategy that misses values where faults are asked for."""
        return strategy | st.none() if self.dirty else strategy

    def sound(self, who: str, day: int) -> int:
        """Return a day on which the person was still there, unless faults are asked for."""
        last = self.gone.get(who)
        return day if self.dirty or last is None else min(day, last)

    def listed(self, *columns: "SearchStrategy[Any]") -> "SearchStrategy[list[Any]]":
        return st.lists(st.tuples(*columns), max_size=self.rows)

    def frame(self, rows: Sequence[Sequence[Any]], *columns: str) -> pd.DataFrame:
        """Return a table with days as text."""
        found = {}
        for place, name in enumerate(columns):
            values = [row[place] for row in rows]
            if name in DAYS:
                values = [None if d is None else str(self.first + d * A_DAY) for d in values]
            found[name] = pd.Series(values, dtype=float if name == "score" else object)
        return pd.DataFrame(found)


@st.composite
def _plans(draw: DrawFn, most: int, rows: int, first: Any, span: int, dirty: Any) -> _Plan:
    spare = max(3, span // 8) if dirty else 0
    anywhere = st.integers(-spare, span + spare)
    leap = int((np.datetime64("2016-02-29", "D") - first).astype(int))
    about = {*draw(st.lists(anywhere, min_size=1, max_size=3)), span, leap}
    near = {day + step for day in about for step in (-1, 0, 1)}
    days = st.sampled_from(sorted(d for d in near if -spare <= d <= span + spare)) | anywhere
    people = range(draw(st.integers(2, most)))
    gone = {f"p{number}": draw(days | st.none()) for number in people}
    return _Plan(first=first, span=span, rows=rows, dirty=dirty, days=days, gone=gone)


@st.composite
def _extracts(draw: DrawFn, plans: "SearchStrategy[_Plan]", partial: Any) -> Tables:
    plan = draw(plans)
    offences = _offences(draw, plan)
    gone = [(who, day) for who, day in plan.gone.items() if day is not None]
    gone += draw(st.lists(st.tuples(plan.who, plan.days | st.none()), max_size=2 * plan.dirty))
    when, need = plan.faulty(plan.days), st.sampled_from(PATHWAYS)
    seen = draw(plan.listed(plan.who, when, need, st.integers(0, 10)))
    seen = [(w, day if plan.dirty else plan.sound(w, day), *rest) for w, day, *rest in seen]
    left = [(*row, draw(st.sampled_from(LEFT))) for row in gone]
    tables: Tables = {
        "people": _people(draw, plan),
        "offences": plan.frame(offences, "offence", "person", "date", "recorded", "code"),
        "disposals": _disposals(draw, plan, offences),
        "custody": _custody(draw, plan),
        "deaths": plan.frame(left, "person", "date", "kind"),
        "pathways": plan.frame(seen, "person", "date", "pathway", "score"),
        "extract_date": str(plan.first + plan.span * A_DAY),
    }
    if partial:
        for name in ("disposals", "custody", "deaths", "pathways"):
            tables[name] = tables[name] if draw(st.booleans()) else None
        for name, column in (("people", "born"), ("offences", "recorded"), ("offences", "code")):
            if draw(st.booleans()):
                tables[name] = tables[name].drop(columns=column)
    return tables


def _people(draw: DrawFn, plan: _Plan) -> pd.DataFrame:
    born, names = st.integers(-OLDEST, -YOUNGEST), [*plan.gone]
    if plan.dirty:
        born, names = born | plan.days, names + draw(st.lists(st.sampled_from(names), max_size=2))
    rows = [(name, draw(born | st.none())) for name in draw(st.permutations(names))]
    return plan.frame(rows, "id", "born")


def _offences(draw: DrawFn, plan: _Plan) -> list[tuple[Any, ...]]:
    later = (plan.days if plan.dirty else st.integers(0, plan.span)) | st.none()
    rows = draw(plan.listed(plan.who, plan.faulty(plan.days), later, st.sampled_from(CODES)))
    if not plan.dirty:
        rows = [(who, plan.sound(who, day), *rest) for who, day, *rest in rows]
        rows = [(*r[:2], None if r[2] is None else min(r[1] + r[2], plan.span), r[3]) for r in rows]
    return [(f"o{number}", *row) for number, row in enumerate(rows)]


def _disposals(draw: DrawFn, plan: _Plan, offences: list[tuple[Any, ...]]) -> pd.DataFrame:
    committed = {each[0]: each[2] for each in offences}
    names = [*committed, NO_OFFENCE] if plan.dirty else [*committed]
    spelt = KINDS if not plan.dirty else (*KINDS, "Conviction ")
    offence, kind = st.sampled_from(names or [NO_OFFENCE]), plan.faulty(st.sampled_from(spelt))
    rows = draw(plan.listed(offence, plan.faulty(plan.days), kind)) if names else []
    if not plan.dirty:
        rows = [(name, max(day, committed[name]), how) for name, day, how in rows]
    elif offences:  # somebody's offences disposed of together
        rows += [(o[0], plan.span, KINDS[0]) for o in offences if o[1] == offences[0][1]]
    return plan.frame(rows, "offence", "date", "disposal")


def _custody(draw: DrawFn, plan: _Plan) -> pd.DataFrame:
    """Draw spells; sound ones are apart, as turns of a person's days in order."""
    some = plan.days | st.none()
    rows = draw(plan.listed(plan.who, some, some)) if plan.dirty else []
    for who in plan.gone if not plan.dirty else ():
        turns = {plan.sound(who, day) for day in draw(st.lists(plan.days, max_size=4))}
        ends = [*sorted(turns), None]
        rows += [(who, ends[at], ends[at + 1]) for at in range(0, len(turns), 2)]
    return plan.frame(draw(st.permutations(rows))[: plan.rows], "person", "start", "end")


@st.composite
def _assignments(
    draw: DrawFn, records: Records, arms: tuple[str, ...], back: int, dirty: Any
) -> Assignment:
    names = [str(name) for name in records.ids]
    if dirty:
        strangers = max(0, len(arms) - len(names)) + draw(st.integers(0, 2))
        names += [f"stranger {number}" for number in range(strangers)]
    size = draw(st.integers(len(arms), len(names)))
    ids = np.array(draw(st.permutations(names))[:size])
    more = st.sampled_from(range(len(arms)))
    arm = [*range(len(arms)), *(draw(more) for _ in range(size - len(arms)))]
    spare = max(3, back // 8) if dirty else 0
    days = st.integers(-back, spare)
    offended = (records.offences.date - records.extract_date)[~np.isnat(records.offences.date)]
    near = {day + step for day in offended.astype(int).tolist() for step in (-1, 0, 1)}
    near = {day for day in near if -back <= day <= spare}
    days = st.sampled_from(sorted(near)) | days if near else days
    date = records.extract_date + np.array([draw(days) for _ in ids], dtype="timedelta64[D]")
    if not dirty:
        for who, left in zip(records.departures.person, records.departures.date, strict=True):
            date = np.where((ids == records.ids[who]) & (who >= 0), np.fmin(date, left), date)
    stratum = np.zeros(size, dtype=np.int64)
    return Assignment(arm=np.array(arm), arms=arms, stratum=stratum, ids=ids, date=date)


@st.composite
def _trials(draw: DrawFn, most: int, arms: tuple[str, ...], strata: int, missing: Any) -> Trial:
    sizes = (len(arms), strata, 12, 2, 2, 9, 30, 4)
    least = 2 * len(arms) * strata
    code = st.integers(0, int(np.prod(sizes)) - 1)
    codes = draw(st.lists(code, min_size=least, max_size=max(most, least)))
    arm, site, week, event, yes, age, harm, lost = (
        np.array(each) for each in np.unravel_index(np.array(codes), sizes)
    )
    arm[:least], site[:least] = np.divmod(np.arange(least) % (least // 2), strata)
    age[:2], lost[:least] = (0, 1), 0
    columns = {
        "arm": np.array(arms)[arm],
        "site": np.array([f"site {number}" for number in range(strata)])[site],
        "age": 18 + 4 * age,
    }
    values = {"week": (week + 1, 1), "reoffended": (event, 1), "any": (yes, 2), "harm": (harm, 3)}
    for name, (value, gone) in values.items():
        columns[name] = np.where((lost == gone) & missing, np.nan, value)
    return Trial.from_frame(
        pd.DataFrame(columns),
        arm="arm",
        control=arms[0],
        arms=arms,
        strata=("site",) if strata > 1 else (),
        covariates=("age",),
        times={"reoffence": ("week", "reoffended", "weeks")},
        binary={"any": "any"},
        numeric={"harm": "harm"},
    )
