"""Names are where one looks; one that is not there is told with where it is."""

import importlib
import typing
from collections.abc import Iterator

import pytest

import checkpoint_eval as ce
from checkpoint_eval import _names


@pytest.mark.parametrize(
    ("package", "name", "words"),
    [
        ("", "rmst", "did you mean checkpoint_eval.restricted_mean?"),
        ("", "standardized_differences", "did you mean checkpoint_eval.standardised_differences?"),
        ("", "allocate", "did you mean checkpoint_eval.randomise.allocate?"),
        ("", "plot_survival", "did you mean checkpoint_eval.report.plot_survival?"),
        (".models", "hazard_ratios", "did you mean checkpoint_eval.models.hazard_ratio or"),
        (".report", "Trial", "did you mean checkpoint_eval.Trial?"),
        ("", "zzzz", "dir(checkpoint_eval) lists what it has."),
    ],
)
def test_a_missing_name_is_told_with_where_it_is(package: str, name: str, words: str) -> None:
    module = importlib.import_module(f"checkpoint_eval{package}")
    with pytest.raises(AttributeError) as problem:
        getattr(module, name)
    assert words in str(problem.value)
    assert not hasattr(module, name)


def test_what_other_packages_call_it_is_a_name_of_ours() -> None:
    rooms = [getattr(ce, name) for name in ce.__all__ if hasattr(getattr(ce, name), "__path__")]
    ours = {each for room in [ce, *rooms] for each in room.__all__}
    assert len(rooms) == 8
    assert set(_names.CALLED.values()) <= ours


def _nouns(hint: object) -> Iterator[type]:
    """Yield the classes of this library that a type names."""
    if isinstance(hint, type) and hint.__module__.startswith("checkpoint_eval"):
        yield hint
    for part in typing.get_args(hint):
        yield from _nouns(part)


def test_what_a_verb_returns_can_be_named() -> None:
    """A noun that one holds can be imported from a room: for annotations, isinstance and help."""
    rooms = [getattr(ce, name) for name in ce.__all__ if hasattr(getattr(ce, name), "__path__")]
    public = [getattr(room, name) for room in [ce, *rooms] for name in room.__all__]
    verbs = [each for each in public if callable(each) and not isinstance(each, type)]
    returned = {noun for verb in verbs for noun in _nouns(typing.get_type_hints(verb)["return"])}
    assert len(returned) > 60
    assert returned <= {each for each in public if isinstance(each, type)}


def test_looking_for_a_module_in_vain_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str, package: str) -> str:
        raise AssertionError(f"asked for {name} of {package}")

    monkeypatch.setattr(_names, "_remedy", refused)
    assert not hasattr(ce.randomise, "no_such_module")
