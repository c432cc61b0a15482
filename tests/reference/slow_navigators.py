"""Slow second implementation of partially nested models: matrices n by n, a simplex search."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import minimize
from scipy.stats import t as student

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


class Nested(NamedTuple):
    """What the model says; variances of controls, of the treated, between navigators."""

    value: float
    std_error: float
    df: float
    spread: np.ndarray
    likelihood: float
    shrunken: np.ndarray
    errors: np.ndarray


class Model:
    """Roberts and Roberts (2005): people, navigators under treatment only, a variance by arm.

    The treated without a navigator are a third group, with the controls' variance. Assigning has
    the effect on those with one and on those without, in the shares that these have.
    """

    def __init__(self, y: Sequence[float], x: np.ndarray, slot: Sequence[Hashable | None]) -> None:
        """Take (n, p) columns, the second of them the arm, and each person's navigator or None."""
        self.y, arm = np.array(y, dtype=float), x[:, 1]
        alone = np.array([float(t == 1 and s is None) for s, t in zip(slot, arm, strict=True)])
        self.treated, self.share = arm.sum(), alone.sum() / arm.sum()
        self.x = np.column_stack([x, alone]) if alone.any() else x
        self.along = np.zeros(self.x.shape[1])
        self.along[1] = 1.0
        if alone.any():
            self.along[-1] = self.share
        own_arm = arm - alone
        self.slots = list(dict.fromkeys(s for s, t in zip(slot, own_arm, strict=True) if t == 1))
        self.z = np.array([[float(t == 1 and s == own) for own in self.slots]
                           for s, t in zip(slot, own_arm, strict=True)])  # fmt: skip
        self.parts = [np.diag(1 - own_arm), np.diag(own_arm), self.z @ self.z.T]

    def projected(self, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """V⁻¹, the variance of coefficients and P."""
        v = sum(s * part for s, part in zip(spread, self.parts, strict=True))
        w = np.linalg.inv(v)
        c = np.linalg.inv(self.x.T @ w @ self.x)
        return w, c, w - w @ self.x @ c @ self.x.T @ w

    def likelihood(self, spread: np.ndarray) -> float:
        """Patterson and Thompson (1971), but for a constant."""
        w, c, p = self.projected(spread)
        logs = -np.linalg.slogdet(w)[1] - np.linalg.slogdet(c)[1]
        return float(-(logs + self.y @ p @ self.y) / 2)

    def searched(self) -> np.ndarray:
        """Nelder and Mead, on roots of variances, from two starts; or with none between."""
        scale = float(self.y.std())
        ways = []
        for start in ([1, 1, 0.3], [1, 1, 1.5], [1, 1]):
            tried = minimize(
                lambda root: (
                    -self.likelihood(
                        np.append(root**2, [0.0] * (3 - root.size)) * scale**2 + 1e-300
                    )
                ),
                start,
                method="Nelder-Mead",
                options={"xatol": 1e-9, "fatol": 1e-14, "maxiter": 4000, "maxfev": 4000},
            )
            ways.append((-tried.fun, np.append(tried.x**2, [0.0] * (3 - tried.x.size)) * scale**2))
        return max(ways, key=lambda way: way[0])[1]

    def fitted(self) -> Nested:
        """Everything at the best variances."""
        return self.at(self.searched())

    def at(self, spread: np.ndarray) -> Nested:
        """Everything at given variances: Giesbrecht and Burns (1985), Henderson (1975)."""
        w, c, p = self.projected(spread)
        coef = c @ self.x.T @ w @ self.y
        info = np.array([[np.trace(p @ a @ p @ b) / 2 for a in self.parts] for b in self.parts])
        to = self.along
        slope = np.array([to @ c @ self.x.T @ w @ a @ w @ self.x @ c @ to for a in self.parts])
        known = float(to @ c @ to)
        gap = float(coef[-1]) if self.share else 0.0
        between = spread[2]
        shrunken = between * self.z.T @ p @ self.y
        errors = between * np.eye(len(self.slots)) - between**2 * self.z.T @ p @ self.z
        return Nested(
            value=float(to @ coef),
            # The share of people without is that of these people: another sample's differs.
            std_error=math.sqrt(known + gap**2 * self.share * (1 - self.share) / self.treated),
            df=float(2 * known**2 / (slope @ np.linalg.inv(info) @ slope)),
            spread=spread,
            likelihood=self.likelihood(spread),
            shrunken=shrunken,
            errors=np.sqrt(np.diag(errors)),
        )


def redrawn(
    y: Sequence[float], arm: Sequence[int], slot: Sequence[Hashable]
) -> tuple[float, float]:
    """The statistic and its exact p over all allocations with as many treated; in arrival order."""
    turns = [s for s, t in zip(slot, arm, strict=True) if t == 1]
    seen = statistic(y, [place for place, t in enumerate(arm) if t == 1], turns)
    values = [statistic(y, list(who), turns) for who in combinations(range(len(y)), len(turns))]
    extreme = sum(abs(each) >= abs(seen) * (1 - 1e-9) for each in values)
    return seen, extreme / len(values)


def statistic(y: Sequence[float], treated: list[int], turns: Sequence[Hashable]) -> float:
    """Difference over its error: Neyman's of controls, Bell and McCaffrey's of the treated.

    Told as the normal deviate that is as far out as t on Satterthwaite's degrees of freedom; those
    of the treated are tr(Q)^2 / tr(Q^2), their variance being y'Qy.
    """
    control = [y[place] for place in range(len(y)) if place not in treated]
    mean0 = sum(control) / len(control)
    mean1 = sum(y[place] for place in treated) / len(treated)
    v0 = sum((each - mean0) ** 2 for each in control) / (len(control) - 1) / len(control)
    q = np.zeros((len(treated), len(treated)))
    for own in set(turns):
        mine = np.array([float(turn == own) for turn in turns])
        apart = mine - mine.mean()  # a sum less its share of everybody's
        q += np.outer(apart, apart) / (1 - mine.mean()) / len(treated) ** 2
    values = np.array([y[place] for place in treated])
    v1 = float(values @ q @ values)
    df1 = np.trace(q) ** 2 / np.trace(q @ q)
    df = (v0 + v1) ** 2 / (v0**2 / (len(control) - 1) + v1**2 / df1)
    t = (mean1 - mean0) / math.sqrt(v0 + v1)
    return math.copysign(NormalDist().inv_cdf(float(student.cdf(abs(t), df))), t)
