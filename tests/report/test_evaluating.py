"""What `evaluate` computes: all that was promised, marked as such, and the same every time."""

import dataclasses
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import AnalysisPlan, Estimand, Screening
from checkpoint_eval.models import adjust_p_values
from checkpoint_eval.report.sections_headline import headline


def small(n: int = 60, seed: int = 3, arms: tuple[str, ...] = ("a", "b")) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "arm": np.array(arms)[rng.permutation(np.arange(n) % len(arms))],
            "time": rng.integers(1, 40, n),
            "event": rng.integers(0, 2, n),
            "yes": rng.integers(0, 2, n),
            "age": rng.normal(30, 5, n),
            "site": rng.choice(["north", "south"], n),
        }
    )


def read(frame: pd.DataFrame, **more: Any) -> ce.Trial:
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control="a",
        covariates=["age"],
        times={"reoffence": ("time", "event", "days")},
        binary={"breach": "yes"},
        **more,
    )


def test_every_promise_is_kept_in_order(evaluation: ce.Evaluation) -> None:
    promised = [estimand.measure for estimand in evaluation.protocol.estimands]
    assert evaluation.to_frame()["measure"].tolist() == promised
    assert evaluation.to_frame()["planned"].all()
    assert evaluation.to_frame()["confirmatory"].tolist() == [True] + [False] * 10


def test_values_are_the_verbs_values(evaluation: ce.Evaluation) -> None:
    trial = ce.load_rossi()
    direct = ce.restricted_mean(trial, outcome="rearrest", horizon=52)
    found = evaluation.results[8].value
    assert found == dataclasses.replace(direct, planned=True)
    test = evaluation.results[2].value
    assert test.statistic == ce.logrank_test(trial, outcome="rearrest").statistic


def test_without_a_protocol_everything_is_exploratory() -> None:
    evaluation = ce.evaluate(read(small()))
    assert not evaluation.to_frame()["planned"].any()
    assert evaluation.protocol_digest == ""
    assert set(evaluation.to_frame()["outcome"]) == {"reoffence", "breach"}


def test_the_same_evaluation_twice(evaluation: ce.Evaluation) -> None:
    assert ce.evaluate(ce.load_rossi()).to_json() == evaluation.to_json()


def test_another_seed_moves_only_what_chance_decides(evaluation: ce.Evaluation) -> None:
    trial = ce.load_rossi()
    plan = AnalysisPlan(draws=10_000, seed=7)
    other = ce.evaluate(trial, dataclasses.replace(trial.protocol, analysis=plan)).to_frame()
    chance = other["measure"].str.startswith("randomisation")
    before = evaluation.to_frame()
    assert (other.loc[~chance, "p_value"] == before.loc[~chance, "p_value"]).all()
    assert (other.loc[chance, "p_value"] != before.loc[chance, "p_value"]).any()


def test_several_arms_are_each_compared_with_control() -> None:
    frame = small(90, arms=("a", "b", "c"))
    evaluation = ce.evaluate(read(frame, arms=("a", "b", "c")))
    table = evaluation.to_frame()
    ratios = table[table["measure"] == "hazard ratio"]
    assert ratios["treatment"].tolist() == ["b", "c"]
    test = next(
        each.value
        for each in evaluation.results
        if each.value.outcome == "reoffence" and isinstance(each.value, ce.SignificanceTest)
    )
    assert test.df == 2
    assert len(evaluation.balance) == 2


def test_strata_reach_the_tests() -> None:
    evaluation = ce.evaluate(read(small(120), strata=["site"]))
    methods = evaluation.to_frame().set_index("measure")["method"]
    assert "stratified by site" in methods["log-rank test"]
    assert "stratified by site" in methods["hazard ratio"]


def test_missing_outcomes_are_counted_in_every_row() -> None:
    frame = small(80)
    frame[["time", "event"]] = frame[["time", "event"]].astype(float)
    frame.loc[frame.index[:5], ["time", "event"]] = np.nan
    table = ce.evaluate(read(frame)).to_frame()
    timed = table[table["outcome"] == "reoffence"]
    assert (timed["missing_control"] + timed["missing_treatment"] == 5).all()
    assert (timed["n_control"] + timed["n_treatment"] == 75).all()


def test_what_cannot_be_estimated_stays_in_the_table() -> None:
    frame = small(40)
    frame.loc[frame["arm"] == "b", "event"] = 0
    table = ce.evaluate(read(frame)).to_frame()
    ratio = table[(table["measure"] == "hazard ratio")].iloc[0]
    assert np.isnan(ratio["value"])
    assert "not estimable" in ratio["method"]


def test_multiplicity_adjusts_the_confirmatory_family_alone() -> None:
    trial = ce.load_rossi()
    estimands = tuple(
        Estimand(outcome="rearrest", measure=measure, confirmatory=measure != "risk ratio")
        for measure in (
            "hazard ratio",
            "risk ratio",
            "restricted mean difference",
            "risk difference",
        )
    )
    protocol = dataclasses.replace(
        trial.protocol, estimands=estimands, analysis=AnalysisPlan(multiplicity="holm")
    )
    results = ce.evaluate(trial, protocol).results
    family = [results[place].value.p_value for place in (0, 2, 3)]
    expected = adjust_p_values(family, method="holm")
    assert [results[place].p_adjusted for place in (0, 2, 3)] == pytest.approx(expected)
    assert np.isnan(results[1].p_adjusted)


def test_adjusted_p_values_by_hand() -> None:
    """Holm on 0.01, 0.03, 0.04: 3·0.01, 2·0.03, then no less than the one before."""
    assert adjust_p_values([0.01, 0.04, 0.03], method="holm") == pytest.approx([0.03, 0.06, 0.06])
    assert adjust_p_values([0.01, 0.04, 0.03], method="hochberg") == pytest.approx(
        [0.03, 0.04, 0.04]
    )
    with_gap = adjust_p_values([0.01, np.nan], method="bonferroni")
    assert with_gap[0] == pytest.approx(0.02)
    assert np.isnan(with_gap[1])


def test_adjusted_p_values_as_r_prints_them() -> None:
    """R p.adjust on the 15 p-values of Benjamini and Hochberg (1995); digits as printed."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.324, 0.4262]
    p += [0.5719, 0.6528, 0.759, 1.0]
    hommel = [0.0015, 0.0056, 0.0247, 0.095, 0.1608, 0.1946, 0.2086, 0.2408, 0.3213] + [1] * 6
    holm = [0.0015, 0.0056, 0.0247, 0.114, 0.2211, 0.278, 0.278, 0.278, 0.3213] + [1] * 6
    assert adjust_p_values(p, method="hommel") == pytest.approx(hommel, abs=1e-9)
    assert adjust_p_values(p, method="holm") == pytest.approx(holm, abs=1e-9)


def test_progress_wraps_the_estimands() -> None:
    seen: list[str] = []

    def watch(estimands: Any) -> Any:
        for estimand in estimands:
            seen.append(estimand.measure)
            yield estimand

    trial = read(small())
    ce.evaluate(trial, progress=watch)
    assert len(seen) == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"unit": "days"}, "in weeks in the trial and in days"),
        (
            {
                "covariates": ("height",),
                "estimands": (
                    Estimand(outcome="rearrest", measure="hazard ratio", adjust=("height",)),
                ),
            },
            "height",
        ),
    ],
)
def test_a_protocol_about_another_trial_is_refused(change: dict[str, Any], message: str) -> None:
    trial = ce.load_rossi()
    protocol = dataclasses.replace(trial.protocol, **change)
    with pytest.raises(ce.InvalidProtocol, match=message):
        ce.evaluate(trial, protocol)


def test_arms_must_be_those_promised() -> None:
    with pytest.raises(ce.InvalidProtocol, match=r"arms are .*no aid"):
        ce.evaluate(read(small()), ce.load_rossi().protocol)


def test_json_is_strict_and_complete(evaluation: ce.Evaluation) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    content = json.loads(evaluation.to_json(), parse_constant=refuse)
    assert content["schema"] == "checkpoint-eval/evaluation/1"
    assert content["protocol_digest"] == evaluation.protocol.digest
    assert len(content["results"]) == 11
    assert content["results"][4]["value"] == pytest.approx(-18 / 216)
    assert content["curves"][0]["at_risk"][0] == 216


def test_digests_tell_changes_and_only_changes() -> None:
    frame = small()
    trial = read(frame)
    assert read(frame.copy()).digest == trial.digest
    changed = frame.copy()
    changed.loc[7, "event"] = 1 - changed.loc[7, "event"]
    assert read(changed).digest != trial.digest
    protocol = ce.load_rossi().protocol
    assert (
        dataclasses.replace(
            protocol,
            horizon=51.0,
            outcomes=tuple(dataclasses.replace(each, time_point=0) for each in protocol.outcomes),
        ).digest
        != protocol.digest
    )


@pytest.mark.parametrize(
    ("estimand", "message"),
    [
        ({"measure": "hazard ratio", "analysis_set": "as-treated"}, "needs the arm each person"),
        ({"measure": "hazard ratio", "outcome": "arrest"}, "did you mean 'rearrest'"),
    ],
)
def test_what_no_data_could_give_is_refused_with_the_protocol(
    estimand: dict[str, str], message: str
) -> None:
    protocol = ce.load_rossi().protocol
    with pytest.raises(ce.InvalidProtocol, match=message):
        dataclasses.replace(protocol, estimands=(Estimand(**{"outcome": "rearrest"} | estimand),))


def test_a_refusal_names_its_estimand() -> None:
    trial = ce.load_rossi()
    protocol = dataclasses.replace(
        trial.protocol,
        horizon=60.0,
        outcomes=tuple(
            dataclasses.replace(each, time_point=60.0) for each in trial.protocol.outcomes
        ),
    )
    with pytest.raises(ce.ImpossibleDesign, match=r"estimands\[4\], risk difference of 'rearrest'"):
        ce.evaluate(trial, protocol)


def test_several_arms_are_told_apart_wherever_results_are_shown() -> None:
    evaluation = ce.evaluate(read(small(90, arms=("a", "b", "c")), arms=("a", "b", "c")))
    table = ce.report.estimates_table(evaluation)
    ratios = [each for each in table["measure"] if each.startswith("hazard ratio")]
    assert ratios == ["hazard ratio, b", "hazard ratio, c"]
    assert "assigned to b" in headline(evaluation)
    assert "assigned to c" in headline(evaluation)
    assert repr(evaluation).count(" b ") >= 2


def test_the_headline_tells_assigned_known_and_estimated() -> None:
    """Ten a side; one outcome unknown in b; two of a censored before the others' last day."""
    frame = pd.DataFrame(
        {
            "arm": ["a"] * 10 + ["b"] * 10,
            "time": [5.0, 6, *[10] * 8, np.nan, 7, *[10] * 8],
            "event": [0.0, 0, 1, 1, 1, *[0] * 5, np.nan, 1, *[0] * 8],
            "yes": [0, 1] * 10,
            "age": range(20),
        }
    )
    told = headline(ce.evaluate(read(frame)))
    assert (
        "3 of 10 people assigned to a (an estimated 37.5%, as some were followed for less)" in told
    )
    assert "1 of 10 people assigned to b, 9 of them with a known outcome (11.1%)" in told


def test_a_trial_without_outcomes_is_refused() -> None:
    trial = ce.Trial.from_frame(small(), arm="arm", control="a")
    with pytest.raises(ce.TrialError, match="no outcomes"):
        ce.evaluate(trial)


def test_the_flow_is_that_of_the_protocol_given() -> None:
    """A protocol passed to `evaluate` tells the screening, not the one the trial came with."""
    trial = ce.load_rossi()
    told = Screening(assessed=500, excluded={"served elsewhere": 68})
    found = ce.evaluate(trial, dataclasses.replace(trial.protocol, screening=told)).flow
    assert (found.assessed, found.excluded) == (500, (("served elsewhere", 68),))
    short = Screening(assessed=500)
    with pytest.raises(ce.ImpossibleDesign, match="does not reconcile: 500 assessed"):
        ce.evaluate(trial, dataclasses.replace(trial.protocol, screening=short))
