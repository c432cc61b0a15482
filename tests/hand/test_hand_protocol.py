"""A protocol written by hand, read back field by field, and kept on eight people."""

from __future__ import annotations

import re
from math import sqrt
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from scipy.stats import norm

import checkpoint_eval as ce

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
title = "Contract or court"
unit = "weeks"
horizon = 8
covariates = ["age", "drugs"]
registration = "ISRCTN 0"

[columns]
arm = "arm"

[[arms]]
label = 0
name = "court"

[[arms]]
label = 1
name = "contract"

[allocation]
ratio = [1, 1]

[[outcomes]]
name = "reoffence"
primary = true
variable = "first proven offence"
metric = "time to it"
aggregation = "survival and rates"
time_point = 4
time = "week"
event = "ev"

[[outcomes]]
name = "any"
variable = "any proven offence"
metric = "yes or no"
aggregation = "share"
binary = "any"

[[estimands]]
outcome = "reoffence"
measure = "log-rank test"
confirmatory = true

[[estimands]]
outcome = "reoffence"
measure = "risk difference"

[[estimands]]
outcome = "reoffence"
measure = "restricted mean difference"

[[estimands]]
outcome = "any"
measure = "risk ratio"

[analysis]
alpha = 0.1
draws = 99
seed = 4
"""

PEOPLE = {
    "arm": [0, 0, 0, 0, 1, 1, 1, 1],
    "week": [1, 2, 5, 8, 3, 6, 8, 8],
    "ev": [1, 1, 1, 0, 1, 1, 0, 0],
    "any": [1, 1, 1, 0, 1, 0, 0, 0],
    "age": [20, 30, 25, 41, 33, 22, 27, 30],
    "drugs": [0, 1, 0, 1, 1, 0, 0, 1],
}


@pytest.fixture
def protocol(tmp_path: Path) -> ce.Protocol:
    """The text, read."""
    path = tmp_path / "protocol.toml"
    path.write_text(TEXT, encoding="utf-8")
    return ce.read_protocol(path)


def test_fields(protocol: ce.Protocol) -> None:
    """What was written is what is read, control first."""
    assert (protocol.title, protocol.unit, protocol.horizon) == ("Contract or court", "weeks", 8)
    assert protocol.registration == "ISRCTN 0"
    assert protocol.covariates == ("age", "drugs")
    assert [(arm.label, arm.name) for arm in protocol.arms] == [(0, "court"), (1, "contract")]
    assert (protocol.allocation.rule, protocol.allocation.ratio) == ("complete", (1, 1))
    assert [outcome.name for outcome in protocol.outcomes] == ["reoffence", "any"]
    assert protocol.primary.name == "reoffence"
    assert protocol.outcome("any").binary == "any"
    assert [e.measure for e in protocol.estimands][-1] == "risk ratio"
    assert [e.confirmatory for e in protocol.estimands] == [True, False, False, False]
    assert (protocol.analysis.draws, protocol.analysis.seed) == (99, 4)
    assert protocol.screening is None


def test_level_and_time_points(protocol: ce.Protocol) -> None:
    """Alpha 0.1 makes 90 % intervals; an outcome without a time point is read at the horizon."""
    assert protocol.level == pytest.approx(0.9, rel=1e-15)
    assert protocol.time_point("reoffence") == 4
    assert protocol.time_point("any") == 8


def test_digest_is_sha_256(protocol: ce.Protocol, tmp_path: Path) -> None:
    """64 hexadecimal digits, the same for the same promise, another for another."""
    assert re.fullmatch("[0-9a-f]{64}", protocol.digest)
    other = tmp_path / "other.toml"
    other.write_text("# moved\n\n" + TEXT.replace("\n\n", "\n"), encoding="utf-8")
    assert ce.read_protocol(other).digest == protocol.digest
    digests = {protocol.digest}
    changes = [
        ("seed = 4", "seed = 5"),
        ("alpha = 0.1", "alpha = 0.05"),
        ("time_point = 4", "time_point = 5"),
        ('"age", "drugs"', '"drugs", "age"'),
        ("confirmatory = true", "confirmatory = false"),
        ('name = "court"', 'name = "prosecution"'),
        ("ratio = [1, 1]", "ratio = [2, 1]"),
    ]
    for old, new in changes:
        assert old in TEXT
        other.write_text(TEXT.replace(old, new), encoding="utf-8")
        digests.add(ce.read_protocol(other).digest)
    assert len(digests) == 1 + len(changes)


def test_digests_of_older_protocols_and_trials_stand(protocol: ce.Protocol) -> None:
    """As computed by version 6b44fe9, before counts, amounts, pathways and subgroups were there."""
    assert protocol.digest == "56887621afda85df1bdc9ec0e652dbcef45f066b8f462025257b6984fa798aff"
    trial = ce.Trial.from_protocol(pd.DataFrame(PEOPLE), protocol)
    assert trial.digest == "e5b913015f78f59830fe95bc8c1cea6e15d32bf4dc8e7abebd488e34ddff7143"
    rossi = ce.load_rossi()
    assert rossi.protocol is not None
    assert (
        rossi.protocol.digest == "6134509a2806d3ba6f4dc2bb55caf679c24460d7e2510837fe9ab0214be0fbe7"
    )
    assert rossi.digest == "1a27bc2d4249e0d4844ba16dc288c6cecf839ddd8aa0bbc7f5447383da7ac868"


def test_promises_kept(protocol: ce.Protocol) -> None:
    """The four estimands in order, at alpha 0.1, worked by hand.

    Log-rank: t 1: 4 and 4 at risk, E 1/2, V 1/4; 2: 3, 4: 4/7, 12/49; 3: 2, 4: 4/6, 8/36;
    5: 2, 3: 3/5, 6/25; 6: 1, 3: 3/4, 3/16.  O = 2.
    By week 4 nobody is censored: 2 of 4 court, 1 of 4 contract, difference -1/4.
    Area to 4: court 1 + 3/4 + 2·1/2 = 11/4, contract 3 + 3/4 = 15/4, difference 1.
    Any: 3 of 4 and 1 of 4, ratio 1/3.
    """
    trial = ce.Trial.from_protocol(pd.DataFrame(PEOPLE), protocol)
    results = [result.value for result in ce.evaluate(trial).results]
    test, risk, mean, ratio = results
    excess = 2 - (1 / 2 + 4 / 7 + 4 / 6 + 3 / 5 + 3 / 4)
    spread = 1 / 4 + 12 / 49 + 8 / 36 + 6 / 25 + 3 / 16
    assert isinstance(test, ce.SignificanceTest)
    assert test.statistic == pytest.approx(excess / sqrt(spread), rel=1e-12)
    assert isinstance(risk, ce.Estimate)
    assert (risk.value, risk.time_point, risk.unit) == (-1 / 4, 4, "weeks")
    assert isinstance(mean, ce.Estimate)
    assert mean.by_arm == pytest.approx((11 / 4, 15 / 4), rel=1e-12)
    # area behind each event, squared, over n (n - 1): court (7/4)²/12 + 1²/6; contract (3/4)²/12
    error = sqrt((7 / 4) ** 2 / 12 + 1 / 6 + (3 / 4) ** 2 / 12)
    assert mean.high == pytest.approx(1 + norm.ppf(0.95) * error, rel=1e-12)
    assert isinstance(ratio, ce.Estimate)
    assert ratio.value == pytest.approx(1 / 3, rel=1e-12)
    assert [result.planned for result in results] == [True] * 4
    for estimate in (risk, mean, ratio):
        assert estimate.level == pytest.approx(0.9, rel=1e-15)
        assert estimate.contrast == ("contract", "court")


def test_what_nobody_promised_is_exploratory() -> None:
    """Without a protocol nothing was planned."""
    trial = ce.Trial.from_frame(
        pd.DataFrame(PEOPLE), arm="arm", control=0, times={"re": ("week", "ev", "weeks")}
    )
    assert ce.logrank_test(trial, outcome="re").planned is False
    assert ce.risk_difference(trial, outcome="re", horizon=4).planned is False
