"""Participant flow counted by hand, with people lost on the way and sums that must agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest

import checkpoint_eval as ce

if TYPE_CHECKING:
    from pathlib import Path

PROTOCOL = """\
title = "Contract or court"
unit = "weeks"
horizon = 8
[columns]
arm = "arm"
id = "who"
received = "got"
[[arms]]
label = "court"
name = "court"
[[arms]]
label = "contract"
name = "contract"
[[outcomes]]
name = "reoffence"
primary = true
variable = "first proven offence"
metric = "time to it"
aggregation = "hazard ratio"
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
[[analysis_sets]]
name = "eligible"
column = "elig"
description = "those who were eligible after all"
[screening]
assessed = {assessed}
excluded = {{ refused = 3, "not eligible" = 2 }}
"""

# who  arm       received  week  ev    any   eligible
PEOPLE = [
    ("a", "court", "court", 1, 1, 1, 1),
    ("b", "court", "court", 8, 0, None, 1),
    ("c", "court", "contract", None, None, 0, 0),
    ("d", "court", "court", 4, 1, 1, 1),
    ("e", "contract", "contract", 8, 0, 0, 1),
    ("f", "contract", "contract", None, None, None, 1),
    ("g", "contract", "court", None, None, 1, 1),
    ("h", "contract", None, 3, 1, 1, 0),
    ("i", "contract", "contract", 8, 0, 0, 1),
]
COLUMNS = ["who", "arm", "got", "week", "ev", "any", "elig"]
# control, treatment
EXPECTED = {
    "randomised": (4, 5),
    "received as assigned": (3, 3),  # not c; not g and h
    "in analysis set eligible": (3, 4),  # not c; not h
    "reoffence unknown": (1, 2),  # c; f and g
    "reoffence analysed": (3, 3),
    "any unknown": (1, 1),  # b; f
    "any analysed": (3, 4),
}


def name(step: str) -> str:
    """The step without its punctuation, which is no part of the count."""
    return step.replace(":", "").replace("outcome unknown", "unknown")


def read(folder: Path, assessed: int) -> ce.Trial:
    """Nine people, five of those assessed excluded."""
    path = folder / "protocol.toml"
    path.write_text(PROTOCOL.format(assessed=assessed), encoding="utf-8")
    table = pd.DataFrame(PEOPLE, columns=COLUMNS)
    return ce.Trial.from_protocol(table, ce.read_protocol(path))


def test_flow_that_reconciles(tmp_path: Path) -> None:
    """14 assessed, 3 + 2 excluded, 9 randomised; every later count by hand."""
    flow = ce.flow(read(tmp_path, 14))
    assert flow.arms == ("court", "contract")
    assert flow.assessed == 14
    assert dict(flow.excluded) == {"refused": 3, "not eligible": 2}
    assert {name(step.step): step.counts for step in flow.steps} == EXPECTED


def test_flow_as_a_table(tmp_path: Path) -> None:
    """The printed table holds the same counts."""
    table = ce.flow(read(tmp_path, 14)).to_frame()
    for step, counts in EXPECTED.items():
        row = table[table["step"].map(name) == step]
        assert tuple(row[["court", "contract"]].iloc[0]) == counts


@pytest.mark.parametrize(
    ("assessed", "words"),
    [(15, r"15 assessed.*5 excluded = 10.*9 were randomised"), (13, r"13.*5.*= 8.*9")],
)
def test_flow_that_does_not(tmp_path: Path, assessed: int, words: str) -> None:
    """One person too many, one too few: the sum is shown and the place to mend it."""
    trial = read(tmp_path, assessed)
    with pytest.raises(ce.ImpossibleDesign, match=words + r".*`screening`"):
        ce.flow(trial)


def test_fewer_assessed_than_excluded(tmp_path: Path) -> None:
    """No data can mend this promise: 4 assessed, 5 excluded."""
    with pytest.raises(ce.InvalidProtocol, match=r"4.*5|assessed"):
        read(tmp_path, 4)


def test_the_results_use_the_same_denominators(tmp_path: Path) -> None:
    """What the flow says is analysed is what the verbs analyse."""
    trial = read(tmp_path, 14)
    curve = ce.survival_curve(trial, outcome="reoffence")
    assert (curve.missing, curve.at_risk[:, 0].tolist()) == ((1, 2), [3, 3])
    risk = ce.risk_difference(trial, outcome="any")
    assert (risk.n, risk.missing, risk.events) == ((3, 4), (1, 1), (2, 2))
    as_treated = ce.risk_difference(trial, outcome="any", analysis_set="as-treated")
    # court: a, b, d, g, of whom b unknown; contract: c, e, f, i, of whom f unknown; h left out
    assert (as_treated.n, as_treated.missing, as_treated.events) == ((3, 3), (1, 1), (3, 0))
    kept = ce.risk_difference(trial, outcome="any", analysis_set="per-protocol")
    # court: a, b, d; contract: e, f, i
    assert (kept.n, kept.missing, kept.events) == ((2, 2), (1, 1), (2, 0))
    named = ce.risk_difference(trial, outcome="any", analysis_set="eligible")
    assert (named.n, named.missing, named.events) == ((2, 3), (1, 1), (2, 1))


def test_flow_without_a_protocol() -> None:
    """What was not told is not invented."""
    table = pd.DataFrame({"arm": [0, 1, 1], "any": [1, None, 0]})
    flow = ce.flow(ce.Trial.from_frame(table, arm="arm", control=0, binary={"any": "any"}))
    assert (flow.assessed, flow.excluded) == (None, ())
    assert {name(step.step): step.counts for step in flow.steps} == {
        "randomised": (1, 2),
        "any unknown": (0, 1),
        "any analysed": (1, 1),
    }
