"""Rerandomisation: draw again until the groups are alike enough."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv

from checkpoint_eval._arrays import BoolArray, FloatArray
from checkpoint_eval._checks import as_names, check_count, check_level, check_rng
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    History,
    Person,
    Rule,
    Support,
)
from checkpoint_eval.design.people import Factor, People, PeopleLike
from checkpoint_eval.errors import ImpossibleDesign, TrialError

Criterion: TypeAlias = Callable[[NDArray[np.int8], People], BoolArray]

# Draws looked at in vain before a criterion counts as impossible, and draws in one batch.
MOST_TRIES, BATCH = 2_000_000, 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Mahalanobis:
    """Accept an allocation to two arms whose covariate means lie close together.

    The squared distance is n₁n₀/n · d′S⁻¹d, with d the difference in means and S the covariance of
    the covariates over everyone; accepted up to the χ² quantile that `acceptance` of allocations
    meet in large trials.

    Parameters
    ----------
    covariates : sequence of str
        Columns of numbers.
    acceptance : float
        The share accepted, between 0 and 1.

    References
    ----------
    Morgan and Rubin (2012), Rerandomization to improve covariate balance in experiments. Checked
    against a plain loop.
    """

    covariates: tuple[str, ...]
    acceptance: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "covariates", as_names(self.covariates))
        check_level(self.acceptance, "acceptance")
        if not self.covariates:
            raise ImpossibleDesign("`covariates` names no column; name at least one.")

    def __call__(self, arms: NDArray[np.int8], people: People) -> BoolArray:
        """Return (b,) which of (b, n) allocations are accepted."""
        bar = 2 * float(gammaincinv(len(self.covariates) / 2, self.acceptance))  # of chi-squared
        return np.asarray(self.distance(arms, people) <= bar)

    def distance(self, arms: NDArray[np.int8], people: People) -> FloatArray:
        """Return (b,) squared distances of (b, n) allocations; infinite with an empty arm."""
        if arms.max(initial=0) > 1:
            raise ImpossibleDesign("`Mahalanobis` compares two arms; give a criterion of your own.")
        table = np.stack([people.values[name] for name in self.covariates], axis=1)
        constant = np.ptp(table, axis=0) == 0
        table = table - table.mean(axis=0)
        length = np.sqrt((table**2).sum(axis=0))
        table = table / np.where(constant, 1.0, length)  # the distance does not depend on units
        spread = table.T @ table / (people.n - 1)
        if constant.any() or np.linalg.matrix_rank(spread) < len(self.covariates):
            raise ImpossibleDesign(
                f"The covariates {self.covariates} are constant or copies of one another, so "
                "their distance is not defined; leave one out."
            )
        treated = arms.sum(axis=1, dtype=np.float64)
        control = people.n - treated
        total = arms.astype(np.float64) @ table
        with np.errstate(divide="ignore", invalid="ignore"):
            # With covariates centred the control total is minus the treated total.
            gap = total * (1 / treated + 1 / control)[:, None]
            size = treated * control / people.n
            squared = size * np.einsum("bi,ij,bj->b", gap, np.linalg.inv(spread), gap)
        return np.where(size > 0, squared, np.inf)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rerandomised(Rule):
    """A rule drawn again until a criterion accepts the allocation.

    Parameters
    ----------
    rule : rule
        What is drawn.
    criterion : callable
        From (b, n) arm codes and the `People` to (b,) whether each allocation is accepted, such
        as `Mahalanobis`. Its attribute `covariates`, if it has one, names the numbers it reads.

    Raises
    ------
    ImpossibleDesign
        When of two million draws none, or too few, are accepted.

    References
    ----------
    Morgan and Rubin (2012), Rerandomization to improve covariate balance in experiments. Checked
    against enumeration.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from checkpoint_eval.design import Complete
    >>> people = pd.DataFrame({"age": [19, 20, 40, 41]})
    >>> alike = Mahalanobis(covariates="age", acceptance=0.1)
    >>> rule = Rerandomised(rule=Complete(counts=(2, 2)), criterion=alike)
    >>> rule.support(people).arm
    array([[0, 1, 0, 1],
           [0, 1, 1, 0],
           [1, 0, 0, 1],
           [1, 0, 1, 0]], dtype=int8)
    """

    rule: Rule
    criterion: Criterion

    def __post_init__(self) -> None:
        if not isinstance(self.rule, Rule):
            raise TrialError(f"`rule` must be an allocation rule, got {type(self.rule).__name__}.")
        if not callable(self.criterion):
            raise TrialError(
                f"`criterion` must be callable, got {type(self.criterion).__name__}; for example "
                "Mahalanobis(covariates=('age',))."
            )

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return self.rule.n_arms

    def shares(self) -> tuple[int, ...]:
        """Return the ratio of the rule within."""
        return self.rule.shares()

    @property
    def columns(self) -> tuple[Factor, ...]:
        """The columns the rule within reads."""
        return self.rule.columns

    @property
    def covariates(self) -> tuple[str, ...]:
        """The numbers the criterion and the rule within read."""
        own = tuple(getattr(self.criterion, "covariates", ()))
        return tuple(dict.fromkeys((*own, *self.rule.covariates)))

    @property
    def by_arrival(self) -> bool:
        """Whether the order of arrival matters to the rule within."""
        return self.rule.by_arrival

    @property
    def clusters(self) -> tuple[tuple[Factor, ...], ...]:
        """The clusters of the rule within."""
        return self.rule.clusters

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        read, kept, tried = self.read(people), [], 0
        left = check_count(draws, "draws")
        while left > 0:
            arms = self.rule.draw_many(read, BATCH, rng)
            found = arms[self._accepts(arms, read)][:left]
            kept.append(found)
            tried, left = tried + BATCH, left - len(found)
            if tried >= MOST_TRIES and (draws - left) * MOST_TRIES < tried:
                raise ImpossibleDesign(
                    f"Of {tried:,} allocations the criterion accepted {draws - left:,}; ask for "
                    "less balance."
                )
        return np.concatenate(kept)

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k), from the support: a criterion may favour some people's chances."""
        return self.support(people).probabilities(self.n_arms)

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return the accepted allocations and their chance; the rule's support is listed."""
        read = self.read(people)
        whole = self.rule.support(read, limit=limit)
        accepted = self._accepts(whole.arm, read)
        if not accepted.any():
            raise ImpossibleDesign(
                f"The criterion accepts none of the rule's {whole.weight.size:,} allocations; ask "
                "for less balance."
            )
        weight = whole.weight[accepted]
        return Support(arm=whole.arm[accepted], weight=weight / weight.sum())

    def next_probabilities(self, history: History, person: Person = None) -> FloatArray:
        """Refuse: the rule needs everyone before it allocates anyone."""
        raise ImpossibleDesign(
            "Rerandomised allocates everyone at once, so it has no next person; use `draw`."
        )

    def _accepts(self, arms: NDArray[np.int8], people: People) -> BoolArray:
        seen = arms.view()
        seen.setflags(write=False)  # a criterion looks and does not touch
        accepted = np.asarray(self.criterion(seen, people))
        if accepted.shape != (arms.shape[0],) or accepted.dtype != bool:
            raise TrialError(
                f"`criterion` must return {arms.shape[0]} truth values, one an allocation, got "
                f"{accepted.dtype} of shape {accepted.shape}."
            )
        return accepted
