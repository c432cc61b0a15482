"""The allocation a protocol promises, and the rule it stands for."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import MappingProxyType
from typing import Any

from checkpoint_eval._arrays import frozen_mapping
from checkpoint_eval._checks import check_choice, check_count
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.clusters import Clustered
from checkpoint_eval.design.declared import KINDS
from checkpoint_eval.design.people import Factor
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import InvalidProtocol

# The keys each rule takes beside `ratio`, `strata`, `clusters` and `levels`.
RULE_KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "complete": (),
        "simple": (),
        "permuted-blocks": ("sizes",),
        "biased-coin": ("p",),
        "urn": ("alpha", "beta"),
        "big-stick": ("tolerance",),
        "chen": ("p", "tolerance"),
        "maximal-procedure": ("tolerance", "people"),
        "minimisation": ("factors", "weights", "p_best", "imbalance", "choice"),
    }
)
NEEDED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"maximal-procedure": ("tolerance", "people"), "minimisation": ("factors",)}
)
EQUAL_ONLY: tuple[str, ...] = ("biased-coin", "urn", "big-stick", "chen", "maximal-procedure")


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocationPlan:
    """How people were to be allocated: the rule, the ratio (control first) and the strata.

    Attributes
    ----------
    rule : str
        "complete" (the numbers seen, within strata), "simple", "permuted-blocks", "biased-coin",
        "urn", "big-stick", "chen", "maximal-procedure" or "minimisation".
    ratio : tuple of int
        One whole number an arm, control first.
    strata, clusters : tuple of str
        Columns the rule is applied within, and columns whose combinations are allocated whole.
    levels : mapping of str to tuple of str
        The levels a column may have; a ledger needs them for every column the rule reads.
    sizes, p, alpha, beta, tolerance, people, factors, weights, p_best, imbalance, choice
        What the rule of that name takes; `choice` is what `Minimisation` calls `rule`. A key that
        the rule would not use is refused.
    """

    rule: str = "complete"
    ratio: tuple[int, ...] = (1, 1)
    strata: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sizes: tuple[int, ...] | None = None
    p: float | None = None
    alpha: float | None = None
    beta: float | None = None
    tolerance: int | None = None
    people: int | None = None
    factors: tuple[str, ...] | None = None
    weights: tuple[float, ...] | None = None
    p_best: float | None = None
    imbalance: str | None = None
    choice: str | None = None

    def __post_init__(self) -> None:
        check_choice(self.rule, "rule", RULE_KEYS)
        for part in self.ratio:
            check_count(part, "ratio")
        object.__setattr__(self, "levels", frozen_mapping(self.levels))
        _refuse_unused(self)
        _refuse_missing(self)
        self.to_rule()

    def to_rule(self) -> Rule | None:
        """Return the rule promised; None for "complete", which follows from the numbers seen."""
        if self.rule == "complete":
            return None
        kind = KINDS[self.rule]
        given = {key: getattr(self, key) for key in RULE_KEYS[self.rule]}
        found: dict[str, Any] = {key: each for key, each in given.items() if each is not None}
        if "choice" in found:
            found["rule"] = found.pop("choice")
        if "factors" in found:
            found["factors"] = self._with_levels(found["factors"])
        if "ratio" in {each.name for each in fields(kind)}:
            found["ratio"] = self.ratio
        rule: Rule = kind(**found)
        if self.clusters:
            rule = Clustered(rule=rule, by=self._with_levels(self.clusters))
        if self.strata:
            rule = Stratified(rule=rule, by=self._with_levels(self.strata))
        return rule

    def _with_levels(self, names: tuple[str, ...]) -> tuple[Factor, ...]:
        return tuple(Factor(name=name, levels=self.levels.get(name, ())) for name in names)


def _refuse_unused(plan: AllocationPlan) -> None:
    """Refuse what the rule would not look at."""
    for key in dict.fromkeys(key for several in RULE_KEYS.values() for key in several):
        if getattr(plan, key) is not None and key not in RULE_KEYS[plan.rule]:
            raise InvalidProtocol(
                f"`{key}` is nothing that rule {plan.rule!r} uses; leave it out.", at=(key,)
            )
    if plan.clusters and plan.rule == "complete":
        raise InvalidProtocol(
            "`clusters` need a rule that allocates one at a time, such as 'permuted-blocks'.",
            at=("clusters",),
        )
    read = (*plan.strata, *plan.clusters, *(plan.factors or ()))
    for name in plan.levels:
        if name not in read:
            raise InvalidProtocol(
                f"`levels` names {name!r}, which is no stratum, cluster or factor of the rule.",
                at=("levels",),
            )
    if plan.rule in EQUAL_ONLY and plan.ratio != (1, 1):
        raise InvalidProtocol(
            f"Rule {plan.rule!r} is for two arms 1:1, got {plan.ratio}; use 'permuted-blocks' or "
            "'minimisation'.",
            at=("ratio",),
        )


def _refuse_missing(plan: AllocationPlan) -> None:
    for key in NEEDED.get(plan.rule, ()):
        if getattr(plan, key) is None:
            raise InvalidProtocol(f"`{key}` is missing; rule {plan.rule!r} needs it.", at=(key,))
