"""Laws of complier effects, bounds and imputations."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from strategies import EXACT, cohorts

import checkpoint_eval as ce
from checkpoint_eval.models import (
    attrition_bounds,
    complier_average_effect,
    effects_by_analysis,
    mean_difference,
    multiple_imputation,
    override_dilution,
    tipping_point,
)

FRAMES = cohorts(each=4)
METHODS: Any = ["manski", "lee", "horowitz-manski"]


def read(frame: pd.DataFrame, **how: Any) -> ce.Trial:
    columns: Any = {
        "arms": ("control", "treatment"),
        "control": "control",
        "factors": ["site", "age"],
        "numeric": {"harm": "prio"},
        "binary": {"any": "any"},
    } | how
    return ce.Trial.from_frame(frame, arm="arm", **columns)


def overridden(frame: pd.DataFrame) -> pd.DataFrame:
    """What people received: as assigned, but that a third of ages do the opposite."""
    opposite = frame["arm"].map({"control": "treatment", "treatment": "control"})
    return frame.assign(got=np.where(frame["age"] % 12 == 2, opposite, frame["arm"]))


def partly(frame: pd.DataFrame) -> pd.DataFrame:
    """Some numbers lost, by age; the first four of either arm are always seen."""
    gone = (frame["age"] % 12 == 2) & (frame.groupby("arm").cumcount() >= 4)
    lost = frame.assign(prio=frame["prio"].astype(float), any=frame["any"].astype(float))
    lost.loc[gone, ["prio", "any"]] = np.nan
    return lost


def same(found: Any, want: Any, *, scale: float = 1.0, shift: float = 0.0) -> None:
    got = [found.value, found.low, found.high]
    told = [scale * each + shift for each in (want.value, want.low, want.high)]
    assert got == pytest.approx(sorted(told[1:]) if scale < 0 else told, rel=1e-6, abs=1e-8) or (
        scale < 0 and got == pytest.approx([told[0], told[2], told[1]], rel=1e-6, abs=1e-8)
    )


def complier(frame: pd.DataFrame, **how: Any) -> ce.Estimate:
    asked: Any = {"outcome": "harm"} | how
    found = complier_average_effect(read(frame, received="got"), **asked)
    assume(found.estimable and "leverage" not in found.method)
    return found


@given(FRAMES)
def test_everybody_complies(frame: pd.DataFrame) -> None:
    """Then it is the difference as randomised, with the same variance."""
    trial = read(frame.assign(got=frame["arm"]), received="got")
    want = mean_difference(trial, outcome="harm", method="ancova", strata=())
    assume(want.estimable)
    for interval in ("wald", "anderson-rubin"):
        found = complier_average_effect(trial, outcome="harm", interval=interval)  # type: ignore[arg-type]
        same(found, want)
        assert found.by_arm == pytest.approx(want.by_arm, abs=1e-9)
        assert "100% comply; first-stage F = inf" in found.method


@given(FRAMES)
def test_swapping_arms_turns_the_sign(frame: pd.DataFrame) -> None:
    frame = overridden(frame)
    other = {"control": "treatment", "treatment": "control"}
    turned = frame.assign(arm=frame["arm"].map(other), got=frame["got"].map(other))
    for interval in ("wald", "anderson-rubin"):
        want, found = complier(frame, interval=interval), complier(turned, interval=interval)
        same(found, want, scale=-1)
        assert found.by_arm == pytest.approx(want.by_arm[::-1], abs=1e-7)


@given(FRAMES, st.sampled_from([-3.0, 0.5, 10.0]), st.sampled_from([0.0, 7.0]))
def test_units_of_the_outcome(frame: pd.DataFrame, scale: float, shift: float) -> None:
    frame = overridden(frame)
    moved = frame.assign(prio=scale * frame["prio"] + shift)
    for interval in ("wald", "anderson-rubin"):
        want, found = complier(frame, interval=interval), complier(moved, interval=interval)
        same(found, want, scale=scale)


@given(FRAMES)
def test_the_order_of_people_does_not_matter(frame: pd.DataFrame) -> None:
    frame = overridden(frame)
    same(complier(frame.iloc[::-1]), complier(frame))


@given(FRAMES)
def test_means_of_compliers_differ_by_the_effect(frame: pd.DataFrame) -> None:
    assume((frame.groupby("arm")["age"].nunique() > 1).all())
    found = complier(overridden(frame), adjust="age")
    assert found.by_arm[1] - found.by_arm[0] == pytest.approx(found.value, rel=1e-7, abs=1e-8)


@given(FRAMES)
def test_the_anderson_rubin_set_refuses_no_effect_as_the_difference_does(
    frame: pd.DataFrame,
) -> None:
    """Its p is that of assignment in the regression of the outcome, whoever complied."""
    frame = overridden(frame)
    trial = read(frame, received="got")
    want = mean_difference(trial, outcome="harm", method="ancova", strata=())
    found = complier(frame, interval="anderson-rubin")
    assert found.p_value == pytest.approx(want.p_value, rel=1e-6, abs=1e-12)


@given(FRAMES)
def test_intention_to_treat_is_diluted(frame: pd.DataFrame) -> None:
    """The difference as randomised is the complier's effect times what dilution keeps."""
    frame = overridden(frame)
    trial = read(frame, received="got")
    dilution, found = override_dilution(trial, by="site"), complier(frame)
    effects = effects_by_analysis(trial, outcome="harm")
    assert dilution.kept * found.value == pytest.approx(effects.intention_to_treat.value, abs=1e-8)
    table = dilution.to_frame()
    assert (table.iloc[:2]["people"].to_numpy() == [*trial.assignment.counts]).all()
    by_site = table.iloc[2:].groupby("arm")["people"].sum()
    assert by_site["control"] == trial.assignment.counts[0]
    received = ["received_control", "received_treatment", "received_other", "unknown"]
    assert (table[received].sum(axis=1) == table["people"]).all()


def bounds(frame: pd.DataFrame, method: Any, **how: Any) -> Any:
    asked: Any = {"outcome": "harm", "support": (0, 5) if method == "manski" else None} | how
    return attrition_bounds(read(frame), method=method, **asked)


@given(FRAMES)
@pytest.mark.parametrize("method", METHODS)
def test_bounds_are_in_order(method: Any, frame: pd.DataFrame) -> None:
    found = bounds(partly(frame), method)
    assume(found.estimable)
    assert found.low <= found.high
    for low, high in zip(found.arm_low, found.arm_high, strict=True):
        assert -EXACT <= low <= high + EXACT <= 5 + 2 * EXACT
    assert np.isnan(found.interval_low) == np.isnan(found.interval_high)
    assert np.isnan(found.interval_low) == ("interval not estimable: " in found.method)
    assume("interval not estimable: " not in found.method)
    assert found.interval_low <= found.low
    assert found.high <= found.interval_high
    wider = bounds(partly(frame), method, level=0.99)
    assert wider.interval_low <= found.interval_low
    assert wider.interval_high >= found.interval_high


@given(FRAMES)
@pytest.mark.parametrize("method", METHODS)
def test_nobody_lost_leaves_no_doubt(method: Any, frame: pd.DataFrame) -> None:
    found = bounds(frame, method)
    want = mean_difference(read(frame), outcome="harm", method="neyman")
    means = frame.groupby("arm")["prio"].mean()
    value = means["treatment"] - means["control"]
    assert (found.low, found.high) == pytest.approx((value, value), abs=EXACT)
    if method == "manski" and want.estimable:
        n = frame.groupby("arm").size()
        both = frame.groupby("arm")["prio"].var(ddof=0) / n
        assert found.std_errors == pytest.approx([np.sqrt(both.sum())] * 2, rel=1e-9)


@given(FRAMES)
@pytest.mark.parametrize("method", METHODS)
def test_swapping_arms_turns_the_bounds(method: Any, frame: pd.DataFrame) -> None:
    frame = partly(frame)
    other = frame["arm"].map({"control": "treatment", "treatment": "control"})
    want, found = bounds(frame, method), bounds(frame.assign(arm=other), method)
    assume(want.estimable)
    assert (found.low, found.high) == pytest.approx((-want.high, -want.low), abs=EXACT)
    share = frame.groupby("arm")["prio"].count() / frame.groupby("arm").size()
    if method != "lee" or share.nunique() == 2:  # with equal shares either arm may be the edge
        assert found.std_errors == pytest.approx(want.std_errors[::-1], abs=1e-9, nan_ok=True)


@given(FRAMES, st.sampled_from([0.0, 2.0, 5.0]), st.sampled_from([0.0, 5.0]))
def test_whatever_the_lost_have_lies_within(frame: pd.DataFrame, one: float, other: float) -> None:
    lost = partly(frame)
    found = bounds(lost, "manski")
    end = np.where(frame["arm"] == "control", one, other)
    means = lost["prio"].fillna(pd.Series(end, index=lost.index)).groupby(lost["arm"]).mean()
    assert found.low - EXACT <= means["treatment"] - means["control"] <= found.high + EXACT


@given(FRAMES)
def test_fewer_assumptions_give_wider_bounds(frame: pd.DataFrame) -> None:
    lee, both = bounds(partly(frame), "lee"), bounds(partly(frame), "horowitz-manski")
    assume(both.estimable)
    assert both.low <= lee.low + EXACT
    assert lee.high <= both.high + EXACT
    assert both.share <= lee.share + EXACT


@given(FRAMES, st.sampled_from([-1.0, 2.0]))
@pytest.mark.parametrize("method", ["lee", "horowitz-manski"])
def test_units_of_bounds(method: Any, frame: pd.DataFrame, scale: float) -> None:
    frame = partly(frame)
    want = bounds(frame, method)
    found = bounds(frame.assign(prio=scale * frame["prio"] + 3), method)
    assume(want.estimable)
    ends = sorted([scale * want.low, scale * want.high])
    assert [found.low, found.high] == pytest.approx(ends, abs=1e-9)


@given(FRAMES)
@pytest.mark.parametrize("method", ["lee", "horowitz-manski"])
def test_one_cell_is_no_cell(method: Any, frame: pd.DataFrame) -> None:
    frame = partly(frame).assign(site=1)
    want, found = bounds(frame, method), bounds(frame, method, covariates="site")
    assert (found.low, found.high, *found.std_errors) == pytest.approx(
        (want.low, want.high, *want.std_errors), nan_ok=True
    )


def imputed(frame: pd.DataFrame, seed: int = 1, **how: Any) -> ce.Estimate:
    asked: Any = {"outcome": "harm", "covariates": (), "imputations": 3} | how
    return multiple_imputation(read(frame), rng=np.random.default_rng(seed), **asked)


@given(FRAMES)
def test_the_same_seed_draws_the_same(frame: pd.DataFrame) -> None:
    frame = partly(frame)
    first, second = imputed(frame), imputed(frame)
    assert first == second or not first.estimable


@given(FRAMES, st.sampled_from([-4.0, 3.0]))
def test_a_shift_adds_its_share(frame: pd.DataFrame, delta: float) -> None:
    frame = partly(frame)
    none, moved = imputed(frame), imputed(frame, delta=delta)
    assume(none.estimable and moved.estimable)
    share = frame.loc[frame["arm"] == "treatment", "prio"].isna().mean()
    assert moved.value - none.value == pytest.approx(delta * share, abs=1e-9)


@given(FRAMES)
def test_likelier_outcomes_raise_the_risk(frame: pd.DataFrame) -> None:
    frame = partly(frame)
    found = tipping_point(
        read(frame),
        outcome="any",
        covariates=(),
        imputations=3,
        deltas=[-2, -1, 1, 2],
        rng=np.random.default_rng(1),
    )
    value = np.array([each.value for each in found.estimates])
    assert (np.diff(value[np.isfinite(value)]) >= -EXACT).all()
    assert found.deltas == (-2.0, -1.0, 0.0, 1.0, 2.0)
    assert len(found.tips) <= 2


@given(FRAMES)
def test_seen_outcomes_stay(frame: pd.DataFrame) -> None:
    lost = partly(frame)

    def analysis(trial: ce.Trial) -> ce.Estimate:
        value = trial.outcomes["harm"].value  # type: ignore[union-attr]
        seen = lost["prio"].notna().to_numpy()
        assert (value[seen] == lost["prio"][seen]).all()
        assert np.isfinite(value).all()
        assert not trial.outcomes["harm"].missing.any()
        return mean_difference(trial, outcome="harm")

    imputed(lost, analysis=analysis)
