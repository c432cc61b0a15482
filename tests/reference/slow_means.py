"""Slow second implementations of differences of means: every matrix n by n, every person a loop."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


class Answer(NamedTuple):
    """A difference, its standard error and its degrees of freedom."""

    value: float
    std_error: float
    df: float


def mean(values: Sequence[float]) -> float:
    """Sum and divide."""
    return math.fsum(values) / len(values)


def spread(values: Sequence[float]) -> float:
    """Sample variance with n - 1."""
    centre = mean(values)
    return math.fsum((each - centre) ** 2 for each in values) / (len(values) - 1)


def parted(y: Sequence[float], arm: Sequence[int]) -> tuple[list[float], list[float]]:
    """Values of control, then of treatment."""
    control = [each for each, code in zip(y, arm, strict=True) if code == 0]
    treated = [each for each, code in zip(y, arm, strict=True) if code == 1]
    return control, treated


def neyman(y: Sequence[float], arm: Sequence[int]) -> Answer:
    """Neyman (1923) with the degrees of freedom of Satterthwaite (1946) and Welch (1947)."""
    parts = parted(y, arm)
    v = [spread(part) / len(part) for part in parts]
    below = sum(each**2 / (len(part) - 1) for each, part in zip(v, parts, strict=True))
    return Answer(mean(parts[1]) - mean(parts[0]), math.sqrt(sum(v)), sum(v) ** 2 / below)


def blocked(y: Sequence[float], arm: Sequence[int], block: Sequence[int]) -> Answer:
    """Pashley and Miratrix (2021): own variance in big blocks, pooled between small ones.

    Small blocks (one person in an arm) with n_k of n people: the sum of
    n_k^2 / ((n - 2 n_k)(n + sum n_i^2 / (n - 2 n_i))) (effect_k - effect)^2, or of matched pairs.
    """
    big, small = [], []
    for one in sorted(set(block)):
        who = [place for place, code in enumerate(block) if code == one]
        parts = parted([y[place] for place in who], [arm[place] for place in who])
        effect = mean(parts[1]) - mean(parts[0])
        if min(map(len, parts)) > 1:
            v = sum(spread(part) / len(part) for part in parts)
            big.append((len(who), effect, v))
        else:
            small.append((len(who), effect))
    everyone = len(y)
    value = sum(each[0] * each[1] for each in big + small) / everyone
    inside = sum((n / everyone) ** 2 * v for n, _, v in big)
    between = 0.0
    if small:
        n = sum(size for size, _ in small)
        centre = sum(size * effect for size, effect in small) / n
        if len({size for size, _ in small}) == 1:
            between = sum((effect - centre) ** 2 for _, effect in small)
            between /= len(small) * (len(small) - 1)
        else:
            constant = n + sum(size**2 / (n - 2 * size) for size, _ in small)
            between = sum(
                size**2 / ((n - 2 * size) * constant) * (effect - centre) ** 2
                for size, effect in small
            )
        between *= (n / everyone) ** 2
    below = 0.0
    if big:
        below += inside**2 / (sum(size for size, *_ in big) - 2 * len(big))
    if small:
        below += between**2 / (len(small) - 1)
    return Answer(value, math.sqrt(inside + between), (inside + between) ** 2 / below)


def design(
    arm: Sequence[int], covariates: Sequence[Sequence[float]], *, crossed: bool
) -> np.ndarray:
    """Constant, arm, centred covariates and, for Lin (2013), their products with the arm."""
    columns = [np.ones(len(arm)), np.array(arm, dtype=float)]
    centred = [np.array(each, dtype=float) - mean(each) for each in covariates]
    columns += centred
    if crossed:
        columns += [columns[1] * each for each in centred]
    return np.column_stack(columns)


def robust(x: np.ndarray, y: Sequence[float], kind: str) -> Answer:
    """MacKinnon and White (1985): the sandwich, one person at a time, by normal equations."""
    n, p = x.shape
    bread = np.linalg.inv(x.T @ x)
    coef = bread @ x.T @ np.array(y)
    meat = np.zeros((p, p))
    for row, value in zip(x, y, strict=True):
        error, leverage = value - row @ coef, row @ bread @ row
        factor = {
            "HC0": 1.0,
            "HC1": n / (n - p),
            "HC2": 1 / (1 - leverage),
            "HC3": 1 / (1 - leverage) ** 2,
        }[kind]
        meat += factor * error**2 * np.outer(row, row)
    return Answer(coef[1], math.sqrt((bread @ meat @ bread)[1, 1]), n - p)


def bell_mccaffrey(x: np.ndarray, y: Sequence[float], cluster: Sequence[int]) -> Answer:
    """Bell and McCaffrey (2002): CR2 and its degrees of freedom were people alike, n by n."""
    n = len(x)
    bread = np.linalg.inv(x.T @ x)
    residual_maker = np.eye(n) - x @ bread @ x.T
    residual = residual_maker @ np.array(y)
    vectors, moved = [], []
    for one in sorted(set(cluster)):
        own = np.array(cluster) == one
        values, axes = np.linalg.eigh(residual_maker[np.ix_(own, own)])
        root = axes @ np.diag([1 / math.sqrt(each) for each in values]) @ axes.T
        pull = root @ x[own] @ bread[:, 1]
        moved.append(pull @ residual[own])
        vectors.append(residual_maker[:, own] @ pull)
    p = np.array([[a @ b for b in vectors] for a in vectors])
    coef = bread @ x.T @ np.array(y)
    df = np.trace(p) ** 2 / (p**2).sum()
    return Answer(coef[1], math.sqrt(sum(each**2 for each in moved)), df)
