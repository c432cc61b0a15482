"""The true value of every estimand, from what everyone would do under either arm."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from checkpoint_eval._arrays import BoolArray, FloatArray, floats
from checkpoint_eval._checks import check_count, check_known
from checkpoint_eval._days import one_day
from checkpoint_eval._display import Shown
from checkpoint_eval._memory import remembered
from checkpoint_eval._values import Value
from checkpoint_eval.cohort.cohorts import Cohort
from checkpoint_eval.cohort.delivery_parts import MOST_DELIVERED, Delivery
from checkpoint_eval.cohort.generating import live, refuse_too_large
from checkpoint_eval.cohort.hazards import days_of
from checkpoint_eval.cohort.histories import contract_days
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.cohort.written import Lives
from checkpoint_eval.design.simple import Simple
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.harm import CAMBRIDGE_MEDIANS
from checkpoint_eval.results import NAN

MONTHS = (6, 12, 24)
LIMIT_PEOPLE, LIMIT_SEED = 200_000, 20_160_801


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth(Value, Shown):
    """The true value of one estimand.

    Attributes
    ----------
    estimand : str
        Such as "risk difference".
    months : int
        The time point; 0 where there is none.
    in_cohort : float
        From both potential outcomes of the people of this cohort.
    limit : float
        Of ever more people like them, with ever more officers and navigators like theirs.
    monte_carlo_error : float
        Standard error of `limit`.
    reason : str
        Why there is no value, where there is none.
    """

    estimand: str
    months: int
    in_cohort: float
    limit: float
    monte_carlo_error: float
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """What n people have under control and under Checkpoint, and how the two are compared.

    Attributes
    ----------
    name : str
    months : int
    of : (2, n) float
    measure : str
        "difference", "ratio" or "odds ratio" of the means.
    """

    name: str
    months: int
    of: FloatArray
    measure: str = "difference"

    def value(self) -> float:
        """Return the comparison of the means."""
        if not self.of.shape[1]:
            return NAN
        control, treated = self.of.mean(axis=1).tolist()
        if self.measure == "difference":
            return float(treated - control)
        if self.measure == "odds ratio":
            control, treated = (p / (1 - p) if p < 1 else np.inf for p in (control, treated))
        return float(treated / control) if control else NAN

    def error(self) -> float:
        """Return its standard error by the delta method, people being independent."""
        n = self.of.shape[1]
        if n < 2:
            return NAN
        control, treated = self.of.mean(axis=1).tolist()
        slopes = {
            "difference": (-1.0, 1.0),
            "ratio": (-treated / control**2, 1 / control) if control else (NAN, NAN),
        }
        if self.measure == "odds ratio":
            ratio = self.value()
            slope = tuple(
                sign * ratio / (p * (1 - p)) if 0 < p < 1 else NAN
                for sign, p in ((-1, control), (1, treated))
            )
        else:
            slope = slopes[self.measure]
        return float((np.array(slope) @ self.of).std(ddof=1) / np.sqrt(n))


def true_values(cohort: Cohort, *, limit_people: int = LIMIT_PEOPLE) -> tuple[Truth, ...]:
    """Return the true value of every estimand, in this cohort and in the limit.

    Parameters
    ----------
    cohort : Cohort
    limit_people : int
        How many people the limit is approached with, drawn from a seed of their own.

    Returns
    -------
    tuple of Truth
        Risk and survival difference, risk ratio and odds ratio, restricted mean difference and
        ratio, rate ratio and difference in reoffences, and harm difference (Cambridge medians) at
        6, 12 and 24 months; the complier effect on the risk; the effect on each need being
        resolved; the hazard ratio where it exists and the Cox limit, the value a Cox model of
        complete follow-up to 24 months tends to.

    Raises
    ------
    TrialError
        When `limit_people` is below 1,000.

    Notes
    -----
    Effects of being randomised to Checkpoint, whatever is received, on offences committed. Someone
    who dies does not reoffend later. At n months the extract must reach n months after the last
    randomisation; otherwise the value is missing, with the reason.

    References
    ----------
    Rubin (1974), Estimating causal effects (potential outcomes); Angrist, Imbens and Rubin (1996)
    (compliers). Struthers and Kalbfleisch (1986), Biometrika 73, 363-369 (the Cox limit). Checked
    against closed forms and a plain loop over people.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval.cohort import Effect, Scenario, generate
    >>> scenario = Scenario(people=300, effect=Effect.constant(0.5))
    >>> truth = true_values(generate(scenario, np.random.default_rng(1)), limit_people=5_000)
    >>> truth[0].estimand, truth[0].months, truth[0].limit < 0
    ('risk difference', 6, True)
    """
    if not isinstance(cohort, Cohort):
        raise TrialError(f"`cohort` must be a `Cohort`, got {type(cohort).__name__}.")
    check_count(limit_people, "limit_people", least=1000)
    limits = limiting_values(cohort.scenario, limit_people)
    here = [(told[2], told[4]) for told in _told(cohort.lives)]
    return tuple(
        replace(
            truth,
            in_cohort=NAN if truth.reason else value,
            reason=truth.reason or (reason and f"in this cohort: {reason}"),
        )
        for truth, (value, reason) in zip(limits, here, strict=True)
    )


def _check_truths(truths: object) -> None:
    if not isinstance(truths, tuple) or not all(isinstance(each, Truth) for each in truths):
        raise TrialError(f"`truths` must be those of `true_values`, got {truths!r}.")


def truth_frame(truths: tuple[Truth, ...]) -> pd.DataFrame:
    """Return true values as a table, one row an estimand.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario, true_values
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> table = truth_frame(true_values(cohort, limit_people=1000))
    >>> list(table.columns)
    ['estimand', 'months', 'in_cohort', 'limit', 'monte_carlo_error', 'reason']
    """
    _check_truths(truths)
    names = ("estimand", "months", "in_cohort", "limit", "monte_carlo_error", "reason")
    rows = [{name: getattr(truth, name) for name in names} for truth in truths]
    return pd.DataFrame(rows, columns=list(names))


def true_value(truths: tuple[Truth, ...], estimand: str, *, months: int) -> Truth:
    """Return one true value by its name and time point.

    Parameters
    ----------
    truths : tuple of Truth
        From `true_values`.
    estimand : str
        As `truth_frame` lists it, such as "risk difference".
    months : int
        The time point; 0 where there is none, as for the "hazard ratio".

    Raises
    ------
    UnknownColumn
        When there is no such value; near ones are listed.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario, true_values
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> truths = true_values(cohort, limit_people=1000)
    >>> round(true_value(truths, "risk difference", months=12).in_cohort, 3)
    0.0
    """
    _check_truths(truths)
    found = {f"{truth.estimand} at {truth.months} months": truth for truth in truths}
    return found[check_known(f"{estimand} at {months} months", found, what="estimand")]


Told = tuple[str, int, float, float, str]


@remembered
def limiting_values(scenario: Scenario, people: int = LIMIT_PEOPLE) -> tuple[Truth, ...]:
    """Return the true values in the limit alone; `in_cohort` is missing."""
    # a coin of the same ratio stands for rules of a fixed number of people; only whose navigator
    # is next due depends on it
    coin = Simple(ratio=scenario.rule.shares())
    delivery = _staffed_anew(scenario.delivery)
    many = replace(scenario, people=people, rule=coin, delivery=delivery)
    refuse_too_large(many)
    large = live(many, np.random.default_rng([LIMIT_SEED, people]))
    return tuple(
        Truth(
            estimand=name,
            months=months,
            in_cohort=NAN,
            limit=value,
            monte_carlo_error=error,
            reason=reason,
        )
        for name, months, value, error, reason in _told(large)
    )


def _told(lives: Lives) -> Iterator[Told]:
    """Yield name, months, value, standard error and reason of every estimand."""
    for sides in _compared(lives):
        reason = _not_followed(lives, sides.months)
        value, error = (NAN, NAN) if reason else (sides.value(), sides.error())
        if np.isnan(value) and sides.name == "harm difference":
            reason = "an offence code has no weight among the Cambridge medians"
        elif np.isnan(value) and not reason:
            reason = "nobody to compare, or nothing to compare with"
        yield sides.name, sides.months, value, error, reason
    why = "" if lives.scenario.effect.none else not_proportional(lives.scenario)
    ratios = lives.scenario.effect.hazard_ratios
    yield "hazard ratio", 0, NAN if why else float(ratios[0]), NAN if why else 0.0, why
    reason = _not_followed(lives, 24)
    value, error = (NAN, NAN) if reason else _cox_limit(lives, days_of(24))
    if np.isnan(value) and not reason:
        reason = "an arm without events"
    yield "Cox limit", 24, value, error, reason


def _not_followed(lives: Lives, months: int) -> str:
    """Return that the extract comes too early for the last who may be randomised."""
    reach = int((lives.extract - one_day(lives.scenario.arrivals.last)).astype(int))
    if days_of(months) <= reach:
        return ""
    return f"the extract does not follow everyone for {months} months"


def not_proportional(scenario: Scenario) -> str:
    """Return why the arms' hazards are not proportional; nothing when they are."""
    told, effect, delivery = scenario.reoffending, scenario.effect, scenario.delivery
    reasons = {
        "the effect changes with time": len(set(effect.hazard_ratios)) > 1,
        "the effect differs between people": bool(effect.by_band) or bool(effect.pathways),
        "navigators differ": delivery.navigator_spread > 0,
        "risk differs between people": told.spread > 0 or told.frailty > 0,
        "some never reoffend": told.never > 0,
        "some receive the other arm": any(
            era.to_prosecution or era.to_checkpoint for era in delivery.eras
        ),
    }
    held = [reason for reason, so in reasons.items() if so]
    return "hazards are not proportional: " + ", ".join(held) if held else ""


def _staffed_anew(delivery: Delivery) -> Delivery:
    """Return so many officers and navigators that hardly two people have one in common.

    Every trial has its own: of few drawn once the limit would be theirs alone, and people who
    share one are not independent, as its Monte Carlo error takes them to be.
    """
    if delivery.officer_spread > 0:
        delivery = replace(delivery, officers=int(MOST_DELIVERED["officers"]))
    if delivery.navigator_spread > 0:
        delivery = replace(delivery, caseload=1, turnover=MOST_DELIVERED["turnover"])
    return delivery


def assigned(lives: Lives, of_received: FloatArray) -> FloatArray:
    """Return (2, n) values by arm randomised to, from values by arm received."""
    rows = np.arange(lives.persons.n)
    return floats(np.stack([of_received[lives.delivered.takes[arm], rows] for arm in (0, 1)]))


def _compared(lives: Lives) -> Iterator[Sides]:
    """Yield everyone's values under either arm, for each estimand."""
    first = lives.histories.first()
    time = assigned(lives, floats(first))
    weights = np.array(
        [CAMBRIDGE_MEDIANS.weights.get(code, NAN) for code in lives.scenario.recording.offences]
    )
    complier = lives.delivered.takes[0] < lives.delivered.takes[1]
    for months in MONTHS:
        days = days_of(months)
        risk, mean = floats(time <= days), np.minimum(time, days)
        number = assigned(lives, lives.histories.totals(days))
        harm = assigned(lives, lives.histories.totals(days, weights))
        yield Sides(name="risk difference", months=months, of=risk)
        yield Sides(name="survival difference", months=months, of=1 - risk)
        yield Sides(name="risk ratio", months=months, of=risk, measure="ratio")
        yield Sides(name="odds ratio", months=months, of=risk, measure="odds ratio")
        yield Sides(name="restricted mean difference", months=months, of=mean)
        yield Sides(name="restricted mean ratio", months=months, of=mean, measure="ratio")
        yield Sides(name="rate ratio", months=months, of=number, measure="ratio")
        yield Sides(name="reoffences difference", months=months, of=number)
        yield Sides(name="harm difference", months=months, of=harm)
        yield Sides(name="complier risk difference", months=months, of=risk[:, complier])
    yield from _needs_resolved(lives)


def _needs_resolved(lives: Lives) -> Iterator[Sides]:
    """Yield, among those with each need, whether it is resolved."""
    ended = round(contract_days(lives.scenario) / (365 / 12))
    for row, need in enumerate(lives.scenario.population.needs):
        have: BoolArray = lives.persons.needs[row]
        resolved = assigned(lives, floats(lives.delivered.resolved[:, row]))
        yield Sides(name=f"resolved: {need}", months=ended, of=resolved[:, have])


def _cox_limit(lives: Lives, days: int) -> tuple[float, float]:
    """Return what a Cox model of complete follow-up tends to, and its standard error.

    The root of the expected score with equal risk sets weighted by the ratio of arms; the error is
    that of ten parts of the people.
    """
    time = assigned(lives, floats(lives.histories.first()))
    share = lives.scenario.rule.shares()
    treated = share[1] / sum(share)
    value = _score_root(time, days, treated)
    parts = [_score_root(part, days, treated) for part in np.array_split(time, 10, axis=1)]
    return value, float(np.std(parts, ddof=1) / np.sqrt(10))


def _score_root(time: FloatArray, days: int, treated: float) -> float:
    n = time.shape[1]
    died = [
        np.bincount(np.minimum(each, days + 1).astype(np.int64), minlength=days + 2)[1 : days + 1]
        for each in time
    ]
    left, right = (
        floats(each) * part for each, part in zip(died, (1 - treated, treated), strict=True)
    )
    risk0, risk1 = (
        floats(n * part - np.concatenate([[0.0], np.cumsum(each)[:-1]]))
        for each, part in ((left, 1 - treated), (right, treated))
    )

    def score(log: float) -> float:
        theta = np.exp(log)
        exposed = risk0 + theta * risk1
        share = np.divide(theta * risk1, exposed, out=np.zeros_like(exposed), where=exposed > 0)
        return float(np.sum(right - (left + right) * share))

    if not left.sum() or not right.sum():
        return NAN
    return float(np.exp(brentq(score, -20, 20)))
