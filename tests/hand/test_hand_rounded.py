"""By hand: what a rounded number prints after arithmetic, and in arrays, frames and files."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pandas as pd
import pytest

from checkpoint_eval.report import Disclosure, Withheld
from checkpoint_eval.report.rounded import Rounded

DAYS = Rounded.to(537.41, 1)  # 537
SHARE = Rounded.to(0.1184, 0.02)  # 0.12
RISK = Rounded.to(0.1234, 0.001)  # 0.123


@pytest.mark.parametrize(
    ("number", "spec", "printed"),
    [
        (-DAYS, ".1f", "-537"),
        (abs(-DAYS), ".2f", "537"),
        (DAYS / 10, ".2f", "53.7"),
        (SHARE / 2, ".3f", "0.06"),
        (100 * RISK, ".2f", "12.3"),
        (RISK * 100, "+.2f", "+12.3"),
        (SHARE, ".1%", "12%"),  # 12.0 % would say that it is not 12.4 %
        (RISK, ".2%", "12.3%"),
        (RISK, ".0%", "12%"),
        (Rounded.to(1234.5, 100), ".1%", "120000%"),
        (Rounded.to(0.12, 0.5), ".1%", "0%"),
        (-Rounded.to(0.0, 1), ".1f", "0"),  # no sign of nothing
        (RISK, ".2g", "0.12"),
        (RISK, "", "0.123"),
        (DAYS, ">8.1f", "     537"),
    ],
)
def test_no_digit_is_printed_that_is_not_known(number: Rounded, spec: str, printed: str) -> None:
    assert format(number, spec) == printed


def test_a_rounded_number_is_a_number() -> None:
    assert np.arange(3) * RISK == pytest.approx([0, 0.123, 0.246])
    assert RISK * np.arange(3) == pytest.approx([0, 0.123, 0.246])
    assert (RISK / np.array([1.0, 2.0])).tolist() == [0.123, 0.0615]
    assert (RISK * pd.Series([1.0, 2.0])).tolist() == [0.123, 0.246]
    assert np.array([RISK, DAYS]).dtype == float
    assert pytest.approx(0.243) == RISK + SHARE
    assert RISK == 0.123 < SHARE + 0.1
    assert hash(RISK) == hash(0.123)
    assert math.isnan(RISK * math.nan)
    with pytest.raises(TypeError):
        RISK * "a"  # type: ignore[operator]
    with pytest.raises(ZeroDivisionError):
        DAYS / 0


def test_files_hold_the_digits_that_are_known() -> None:
    """As 0.123, and not as the 0.12300000000000001 that a product of steps may be."""
    values = [Rounded.to(each, 0.001) for each in (0.1 + 0.2, 0.1234, 2 / 3)]
    assert json.dumps(values) == "[0.3, 0.123, 0.667]"
    frame = pd.DataFrame({"value": values})
    assert frame["value"].dtype == float
    assert frame.to_csv(index=False).split() == ["value", "0.3", "0.123", "0.667"]
    file = io.BytesIO()
    frame.to_parquet(file)
    assert pd.read_parquet(file)["value"].tolist() == [0.3, 0.123, 0.667]


def test_below_two_nobody_is_not_told_apart_from_one() -> None:
    """Were 0 told as 0, "<2" would be one person."""
    least, usual = Disclosure(threshold=2, round_to=1), Disclosure(threshold=3, round_to=1)
    few = least.published(0, zero=True)
    assert isinstance(few, Withheld)
    assert few == least.published(1, zero=True)
    assert least.possible(few, zero=True) == (0, 1)
    assert "nobody is missing" not in least.told
    assert usual.published(0, zero=True) == 0
    assert usual.possible(usual.published(1, zero=True), zero=True) == (1, 2)
    assert "nobody is missing" in usual.told
