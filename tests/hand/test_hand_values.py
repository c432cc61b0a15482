"""Results equal their like on every Python, unknown numbers included."""

from __future__ import annotations

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.report import Disclosure


@pytest.fixture(scope="module")
def effect() -> ce.Estimate:
    # Without a clock there is no time point: it is unknown.
    found = ce.risk_difference(ce.load_minneapolis(), outcome="failure")
    assert np.isnan(found.time_point)
    return found


def test_unknown_numbers_are_alike(effect: ce.Estimate) -> None:
    # Another object for each NaN, also within a tuple.
    other = replace(effect, time_point=float("nan"), by_arm=(effect.by_arm[0], float("nan")))
    third = replace(effect, time_point=np.float64("nan"), by_arm=(effect.by_arm[0], float("nan")))
    assert other == third
    assert hash(other) == hash(third)
    assert len({other, third}) == 1
    assert pickle.loads(pickle.dumps(effect)) == copy.deepcopy(effect) == effect


def test_what_differs_is_not_alike(effect: ce.Estimate) -> None:
    withheld = Disclosure().published(3)
    assert effect != replace(effect, value=effect.value + 1e-12)
    assert effect != replace(effect, time_point=365.0)
    assert effect != replace(effect, outcome="another")
    assert replace(effect, n=(withheld, 100)) != replace(effect, n=(float("nan"), 100))
    assert replace(effect, n=(withheld, 100)) == replace(effect, n=(withheld, 100))
    assert effect != 1
