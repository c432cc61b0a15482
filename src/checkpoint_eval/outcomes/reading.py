"""Reading a flat table into the parts of a trial; every refusal names column, row and remedy."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np

from checkpoint_eval import _frames
from checkpoint_eval._arrays import NO_CODES, BoolArray, IntArray
from checkpoint_eval._checks import check_positive, counted
from checkpoint_eval._frames import at_row
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.protocol import check_unit
from checkpoint_eval.design.protocol_parts import BUILT_IN_SETS
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.arm_labels import Arms, declared_arms, same_label
from checkpoint_eval.outcomes.arrivals import places_in_order
from checkpoint_eval.outcomes.baseline import Covariate, crossed
from checkpoint_eval.outcomes.needs import PathwayScores, Scale
from checkpoint_eval.outcomes.observed import (
    BinaryOutcome,
    CountOutcome,
    NumericOutcome,
    Observed,
    TimeToEvent,
)
from checkpoint_eval.randomise.assignment import Assignment

MOST = 2**53  # the greatest count that a float tells from the next


def strata_of_rule(rule: Rule | None, strata: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of the strata; a stratified rule names them itself."""
    if rule is not None and not isinstance(rule, Rule):
        raise TrialError(
            f"`rule` must be an allocation rule such as PermutedBlocks(sizes=(4,)), got {rule!r}."
        )
    if not isinstance(rule, Stratified):
        return strata
    own = tuple(factor.name for factor in rule.factors)
    if strata and set(strata) != set(own):
        raise TrialError(
            f"`strata` are {', '.join(map(repr, strata))}, but the rule is stratified by "
            f"{', '.join(map(repr, own))}; leave `strata` out, the rule tells them."
        )
    return own


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReader:
    """A table opened for reading, and the identifiers its messages use."""

    frame: nw.DataFrame[Any]
    ids: np.ndarray[Any, np.dtype[np.str_]]

    @classmethod
    def open(cls, table: object, *, id: str | None) -> "TableReader":  # noqa: A002
        """Open a table and check that identifiers are present and unique."""
        frame = _frames.read_table(table)
        if id is None:
            return cls(frame=frame, ids=np.arange(frame.shape[0]).astype(str))
        series = _frames.column(frame, id, role="id")
        missing = _frames.missing_mask(series)
        if missing.any():
            raise InvalidData(
                f"The id column {id!r} is missing at {at_row(int(missing.argmax()))}; "
                "give every person an identifier, or leave `id` out."
            )
        ids = _frames.text(series)
        _refuse_repeated_ids(ids, id)
        return cls(frame=frame, ids=ids)

    def column(self, name: str, *, role: str) -> nw.Series[Any]:
        """Return one column."""
        return _frames.column(self.frame, name, role=role)

    def refuse_outcomes_at_baseline(
        self,
        names: Sequence[str],
        *,
        arm: str,
        received: str | None,
        outcomes: Mapping[str, Mapping[str, Any]],
        pathways: Mapping[str, tuple[str, str]],
    ) -> None:
        """Refuse a baseline column that is the arm or an outcome: it was not known before."""
        later = {arm: "the arm"} | ({received: "the arm received"} if received else {})
        for spec in (each for several in outcomes.values() for each in several.values()):
            parts = spec if isinstance(spec, (tuple, list)) else (spec,)
            read = (*parts[:2], *parts[3:])
            later |= {name: "an outcome" for name in read if isinstance(name, str)}
        later |= {pair[1]: "a need afterwards" for pair in pathways.values() if len(pair) > 1}
        for name in names:
            if name in later:
                raise InvalidData(
                    f"Column {name!r} is {later[name]}, so it cannot be a baseline covariate or "
                    "stratum, which were known before randomisation; leave it out."
                )

    def assignment(
        self,
        *,
        arm: str,
        control: object,
        arms: Arms,
        strata: tuple[str, ...],
        rule: Rule | None = None,
        order: str | None = None,
    ) -> Assignment:
        """Read arms, strata, and what the rule reads of each person."""
        series = self.column(arm, role="arm")
        names = declared_arms(series, control=control, arms=arms)
        codes = self._arm_codes(series, names, role="arm")
        if (codes < 0).any():
            row = int((codes < 0).argmax())
            raise InvalidData(
                f"The arm column {arm!r} is missing at {at_row(row, self.ids)}; everyone "
                "randomised has an arm: find it in the allocation record."
            )
        stratum, labels = self._strata(strata)
        return Assignment(
            arm=codes,
            arms=tuple(names.values()),
            stratum=stratum,
            strata=labels,
            stratified_by=strata,
            rule=rule,
            people=None if rule is None else rule.read(self.frame.to_native()),
            arrival=self._arrival(rule, order),
        )

    def _arrival(self, rule: Rule | None, order: str | None) -> IntArray:
        """Return each row's place in the order of arrival; empty when rows stand in it."""
        if order is None:
            if rule is not None and rule.by_arrival:
                raise TrialError(
                    f"{type(rule).__name__} depends on who came first; name the column that tells "
                    "it in `order`, or write order='rows' if the rows stand in order of arrival."
                )
            return NO_CODES
        if order == "rows" and order not in self.frame.columns:
            return NO_CODES
        return places_in_order(self.column(order, role="order"), self.ids)

    def _arm_codes(
        self, series: nw.Series[Any], names: Mapping[Any, str], *, role: str
    ) -> IntArray:
        """Return arm codes, -1 where missing; a label that was not declared is refused by row."""
        code = {same_label(label): number for number, label in enumerate(names)}
        codes, found = _frames.distinct(series)
        for number, value in enumerate(found):
            if same_label(value) not in code:
                declared = ", ".join(repr(label) for label in names)
                row = int((codes == number).argmax())
                raise InvalidData(
                    f"The {role} column {series.name!r} holds {value!r} at "
                    f"{at_row(row, self.ids)}, but the arms are {declared}; correct it or declare "
                    "it in `arms`."
                )
        return np.array([*(code[same_label(value)] for value in found), -1], dtype=np.int64)[codes]

    def _strata(self, names: tuple[str, ...]) -> tuple[IntArray, tuple[str, ...]]:
        if not names:
            return np.zeros(self.frame.shape[0], dtype=np.int64), ("everyone",)
        factors = [self.covariate(name, role="strata") for name in names]
        for factor in factors:
            if factor.missing.any():
                row = int(factor.missing.argmax())
                raise InvalidData(
                    f"The strata column {factor.name!r} is missing at {at_row(row, self.ids)}; "
                    "everyone was randomised in some stratum: find it in the allocation record."
                )
        return crossed(factors)

    def covariate(self, name: str, *, role: str) -> Covariate:
        """Read one baseline column: numbers as they are, text as sorted categories."""
        series = self.column(name, role=role)
        if not _frames.is_text(series):
            values = _frames.numbers(series, role=role)
            _frames.refuse_identifiers(series, values, role=role)
            return Covariate(name=name, values=values)
        _frames.refuse_spoiled_numbers(series, role=role)
        codes, found = _frames.distinct(series)
        levels = tuple(sorted({str(value) for value in found}))
        value = np.array([*(levels.index(str(value)) for value in found), np.nan])
        return Covariate(name=name, values=value[codes], levels=levels)

    def columns(
        self, names: Sequence[str], *, constant_allowed: Sequence[str]
    ) -> dict[str, Covariate]:
        """Read the baseline columns, refusing those that hold nothing to compare."""
        columns: dict[str, Covariate] = {}
        for name in dict.fromkeys(names):
            covariate = self.covariate(name, role="baseline")
            known = covariate.values[~covariate.missing]
            if not known.size:
                raise InvalidData(
                    f"The baseline column {name!r} is missing for everyone; leave it out."
                )
            if name not in constant_allowed and (known == known[0]).all():
                raise InvalidData(
                    f"The baseline column {name!r} is constant ({covariate.group_names[0]}) for "
                    "everyone with a value, so it cannot differ between arms; leave it out."
                )
            columns[name] = covariate
        return columns

    def outcomes(
        self,
        *,
        times: Mapping[str, tuple[str, ...]],
        binary: Mapping[str, str],
        numeric: Mapping[str, str],
        counts: Mapping[str, tuple[str, str | float | None, str]],
    ) -> dict[str, Observed]:
        """Read the outcomes."""
        kinds = {"times": times, "binary": binary, "numeric": numeric, "counts": counts}
        for (one, names), (other, others) in itertools.combinations(kinds.items(), 2):
            both = sorted(set(names) & set(others))
            if both:
                raise TrialError(
                    f"Outcome {both[0]!r} stands in both `{one}` and `{other}`; rename one."
                )
        found: dict[str, Observed] = {}
        for name, spec in times.items():
            parts = "(time column, event column, unit), or these and a column of what competes"
            _check_parts(spec, f"times[{name!r}]", parts, most=4)
            found[name] = self._time_to_event(*spec)
        for name, column in binary.items():
            flags = _frames.flags(self.column(column, role="outcome"), role="outcome")
            missing = np.isnan(flags)
            self._refuse_all_missing(missing, column)
            found[name] = BinaryOutcome(value=flags == 1, missing=missing)
        for name, column in numeric.items():
            values = _frames.numbers(self.column(column, role="outcome"), role="outcome")
            self._refuse_all_missing(np.isnan(values), column)
            found[name] = NumericOutcome(value=values, missing=np.isnan(values))
        for name, counting in counts.items():
            parts = "(count column, exposure column or length or None, unit)"
            _check_parts(counting, f"counts[{name!r}]", parts)
            found[name] = self._count(*counting)
        return found

    def _refuse_all_missing(self, missing: BoolArray, column: str) -> None:
        if missing.all():
            raise InvalidData(
                f"The outcome column {column!r} is missing for everyone; name another column."
            )

    def _missing_in_both(self, one: nw.Series[Any], other: nw.Series[Any]) -> BoolArray:
        """Return (n,) whose outcome is unknown; half an outcome is refused."""
        missing, unknown = _frames.missing_mask(one), _frames.missing_mask(other)
        self._refuse_half(missing & ~unknown, one, other)
        self._refuse_half(unknown & ~missing, other, one)
        self._refuse_all_missing(missing, one.name)
        return missing

    def _refuse_half(self, half: BoolArray, gone: nw.Series[Any], kept: nw.Series[Any]) -> None:
        if half.any():
            raise InvalidData(
                f"Column {gone.name!r} is missing at {at_row(int(half.argmax()), self.ids)} while "
                f"{kept.name!r} is known ({counted(int(half.sum()), 'such row')}); find the value, "
                "or leave both empty if the outcome is unknown."
            )

    def _count(self, column: str, exposure: str | float | None, unit: str) -> CountOutcome:
        check_unit(unit)
        counts = self.column(column, role="count")
        value = _frames.numbers(counts, role="count")
        if isinstance(exposure, str):
            times = self.column(exposure, role="exposure")
            time = _frames.numbers(times, role="exposure")
            missing = self._missing_in_both(counts, times)
        else:
            length = 1.0 if exposure is None else check_positive(exposure, "exposure")
            time, missing = np.full(value.size, length), _frames.missing_mask(counts)
            self._refuse_all_missing(missing, column)
        whole = (value >= 0) & (value <= MOST) & (value == np.floor(value))
        self._refuse_rows(~(missing | whole), counts, "counts are whole and at least 0")
        if isinstance(exposure, str):
            within = (time >= 0) & (time < np.inf)
            rule = "time at risk is finite and at least 0"
            self._refuse_rows(~(missing | within), times, rule)
            rule = f"events, here {column!r}, need some time at risk to happen in"
            self._refuse_rows((value > 0) & (time == 0), times, rule)
        value = np.where(missing, 0, value)
        return CountOutcome(value=value.astype(np.int64), exposure=time, unit=unit, missing=missing)

    def _refuse_rows(self, wrong: BoolArray, series: nw.Series[Any], rule: str) -> None:
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidData(
                f"Column {series.name!r} is {series[row]:g} at {at_row(row, self.ids)} "
                f"({counted(int(wrong.sum()), 'such row')}); {rule}."
            )

    def _time_to_event(
        self, time: str, event: str, unit: str, competing: str | None = None
    ) -> TimeToEvent:
        check_unit(unit)
        durations = self.column(time, role="time")
        events = self.column(event, role="event")
        value = _frames.numbers(durations, role="time")
        flag = _frames.flags(events, role="event")
        no_time = self._missing_in_both(durations, events)
        if competing is not None:
            cause = self.column(competing, role="competing")
            self._refuse_half(no_time & ~_frames.missing_mask(cause), durations, cause)
        rule = "times run from randomisation, finite and at least 0"
        self._refuse_rows(~(no_time | ((value >= 0) & (value < np.inf))), durations, rule)
        return TimeToEvent(
            time=value,
            event=flag == 1,
            unit=unit,
            missing=no_time,
            **self._competing(competing, flag == 1),
        )

    def _competing(self, name: str | None, event: BoolArray) -> dict[str, Any]:
        """Read what else ended follow-up: empty for everybody else."""
        if name is None:
            return {}
        column = self.covariate(name, role="competing")
        held = ~column.missing
        if not column.levels or not held.any():
            raise InvalidData(
                f"The competing column {name!r} names nothing that ended follow-up; write what "
                "did, such as death, and leave it empty for everybody else."
            )
        both = np.flatnonzero(held & event)
        if both.size:
            raise InvalidData(
                f"Column {name!r} is {column.levels[int(column.values[both[0]])]!r} at "
                f"{at_row(int(both[0]), self.ids)} ({counted(both.size, 'such row')}), where the "
                "event ended the time; whatever came first did: leave the other empty."
            )
        codes = np.where(held, np.nan_to_num(column.values) + 1, 0).astype(np.int64)
        return {"competing": codes, "causes": column.levels}

    def pathways(
        self,
        columns: Mapping[str, tuple[str, str]],
        *,
        scale: Scale,
        id: str | None,  # noqa: A002
        assessors: tuple[str, str] | None,
    ) -> PathwayScores | None:
        """Read how great each need was before and afterwards."""
        if not columns:
            if assessors is not None:
                raise TrialError("`assessors` are of `pathways`, and none is named; name some.")
            return None
        return PathwayScores.from_frame(
            self.frame.to_native(), columns=columns, scale=scale, id=id, assessors=assessors
        )

    def received(self, column: str | None, *, arm: str, control: object, arms: Arms) -> IntArray:
        """Read the arm received, coded as the arm assigned; -1 where unknown."""
        if column is None:
            return NO_CODES
        names = declared_arms(self.column(arm, role="arm"), control=control, arms=arms)
        return self._arm_codes(self.column(column, role="received"), names, role="received")

    def sets(self, columns: Mapping[str, str]) -> dict[str, BoolArray]:
        """Read the named analysis sets."""
        sets: dict[str, BoolArray] = {}
        for name, column in columns.items():
            if name in BUILT_IN_SETS:
                raise TrialError(f"Analysis set {name!r} is built in; give yours another name.")
            flags = _frames.flags(self.column(column, role="analysis set"), role="analysis set")
            if np.isnan(flags).any():
                row = int(np.isnan(flags).argmax())
                raise InvalidData(
                    f"The analysis set column {column!r} is missing at {at_row(row, self.ids)}; "
                    "a set either holds a person or does not."
                )
            sets[name] = flags == 1
        return sets


def _check_parts(spec: object, name: str, parts: str, *, most: int = 3) -> None:
    if not isinstance(spec, (tuple, list)) or not 3 <= len(spec) <= most:
        raise TrialError(f"`{name}` must be {parts}, got {spec!r}.")


def _refuse_repeated_ids(ids: np.ndarray[Any, np.dtype[np.str_]], column: str) -> None:
    order = np.argsort(ids, kind="stable")
    repeated = order[1:][ids[order][1:] == ids[order][:-1]]
    if repeated.size:
        row = int(repeated.min())
        first = int(np.flatnonzero(ids == ids[row])[0])
        raise InvalidData(
            f"The id column {column!r} repeats {str(ids[row])!r} at rows {first} and {row} "
            f"({counted(repeated.size, 'repeat')} in all); a trial has one row a person."
        )
