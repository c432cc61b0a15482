"""A rule applied to whole clusters."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    OneAtATime,
    Person,
    Rule,
    State,
    Support,
)
from checkpoint_eval.design.nested import (
    checked_rule,
    name_of,
    refuse_split,
    sequential,
    union_of,
)
from checkpoint_eval.design.people import Factor, FactorsLike, People, PeopleLike, as_factors
from checkpoint_eval.errors import ImpossibleDesign


@dataclass(frozen=True, slots=True, kw_only=True)
class Clustered(OneAtATime):
    """A rule that allocates clusters; everyone in a cluster has its arm.

    Parameters
    ----------
    rule : rule
        Allocates the clusters, in the order in which their first person came. Columns it reads
        must be the same for everyone in a cluster.
    by : names, or mapping of name to levels
        The columns whose combinations are the clusters.

    Raises
    ------
    ImpossibleDesign
        When a cluster lies in more than one stratum.

    References
    ----------
    Donner and Klar (2000), Design and Analysis of Cluster Randomization Trials in Health Research.
    Checked against enumeration.

    Examples
    --------
    >>> import pandas as pd
    >>> from checkpoint_eval.design import Complete
    >>> people = pd.DataFrame({"team": ["a", "a", "b", "b", "b"]})
    >>> Clustered(rule=Complete(counts=(1, 1)), by="team").support(people).arm
    array([[0, 0, 1, 1, 1],
           [1, 1, 0, 0, 0]], dtype=int8)
    """

    rule: Rule
    by: FactorsLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", as_factors(self.by, "by"))
        checked_rule(self.rule)

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return self.rule.n_arms

    def shares(self) -> tuple[int, ...]:
        """Return the ratio of the rule within."""
        return self.rule.shares()

    @property
    def columns(self) -> tuple[Factor, ...]:
        """The columns of the clusters, and those the rule within reads."""
        return union_of(self.factors, self.rule.columns)

    @property
    def covariates(self) -> tuple[str, ...]:
        """The numbers the rule within reads, of each cluster's first person."""
        return self.rule.covariates

    @property
    def by_arrival(self) -> bool:
        """Whether the order of clusters matters to the rule within."""
        return self.rule.by_arrival

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        clusters, cluster = self.gathered(self.read(people))
        return self.rule.draw_many(clusters, draws, rng)[:, cluster]

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""
        clusters, cluster = self.gathered(self.read(people))
        chances = self.rule.probabilities(clusters)
        return chances[cluster]

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make and its chance; at most `limit` of them."""
        clusters, cluster = self.gathered(self.read(people))
        part = self.rule.support(clusters, limit=limit)
        return Support(arm=part.arm[:, cluster], weight=part.weight)

    @property
    def clusters(self) -> tuple[tuple[Factor, ...], ...]:
        """The columns of these clusters, and of those within."""
        return (self.factors, *self.rule.clusters)

    def knows_cluster(self, state: State, person: Person) -> bool:
        """Return whether a person belongs to a cluster that already has its arm."""
        return self._name(person) in state["clusters"]

    def start(self) -> State:
        """Return no clusters, and what the rule within remembers."""
        return {"clusters": {}, "rule": sequential(self.rule).start()}

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return certainty for a cluster that has its arm; otherwise the rule's chances."""
        known = state["clusters"].get(self._name(person))
        if known is None:
            return sequential(self.rule).chances(state["rule"], person)
        self._refuse_other_levels(known[1], person)
        return tuple(float(code == known[0]) for code in range(self.n_arms))

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the clusters once a person was given an arm."""
        name = self._name(person)
        if name in state["clusters"]:
            if state["clusters"][name][0] != arm:
                raise ImpossibleDesign(f"`history` has cluster {name!r} in more than one arm.")
            return state
        levels = {factor.name: factor.level_of(person) for factor in self.rule.columns}
        return {
            "clusters": {**state["clusters"], name: [int(arm), levels]},
            "rule": sequential(self.rule).after(state["rule"], arm, person),
        }

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The columns of `by`."""
        return self.by  # type: ignore[return-value]

    def _name(self, person: Person) -> str:
        return name_of(self.factors, [factor.level_of(person) for factor in self.factors])

    def _refuse_other_levels(self, levels: Mapping[str, str], person: Person) -> None:
        for factor in self.rule.columns:
            if factor.level_of(person) != levels[factor.name]:
                raise ImpossibleDesign(
                    f"Cluster {self._name(person)!r} was allocated with {factor.name!r} "
                    f"{levels[factor.name]!r}, and now has {factor.level_of(person)!r}; a cluster "
                    "lies in one stratum."
                )

    def gathered(self, people: People) -> tuple[People, IntArray]:
        """Return the clusters as people, by first arrival, and (n,) each person's cluster."""
        codes, _ = people.strata(self.factors)
        for factor in self.rule.columns:
            names = tuple(f"{factor.name}={level}" for level in people.levels[factor.name])
            refuse_split(self.factors, people, people.codes[factor.name], names)
        for name in self.rule.covariates:
            found, value = np.unique(people.values[name], return_inverse=True)
            refuse_split(self.factors, people, value, tuple(f"{name}={each:g}" for each in found))
        _, first, cluster = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        return people.take(first[order]), place[cluster.reshape(-1)]
