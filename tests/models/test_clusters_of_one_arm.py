"""Clusters that one arm does not have, and families of one p-value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import adjust_p_values, mean_difference, partially_nested_difference

PEOPLE = pd.DataFrame(
    {
        "arm": ["court", "contract"] * 6,
        "y": [5.0, 3, 7, 2, 9, 4, 6, 3, 8, 1, 5, 4],
        "navigator": [None, "Ann", None, "Bob", None, "Cas", None, "Ann", None, "Bob", None, "Cas"],
    }
)
ASKED: dict[str, Any] = {"outcome": "y", "cluster": "navigator"}


def read(navigator: list[str | None]) -> ce.Trial:
    return ce.Trial.from_frame(
        PEOPLE.assign(navigator=navigator),
        arm="arm",
        control="court",
        numeric={"y": "y"},
        factors=["navigator"],
    )


def with_some(controls: int) -> ce.Trial:
    """So many of the six controls have a navigator as well."""
    named = PEOPLE["navigator"].tolist()
    named[: 2 * controls : 2] = ["Ann", "Bob", "Cas", "Ann", "Bob", "Cas"][:controls]
    return read(named)


@pytest.mark.parametrize("controls", [0, 1, 2])
def test_clusters_that_most_of_an_arm_lacks_are_refused(controls: int) -> None:
    """Left out, as people with missing covariates are, they would leave next to no controls."""
    trial = with_some(controls)
    told = f"{6 - controls} of 6 people in 'court' have no 'navigator', so they would be left out"
    with pytest.raises(ce.ImpossibleDesign, match=told) as refused:
        mean_difference(trial, **ASKED)
    assert "Use `partially_nested_difference`" in str(refused.value)
    assert partially_nested_difference(trial, outcome="y", navigator="navigator").estimable


@pytest.mark.parametrize("controls", [3, 6])
def test_a_few_without_are_left_out_and_counted(controls: int) -> None:
    found = mean_difference(with_some(controls), **ASKED)
    assert found.missing == (6 - controls, 0)
    assert found.n == (controls, 6)


def test_a_cluster_of_ones_own_is_a_cluster() -> None:
    navigators = PEOPLE["navigator"].where(PEOPLE["navigator"].notna(), "")  # pandas 3: NaN
    own = [each or f"own {row}" for row, each in enumerate(navigators)]
    found = mean_difference(read(own), **ASKED)
    assert found.n == (6, 6)
    assert found.value == pytest.approx(17 / 6 - 40 / 6)


@pytest.mark.parametrize("method", ["holm", "hochberg", "hommel", "bonferroni", "bh"])
def test_a_family_of_one_is_as_it_was(method: str) -> None:
    raw = np.array([0.03])
    found = adjust_p_values(raw, method=method)
    assert found.tolist() == [0.03]
    assert found is not raw
    assert np.isnan(adjust_p_values([np.nan], method=method)).all()
    assert adjust_p_values([], method=method).size == 0
    with pytest.raises(ce.TrialError, match="must lie in"):
        adjust_p_values([1.5], method=method)
