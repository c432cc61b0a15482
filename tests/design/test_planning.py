"""The [planning] of a protocol: what it refuses, and that a protocol without it is as it was."""

import pytest

from checkpoint_eval.design import Planning, parse_protocol
from checkpoint_eval.errors import InvalidProtocol, TrialError

PROTOCOL = """title = "Plan"
unit = "days"
horizon = 730
[columns]
arm = "arm"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[[outcomes]]
name = "again"
primary = true
variable = "v"
metric = "m"
aggregation = "a"
binary = "again"
[[estimands]]
outcome = "again"
measure = "risk difference"
"""
PLAN = """[planning]
people = 800
control_risk = 0.48
difference = -0.103
"""


def test_a_plan_is_read_and_counts_as_promised() -> None:
    without, planned = parse_protocol(PROTOCOL), parse_protocol(PROTOCOL + PLAN)
    assert without.planning is None
    assert planned.planning == Planning(people=800, control_risk=0.48, difference=-0.103)
    assert planned.digest != without.digest
    spelt = PLAN + "power = 0.8\noverrides = 0\nlooks = []\n"
    assert parse_protocol(PROTOCOL + spelt).digest == planned.digest


def test_the_digest_of_a_protocol_without_a_plan_stays() -> None:
    """Computed by the version before plans were known."""
    found = parse_protocol(PROTOCOL).digest
    assert found == "50323fe8e00972421060ccb47bfb3097574416b3f082e1a865f29d12d942f296"


def test_risks_follow_from_the_effect() -> None:
    assert Planning(people=9, control_risk=0.4, difference=0.25).treatment_risk == 0.65
    halved = Planning(people=9, control_risk=0.75, hazard_ratio=0.5)
    assert halved.treatment_risk == 0.5  # the root of 1 − 0.75 survive
    assert not halved.nested


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"people": 1}, "`people` must be a whole number of at least 2"),
        ({"people": 10.5}, "`people` must be a whole number"),
        ({"control_risk": 48}, "48 % is written 0.48"),
        ({"control_risk": float("nan")}, "`control_risk`"),
        ({"power": 80}, "80 % is written 0.8"),
        ({"difference": 0.0}, "such as -0.1 for 10 points fewer"),
        ({"difference": -10.3}, "takes the risk from 0.48 to -9.82"),
        ({"difference": None}, "give one of them"),
        ({"hazard_ratio": 0.7}, "give one of them"),
        ({"difference": None, "hazard_ratio": 1.0}, "`hazard_ratio` is 1, no effect"),
        ({"difference": None, "hazard_ratio": -1.0}, "`hazard_ratio` must be a finite number"),
        ({"dropout": 1.0}, "`dropout` must be at least 0 and below 1"),
        ({"overrides": -0.1}, "`overrides`"),
        ({"contamination": float("nan")}, "`contamination`"),
        ({"accrual": 100}, "`accrual` is of a hazard ratio"),
        ({"follow_up": 100}, "`follow_up` is of a hazard ratio"),
        ({"icc": 0.02}, "`icc` is of navigators"),
        ({"caseload_cv": 0.3}, "`caseload_cv` is of navigators"),
        ({"navigators": 1}, "`navigators` must be a whole number of at least 2"),
        ({"navigators": 8, "caseload": 30.0}, "keep `navigators` when their number is fixed"),
        ({"caseload": 0.0}, "`caseload`"),
        ({"looks": (0.5, 0.9)}, "rising to 1, such as [0.5, 1.0]"),
        ({"looks": (0.5, 0.5, 1.0)}, "rising to 1"),
        ({"looks": (0.0, 1.0)}, "rising to 1"),
    ],
)
def test_what_no_plan_can_be(change: dict[str, object], told: str) -> None:
    given = {"people": 521, "control_risk": 0.48, "difference": -0.103} | change
    with pytest.raises(TrialError) as refused:
        Planning(**given)  # type: ignore[arg-type]
    assert told in str(refused.value)


def test_a_file_names_the_line() -> None:
    with pytest.raises(InvalidProtocol, match=r"line 24, key `planning\.control_risk`"):
        parse_protocol(PROTOCOL + PLAN.replace("0.48", "48"))
    with pytest.raises(InvalidProtocol, match="did you mean 'overrides'"):
        parse_protocol(PROTOCOL + PLAN + "override = 0.1\n")
