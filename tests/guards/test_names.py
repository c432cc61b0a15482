"""A name that is not there is told with where it is, and costs nothing until it is read."""

import importlib

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


def test_looking_for_a_module_in_vain_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(name: str, package: str) -> str:
        raise AssertionError(f"asked for {name} of {package}")

    monkeypatch.setattr(_names, "_remedy", refused)
    assert not hasattr(ce.randomise, "no_such_module")
