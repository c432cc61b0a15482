"""The kernel under every Cox model: people and their risk sets."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._display import Shown
from checkpoint_eval._times import TIE_TOLERANCE, time_grid
from checkpoint_eval.errors import InvalidData
from checkpoint_eval.models.event_tables import EventTable


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RiskSets(Shown):
    """n people and which of the e event times (of their stratum) each was at risk at.

    Event times are numbered over all strata: by stratum, then by time. A person is at risk at
    those of the own stratum with entry < time <= exit: up to `last`, and after `before`.

    Attributes
    ----------
    covariates : (n, p) float
        Centred at their means within each stratum; Fortran order.
    centre : (s, p) float
        Those means.
    weight : (n,) float
        Case weights, of all the people a row stands for together.
    copies : (n,) int
        How many alike people each row stands for.
    offset : (n,) float
        What is added to the linear predictor.
    last : (n,) int
        The last event time at risk; e for those at risk at none.
    before : (n,) int
        For who entered late, the last event time before they were at risk; e for the others.
    stratum : (n,) int
    starts : (s,) int
        The first event time of each stratum that has any.
    dead : (d,) int
        The rows whose exit was an event; then `last` is its event time.
    deaths : (e,) int
        People with the event at each event time.
    time : (e,) float
        The event times themselves.
    cluster : (n,) int
        Cluster codes for the robust variance.
    """

    covariates: FloatArray
    centre: FloatArray
    weight: FloatArray
    copies: IntArray
    offset: FloatArray
    last: IntArray
    before: IntArray
    stratum: IntArray
    starts: IntArray
    dead: IntArray
    deaths: IntArray
    time: FloatArray
    cluster: IntArray

    @classmethod
    def of(
        cls,
        covariates: ArrayLike,
        exit: ArrayLike,  # noqa: A002 - the field's word
        event: ArrayLike,
        *,
        entry: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        stratum: ArrayLike | None = None,
        cluster: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        copies: ArrayLike | None = None,
    ) -> "RiskSets":
        """Sort people into risk sets.

        Parameters
        ----------
        covariates : (n, p) float
        exit : (n,) float
        event : (n,) bool
        entry : (n,) float, optional
            Start of risk, exclusive; before every exit.
        weight : (n,) float, optional
            Positive case weights.
        stratum, cluster : (n,) int, optional
            Codes from 0. Without clusters each person is their own.
        offset : (n,) float, optional
            Added to the linear predictor, with the coefficient 1.
        copies : (n,) int, optional
            How many alike people each row stands for; then rows have no clusters.

        Raises
        ------
        InvalidData
            For entry not before exit, or weights that are not positive and finite.
        """
        x = np.array(covariates, dtype=np.float64, order="F", ndmin=2)
        stop, died = np.asarray(exit, dtype=np.float64), np.asarray(event, dtype=bool)
        n = stop.size
        w = np.ones(n) if weight is None else floats(weight)
        if not ((w > 0) & (w < np.inf)).all():
            raise InvalidData("`weight` must be positive and finite for everyone.")
        start = None if entry is None else floats(entry)
        if start is not None and not (start < stop).all():
            raise InvalidData("`entry` must come before the exit for everyone.")
        number = np.ones(n, dtype=np.int64) if copies is None else np.asarray(copies)
        w = w * number
        s = np.zeros(n, dtype=np.int64) if stratum is None else np.asarray(stratum)
        dead = np.flatnonzero(died)
        places = _places(start, stop, dead, s)
        # A constant within a stratum cancels from the likelihood; taken out, it costs no digits.
        held = np.bincount(s, weights=w)
        centre = np.empty((held.size, x.shape[1]))
        for place, column in enumerate(x.T):
            centre[:, place] = np.bincount(s, weights=w * column) / np.where(held > 0, held, 1.0)
            column -= centre[s, place]
        return cls(
            covariates=x,
            centre=centre,
            weight=w,
            copies=number,
            offset=np.zeros(n) if offset is None else floats(offset),
            last=places.last,
            before=places.before,
            stratum=s,
            starts=places.starts,
            dead=dead,
            deaths=np.bincount(places.last[dead], weights=number[dead], minlength=places.time.size)
            .round()
            .astype(np.int64),
            time=places.time,
            cluster=np.arange(n) if cluster is None else np.asarray(cluster),
        )

    @classmethod
    def of_table(cls, table: EventTable) -> "RiskSets":
        """Return the risk sets of a table of arms within strata: alike people in one row.

        Parameters
        ----------
        table : EventTable
            (s, k, m), without delayed entry. The covariates are the arms but the first.
        """
        events = floats(table.events)
        cells = np.stack([table.ended - events, events], axis=-1)
        stratum, arm, place, event = np.nonzero(cells)
        arms = np.arange(1, cells.shape[1])
        return cls.of(
            (arm[:, None] == arms).astype(np.float64),
            table.time[place],
            event == 1,
            stratum=stratum,
            copies=cells[stratum, arm, place, event].astype(np.int64),
        )

    def at_risk_sum(self, values: FloatArray) -> FloatArray:
        """Return (e,) or (e, p): the sum of (n,) or (n, p) values over each risk set."""
        e = self.deaths.size
        if values.ndim == 2:
            return np.stack([self.at_risk_sum(column) for column in values.T], axis=1)
        # Everyone counts up to `last` and, taken off again, up to `before`.
        steps = floats(np.bincount(self.last, weights=values, minlength=e + 1)[:e])
        if (self.before < e).any():
            steps -= np.bincount(self.before, weights=values, minlength=e + 1)[:e]
        return self._within_strata(steps[::-1], reverse=True)[::-1]

    def death_sum(self, values: FloatArray) -> FloatArray:
        """Return (e,) or (e, p): the sum of values over those who had the event at each time."""
        if values.ndim == 2:
            return np.stack([self.death_sum(column) for column in values.T], axis=1)
        own = self.last[self.dead]
        return floats(np.bincount(own, weights=values[self.dead], minlength=self.deaths.size))

    def while_at_risk(self, increments: FloatArray) -> FloatArray:
        """Return (n,) or (n, p): increments (e,) or (e, p) summed over each time at risk."""
        total = self._within_strata(increments, reverse=False)
        total = np.concatenate([total, np.zeros_like(total[:1])])
        return floats(total[self.last] - total[self.before])

    def _within_strata(self, values: FloatArray, *, reverse: bool) -> FloatArray:
        """Return running sums that start anew in each stratum.

        One running sum over all strata, less its value where each begins, would leave the
        rounding of large risks in the small risks of the next stratum.
        """
        e = self.deaths.size
        edges = e - self.starts[::-1] if reverse else self.starts[1:]
        blocks = np.split(values, edges[:-1] if reverse else edges)
        return np.concatenate([np.cumsum(block, axis=0) for block in blocks])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Places:
    """Where people stand among the event times; see `RiskSets`."""

    last: IntArray
    before: IntArray
    starts: IntArray
    time: FloatArray


def _places(start: FloatArray | None, stop: FloatArray, dead: IntArray, s: IntArray) -> _Places:
    grid, exit_place = time_grid(stop)
    m = grid.size
    strata = int(s.max(initial=0)) + 1
    is_event = np.bincount(s[dead] * m + exit_place[dead], minlength=strata * m) > 0
    # Event times up to and including each cell of stratum and time, and before each stratum.
    through = np.concatenate([[0], np.cumsum(is_event)])
    begin, e = through[: strata * m : m], int(through[-1])
    last = through[s * m + exit_place + 1] - 1
    first = begin[s]
    if start is not None:
        # Times tie up to rounding; an entry a rounding error off an exit must tie with it too.
        entered = np.searchsorted(grid, start + TIE_TOLERANCE * np.abs(start), side="right")
        first = through[s * m + entered]
    present = last >= first
    return _Places(
        last=np.where(present, last, e),
        before=np.where(present & (first > begin[s]), first - 1, e),
        starts=np.unique(begin[np.diff(np.append(begin, e)) > 0]),
        time=grid[np.flatnonzero(is_event) % m] if e else np.zeros(0),
    )
