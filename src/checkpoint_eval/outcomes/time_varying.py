"""What changes in a person after randomisation: employment, custody, contact with a navigator."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, IntArray, floats, frozen, frozen_mapping
from checkpoint_eval._checks import as_floats, check_count, check_mapping, counted
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import InvalidData


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TimeVarying(Shown):
    """Values of covariates from given times on, until the next change.

    Attributes
    ----------
    person : (m,) int
        Row of the assignment.
    time : (m,) float
        From when on the values hold, in the outcome's unit: an event at t meets the values of
        the last change before t.
    values : mapping of str to (m,) float
        All covariates at each change, 0/1 for yes or no.
    people : int

    Raises
    ------
    InvalidData
        For unknown values, two changes of one person at one time, or people who are not there.

    Examples
    --------
    >>> TimeVarying(person=[0, 0, 1], time=[0, 7, 0], values={"employed": [0, 1, 0]}, people=2)
    TimeVarying(2 people, 3 changes; employed)
    """

    person: IntArray
    time: FloatArray
    values: Mapping[str, FloatArray]
    people: int

    def __post_init__(self) -> None:
        check_count(self.people, "people")
        person, time = as_floats(self.person, "person"), as_floats(self.time, "time")
        if not (person == np.floor(person)).all():
            raise InvalidData("`person` must hold whole numbers, rows of the assignment.")
        person = frozen(person, np.int64)
        values = {
            name: as_floats(each, f"values[{name!r}]")
            for name, each in check_mapping(self.values, "values").items()
        }
        sizes = {time.size, person.size, *(each.size for each in values.values())}
        if not values or len(sizes) > 1:
            raise InvalidData(
                "`person`, `time` and each of `values` need one value for each change, and "
                "`values` at least one covariate."
            )
        if person.size and not ((person >= 0) & (person < self.people)).all():
            raise InvalidData(f"`person` must be a row from 0 to {self.people - 1}.")
        for name, each in {"time": time, **values}.items():
            wrong = np.flatnonzero(~np.isfinite(each))
            if wrong.size:
                raise InvalidData(
                    f"{name!r} is {each[wrong[0]]:g} at change {int(wrong[0])}; every change needs "
                    "known values."
                )
        order = np.lexsort((time, person))
        again = (np.diff(person[order]) == 0) & (np.diff(time[order]) == 0)
        if again.any():
            row = int(order[int(again.argmax()) + 1])
            raise InvalidData(
                f"Person {int(person[row])} changes twice at {time[row]:g}; keep one change."
            )
        object.__setattr__(self, "person", person)
        object.__setattr__(self, "time", time)
        object.__setattr__(self, "values", frozen_mapping(values))

    def __repr__(self) -> str:
        return (
            f"TimeVarying({counted(np.unique(self.person).size, 'person', 'people')}, "
            f"{counted(self.person.size, 'change')}; {', '.join(self.values)})"
        )

    def split(
        self, person: IntArray, entry: FloatArray, exits: FloatArray
    ) -> tuple[IntArray, FloatArray, FloatArray, FloatArray]:
        """Cut people's time at risk where a value changes.

        Parameters
        ----------
        person : (n,) int
            Rows of the assignment, each once.
        entry, exits : (n,) float

        Returns
        -------
        place : (r,) int
            Which of the n people an interval is of.
        start, stop : (r,) float
        values : (r, p) float

        Raises
        ------
        InvalidData
            When somebody has no values at the start of their time at risk.
        """
        place = np.full(self.people, -1)
        place[person] = np.arange(person.size)
        own = np.lexsort((self.time, self.person))
        own = own[place[self.person[own]] >= 0]
        who, since = place[self.person[own]], self.time[own]
        first = np.full(person.size, np.inf)
        np.minimum.at(first, who, since)
        late = np.flatnonzero(~(first <= np.maximum(entry, 0.0)))
        if late.size:
            raise InvalidData(
                f"Person {int(person[late[0]])} has no value at {max(entry[late[0]], 0.0):g}, when "
                f"their time at risk begins ({counted(late.size, 'such person', 'such people')}); "
                "give every person a change at the start."
            )
        same = np.append(who[1:] == who[:-1], False)
        until = np.where(same, np.append(since[1:], np.inf), np.inf)
        begins = np.maximum(entry[who], 0.0)
        start = np.where(since <= begins, entry[who], since)
        stop = np.minimum(until, exits[who])
        kept = (start < stop) & (until > begins)
        values = np.stack([each[own] for each in self.values.values()], axis=1)
        return who[kept], floats(start[kept]), floats(stop[kept]), floats(values[kept])

    def to_frame(self) -> pd.DataFrame:
        """Return one row a change."""
        return pd.DataFrame({"person": self.person, "time": self.time, **self.values})
