"""Every measure that can be promised is what its verb returns when it is called by hand."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from promised_trial import ESTIMANDS, KINDS, estimand, people, promised, written

import checkpoint_eval as ce
from checkpoint_eval import models
from checkpoint_eval.design import MEASURES, parse_protocol
from checkpoint_eval.design.protocol_measures import KINDS as ALL_KINDS
from checkpoint_eval.report.measuring import VERBS

Verb = Callable[..., Any]
# Written anew, from the verbs' own documentation: keywords beside outcome and trial.
BY_HAND: dict[str, tuple[Verb, dict[str, Any]]] = {
    "risk difference": (models.risk_difference, {"horizon": 365, "adjust": "age"}),
    "risk ratio": (models.risk_ratio, {"horizon": 365, "adjust": "age"}),
    "odds ratio": (models.odds_ratio, {"horizon": 365, "adjust": "age"}),
    "hazard ratio": (models.hazard_ratio, {"adjust": "age"}),
    "marginal hazard ratio": (models.marginal_hazard_ratio, {"adjust": "age"}),
    "restricted mean difference": (models.restricted_mean, {"horizon": 365, "adjust": "age"}),
    "restricted mean ratio": (
        models.restricted_mean,
        {"horizon": 365, "adjust": "age", "measure": "ratio"},
    ),
    "restricted mean time lost ratio": (
        models.restricted_mean,
        {"horizon": 365, "adjust": "age", "measure": "lost ratio"},
    ),
    "survival difference": (models.survival_difference, {"at": 365, "adjust": "age"}),
    "cumulative incidence difference": (
        models.incidence_difference,
        {"at": 365, "adjust": "age"},
    ),
    "subdistribution hazard ratio": (models.subdistribution_hazard_ratio, {"adjust": "age"}),
    "log-rank test": (models.logrank_test, {}),
    "covariate-adjusted log-rank test": (models.adjusted_logrank_test, {"adjust": "age"}),
    "MaxCombo test": (models.maxcombo_test, {}),
    "Gray's test": (models.gray_test, {}),
    "mean difference": (models.mean_difference, {"adjust": "age"}),
    "trimmed mean difference": (models.trimmed_mean_difference, {}),
    "winsorised mean difference": (models.trimmed_mean_difference, {"method": "winsorised"}),
    "superiority probability": (models.superiority_probability, {}),
    "ordinal odds ratio": (
        models.ordinal_odds_ratio,
        {"adjust": "age", "grades": [0, 1, 2, 3, 4]},
    ),
    "rate ratio": (models.rate_ratio, {"adjust": "age"}),
    "recurrent rate ratio": (models.recurrent_hazard_ratio, {"adjust": "age"}),
    "mean events difference": (models.mean_cumulative_difference, {"at": 300}),
    "mean events with death difference": (models.terminal_mean_difference, {"at": 300}),
    "while-alive rate ratio": (models.while_alive_rate, {"horizon": 300}),
    "win ratio": (models.win_ratio, {}),
    "win odds": (models.win_ratio, {"measure": "win odds"}),
    "net benefit": (models.win_ratio, {"measure": "net benefit"}),
    "complier average effect": (
        models.complier_average_effect,
        {"horizon": 365, "adjust": "age"},
    ),
    "partially nested difference": (
        models.partially_nested_difference,
        {"adjust": "age", "navigator": "navigator"},
    ),
    "randomisation test (log-rank)": (models.randomisation_test, {}),
    "randomisation test (risk difference)": (models.randomisation_test, {"horizon": 365}),
    "randomisation test (restricted mean difference)": (
        models.randomisation_test,
        {"horizon": 365},
    ),
    "randomisation test (survival difference)": (models.randomisation_test, {"horizon": 365}),
    "randomisation test (cumulative incidence difference)": (
        models.randomisation_test,
        {"horizon": 365},
    ),
    "randomisation test (mean difference)": (models.randomisation_test, {}),
    "randomisation test (studentised difference)": (models.randomisation_test, {}),
    "randomisation test (adjusted difference)": (models.randomisation_test, {"adjust": ["age"]}),
    "randomisation test (rank sum)": (models.randomisation_test, {}),
    "randomisation test (mean events difference)": (models.randomisation_test, {"horizon": 300}),
}


@pytest.fixture(scope="module")
def trial() -> ce.Trial:
    return promised()


@pytest.fixture(scope="module")
def found(trial: ce.Trial) -> ce.Evaluation:
    return ce.evaluate(trial)


def by_hand(trial: ce.Trial, outcome: str, measure: str, place: int) -> Any:
    """Call the verb; binary outcomes and numbers have no horizon."""
    verb, told = BY_HAND[measure]
    if KINDS[outcome] not in ("time", "repeated"):
        told = {key: value for key, value in told.items() if key not in ("horizon", "at")}
    if verb is models.win_ratio:
        return verb(trial, outcomes=[outcome], **told)
    if measure.startswith("randomisation"):
        statistic = measure[len("randomisation test (") : -1]
        rng = np.random.default_rng([3, place])
        return verb(trial, outcome=outcome, statistic=statistic, draws=99, rng=rng, **told)
    return verb(trial, outcome=outcome, **told)


PLACES = [
    (place, outcome, measure)
    for place, (outcome, measure) in enumerate(
        re.findall(r'outcome = "(\w+)"\nmeasure = "([^"]+)"', ESTIMANDS)
    )
]


def test_every_measure_of_every_kind_is_promised() -> None:
    """Or the comparisons below would leave some out."""
    assert {measure for _, _, measure in PLACES} == set(MEASURES) == set(VERBS) == set(BY_HAND)
    assert set(KINDS.values()) == set(ALL_KINDS)


@pytest.mark.parametrize(("place", "outcome", "measure"), PLACES)
def test_the_result_is_the_verbs(
    trial: ce.Trial, found: ce.Evaluation, place: int, outcome: str, measure: str
) -> None:
    """Field by field, with "planned" added; NaN equals NaN. Same arithmetic: no tolerance."""
    value = found.results[place].value
    assert repr(value) == repr(replace(by_hand(trial, outcome, measure, place), planned=True))
    assert value.outcome == outcome
    timed = MEASURES[measure].timed and outcome in ("reoffence", "arrests")
    assert value.time_point == {"reoffence": 365, "arrests": 300}[outcome] if timed else True


def test_a_count_without_exposure_was_followed_to_the_time_point(trial: ce.Trial) -> None:
    calls = trial.outcome("calls")
    assert isinstance(calls, ce.outcomes.CountOutcome)
    assert (calls.exposure == 730).all()
    assert calls.unit == "days"
    stops = trial.outcome("stops")
    assert isinstance(stops, ce.outcomes.CountOutcome)
    assert stops.unit == "years"


def test_what_competes_is_read(trial: ce.Trial) -> None:
    seen = trial.outcome("reoffence")
    assert isinstance(seen, ce.TimeToEvent)
    assert seen.causes == ("death",)
    assert not (seen.event & (seen.competing > 0)).any()
    assert (seen.competing > 0).sum() == (people()["why"] == "death").sum()


def test_another_unit_is_refused(trial: ce.Trial) -> None:
    protocol = parse_protocol(written().replace('unit = "years"', 'unit = "weeks"'))
    with pytest.raises(ce.InvalidProtocol, match=r"'stops' is in years .* in weeks in the prot"):
        ce.evaluate(trial, protocol)


def test_the_documentation_lists_every_measure() -> None:
    """The table of docs/protocol.md: measure, kinds, adjust, read at."""
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    told = {
        name: (kinds, adjust, when)
        for names, kinds, adjust, when in (row for row in rows if len(row) == 4)
        for name in re.findall(r"`([^`]+)`", names)
    }
    assert set(told) == set(MEASURES)
    for name, (kinds, adjust, when) in told.items():
        measure = MEASURES[name]
        assert set(re.split(r",\s*", kinds)) == {ALL_KINDS[kind] for kind in measure.kinds}, name
        assert adjust == {"none": "–", "may": "may", "must": "must"}[measure.adjust], name
        assert ("time point" in when) == measure.timed, name


@pytest.mark.parametrize("outcome", ["breach", "harm"])
def test_strata_and_sets_reach_the_verb(trial: ce.Trial, outcome: str) -> None:
    measure = "risk difference" if outcome == "breach" else "mean difference"
    text = written(estimand(outcome, measure, more='analysis_set = "eligible"'))
    found = ce.evaluate(replace(trial, protocol=parse_protocol(text))).results[0].value
    verb = partial(BY_HAND[measure][0], adjust="age", analysis_set="eligible")
    assert found == replace(verb(trial, outcome=outcome), planned=True)
