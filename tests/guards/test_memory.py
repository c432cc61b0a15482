"""What is remembered of a frozen value is right, is its own, and goes when the value goes."""

import gc
import weakref

import numpy as np
import pandas as pd

import checkpoint_eval as ce
from checkpoint_eval._memory import remembered
from checkpoint_eval.models import compare


class Subject:
    """Something that can be remembered about."""


def test_a_question_is_asked_once_for_each_subject_and_argument() -> None:
    asked: list[object] = []

    @remembered
    def answer(subject: Subject, more: int, *, scale: int = 1) -> int:
        asked.append((subject, more, scale))
        return more * scale

    one, two = Subject(), Subject()
    assert [answer(one, 2), answer(one, 2), answer(two, 2), answer(one, 3)] == [2, 2, 2, 3]
    assert answer(one, 2, scale=5) == 10
    assert len(asked) == 4


def test_errors_are_not_remembered() -> None:
    tries: list[int] = []

    @remembered
    def answer(subject: Subject) -> int:
        del subject
        tries.append(1)
        raise ValueError

    one = Subject()
    for _ in range(2):
        try:
            answer(one)
        except ValueError:
            continue
    assert len(tries) == 2


def trial(event: list[int]) -> ce.Trial:
    frame = pd.DataFrame({"arm": [0, 1] * 3, "time": [1, 2, 3, 4, 5, 6], "event": event})
    return ce.Trial.from_frame(frame, arm="arm", control=0, times={"y": ("time", "event", "days")})


def test_two_trials_never_share_an_answer() -> None:
    first, second = trial([1, 0, 1, 0, 1, 0]), trial([0, 1, 0, 1, 0, 1])
    tables = [compare(each, outcome="y").table() for each in (first, second)]
    assert tables[0].events.sum(axis=1).tolist() == [3, 0]
    assert tables[1].events.sum(axis=1).tolist() == [0, 3]
    again = compare(first, outcome="y").table()
    assert again is tables[0]


def test_a_remembered_table_cannot_be_changed_by_a_caller() -> None:
    curve = ce.survival_curve(trial([1, 0, 1, 0, 1, 0]), outcome="y")
    for array in (curve.at_risk, curve.events, curve.time):
        assert not array.flags.writeable
    table = compare(trial([1, 0, 1, 0, 1, 0]), outcome="y").table()
    for array in (table.at_risk, table.events, table.time):
        assert not array.flags.writeable


def test_memory_goes_with_its_trial() -> None:
    one = trial([1, 0, 1, 0, 1, 0])
    kept = weakref.ref(compare(one, outcome="y"))
    assert kept() is not None
    del one
    gc.collect()
    assert kept() is None
    assert np.isfinite(ce.logrank_test(trial([1, 0, 1, 0, 1, 0]), outcome="y").statistic)
