"""Protecting: an evaluation as it may leave the building."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from checkpoint_eval.errors import TrialError
from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.disclosure_amounts import by_place
from checkpoint_eval.report.disclosure_counts import Counts, HeardCounts
from checkpoint_eval.report.disclosure_curves import curve_told, inequality_told
from checkpoint_eval.report.disclosure_effects import bounds_told, pathways_told, subgroups_told
from checkpoint_eval.report.disclosure_estimates import result_told, significance_told
from checkpoint_eval.report.disclosure_nouns import (
    balance_told,
    baseline_told,
    deviation_told,
    flow_told,
    integrity_told,
)
from checkpoint_eval.report.disclosure_texts import names_of
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.withheld import told_as

# What holds nothing of people: it is told as it is.
OPEN = (
    *("title", "arms", "protocol_digest", "data_digest", "level", "seed", "versions"),
    *("protected", "amounts"),
)
SEVERAL: dict[str, Callable[[Any, Counts], Any]] = {
    "checks": significance_told,
    "curves": curve_told,
    "results": result_told,
    "sensitivity": result_told,
    "bounds": bounds_told,
    "integrity": integrity_told,
    "inequality": inequality_told,
    "subgroups": subgroups_told,
}
SINGLE = ("flow", "baseline", "balance", "pathways", "deviations", "protocol")


def protect(evaluation: Evaluation, disclosure: Disclosure | None = None) -> Evaluation:
    """Return an evaluation that holds only what may be told of it.

    Whatever is written afterwards, as a page, a table, a file or a figure, can tell no more.

    Parameters
    ----------
    evaluation : Evaluation
        As computed, or protected by the same rule.
    disclosure : Disclosure, optional
        Default: a threshold of 10, rounded to 5.

    Returns
    -------
    Evaluation
        `protected` is the rule. One that was protected by it is returned as it is.

    Raises
    ------
    TrialError
        When it was protected by another rule: what is withheld cannot be brought back.

    Notes
    -----
    Small counts become `Withheld`, others are rounded, each by itself. Then more are withheld until
    every small count, printed or not, keeps at least a third of the threshold as possible values
    (and two) for a reader who knows the rule and solves all that adds up: levels of a covariate,
    flow, arms received, subgroups, steps of a curve, one analysis set less another, and events by
    one time less those by another. Totals are sums of what is told. Shares, standardised
    differences and Wilson limits are computed from counts told, survival is a multiple of what
    counts are rounded to.

    Effects are computed from true data and told to the decimals that are printed, p-values and
    standard errors to two figures. They are left out where an arm has fewer people, events or
    people without the event than the threshold: the width of an interval tells how many there were.
    An unadjusted effect on risks is a function of four counts and gives them away; it is left out
    where these, with all else that is told, tell how few had the event or are of a subgroup. The
    effect on everyone as randomised is the last to go. Amounts go where few people of an arm differ
    from the rest, or where but for two they have less than 10 % of the largest, effects on
    compliers where few received another arm, combinations of needs where subtraction would tell one
    of few. Words on method keep the numbers that somebody chose and lose those that were found,
    such as caseloads; reasons go with the effect, as one may be that nobody had the event. What
    solving such effects tells of how many are missing is not closed, nor that they confirm a guess
    of large counts.

    References
    ----------
    Griffiths et al. (2019), Handbook on Statistical Disclosure Control for Outputs; Hundepool et
    al. (2012), Statistical Disclosure Control (secondary suppression, its audit by
    linear programming). Checked against every table with the same print, listed.

    Examples
    --------
    >>> from checkpoint_eval import evaluate, load_rossi
    >>> told = protect(evaluate(load_rossi()))
    >>> told.flow.steps[0].counts
    (215, 215)
    >>> told.protected
    Disclosure(threshold=10, round_to=5)
    """
    rule = Disclosure() if disclosure is None else disclosure
    if not isinstance(evaluation, Evaluation) or not isinstance(rule, Disclosure):
        raise TrialError(
            "`protect` takes an `Evaluation` and a `Disclosure`, got "
            f"{type(evaluation).__name__} and {type(rule).__name__}."
        )
    if evaluation.protected is not None:
        if evaluation.protected == rule:
            return evaluation
        raise TrialError(
            f"The `evaluation` was protected by {evaluation.protected}; protect the one that "
            "`evaluate` returned."
        )
    _check_all_known(evaluation)
    counts = HeardCounts(rule, names=names_of(evaluation), amounts=by_place(evaluation.amounts))
    walked(evaluation, counts)
    return told_as(walked(evaluation, counts.settle()), protected=rule, amounts=())


def as_told(evaluation: Evaluation, disclosure: Disclosure | None) -> Evaluation:
    """Return an evaluation as a file is to tell it: None for no rule."""
    if not isinstance(evaluation, Evaluation):
        raise TrialError(
            f"`evaluation` must be an `Evaluation`, got {type(evaluation).__name__}; see "
            "`evaluate`."
        )
    return evaluation if disclosure is None else protect(evaluation, disclosure)


def walked(evaluation: Evaluation, counts: Counts) -> Evaluation:
    """Return the evaluation with each count heard or, once settled, told."""
    baseline = baseline_told(evaluation.baseline, counts)
    several = {
        name: tuple(
            told for each in getattr(evaluation, name) if (told := tell(each, counts)) is not None
        )
        for name, tell in SEVERAL.items()
    }
    protocol = evaluation.protocol
    return told_as(
        evaluation,
        flow=flow_told(evaluation.flow, counts),
        baseline=baseline,
        balance=tuple(balance_told(each, baseline, counts) for each in evaluation.balance),
        pathways=evaluation.pathways and pathways_told(evaluation.pathways, counts),
        deviations=tuple(
            deviation_told(each, evaluation.arms, counts) for each in evaluation.deviations
        ),
        # Who was screened stands in the flow; its digest stays that of the whole promise.
        protocol=protocol and told_as(protocol, screening=None),
        **several,
    )


def _check_all_known(evaluation: Evaluation) -> None:
    """Refuse an evaluation with a part whose protection nobody has thought of."""
    for each in fields(evaluation):
        if each.name not in (*OPEN, *SEVERAL, *SINGLE):
            raise TrialError(f"`{each.name}` of an evaluation has no rule of disclosure yet.")
