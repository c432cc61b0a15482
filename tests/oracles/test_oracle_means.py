"""Differences of means against R estimatr: its three verbs, five variances, strata and clusters.

means.json is written by means.R, with full precision. Where estimatr and this library differ is in
tests/reference/test_slow_means.py: strata of two people among larger ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.models import mean_difference

Compare = Callable[..., None]
R = json.loads((Path(__file__).parent / "means.json").read_text(encoding="utf-8"))
DATA = Path(__file__).parents[1] / "data"
SIX = ["age", "race", "wexp", "mar", "paro", "prio"]
HC = ["HC0", "HC1", "HC2", "HC3"]


def check(found: ce.Estimate, want: dict[str, float], agree: Compare) -> None:
    got = [found.value, found.std_error, found.low, found.high, found.p_value]
    # Two orthogonal factorisations of the same columns: a few digits short of double precision.
    agree(got, [want[each] for each in ("value", "std_error", "low", "high", "p_value")], 1e-8)
    assert f"{want['df']:.4g} degrees of freedom" in found.method


def rossi(**how: Any) -> ce.Trial:
    columns = {"covariates": SIX, "factors": [], "numeric": {"arrested": "arrest"}} | how
    frame = pd.read_csv(DATA / "rossi.csv").assign(born=lambda each: each["age"])
    return ce.Trial.from_frame(frame, arm="fin", control=0, **columns)


def read(people: dict[str, Any], *, y: str = "harm", **how: Any) -> ce.Trial:
    return ce.Trial.from_frame(pd.DataFrame(people), arm="arm", control=0, numeric={"y": y}, **how)


def test_neyman_on_rossi(agree: Compare) -> None:
    check(mean_difference(rossi(), outcome="arrested"), R["rossi"]["neyman"], agree)


def test_of_a_yes_or_no_it_is_the_risk_difference(agree: Compare) -> None:
    found = mean_difference(rossi(binary={"any": "arrest"}, numeric={}), outcome="any")
    check(found, R["rossi"]["neyman"], agree)
    assert found.estimand == "risk difference"
    assert found.events == (66, 48)


@pytest.mark.parametrize("variance", HC)
def test_regressions_on_rossi(variance: Any, agree: Compare) -> None:
    trial, how = rossi(), {"outcome": "arrested", "variance": variance}
    plain = mean_difference(trial, method="ancova", **how)
    check(plain, R["rossi"]["plain"][variance], agree)
    check(mean_difference(trial, adjust=SIX, **how), R["rossi"]["lin"][variance], agree)
    ancova = mean_difference(trial, adjust=SIX, method="ancova", **how)
    check(ancova, R["rossi"]["ancova"][variance], agree)


@pytest.mark.parametrize("variance", ["HC0", "HC1", "HC3"])
def test_two_means_with_other_variances(variance: Any, agree: Compare) -> None:
    """lm_robust on the arm; with HC2 it is Neyman's, on Welch's degrees of freedom."""
    found = mean_difference(rossi(), outcome="arrested", method="neyman", variance=variance)
    check(found, R["rossi"]["plain"][variance], agree)


def test_the_numbers_of_the_reference_table(printed: Compare) -> None:
    """As estimatr printed them."""
    lin = mean_difference(rossi(), outcome="arrested", adjust=SIX)
    printed(
        [lin.value, lin.std_error, lin.p_value], [-0.080986223748, 0.041898136544, 0.0539197629]
    )
    plain = mean_difference(rossi(), outcome="arrested")
    printed([plain.value, plain.p_value], [-0.08333333, 0.0495782633])
    errors = [
        mean_difference(rossi(), outcome="arrested", method="neyman", variance=each).std_error
        for each in HC  # type: ignore[misc]
    ]
    printed(errors, [0.04222026, 0.04231833, 0.04231833, 0.04241663])


def test_strata_on_rossi(agree: Compare) -> None:
    trial = rossi(strata=["race"], covariates=["age", "prio"])
    check(mean_difference(trial, outcome="arrested"), R["rossi"]["blocked"], agree)
    lin = mean_difference(trial, outcome="arrested", adjust=["age", "prio"])
    check(lin, R["rossi"]["lin_stratified"], agree)
    ancova = mean_difference(
        trial, outcome="arrested", adjust=["age", "prio"], method="ancova", variance="HC3"
    )
    check(ancova, R["rossi"]["ancova_stratified"], agree)


@pytest.mark.parametrize(
    ("method", "adjust"),
    [("neyman", ()), ("lin", ("prio", "wexp")), ("ancova", ("prio", "wexp"))],
)
def test_clusters_of_many_sizes_in_both_arms(method: Any, adjust: Any, agree: Compare) -> None:
    """The ages of Rossi's men, 1 to 60 of an age, as clusters: CR2 and its degrees of freedom."""
    found = mean_difference(
        rossi(factors=["born"]), outcome="arrested", method=method, adjust=adjust, cluster="born"
    )
    check(found, R["by_age"][method], agree)


@pytest.mark.parametrize("variance", HC)
def test_lin_2013(variance: Any, agree: Compare, printed: Compare) -> None:
    """Lin (2013), table 2: -.036 (.158), -.083 (.146), -.081 (.146) with HC0."""
    frame = pd.read_csv(DATA / "alo_star_men.csv")
    frame = frame[(frame["sfsp"] == 1) | (frame["ssp"] == 1)]
    assert len(frame) == R["lin2013"]["n"] == 157
    trial = ce.Trial.from_frame(
        frame, arm="sfsp", control=0, covariates=["gpa0"], numeric={"gpa": "GPA_year1"}
    )
    how = {"outcome": "gpa", "variance": variance}
    found = [
        mean_difference(trial, method="ancova", **how),
        mean_difference(trial, method="ancova", adjust="gpa0", **how),
        mean_difference(trial, adjust="gpa0", **how),
    ]
    for each, want in zip(found, ("plain", "ancova", "lin"), strict=True):
        check(each, R["lin2013"][want][variance], agree)
    if variance == "HC0":
        printed([each.value for each in found], [-0.036, -0.083, -0.081])
        printed([each.std_error for each in found], [0.158, 0.146, 0.146])


@pytest.mark.parametrize("variance", HC)
def test_strata_and_categories(variance: Any, agree: Compare) -> None:
    trial = read(R["simulated"]["people"], strata=["suite"], covariates=["age", "pathway"])
    how = {"outcome": "y", "adjust": ["age", "pathway"], "variance": variance}
    check(mean_difference(trial, **how), R["simulated"]["lin"][variance], agree)
    ancova = mean_difference(trial, method="ancova", **how)
    check(ancova, R["simulated"]["ancova"][variance], agree)


def test_blocks(agree: Compare) -> None:
    trial = read(R["simulated"]["people"], strata=["suite"])
    check(mean_difference(trial, outcome="y"), R["simulated"]["blocked"], agree)


def test_pairs(agree: Compare) -> None:
    trial = read(R["paired"]["people"], strata=["pair"])
    check(mean_difference(trial, outcome="y"), R["paired"]["blocked"], agree)


CLUSTERED = {
    "neyman": ((), {}),
    "blocked": (["suite"], {}),
    "pairs": (["couple"], {}),
    "lin": (["suite"], {"adjust": "age"}),
    "ancova": (["suite"], {"adjust": "age", "method": "ancova"}),
}


@pytest.mark.parametrize("name", CLUSTERED)
def test_clusters_allocated_together(name: str, agree: Compare) -> None:
    strata, how = CLUSTERED[name]
    trial = read(R["clustered"]["people"], strata=strata, covariates=["age"], factors=["officer"])
    check(
        mean_difference(trial, outcome="y", cluster="officer", **how), R["clustered"][name], agree
    )


def test_clusters_with_an_indicator_of_their_own(agree: Compare) -> None:
    """1 - H is singular within each cluster: the arm does not depend on the part that is lost."""
    trial = read(R["clustered"]["people"], strata=["couple"], covariates=["age"])
    found = mean_difference(trial, outcome="y", adjust="age", method="ancova", cluster="couple")
    check(found, R["clustered"]["couples"], agree)
    assert "7 clusters fitted exactly" in found.method


def test_blocked_clusters_of_ri2(agree: Compare) -> None:
    """As ri2 and estimatr have it: 2 (1), df 2, p .1835034; a block has one cluster in an arm."""
    trial = read(R["ri2"]["people"], y="y", strata=["block"], factors=["cluster"])
    found = mean_difference(trial, outcome="y", cluster="cluster")
    check(found, R["ri2"]["blocked"], agree)
    assert found.p_value == pytest.approx(0.1835034, abs=5e-8)
    assert "2 degrees of freedom, too few to trust p" in found.method


def test_the_village(agree: Compare) -> None:
    """Gerber and Green's seven villages: 6.5."""
    found = mean_difference(read(R["village"]["people"], y="y"), outcome="y")
    check(found, R["village"]["neyman"], agree)
    assert found.value == 6.5


def test_someone_alone_in_a_category(agree: Compare) -> None:
    """The leverage is 1: the fit goes through them, and is that of everybody else."""
    trial = read(R["one_alone"]["people"], covariates=["age", "pathway"])
    found = mean_difference(trial, outcome="y", adjust=["age", "pathway"], method="ancova")
    check(found, R["one_alone"]["without"], agree)
    assert "1 person fitted exactly" in found.method
