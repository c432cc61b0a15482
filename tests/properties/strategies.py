"""Small cohorts, tables and helpers for the laws; the hypothesis profile they all run under."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import checkpoint_eval as ce
from checkpoint_eval.models.event_tables import EventTable, event_table
from checkpoint_eval.models.proportions import TwoProportions

if TYPE_CHECKING:
    from collections.abc import Callable

    from hypothesis.strategies import DrawFn
    from numpy.typing import ArrayLike

# Derandomised: the same examples on every machine, so a red build is red again at home. No
# deadline: shared cores stall. `assume` is used for estimability, hence the health check.
settings.register_profile(
    "laws",
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
settings.load_profile("laws")

EXACT = 1e-10  # same arithmetic, other order: a few dozen additions of numbers of order 1
SOLVED = 1e-7  # two runs of an iterative fit that stops when the likelihood no longer moves

ARMS = ("control", "treatment", "other")
OUTCOME = "rearrest"
TIMES = {OUTCOME: ("week", "arrest", "weeks")}
# One integer a person is decoded into these columns: far quicker to draw than eight.
COLUMNS = {"arm": 3, "week": 12, "arrest": 2, "site": 3, "age": 9, "prio": 6, "any": 2, "kind": 3}


@st.composite
def cohorts(
    draw: DrawFn,
    *,
    arms: int = 2,
    sites: int = 1,
    most: int = 24,
    each: int = 2,
    censoring: bool = True,
) -> pd.DataFrame:
    """Draw people with tied whole weeks; every arm has at least `each` people in every site."""
    sizes = COLUMNS | {"arm": arms, "site": sites}
    least = arms * sites * each
    last = int(np.prod(list(sizes.values()))) - 1
    codes = draw(st.lists(st.integers(0, last), min_size=least, max_size=max(most, least)))
    frame = pd.DataFrame(
        dict(zip(sizes, np.unravel_index(codes, tuple(sizes.values())), strict=True))
    )
    cell = np.arange(least) % (arms * sites)
    frame.loc[: least - 1, "arm"] = cell % arms
    frame.loc[: least - 1, "site"] = cell // arms
    frame["week"] += 1
    frame["age"] = 18 + 4 * frame["age"]
    if not censoring:
        frame["arrest"] = 1
    return frame.assign(
        arm=np.array(ARMS)[frame["arm"]],
        kind=np.array(["theft", "fraud", "harm"])[frame["kind"]],
    )


@st.composite
def followed(draw: DrawFn, **how: Any) -> tuple[pd.DataFrame, float]:
    """Draw a cohort and a horizon, whole or half weeks, within the follow-up of every arm."""
    frame = draw(cohorts(**how))
    reach = int(frame.groupby("arm")["week"].max().min())
    return frame, draw(st.integers(1, 2 * reach)) / 2


@st.composite
def tables(draw: DrawFn, *, most: int = 30, least: int = 1) -> TwoProportions:
    """Draw a two-by-two table, empty and full cells included."""
    n0, n1 = draw(st.integers(least, most)), draw(st.integers(least, most))
    return table_of(draw(st.integers(0, n0)), n0, draw(st.integers(0, n1)), n1)


def table_of(a: ArrayLike, n0: ArrayLike, b: ArrayLike, n1: ArrayLike) -> TwoProportions:
    """Events and people: control, then treatment."""
    control_events, control_n, treatment_events, treatment_n = (
        np.asarray(value, dtype=float) for value in (a, n0, b, n1)
    )
    return TwoProportions(
        control_events=control_events,
        control_n=control_n,
        treatment_events=treatment_events,
        treatment_n=treatment_n,
    )


def cells(table: TwoProportions) -> tuple[float, float, float, float]:
    """Give back control events, control people, treatment events, treatment people."""
    names = ("control_events", "control_n", "treatment_events", "treatment_n")
    return tuple(float(getattr(table, name)) for name in names)  # type: ignore[return-value]


def swapped(table: TwoProportions) -> TwoProportions:
    """Exchange the arms."""
    a, n0, b, n1 = cells(table)
    return table_of(b, n1, a, n0)


def complement(table: TwoProportions) -> TwoProportions:
    """Exchange events and non-events."""
    a, n0, b, n1 = cells(table)
    return table_of(n0 - a, n0, n1 - b, n1)


def trial_of(table: Any, **declared: Any) -> ce.Trial:
    """
    Read a cohort: two arms unless `arms` says otherwise, not stratified unless `strata` does.

    `site` may be named by verbs where there are several: a constant factor is refused.
    """
    usual: dict[str, Any] = {
        "arm": "arm",
        "control": "control",
        "times": TIMES,
        "binary": {"any": "any"},
        "factors": ["site"] if len(set(table["site"])) > 1 else [],
    }
    return ce.Trial.from_frame(table, **(usual | declared))


def swapped_trial(frame: pd.DataFrame, **declared: Any) -> ce.Trial:
    """The same two-arm trial with treatment called control."""
    return trial_of(frame, control="treatment", **declared)


def shuffled(frame: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same people in another order."""
    order = np.random.default_rng(seed).permutation(len(frame))
    return frame.iloc[order].reset_index(drop=True)


def doubled(frame: pd.DataFrame, times: int = 2) -> pd.DataFrame:
    """Everyone again."""
    return pd.concat([frame] * times, ignore_index=True)


def codes_of(frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(n,) arm codes, control 0."""
    return frame["arm"].map({name: code for code, name in enumerate(ARMS)}).to_numpy(dtype=int)


def strata_table(frame: pd.DataFrame, arm: np.ndarray[Any, Any], *, arms: int = 2) -> EventTable:
    """Event table (..., s, k, m) of arms (..., n) within the sites of a cohort."""
    site = np.unique(frame["site"], return_inverse=True)[1]
    sites = int(site.max()) + 1
    flat = event_table(frame["week"], frame["arrest"], site * arms + arm, groups=sites * arms)
    shape = (*arm.shape[:-1], sites, arms, flat.time.size)
    return EventTable(
        time=flat.time, at_risk=flat.at_risk.reshape(shape), events=flat.events.reshape(shape)
    )


def whole_support(frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.int64]]:
    """(s, n): every allocation with the numbers in each arm seen in each site."""
    arm, site = codes_of(frame), frame["site"].to_numpy()
    places = [np.flatnonzero(site == one) for one in np.unique(site)]
    choices = [
        ce.Complete(counts=tuple(np.bincount(arm[who]).tolist())).support(who.size).arm
        for who in places
    ]
    rows = list(product(*choices))
    support = np.empty((len(rows), len(frame)), dtype=np.int64)
    for row, parts in zip(support, rows, strict=True):
        for who, part in zip(places, parts, strict=True):
            row[who] = part
    return support


def same(actual: ArrayLike, expected: ArrayLike, *, rel: float = EXACT, floor: float = 0) -> None:
    """Equal up to `rel`, or up to `floor` (default: `rel`) near zero; NaN only where NaN is due."""
    np.testing.assert_allclose(actual, expected, rtol=rel, atol=floor or rel, equal_nan=True)


def inverse(values: ArrayLike) -> np.ndarray[Any, np.dtype[np.float64]]:
    """1 / x, with 1 / 0 infinite."""
    with np.errstate(divide="ignore"):
        return np.divide(1.0, np.asarray(values, dtype=float))


def limits(estimate: ce.Estimate) -> tuple[float, float, float]:
    """Low, value, high."""
    return estimate.low, estimate.value, estimate.high


def numbers(estimate: ce.Estimate) -> list[float]:
    """Every number of an estimate but its labels."""
    return [*limits(estimate), estimate.p_value, estimate.std_error]


def same_estimate(one: ce.Estimate, two: ce.Estimate, *, rel: float = EXACT) -> None:
    """The same numbers about the same people."""
    same(numbers(one), numbers(two), rel=rel)
    assert (one.n, one.events, one.missing) == (two.n, two.events, two.missing)


def mirrored(one: ce.Estimate, two: ce.Estimate, *, rel: float = EXACT) -> None:
    """`two` is `one` with the arms exchanged: negated if a difference, inverted if a ratio."""
    turn: Callable[[ArrayLike], Any] = np.negative if one.scale == "difference" else inverse
    same([two.value, two.low, two.high], turn([one.value, one.high, one.low]), rel=rel)
    same([two.p_value, two.std_error], [one.p_value, one.std_error], rel=rel)
    assert two.n == one.n[::-1]
    assert two.events == one.events[::-1]
    assert two.contrast == one.contrast[::-1]


def sensible(estimate: ce.Estimate) -> None:
    """Ordered limits, and a p-value that is a probability; no limits only if that is said."""
    assert not estimate.p_value < 0
    assert not estimate.p_value > 1
    if estimate.estimable and np.isnan([estimate.low, estimate.high]).any():
        assert "no interval" in estimate.method
    elif estimate.estimable:
        slack = EXACT * max(1, abs(estimate.value)) if np.isfinite(estimate.value) else 0
        assert estimate.low <= estimate.value + slack
        assert estimate.value <= estimate.high + slack
        assert estimate.p_value >= 0


def wald_dual(estimate: ce.Estimate) -> None:
    """A Wald interval leaves out the null exactly when p < 1 - level."""
    if estimate.estimable and np.isfinite([estimate.low, estimate.high]).all():
        gap = abs(estimate.p_value - (1 - estimate.level))
        outside = not estimate.low <= estimate.null <= estimate.high
        assert gap < EXACT or outside == (estimate.p_value < 1 - estimate.level)
