"""Risks at a horizon against R: exact test, score and hybrid intervals, g-computation."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce

TABLES = (
    "48/216 v 66/216", "10/92 v 47/221", "17/756 v 3/372", "0/10 v 0/20", "53/100 v 40/100",
    "0/12 v 5/12", "5/12 v 0/12", "3/3 v 0/3", "7/7 v 9/9", "1/30 v 8/25", "70/754 v 21/371",
    "0/100 v 1/50", "56/70 v 48/80", "9/10 v 3/10", "1/2 v 1/3",
)  # fmt: skip
# A ratio needs both arms to have an event (and, for odds, somebody without one).
BOTH = tuple(
    name for name in TABLES if not name.startswith(("0/", "7/7", "3/3")) and " v 0/" not in name
)
# Both routes to a score limit solve the same equation; a closed-form cubic loses about half
# the digits where its discriminant vanishes, so this is looser than 1e-8.
SCORE = 1e-7
RATIOS = {"rr": "risk_ratio", "or": "odds_ratio"}
Compare = Callable[..., None]


def _at_52(trials: Any, want: dict[str, Any]) -> tuple[ce.Trial, dict[str, Any]]:
    trial = trials.two_by_two(want["treatment"], want["control"])
    return trial, {"outcome": "rearrest", "horizon": 52}


@pytest.mark.parametrize("name", TABLES)
def test_risk_difference(trials: Any, walk: Any, agree: Compare, name: str) -> None:
    want = walk["tables"][name]
    trial, arguments = _at_52(trials, want)
    found = ce.risk_difference(trial, **arguments)
    agree(found.value, want["difference"])
    agree([found.low, found.high], want["newcombe"])
    agree(found.p_value, want["fisher"])
    (x1, n1), (x0, n0) = want["treatment"], want["control"]
    assert tuple(found.n) == (n0, n1)
    assert tuple(found.events) == (x0, x1)


@pytest.mark.parametrize("name", TABLES)
def test_other_intervals_of_the_difference(
    trials: Any, walk: Any, agree: Compare, name: str
) -> None:
    want = walk["tables"][name]
    trial, arguments = _at_52(trials, want)
    score = ce.risk_difference(trial, interval="miettinen-nurminen", **arguments)
    agree([score.low, score.high], want["mn"]["rd"], rel=SCORE, absolute=SCORE)
    newcombe = ce.risk_difference(trial, interval="newcombe", **arguments)
    agree([newcombe.low, newcombe.high], want["newcombe"])
    if name in BOTH:
        wald = ce.risk_difference(trial, interval="wald", **arguments)
        agree([wald.low, wald.high], [want["wald"]["low"], want["wald"]["high"]])


@pytest.mark.parametrize("measure", RATIOS)
@pytest.mark.parametrize("name", BOTH)
def test_ratios(trials: Any, walk: Any, agree: Compare, name: str, measure: str) -> None:
    want = walk["tables"][name]
    trial, arguments = _at_52(trials, want)
    function = getattr(ce, RATIOS[measure])
    score = function(trial, **arguments)
    agree(score.value, want["mn"][measure]["value"])
    limits = [want["mn"][measure]["low"], want["mn"][measure]["high"]]
    agree([score.low, score.high], limits, rel=SCORE)
    agree(score.p_value, want["fisher"])
    wald = function(trial, interval="wald", **arguments)
    limits = [want[f"{measure}_wald"]["low"], want[f"{measure}_wald"]["high"]]
    agree([wald.low, wald.high], limits)


@pytest.mark.parametrize("measure", RATIOS)
@pytest.mark.parametrize("name", ["0/12 v 5/12", "5/12 v 0/12", "0/100 v 1/50"])
def test_ratios_with_one_empty_cell(
    trials: Any, walk: Any, agree: Compare, name: str, measure: str
) -> None:
    """The score interval stays one-sided and honest: 0 below or infinity above."""
    want = walk["tables"][name]["mn"][measure]
    trial, arguments = _at_52(trials, walk["tables"][name])
    found = getattr(ce, RATIOS[measure])(trial, **arguments)
    limits = [want["value"], want["low"], want["high"]]
    agree([found.value, found.low, found.high], limits, rel=SCORE)


def test_a_binary_outcome_gives_the_same_table(trials: Any, walk: Any, agree: Compare) -> None:
    want = walk["tables"]["10/92 v 47/221"]
    trial = trials.two_by_two(want["treatment"], want["control"])
    found = ce.risk_difference(trial, outcome="any")
    agree([found.value, found.low, found.high], [want["difference"], *want["newcombe"]])
    agree(found.p_value, want["fisher"])


def test_rossi_against_survival_json(trials: Any, survival_r: Any, agree: Compare) -> None:
    want = survival_r["rossi"]["two_by_two"]
    found = ce.risk_difference(trials.rossi(), outcome="rearrest", horizon=52, interval="wald")
    agree([found.low, found.high], want["prop"])  # prop.test(correct = FALSE) is the Wald interval
    agree(found.p_value, want["fisher_p"])


def test_milwaukee_as_published(trials: Any) -> None:
    """Sherman & Harris (2013): risk ratio 2.79, 90 % limits 1.0007 to 7.7696, Fisher .0963."""
    trial = trials.two_by_two((17, 756), (3, 372))
    found = ce.risk_ratio(trial, outcome="rearrest", horizon=52, interval="wald")
    log_std_error = (np.log(found.high) - np.log(found.low)) / (2 * 1.959963984540054)
    limits = found.value * np.exp(np.array([-1, 1]) * 1.6448536269514722 * log_std_error)
    np.testing.assert_allclose(limits, [1.0007, 7.7696], atol=5e-5)
    np.testing.assert_allclose(found.p_value, 0.0963, atol=5e-5)


@pytest.mark.parametrize("name", ["rossi_six", "rossi_two"])
def test_g_computation(trials: Any, walk: Any, agree: Compare, name: str) -> None:
    want = walk["gcomp"][name]
    arguments = {"outcome": "rearrest", "horizon": 52, "adjust": want["adjust"]}
    difference = ce.risk_difference(trials.rossi(), **arguments)
    for field in ("value", "std_error", "low", "high", "p_value"):
        agree(getattr(difference, field), want["difference"][field])
    # Wald for a ratio: on the log scale, as everywhere else in the contract.
    for measure in ("risk_ratio", "odds_ratio"):
        found = getattr(ce, measure)(trials.rossi(), **arguments)
        for field in ("value", "low", "high", "p_value"):
            agree(getattr(found, field), want[measure][field])


def test_g_computation_equals_beeca_and_robincar2(trials: Any) -> None:
    """Eight printed decimals."""
    arguments: dict[str, Any] = {"outcome": "rearrest", "horizon": 52}
    arguments["adjust"] = ["age", "race", "wexp", "mar", "paro", "prio"]
    difference = ce.risk_difference(trials.rossi(), **arguments)
    found = [difference.value, difference.std_error]
    for measure in ("risk_ratio", "odds_ratio"):
        ratio = getattr(ce, measure)(trials.rossi(), **arguments)
        half = np.log(ratio.high / ratio.low) / 2
        found += [ratio.value, half / 1.959963984540054]
    want = [-0.07916278, 0.04094900, 0.73904462, 0.15825652, 0.66363288, 0.21351687]
    np.testing.assert_allclose(found, want, atol=6e-9)


def test_g_computation_means_with_four_terms(trials: Any, survival_r: Any, agree: Compare) -> None:
    """R's glm stops at 1e-8 of the deviance; Newton has then gone well beyond 1e-8."""
    want = survival_r["rossi"]["gcomp"]
    arguments = {"outcome": "rearrest", "horizon": 52, "adjust": ["age", "prio", "race"]}
    for measure in ("risk_difference", "risk_ratio", "odds_ratio"):
        found = getattr(ce, measure)(trials.rossi(), **arguments)
        agree(found.value, want[measure], rel=1e-7)
