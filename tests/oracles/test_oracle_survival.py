"""Curves, quantiles, log-rank tests, differences and restricted means against R survival."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models.event_tables import event_table

INTERVALS = ("log-log", "log", "plain")
# Name in walk.json -> (builder, its strata, outcome).
LOGRANK = {
    "rossi_fin": ("rossi", (), "rearrest"),
    "rossi_race": ("rossi", ("race",), "rearrest"),
    "rossi_wexp_mar": ("rossi", ("wexp", "mar"), "rearrest"),
    "rossi_prio3": ("rossi_by_prio", (), "rearrest"),
    "rossi_prio3_race": ("rossi_by_prio", ("race",), "rearrest"),
    "recid_workprg": ("recid", (), "return"),
    "recid_black_felon": ("recid", ("black", "felon"), "return"),
    "lung_sex": ("lung", (), "death"),
}
OUTCOME = {"rossi": "rearrest", "recid": "return", "lung": "death", "tiny": "end"}
Compare = Callable[..., None]


def _trial(trials: Any, walk: Any, data: str) -> ce.Trial:
    if data == "tiny":
        return trials.tiny(walk["curve"]["tiny"]["data"])
    return getattr(trials, data)()


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("data", ["rossi", "recid", "tiny"])
def test_curve_equals_survfit(
    trials: Any, walk: Any, agree: Compare, data: str, interval: str
) -> None:
    want = walk["curve"][data]
    curve = ce.survival_curve(
        _trial(trials, walk, data), outcome=OUTCOME[data], interval=interval, level=0.95
    )
    agree(curve.time, want["time"], rel=0)
    for field in ("at_risk", "events", "censored"):
        agree(getattr(curve, field), want[field], rel=0)
    agree(curve.survival, want["survival"])
    # R calls the error NaN once S is 0 (nought times infinity); nothing is promised there.
    alive = np.array(want["survival"]) > 0
    agree(curve.std_error[alive], np.array(want["std_error"], dtype=float)[alive])
    agree(curve.low, want["intervals"][interval]["low"])
    agree(curve.high, want["intervals"][interval]["high"])


@pytest.mark.parametrize("interval", INTERVALS)
@pytest.mark.parametrize("data", ["rossi", "recid", "tiny"])
def test_quantiles_equal_quantile_survfit(
    trials: Any, walk: Any, agree: Compare, data: str, interval: str
) -> None:
    want = walk["quantiles"][data]
    curve = ce.survival_curve(
        _trial(trials, walk, data), outcome=OUTCOME[data], interval=interval, level=0.95
    )
    probabilities = tuple(want["probabilities"])
    found = ce.models.survival_quantiles(curve, probabilities=probabilities)
    for field in ("time", "low", "high"):
        agree(getattr(found, field), want[interval][field])


def test_a_flat_end_is_halved_at_the_arms_own_last_time(walk: Any, trials: Any) -> None:
    """Arm b stays at one half from 2 until its last follow-up at 3, others go on to 9."""
    curve = ce.survival_curve(_trial(trials, walk, "tiny"), outcome="end")
    found = ce.models.survival_quantiles(curve, probabilities=(0.5,))
    assert found.time[1, 0] == 2.5


@pytest.mark.parametrize("name", LOGRANK)
def test_weighted_logrank_equals_its_definition_and_survdiff(
    trials: Any, walk: Any, agree: Compare, name: str
) -> None:
    builder, strata, outcome = LOGRANK[name]
    trial = getattr(trials, builder)(strata)
    for want in walk["logrank"][name]["tests"]:
        weight = ce.FlemingHarrington(rho=want["rho"], gamma=want["gamma"])
        test = ce.logrank_test(trial, outcome=outcome, weight=weight)
        agree(test.statistic, want["statistic"])
        agree(test.p_value, want["p_value"])
        assert test.df == want["df"]


def test_logrank_strata_may_be_named_in_the_call(trials: Any, walk: Any, agree: Compare) -> None:
    trial = trials.rossi(("race",))
    want = walk["logrank"]["rossi_race"]["tests"][0]
    test = ce.logrank_test(trial, outcome="rearrest", strata=["race"])
    agree(test.statistic, want["statistic"])


def test_logrank_defaults_to_equal_weights(trials: Any, survival_r: Any, agree: Compare) -> None:
    rossi = survival_r["rossi"]
    found = ce.logrank_test(trials.rossi(), outcome="rearrest")
    agree(found.statistic, -np.sqrt(rossi["logrank"]["chisq"]))
    agree(found.p_value, rossi["logrank"]["p"])
    by_race = ce.logrank_test(trials.rossi(("race",)), outcome="rearrest")
    agree(by_race.statistic**2, rossi["logrank_stratified_race"]["chisq"])
    recid = survival_r["recid"]
    agree(
        ce.logrank_test(trials.recid(), outcome="return").statistic ** 2,
        recid["logrank"]["chisq"],
    )
    by_black = ce.logrank_test(trials.recid(("black",)), outcome="return")
    agree(by_black.statistic**2, recid["logrank_stratified_black"]["chisq"])


def test_rossi_logrank_family_as_collected(trials: Any, more: Any, printed: Compare) -> None:
    rossi = more["rossi"]

    def chisq(strata: tuple[str, ...], rho: float = 0) -> float:
        weight = ce.FlemingHarrington(rho=rho, gamma=0)
        test = ce.logrank_test(trials.rossi(strata), outcome="rearrest", weight=weight)
        return float(test.statistic) ** 2

    printed(chisq(()), [rossi["logrank"]["chisq"]])
    printed(chisq((), rho=1), [rossi["peto_peto_rho1"]["chisq"]])
    printed(chisq(("paro",)), [rossi["strat_logrank_paro"]["chisq"]])
    printed(chisq(("wexp", "mar")), [rossi["strat_logrank_wexp_mar"]["chisq"]])


@pytest.mark.parametrize("data", ["rossi", "lung"])
def test_maxcombo_components(trials: Any, more: Any, printed: Compare, data: str) -> None:
    block = more[data]["maxcombo_FH00_10_01_11" if data == "rossi" else "maxcombo"]
    trial = getattr(trials, data)()
    pairs = ((0, 0), (1, 0), (0, 1), (1, 1))
    z = [
        ce.logrank_test(
            trial, outcome=OUTCOME[data], weight=ce.FlemingHarrington(rho=rho, gamma=gamma)
        ).statistic
        for rho, gamma in pairs
    ]
    printed(z, block["z"])


def test_lung_logrank_as_collected(trials: Any, more: Any, printed: Compare) -> None:
    lung = more["lung"]
    plain = ce.logrank_test(trials.lung(), outcome="death")
    printed(plain.statistic**2, [lung["logrank_sex"]["chisq"]])
    rho = ce.FlemingHarrington(rho=1, gamma=0)
    weighted = ce.logrank_test(trials.lung(), outcome="death", weight=rho)
    printed(weighted.statistic**2, [lung["rho1"]])
    by_ecog = trials.lung(factors=("ecog",))  # one level holds one person, so it is no stratum
    strata = ce.logrank_test(by_ecog, outcome="death", strata="ecog")
    printed(strata.statistic**2, [lung["strat_ecog"]])


@pytest.mark.parametrize("data", ["rossi", "recid"])
def test_survival_difference(trials: Any, walk: Any, agree: Compare, data: str) -> None:
    trial = getattr(trials, data)()
    for want in walk["survival_difference"][data]:
        found = ce.survival_difference(trial, outcome=OUTCOME[data], at=want["at"])
        for field in ("value", "std_error", "low", "high", "p_value"):
            agree(getattr(found, field), want[field])


@pytest.mark.parametrize("data", ["rossi", "recid", "lung"])
def test_restricted_mean(trials: Any, walk: Any, agree: Compare, data: str) -> None:
    trial = getattr(trials, data)()
    for want in walk["restricted_mean"][data]:
        keywords = {"outcome": OUTCOME[data], "horizon": want["horizon"]}
        difference = ce.restricted_mean(trial, measure="difference", **keywords)
        for field in ("value", "std_error", "low", "high", "p_value"):
            agree(getattr(difference, field), want["difference"][field])
        ratio = ce.restricted_mean(trial, measure="ratio", **keywords)
        for field in ("value", "low", "high", "p_value"):
            agree(getattr(ratio, field), want["ratio"][field])


def test_rossi_curve_and_restricted_mean_as_collected(
    trials: Any, more: Any, printed: Compare
) -> None:
    rossi, trial = more["rossi"], trials.rossi()
    curve = ce.survival_curve(trial, outcome="rearrest", interval="log-log")
    for arm, block in enumerate((rossi["km_loglog"]["fin0"], rossi["km_loglog"]["fin1"])):
        for time, want in block.items():
            at = int(np.searchsorted(curve.time, float(time), side="right")) - 1
            printed([x[arm, at] for x in (curve.survival, curve.low, curve.high)], want)
    printed(curve.std_error[:, -1], rossi["km_loglog"]["se52"])
    gap = ce.survival_difference(trial, outcome="rearrest", at=52)
    printed([gap.value, gap.std_error], [rossi["risk_diff_52"][k] for k in ("est", "se")])
    for measure, key in (("difference", "diff"), ("ratio", "ratio")):
        found = ce.restricted_mean(trial, outcome="rearrest", horizon=52, measure=measure)
        printed([found.value, found.low, found.high, found.p_value], rossi["rmst52"][key])
    lung = ce.restricted_mean(trials.lung(), outcome="death", horizon=365)
    printed([lung.value, lung.low, lung.high], more["lung"]["rmst365_sex2-1"])


@pytest.mark.parametrize("data", ["rossi", "recid"])
def test_curve_at_selected_times(trials: Any, survival_r: Any, agree: Compare, data: str) -> None:
    curve = ce.survival_curve(getattr(trials, data)(), outcome=OUTCOME[data], interval="log-log")
    for row in survival_r[data]["km"]:
        arm = int(row["arm"])
        at = int(np.searchsorted(curve.time, row["time"], side="right")) - 1
        found = [x[arm, at] for x in (curve.survival, curve.std_error, curve.low, curve.high)]
        agree(found, [row[k] for k in ("survival", "std_error", "lower", "upper")])


def test_event_table_with_delayed_entry(walk: Any, agree: Compare) -> None:
    """Therneau's test2: somebody who enters at t is not at risk at t."""
    want = walk["delayed_entry"]
    data = {name: np.array(column, dtype=float) for name, column in want["data"].items()}
    group = np.zeros(data["time"].size, dtype=int)
    table = event_table(data["time"], data["event"], group, groups=1, entry=data["start"])
    seen = np.isin(table.time, want["time"]) & (table.events[0] > 0)
    due = np.array(want["events"]) > 0
    agree(table.time[seen], np.array(want["time"], dtype=float)[due], rel=0)
    agree(table.at_risk[0, seen], np.array(want["at_risk"])[due], rel=0)
    agree(table.events[0, seen], np.array(want["events"])[due], rel=0)
    survival = np.cumprod(1 - table.events[0, seen] / table.at_risk[0, seen])
    agree(survival, np.array(want["survival"])[due])


def test_event_table_of_repeated_entries(trials: Any, walk: Any, agree: Compare) -> None:
    frame = trials.frame("bladder2")
    group = frame["rx"].to_numpy() - 1
    time, event, entry = (frame[name].to_numpy(float) for name in ("stop", "event", "start"))
    table = event_table(time, event, group, groups=2, entry=entry)
    for arm, want in enumerate(walk["delayed_entry_bladder2"]):
        due = np.array(want["events"]) > 0
        seen = table.events[arm] > 0
        agree(table.time[seen], np.array(want["time"], dtype=float)[due], rel=0)
        agree(table.at_risk[arm, seen], np.array(want["at_risk"])[due], rel=0)
        agree(table.events[arm, seen], np.array(want["events"])[due], rel=0)


def test_event_table_takes_many_allocations_at_once(trials: Any, walk: Any, agree: Compare) -> None:
    frame, want = trials.frame("rossi"), walk["curve"]["rossi"]
    group = np.stack([frame["fin"].to_numpy(), 1 - frame["fin"].to_numpy()])
    week, arrest = frame["week"].to_numpy(), frame["arrest"].to_numpy()
    table = event_table(week, arrest, group, groups=2)
    column = np.isin(want["time"], table.time)
    for field in ("at_risk", "events"):
        expected = np.array(want[field])[:, column]
        agree(getattr(table, field)[0], expected, rel=0)
        agree(getattr(table, field)[1], expected[::-1], rel=0)


def test_randomisation_tests(trials: Any, walk: Any, agree: Compare) -> None:
    """Monte Carlo: 5 standard errors of the two draws; the observed statistic is exact."""
    want, draws = walk["randomisation"], 10_000
    exact = want["risk_difference_exact"]
    found = ce.randomisation_test(
        trials.rossi(),
        outcome="rearrest",
        statistic="risk difference",
        horizon=52,
        draws=draws,
        rng=np.random.default_rng(1),
    )
    assert abs(found.p_value - exact) < 5 * np.sqrt(exact * (1 - exact) / draws)
    p = want["logrank"]["p_value"]
    found = ce.randomisation_test(
        trials.rossi(),
        outcome="rearrest",
        statistic="log-rank",
        draws=draws,
        rng=np.random.default_rng(1),
    )
    spread = np.sqrt(p * (1 - p) * (1 / draws + 1 / want["logrank"]["draws"]))
    assert abs(found.p_value - p) < 5 * spread
    # (b + 1) / (B + 1): a whole number of draws, never nought
    count = found.p_value * (draws + 1)
    assert count >= 1
    agree(count, round(count), absolute=1e-6)
    agree(found.statistic, want["logrank"]["statistic"])


def test_ratio_of_time_lost() -> None:
    """R survRM2 on Rossi to 52 weeks: 0.715116279 (0.482366413 to 1.06017185), p 0.0950963422."""
    found = ce.restricted_mean(
        ce.load_rossi(), outcome="rearrest", horizon=52, measure="lost ratio"
    )
    assert found.value == pytest.approx(0.715116279, rel=1e-8)
    assert [found.low, found.high] == pytest.approx([0.482366413, 1.06017185], rel=1e-8)
    assert found.p_value == pytest.approx(0.0950963422, rel=1e-8)
