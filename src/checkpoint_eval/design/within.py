"""A rule applied within strata."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, frozen_mapping
from checkpoint_eval._checks import as_names, check_count, check_rng, counted, did_you_mean
from checkpoint_eval.design.allocation import (
    LARGEST_SUPPORT,
    Complete,
    OneAtATime,
    Person,
    Rule,
    State,
    Support,
    too_many,
)
from checkpoint_eval.design.nested import (
    checked_rule,
    name_of,
    refuse_split,
    sequential,
    union_of,
)
from checkpoint_eval.design.people import (
    Factor,
    FactorsLike,
    People,
    PeopleLike,
    as_factors,
)
from checkpoint_eval.errors import ImpossibleDesign


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratified(OneAtATime):
    """A rule applied within each stratum on its own, as if it were a trial of its own.

    Parameters
    ----------
    rule : rule, or mapping of stratum to rule
        One rule for all strata, or one for each. A stratum is called "suite=north" or, by several
        columns, "suite=north, band=low"; with one column its level alone is understood.
    by : names, or mapping of name to levels
        The columns whose combinations are the strata. A ledger needs the levels.

    Raises
    ------
    ImpossibleDesign
        When rules differ in their number of arms, a stratum lacks a rule, or a cluster lies in
        more than one stratum.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (stratified randomization).
    Checked against enumeration.

    Examples
    --------
    >>> import pandas as pd
    >>> people = pd.DataFrame({"suite": ["north", "south", "north", "south"]})
    >>> rule = Stratified(rule=Complete(counts=(1, 1)), by="suite")
    >>> rule.support(people).arm
    array([[0, 0, 1, 1],
           [0, 1, 1, 0],
           [1, 0, 0, 1],
           [1, 1, 0, 0]], dtype=int8)
    """

    rule: Rule | Mapping[str, Rule]
    by: FactorsLike

    def __post_init__(self) -> None:
        factors = as_factors(self.by, "by")
        object.__setattr__(self, "by", factors)
        if isinstance(self.rule, Mapping):
            pairs = [(_full_name(key, factors), rule) for key, rule in self.rule.items()]
            as_names([name for name, _ in pairs])
            named = dict(pairs)
            object.__setattr__(self, "rule", frozen_mapping(named))
        arms = {checked_rule(rule).n_arms for rule in self._rules()}
        if len(arms) != 1:
            raise ImpossibleDesign(
                f"`rule` has rules for {sorted(arms)} arms; every stratum needs as many."
            )
        union_of(factors, *(rule.columns for rule in self._rules()))
        if isinstance(self.rule, Mapping) and all(factor.levels for factor in factors):
            every = itertools.product(*(factor.levels for factor in factors))
            known = [name_of(factors, levels) for levels in every]
            for name in known:
                self._rule_of(name)
            for name in self.rule:
                if name not in known:
                    raise ImpossibleDesign(
                        f"`rule` names a stratum {name!r}; {did_you_mean(name, known)}"
                    )

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return self._rules()[0].n_arms

    @property
    def columns(self) -> tuple[Factor, ...]:
        """The columns of the strata, and those the rules within read."""
        return union_of(self.factors, *(rule.columns for rule in self._rules()))

    @property
    def covariates(self) -> tuple[str, ...]:
        """The numbers the rules within read."""
        names = (name for rule in self._rules() for name in rule.covariates)
        return tuple(dict.fromkeys(names))

    @property
    def by_arrival(self) -> bool:
        """Whether the order of arrival matters to a rule within."""
        return any(rule.by_arrival for rule in self._rules())

    def shares(self) -> tuple[int, ...]:
        """Return the ratio of the rule within; 1 each where strata differ."""
        found = {rule.shares() for rule in self._rules()}
        return found.pop() if len(found) == 1 else (1,) * self.n_arms

    def stratum_of(self, person: Person) -> str:
        """Return what the stratum of one person is called."""
        return name_of(self.factors, [factor.level_of(person) for factor in self.factors])

    def draw_many(
        self, people: PeopleLike, draws: int, rng: np.random.Generator
    ) -> NDArray[np.int8]:
        """Return (draws, n) arm codes, one independent allocation a row."""
        check_rng(rng)
        read = self.read(people)
        arms = np.empty((check_count(draws, "draws"), read.n), dtype=np.int8)
        for rule, rows in self.parts(read):
            arms[:, rows] = rule.draw_many(read.take(rows), draws, rng)
        return arms

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""
        read = self.read(people)
        chances = np.empty((read.n, self.n_arms))
        for rule, rows in self.parts(read):
            chances[rows] = rule.probabilities(read.take(rows))
        return chances

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make and its chance; at most `limit` of them."""
        read = self.read(people)
        arm, weight = np.zeros((1, read.n), dtype=np.int8), np.ones(1)
        for rule, rows in self.parts(read):
            part = rule.support(read.take(rows), limit=limit)
            if weight.size * part.weight.size > limit:
                raise too_many(read.n, limit)
            arm = np.repeat(arm, part.weight.size, axis=0)
            arm[:, rows] = np.tile(part.arm, (weight.size, 1))
            weight = np.outer(weight, part.weight).ravel()
        return Support(arm=arm, weight=weight)

    @property
    def clusters(self) -> tuple[tuple[Factor, ...], ...]:
        """The clusters of the rules within."""
        return tuple(dict.fromkeys(each for rule in self._rules() for each in rule.clusters))

    def knows_cluster(self, state: State, person: Person) -> bool:
        """Return whether a person belongs to a cluster that already has its arm."""
        return bool(self.clusters) and any(
            sequential(self._rule_of(stratum)).knows_cluster(held, person)
            for stratum, held in state.items()
        )

    def start(self) -> State:
        """Return no strata: each begins when its first person comes."""
        return {}

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the chance of each arm for the next person, by their stratum's rule."""
        stratum = self.stratum_of(person)
        rule = sequential(self._rule_of(stratum))
        others = {name: held for name, held in state.items() if name != stratum}
        if self.clusters and self.knows_cluster(others, person):
            raise ImpossibleDesign(
                f"The cluster of this person was allocated in another stratum than {stratum!r}; a "
                "cluster lies in one stratum."
            )
        return rule.chances(state[stratum] if stratum in state else rule.start(), person)

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the strata once a person was given an arm."""
        stratum = self.stratum_of(person)
        rule = sequential(self._rule_of(stratum))
        before = state[stratum] if stratum in state else rule.start()
        return {**state, stratum: rule.after(before, arm, person)}

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The columns of `by`."""
        return self.by  # type: ignore[return-value]

    def _rules(self) -> tuple[Rule, ...]:
        return tuple(self.rule.values()) if isinstance(self.rule, Mapping) else (self.rule,)

    def _rule_of(self, stratum: str) -> Rule:
        if not isinstance(self.rule, Mapping):
            return self.rule
        if stratum not in self.rule:
            raise ImpossibleDesign(
                f"Stratum {stratum!r} has no rule; {did_you_mean(stratum, self.rule)}"
            )
        return self.rule[stratum]

    def parts(self, people: People) -> Iterator[tuple[Rule, IntArray]]:
        """Yield each stratum's rule and the rows of its people."""
        codes, names = people.strata(self.factors)
        for cluster in self.clusters:
            refuse_split(cluster, people, codes, names)
        if isinstance(self.rule, Mapping):
            for name, rule in self.rule.items():
                if name not in names and isinstance(rule, Complete):
                    raise ImpossibleDesign(
                        f"Stratum {name!r} has nobody, but its rule {rule!r} needs "
                        f"{sum(rule.counts)} people; the two must agree."
                    )
        for code, name in enumerate(names):
            rule, rows = self._rule_of(name), np.flatnonzero(codes == code)
            if isinstance(rule, Complete) and sum(rule.counts) != rows.size:
                raise ImpossibleDesign(
                    f"Stratum {name!r} has {counted(rows.size, 'person', 'people')}, but its rule "
                    f"{rule!r} is for {sum(rule.counts)}; the two must agree."
                )
            yield rule, rows


def _full_name(key: object, factors: tuple[Factor, ...]) -> str:
    """Return what a stratum is called; with one column its level alone is understood."""
    name, first = str(key), factors[0]
    if len(factors) == 1 and not name.startswith(f"{first.name}="):
        return name_of(factors, (first.level_of({first.name: key}),))
    return name
