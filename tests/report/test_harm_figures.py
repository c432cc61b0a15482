"""Lorenz curves hold what they are given."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import checkpoint_eval as ce
from checkpoint_eval.models import Inequality, harm_inequality
from checkpoint_eval.report import plot_lorenz


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def spread(control: list[float], treatment: list[float]) -> Inequality:
    people = pd.DataFrame(
        {
            "arm": ["court"] * len(control) + ["contract"] * len(treatment),
            "days": control + treatment,
        }
    )
    numeric = {"harm": "days"}
    trial = ce.Trial.from_frame(people, arm="arm", control="court", numeric=numeric)
    return harm_inequality(trial, outcome="harm")


def test_lorenz_holds_both_curves() -> None:
    """Contract: gaps of 10 pairs add up to 90, so (90 / 10) / (2 · 8) = 0.5625."""
    found = spread([0, 0, 10, 30], [5, 5, 10, 20, 0])
    ax = plot_lorenz(found)
    diagonal, *curves = ax.get_lines()
    assert np.array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    for code, line in enumerate(curves):
        assert np.array_equal(line.get_xdata(), found.people[code])
        assert np.array_equal(line.get_ydata(), found.share[code])
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["court (n = 4): Gini 0.83", "contract (n = 5): Gini 0.56"]
    assert ax.get_ylabel() == "Share of all harm"
    assert curves[0].get_color() != curves[1].get_color()


def test_an_arm_without_any_has_no_curve() -> None:
    ax = plot_lorenz(spread([0, 0, 0, 0], [5, 5, 10, 20]), ax=plt.figure().gca())
    assert np.isnan(ax.get_lines()[1].get_ydata()).all()
    assert ax.get_legend().get_texts()[0].get_text() == "court (n = 4): nobody has any"


def test_one_person_with_everything_has_a_curve_and_no_interval() -> None:
    found = spread([0, 0, 0, 8], [5, 5, 10, 20])
    assert plot_lorenz(found).get_legend().get_texts()[0].get_text() == "court (n = 4): Gini 1.00"
    assert "nan to nan" in repr(found)
