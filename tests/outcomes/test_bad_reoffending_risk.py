"""What OGRS3 refuses, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

import checkpoint_eval as ce
from checkpoint_eval.outcomes import ogrs3

GOOD: dict[str, Any] = {
    "age": [30, 20],
    "sex": ["male", "female"],
    "offence": ["violence", "robbery"],
    "previous_sanctions": [2, 0],
    "age_at_conviction": [29, 20],
    "age_at_first_sanction": [14, 20],
}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"age": [30, 9]}, r"`age` must be finite and at least 10, got 9 at row 1 \(1 such row\)"),
        ({"age": [float("inf"), 20]}, r"`age` must be finite and at least 10, got inf at row 0"),
        ({"age": ["thirty", 20]}, r"`age` must hold one number for each person: .*thirty"),
        ({"age": [[30, 20]]}, r"`age` has shape \(1, 2\); it needs one value for each person"),
        ({"age": [30, 20, 20]}, r"each of 3 people, or one for all, but age_at_conviction has 2"),
        ({"sex": ["m", "female"]}, r"`sex` is not known: 'm' \(.*'male'.*\) at row 0"),
        ({"sex": [0, 1]}, r"`sex` is not known: 0 .* at row 0 \(2 such rows\)"),
        ({"offence": ["violence", "rob"]}, r"`offence` is not known: 'rob' \(.*\) at row 1"),
        ({"offence": "violance"}, r"`offence` .*did you mean 'violence'\?.* at row 0"),
        ({"previous_sanctions": [2, -1]}, r"`previous_sanctions` must be finite and at least 0"),
        ({"previous_sanctions": [2.5, 0]}, r"`previous_sanctions` must be a whole number, got 2.5"),
        ({"age_at_conviction": [31, 20]}, r"in this order, got 14, 31 and 30 at row 0"),
        ({"age_at_first_sanction": [30, 20]}, r"in this order, got 30, 29 and 30 at row 0"),
        (
            {"age_at_first_sanction": [14, 15]},
            r"`previous_sanctions` is 0, so .* is 15 and `age_at_conviction` 20 at row 1",
        ),
    ],
)
def test_impossible_people(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(ce.InvalidData, match=words):
        ogrs3(**(GOOD | wrong))


@pytest.mark.parametrize("years", [0, 3, 1.5, "2"])
def test_other_horizons(years: Any) -> None:
    with pytest.raises(ce.TrialError, match="`years` must be 1 or 2, got"):
        ogrs3(**GOOD, years=years)
