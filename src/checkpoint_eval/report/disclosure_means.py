"""Effects on amounts by the rule: where few, or mostly one person, make what they tell."""

from typing import TypeAlias

import numpy as np

from checkpoint_eval.report.disclosure_amounts import CLOSEST, Amounts
from checkpoint_eval.report.disclosure_counts import Counts
from checkpoint_eval.report.tables import PAIRS
from checkpoint_eval.results import Estimate, SignificanceTest

# What no single amount moves far: ranks, and means without the ends.
ROBUST = (*PAIRS, "ordinal odds", "trimmed mean", "winsorised mean")
OF_ONE = f"withheld: but for two people an arm has less than {CLOSEST:.0%} of what one has"
BESIDE = "withheld: beside everyone's it would tell the amounts of fewer than"

Value: TypeAlias = Estimate | SignificanceTest


def amounts_closed(value: Value, counts: Counts, *, of: tuple[str, ...] = ()) -> str:
    """Return why an effect on amounts, or a test of one, is not told; "" when it is.

    A mean times its people is their sum: it tells of few where all others have the same, and of
    one where that one dominates. What is found in one result holds for all of the outcome in the
    same analysis set.
    """
    arms = value.arms if isinstance(value, SignificanceTest) else value.contrast[::-1]
    held = [amounts_in(value, arm, counts, of=of) for arm in arms]
    if value.events and None in held:
        return ""
    part = bool(of) and not all(
        (value.outcome, value.analysis_set, arm) in counts.amounts for arm in arms
    )
    for place, (arm, amounts) in enumerate(zip(arms, held, strict=True)):
        total = _total(value, place) if part and not _is_robust(value) else None
        few = amounts is not None and amounts.is_of_few(counts.rule, total=total)
        if few or _tells_few(value, place, amounts, counts):
            counts.hold(("amount", value.outcome, _among(value, of), *of, arm))
        if amounts is not None and amounts.is_of_one(total=total):
            counts.hold(("dominated", value.outcome, _among(value, of), *of, arm))
    return _reason(value, arms, counts, of)


def amounts_in(
    value: Value, arm: str, counts: Counts, *, of: tuple[str, ...] = ()
) -> Amounts | None:
    """Return the amounts of an arm of the set that a result, or one of some of it, is about."""
    return counts.amounts.get((value.outcome, _among(value, of), arm))


def _among(value: Value, of: tuple[str, ...]) -> str:
    """Return the analysis set, without the part of it that a result may be about."""
    return value.analysis_set.removesuffix(f", {': '.join(of)}")


def _tells_few(value: Value, place: int, amounts: Amounts | None, counts: Counts) -> bool:
    """Whether people whom an arm wins are few; or its sum, where nobody's amount is known."""
    if value.events or isinstance(value, SignificanceTest):
        return False
    if amounts is not None and value.estimand not in PAIRS:
        return False
    return bool(0 <= value.by_arm[place] * max(value.n) < counts.rule.threshold)


def _total(value: Value, place: int) -> float | None:
    """Return the sum of an arm, as events or as a mean tells it; None where neither does."""
    if value.events:
        return float(value.events[place])
    if isinstance(value, SignificanceTest) or np.isnan(value.by_arm[place]):
        return None
    return abs(value.by_arm[place]) * value.n[place]


def _reason(value: Value, arms: tuple[str, ...], counts: Counts, of: tuple[str, ...]) -> str:
    few, among = counts.rule.threshold, _among(value, of)

    def found(what: str) -> bool:
        places = ((), of) if of else ((),)
        return any(
            (what, value.outcome, among, *each, arm) in counts.few
            for arm in arms
            for each in places
        )

    if found("amount"):
        return f"withheld: the amounts of an arm are those of fewer than {few}"
    if _is_robust(value):
        return ""
    if found("dominated"):
        return OF_ONE
    if not of and any(0 < _apart(value, arm, counts) < few for arm in arms):
        return f"{BESIDE} {few}"
    return ""


def _is_robust(value: Value) -> bool:
    if isinstance(value, SignificanceTest):  # only those of a difference re-drawn tell a mean
        return "difference" not in value.test or value.test.endswith(
            tuple(f"({r})" for r in ROBUST)
        )
    return value.estimand.startswith(ROBUST)


def _apart(value: Value, arm: str, counts: Counts) -> int:
    """Return how many people an analysis set has that everyone randomised has not, and less."""
    sizes = {
        among: held.amount.size
        for among in ("itt", "per-protocol", value.analysis_set)
        if (held := counts.amounts.get((value.outcome, among, arm))) is not None
    }
    if value.analysis_set == "itt" or not {"itt", value.analysis_set} <= sizes.keys():
        return 0
    if value.analysis_set != "as-treated":
        return sizes["itt"] - sizes[value.analysis_set]
    return sizes["itt"] + sizes["as-treated"] - 2 * sizes["per-protocol"]
