"""Cox models against R survival's coxph: public functions, then the risk-set kernel."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import RiskSets, cox_regression

TIES = ("efron", "breslow")
SIX = ["age", "race", "wexp", "mar", "paro", "prio"]
NINE = ["priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age"]
# Name in walk.json -> (trial, strata, adjust).
MODELS: dict[str, tuple[str, list[str], list[str]]] = {
    "rossi_fin": ("rossi", [], []),
    "rossi_full": ("rossi", [], SIX),
    "rossi_three": ("rossi", [], ["age", "prio"]),
    "rossi_race": ("rossi", ["race"], ["age", "prio"]),
    "rossi_four_strata": ("rossi", ["race", "paro", "mar", "wexp"], ["age", "prio"]),
    "recid_workprg": ("recid", [], []),
    "recid_ten": ("recid", [], NINE),
    "recid_nine": ("recid", [], [name for name in NINE if name != "alcohol"]),
    "recid_black": ("recid", ["black", "felon"], ["priors"]),
}
CLUSTERS: dict[str, tuple[list[str], list[str]]] = {
    "rossi_cluster_prio": ([], ["age"]),
    "rossi_race_cluster_prio": (["race"], ["age"]),
}
RECURRENT = {
    "bladder2_ag": ("bladder2", "start", "stop", None, "id"),
    "bladder2_ag_rows": ("bladder2", "start", "stop", None, None),
    "bladder2_pwp_tt": ("bladder2", "start", "stop", "enum", "id"),
    "bladder2_pwp_gt": ("bladder2", None, "gap", "enum", "id"),
    "bladder_wlw": ("bladder", None, "stop", "enum", "id"),
}
COLLECTED = {
    "AG_LWYY": "bladder2_ag",
    "PWP_TT": "bladder2_pwp_tt",
    "PWP_GT": "bladder2_pwp_gt",
    "WLW": "bladder_wlw",
}
# R's own stopping rule leaves its printed coefficients about 3e-8 from the maximum.
STOPPED = 5e-8
Compare = Callable[..., None]


def _arguments(name: str) -> dict[str, Any]:
    data, strata, adjust = MODELS[name]
    outcome = "rearrest" if data == "rossi" else "return"
    arguments: dict[str, Any] = {"outcome": outcome, "adjust": adjust}
    return arguments | ({"strata": strata} if strata else {})


def _trial(trials: Any, name: str) -> ce.Trial:
    data, strata, _ = MODELS[name]
    # Four factors leave strata with one arm, which a trial refuses as its own but a model takes.
    return getattr(trials, data)(strata if len(strata) < 4 else ())


def _wald(agree: Compare, estimate: Any, coef: float, std_error: float) -> None:
    """A hazard ratio with its Wald interval and p value on the log scale."""
    agree(estimate.value, np.exp(coef))
    agree(estimate.low, np.exp(coef - 1.959963984540054 * std_error))
    agree(estimate.high, np.exp(coef + 1.959963984540054 * std_error))


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", MODELS)
def test_fit_equals_coxph(trials: Any, walk: Any, agree: Compare, name: str, ties: str) -> None:
    want = walk["cox"][name][ties]
    fit = ce.models.fit_cox(_trial(trials, name), ties=ties, **_arguments(name))
    assert list(fit.terms)[1:] == walk["cox"][name]["terms"][1:]
    assert len(fit.terms) == len(want["coef"])
    agree(fit.coef, want["coef"])
    agree(fit.covariance, want["covariance"])
    agree(fit.std_error, np.sqrt(np.diag(want["covariance"])))
    agree([fit.loglik_null, fit.loglik], [want["loglik_null"], want["loglik"]])
    assert (sum(fit.n), sum(fit.events)) == (want["n"], want["events"])


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", MODELS)
def test_hazard_ratio(trials: Any, walk: Any, agree: Compare, name: str, ties: str) -> None:
    want = walk["cox"][name][ties]
    found = ce.hazard_ratio(_trial(trials, name), ties=ties, **_arguments(name))
    _wald(agree, found, want["coef"][0], np.sqrt(want["covariance"][0][0]))
    agree(found.p_value, want["p_value"][0])


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", MODELS)
def test_robust_fit(trials: Any, walk: Any, agree: Compare, name: str, ties: str) -> None:
    """Each person a cluster of their own."""
    want = walk["cox"][name][ties]
    arguments = _arguments(name) | {"ties": ties, "robust": True}
    fit = ce.models.fit_cox(_trial(trials, name), **arguments)
    agree(fit.coef, want["coef"])
    agree(fit.covariance, want["robust"])
    agree(fit.std_error, np.sqrt(np.diag(want["robust"])))
    found = ce.hazard_ratio(_trial(trials, name), **arguments)
    _wald(agree, found, want["coef"][0], np.sqrt(want["robust"][0][0]))


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", CLUSTERS)
def test_cluster_robust(trials: Any, walk: Any, agree: Compare, name: str, ties: str) -> None:
    strata, adjust = CLUSTERS[name]
    want = walk["cox"][name][ties]
    arguments: dict[str, Any] = {"outcome": "rearrest", "adjust": adjust, "ties": ties}
    arguments |= {"strata": strata} if strata else {}
    trial = trials.rossi(strata)
    fit = ce.models.fit_cox(trial, robust=True, cluster="prio", **arguments)
    agree(fit.coef, want["coef"])
    agree(fit.covariance, want["robust"])
    found = ce.hazard_ratio(trial, robust=True, cluster="prio", **arguments)
    _wald(agree, found, want["coef"][0], np.sqrt(want["robust"][0][0]))


@pytest.mark.parametrize("key", ["cox_fin", "cox_full_efron", "cox_full_breslow"])
def test_hazard_ratio_against_survival_json(
    trials: Any, survival_r: Any, agree: Compare, key: str
) -> None:
    want = survival_r["rossi"][key]
    adjust = SIX if "full" in key else []
    found = ce.hazard_ratio(trials.rossi(), outcome="rearrest", adjust=adjust, ties=want["ties"])
    limits = [np.atleast_1d(want[field])[0] for field in ("hr", "lower", "upper")]
    agree([found.value, found.low, found.high], limits, rel=STOPPED)


def test_rossi_as_collected(trials: Any, more: Any, printed: Compare) -> None:
    rossi, trial = more["rossi"], trials.rossi()
    want = rossi["cox_efron"]
    fit = ce.models.fit_cox(trial, outcome="rearrest", adjust=SIX)
    robust = ce.models.fit_cox(trial, outcome="rearrest", adjust=SIX, robust=True)
    printed(fit.coef, list(want["coef"].values()), rel=STOPPED)
    printed(fit.std_error, list(want["se"].values()), rel=STOPPED)
    printed(robust.std_error, list(want["robust_se"].values()), rel=STOPPED)
    printed([fit.loglik_null, fit.loglik], want["loglik"])
    printed(2 * (fit.loglik - fit.loglik_null), [want["LR"]])
    want = rossi["cox_breslow"]
    fit = ce.models.fit_cox(trial, outcome="rearrest", adjust=SIX, ties="breslow")
    kept = [0, 1, 6]  # fin, age and prio
    printed(fit.coef[kept], list(want["coef"].values()), rel=STOPPED)
    printed(fit.std_error[kept], list(want["se"].values()), rel=STOPPED)
    printed([fit.loglik_null, fit.loglik], want["loglik"])
    want = rossi["cox_unadjusted_efron"]
    fit = ce.models.fit_cox(trial, outcome="rearrest")
    printed([fit.coef[0], fit.std_error[0]], [want["fin"], want["se"]], rel=STOPPED)


def test_stratified_rossi_as_collected(trials: Any, more: Any, printed: Compare) -> None:
    want = more["rossi"]["strata_cox(race,paro,mar,wexp)"]
    fit = ce.models.fit_cox(_trial(trials, "rossi_four_strata"), **_arguments("rossi_four_strata"))
    printed(fit.coef, [want[name] for name in ("fin", "age", "prio")], rel=STOPPED)
    printed(fit.loglik, [want["loglik"]])


def test_recid_as_collected(trials: Any, more: Any, survival_r: Any, printed: Compare) -> None:
    want = more["recid"]
    adjust = [name for name in NINE if name != "alcohol"]
    fit = ce.models.fit_cox(trials.recid(), outcome="return", adjust=adjust)
    ratios = dict(zip(["workprg", *adjust], np.exp(fit.coef), strict=True))
    printed([ratios[name] for name in want["HR"]], list(want["HR"].values()), rel=STOPPED)
    printed(fit.loglik, [want["cox_efron_loglik"]])
    order = ["priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age"]
    fit = ce.models.fit_cox(trials.recid(), outcome="return", adjust=order)
    stopped = survival_r["recid"]["cox"]
    np.testing.assert_allclose(fit.coef, stopped["coef"], rtol=STOPPED)
    np.testing.assert_allclose(fit.std_error, stopped["se"], rtol=STOPPED)


def _kernel(agree: Compare, sets: RiskSets, want: dict[str, Any], ties: str) -> None:
    fit = cox_regression(sets, ties=ties, robust=True)
    agree(fit.coef, want["coef"])
    agree(fit.covariance, want["covariance"])
    agree(fit.robust, want["robust"])
    agree([fit.loglik_null, fit.loglik], [want["loglik_null"], want["loglik"]])
    assert cox_regression(sets, ties=ties, robust=False).robust is None


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", ["test1", "test2", "test3"])
def test_therneau(walk: Any, agree: Compare, name: str, ties: str) -> None:
    block = walk["therneau"][name]
    data = {key: np.array(column, dtype=float) for key, column in block["data"].items()}
    sets = RiskSets.of(
        data["x"][:, np.newaxis],
        data["time"],
        data["event"],
        entry=data.get("start"),
        weight=data.get("weight"),
    )
    _kernel(agree, sets, block[ties], ties)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", ["therneau_test1", "therneau_test2", "therneau_test3_weights"])
def test_therneau_as_collected(more: Any, printed: Compare, name: str, ties: str) -> None:
    want = more[name][ties]
    data = {key: np.array(column, dtype=float) for key, column in more[name]["data"].items()}
    sets = RiskSets.of(
        data["x"][:, np.newaxis],
        data.get("time", data.get("stop")),
        data.get("status", data.get("event")),
        entry=data.get("start"),
        weight=data.get("wt"),
    )
    fit = cox_regression(sets, ties=ties, robust=True)
    printed(fit.coef, [want["beta"]], rel=STOPPED)
    printed([fit.loglik_null, fit.loglik], [want["loglik0"], want["loglik"]])
    printed(fit.covariance[0], [want["var"]], rel=STOPPED)
    if "robust_var" in want:
        printed(fit.robust[0], [want["robust_var"]], rel=STOPPED)


def test_therneau_closed_forms(more: Any, agree: Compare) -> None:
    data = {k: np.array(v, dtype=float) for k, v in more["therneau_test1"]["data"].items()}
    sets = RiskSets.of(data["x"][:, np.newaxis], data["time"], data["status"])
    angle = np.arccos((45 / 23) * np.sqrt(3 / 23))
    efron = np.log(2 * np.sqrt(23 / 3) * np.cos(angle / 3))
    agree(cox_regression(sets, ties="efron", robust=False).coef, [efron])
    breslow = np.log((3 + np.sqrt(33)) / 2)
    agree(cox_regression(sets, ties="breslow", robust=False).coef, [breslow])


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", ["rossi_weighted", "rossi_weighted_odd"])
def test_case_weights_with_ties(
    trials: Any, walk: Any, agree: Compare, name: str, ties: str
) -> None:
    """Weights that vary within tied times, which weighted Efron gets wrong most easily."""
    frame = trials.frame("rossi")
    odd = name == "rossi_weighted_odd"
    weight = 0.25 + np.arange(1, len(frame) + 1) % 7 / 3 if odd else 1 + 0.5 * (frame["prio"] > 2)
    sets = RiskSets.of(
        frame[["fin", "age", "prio"]].to_numpy(float),
        frame["week"].to_numpy(float),
        frame["arrest"].to_numpy(float),
        weight=np.asarray(weight, dtype=float),
        stratum=frame["race"].to_numpy() if odd else None,
    )
    _kernel(agree, sets, walk["cox"][name][ties], ties)


@pytest.mark.parametrize("ties", TIES)
def test_weighted_rossi_as_collected(trials: Any, more: Any, printed: Compare, ties: str) -> None:
    frame = trials.frame("rossi")
    want = more["rossi"]["cox_weighted_w=1+.5*(prio>2)_fin_age_prio"][ties]
    sets = RiskSets.of(
        frame[["fin", "age", "prio"]].to_numpy(float),
        frame["week"].to_numpy(float),
        frame["arrest"].to_numpy(float),
        weight=1 + 0.5 * (frame["prio"] > 2).to_numpy(float),
    )
    fit = cox_regression(sets, ties=ties, robust=True)
    printed(fit.coef, want["coef"], rel=STOPPED)
    printed(np.sqrt(np.diag(fit.robust)), want["robust_se"], rel=STOPPED)
    if "loglik" in want:
        printed([fit.loglik_null, fit.loglik], want["loglik"])


def _recurrent(trials: Any, name: str) -> RiskSets:
    data, entry, leave, stratum, cluster = RECURRENT[name]
    frame = trials.frame(data)

    def column(key: str | None) -> np.ndarray | None:
        return None if key is None else frame[key].to_numpy()

    return RiskSets.of(
        frame[["rx", "number", "size"]].to_numpy(float),
        frame[leave].to_numpy(float),
        frame["event"].to_numpy(float),
        entry=None if entry is None else frame[entry].to_numpy(float),
        stratum=column(stratum),
        cluster=column(cluster),
    )


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", RECURRENT)
def test_recurrent_events(trials: Any, walk: Any, agree: Compare, name: str, ties: str) -> None:
    """Andersen-Gill, Prentice-Williams-Peterson (total, gap) and Wei-Lin-Weissfeld."""
    _kernel(agree, _recurrent(trials, name), walk["cox"][name][ties], ties)


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("model", COLLECTED)
def test_recurrent_events_as_collected(
    trials: Any, more: Any, printed: Compare, model: str, ties: str
) -> None:
    want = more["bladder2"][ties][model]
    fit = cox_regression(_recurrent(trials, COLLECTED[model]), ties=ties, robust=True)
    printed(fit.coef, want["coef"], rel=STOPPED)
    printed(np.sqrt(np.diag(fit.robust)), want["robust"], rel=STOPPED)
    if "se" in want:
        printed(np.sqrt(np.diag(fit.covariance)), want["se"], rel=STOPPED)
