"""Integrity, losses, conduct and balance that must be refused, in the library's own words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import attrition, conduct, treatment_integrity
from checkpoint_eval.report import plot_integrity

if TYPE_CHECKING:
    from collections.abc import Callable


def read(*, lost: bool = True, **changed: Any) -> ce.Trial:
    """Six people, one of them lost."""
    table = pd.DataFrame(
        {
            "arm": [0, 1, 0, 1, 0, 1],
            "got": [0, 1, 1, 1, 0, 1],
            "age": [20, 30, 25, 44, 31, 28],
            "suite": list("nnssns"),
            "team": list("ababab"),
            "any": [None if lost else 1, 1, 0, 1, 0, 0],
            "week": [1, 2, 3, 4, 5, 6],
            "ev": [1, 0, 1, 0, 1, 0],
        }
    )
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": 0,
        "received": "got",
        "covariates": ["age"],
        "factors": ["suite", "team"],
        "binary": {"any": "any"},
        "times": {"re": ("week", "ev", "weeks")},
    }
    return ce.Trial.from_frame(table, **(usual | changed))


def three() -> ce.Trial:
    """Three arms."""
    table = pd.DataFrame({"arm": list("aabbcc"), "age": [1, 2, 4, 3, 5, 7]})
    return ce.Trial.from_frame(table, arm="arm", control="a", arms=list("abc"), covariates=["age"])


def rng() -> np.random.Generator:
    """A fresh generator."""
    return np.random.default_rng(1)


REFUSED: dict[str, tuple[Callable[[], object], str]] = {
    "no received": (lambda: treatment_integrity(read(received=None)), r"not recorded.*`received`"),
    "no dates": (lambda: treatment_integrity(read(), by="month"), r"no dates.*'month'"),
    "unknown group": (lambda: treatment_integrity(read(), by="sute"), r"'sute'.*'suite'"),
    "unknown contacts": (lambda: treatment_integrity(read(), contacts="calls"), r"'calls'"),
    "level": (lambda: treatment_integrity(read(), level=95), r"`level`.*between 0 and 1.*95"),
    "unknown outcome": (lambda: attrition(read(), outcome="an"), r"'an'.*'any'"),
    "horizon of a binary": (
        lambda: attrition(read(), outcome="any", horizon=5),
        r"`horizon`.*'any'.*leave it out",
    ),
    "horizon of nothing": (lambda: attrition(read(), outcome="re", horizon=0), r"`horizon`.*0"),
    "horizon of NaN": (
        lambda: attrition(read(), outcome="re", horizon=np.nan),
        r"`horizon`.*finite",
    ),
    "unknown reason": (lambda: attrition(read(), outcome="any", reason="why"), r"'why'"),
    "a seed for losses": (lambda: attrition(read(), outcome="any", rng=3), r"`rng`.*default_rng"),  # type: ignore[arg-type]
    "no draws for losses": (
        lambda: attrition(read(), outcome="any", draws=0, rng=rng()),
        r"`draws`.*at least 1",
    ),
    "conduct of a trial": (lambda: conduct(read()), r"`Ledger`, got Trial"),  # type: ignore[arg-type]
    "flow by a path": (lambda: ce.flow(read(), ledger="x"), r"`Ledger`, got str"),  # type: ignore[arg-type]
    "a seed for balance": (lambda: ce.omnibus_balance(read(), rng=3), r"`rng`.*default_rng"),  # type: ignore[arg-type]
    "no draws for balance": (
        lambda: ce.omnibus_balance(read(), draws=0, rng=rng()),
        r"`draws`.*at least 1",
    ),
    "unknown cluster": (lambda: ce.omnibus_balance(read(), clusters="tam"), r"'tam'.*'team'"),
    "clusters of both arms": (
        lambda: ce.omnibus_balance(read(), clusters="suite"),
        r"suite.*several arms",
    ),
    "no such denominator": (
        lambda: ce.standardised_differences(read(), denominator="treated"),  # type: ignore[arg-type]
        r"`denominator`.*'pooled', 'control'",
    ),
    "three arms where two are needed": (lambda: ce.standardised_differences(three()), r"arm"),
}


@pytest.mark.parametrize("name", list(REFUSED))
def test_refused(name: str) -> None:
    """With the argument, and what to do."""
    ask, words = REFUSED[name]
    with pytest.raises(ce.TrialError, match=words):
        ask()


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(
            lambda: treatment_integrity(read(), contacts="suite"),
            id="contacts in words",
        ),
        pytest.param(
            lambda: attrition(read(lost=False), outcome="any", rng=3),  # type: ignore[arg-type]
            id="a seed, nobody lost",
        ),
        pytest.param(
            lambda: attrition(read(lost=False), outcome="any", draws=0, rng=rng()),
            id="no draws, nobody lost",
        ),
        pytest.param(
            lambda: attrition(read(), outcome="re", horizon="5"),  # type: ignore[arg-type]
            id="horizon in words",
        ),
        pytest.param(
            lambda: plot_integrity(read()),  # type: ignore[arg-type]
            id="a figure of a trial",
        ),
    ],
)
def test_refused_in_our_words(ask: Callable[[], object]) -> None:
    """An argument that cannot be is told by name, not met by chance."""
    with pytest.raises(ce.TrialError):
        ask()


def test_one_cluster_an_arm() -> None:
    """Two teams, one an arm: nothing can be told, and the chi-square says so."""
    found = ce.omnibus_balance(read(), clusters="team")
    assert found.p_value == pytest.approx(0.3173105, rel=1e-6) or not found.estimable


def test_three_arms_of_the_omnibus_and_of_losses() -> None:
    """Both serve any number of arms."""
    assert ce.omnibus_balance(three()).df == 2
    table = pd.DataFrame({"arm": list("aabbcc"), "any": [1, None, 0, 1, 1, None]})
    trial = ce.Trial.from_frame(
        table, arm="arm", control="a", arms=list("abc"), binary={"any": "any"}
    )
    assert attrition(trial, outcome="any").lost == (1, 0, 1)
