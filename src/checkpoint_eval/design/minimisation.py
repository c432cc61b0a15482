"""Minimisation: each person is steered towards the arm that keeps the margins most alike."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, floats
from checkpoint_eval._checks import (
    as_tuple,
    check_choice,
    check_count,
    check_positive,
    check_rng,
    is_number,
)
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    OneAtATime,
    Person,
    State,
    Support,
    too_many,
)
from checkpoint_eval.design.margins import TIE, chance_rows, chance_table, walk
from checkpoint_eval.design.people import Factor, FactorsLike, PeopleLike, as_factors
from checkpoint_eval.design.simple import check_ratio
from checkpoint_eval.errors import ImpossibleDesign, TrialError

Imbalance: TypeAlias = Literal["range", "variance", "sd"]
Choice: TypeAlias = Literal["best-only", "rank", "biased-coin"]

IMBALANCES: tuple[str, ...] = ("range", "variance", "sd")
CHOICES: tuple[str, ...] = ("best-only", "rank", "biased-coin")

# Draws worked on at once: their tables stay in a processor's cache.
BATCH = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimisation(OneAtATime):
    """Pocock and Simon's minimisation, for any number of arms and any ratio.

    For each arm the imbalance is found that would follow from giving it to the next person: over
    the people who share a level with them, how unlike the arms' counts would be, added up over
    factors. A chance is then put on the arms by their imbalance.

    Parameters
    ----------
    factors : names, or mapping of name to levels
        What to balance. A ledger needs the levels.
    weights : sequence of float, optional
        One weight a factor; 1 each when left out.
    p_best : float
        The chance of the arm with the least imbalance. For "biased-coin" with unequal ratios, that
        of the arm with the smallest ratio; for "rank", the q of the linear rule, between 1/k and
        2/(k − 1).
    imbalance : {"range", "variance", "sd"}
        How unlike counts are told; variance and SD with k − 1.
    rule : {"best-only", "rank", "biased-coin"}
        "best-only": `p_best` for the best arm, the rest in equal parts. "rank": falling in a line
        with the rank, for equal ratios only. "biased-coin": 1 − (1 − p_best)(R − r)/(R − r_min)
        for a best arm with ratio r, R the ratio's sum; the rest in proportion to the ratio.
    ratio : tuple of int, optional
        One whole number an arm, control first; 1:1 when left out. Counts are divided by it.

    Raises
    ------
    ImpossibleDesign
        For a chance that the number of arms does not allow, or weights that do not fit.

    Notes
    -----
    Arms that tie share what their ranks would have; the best arm among several is picked in
    proportion to the ratio. Only "biased-coin" keeps an unequal ratio on average, and that not
    exactly at each place. With `p_best` of 1 and no ties everyone's arm is certain: allocation can
    then be guessed and a randomisation test has no power.

    References
    ----------
    Pocock and Simon (1975), Sequential treatment assignment with balancing for prognostic factors
    in the controlled clinical trial. Han, Enas and McEntegart (2009), Randomization by
    minimization for unbalanced treatment allocation. Checked against the worked example of the
    first and the probabilities of the second, and against enumeration.

    Examples
    --------
    >>> import pandas as pd
    >>> rule = Minimisation(factors=["suite", "band"], p_best=0.8)
    >>> before = pd.DataFrame({"suite": ["north"], "band": ["low"], "arm": [1]})
    >>> rule.next_probabilities(before, {"suite": "north", "band": "high"})
    array([0.8, 0.2])
    """

    factors: FactorsLike
    weights: Sequence[float] | None = None
    p_best: float = 0.8
    imbalance: Imbalance = "range"
    rule: Choice = "biased-coin"
    ratio: tuple[int, ...] = (1, 1)

    def __post_init__(self) -> None:
        check_choice(self.imbalance, "imbalance", IMBALANCES)
        check_choice(self.rule, "rule", CHOICES)
        factors, ratio = as_factors(self.factors, "factors"), check_ratio(self.ratio)
        weights = (1.0,) * len(factors)
        if self.weights is not None:
            weights = as_tuple(self.weights, "weights", of="a number for each factor")
        if len(weights) != len(factors):
            raise ImpossibleDesign(
                f"`weights` has {len(weights)} numbers for {len(factors)} factors; give one each."
            )
        object.__setattr__(self, "factors", factors)
        object.__setattr__(self, "ratio", ratio)
        object.__setattr__(self, "weights", tuple(check_positive(w, "weights") for w in weights))
        _check_chance(self.p_best, self.rule, ratio)

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return len(self.ratio)

    def shares(self) -> tuple[int, ...]:
        """Return the ratio."""
        return self.ratio

    @property
    def columns(self) -> tuple[Factor, ...]:
        """The factors balanced."""
        return self.factors  # type: ignore[return-value]

    def imbalances(self, counts: Sequence[Any]) -> FloatArray:
        """Return (k, ...): the imbalance that would follow from giving each arm to the next.

        Parameters
        ----------
        counts : sequence of (k, ...) int
            For each factor, the people by arm who share the next person's level.
        """
        scale = math.lcm(*self.ratio)  # whole numbers, so that equal imbalances are equal
        step = np.array([scale // part for part in self.ratio])
        total: Any = 0.0
        for weight, here in zip(self.weights, counts, strict=True):  # type: ignore[arg-type]
            cell = np.asarray(here, dtype=np.int64)
            adjusted = cell * step.reshape(-1, *(1,) * (cell.ndim - 1))
            total = total + weight * _unlike(adjusted, step, self.imbalance, scale)
        return np.asarray(total, dtype=np.float64)

    def chances_of(self, imbalance: FloatArray) -> FloatArray:
        """Return (k, ...): the chance of each arm from the imbalance each would cause."""
        if self.rule == "rank":
            return _by_rank(imbalance, self.p_best)
        best = imbalance <= imbalance.min(axis=0) + TIE * imbalance.max(axis=0)
        ratio = np.array(self.ratio, dtype=np.float64)
        share = best * ratio.reshape(-1, *(1,) * (best.ndim - 1))
        share = share / share.sum(axis=0)
        return floats(np.tensordot(chance_table(self.p_best, self.rule, ratio).T, share, axes=1))

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        read = self.read(people)
        arms = np.empty((check_count(draws, "draws"), read.n), dtype=np.int8)
        for start in range(0, draws, BATCH):
            width = min(BATCH, draws - start)
            chosen = np.empty((read.n, width), dtype=np.int8)
            margins = walk(self, read, width)
            for place in range(read.n):  # each step needs the one before; draws are the batch
                reached = np.cumsum(margins.chances(place)[:-1], axis=0)
                chosen[place] = (rng.random(width) >= reached).sum(axis=0)
                margins.add(place, chosen[place])
            arms[start : start + width] = chosen.T
        return arms

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated.

        With equal ratios arms are interchangeable, so each has the same share. With unequal ones
        the chances follow from the support, when that can be listed.
        """
        read = self.read(people)
        if len(set(self.ratio)) == 1:
            return np.full((read.n, self.n_arms), 1 / self.n_arms)
        return self.support(read).probabilities(self.n_arms)

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make and its chance; at most `limit` of them."""
        read = self.read(people)
        check_count(limit, "limit")
        arm, weight = np.zeros((1, 0), dtype=np.int8), np.ones(1)
        for place in range(read.n):
            margins = walk(self, read, weight.size)
            for before in range(place):
                margins.add(before, arm[:, before])
            chance = margins.chances(place) * weight
            code, path = np.nonzero(chance > 0)
            arm = np.concatenate([arm[path], code[:, None].astype(np.int8)], axis=1)
            weight = chance[code, path]
            if weight.size > limit:
                raise too_many(read.n, limit)
        return Support(arm=arm, weight=weight)

    def start(self) -> State:
        """Return no counts: they are kept by factor and level, an arm each."""
        return {factor.name: {} for factor in self.columns}

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the chance of each arm for the next person."""
        nobody = [0] * self.n_arms
        counts = [state[f.name].get(f.level_of(person), nobody) for f in self.columns]
        if self.rule == "rank" or self.imbalance != "range":
            return tuple(self.chances_of(self.imbalances(counts)).tolist())
        return self._chances_by_range(counts)

    def _chances_by_range(self, counts: Sequence[Sequence[int]]) -> tuple[float, ...]:
        """Return the chances for one person without arrays, whose overhead a ledger would feel."""
        scale = math.lcm(*self.ratio)
        step = [scale // part for part in self.ratio]
        arms = range(self.n_arms)
        total = [0.0] * self.n_arms
        for weight, here in zip(self.weights, counts, strict=True):  # type: ignore[arg-type]
            adjusted = [here[arm] * step[arm] for arm in arms]
            for arm in arms:
                after = [*adjusted[:arm], adjusted[arm] + step[arm], *adjusted[arm + 1 :]]
                total[arm] += weight * (max(after) - min(after)) / scale
        bar = min(total) + TIE * max(total)
        share = [part if total[arm] <= bar else 0 for arm, part in enumerate(self.ratio)]
        table = chance_rows(self.p_best, self.rule, self.ratio)
        whole = sum(share)
        return tuple(
            math.fsum(share[best] / whole * table[best][arm] for best in arms) for arm in arms
        )

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the counts once a person was given an arm."""
        after = {}
        for factor in self.columns:
            level, counts = factor.level_of(person), state[factor.name]
            here = counts.get(level, [0] * self.n_arms)
            after[factor.name] = counts | {
                level: [count + int(code == arm) for code, count in enumerate(here)]
            }
        return after


def _check_chance(p: float, rule: str, ratio: tuple[int, ...]) -> None:
    k = len(ratio)
    high = 2 / (k - 1) if rule == "rank" else 1.0
    low = 1 / k
    if not is_number(p) or not low - 1e-12 <= p <= high + 1e-12:
        raise TrialError(
            f"`p_best` must lie between {low:.4g} (1/{k}) and {high:.4g} for rule {rule!r} with "
            f"{k} arms, got {p!r}."
        )
    if rule == "rank" and len(set(ratio)) > 1:
        raise ImpossibleDesign(
            f"Rule 'rank' is for equal ratios, got {ratio}; use 'biased-coin', which keeps them."
        )


def _unlike(adjusted: IntArray, step: IntArray, imbalance: str, scale: int) -> FloatArray:
    """Return (k, ...): how unlike (k, ...) counts would be with one more in each arm in turn.

    Counts and steps are divided by the ratio and multiplied by `scale`.
    """
    k = len(step)
    out = np.empty(adjusted.shape, dtype=np.float64)
    if imbalance == "range":
        for arm in range(k):
            more = adjusted[arm] + step[arm]
            others = np.delete(adjusted, arm, axis=0)
            out[arm] = np.maximum(more, others.max(axis=0)) - np.minimum(more, others.min(axis=0))
        return out / scale
    total, squares = adjusted.sum(axis=0), (adjusted * adjusted).sum(axis=0)
    for arm in range(k):
        more = total + step[arm]
        spread = k * (squares + step[arm] * (2 * adjusted[arm] + step[arm])) - more * more
        out[arm] = spread / (k * (k - 1) * scale * scale)
    return np.sqrt(out) if imbalance == "sd" else out


def _by_rank(imbalance: FloatArray, q: float) -> FloatArray:
    """Return chances falling in a line with the rank; arms that tie share theirs."""
    k = imbalance.shape[0]
    by_rank = q - 2 * (k * q - 1) * np.arange(1, k + 1) / (k * (k + 1))
    reached = np.concatenate([[0.0], np.cumsum(by_rank)])
    near = TIE * np.broadcast_to(imbalance.max(axis=0), imbalance.shape)
    gap = imbalance[:, None] - imbalance[None, :]
    before = (gap > near[:, None]).sum(axis=1)
    tied = (np.abs(gap) <= near[:, None]).sum(axis=1)
    return np.asarray((reached[before + tied] - reached[before]) / tied)
