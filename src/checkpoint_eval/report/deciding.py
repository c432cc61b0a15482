"""The decision table: what was promised, what was found, and whether the promise was met."""

import numpy as np
import pandas as pd

from checkpoint_eval._checks import check_noun
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.tables import format_effect, why_untold
from checkpoint_eval.results import NAN, Estimate, SignificanceTest, strategies_told


def decision_table(evaluation: Evaluation) -> pd.DataFrame:
    """Return what the protocol promised beside what was found, one row a planned result.

    Parameters
    ----------
    evaluation : Evaluation
        Of a trial with a protocol.

    Returns
    -------
    DataFrame
        outcome, estimand, treatment, time_point, unit, analysis_set, intercurrent (events and
        strategies), promised (metric and criterion in words), confirmatory, value, low, high,
        p_value, p_adjusted, met ("met", "not met", "cannot be told" or "none promised") and
        in_words. Confirmatory results come first; otherwise the protocol's order is kept.

    Raises
    ------
    TrialError
        When there was no protocol: nothing promised can be met or not.

    Notes
    -----
    The criterion of a confirmatory result is a two-sided p-value, after the promised adjustment for
    multiplicity, of at most alpha. "Not met" is no evidence of no effect: the interval tells which
    effects remain possible. Intervals are not adjusted for multiplicity, and some are of another
    method than the p-value, so one may leave out no effect where the criterion is not met.
    Everything else planned is reported without a criterion.

    References
    ----------
    CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123), items 21 and 26; ICH E9(R1) (2019).
    Checked against tables written by hand in tests/hand.

    Examples
    --------
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> table = decision_table(evaluate(load_rossi()))
    >>> table.loc[:1, ["outcome", "confirmatory", "met"]].to_numpy().tolist()
    [['rearrest', True, 'met'], ['rearrest', False, 'none promised']]
    """
    check_noun(evaluation, Evaluation, "evaluation", of="evaluate")
    protocol = evaluation.protocol
    if protocol is None:
        raise TrialError(
            "Nothing was promised, as the evaluation has no `protocol`; give one to `evaluate`, or "
            "use `estimates_table`."
        )
    planned = [each for each in evaluation.results if each.value.planned]
    rows = [_row(each, protocol) for each in planned]
    order = np.argsort([not each.confirmatory for each in planned], kind="stable")
    return pd.DataFrame([rows[place] for place in order])


def _row(result: Result, protocol: Protocol) -> dict[str, object]:
    value = result.value
    estimate = value if isinstance(value, Estimate) else None
    met = _met(result, protocol)
    return {
        "outcome": value.outcome,
        "estimand": _estimand(result),
        "treatment": _treatment(value),
        "time_point": value.time_point,
        "unit": value.unit,
        "analysis_set": value.analysis_set,
        "intercurrent": strategies_told(value.intercurrent),
        "promised": _promised(result, protocol),
        "confirmatory": result.confirmatory,
        "value": estimate.value if estimate else NAN,
        "low": estimate.low if estimate else NAN,
        "high": estimate.high if estimate else NAN,
        "p_value": value.p_value,
        "p_adjusted": result.p_adjusted,
        "met": met,
        "in_words": _in_words(result, protocol, met),
    }


def _treatment(value: Estimate | SignificanceTest) -> str:
    return value.contrast[0] if isinstance(value, Estimate) else " / ".join(value.arms[1:])


def _estimand(result: Result) -> str:
    value = result.value
    if not isinstance(value, Estimate):
        return value.test
    adjusted = f", adjusted for {', '.join(value.adjusted_for)}" if value.adjusted_for else ""
    return f"{value.estimand}{adjusted}"


def _decisive(result: Result) -> float:
    """Return the p-value the criterion is about."""
    adjusted = result.p_adjusted
    return result.value.p_value if np.isnan(adjusted) else adjusted


def _met(result: Result, protocol: Protocol) -> str:
    if not result.confirmatory:
        return "none promised"
    p_value = _decisive(result)
    if np.isnan(p_value):
        return "cannot be told"
    return "met" if p_value <= protocol.analysis.alpha else "not met"


def _promised(result: Result, protocol: Protocol) -> str:
    outcome, plan = protocol.outcome(result.value.outcome), protocol.analysis
    standing = "primary outcome" if outcome.primary else "outcome"
    told = f"{standing}: {outcome.variable}; {outcome.metric}; {outcome.aggregation}"
    if not result.confirmatory:
        return f"{told}; no criterion"
    method = "" if plan.multiplicity == "none" else f", adjusted by {plan.multiplicity.title()}"
    return f"{told}; criterion: two-sided p of at most {plan.alpha:g}{method}"


def _in_words(result: Result, protocol: Protocol, met: str) -> str:
    """Tell in a sentence what was found beside the criterion, without a verdict on the effect."""
    value = result.value
    if met == "cannot be told" or not value.estimable:
        return f"Promised, but it {why_untold(value)}."
    found = ""
    if isinstance(value, Estimate):
        found = (
            f" The {100 * value.level:g}% interval {_holds(value)} no effect ({value.null:g}): "
            f"{format_effect(value)}."
        )
    if met == "none promised":
        return f"Planned, without a criterion.{found}"
    p_value, alpha = _decisive(result), protocol.analysis.alpha
    beside = "at most" if met == "met" else "above"
    return f"The criterion was {met}: p is {p_value:.3g}, {beside} {alpha:g}.{found}"


def _holds(value: Estimate) -> str:
    return "holds" if value.low <= value.null <= value.high else "leaves out"
