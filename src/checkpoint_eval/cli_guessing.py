"""Guessing which column of a table is what, by its name and its values; never by outcomes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from checkpoint_eval import _frames
from checkpoint_eval.cli_columns import name_words
from checkpoint_eval.cli_dates import written

ARM = {"arm", "arms", "allocated", "allocation", "alloc", "assigned", "assignment", "group"} | {
    *("treatment", "treat", "randomised", "randomized", "randomisation", "condition")
}
RECEIVED = {"received", "delivered", "actual", "actually", "got"}
IDENTIFIER = {"id", "person", "urn", "pnc", "ref", "reference", "identifier", "participant"}
UNIT = {"day": "days", "week": "weeks", "month": "months", "year": "years"}
TIME = {"time", "duration", "followup", *UNIT, *UNIT.values()}
AMOUNT = {"harm", "custody", "sentence", "severity", "cost"}  # days of these are no waiting time
START = ("random", "allocat", "assign")
BIRTH = {"dob", "birth", "born", "birthday", "birthdate"}
EVENT = ("offen", "arrest", "convict", "recid", "event", "fail", "breach", "died", "death")
BASELINE = {"prior", "priors", "previous", "before", "baseline", "history", "past", "age", "index"}
COVARIATE = {"age", "sex", "gender", "female", "male", "ethnicity", "need", "needs", "band"} | {
    *("prior", "priors", "previous", "ogrs", "employed")
}
STRATA = {"stratum", "strata", "suite", "site", "station", "block"}
CONTROL = {"control", "court", "prosecution", "prosecuted", "charge", "usual", "standard"} | {
    *("comparison", "none", "no", "tau", "placebo", "0", "false")
}
YES, NO = {"yes", "y", "true", "t", "1", "1.0"}, {"no", "n", "false", "f", "0", "0.0"}
MOST_ARMS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """A table of which the columns are guessed at."""

    frame: pd.DataFrame

    @property
    def names(self) -> list[str]:
        """Every column, in order."""
        return [str(name) for name in self.frame.columns]

    def labels(self, name: str) -> list[Any]:
        """Return the different values of a column, sorted as text; whole numbers as such."""
        found = {_plain(value) for value in self.frame[name].dropna().unique()}
        return sorted((value for value in found if str(value).strip()), key=str)

    def arms(self) -> list[str]:
        """Return columns that may hold the arm, most telling first."""
        few = [name for name in self._named(ARM) if 2 <= len(self.labels(name)) <= MOST_ARMS]
        whole = [name for name in few if not self.frame[name].isna().any()]
        return [name for name in whole if not RECEIVED & set(name_words(name))]

    def control(self, arm: str) -> Any:
        """Return the label that sounds like control; None when none or several do."""
        labels = self.labels(arm)
        sounds = [label for label in labels if CONTROL & set(name_words(str(label)))]
        return sounds[0] if len(sounds) == 1 else None

    def received(self, arm: str) -> list[str]:
        """Return columns that hold the labels of the arm and sound like what was received."""
        labels = set(map(str, self.labels(arm)))
        named = [name for name in self._named(RECEIVED | ARM) if name != arm]
        sounds = [name for name in named if RECEIVED & set(name_words(name))]
        return [name for name in sounds if set(map(str, self.labels(name))) <= labels]

    def ids(self) -> list[str]:
        """Return columns that may identify people."""
        named = self._named(IDENTIFIER)
        unique = [name for name in named if self.frame[name].is_unique]
        return [name for name in unique if not self.frame[name].isna().any()]

    def nearly_ids(self) -> list[str]:
        """Return columns named as if they identified people, in which a few stand twice."""
        named = [name for name in self._named(IDENTIFIER) if name not in self.ids()]
        return [name for name in named if self.frame[name].nunique() > 0.8 * len(self.frame)]

    def yes_or_no(self, name: str) -> bool:
        """Return whether a column says yes and no, in whatever words."""
        return self._is_flag(name, YES, NO)

    def coded(self, name: str) -> bool:
        """Return whether yes is 1 and no is 0, as they must be."""
        return self.frame[name].dtype.kind in "biuf" and self.yes_or_no(name)

    def _is_flag(self, name: str, yes: set[str], no: set[str]) -> bool:
        said = {str(label).strip().casefold() for label in self.labels(name)}
        return bool(said) and said <= yes | no

    def events(self) -> list[str]:
        """Return yes-or-no columns that sound like something that happened afterwards."""
        sounds = [
            name
            for name in self.names
            if any(stem in _squashed(name) for stem in EVENT) and not _before(name)
        ]
        return [name for name in sounds if self.yes_or_no(name)]

    def refuse_spoiled(self) -> None:
        """Refuse a duration of which a stray text has made categories."""
        for name in self._named(TIME):
            if self.frame[name].dtype.kind not in "biufM" and not _before(name):
                series = _frames.column(_frames.read_table(self.frame), name, role="time")
                _frames.refuse_spoiled_numbers(series, role="time")

    def times(self) -> list[str]:
        """Return columns of numbers that sound like durations."""
        return [
            name
            for name in self._named(TIME)
            if self.frame[name].dtype.kind in "iuf"
            and self.frame[name].nunique() > 2
            and bool((self.frame[name].dropna() >= 0).all())
            and not _before(name)
            and not AMOUNT & set(name_words(name))
        ]

    def dates(self) -> list[str]:
        """Return columns of dates after birth, that of randomisation first where a name says so."""
        found = [name for name in self.names if self._is_date(name)]
        lived = [name for name in found if not BIRTH & set(name_words(name))]
        return sorted(lived, key=lambda name: not any(stem in _squashed(name) for stem in START))

    def _is_date(self, name: str) -> bool:
        if self.frame[name].dtype.kind == "M":
            return True
        said = self.labels(name)
        return bool(said) and all(
            isinstance(label, date) or written(str(label).strip()) is not None for label in said
        )

    def event_of(self, time: str) -> list[str]:
        """Return events; where a duration's name holds the name or a word of some, those alone."""
        whole = [name for name in self.events() if set(name_words(name)) <= set(name_words(time))]
        if whole:
            return whole
        stems = [stem for stem in EVENT if stem in _squashed(time)]
        shared = [name for name in self.events() if any(stem in _squashed(name) for stem in stems)]
        return shared or self.events()

    def unit(self, time: str) -> str | None:
        """Return the unit that a duration's name says."""
        said = {UNIT.get(word.removesuffix("s")) for word in name_words(time)} - {None}
        return said.pop() if len(said) == 1 else None

    def horizon(self, time: str, arm: str | None) -> float:
        """Return the longest time to which every arm was followed."""
        frame = self.frame.dropna(subset=[time])
        longest = frame[time].max() if arm is None else frame.groupby(arm)[time].max().min()
        return float(longest)

    def strata(self) -> list[str]:
        """Return columns that sound like strata."""
        return [name for name in self._named(STRATA) if 2 <= len(self.labels(name)) <= 50]

    def covariates(self) -> list[str]:
        """Return columns that sound as if they were known before randomisation."""
        return [name for name in self._named(COVARIATE) if len(self.labels(name)) > 1]

    def _named(self, words: set[str]) -> list[str]:
        return [name for name in self.names if words & set(name_words(name))]


def apart(names: Iterable[str], taken: Iterable[str | None]) -> list[str]:
    """Return the names that are not yet taken."""
    gone = set(taken)
    return [name for name in names if name not in gone]


def _squashed(name: str) -> str:
    return "".join(name_words(name))


def _before(name: str) -> bool:
    return bool(BASELINE & set(name_words(name)))


def _plain(value: Any) -> Any:
    """Return a label as a protocol writes it: a whole number without its point."""
    value = value.item() if isinstance(value, np.generic) else value
    return int(value) if isinstance(value, float) and value.is_integer() else value
