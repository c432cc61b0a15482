"""Competing causes, combined tests and tests of proportionality against R, statsmodels, nphRCT."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, norm
from statsmodels.duration.survfunc import survdiff

import checkpoint_eval as ce
from checkpoint_eval.models import (
    Gehan,
    ModestlyWeighted,
    TaroneWare,
    cumulative_incidence,
    fine_gray,
    gray_test,
    incidence_difference,
    logrank_test,
    maxcombo_test,
    proportional_hazards_test,
    randomisation_test,
    subdistribution_hazard_ratio,
)
from checkpoint_eval.outcomes import Covariate, TimeToEvent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Compare = Callable[..., None]

FOLDER = Path(__file__).parent
DATA = FOLDER.parent / "data"
R = json.loads((FOLDER / "competing.json").read_text(encoding="utf-8"))
MGUS2, SIMULATED = R["mgus2"], R["simulated"]
NAMES = {1: "progression", 2: "death"}
SIMULATED_NAMES = {1: "end", 2: "b", 3: "c"}
# Both sides solve the score equation to its rounding, about 1e-11 of a standard error.
FITTED = 1e-8
# And those of a Cox model; the tests divide small scores by their spread.
ZPH_REL = 1e-8
ZPH = {
    "rossi": ("rossi", "rearrest", ()),
    "rossi_race": ("rossi", "rearrest", ("race",)),
    "recid": ("recid", "return", ()),
    "recid_black": ("recid", "return", ("black",)),
}
# (weights by label, Rossi z by fin, lung z by sex): Fleming-Harrington rho, gamma; R simtrial.
COMBINED = {
    (0, 0): (-1.95897156, -3.21352485),
    (1, 0): (-1.93636249, -3.56569087),
    (0, 1): (-1.77691553, -1.86010327),
    (1, 1): (-1.80238012, -2.76853445),
}
COMBINED_P = {"rossi": (0.07892, 2e-4), "lung": (0.000984, 2e-5)}  # simtrial integrates by lattice
OUTCOME = {"rossi": "rearrest", "lung": "death"}


@cache
def frame(name: str) -> pd.DataFrame:
    """The people R had, with the columns R made."""
    if name == "simulated":
        return pd.DataFrame(SIMULATED["data"])
    table = pd.read_csv(DATA / "mgus2.csv")
    table["years"] = table["et"] // 12 + 1
    table["band"] = (table["age"] >= 70).astype(int)
    table["third"] = 1 + (table["age"] > 66).astype(int) + (table["age"] > 76)
    table["male"] = (table["sex"] == "M").astype(int)
    return table.dropna() if name == "complete" else table


def trial_of(
    table: pd.DataFrame, arm: Any, time: Any, kind: Any, causes: Sequence[str]
) -> ce.Trial:
    """Everyone in one stratum of the randomisation; the numbers of the table are columns."""
    labels, codes = np.unique(np.asarray(arm), return_inverse=True)
    kind = np.asarray(kind)
    outcome = TimeToEvent(
        time=np.asarray(time, dtype=float),
        event=kind == 1,
        unit="months",
        competing=np.maximum(kind - 1, 0),
        causes=tuple(causes),
    )
    baseline = [name for name in ("age", "mspike", "x") if name in table]
    known = [name for name in baseline if table[name].notna().all()]
    columns = {name: Covariate(name=name, values=table[name].to_numpy(float)) for name in known}
    for name in ("band", "place", "male"):
        if name in table:
            values = table[name].to_numpy(float)
            columns[name] = Covariate(name=name, values=values, levels=("no", "yes"))
    return ce.Trial(
        assignment=ce.Assignment(
            arm=codes, arms=tuple(str(label) for label in labels), stratum=np.zeros(len(codes), int)
        ),
        outcomes={"progression" if "death" in causes else "end": outcome},
        columns=columns,
        covariates=tuple(known),
    )


@cache
def mgus2(arm: str = "sex", time: str = "et", name: str = "mgus2") -> ce.Trial:
    table = frame(name)
    return trial_of(table, table[arm], table[time], table["ev"], ("death",))


@cache
def simulated(arms: int = 3) -> ce.Trial:
    table = frame("simulated")
    table = table[table["group"] < arms]
    return trial_of(table, table["group"], table["time"], table["status"], ("b", "c"))


def read_at(found: Any, values: np.ndarray, times: Sequence[float]) -> np.ndarray:
    """A step function just after each time; NaN before nothing has happened."""
    at = np.searchsorted(found.time, times, side="right") - 1
    assert (at >= 0).all()
    return values[:, :, at]


def in_order(want: dict[str, Any], trial: ce.Trial, field: str) -> np.ndarray:
    """R's rows as (cause, arm, time)."""
    causes = sorted(set(want["cause"]))
    rows = dict(zip(zip(want["cause"], want["group"], strict=True), want[field], strict=True))
    arms = trial.assignment.arms
    return np.array([[rows[cause, arm] for arm in arms] for cause in causes], dtype=float)


CURVES = {
    "mgus2": (MGUS2["curves"], lambda: mgus2()),
    "years": (MGUS2["years"], lambda: mgus2(time="years")),
    "simulated": (SIMULATED["curves"], lambda: simulated()),
}


@pytest.mark.parametrize("data", CURVES)
def test_incidence_equals_cuminc(agree: Compare, data: str) -> None:
    want, make = CURVES[data]
    trial = make()
    found = cumulative_incidence(trial, outcome=next(iter(trial.outcomes)))
    agree(read_at(found, found.incidence, want["at"]), in_order(want, trial, "estimate"))
    agree(read_at(found, found.std_error, want["at"]) ** 2, in_order(want, trial, "variance"))


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_limits_of_incidence_are_on_the_log_log_scale(agree: Compare, level: float) -> None:
    """exp(-exp(log(-log(1 - F)) +- z se / ((1 - F) |log(1 - F)|)) from R's F and variance."""
    want, trial = MGUS2["curves"], mgus2()
    found = cumulative_incidence(trial, outcome="progression", level=level)
    free = 1 - in_order(want, trial, "estimate")
    width = norm.ppf(0.5 + level / 2) * np.sqrt(in_order(want, trial, "variance"))
    width /= free * -np.log(free)
    low = 1 - free ** np.exp(-width)
    high = 1 - free ** np.exp(width)
    agree(read_at(found, found.low, want["at"]), low)
    agree(read_at(found, found.high, want["at"]), high)


@pytest.mark.parametrize("cause", [1, 2])
def test_differences_in_incidence_are_those_of_cuminc(agree: Compare, cause: int) -> None:
    want, trial = MGUS2["curves"], mgus2()
    estimate, variance = (in_order(want, trial, f)[cause - 1] for f in ("estimate", "variance"))
    for i, at in enumerate(want["at"]):
        named = {} if cause == 1 else {"cause": NAMES[cause]}
        found = incidence_difference(trial, outcome="progression", at=at, level=0.9, **named)
        value, error = estimate[1, i] - estimate[0, i], np.sqrt(variance[:, i].sum())
        agree([found.value, found.std_error], [value, error])
        agree(found.by_arm, estimate[:, i])
        agree([found.low, found.high], value + norm.ppf([0.05, 0.95]) * error)
        agree(found.p_value, 2 * norm.sf(abs(value) / error))
        assert (found.time_point, found.contrast) == (at, ("M", "F"))


def agree_gray(
    agree: Compare, trial: ce.Trial, want: dict[str, Any], names: dict[int, str], signs: list[int]
) -> None:
    """R's chi-squares; two arms also have the sign of treatment's excess."""
    arms = len(trial.assignment.arms)
    outcome = next(iter(trial.outcomes))
    for i, cause in enumerate(want["cause"]):
        strata = want["strata"] or ()
        found = gray_test(trial, outcome=outcome, cause=names[cause], strata=strata)
        if arms == 2:
            agree(found.statistic, signs[i] * np.sqrt(want["statistic"][i]))
        else:
            agree(found.statistic, want["statistic"][i])
        # R takes 1 - pchisq, which keeps 16 digits after the point and no more.
        agree(found.p_value, want["p_value"][i], absolute=1e-14)
        agree(found.p_value, chi2.sf(want["statistic"][i], arms - 1), absolute=0, rel=1e-6)
        assert found.df == want["df"][i] == arms - 1


@pytest.mark.parametrize(
    "want", MGUS2["gray"], ids=lambda w: "-".join((w["time"], w["group"], w["strata"]))
)
def test_gray_test_equals_cuminc(agree: Compare, want: dict[str, Any]) -> None:
    trial = mgus2(want["group"], want["time"])
    want = want | {"strata": {"sex": "male"}.get(want["strata"], want["strata"])}
    # Men have less progression and more deaths.
    agree_gray(agree, trial, want, NAMES, [-1, 1])


@pytest.mark.parametrize("want", SIMULATED["gray"], ids=lambda w: f"{w['arms']}{w['strata']}")
def test_gray_test_of_heavy_ties_and_three_causes(agree: Compare, want: dict[str, Any]) -> None:
    agree_gray(agree, simulated(want["arms"]), want, SIMULATED_NAMES, [1, -1, -1])


def test_gray_test_of_the_event_itself_needs_no_cause(agree: Compare) -> None:
    found = gray_test(mgus2(), outcome="progression")
    agree(found.statistic, -np.sqrt(MGUS2["gray"][0]["statistic"][0]))


def agree_fit(
    agree: Compare, x: np.ndarray, time: np.ndarray, kind: np.ndarray, want: dict[str, Any]
) -> None:
    cause = want["cause"]
    recoded = np.where(kind == 0, 0, np.where(kind == cause, 1, 2))
    found = fine_gray(x, time.astype(float), recoded)
    agree(found.coef, want["coef"], rel=FITTED)
    size = np.sqrt(np.diag(want["covariance"]))
    agree(np.sqrt(np.diag(found.covariance)), size, rel=FITTED)
    scaled = np.array(want["covariance"]) / np.outer(size, size)
    agree(found.covariance / np.outer(size, size), scaled, rel=0, absolute=FITTED)
    agree([found.loglik_null, found.loglik], [want["loglik_null"], want["loglik"]])


def agree_ratio(agree: Compare, found: Any, want: dict[str, Any]) -> None:
    """The first term is the arm."""
    coef, error = want["coef"][0], np.sqrt(want["covariance"][0][0])
    agree([np.log(found.value), found.std_error], [coef, error], rel=FITTED)
    agree(np.log([found.low, found.high]), coef + norm.ppf([0.025, 0.975]) * error, rel=FITTED)
    agree(found.p_value, 2 * norm.sf(abs(coef) / error), rel=10 * FITTED)
    assert found.adjusted_for == tuple(want["terms"][1:])


@pytest.mark.parametrize(
    "want", MGUS2["fits"], ids=lambda w: f"{w['time']}-{w['cause']}-{len(w['terms'])}"
)
def test_fine_gray_equals_crr(agree: Compare, want: dict[str, Any]) -> None:
    name = "complete" if len(want["terms"]) > 1 else "mgus2"
    table = frame(name)
    x = table[want["terms"]].to_numpy(float)
    agree_fit(agree, x, table[want["time"]].to_numpy(), table["ev"].to_numpy(), want)
    found = subdistribution_hazard_ratio(
        mgus2("sex", want["time"], name),
        outcome="progression",
        cause=NAMES[want["cause"]],
        adjust=want["terms"][1:],
    )
    agree_ratio(agree, found, want)


@pytest.mark.parametrize("want", SIMULATED["fits"], ids=lambda w: str(w["cause"]))
def test_fine_gray_of_heavy_ties_and_three_causes(agree: Compare, want: dict[str, Any]) -> None:
    table = frame("simulated")
    table = table[table["group"] < 2]
    x = table[want["terms"]].to_numpy(float)
    agree_fit(agree, x, table["time"].to_numpy(), table["status"].to_numpy(), want)
    found = subdistribution_hazard_ratio(
        simulated(2), outcome="end", cause=SIMULATED_NAMES[want["cause"]], adjust="x"
    )
    agree_ratio(agree, found, want)


@pytest.mark.parametrize("which", range(8))
@pytest.mark.parametrize("data", ZPH)
def test_proportional_hazards_equal_cox_zph(
    trials: Any, agree: Compare, data: str, which: int
) -> None:
    """R fitted with eps = 1e-14, so that both stand at the same coefficients."""
    want = R["zph"][data][which]
    builder, outcome, strata = ZPH[data]
    terms = [term for term in want["right"].split("+") if "(" not in term]
    found = proportional_hazards_test(
        getattr(trials, builder)(strata),
        outcome=outcome,
        adjust=terms[1:],
        transform=want["transform"],
        ties=want["ties"],
    )
    agree([*found.statistic, found.global_statistic], want["statistic"], rel=ZPH_REL)
    agree([*found.p_value, found.global_p_value], want["p_value"], rel=ZPH_REL)
    assert len(found.terms) == len(terms) == want["df"][-1]
    assert found.reason == ""


def test_proportional_hazards_strata_may_be_named_in_the_call(trials: Any, agree: Compare) -> None:
    want = R["zph"]["rossi_race"][0]
    terms = [term for term in want["right"].split("+") if "(" not in term]
    trial = trials.rossi(covariates=("age", "race", "wexp", "mar", "paro", "prio"))
    found = proportional_hazards_test(trial, outcome="rearrest", adjust=terms[1:], strata="race")
    agree(found.statistic, want["statistic"][:-1], rel=ZPH_REL)


@pytest.mark.parametrize("data", COMBINED_P)
def test_maxcombo_equals_simtrial(trials: Any, data: str) -> None:
    trial = getattr(trials, data)()
    column = list(COMBINED_P).index(data)
    for (rho, gamma), pair in COMBINED.items():
        weight = ce.FlemingHarrington(rho=rho, gamma=gamma)
        found = logrank_test(trial, outcome=OUTCOME[data], weight=weight)
        assert found.statistic == pytest.approx(pair[column], abs=6e-9)
    combined = maxcombo_test(trial, outcome=OUTCOME[data])
    largest = max((pair[column] for pair in COMBINED.values()), key=abs)
    assert combined.statistic == pytest.approx(largest, abs=6e-9)
    p, tolerance = COMBINED_P[data]
    assert combined.p_value == pytest.approx(p, abs=tolerance)


@pytest.mark.parametrize(
    ("weight", "z"),
    [(ModestlyWeighted(until=26), -1.97381155), (ModestlyWeighted(survival=0.5), -1.96841289)],
)
def test_modestly_weighted_equals_nphrct(trials: Any, weight: ModestlyWeighted, z: float) -> None:
    found = logrank_test(trials.rossi(), outcome="rearrest", weight=weight)
    assert found.statistic == pytest.approx(z, abs=6e-9)


def test_modestly_weighted_strata_equal_nphrct_once_combined_its_way(trials: Any) -> None:
    """nphRCT combines the strata's z by unweighted variance (Magirr and Jimenez 2022).

    The library adds up weighted excesses and variances, as with every other weight: -2.02096.
    """
    table = trials.frame("rossi")
    weight = ModestlyWeighted(until=26)
    z, variance = [], []
    for _, part in table.groupby("race"):
        trial = ce.Trial.from_frame(
            part, arm="fin", control=0, times={"rearrest": ("week", "arrest", "weeks")}
        )
        z.append(logrank_test(trial, outcome="rearrest", weight=weight).statistic)
        terms = []
        for week, dead in part[part["arrest"] == 1].groupby("week"):
            aid = part.loc[part["week"] >= week, "fin"]
            n, d = len(aid), len(dead)
            terms.append(d * (n - d) / max(n - 1, 1) * aid.mean() * (1 - aid.mean()))
        variance.append(sum(terms))
    combined = np.sqrt(variance) @ z / np.sqrt(sum(variance))
    assert combined == pytest.approx(-2.02053369, abs=6e-9)


WEIGHTS = {"gb": Gehan(), "tw": TaroneWare()}
LOGRANK = {
    "rossi": ("rearrest", "fin", "week", "arrest", ()),
    "rossi_race": ("rearrest", "fin", "week", "arrest", ("race",)),
    "lung": ("death", "sex", "time", "event", ()),
    "recid": ("return", "workprg", "durat", "event", ()),
}


@pytest.mark.parametrize("weight", WEIGHTS)
@pytest.mark.parametrize("data", LOGRANK)
def test_gehan_and_tarone_ware_equal_statsmodels(
    trials: Any, agree: Compare, data: str, weight: str
) -> None:
    outcome, arm, time, event, strata = LOGRANK[data]
    builder = data.split("_")[0]
    table = trials.frame(builder)
    by = table[strata[0]].to_numpy() if strata else None
    chisq, p = survdiff(table[time], table[event], table[arm], weight_type=weight, strata=by)
    trial = getattr(trials, builder)(strata) if strata else getattr(trials, builder)()
    found = logrank_test(trial, outcome=outcome, weight=WEIGHTS[weight])
    agree(found.statistic**2, chisq)
    agree(found.p_value, p)


@pytest.mark.parametrize("weight", WEIGHTS)
def test_randomisation_test_has_the_weighted_statistic(
    trials: Any, agree: Compare, weight: str
) -> None:
    table = trials.frame("rossi")
    chisq, _ = survdiff(table["week"], table["arrest"], table["fin"], weight_type=weight)
    found = randomisation_test(
        trials.rossi(),
        outcome="rearrest",
        weight=WEIGHTS[weight],
        draws=99,
        rng=np.random.default_rng(1),
    )
    agree(found.statistic, -np.sqrt(chisq))
