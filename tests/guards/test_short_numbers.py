"""No noun shows sixteen digits, or that a number is numpy's."""

import re
from typing import Any

import numpy as np
import pytest
from every_noun import every_noun

from checkpoint_eval import cohort, models
from checkpoint_eval._display import brief


@pytest.mark.parametrize("name", sorted(every_noun()))
def test_numbers_are_short(name: str) -> None:
    told = repr(every_noun()[name])
    assert not re.search(r"\d\.\d{8,}", told), told
    assert "np." not in told


def test_numbers_are_told_to_four_digits_and_whole_ones_whole() -> None:
    found = cohort.Margin(
        measure="age", cohort=1 / 3, reference=np.float64(123456.7), std_error=0.25
    )
    assert repr(found) == "Margin(measure='age', cohort=0.3333, reference=123457, std_error=0.25)"


def test_arrays_of_few_numbers_are_told_in_a_line() -> None:
    fit: Any = every_noun()["LogRank"]
    assert isinstance(fit, models.LogRank)
    assert "\n" not in brief(fit)
    assert "observed=[66, 48]" in brief(fit)
