"""What fuzzing found that escaped as another error: each is refused in words."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import drift
from checkpoint_eval.design import (
    Custom,
    Simple,
    Stratified,
    parse_protocol,
    read_protocol,
)
from checkpoint_eval.randomise import allocate, commit_seed, redraw, verify_commitment

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(1)
HALF_A_SIGN = "\ud800"
ROWS: list[list[int]] = [[0, 1], [1, 0]]


def loose(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """Call a function with what its signature does not allow."""
    return function(*given, **named)


REFUSED: list[tuple[Callable[[], Any], str]] = [
    (lambda: loose(allocate, "simple", 10, seed=1), "`rule` must be an allocation rule.*got str"),
    (lambda: loose(allocate, Simple, 10, seed=1), "`rule` must be an allocation rule"),
    (lambda: loose(allocate, Simple(), 10, seed=1, arms=None), "`arms` must list the name"),
    (lambda: allocate(Simple(), 10, seed=10**5000), "`seed` must be a whole number or text"),
    (lambda: commit_seed(HALF_A_SIGN), "`seed` must be a whole number or text"),
    (lambda: next(loose(redraw, "x", draws=3, rng=RNG)), "`assignment` must be an `Assignment`"),
    (lambda: Custom(matrix=ROWS, weights=["a", "b"]), "`weights` must be 2 finite numbers"),
    (lambda: Custom(matrix=ROWS, weights=[True, False]), "`weights` must be 2 finite numbers"),
    (lambda: loose(parse_protocol, f'title = "{HALF_A_SIGN}"'), "no TOML that can be read"),
    (lambda: parse_protocol("a = " + "[" * 5000 + "]" * 5000), "no TOML that can be read"),
    (lambda: parse_protocol("horizon = " + "1" * 5000), "no TOML that can be read"),
    (lambda: read_protocol(Path("a\0b")), r"'a\\x00b' cannot be read"),
]


@pytest.mark.parametrize(("ask", "message"), REFUSED, ids=lambda x: x if type(x) is str else "")
def test_each_is_refused_in_words(ask: Callable[[], Any], message: str) -> None:
    with pytest.raises(ce.TrialError, match=message):
        ask()


@pytest.mark.parametrize("person", [3, "f", [1], np.arange(3), {"g": 1}, {}])
def test_a_person_who_does_not_say_their_level(person: Any) -> None:
    rule = Stratified(rule=Simple(), by="f")
    with pytest.raises(ce.UnknownColumn, match="`person` must say 'f', got"):
        rule.next_probabilities([], person)


def test_a_person_may_be_a_row_of_a_table() -> None:
    rule = Stratified(rule=Simple(ratio=(1, 3)), by="f")
    row = pd.DataFrame({"f": ["a"], "g": [1]}).iloc[0]
    np.testing.assert_allclose(rule.next_probabilities([], row), [0.25, 0.75])


def test_a_commitment_of_strange_signs_is_not_the_seeds() -> None:
    assert not verify_commitment(HALF_A_SIGN, "a secret")
    assert not verify_commitment("é", "a secret")


TABLE = pd.DataFrame({"arm": [0, 1, 1, 0], "y": [0, 1, 0, 1]})
DAYS = pd.to_datetime(["2025-03-29", "2025-03-31", "2025-10-25", "2025-10-27"])


def followed(when: Any) -> Any:
    """The times of a drift."""
    trial = ce.Trial.from_frame(TABLE, arm="arm", control=0, binary={"y": "y"})
    return drift(trial, when=when, draws=5, rng=np.random.default_rng(1)).when


def test_times_with_a_zone_are_told_in_utc() -> None:
    """Midnight in London is 23:00 UTC of the day before while clocks are an hour ahead."""
    london = DAYS.tz_localize("Europe/London")
    want = np.array(
        ["2025-03-29T00", "2025-03-30T23", "2025-10-24T23", "2025-10-27T00"], "datetime64[us]"
    )
    for when in (london, pd.Series(london), list(london), london.to_pydatetime()):
        np.testing.assert_array_equal(followed(when), want)
    np.testing.assert_array_equal(followed(DAYS), DAYS.to_numpy())
    first, later = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 1, 2, tzinfo=UTC)
    assert followed([first, first, later, later])[2] == np.datetime64("2025-01-02")


@pytest.mark.parametrize(
    ("when", "row"),
    [
        ([1, 2, None, 4], 2),
        ([np.nan, 1, 2, 3], 0),
        ([pd.NaT] * 4, 0),
        ([*DAYS[:3], pd.NaT], 3),
        (pd.to_datetime([None, "2025-01-01", "2025-01-02", "2025-01-03"]), 0),
    ],
)
def test_a_missing_time_is_named(when: Any, row: int) -> None:
    with pytest.raises(ce.InvalidData, match=rf"`when` is missing at row {row}"):
        followed(when)
