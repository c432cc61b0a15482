"""Balance of the arms against R: coin, closed forms, exact tests of the sample ratio."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce

Compare = Callable[..., None]
EIGHT = ["date", "t1", "t2", "cap", "ne", "ct", "bw", "cum.n"]


def _nuclear(walk: Any, strata: list[str]) -> ce.Trial:
    return ce.Trial.from_frame(
        pd.DataFrame(walk["nuclear"]), arm="pr", control=0, strata=strata, covariates=EIGHT
    )


def _with_text(trials: Any, covariates: list[str]) -> ce.Trial:
    frame = trials.frame("rossi")
    frame["prio_text"] = np.array(["none", "few", "many"])[np.digitize(frame["prio"], [1, 3])]
    return ce.Trial.from_frame(frame, arm="fin", control=0, covariates=covariates)


def _omnibus_trial(trials: Any, walk: Any, name: str) -> ce.Trial:
    covariates = walk["omnibus"][name]["covariates"]
    strata = walk["omnibus"][name]["strata"]
    if name.startswith("nuclear"):
        return _nuclear(walk, strata)
    if name == "rossi_text":
        return _with_text(trials, covariates)
    data = name.split("_", maxsplit=1)[0]
    return getattr(trials, data)(strata, covariates=covariates)


@pytest.mark.parametrize(
    "name", ["rossi", "rossi_race", "rossi_text", "recid", "nuclear", "nuclear_pt"]
)
def test_omnibus_equals_coin(trials: Any, walk: Any, agree: Compare, name: str) -> None:
    want = walk["omnibus"][name]
    found = ce.omnibus_balance(_omnibus_trial(trials, walk, name))
    agree(found.statistic, want["statistic"])
    agree(found.p_value, want["p_value"])
    assert found.df == want["df"]


def test_omnibus_strata_may_be_named_in_the_call(trials: Any, walk: Any, agree: Compare) -> None:
    want = walk["omnibus"]["rossi_race"]
    trial = _omnibus_trial(trials, walk, "rossi_race")
    agree(ce.omnibus_balance(trial, strata=["race"]).statistic, want["statistic"])


def _row(frame: pd.DataFrame, covariate: str) -> pd.Series:
    rows = frame[frame["covariate"] == covariate]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize("data", ["rossi", "recid", "nuclear"])
def test_standardised_differences(trials: Any, walk: Any, agree: Compare, data: str) -> None:
    want = walk["smd"][data]
    trial = (
        _nuclear(walk, [])
        if data == "nuclear"
        else getattr(trials, data)((), covariates=list(want))
    )
    frame = ce.standardised_differences(trial).to_frame()
    assert list(frame["covariate"]) == (EIGHT if data == "nuclear" else list(want))
    for covariate, row in want.items():
        found = _row(frame, covariate)
        for field in ("mean_treatment", "mean_control", "difference", "variance_ratio"):
            agree(found[field], row[field])


def test_rossi_as_printed_in_the_reference_values(trials: Any) -> None:
    """Six decimals."""
    frame = ce.standardised_differences(trials.rossi()).to_frame()
    want = [0.122771, 0.126965, 0.009335, -0.070438, -0.028523, -0.001597]
    np.testing.assert_allclose(frame["difference"].to_numpy(float), want, atol=6e-7)
    want = [1.275118, 0.744202, 0.997290, 0.849714, 1.013992, 0.972158]
    np.testing.assert_allclose(frame["variance_ratio"].to_numpy(float), want, atol=6e-7)


def test_a_text_covariate_has_an_overall_distance(trials: Any, walk: Any, agree: Compare) -> None:
    """Yang & Dalton: proportions, with p (1 - p) and no n - 1 correction."""
    want = walk["yang_dalton"]["prio_text"]
    frame = ce.standardised_differences(_with_text(trials, ["prio_text"])).to_frame()
    is_level = frame["level"].isin(want["levels"])
    levels = frame[is_level].set_index("level").loc[want["levels"]]
    agree(levels["mean_treatment"].to_numpy(float), want["treatment"])
    agree(levels["mean_control"].to_numpy(float), want["control"])
    overall = frame[~is_level]
    assert len(overall) == 1
    agree(overall["difference"].iloc[0], want["distance"])


def test_disjoint_arms_are_infinitely_far_apart() -> None:
    """tableone issue 114: everybody in one arm is A, nobody in the other."""
    frame = pd.DataFrame({"arm": np.repeat([0, 1], 50), "kind": ["A"] * 50 + ["B", "C"] * 25})
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, covariates=["kind"])
    table = ce.standardised_differences(trial).to_frame()
    overall = table[~table["level"].isin(["A", "B", "C"])]
    assert np.isinf(overall["difference"].iloc[0])


def _counts(counts: list[int], labels: tuple[str, ...]) -> ce.Trial:
    frame = pd.DataFrame({"arm": np.repeat(np.array(labels), counts)})
    frame["age"] = np.arange(len(frame)) % 7
    arms = {"arms": labels} if len(labels) > 2 else {}
    return ce.Trial.from_frame(frame, arm="arm", control=labels[0], covariates=["age"], **arms)


def test_sample_ratio_of_two_arms_is_the_exact_binomial(walk: Any, agree: Compare) -> None:
    """`ratio` follows the order of the arms, control first."""
    for want in walk["sample_ratio"]["two"]:
        treated, n = want["treatment"], want["n"]
        if treated in (0, n):
            continue  # an arm that nobody is in cannot be put in a trial
        trial = _counts([n - treated, treated], ("control", "treatment"))
        ratio = {0.5: (1, 1), 0.667: (1, 2), 0.6: (2, 3), 0.333: (2, 1)}[round(want["share"], 3)]
        agree(ce.sample_ratio_test(trial, ratio=ratio).p_value, want["p_value"])


def test_sample_ratio_of_more_arms_is_chi_square(walk: Any, agree: Compare) -> None:
    for want in walk["sample_ratio"]["many"]:
        labels = ("a", "b", "c", "d")[: len(want["counts"])]
        trial = _counts(want["counts"], labels)
        found = ce.sample_ratio_test(trial, ratio=tuple(want["ratio"]))
        agree(found.statistic, want["statistic"])
        agree(found.p_value, want["p_value"])
        assert found.df == want["df"]
