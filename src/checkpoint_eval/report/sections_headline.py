"""The headline: what was found, in plain words, for a reader who reads nothing else."""

from collections.abc import Callable, Sequence

import numpy as np

from checkpoint_eval._checks import counted
from checkpoint_eval.report.evaluation import Evaluation, Result
from checkpoint_eval.report.sections import Section
from checkpoint_eval.report.tables import (
    format_effect,
    is_share,
    share,
    told,
    told_apart,
    told_by_arm,
    untold,
    why_untold,
)
from checkpoint_eval.results import Estimate, SignificanceTest

# Shares closer than this are printed alike.
SAME = 0.0005
# In the order in which a headline would rather tell them.
ABSOLUTE: tuple[str, ...] = (
    *("risk difference", "cumulative incidence difference", "survival difference"),
    *("restricted mean difference", "mean difference", "mean events difference"),
    *("mean events with death difference", "trimmed mean difference"),
)
RELATIVE: tuple[str, ...] = (
    *("risk ratio", "hazard ratio", "rate ratio", "subdistribution hazard ratio"),
    *("restricted mean ratio", "odds ratio", "ordinal odds ratio"),
)
# Ratios of what: the word a reader knows.
OF_WHAT = {
    "risk ratio": "share",
    "hazard ratio": "rate at any time",
    "rate ratio": "rate",
    "restricted mean ratio": "time free of it",
    "subdistribution hazard ratio": "rate at any time",
}
NOTHING = "No plain comparison of arms was asked for; the tables of results tell what was."
SETS = {
    "itt": "everyone is counted in the arm they were assigned to, whatever happened afterwards "
    "(intention to treat)",
    "per-protocol": "only those who received what they were assigned to are counted "
    "(per-protocol), so that the arms may differ in more than chance",
    "as-treated": "people are counted by what they received (as-treated), so that the arms may "
    "differ in more than chance",
}


def headline(evaluation: Evaluation) -> str:
    """Return what was found on the primary outcome in a few sentences, or say there is none."""
    return " ".join(_findings(evaluation)) or NOTHING


def headline_section(evaluation: Evaluation) -> Section:
    """Return the first section: what was found, what was promised and what is not known."""
    found = _findings(evaluation) or [NOTHING]
    return Section(
        anchor="headline",
        title="In short",
        paragraphs=(*found, _standing(evaluation), _unknown(evaluation) + _protected(evaluation)),
    )


def _protected(evaluation: Evaluation) -> str:
    """Tell that numbers of people are not the true ones, where they are not."""
    if evaluation.protected is None:
        return ""
    return " So that nobody can be told from them, counts are withheld or rounded: see Provenance."


def primary_name(evaluation: Evaluation) -> str | None:
    """Return the outcome a headline is about; None when there are no results."""
    if evaluation.protocol:
        return evaluation.protocol.primary.name
    first = next(iter(evaluation.results), None)
    return first.value.outcome if first else None


def _findings(evaluation: Evaluation) -> list[str]:
    """Return two paragraphs a treatment arm: the absolute effect, then the relative one."""
    primary = primary_name(evaluation)
    about = [each for each in evaluation.results if each.value.outcome == primary]
    paragraphs: list[str] = []
    for arm in evaluation.arms[1:]:
        mine = [
            each
            for each in about
            if isinstance(each.value, Estimate) and each.value.contrast[0] == arm
        ]
        absolute = _told(mine, ABSOLUTE, lambda value: _absolute(value, evaluation))
        relative = [_told(mine, RELATIVE, _relative), _confirmed(mine)]
        paragraphs += [absolute, " ".join(each for each in relative if each)]
    return [each for each in paragraphs if each]


def _chosen(results: Sequence[Result], estimands: tuple[str, ...]) -> Estimate | None:
    """Return the estimate to tell: planned, of everyone, unadjusted, by the order of measures."""
    found = [
        each.value
        for each in results
        if isinstance(each.value, Estimate) and each.value.estimand in estimands
    ]
    return min(
        found,
        key=lambda value: (
            not value.estimable,
            not value.planned,
            value.analysis_set != "itt",
            estimands.index(value.estimand),
            bool(value.adjusted_for),
        ),
        default=None,
    )


def _told(
    results: Sequence[Result], estimands: tuple[str, ...], tell: Callable[[Estimate], str]
) -> str:
    value = _chosen(results, estimands)
    if value is None:
        return ""
    if not value.estimable:
        return f"The {value.estimand} of “{value.outcome}” {why_untold(value)}."
    return tell(value)


def _when(value: Estimate) -> str:
    return "" if np.isnan(value.time_point) else f" within {value.time_point:g} {value.unit}"


def _absolute(value: Estimate, evaluation: Evaluation) -> str:
    if not is_share(value):
        return _average(value)
    without = " free of it" if value.estimand == "survival difference" else ""
    treatment, control = value.contrast
    gap = f"no difference between {treatment} and {control}"
    if value.value != 0:
        many = f"{100 * abs(value.value):.1f} {_way(value.value)} in every 100 people{without}"
        gap = f"{many} under {treatment} than under {control}"
    low, high = told_apart([100 * value.low, 100 * value.high], null=0.0, least=1, signed=True)
    spread = _spread(100 * value.low, 100 * value.high, " in every 100")
    return (
        f"“{value.outcome}”{_when(value)}: {gap}. {spread} (the {100 * value.level:g}% interval "
        f"runs from {low} to {high} percentage points). {_counted(value, evaluation)}"
    )


def _counted(value: Estimate, evaluation: Evaluation) -> str:
    """Tell the people and events, or the shares where the method counts otherwise."""
    rounded = evaluation.protected is not None
    if value.estimand == "survival difference" or not value.events:
        treatment, control = (_share(each, whole=rounded) for each in value.by_arm[::-1])
        free = "free of it, " if value.estimand == "survival difference" else ""
        return (
            f"These are, {free}{treatment} of people assigned to {value.contrast[0]}, and "
            f"{control} of people assigned to {value.contrast[1]}, {_adjusted(value)}."
        )
    people = f"{_people(value, 1, evaluation)}, and {_people(value, 0, evaluation)}"
    if evaluation.protected is None:
        return f"These are {people}, {_adjusted(value)}."
    # The effect is of the true counts: shares of rounded ones need not differ by as much.
    return (
        f"In counts rounded to {evaluation.protected.round_to} these are {people}, "
        f"{_adjusted(value)}."
    )


def _share(number: float, *, whole: bool) -> str:
    """Return a share; one of rounded counts has no decimals to tell."""
    return f"about {100 * number:.0f}%" if whole and not np.isnan(number) else share(number)


def _average(value: Estimate) -> str:
    """Tell a difference in means: days, events, weeks free."""
    unit = f" {value.unit}" if value.unit and "mean events" not in value.estimand else ""
    free = " free of it" if value.estimand.startswith("restricted") else ""
    treatment, control = value.contrast
    arms = ""
    if not np.isnan(value.by_arm).any():
        arms = (
            f" ({value.by_arm[1]:.2f} assigned to {treatment}, {value.by_arm[0]:.2f} assigned to "
            f"{control})"
        )
    gap = (
        f"no difference between {treatment} and {control}"
        if value.value == 0
        else f"{abs(value.value):.2f}{unit} {_way(value.value)}{free} a person under {treatment} "
        f"than under {control}"
    )
    spread = _spread(value.low, value.high, unit)
    return (
        f"“{value.outcome}”{_when(value)}: on average {gap}{arms}, {_adjusted(value)}. {spread} "
        f"(the {100 * value.level:g}% interval)."
    )


def _way(value: float) -> str:
    return "fewer" if value < 0 else "more"


def _adjusted(value: Estimate) -> str:
    if not value.adjusted_for:
        return "unadjusted"
    return f"adjusted for {', '.join(value.adjusted_for)}"


def _spread(low: float, high: float, unit: str) -> str:
    """Tell an interval as a range in words, and whether all of it lies on one side."""
    if np.isnan(low) or np.isnan(high):
        return "How far chance may have moved this cannot be told"
    # Each limit by itself: one that is close to 0 needs decimals that the other does not.
    lower, upper = (
        told_apart([each], null=0.0, least=1, signed=False)[0].lstrip("−") for each in (low, high)
    )
    if low < 0 < high:
        return (
            f"The data fit anything from {lower} fewer to {upper} more{unit}, so they do not "
            "settle the direction"
        )
    ends = (lower, upper) if high <= 0 else (upper, lower)
    side = _way(low + high)
    return f"The data fit anything from {ends[0]} {side} to {ends[1]} {side}{unit}"


def _relative(value: Estimate) -> str:
    of_what = OF_WHAT.get(value.estimand)
    treatment, control = value.contrast
    shown = f"({value.estimand} {format_effect(value)}, {_adjusted(value)})"
    if of_what is None:
        return f"In relative terms, {treatment} against {control}: {shown[1:-1]}."
    if value.value == 1:
        return f"In relative terms the {of_what} was the same as under {control} {shown}."
    spread = f"anything from {_percent(value.low)} to {_percent(value.high)} fits the data"
    than = "as" if value.value >= 2 else "than"
    changes = (
        " This ratio is seen to change with time, so one number for all of follow-up misleads."
        if f"hazard ratio of {treatment!r} changes with time" in value.method
        else ""
    )
    return (
        f"In relative terms the {of_what} under {treatment} was {_percent(value.value)} {than} "
        f"under {control}; {spread} {shown}.{changes}"
    )


def _percent(ratio: float) -> str:
    """Tell a ratio as a change; from a doubling on, as how many times."""
    if np.isnan(ratio):
        return "an unknown change"
    if ratio >= 2:
        return "any number of times higher" if np.isinf(ratio) else f"{ratio:.1f} times as high"
    change = 100 * (ratio - 1)
    if change == 0:
        return "no change"
    text = told_apart([change], null=0.0, least=0, signed=False)[0].lstrip("−")
    return f"{text}% {'lower' if change < 0 else 'higher'}"


def _confirmed(results: Sequence[Result]) -> str:
    """Tell the confirmatory estimate where it is neither of those told."""
    confirmatory = [each for each in results if each.confirmatory]
    shown = (_chosen(results, ABSOLUTE), _chosen(results, RELATIVE))
    values = [each.value for each in confirmatory if isinstance(each.value, Estimate)]
    return " ".join(
        f"The result the protocol named as confirmatory is the {value.estimand}, "
        f"{_adjusted(value)}: {format_effect(value)}."
        for value in values
        if value not in shown
    )


def _people(value: Estimate, arm: int, evaluation: Evaluation) -> str:
    """Tell one arm's people: assigned, known, with the event, and the share they stand for."""
    name = value.contrast[1 - arm]
    known, whole = told(value.n[arm]), told(value.n[arm])
    if value.missing[arm] and value.analysis_set == "itt":
        whole = told(evaluation.flow.steps[0].counts[evaluation.arms.index(name)])
    of_them = f", {known} of them with a known outcome" if value.missing[arm] else ""
    stands_for = _share(value.by_arm[arm], whole=evaluation.protected is not None)
    events, n = value.events[arm], value.n[arm]
    # A withheld count is a NaN, which is close to nothing.
    if abs(value.by_arm[arm] - events / n) > SAME:
        stands_for = f"an estimated {stands_for.removeprefix('about ')}, {_why_estimated(value)}"
    return f"{told(events)} of {whole} people assigned to {name}{of_them} ({stands_for})"


def _why_estimated(value: Estimate) -> str:
    if value.adjusted_for:
        return "as if the arms were alike in what is adjusted for"
    if np.isnan(value.time_point):
        return "weighted by stratum"
    return "as some were followed for less"


def _standing(evaluation: Evaluation) -> str:
    """Tell what was promised, and whom the results are of."""
    results = evaluation.results
    primary = primary_name(evaluation)
    sets = dict.fromkeys(
        each.value.analysis_set for each in results if each.value.outcome == primary
    )
    first = next(iter(sets), "itt")
    own = evaluation.protocol.analysis_sets if evaluation.protocol else ()
    declared = {each.name: each.description for each in own}
    who = SETS.get(first) or declared.get(first, first)
    whole = {each.value.analysis_set for each in results} <= {first}
    these = "In these results" + ("" if whole else ", unless another set is named,")
    if not evaluation.protocol:
        return (
            "No protocol was given: nothing here was promised in advance, so every result is "
            f"exploratory. {these} {who}."
        )
    confirmatory = sum(each.confirmatory for each in results)
    named = f"{confirmatory} of them confirmatory" if confirmatory else "none of them confirmatory"
    planned = sum(each.value.planned for each in results)
    few = "all" if planned == len(results) else f"{planned} of"
    return (
        f"The protocol named “{primary}” as the primary outcome; {few} the {len(results)} main "
        f"results below were promised in advance, {named}. {these} {who}."
    )


def _missing_of(
    one: Estimate, results: Sequence[Estimate | SignificanceTest], arms: Sequence[str]
) -> str:
    """Tell how many outcomes are unknown in each arm; every comparison knows of its own two."""
    counts: dict[str, object] = {}
    for each in results:
        if isinstance(each, Estimate) and _question(each) == _question(one):
            counts |= dict(zip(each.contrast[::-1], each.missing, strict=True))
    named = [arm for arm in arms if arm in counts]
    return told_by_arm([counts[arm] for arm in named], named)


def _question(value: Estimate) -> tuple[object, ...]:
    """Return what is asked, whichever arm it is asked of."""
    return value.outcome, value.estimand, value.analysis_set, value.adjusted_for


def _unknown(evaluation: Evaluation) -> str:
    """Tell what the data leave open."""
    told_of = ["What we do not know: an interval that includes no effect is no proof of no effect"]
    results = [each.value for each in evaluation.results]
    primary = primary_name(evaluation)
    lost = next(
        (
            each
            for each in results
            if each.outcome == primary and isinstance(each, Estimate) and any(each.missing)
        ),
        None,
    )
    if lost:
        people = _missing_of(lost, results, evaluation.arms)
        told_of.append(f"the primary outcome of some people is unknown ({people})")
    failed = sum(not each.estimable and untold(each) == "not estimable" for each in results)
    if failed:
        told_of.append(f"{counted(failed, 'result')} asked for cannot be estimated")
    hidden = sum(not each.estimable and untold(each) == "withheld" for each in results)
    if hidden:
        told_of.append(
            f"{counted(hidden, 'result')} asked for {'is' if hidden == 1 else 'are'} withheld, so "
            "that nobody can be told from what is printed"
        )
    crossed = [row.otherwise for each in evaluation.integrity[:1] for row in each.rows]
    if any(crossed):
        people = told_by_arm(crossed, evaluation.arms)
        told_of.append(
            f"some people received another arm than their own ({people}), so the effect of being "
            "assigned is not that of being treated"
        )
    told_of.append("the results are of the people of this trial; others may differ")
    return "; ".join(told_of) + "."
