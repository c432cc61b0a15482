"""Two proportions: exact p-values and score intervals, over a batch of tables."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import ndtri
from scipy.stats import fisher_exact

from checkpoint_eval._arrays import FloatArray, floats, frozen
from checkpoint_eval._checks import as_floats
from checkpoint_eval._display import Shown, grid_frame
from checkpoint_eval.errors import InvalidData

Measure = Literal["difference", "ratio", "odds ratio"]
Interval = Literal["newcombe", "miettinen-nurminen", "wald", "greenland-robins"]

Limits = tuple[FloatArray, FloatArray]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class TwoProportions(Shown):
    """Events and people in each arm; every field (...) so that a batch is one value.

    Raises
    ------
    InvalidData
        When events are negative or exceed people, an arm has nobody, or the shapes do not match.
    """

    control_events: FloatArray
    control_n: FloatArray
    treatment_events: FloatArray
    treatment_n: FloatArray

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            object.__setattr__(self, name, frozen(as_floats(getattr(self, name), name)))
        shapes = [getattr(self, name).shape for name in self.__dataclass_fields__]
        try:
            np.broadcast_shapes(*shapes)
        except ValueError as problem:
            raise InvalidData(
                f"The counts have shapes {shapes}; give one of each for every table."
            ) from problem
        for events, people, arm in (
            (self.control_events, self.control_n, "control"),
            (self.treatment_events, self.treatment_n, "treatment"),
        ):
            if not ((events >= 0) & (events <= people) & (people > 0) & (people < np.inf)).all():
                raise InvalidData(
                    f"{arm.capitalize()} has {events} events among {people} people; "
                    "events lie between 0 and the people, and somebody is needed."
                )

    @property
    def control(self) -> FloatArray:
        """Risk in control."""
        return self.control_events / self.control_n

    @property
    def treatment(self) -> FloatArray:
        """Risk in treatment."""
        return self.treatment_events / self.treatment_n

    @property
    def correction(self) -> FloatArray:
        """Miettinen and Nurminen's N / (N − 1)."""
        total = self.control_n + self.treatment_n
        return floats(total / (total - 1))

    def to_frame(self) -> pd.DataFrame:
        """Return one row in all; the places of a batch come first."""
        return grid_frame((), **{name: getattr(self, name) for name in self.__dataclass_fields__})


def point_estimate(table: TwoProportions, measure: Measure) -> FloatArray:
    """Return the difference, ratio or odds ratio; infinite or NaN where a zero makes it so."""
    p0, p1 = table.control, table.treatment
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "difference":
            return floats(p1 - p0)
        if measure == "ratio":
            return floats(p1 / p0)
        return floats(p1 * (1 - p0) / (p0 * (1 - p1)))


def wilson_limits(events: ArrayLike, people: ArrayLike, *, level: float) -> Limits:
    """Return Wilson's score limits of one proportion.

    References
    ----------
    Wilson (1927); Newcombe (1998a), method 3. Checked against R prop.test without correction.
    """
    x, n = floats(events), floats(people)
    z = ndtri(0.5 + level / 2)
    centre = (x + z**2 / 2) / (n + z**2)
    half = z / (n + z**2) * np.sqrt(x * (n - x) / n + z**2 / 4)
    # At 0 and n the limits are exactly 0 and 1; rounding would miss them.
    return np.where(x == 0, 0.0, centre - half), np.where(x == n, 1.0, centre + half)


def newcombe_limits(table: TwoProportions, *, level: float) -> Limits:
    """Return the hybrid score interval of the risk difference, without continuity correction.

    References
    ----------
    Newcombe (1998b), Statistics in Medicine 17:873, method 10. Checked against printed
    examples and a slow reference.
    """
    low0, high0 = wilson_limits(table.control_events, table.control_n, level=level)
    low1, high1 = wilson_limits(table.treatment_events, table.treatment_n, level=level)
    p0, p1 = table.control, table.treatment
    difference = p1 - p0
    return (
        difference - np.hypot(p1 - low1, high0 - p0),
        difference + np.hypot(high1 - p1, p0 - low0),
    )


def wald_std_error(table: TwoProportions, measure: Measure) -> FloatArray:
    """Return the standard error of the difference or of the log ratio; NaN when a cell forbids it.

    References
    ----------
    Agresti (2013), Categorical Data Analysis, chapter 3.
    """
    p0, p1, n0, n1 = table.control, table.treatment, table.control_n, table.treatment_n
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "difference":
            variance = p0 * (1 - p0) / n0 + p1 * (1 - p1) / n1
        elif measure == "ratio":
            variance = (1 - p0) / (n0 * p0) + (1 - p1) / (n1 * p1)
        else:
            variance = 1 / (n0 * p0 * (1 - p0)) + 1 / (n1 * p1 * (1 - p1))
        return floats(np.where(np.isfinite(variance), np.sqrt(variance), np.nan))


def wald_limits(table: TwoProportions, measure: Measure, *, level: float) -> Limits:
    """Return Wald limits: of the difference, or of the log ratio by the delta method.

    References
    ----------
    Agresti (2013), Categorical Data Analysis, chapter 3. Checked against printed
    intervals of the Milwaukee and Rossi tables.
    """
    value = point_estimate(table, measure)
    half = ndtri(0.5 + level / 2) * wald_std_error(table, measure)
    if measure == "difference":
        return value - half, value + half
    return value / np.exp(half), value * np.exp(half)


def score_statistic(table: TwoProportions, measure: Measure, null: FloatArray) -> FloatArray:
    """Return Miettinen and Nurminen's score statistic of a null value, signed as estimate − null.

    References
    ----------
    Miettinen and Nurminen (1985); closed root of the cubic as in Farrington and Manning (1990);
    written out in docs/methods.md. Checked against Lachin's and Miettinen's printed examples and
    numerical maximisation.
    """
    top, variance = score_parts(table, measure, null)
    return score_over_error(top, variance)


def score_over_error(top: FloatArray, variance: FloatArray) -> FloatArray:
    """Return (...) scores in their standard errors; infinite where only the score is not 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        z = top / np.sqrt(variance)
        return np.where(variance > 0, z, np.where(top == 0, 0.0, np.sign(top) * np.inf))


def score_parts(table: TwoProportions, measure: Measure, null: FloatArray) -> Limits:
    """Return the score of a null value and its variance, each (...)."""
    p0_hat, p1_hat = table.control, table.treatment
    n0, n1 = table.control_n, table.treatment_n
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "difference":
            p0 = restricted_difference(table, null)
            p1 = np.clip(p0 + null, 0, 1)
            top = p1_hat - p0_hat - null
            variance = p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0
        elif measure == "ratio":
            p0 = restricted_ratio(table, null)
            p1 = np.clip(null * p0, 0, 1)
            top = p1_hat - null * p0_hat
            variance = p1 * (1 - p1) / n1 + null**2 * p0 * (1 - p0) / n0
        else:
            p1, q1, p0, q0 = restricted_odds_ratio(table, null)
            top = n1 * (p1_hat - p1)
            variance = 1 / (1 / (n1 * p1 * q1) + 1 / (n0 * p0 * q0))
        return floats(top), floats(variance * table.correction)


def restricted_difference(table: TwoProportions, delta: FloatArray) -> FloatArray:
    """Return the maximum likelihood risk in control when the difference is delta."""
    x0, n0, x1, n1 = (
        table.control_events,
        table.control_n,
        table.treatment_events,
        table.treatment_n,
    )
    n, x = n0 + n1, x0 + x1
    b = (n1 + 2 * n0) * delta - n - x
    c = (n0 * delta - n - 2 * x0) * delta + x
    d = x0 * delta * (1 - delta)
    v = b**3 / (3 * n) ** 3 - b * c / (6 * n**2) + d / (2 * n)
    radius = np.sqrt(np.maximum(b**2 / (3 * n) ** 2 - c / (3 * n), 0))
    u = np.where(v < 0, -radius, radius)
    ratio = np.where(u != 0, v / np.where(u != 0, u, 1.0) ** 3, 0.0)
    angle = (np.pi + np.arccos(np.clip(ratio, -1, 1))) / 3
    p0 = 2 * u * np.cos(angle) - b / (3 * n)
    return floats(np.clip(p0, np.maximum(0, -delta), np.minimum(1, 1 - delta)))


def restricted_ratio(table: TwoProportions, ratio: FloatArray) -> FloatArray:
    """Return the maximum likelihood risk in control when the ratio is `ratio`."""
    x0, n0, x1, n1 = (
        table.control_events,
        table.control_n,
        table.treatment_events,
        table.treatment_n,
    )
    a = (n0 + n1) * ratio
    b = n1 * ratio + x1 + n0 + x0 * ratio
    c = x0 + x1
    # The smaller root, without the cancellation of b − sqrt(b² − 4ac).
    return floats(2 * c / (b + np.sqrt(np.maximum(b**2 - 4 * a * c, 0))))


def restricted_odds_ratio(
    table: TwoProportions, ratio: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the maximum likelihood risk and its complement in treatment, then in control.

    Each of the four is a root of its own, as 1 − p loses its digits when p is near 1.
    """
    n0, n1 = table.control_n, table.treatment_n
    x = table.control_events + table.treatment_events
    rest = n0 + n1 - x

    def root(
        ours: FloatArray, theirs: FloatArray, total: FloatArray, odds: FloatArray
    ) -> FloatArray:
        a = ours * (odds - 1)
        b = theirs * odds + ours - total * (odds - 1)
        square = np.sqrt(np.maximum(b**2 + 4 * a * total, 0))
        plain, turned = 2 * total / (b + square), (square - b) / (2 * a)
        return floats(np.where(b > 0, plain, turned))

    return (
        root(n1, n0, x, 1 / ratio),
        root(n1, n0, rest, ratio),
        root(n0, n1, x, ratio),
        root(n0, n1, rest, 1 / ratio),
    )


def miettinen_nurminen_limits(table: TwoProportions, measure: Measure, *, level: float) -> Limits:
    """Return the nulls the score test does not reject.

    References
    ----------
    Miettinen and Nurminen (1985). Checked against R and statsmodels' score intervals.
    """
    z = float(ndtri(0.5 + level / 2))
    value = point_estimate(table, measure)
    if measure == "difference":
        edge = 1 - 1e-15
        low = _root(table, measure, z, np.full_like(value, -edge), value, lambda null: null)
        high = _root(table, measure, -z, value, np.full_like(value, edge), lambda null: null)
        return (
            np.where(_at_corner(table, low=True), -1.0, low),
            np.where(_at_corner(table, low=False), 1.0, high),
        )
    span = np.full_like(value, 40.0)
    with np.errstate(divide="ignore"):
        log_value = np.clip(np.log(value), -40.0, 40.0)
    low = _root(table, measure, z, -span, log_value, np.exp)
    high = _root(table, measure, -z, log_value, span, np.exp)
    return (
        np.where(value == 0, 0.0, np.exp(low)),
        np.where(np.isinf(value), np.inf, np.exp(high)),
    )


def _at_corner(table: TwoProportions, *, low: bool) -> FloatArray:
    """Return whether the difference stands at −1 (or 1), where its limit stands too."""
    p0, p1 = table.control, table.treatment
    return np.asarray((p1 == 0) & (p0 == 1) if low else (p1 == 1) & (p0 == 0))


def _root(
    table: TwoProportions,
    measure: Measure,
    target: float,
    left: FloatArray,
    right: FloatArray,
    scale: Callable[[FloatArray], FloatArray],
) -> FloatArray:
    """Solve score(null) = target for every table; the score falls as the null rises."""
    fields = (table.control_events, table.control_n, table.treatment_events, table.treatment_n)

    def gap(
        null: FloatArray, x0: FloatArray, n0: FloatArray, x1: FloatArray, n1: FloatArray
    ) -> FloatArray:
        one = TwoProportions(control_events=x0, control_n=n0, treatment_events=x1, treatment_n=n1)
        score = score_statistic(one, measure, scale(null))
        return np.clip(score, -1e10, 1e10) - target

    found = elementwise.find_root(gap, (left, right), args=fields, tolerances={"xatol": 1e-15})
    return floats(found.x)


def fisher_p(table: TwoProportions) -> float:
    """Return Fisher's exact two-sided p of one table: the chance of no likelier a table.

    Two-sided by summing probabilities not above the observed one, as R. Checked against R
    fisher.test and enumeration in fractions.
    """
    a, b = float(table.treatment_events), float(table.control_events)
    cells = [[a, float(table.treatment_n) - a], [b, float(table.control_n) - b]]
    return float(min(1.0, fisher_exact(np.array(cells, dtype=np.int64)).pvalue))
