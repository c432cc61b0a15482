"""Columns that break what the protocol says of them: refused when people are read."""

from __future__ import annotations

import numpy as np
import pytest
from promised_trial import estimand, people, written

import checkpoint_eval as ce
from checkpoint_eval.design import parse_protocol

# Nothing promised reads grades or contacts, so that only the reader can see what is wrong.
PROTOCOL = parse_protocol(written(estimand("breach", "risk difference")))


def read(**columns: object) -> ce.Trial:
    return ce.Trial.from_protocol(people().assign(**columns), PROTOCOL)


BAD = [
    ({"stopped": 1e300}, r"count column 'stopped' is 1e\+300 at row 0, beyond anything"),
    ({"stopped": 2.0**60}, r"'stopped' is 1.15292e\+18 at row 0.*counts are whole"),
    ({"stopped": 0.5}, r"'stopped' is 0.5 at row 0.*counts are whole"),
    ({"harm": -1e200}, r"outcome column 'harm' is -1e\+200 at row 0"),
    ({"harm": np.inf}, r"finite, got inf at row 0"),
    ({"days": 1e101}, r"time column 'days' is 1e\+101 at row 0"),
    ({"free": 0.0}, r"'free' is 0 at row \d+.*need some time at risk"),
    ({"grade": 5}, r"'grade' holds 5, and the `grades` of outcome 'severity' are.*declare it"),
    ({"grade": 1.5}, r"'grade' holds 1.5, and the `grades`"),
    ({"met": -1}, r"contacts column 'met' must hold how often people met"),
    ({"met": "often"}, r"contacts column 'met' must hold how often people met"),
    ({"era": None}, r"'era' is missing for everyone"),
    ({"navigator": None}, r"'navigator' is missing for everyone"),
    ({"got": 2}, r"received column 'got' holds 2 at row 0.*but the arms are 0, 1"),
    ({"housing_after": -1}, r"must hold 0, 1, 2 or 3"),
    ({"sex": "f"}, r"'sex' is constant"),
]


@pytest.mark.parametrize(("columns", "says"), BAD)
def test_it_is_refused(columns: dict[str, object], says: str) -> None:
    with pytest.raises(ce.InvalidData, match=says):
        read(**columns)


def test_one_large_number_among_others_is_refused() -> None:
    """Its square would be infinite, and with it every standard deviation."""
    age = people()["age"].to_numpy().copy()
    age[7] = 1e300
    with pytest.raises(ce.InvalidData, match=r"'age' is 1e\+300 at row 7.*correct it"):
        read(age=age)


def test_what_is_only_unusual_is_read() -> None:
    held = read(stopped=2**53, harm=-1e99, grade=4, met=0.5)
    stops = held.outcome("stops")
    assert isinstance(stops, ce.outcomes.CountOutcome)
    assert stops.value.tolist() == [2**53] * 160
