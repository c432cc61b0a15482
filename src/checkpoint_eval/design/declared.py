"""Rules as plain values, for protocols and ledgers, and back."""

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

import numpy as np

from checkpoint_eval._checks import check_choice, did_you_mean
from checkpoint_eval.design.allocation import Complete, Rule
from checkpoint_eval.design.blocks import PermutedBlocks
from checkpoint_eval.design.clusters import Clustered
from checkpoint_eval.design.custom import Custom
from checkpoint_eval.design.minimisation import Minimisation
from checkpoint_eval.design.people import Factor
from checkpoint_eval.design.rerandomised import Mahalanobis, Rerandomised
from checkpoint_eval.design.sequential import BiasedCoin, BigStick, Chen, MaximalProcedure, Urn
from checkpoint_eval.design.simple import Simple
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import TrialError

KINDS: Mapping[str, type[Any]] = {
    "simple": Simple,
    "complete": Complete,
    "permuted-blocks": PermutedBlocks,
    "biased-coin": BiasedCoin,
    "urn": Urn,
    "big-stick": BigStick,
    "chen": Chen,
    "maximal-procedure": MaximalProcedure,
    "minimisation": Minimisation,
    "stratified": Stratified,
    "clustered": Clustered,
    "rerandomised": Rerandomised,
    "mahalanobis": Mahalanobis,
    "custom": Custom,
}


def rule_to_dict(rule: Rule) -> dict[str, Any]:
    """Return a rule as nested mappings, lists, numbers and text that JSON can hold.

    Parameters
    ----------
    rule : rule
        One of this library's.

    Returns
    -------
    dict
        `kind` names the rule; the other keys are its fields.

    Raises
    ------
    TrialError
        For a rule or a criterion of the user's own, which a file cannot hold.

    Examples
    --------
    >>> from checkpoint_eval.design import PermutedBlocks
    >>> rule_to_dict(PermutedBlocks(sizes=(4, 6)))
    {'kind': 'permuted-blocks', 'sizes': [4, 6], 'ratio': [1, 1]}
    """
    for kind, known in KINDS.items():
        if type(rule) is known:
            return {"kind": kind} | {
                each.name: _stored(getattr(rule, each.name))
                for each in fields(rule)  # type: ignore[arg-type]
            }
    raise TrialError(
        f"{type(rule).__name__} cannot be stored; only rules and criteria of this library can."
    )


def _stored(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, tuple) and value and isinstance(value[0], Factor):
        return [{"name": factor.name, "levels": list(factor.levels)} for factor in value]
    if isinstance(value, (tuple, list)):
        return [_stored(each) for each in value]
    if isinstance(value, Mapping):
        return {key: rule_to_dict(each) for key, each in value.items()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (str, int, float, type(None))):
        return value
    return rule_to_dict(value)


def rule_from_dict(stored: Mapping[str, Any]) -> Rule:
    """Return the rule that `rule_to_dict` stored.

    Raises
    ------
    TrialError
        When the kind is not known, or its fields are not possible.

    Examples
    --------
    >>> rule_from_dict({"kind": "big-stick", "tolerance": 3})
    BigStick(tolerance=3)
    """
    if not isinstance(stored, Mapping) or "kind" not in stored:
        raise TrialError(f"A stored rule is a mapping with a `kind`, got {stored!r}.")
    check_choice(str(stored["kind"]), "kind", KINDS)
    known = KINDS[stored["kind"]]
    names = [each.name for each in fields(known)]
    extra = sorted(set(stored) - {"kind", *names})
    if extra:
        raise TrialError(
            f"`{extra[0]}` is no field of a {stored['kind']} rule; {did_you_mean(extra[0], names)}"
        )
    needed = [
        each.name
        for each in fields(known)
        if each.default is MISSING and each.default_factory is MISSING
    ]
    for name in needed:
        if name not in stored:
            raise TrialError(f"A {stored['kind']} rule needs `{name}`; it is missing.")
    rule: Rule = known(**{name: _read(stored[name]) for name in names if name in stored})
    return rule


def _read(value: Any) -> Any:
    if isinstance(value, Mapping):
        if "kind" in value:
            return rule_from_dict(value)
        return {key: _read(each) for key, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], Mapping):
        return tuple(Factor(name=each["name"], levels=tuple(each["levels"])) for each in value)
    if isinstance(value, list):
        return tuple(tuple(each) if isinstance(each, list) else each for each in value)
    return value


def rule_told(rule: Rule) -> str:
    """Return what results call a rule, such as "permuted-blocks within suite"."""
    if isinstance(rule, Stratified):
        inner = [rule.rule] if not isinstance(rule.rule, Mapping) else list(rule.rule.values())
        told = " and ".join(dict.fromkeys(rule_told(each) for each in inner))
        return f"{told} within {', '.join(factor.name for factor in rule.factors)}"
    if isinstance(rule, Clustered):
        by = ", ".join(factor.name for factor in rule.factors)
        return f"{rule_told(rule.rule)} of whole {by}"
    if isinstance(rule, Rerandomised):
        return f"{rule_told(rule.rule)} rerandomised"
    kinds = (kind for kind, known in KINDS.items() if type(rule) is known)
    kind = next(kinds, type(rule).__name__)
    return f"{kind} randomisation" if kind in ("simple", "complete", "custom") else kind
