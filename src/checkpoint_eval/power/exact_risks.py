"""Exact tests of two proportions: which tables they reject, and how likely those are."""

import functools

import numpy as np
from scipy.special import gammaln

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval.errors import ImpossibleDesign

# Tables as likely as the one seen, but for rounding: R's fisher.test takes the same.
TIE = 1 + 1e-7
# A p-value that is alpha, but for rounding, rejects.
LEVEL = 1 + 1e-12
# Beyond this many tables memory and time are no longer small; closed forms are as good there.
MOST_TABLES = 4_000_000
NUISANCE = 400


def exact_power(
    control: FloatArray,
    treatment: FloatArray,
    *,
    risks: tuple[float, float],
    test: str,
    tail: tuple[float, int, int],
) -> FloatArray:
    """Return the chance that a test rejects, for whole people in each arm, (...).

    `tail` is alpha, the sides of the test, and the side that is a success: −1 when treatment
    has the lower risk.
    """
    n0, n1 = np.broadcast_arrays(control, treatment)
    people = np.stack([n0.ravel(), n1.ravel()], axis=1).tolist()
    each = [_one_power(_whole(few), _whole(many), risks, test, tail) for few, many in people]
    return floats(each).reshape(n0.shape)


def _one_power(
    n0: int, n1: int, risks: tuple[float, float], test: str, tail: tuple[float, int, int]
) -> float:
    rejected = rejection_region(n0, n1, test, *tail)
    chance = binomial(n0, risks[0]) @ rejected @ binomial(n1, risks[1])
    return min(1.0, float(chance))


def _whole(people: float) -> int:
    if people != round(people):
        raise ImpossibleDesign(f"`n` must be whole people for an exact test, got {people:g}.")
    return int(people)


def binomial(n: int, p: float) -> FloatArray:
    """Return (n + 1,): the chance of every number of events."""
    x = np.arange(n + 1)
    return floats(np.exp(_log_choose(n) + x * np.log(p) + (n - x) * np.log1p(-p)))


@functools.lru_cache(maxsize=64)
def rejection_region(n0: int, n1: int, test: str, alpha: float, sided: int, sign: int) -> BoolArray:
    """Return (n0 + 1, n1 + 1): tables, by events, that a test rejects on the side of success."""
    if (n0 + 1) * (n1 + 1) > MOST_TABLES:
        raise ImpossibleDesign(
            f"An exact test of {n0:,} against {n1:,} people has more tables than the "
            f"{MOST_TABLES:,} that are enumerated; choose another `formula`, such as 'pooled'."
        )
    if sign > 0:  # exchange events and non-events: treatment is then the lower
        return rejection_region(n0, n1, test, alpha, sided, -1)[::-1, ::-1]
    x0, x1 = np.arange(n0 + 1)[:, None], np.arange(n1 + 1)
    lower = x1 * n0 < x0 * n1
    if test == "boschloo":
        return lower & _boschloo(fisher_tables(n0, n1, sided=1), n0, n1, alpha / sided)
    return lower & (fisher_tables(n0, n1, sided=sided) <= alpha * LEVEL)


def fisher_tables(n0: int, n1: int, *, sided: int) -> FloatArray:
    """Return (n0 + 1, n1 + 1): Fisher's p of every table, events in control down.

    One-sided: treatment has as few events or fewer. Two-sided: tables no likelier, as R.
    """
    total = np.arange(n0 + n1 + 1)[:, None]
    x1 = np.arange(n1 + 1)
    x0 = total - x1
    there = (x0 >= 0) & (x0 <= n0)
    log = _log_choose(n0)[np.where(there, x0, 0)] + _log_choose(n1)
    chance = np.where(there, np.exp(log - _log_choose(n0 + n1)[:, None]), 0.0)
    if sided == 1:
        p = np.cumsum(chance, axis=1)
    else:
        order = np.argsort(chance, axis=1)
        ranked = np.take_along_axis(chance, order, axis=1)
        added = np.cumsum(ranked, axis=1)
        # All tables up to a tie: how many are no likelier than each.
        p = np.stack(
            [
                sums[np.searchsorted(row, own * TIE, side="right") - 1]
                for row, sums, own in zip(ranked, added, chance, strict=True)
            ]
        )
    rows = np.arange(n0 + 1)[:, None] + x1
    return floats(np.minimum(p[rows, x1], 1.0))


def _boschloo(p: FloatArray, n0: int, n1: int, tail: float) -> BoolArray:
    """Return the tables of Fisher's p below the greatest bound that keeps the size everywhere.

    The size is the greatest over risks common to both arms, on a grid of `NUISANCE`.
    """
    risk = (np.arange(NUISANCE) + 0.5) / NUISANCE
    left = np.stack([binomial(n0, each) for each in risk])
    right = np.stack([binomial(n1, each) for each in risk])

    def size(bound: float) -> float:
        # Equal p-values that rounding tells apart go in or out together.
        return float(np.einsum("gi,gi->g", left @ (p <= bound * TIE), right).max())

    # Below the tail Fisher's own test always keeps its size; only bounds above are in question.
    bounds = np.unique(p[p >= tail])
    low, high = -1, len(bounds)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size(bounds[middle]) <= tail else (low, middle)
    return np.asarray(p <= (bounds[low] * TIE if low >= 0 else tail))


def _log_choose(n: int) -> FloatArray:
    x = np.arange(n + 1)
    return floats(gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1))
