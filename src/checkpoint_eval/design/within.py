"""Rules that apply another rule within strata, or to whole clusters."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import FloatArray, IntArray, frozen_mapping
from checkpoint_eval._checks import check_count, check_rng, counted, did_you_mean
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
from checkpoint_eval.design.people import (
    Factor,
    FactorsLike,
    People,
    PeopleLike,
    as_factors,
    stratum_name,
)
from checkpoint_eval.errors import ImpossibleDesign, TrialError


def _sequential(rule: Rule) -> OneAtATime:
    if not isinstance(rule, OneAtATime):
        raise ImpossibleDesign(
            f"{type(rule).__name__} allocates everyone at once, so it has no next person; use "
            "`draw`, or a rule that allocates one at a time."
        )
    return rule


def _union(*several: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Return each factor once; of two alike the one that declares its levels."""
    found: dict[str, Factor] = {}
    for factor in itertools.chain(*several):
        if factor.name not in found or not found[factor.name].levels:
            found[factor.name] = factor
    return tuple(found.values())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
            named = {_full_name(key, factors): rule for key, rule in self.rule.items()}
            object.__setattr__(self, "rule", frozen_mapping(named))
        arms = {_checked(rule).n_arms for rule in self._rules()}
        if len(arms) != 1:
            raise ImpossibleDesign(
                f"`rule` has rules for {sorted(arms)} arms; every stratum needs as many."
            )
        if isinstance(self.rule, Mapping) and all(factor.levels for factor in factors):
            for levels in itertools.product(*(factor.levels for factor in factors)):
                self._rule_of(_name_of(factors, levels))

    @property
    def n_arms(self) -> int:
        """How many arms, control included."""
        return self._rules()[0].n_arms

    @property
    def columns(self) -> tuple[Factor, ...]:
        """The columns of the strata, and those the rules within read."""
        return _union(self.factors, *(rule.columns for rule in self._rules()))

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
        return _name_of(self.factors, [factor.level_of(person) for factor in self.factors])

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

    def start(self) -> State:
        """Return no strata: each begins when its first person comes."""
        return {}

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return the chance of each arm for the next person, by their stratum's rule."""
        stratum = self.stratum_of(person)
        rule = _sequential(self._rule_of(stratum))
        return rule.chances(state[stratum] if stratum in state else rule.start(), person)

    def after(self, state: State, arm: int, person: Person = None) -> State:
        """Return the strata once a person was given an arm."""
        stratum = self.stratum_of(person)
        rule = _sequential(self._rule_of(stratum))
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
        for rule in self._rules():
            if isinstance(rule, Clustered):
                rule.refuse_split(people, codes, names)
        if isinstance(self.rule, Mapping):
            for name, rule in self.rule.items():
                if name not in names and isinstance(rule, Complete):
                    raise ImpossibleDesign(
                        f"Stratum {name!r} has nobody, but its rule {rule!r} needs "
                        f"{sum(rule.counts)}; leave it out."
                    )
        for code, name in enumerate(names):
            rule, rows = self._rule_of(name), np.flatnonzero(codes == code)
            if isinstance(rule, Complete) and sum(rule.counts) != rows.size:
                raise ImpossibleDesign(
                    f"Stratum {name!r} has {counted(rows.size, 'person', 'people')}, but its rule "
                    f"{rule!r} is for {sum(rule.counts)}; the two must agree."
                )
            yield rule, rows


def _checked(rule: object) -> Rule:
    if not isinstance(rule, Rule):
        raise TrialError(
            f"`rule` must be an allocation rule such as PermutedBlocks(sizes=(4,)), got "
            f"{type(rule).__name__}."
        )
    return rule


def _name_of(factors: tuple[Factor, ...], levels: tuple[str, ...] | list[str]) -> str:
    return stratum_name({f.name: level for f, level in zip(factors, levels, strict=True)})


def _full_name(key: object, factors: tuple[Factor, ...]) -> str:
    """Return what a stratum is called; with one column its level alone is understood."""
    name, first = str(key), factors[0]
    if len(factors) == 1 and not name.startswith(f"{first.name}="):
        return _name_of(factors, (first.level_of({first.name: key}),))
    return name


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
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
    >>> people = pd.DataFrame({"team": ["a", "a", "b", "b", "b"]})
    >>> Clustered(rule=Complete(counts=(1, 1)), by="team").support(people).arm
    array([[0, 0, 1, 1, 1],
           [1, 1, 0, 0, 0]], dtype=int8)
    """

    rule: Rule
    by: FactorsLike

    def __post_init__(self) -> None:
        object.__setattr__(self, "by", as_factors(self.by, "by"))
        _checked(self.rule)

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
        return _union(self.factors, self.rule.columns)

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
        clusters, cluster = self._clusters(self.read(people))
        return self.rule.draw_many(clusters, draws, rng)[:, cluster]

    def probabilities(self, people: PeopleLike) -> FloatArray:
        """Return (n, k): each person's chance of each arm before anyone is allocated."""
        clusters, cluster = self._clusters(self.read(people))
        chances = self.rule.probabilities(clusters)
        return chances[cluster]

    def support(self, people: PeopleLike, *, limit: int = LARGEST_SUPPORT) -> Support:
        """Return every allocation the rule can make and its chance; at most `limit` of them."""
        clusters, cluster = self._clusters(self.read(people))
        part = self.rule.support(clusters, limit=limit)
        return Support(arm=part.arm[:, cluster], weight=part.weight)

    def start(self) -> State:
        """Return no clusters, and what the rule within remembers."""
        return {"clusters": {}, "rule": _sequential(self.rule).start()}

    def chances(self, state: State, person: Person = None) -> tuple[float, ...]:
        """Return certainty for a cluster that has its arm; otherwise the rule's chances."""
        known = state["clusters"].get(self._name(person))
        if known is None:
            return _sequential(self.rule).chances(state["rule"], person)
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
            "clusters": {**state["clusters"], name: [arm, levels]},
            "rule": _sequential(self.rule).after(state["rule"], arm, person),
        }

    def refuse_split(self, people: People, codes: IntArray, names: tuple[str, ...]) -> None:
        """Refuse clusters that lie in more than one of the groups `codes` tell."""
        cluster, called = people.strata(self.factors)
        pairs = np.unique(np.stack([cluster, codes], axis=1), axis=0)
        number = np.bincount(pairs[:, 0])
        if (number > 1).any():
            split = int(number.argmax())
            found = [names[code] for at, code in pairs.tolist() if at == split]
            each = [int(((cluster == split) & (codes == names.index(f))).sum()) for f in found]
            told = ", ".join(f"{n} in {name!r}" for n, name in zip(each, found, strict=True))
            raise ImpossibleDesign(
                f"Cluster {called[split]!r} lies in {len(found)} strata ({told}); a cluster is "
                "allocated as a whole, so it must lie in one."
            )

    @property
    def factors(self) -> tuple[Factor, ...]:
        """The columns of `by`."""
        return self.by  # type: ignore[return-value]

    def _name(self, person: Person) -> str:
        return _name_of(self.factors, [factor.level_of(person) for factor in self.factors])

    def _refuse_other_levels(self, levels: Mapping[str, str], person: Person) -> None:
        for factor in self.rule.columns:
            if factor.level_of(person) != levels[factor.name]:
                raise ImpossibleDesign(
                    f"Cluster {self._name(person)!r} was allocated with {factor.name!r} "
                    f"{levels[factor.name]!r}, and now has {factor.level_of(person)!r}; a cluster "
                    "lies in one stratum."
                )

    def _clusters(self, people: People) -> tuple[People, IntArray]:
        """Return the clusters as people, by first arrival, and (n,) each person's cluster."""
        codes, _ = people.strata(self.factors)
        for factor in self.rule.columns:
            names = tuple(f"{factor.name}={level}" for level in people.levels[factor.name])
            self.refuse_split(people, people.codes[factor.name], names)
        _, first, cluster = np.unique(codes, return_index=True, return_inverse=True)
        order = np.argsort(first)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        return people.take(first[order]), place[cluster.reshape(-1)]
