"""The second opinion: right evaluations agree, one wrong number is found, nothing is left out."""

import dataclasses
import re
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time
from scipy.optimize import minimize_scalar
from statsmodels.stats.proportion import confint_proportions_2indep, score_test_proportions_2indep

import checkpoint_eval as ce
from checkpoint_eval.design import AnalysisPlan, PermutedBlocks, Simple, Stratified
from checkpoint_eval.models import Gehan, PetoPeto, TaroneWare
from checkpoint_eval.models.proportions import TwoProportions, miettinen_nurminen_limits
from checkpoint_eval.report import CrossCheck, Result

COUNTS = ("n", "events", "missing")


def people(seed: int, n: int = 120, arms: int = 2) -> pd.DataFrame:
    """People with ties, whole days or not, and some of everything unknown."""
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % arms)
    time = rng.integers(0, 40, n) / (1 if seed % 2 else 7)
    frame = pd.DataFrame(
        {
            "arm": np.array(["court", "contract", "warning"])[arm],
            "time": time,
            "event": (rng.random(n) < 0.5).astype(float),
            "breach": (rng.random(n) < 0.3).astype(float),
            "age": rng.normal(30, 8, n),
            "race": rng.choice(["p", "q", "r"], n),
            "site": rng.choice(["north", "south"], n),
            "received": np.array(["court", "contract", "warning"])[
                np.where(rng.random(n) < 0.8, arm, rng.integers(0, arms, n))
            ],
            "served": (rng.random(n) < 0.8).astype(int),
        }
    )
    lost = rng.random(n) < 0.1
    frame.loc[lost, ["time", "event"]] = np.nan
    frame.loc[rng.random(n) < 0.1, "breach"] = np.nan
    frame.loc[rng.random(n) < 0.05, "age"] = np.nan
    return frame


def read(frame: pd.DataFrame, **more: Any) -> ce.Trial:
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control="court",
        arms=[name for name in ("court", "contract", "warning") if (frame["arm"] == name).any()],
        covariates=["age", "race"],
        times={"reoffence": ("time", "event", "days")},
        binary={"breach": "breach"},
        received="received",
        analysis_sets={"served": "served"},
        **more,
    )


def with_results(trial: ce.Trial, *found: ce.Estimate | ce.SignificanceTest) -> CrossCheck:
    """Cross-check an evaluation of these results alone."""
    whole = ce.evaluate(trial)
    results = tuple(Result(value=each) for each in found)
    alone = dataclasses.replace(whole, checks=(), curves=(), results=results, sensitivity=())
    return ce.cross_check(alone, trial)


@pytest.fixture(scope="module")
def checked(evaluation: ce.Evaluation) -> CrossCheck:
    return ce.cross_check(evaluation, ce.load_rossi())


def test_the_demonstration_trial_agrees(checked: CrossCheck) -> None:
    assert checked.agrees
    assert re.search(
        r"Maryland LIFE experiment; data \w{12}: 127 numbers recomputed by another engine, 127 "
        r"agree; 26 could not be recomputed\.$",
        repr(checked),
    )
    engines = {each.engine.split()[0] for each in checked.numbers if each.recomputed}
    assert engines == {"lifelines", "statsmodels", "pandas"}


def test_the_other_engines_say_what_r_says(checked: CrossCheck) -> None:
    """R survival on Rossi, so that `theirs` is no copy of `ours`."""
    theirs = {
        (each.measure, each.adjusted_for != "", each.part): each.theirs for each in checked.numbers
    }
    assert theirs["hazard ratio", True, "value"] == pytest.approx(np.exp(-0.37942216649), rel=1e-9)
    assert theirs["hazard ratio", True, "std_error"] == pytest.approx(0.19137948071, rel=1e-9)
    assert theirs["log-rank test", False, "statistic"] == pytest.approx(-np.sqrt(3.8375695765))
    assert theirs["survival difference", False, "result_control"] == pytest.approx(0.6944444444)
    assert theirs["restricted mean ratio", False, "value"] == pytest.approx(1.0455390, abs=1e-7)


def test_every_number_is_listed(checked: CrossCheck, evaluation: ce.Evaluation) -> None:
    parts = ["value", "low", "high", "std_error", "statistic", "p_value", "p_adjusted"]
    parts += ["result_control", "result_treatment"]
    parts += [f"{count}_{arm}" for count in COUNTS for arm in ("control", "treatment")]
    table = evaluation.to_frame()
    names = ["outcome", "measure", "adjusted_for", "analysis_set"]
    found = {tuple(row[[*names, "part"]]): row["ours"] for _, row in checked.to_frame().iterrows()}
    for _, row in table.iterrows():
        for part in parts:
            if not np.isnan(row[part]):
                assert found[(*row[names], part)] == row[part]
    for measure in ("sample ratio test", "omnibus balance test", "baseline table"):
        assert (checked.to_frame()["measure"] == measure).any()
    alone = [each for each in checked.numbers if not each.recomputed]
    assert all(each.reason.startswith(("no second engine", "not recomputed")) for each in alone)


def nudged(value: Any, part: str) -> Any:
    """Return a result with one of its numbers moved by a ten-thousandth, or one person more."""
    name, _, arm = part.rpartition("_")
    if name in COUNTS:
        counts = list(getattr(value, name))
        if not counts:
            return value
        counts[arm == "treatment"] += 1
        return dataclasses.replace(value, **{name: tuple(counts)})
    if name == "result" and hasattr(value, "by_arm"):
        pair = list(value.by_arm)
        pair[arm == "treatment"] *= 1.0001
        return dataclasses.replace(value, by_arm=tuple(pair))
    if not hasattr(value, part):
        return value
    return dataclasses.replace(value, **{part: getattr(value, part) * 1.0001})


@pytest.mark.parametrize(
    "part",
    [
        *("value", "low", "high", "std_error", "statistic", "p_value"),
        *("result_control", "result_treatment"),
        *("n_control", "n_treatment", "events_control", "events_treatment"),
        *("missing_control", "missing_treatment"),
    ],
)
def test_one_wrong_number_is_found(
    part: str, checked: CrossCheck, evaluation: ce.Evaluation
) -> None:
    """Every number of that kind is changed; those recomputed, and no others, are different."""
    wrong = dataclasses.replace(
        evaluation,
        results=tuple(
            dataclasses.replace(each, value=nudged(each.value, part)) for each in evaluation.results
        ),
    )
    found = ce.cross_check(wrong, ce.load_rossi())
    expected = [
        (each.measure, part)
        for each in checked.numbers
        if each.part == part and each.recomputed and each.outcome and each.control
    ]
    assert expected
    assert [(each.measure, each.part) for each in found.disagreeing] == expected
    assert f"{127 - len(expected)} agree" in repr(found)
    assert "Different:" in repr(found)
    assert expected[0][0] in repr(found).partition("Different:")[2]


@pytest.mark.parametrize(
    "column", ["at_risk", "events", "censored", "survival", "std_error", "low", "high"]
)
@pytest.mark.parametrize("changed", [0.999, np.nan])
def test_one_wrong_step_of_a_curve_is_found(
    column: str, changed: float, evaluation: ce.Evaluation
) -> None:
    curve = evaluation.curves[0]
    values = getattr(curve, column).copy()
    place = int(np.flatnonzero(curve.events[1])[3])
    if values.dtype.kind == "i":
        values[1, place] += 1
    else:
        values[1, place] *= changed
    wrong = dataclasses.replace(
        evaluation, curves=(dataclasses.replace(curve, **{column: values}),)
    )
    [found] = ce.cross_check(wrong, ce.load_rossi()).disagreeing
    assert (found.part, found.treatment) == (column, "financial aid")
    assert found.time_point == curve.time[place]


def test_a_number_where_there_is_none_is_found() -> None:
    """Survival is 1 until the first event, where log-log limits are undefined."""
    frame = people(1)
    frame.loc[frame["time"] < 5, "event"] = 0
    trial = read(frame)
    right = ce.evaluate(trial)
    low = right.curves[0].low.copy()
    assert np.isnan(low[0, 0])
    low[0, 0] = 0.9
    curve = dataclasses.replace(right.curves[0], low=low)
    assert ce.cross_check(right, trial).agrees
    [found] = ce.cross_check(dataclasses.replace(right, curves=(curve,)), trial).disagreeing
    assert (found.part, found.time_point) == ("low", curve.time[0])


@pytest.mark.parametrize(
    ("spoil", "measures"),
    [
        (
            lambda frame: frame.assign(
                arm=frame["arm"].map({"court": "contract", "contract": "court"})
            ),
            {"hazard ratio", "log-rank test", "risk difference", "risk ratio", "odds ratio"},
        ),
        (
            lambda frame: frame.assign(time=frame["time"] + 1),
            {"survival curve", "restricted mean difference"},
        ),
        (
            lambda frame: frame.assign(event=0.0 + (frame["event"] == 0)),
            {"hazard ratio", "log-rank test", "risk difference", "survival curve"},
        ),
    ],
)
def test_the_wrong_data_are_found(
    spoil: Callable[[pd.DataFrame], pd.DataFrame], measures: set[str]
) -> None:
    """Swapped arms, a shifted day, events taken for censorings."""
    frame = people(3).dropna()
    trial = read(frame)
    wrong = dataclasses.replace(ce.evaluate(read(spoil(frame))), data_digest=trial.digest)
    found = {each.measure for each in ce.cross_check(wrong, trial).disagreeing}
    assert measures <= found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("strata", [(), ("site",)])
@pytest.mark.parametrize("arms", [2, 3])
def test_arms_strata_sets_and_missing_outcomes(
    seed: int, strata: tuple[str, ...], arms: int
) -> None:
    trial = read(people(seed, arms=arms), strata=strata)
    assert ce.cross_check(ce.evaluate(trial), trial).agrees
    found: list[ce.Estimate | ce.SignificanceTest] = []
    for chosen in ("itt", "per-protocol", "as-treated", "served"):
        common = {"analysis_set": chosen, "arm": trial.arms[-1] if arms > 2 else None}
        timed = {"outcome": "reoffence", **common}
        found += [
            ce.hazard_ratio(trial, adjust=["age", "race"], **timed),
            ce.hazard_ratio(trial, level=0.9, **timed),
            ce.risk_ratio(trial, horizon=4, **timed),
            ce.odds_ratio(trial, horizon=4, **timed),
            ce.survival_difference(trial, at=3, **timed),
            ce.restricted_mean(trial, horizon=3, **timed),
            ce.odds_ratio(trial, outcome="breach", level=0.8, **common),
            ce.logrank_test(trial, outcome="reoffence", analysis_set=chosen),
        ]
    checked = with_results(trial, *found)
    assert checked.agrees, checked
    assert sum(each.recomputed for each in checked.numbers if each.part == "p_value") >= 12
    lost = [each.theirs for each in checked.numbers if each.part == "missing_control"]
    assert max(lost) > 0


@pytest.mark.parametrize(
    ("ask", "part", "engine"),
    [
        (lambda t: ce.hazard_ratio(t, outcome="reoffence", ties="breslow"), "value", "PHReg"),
        (lambda t: ce.hazard_ratio(t, outcome="reoffence", strata=()), "value", "CoxPHFitter"),
        (lambda t: ce.hazard_ratio(t, outcome="reoffence", strata="race"), "value", "the strata"),
        (lambda t: ce.hazard_ratio(t, outcome="reoffence", robust=True), "low", "sandwich"),
        (lambda t: ce.logrank_test(t, outcome="reoffence", strata=()), "statistic", "survdiff"),
        (lambda t: ce.logrank_test(t, outcome="reoffence", strata="race"), "p_value", "the strata"),
        (lambda t: weighted(t, Gehan()), "p_value", "survdiff"),
        (lambda t: weighted(t, TaroneWare()), "p_value", "survdiff"),
        (lambda t: weighted(t, ce.FlemingHarrington(rho=1)), "p_value", "survdiff"),
        (lambda t: weighted(t, ce.FlemingHarrington(rho=0.5)), "p_value", "survdiff"),
        (lambda t: weighted(t, ce.FlemingHarrington(rho=1)), "statistic", "without a sign"),
        (lambda t: weighted(t, ce.FlemingHarrington(gamma=1)), "p_value", "statsmodels has no"),
        (lambda t: weighted(t, PetoPeto()), "p_value", "statsmodels has no Peto–Peto"),
        (lambda t: counted(t, ce.risk_difference, "wald"), "low", "2indep"),
        (lambda t: counted(t, ce.risk_ratio, "wald"), "high", "2indep"),
        (lambda t: counted(t, ce.odds_ratio, "wald"), "low", "2indep"),
        (lambda t: counted(t, ce.odds_ratio, None), "low", "2indep (score)"),
        (lambda t: counted(t, ce.risk_difference, "miettinen-nurminen"), "low", "wrong cubic"),
        (
            lambda t: ce.survival_difference(t, outcome="reoffence", at=3, adjust="age"),
            "value",
            "pseudo-observations",
        ),
        (
            lambda t: ce.restricted_mean(t, outcome="reoffence", horizon=3, strata="race"),
            "value",
            "standardised over strata",
        ),
        (
            lambda t: ce.restricted_mean(t, outcome="reoffence", horizon=3, measure="lost ratio"),
            "value",
            "time lost",
        ),
        (
            lambda t: ce.risk_difference(t, outcome="breach", adjust="age"),
            "value",
            "the regression is statsmodels' here too",
        ),
        (lambda t: redrawn(t, "breach", "risk difference"), "statistic", "2indep"),
        (lambda t: redrawn(t, "reoffence", "log-rank"), "statistic", "survdiff"),
        (lambda t: redrawn(t, "reoffence", "log-rank"), "p_value", "the trial's own rule"),
        (lambda t: redrawn(t, "breach", "rank sum"), "statistic", "the trial's own rule"),
        (lambda t: redrawn(t, ["breach", "reoffence"], "log-rank"), "statistic", "own rule"),
    ],
)
def test_options_reach_the_engine_or_are_told(
    ask: Callable[[ce.Trial], Any], part: str, engine: str
) -> None:
    trial = read(people(5), strata=["site"])
    checked = with_results(trial, ask(trial))
    assert checked.agrees, checked
    [found] = [each for each in checked.numbers if each.part == part]
    assert engine in (found.engine or found.reason)


def weighted(trial: ce.Trial, weight: Any) -> ce.SignificanceTest:
    return ce.logrank_test(trial, outcome="reoffence", weight=weight)


def counted(trial: ce.Trial, verb: Callable[..., ce.Estimate], interval: Any) -> ce.Estimate:
    return verb(trial, outcome="breach", interval=interval, level=0.9)


def redrawn(trial: ce.Trial, outcome: Any, statistic: Any) -> ce.SignificanceTest:
    rng = np.random.default_rng(1)
    return ce.randomisation_test(trial, outcome=outcome, statistic=statistic, draws=19, rng=rng)


def test_the_band_of_a_curve_is_told() -> None:
    trial = read(people(5))
    whole = ce.evaluate(trial)
    plain = ce.survival_curve(trial, outcome="reoffence", interval="plain")
    found = ce.cross_check(dataclasses.replace(whole, curves=(plain,)), trial)
    limits = [each for each in found.numbers if each.measure == "survival curve"][5:7]
    assert [each.part for each in limits] == ["low", "high"]
    assert all("limits are log-log" in each.reason for each in limits)
    assert found.agrees


def test_what_cannot_be_estimated_is_listed() -> None:
    """Without events in an arm there is no hazard ratio, but limits of the score test."""
    frame = people(5)
    frame.loc[(frame["arm"] == "contract") & (frame["event"] == 1), "event"] = 0
    trial = read(frame)
    checked = ce.cross_check(ce.evaluate(trial), trial)
    assert checked.agrees
    rows = {each.part: each for each in checked.numbers if each.measure == "hazard ratio"}
    assert "no finite maximum" in rows["value"].reason
    assert np.isnan(rows["value"].ours)
    assert rows["low"].ours == 0
    assert "score test" in rows["high"].reason
    assert rows["events_treatment"].theirs == 0
    assert rows["missing_control"].agrees


def test_adjusted_p_values_are_listed() -> None:
    trial = ce.load_rossi()
    plan = AnalysisPlan(multiplicity="holm")
    checked = ce.cross_check(
        ce.evaluate(trial, dataclasses.replace(trial.protocol, analysis=plan)), trial
    )
    [found] = [each for each in checked.numbers if each.part == "p_adjusted"]
    assert found.reason == "no second engine: p-values are adjusted by statsmodels here too"
    assert not found.agrees


def test_ratios_of_three_arms_are_of_the_promised_numbers() -> None:
    """60, 40 and 20 people where 3:2:1 was allocated: a chi-square of 0, and not of equal arms."""
    frame = people(2)
    frame["arm"] = np.repeat(["court", "contract", "warning"], [60, 40, 20])
    trial = read(frame)
    test = ce.sample_ratio_test(trial, ratio=(3, 2, 1))
    whole = ce.evaluate(trial)
    wrong = ce.cross_check(dataclasses.replace(whole, checks=(test,)), trial)
    [found] = [each for each in wrong.disagreeing if each.part == "statistic"]
    # (20² + 0² + 20²) / 40 = 20 against equal arms
    assert (found.ours, found.theirs) == (pytest.approx(0), pytest.approx(20))
    ruled = read(frame, rule=ce.Complete(counts=(60, 40, 20)))
    checks = [
        each
        for each in ce.cross_check(ce.evaluate(ruled), ruled).numbers
        if each.measure == "sample ratio test" and each.part == "statistic"
    ]
    assert [each.theirs for each in checks] == [0.0]


def test_tables(checked: CrossCheck, evaluation: ce.Evaluation) -> None:
    table = checked.to_frame()
    assert len(table) == len(checked.numbers)
    assert set(table["agrees"]) == {True, None}
    assert (table["difference"].abs().dropna() < 1e-6).all()
    wrong = dataclasses.replace(
        evaluation,
        title="A & B",
        results=(
            dataclasses.replace(
                evaluation.results[0], value=nudged(evaluation.results[0].value, "value")
            ),
        ),
    )
    found = ce.cross_check(wrong, ce.load_rossi())
    assert not found.agrees
    [one] = found.disagreeing
    assert one.difference == pytest.approx(one.theirs * 1e-4)
    assert one.reason.startswith("not explained by what is known (Newton's method")
    page = found._repr_html_()
    assert "A &amp; B" in page
    assert page.index("not explained") < page.index("survival curve")  # the different come first


def test_refusals(evaluation: ce.Evaluation, monkeypatch: pytest.MonkeyPatch) -> None:
    trial = ce.load_rossi()
    with pytest.raises(ce.TrialError, match=r"`trial` has digest \w{12}, but the evaluation is of"):
        ce.cross_check(evaluation, read(people(1)))
    with pytest.raises(ce.TrialError, match=r"`evaluation` must be an `Evaluation`, got Trial"):
        ce.cross_check(trial, trial)
    with pytest.raises(ce.TrialError, match="`trial` must be a `Trial`, got DataFrame"):
        ce.cross_check(evaluation, trial.to_frame())
    monkeypatch.setitem(sys.modules, "lifelines", None)
    with pytest.raises(ImportError, match=r'pip install "checkpoint-eval\[crosscheck\]"'):
        ce.cross_check(evaluation, trial)


def test_what_is_wrong_in_the_engines_still_is() -> None:
    """Why these numbers are not compared; when one of these fails, compare them."""
    # statsmodels issue 10269: its test is not 1.96 where the score test, its risks found by
    # searching for the largest likelihood, is.
    x1, n1, x0, n0 = 48, 216, 66, 216
    table = TwoProportions(control_events=x0, control_n=n0, treatment_events=x1, treatment_n=n1)
    low = float(miettinen_nurminen_limits(table, "difference", level=0.95)[0])

    def surprise(risk: float) -> float:
        shares = [(x1, n1, risk + low), (x0, n0, risk)]
        return -sum(x * np.log(p) + (n - x) * np.log(1 - p) for x, n, p in shares)

    at = minimize_scalar(surprise, bounds=(0.2, 0.8), method="bounded").x
    variance = (at + low) * (1 - at - low) / n1 + at * (1 - at) / n0
    score = (x1 / n1 - x0 / n0 - low) / np.sqrt(variance * (n1 + n0) / (n1 + n0 - 1))
    assert score == pytest.approx(1.959964, abs=1e-6)
    theirs = score_test_proportions_2indep(x1, n1, x0, n0, value=low, compare="diff")
    assert theirs.statistic == pytest.approx(2.0016, abs=1e-4)
    # Everyone in control has the event: both limits are the same number, though 3 of 10 is not
    # known to be 0.66 of the risk in control.
    limits = confint_proportions_2indep(9, 30, 31, 31, method="score", compare="ratio")
    assert np.real(limits) == pytest.approx([0.6557377, 0.6557377], abs=1e-6)
    # lifelines issue 1682: the variance of min(T, t), where its mean's is 0.63.
    frame = ce.load_rossi().to_frame()
    aid = frame[frame["arm"] == "financial aid"]
    fit = KaplanMeierFitter().fit(aid["rearrest (weeks)"], aid["rearrest"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it integrates steps by quadrature
        assert restricted_mean_survival_time(fit, t=52, return_variance=True)[1] > 100


def test_the_sample_ratio_of_strata_with_rules_of_their_own() -> None:
    """Two suites of twelve, promised 1:1:1 and 1:2:3: together 6:8:10 of 24."""
    suites = {"n": PermutedBlocks(sizes=(3,), ratio=(1, 1, 1)), "s": Simple(ratio=(1, 2, 3))}
    people = pd.DataFrame(
        {
            "suite": ["n"] * 12 + ["s"] * 12,
            "arm": ["a", "b", "c"] * 4 + ["a"] * 2 + ["b"] * 4 + ["c"] * 6,
            "moved": [0, 1] * 12,
        }
    )
    trial = ce.Trial.from_frame(
        people,
        arm="arm",
        control="a",
        arms=("a", "b", "c"),
        rule=Stratified(rule=suites, by="suite"),
        order="rows",
        binary={"moved": "moved"},
    )
    found = ce.cross_check(ce.evaluate(trial), trial)
    checks = {each.part: each for each in found.numbers if each.measure == "sample ratio test"}
    assert checks["statistic"].ours == pytest.approx(0, abs=1e-12)
    assert checks["statistic"].theirs == pytest.approx(0, abs=1e-12)
    assert found.agrees
