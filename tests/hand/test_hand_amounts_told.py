"""By hand: when a mean tells of few people or of one, and to how many digits an effect is told."""

from __future__ import annotations

import copy
import json
import math
import pickle

import pytest

from checkpoint_eval.report import Disclosure
from checkpoint_eval.report.disclosure_amounts import Amounts, dominated
from checkpoint_eval.report.disclosure_estimates import _numbers
from checkpoint_eval.report.rounded import Rounded
from checkpoint_eval.results import Estimate

RULE = Disclosure()


@pytest.mark.parametrize(
    ("amounts", "told"),
    [
        # 100 and 20 leave 9, which is less than a tenth of 100: who has 20 knows 100 to 109.
        ([100, 20, 5, 4], False),
        ([100, 20, 5, 5], True),  # 10 is a tenth
        ([100, 20, 5, 6], True),
        ([100], False),
        ([100, 100], False),
        ([0, 0, 0], True),  # nobody has any, so nobody dominates; that is a matter of few
        ([-100, 20, 5, 4], False),  # amounts without their sign
        ([1] * 12, True),
    ],
)
def test_the_p_percent_rule(amounts: list[float], told: bool) -> None:
    found = Amounts.known("harm", "itt", "court", amounts)
    assert found.is_of_one() is not told
    # The same of shares, as a Lorenz curve has them.
    total = sum(map(abs, amounts)) or 1
    largest = sorted(map(abs, amounts), reverse=True)[:2]
    assert dominated([each / total for each in largest], sum(map(abs, amounts)) / total) is not told


def test_some_of_the_people_are_at_least_so_many_as_have_the_most() -> None:
    found = Amounts.known("harm", "itt", "court", [50, 40, *range(1, 21)])
    # 50, 40, 20, 19 ... 14 are nine people with 209: a sum of 209 can be theirs, 210 needs ten.
    assert found.is_of_few(RULE, total=209)
    assert not found.is_of_few(RULE, total=210)
    # Were 50 and 40 among them, a sum of 94 leaves 4, of 95 the 5 that are a tenth of 50.
    assert found.is_of_one(total=94)
    assert not found.is_of_one(total=95)
    assert Amounts.known("harm", "itt", "court", []).is_of_few(RULE, total=3)


@pytest.mark.parametrize(
    ("values", "unlike"), [([1] * 97 + [2] * 3, 3), ([0, 0, 1, 2], 2), ([3, 1, 2], 2), ([], 0)]
)
def test_people_unlike_most(values: list[float], unlike: int) -> None:
    found = Amounts.known("harm", "itt", "court", values)
    assert found.unlike == unlike
    assert found.is_of_few(RULE) is (unlike < 10)


def effect(
    value: float, low: float, high: float, scale: str = "difference", *, name: str = "some effect"
) -> Estimate:
    return Estimate(
        estimand=name,
        outcome="any",
        analysis_set="itt",
        contrast=("contract", "court"),
        scale=scale,  # type: ignore[arg-type]
        value=value,
        low=low,
        high=high,
        level=0.95,
        p_value=0.0321,
        std_error=0.0671,
        method="",
        n=(100, 100),
        events=(40, 30),
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (effect(-0.1034, -0.2272, 0.0319), (-0.10, -0.23, 0.03)),
        # A risk difference is printed in points with a decimal.
        (effect(-0.1034, -0.2272, 0.0319, name="risk difference"), (-0.103, -0.227, 0.032)),
        (effect(-12.3456, -30.1234, 5.4321), (-12.35, -30.12, 5.43)),
        (effect(0.7512, 0.509, 1.097, "ratio"), (0.75, 0.51, 1.10)),
        # 0.996 to two decimals is 1, which it is not: all are told to one more.
        (effect(0.7, 0.5, 0.996, "ratio"), (0.7, 0.5, 0.996)),
        (effect(0.1, 0.004, 0.2), (0.1, 0.004, 0.2)),
        (effect(2.344, 0.0, math.inf, "ratio"), (2.34, 0.0, math.inf)),
    ],
)
def test_effects_are_told_to_the_decimals_that_are_printed(
    told: Estimate, expected: tuple[float, float, float]
) -> None:
    found = _numbers(told)
    assert [found[name] for name in ("value", "low", "high")] == pytest.approx(list(expected))
    assert found["std_error"] == pytest.approx(0.067)
    assert found["p_value"] == pytest.approx(0.032)


def test_a_number_prints_the_digits_that_are_known() -> None:
    mean = Rounded.to(537.41, 1)
    assert (f"{mean:.1f}", f"{mean:+.2f}", f"{mean:,.1f}", str(mean)) == (
        "537",
        "+537",
        "537",
        "537.0",
    )
    assert f"{Rounded.to(1234.5, 20):.1f}" == "1240"
    assert f"{Rounded.to(0.118, 0.02):.3f}" == "0.12"
    assert f"{100 * Rounded.to(0.118, 0.02):.1f}" == "12"
    assert f"{Rounded.to(0.118, 0.001):.1f}" == "0.1", "no more than asked for"
    assert f"{Rounded.to(-0.3, 1):.1f}" == "0", "no sign of nothing"
    for same in (copy.deepcopy(mean), pickle.loads(pickle.dumps(mean))):
        assert (same, same.step) == (537, 1)
    assert json.dumps(mean) == "537.0"
    assert math.isnan(Rounded.to(math.nan, 1))
    assert Rounded.to(math.inf, 1) == math.inf
