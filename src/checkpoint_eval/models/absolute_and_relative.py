"""Risks, and what treatment does to them in absolute and relative terms, side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from checkpoint_eval._checks import as_names
from checkpoint_eval._display import Shown
from checkpoint_eval._times import nearest_tie
from checkpoint_eval._values import Value
from checkpoint_eval.models.compared import Compared, compare
from checkpoint_eval.models.number_needed import NumberNeeded, needed_rows
from checkpoint_eval.models.proportions import wilson_limits
from checkpoint_eval.models.risk import odds_ratio, risk_difference, risk_ratio
from checkpoint_eval.models.survival import kaplan_meier, pointwise, survival_limits
from checkpoint_eval.outcomes.trial import Trial
from checkpoint_eval.results import NAN, Estimate


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class RiskEffects(Value, Shown):
    """A yes-no outcome compared: risks by arm, absolute and relative effects, number needed.

    Attributes
    ----------
    difference, ratio, odds_ratio : Estimate
    risk, risk_low, risk_high : (control, treatment)
        Observed in each arm, before strata and covariates, which `by_arm` of the estimates has.
    risk_method : str
        How the risks' limits were found.
    """

    difference: Estimate
    ratio: Estimate
    odds_ratio: Estimate
    risk: tuple[float, float]
    risk_low: tuple[float, float]
    risk_high: tuple[float, float]
    risk_method: str

    @property
    def estimates(self) -> tuple[Estimate, Estimate, Estimate]:
        """The difference, the ratio and the odds ratio."""
        return self.difference, self.ratio, self.odds_ratio

    @property
    def number_needed(self) -> NumberNeeded:
        """The reciprocal of the difference."""
        return NumberNeeded(difference=self.difference)

    def __repr__(self) -> str:
        one, percent = self.difference, f"{100 * self.difference.level:g}%"
        at = f" at {one.time_point:g} {one.unit}" if one.time_point == one.time_point else ""
        arms = " against ".join(
            f"{self.risk[code]:.3g} in {one.contrast[1 - code]} ({one.events[code]} of "
            f"{one.n[code]})"
            for code in (1, 0)
        )
        effects = "; ".join(
            f"{each.estimand} {each.value:.4g} ({percent} interval {each.low:.4g} to "
            f"{each.high:.4g})"
            if each.estimable
            else f"{each.estimand} not estimable"
            for each in self.estimates
        )
        return (
            f"Risk effects on {one.outcome}{at}: {arms}; {effects}; number needed to treat "
            f"{self.number_needed.told}; {one.analysis_set}"
            f"{f', {sum(one.missing)} left out, as data are missing' if any(one.missing) else ''}; "
            f"{'planned' if one.planned else 'exploratory'}. {one.method}."
        )

    def to_frame(self) -> pd.DataFrame:
        """Return a row an arm's risk, a row an effect, and two rows of numbers needed."""
        one = self.difference
        versus = {"of": f"{one.contrast[0]} against {one.contrast[1]}"}
        risks = [
            {
                "measure": "risk",
                "of": one.contrast[1 - code],
                "value": self.risk[code],
                "low": self.risk_low[code],
                "high": self.risk_high[code],
                "events": one.events[code],
                "n": one.n[code],
                "missing": one.missing[code],
                "method": self.risk_method,
            }
            for code in (0, 1)
        ]
        effects = [{"measure": each.estimand} | versus | _numbers(each) for each in self.estimates]
        needed = [row | versus for row in needed_rows(self.number_needed)]
        counts = dict.fromkeys(("events", "n", "missing"), "Int64")
        return pd.DataFrame([*risks, *effects, *needed]).astype(counts)


def _numbers(estimate: Estimate) -> dict[str, Any]:
    names = ("value", "low", "high", "p_value", "method")
    return {name: getattr(estimate, name) for name in names}


def risk_effects(  # noqa: PLR0913 - the arguments of the effects it puts side by side
    trial: Trial,
    *,
    outcome: str,
    horizon: float | None = None,
    adjust: str | Sequence[str] = (),
    strata: str | Sequence[str] | None = (),
    interactions: bool = False,
    interval: Literal["miettinen-nurminen", "wald"] | None = None,
    level: float = 0.95,
    analysis_set: str = "itt",
    arm: str | None = None,
) -> RiskEffects:
    """Tell who had the event in each arm, and the effect in absolute and in relative terms.

    Parameters and errors are those of `risk_difference`; `interval` is of all three effects.

    Returns
    -------
    RiskEffects
        `difference`, `ratio` and `odds_ratio` as their verbs have them, `number_needed`, the
        risks by arm with limits, and `to_frame()` for a table of it all.

    Notes
    -----
    Limits of the risks are Wilson's; with people censored before the horizon they are those of
    the Kaplan–Meier curve, on the log–log scale. By default each effect has the interval of its
    own verb, and near no effect one may leave it out and another hold it;
    interval="miettinen-nurminen" gives three that always agree about that.

    References
    ----------
    Wilson (1927) for the risks; `risk_difference`, `risk_ratio`, `odds_ratio` and
    `number_needed_to_treat` for the rest; it is they that are checked against other programs.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> effects = risk_effects(load_rossi(), outcome="rearrest", horizon=52)
    >>> effects.number_needed.told
    '12 for one event fewer (95% interval: 6.06 to 6,621 for one event fewer)'
    >>> effects.to_frame()["measure"].tolist()[:5]
    ['risk', 'risk', 'risk difference', 'risk ratio', 'odds ratio']
    """
    asked: dict[str, Any] = {
        "outcome": outcome,
        "horizon": horizon,
        "adjust": adjust,
        "strata": strata,
        "interactions": interactions,
        "interval": interval,
        "level": level,
        "analysis_set": analysis_set,
        "arm": arm,
    }
    ratio = risk_ratio(trial, **asked)  # its intervals are those that all three have
    difference, odds = risk_difference(trial, **asked), odds_ratio(trial, **asked)
    people = compare(
        trial, outcome=outcome, analysis_set=analysis_set, arm=arm, complete=as_names(adjust)
    )
    risk, low, high, told = _risks(people, horizon, level)
    return RiskEffects(
        difference=difference,
        ratio=ratio,
        odds_ratio=odds,
        risk=risk,
        risk_low=low,
        risk_high=high,
        risk_method=told,
    )


_Pair = tuple[float, float]


def _risks(
    people: Compared, horizon: float | None, level: float
) -> tuple[_Pair, _Pair, _Pair, str]:
    """Return the risk of each arm, its limits and how they were found."""
    at = NAN if horizon is None else horizon
    if not people.time.size or not people.censored_before(at):
        events = np.array(people.events(at if people.time.size else np.inf))
        low, high = wilson_limits(events, people.n, level=level)
        return _pair(events / np.array(people.n)), _pair(low), _pair(high), "Wilson interval"
    table = people.table()
    curve = kaplan_meier(table)
    s_low, s_high = survival_limits(curve, interval="log-log", half=pointwise(curve, level=level))
    last = int(np.searchsorted(table.time, nearest_tie(at, table.time), side="right")) - 1
    found = [_pair(1 - each[:, last]) for each in (curve.survival, s_high, s_low)]
    return found[0], found[1], found[2], "Kaplan–Meier; log-log interval"


def _pair(values: Any) -> _Pair:
    return float(values[0]), float(values[1])
