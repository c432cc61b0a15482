"""Figures of proportionality and of contrasts over the horizon hold what they are given."""

from collections.abc import Iterator

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import checkpoint_eval as ce
from checkpoint_eval import models, report


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def trial() -> ce.Trial:
    return ce.load_rossi()


def small(days: int) -> ce.Trial:
    """Somebody has the event every day, by turns in each arm."""
    frame = pd.DataFrame({"arm": ["a", "b"] * (days // 2), "day": range(1, days + 1), "re": 1})
    return ce.Trial.from_frame(frame, arm="arm", control="a", times={"re": ("day", "re", "days")})


def test_log_log_holds_the_curve(trial: ce.Trial) -> None:
    curve = ce.survival_curve(trial, outcome="rearrest")
    ax = report.plot_log_log(curve)
    assert ax.get_xscale() == "log"
    for code, line in enumerate(ax.get_lines()):
        assert line.get_label() == curve.arms[code]
        x, y = line.get_data()
        inside = (curve.survival[code] > 0) & (curve.survival[code] < 1)
        assert np.array_equal(x, curve.time[inside])
        assert np.exp(-np.exp(np.asarray(y))) == pytest.approx(curve.survival[code][inside])


def test_schoenfeld_holds_residuals_and_the_coefficient(trial: ce.Trial) -> None:
    fit = ce.fit_cox(trial, outcome="rearrest", adjust=["age", "prio"])
    left = models.cox_residuals(fit, kind="scaled schoenfeld")
    for term in fit.terms:
        ax = report.plot_schoenfeld(fit, term=term)
        points, smooth, level, zero = ax.get_lines()
        assert np.array_equal(points.get_xdata(), left["time"])
        assert np.array_equal(points.get_ydata(), left[term])
        assert level.get_ydata()[0] == fit.coef[fit.terms.index(term)]
        assert zero.get_ydata()[0] == 0
        # A regression with a constant goes through the mean; the residuals' mean is the coefficient
        # where every event time has one event, and near it here.
        assert np.mean(smooth.get_ydata()) == pytest.approx(
            fit.coef[fit.terms.index(term)], abs=2 * fit.std_error[fit.terms.index(term)]
        )
    assert report.plot_schoenfeld(fit).get_ylabel() == f"Log hazard ratio of {fit.terms[0]}"


def test_smooth_follows_a_line_and_its_error_is_that_of_least_squares() -> None:
    """A natural spline holds every straight line, so it gives one back whatever the points."""
    from checkpoint_eval.report.survival_figures import _smooth

    time = np.linspace(0, 10, 40)
    grid = np.array([0.0, 2.5, 10.0])
    middle, error = _smooth(time, 3 - 2 * time, grid)
    assert middle == pytest.approx(3 - 2 * grid)
    # The hat matrix of least squares on 4 columns has trace 4.
    assert (_smooth(time, time, time)[1] ** 2).sum() == pytest.approx(4)
    assert error[0] > error[1]


@pytest.mark.parametrize("measure", ["difference", "ratio", "lost ratio"])
def test_contrast_holds_every_horizon(trial: ce.Trial, measure: str) -> None:
    curve = models.restricted_mean_curve(trial, outcome="rearrest", measure=measure)  # type: ignore[arg-type]
    ax = report.plot_contrast(curve)
    guide, line = ax.get_lines()
    assert guide.get_ydata()[0] == (0 if measure == "difference" else 1)
    assert np.array_equal(line.get_xdata(), curve.time)
    assert np.array_equal(line.get_ydata(), curve.value, equal_nan=True)
    assert ax.get_yscale() == ("linear" if measure == "difference" else "log")
    assert ax.get_title(loc="left") == "rearrest: financial aid against no aid"


def test_medians_are_dotted_where_they_are_reached(trial: ce.Trial) -> None:
    """Five events at days 1, 3, 5, 7, 9 leave 2/5 after day 5: the median; Rossi reaches none."""
    ax = report.plot_survival(ce.survival_curve(small(10), outcome="re"))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]  # type: ignore[union-attr]
    assert labels == ["a (median 5 days)", "b (median 6 days)"]
    dotted = [line for line in ax.get_lines() if line.get_linestyle() == ":"]
    assert [line.get_xdata()[-1] for line in dotted] == [5, 6]
    none = report.plot_survival(ce.survival_curve(trial, outcome="rearrest"))
    assert not [line for line in none.get_lines() if line.get_linestyle() == ":"]


def test_axes_given_are_drawn_on(trial: ce.Trial) -> None:
    axes = plt.subplots(3, 1)[1]
    curve = ce.survival_curve(trial, outcome="rearrest")
    assert report.plot_log_log(curve, ax=axes[0]) is axes[0]
    fit = ce.fit_cox(trial, outcome="rearrest")
    assert report.plot_schoenfeld(fit, ax=axes[1]) is axes[1]
    over = models.restricted_mean_curve(trial, outcome="rearrest")
    assert report.plot_contrast(over, ax=axes[2]) is axes[2]


def test_few_events_are_drawn_without_a_smooth() -> None:
    fit = ce.fit_cox(small(4), outcome="re")
    assert len(report.plot_schoenfeld(fit).get_lines()) == 3


def test_wrong_things_are_refused(trial: ce.Trial) -> None:
    with pytest.raises(ce.TrialError, match="`curve` must be a `Curve`, got Trial"):
        report.plot_log_log(trial)  # type: ignore[arg-type]
    with pytest.raises(
        ce.TrialError, match="`curve` must be a `ContrastCurve`, got Trial; `restricted_mean_curve`"
    ):
        report.plot_contrast(trial)  # type: ignore[arg-type]
    with pytest.raises(ce.TrialError, match="`fit` must be a `CoxFit`, got Trial"):
        report.plot_schoenfeld(trial)  # type: ignore[arg-type]
    fit = ce.fit_cox(trial, outcome="rearrest", adjust="age")
    with pytest.raises(ce.TrialError, match="term 'aeg' is not known; did you mean 'age'"):
        report.plot_schoenfeld(fit, term="aeg")
    with pytest.raises(ce.TrialError, match="`level`"):
        report.plot_schoenfeld(fit, level=float("nan"))
