"""Remembering pure answers about values that never change."""

import functools
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

Subject = TypeVar("Subject")
Answer = TypeVar("Answer")
Rest = ParamSpec("Rest")


def remembered(
    function: Callable[Concatenate[Subject, Rest], Answer],
) -> Callable[Concatenate[Subject, Rest], Answer]:
    """Keep a pure function's answers for as long as its first argument lives.

    For questions that several verbs ask of one frozen value: who is compared, and their counts.
    The other arguments must be hashable; errors are not remembered.
    """
    memory: WeakKeyDictionary[Any, dict[Any, Any]] = WeakKeyDictionary()

    @functools.wraps(function)
    def recall(subject: Subject, /, *args: Rest.args, **kwargs: Rest.kwargs) -> Answer:
        answers = memory.setdefault(subject, {})
        question = (args, tuple(sorted(kwargs.items())))
        if question not in answers:
            answers[question] = function(subject, *args, **kwargs)
        answer: Answer = answers[question]
        return answer

    return recall
