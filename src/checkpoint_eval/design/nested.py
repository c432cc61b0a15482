"""What rules that apply another rule share."""

import itertools

import numpy as np

from checkpoint_eval._arrays import IntArray
from checkpoint_eval.design.allocation import OneAtATime, Rule
from checkpoint_eval.design.people import Factor, People, stratum_name
from checkpoint_eval.errors import ImpossibleDesign, TrialError


def sequential(rule: Rule) -> OneAtATime:
    """Return the rule, if it can allocate one at a time."""
    if not isinstance(rule, OneAtATime):
        raise ImpossibleDesign(
            f"{type(rule).__name__} allocates everyone at once, so it has no next person; use "
            "`draw`, or a rule that allocates one at a time."
        )
    return rule


def union_of(*several: tuple[Factor, ...]) -> tuple[Factor, ...]:
    """Return each factor once; of two alike the one that declares its levels."""
    found: dict[str, Factor] = {}
    for factor in itertools.chain(*several):
        known = found.get(factor.name)
        if known and known.levels and factor.levels and set(known.levels) != set(factor.levels):
            raise ImpossibleDesign(
                f"Factor {factor.name!r} is declared with the levels {known.levels} and with "
                f"{factor.levels}; declare it once."
            )
        if factor.name not in found or not found[factor.name].levels:
            found[factor.name] = factor
    return tuple(found.values())


def checked_rule(rule: object) -> Rule:
    """Return the rule, refusing what is none."""
    if not isinstance(rule, Rule):
        raise TrialError(
            f"`rule` must be an allocation rule such as PermutedBlocks(sizes=(4,)), got "
            f"{type(rule).__name__}."
        )
    return rule


def name_of(factors: tuple[Factor, ...], levels: tuple[str, ...] | list[str]) -> str:
    """Return what a combination of levels is called."""
    return stratum_name({f.name: level for f, level in zip(factors, levels, strict=True)})


def refuse_split(
    factors: tuple[Factor, ...], people: People, codes: IntArray, names: tuple[str, ...]
) -> None:
    """Refuse clusters that lie in more than one of the groups `codes` tell."""
    cluster, called = people.strata(factors)
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
