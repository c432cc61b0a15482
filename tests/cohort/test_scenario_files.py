"""Scenarios written as TOML: every key, every rule that fits, and what is said of mistakes."""

from __future__ import annotations

import json
import re
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import checkpoint_eval.cohort as cc
from checkpoint_eval import TrialError
from checkpoint_eval.design import (
    BiasedCoin,
    BigStick,
    Chen,
    Clustered,
    Complete,
    MaximalProcedure,
    Minimisation,
    PermutedBlocks,
    Simple,
    Stratified,
    Urn,
)
from checkpoint_eval.errors import InvalidProtocol

DOCS = Path(__file__).parents[2] / "docs" / "cohorts.md"


def toml(value: Any) -> str:
    """Return a value as TOML, tables in one line."""
    if isinstance(value, dict):
        held = (f"{json.dumps(key)} = {toml(each)}" for key, each in value.items())
        return "{" + ", ".join(held) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    assert isinstance(value, (bool, int, float, str))  # TOML has no null
    return repr(value) if isinstance(value, float) else json.dumps(value)


def written(scenario: cc.Scenario) -> str:
    return "\n".join(f"{key} = {toml(value)}" for key, value in scenario.to_dict().items())


BY_HAND = """
people = 321
title = "Ein \\"Versuch\\" in Ōsaka"
arms = ["court", "contract"]

[suites]
North = 0.25
"South # 2" = 0.75

[rule]
kind = "permuted-blocks"
sizes = [2, 8]
ratio = [1, 1]

[arrivals]
first = "2015-01-31"
last = "2016-02-29"
weekdays = [1, 1, 1, 1, 1.5, 2, 0]
months = [1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 0.5]

[[arrivals.bursts]]
first = "2015-07-10"
last = "2015-07-12"
times = 3

[[arrivals.bursts]]
first = "2015-08-01"
last = "2015-08-01"
times = 0

[population]
female = 0.3
youngest = 17
oldest = 70
median_age = 31.5
age_spread = 0.7
no_record = 0.25
mean_record = 4
most_record = 40
needs_together = 0.15

[population.bands]
low = 0.5
high = 0.5

[population.needs]
"drugs and alcohol" = 0.5
debt = 0.2

[population.correlations]
"risk ~ debt" = 0.25

[reoffending]
months = [12]
risks = [0.3]
never = 0.5
spread = 0.25
frailty = 0
shape = 0.8

[effect]
hazard_ratios = [0.5, 0.75]
from_days = [0, 122]
resolved = [0.1, 0.6]

[effect.by_band]
high = 0.9

[effect.pathways]
debt = 0.8

[delivery]
officers = 3
officer_spread = 0.5
by_risk = -0.25
caseload = 20
turnover = 0.3
navigator_spread = 0.1
contract_months = 6
breach = 0.15
contacts = 2
consent = [0.9, 0.95]

[[delivery.eras]]
to_prosecution = 0.3

[[delivery.eras]]
first = "2015-06-01"
to_prosecution = 0.05
to_checkpoint = 0.01

[recording]
extract = "2019-06-30"
disposal_days = 50
recording_days = 2.5
custody = 0.05
custody_days = 30
deaths = 0.01
departures = 0
unlinked = [0.01, 0.02]
unassessed = [0.2, 0.1]

[recording.offences]
shoplifting = 0.75
"criminal damage" = 0.25

[recording.proven]
conviction = 0.9
"no further action" = 0.1

[recording.dirty]
"offence before birth" = 2

[sources]
"reoffending.risks" = "a report"
people = "assumed"
"""

IN_PYTHON = cc.Scenario(
    people=321,
    title='Ein "Versuch" in Ōsaka',
    arms=("court", "contract"),
    suites={"North": 0.25, "South # 2": 0.75},
    rule=PermutedBlocks(sizes=(2, 8), ratio=(1, 1)),
    arrivals=cc.Arrivals(
        first="2015-01-31",
        last="2016-02-29",
        weekdays=(1.0, 1.0, 1.0, 1.0, 1.5, 2.0, 0.0),
        months=(1.0, 1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 0.5),
        bursts=(
            cc.Burst(first="2015-07-10", last="2015-07-12", times=3.0),
            cc.Burst(first="2015-08-01", last="2015-08-01", times=0.0),
        ),
    ),
    population=cc.Population(
        bands={"low": 0.5, "high": 0.5},
        female=0.3,
        youngest=17.0,
        oldest=70.0,
        median_age=31.5,
        age_spread=0.7,
        no_record=0.25,
        mean_record=4.0,
        most_record=40,
        needs={"drugs and alcohol": 0.5, "debt": 0.2},
        needs_together=0.15,
        correlations={"risk ~ debt": 0.25},
    ),
    reoffending=cc.Reoffending(
        months=(12,), risks=(0.3,), never=0.5, spread=0.25, frailty=0.0, shape=0.8
    ),
    effect=cc.Effect(
        hazard_ratios=(0.5, 0.75),
        from_days=(0.0, 122.0),
        by_band={"high": 0.9},
        pathways={"debt": 0.8},
        resolved=(0.1, 0.6),
    ),
    delivery=cc.Delivery(
        officers=3,
        eras=(
            cc.Era(to_prosecution=0.3),
            cc.Era(first="2015-06-01", to_prosecution=0.05, to_checkpoint=0.01),
        ),
        officer_spread=0.5,
        by_risk=-0.25,
        caseload=20,
        turnover=0.3,
        navigator_spread=0.1,
        contract_months=6,
        breach=0.15,
        contacts=2.0,
        consent=(0.9, 0.95),
    ),
    recording=cc.Recording(
        extract="2019-06-30",
        offences={"shoplifting": 0.75, "criminal damage": 0.25},
        proven={"conviction": 0.9, "no further action": 0.1},
        disposal_days=50.0,
        recording_days=2.5,
        custody=0.05,
        custody_days=30.0,
        deaths=0.01,
        departures=0.0,
        unlinked=(0.01, 0.02),
        unassessed=(0.2, 0.1),
        dirty={"offence before birth": 2},
    ),
    sources={"reoffending.risks": "a report", "people": "assumed"},
)


def test_a_scenario_written_by_hand_is_the_one_in_python() -> None:
    read = cc.parse_scenario(BY_HAND)
    assert read.to_dict() == IN_PYTHON.to_dict()
    assert read == IN_PYTHON
    assert hash(read) == hash(IN_PYTHON)
    assert read.digest == IN_PYTHON.digest


def test_the_one_by_hand_has_every_key_at_another_than_its_default() -> None:
    plain = cc.Scenario(people=50).values()
    assert [name for name, value in IN_PYTHON.values().items() if value == plain.get(name)] == []


@pytest.mark.parametrize(
    "scenario",
    [
        IN_PYTHON,
        cc.Scenario(people=2),
        cc.checkpoint_scenario(),
        cc.gateway_scenario(),
        cc.turning_point_scenario(),
        cc.Scenario(people=9, effect=cc.Effect.waning(0.5)),
        cc.Scenario(people=9, population=cc.Population(needs={}, correlations={})),
    ],
    ids=lambda scenario: scenario.title,
)
def test_every_scenario_comes_back_from_toml(scenario: cc.Scenario) -> None:
    back = cc.parse_scenario(written(scenario))
    assert back == scenario
    assert back.values() == scenario.values()
    assert back.sources == scenario.sources
    assert list(back.population.bands) == list(scenario.population.bands)
    assert list(back.suites) == list(scenario.suites)


def test_a_digest_comes_back_from_toml() -> None:
    scenario = cc.gateway_scenario()
    assert cc.parse_scenario(written(scenario)).digest == scenario.digest


def test_a_shape_that_is_not_stated_is_left_out() -> None:
    scenario = cc.Scenario(people=9)
    assert "shape" not in scenario.to_dict()["reoffending"]
    assert "reoffending.shape" not in scenario.values()
    assert IN_PYTHON.values()["reoffending.shape"] == 0.8


def test_what_to_dict_returns_json_can_hold() -> None:
    told = IN_PYTHON.to_dict()
    assert json.loads(json.dumps(told)) == told


@pytest.mark.parametrize(
    "rule",
    [
        Simple(),
        Simple(ratio=(2, 1)),
        Complete(counts=(30, 30)),
        PermutedBlocks(sizes=(2, 4), ratio=(1, 1)),
        BiasedCoin(p=0.7),
        Urn(alpha=1, beta=2),
        BigStick(tolerance=2),
        Chen(p=0.6, tolerance=2),
        MaximalProcedure(tolerance=3, people=60),
        Minimisation(factors=("suite", "sex", "band")),
        Stratified(rule=BigStick(), by=("suite",)),
        Stratified(rule={"Durham": Simple(), "Darlington": Urn(), "Peterlee": Chen()}, by="suite"),
        Clustered(rule=Simple(), by="officer"),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_every_rule_that_fits_comes_back_and_draws(rule: Any) -> None:
    scenario = cc.Scenario(people=60, rule=rule)
    back = cc.parse_scenario(written(scenario))
    assert back == scenario
    arms = [
        cc.generate(each, np.random.default_rng(5)).people["arm"].tolist()
        for each in (back, scenario)
    ]
    assert arms[0] == arms[1]
    assert len(arms[0]) == 60


def test_what_is_left_out_has_its_default() -> None:
    assert cc.parse_scenario("people = 7") == cc.Scenario(people=7)
    read = cc.parse_scenario("people = 7\n[population]\nfemale = 0.5\n")
    assert read == cc.Scenario(people=7, population=cc.Population(female=0.5))


def test_the_toml_in_the_docs_is_a_scenario() -> None:
    blocks = re.findall(r"```toml\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert [cc.parse_scenario(block).people for block in blocks] == [400]


# Mistakes.

MISTAKES: dict[str, tuple[str, tuple[str, ...]]] = {
    "a key at the top": ("people = 5\npeple = 3", ("line 2", "`peple`", "did you mean 'people'")),
    "a key of a part": (
        "people = 5\n[arrivals]\nfrist = '2016-01-01'",
        ("line 3", "`arrivals.frist`", "did you mean 'first'"),
    ),
    "a key of a second table": (
        "people = 5\n[delivery]\nofficers = 3\n[recording]\nextrakt = '2020-01-01'",
        ("line 5", "`recording.extrakt`", "did you mean 'extract'"),
    ),
    "a key of a burst": (
        "people = 5\n[[arrivals.bursts]]\nfirst = '2017-01-01'\nlast = '2017-01-02'\ntimess = 2",
        ("line 5", "`arrivals.bursts[0].timess`", "did you mean 'times'"),
    ),
    "a key of an era": (
        "people = 5\n[[delivery.eras]]\n[[delivery.eras]]\nto_prosecutoin = 0.1",
        ("`delivery.eras[1].to_prosecutoin`", "did you mean 'to_prosecution'"),
    ),
    "an unknown part": ("people = 5\n[recordings]", ("line 2", "did you mean 'recording'")),
    "a kind of rule": (
        "people = 5\n[rule]\nkind = 'simpel'",
        ("line 3", "`rule.kind`", "did you mean 'simple'"),
    ),
    "a column of a rule": (
        "people = 5\n[rule]\nkind = 'stratified'\nby = ['suit']\nrule = {kind = 'simple'}",
        ("`rule`", "did you mean 'suite'"),
    ),
    "a source": (
        "people = 5\n[sources]\n'reoffending.risk' = 'x'",
        (
            "line 3",
            "did you mean 'reoffending.risks'",
        ),
    ),
    "a band": (
        "people = 5\n[effect.by_band]\nmoderat = 0.5",
        (
            "line 2",
            "did you mean 'moderate'",
        ),
    ),
    "a need": ("people = 5\n[effect.pathways]\nhelth = 0.5", ("did you mean 'health'",)),
    "a correlation": (
        "people = 5\n[population.correlations]\n'risk ~ agee' = 0.1",
        ("`population", "did you mean 'age'"),
    ),
    "people as text": ("people = '5'", ("line 1", "`people`", "whole number", "text in quotes")),
    "people as a fraction": ("people = 5.0", ("line 1", "`people`", "whole number")),
    "people as true": ("people = true", ("line 1", "`people`", "whole number")),
    "people as nan": ("people = nan", ("line 1", "`people`", "whole number")),
    "no people": ("[arrivals]\nfirst = '2016-01-01'", ("`people`", "missing")),
    "nothing": ("", ("`people`", "missing")),
    "arms as text": ("people = 5\narms = 'ab'", ("line 2", "`arms`", "a list in [ ]")),
    "arms as numbers": ("people = 5\narms = [1, 2]", ("line 2", "`arms[0]`", "text in quotes")),
    "three arms": (
        "people = 5\narms = ['a', 'b', 'c']",
        ("line 2", "`arms`", "2 values, control first"),
    ),
    "a part as a number": ("people = 5\narrivals = 3", ("line 2", "`arrivals`", "table of keys")),
    "a rule as text": ("people = 5\nrule = 'simple'", ("line 2", "`rule`", "`kind`")),
    "eras as a number": (
        "people = 5\n[delivery]\neras = 3",
        ("line 3", "`delivery.eras`", "a list in [ ]"),
    ),
    "no eras": ("people = 5\n[delivery]\neras = []", ("line 3", "`delivery.eras`")),
    "a share above 1": (
        "people = 5\n[population]\nfemale = 14",
        ("line 3", "`population.female`", "14 % is written 0.14"),
    ),
    "a share that is no number": (
        "people = 5\n[population]\nfemale = nan",
        ("line 3", "`population.female`", "got nan"),
    ),
    "a chance inside an era": (
        "people = 5\n[delivery]\neras = [{to_prosecution = 2.0}]",
        ("`delivery.eras[0].to_prosecution`", "from 0 to 1"),
    ),
    "shares that do not add up": (
        "people = 5\n[population.bands]\nlow = 0.5\nhigh = 0.6",
        ("`population.bands`", "0.5 + 0.6 = 1.1"),
    ),
    "a share of a need": (
        "people = 5\n[population.needs]\nhealth = 1.2",
        (
            "line 3",
            "needs['health']",
        ),
    ),
    "a share as text": (
        "people = 5\n[suites]\nDurham = '1'",
        ("line 3", "`suites.Durham`", "must be a number"),
    ),
    "one of two numbers": (
        "people = 5\n[effect]\nresolved = [0.1]",
        ("line 3", "`effect.resolved`", "2 values, control first"),
    ),
    "text among numbers": (
        "people = 5\n[effect]\nhazard_ratios = [0.5, 'x']",
        ("line 3", "`effect.hazard_ratios[1]`"),
    ),
    "six weekdays": (
        "people = 5\n[arrivals]\nweekdays = [1, 1, 1, 1, 1, 1]",
        ("line 3", "`arrivals.weekdays`", "7 numbers"),
    ),
    "a day that is none": (
        "people = 5\n[arrivals]\nfirst = '2016-01-01'\nlast = 'yesterday'",
        ("line 4", "`arrivals.last`", "a day such as"),
    ),
    "an extract too early": (
        "people = 5\n[recording]\nextract = '2016-07-01'",
        ("line 3", "extract", "take a later extract"),
    ),
    "rows as a fraction": (
        "people = 5\n[recording.dirty]\n'offence without a date' = 1.5",
        ("line 3", "offence without a date", "whole number"),
    ),
    "a source as a number": (
        "people = 5\n[sources]\n'reoffending.risks' = 3",
        ("line 3", "text in quotes"),
    ),
    "a shape with several risks": ("people = 5\n[reoffending]\nshape = 1.2", ("`shape`",)),
    "shares as a list": (
        "people = 5\nsuites = [1]",
        ("line 2", "`suites`", "a table of names and values", "got a list"),
    ),
    "needs as a number": (
        "people = 5\n[population]\nneeds = 0.4",
        ("line 3", "`population.needs`", "a table of names and values"),
    ),
    "a date of TOML": (
        "people = 5\n[arrivals]\nfirst = 2016-01-01",
        ("line 3", "`arrivals.first`", "write it in quotes, as '2016-01-01'"),
    ),
    "a key of a rule": (
        "people = 5\n[rule]\nkind = 'simple'\nratios = [1, 1]",
        ("line 4", "`rule.ratios`", "no field of a simple rule", "did you mean 'ratio'"),
    ),
    "a fault": (
        "people = 5\n[recording.dirty]\n'offence without date' = 1",
        ("`recording.dirty", "names the fault", "did you mean 'offence without a date'"),
    ),
    "no TOML": ("people = = 5", ("line 1", "not TOML")),
    "a key twice": ("people = 5\npeople = 6", ("line 2", "not TOML")),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_says_where_and_what(name: str) -> None:
    text, says = MISTAKES[name]
    with pytest.raises(InvalidProtocol) as caught:
        cc.parse_scenario(text, name="mine.toml")
    message = str(caught.value)
    assert message.startswith("mine.toml")
    assert [each for each in says if each not in message] == []
    assert "got a table" not in message


# Files.


def test_a_file_of_windows_and_one_of_unix_are_read(tmp_path: Path) -> None:
    for name, data in {
        "unix.toml": BY_HAND.encode(),
        "windows.toml": b"\xef\xbb\xbf" + BY_HAND.replace("\n", "\r\n").encode(),
    }.items():
        (tmp_path / name).write_bytes(data)
        assert cc.read_scenario(tmp_path / name) == IN_PYTHON
        assert cc.read_scenario(str(tmp_path / name)) == IN_PYTHON


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for place in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(InvalidProtocol, match=r"cannot be read.*\."):
            cc.read_scenario(place)
    (tmp_path / "latin.toml").write_bytes("title = 'Łódź'".encode("utf-16"))
    with pytest.raises(InvalidProtocol, match=r"latin\.toml is not UTF-8"):
        cc.read_scenario(tmp_path / "latin.toml")


def test_a_mistake_in_a_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("people = 5\npeple = 6", encoding="utf-8")
    with pytest.raises(InvalidProtocol, match=r"mine\.toml, line 2"):
        cc.read_scenario(tmp_path / "mine.toml")


@pytest.mark.parametrize("wrong", [None, 5, b"people = 5"])
def test_text_and_paths_are_what_they_should_be(wrong: Any) -> None:
    with pytest.raises(TrialError, match="must be text, got"):
        cc.parse_scenario(wrong)
    with pytest.raises(TrialError, match="must be the path of a file, got"):
        cc.read_scenario(wrong)


# What is supposed, as a table.


@pytest.mark.parametrize(
    "make", [cc.checkpoint_scenario, cc.gateway_scenario, cc.turning_point_scenario]
)
def test_every_field_of_a_published_scenario_has_its_source(make: Any) -> None:
    scenario = make()
    frame = scenario.to_frame()
    assert list(frame.columns) == ["field", "value", "source"]
    wanted = set()
    for each in fields(scenario):
        held = getattr(scenario, each.name)
        if each.name == "rule" or not is_dataclass(held):
            wanted.add(each.name)
        else:
            names = [inner.name for inner in fields(held) if getattr(held, inner.name) is not None]
            wanted |= {f"{each.name}.{name}" for name in names}
    assert sorted(frame["field"]) == sorted(wanted - {"sources"})
    assert (frame["source"].str.len() > 3).all()
    assert "not stated" not in set(frame["source"])
    assert (frame["source"] != "assumed").any()


def test_a_scenario_without_sources_says_that_none_is_stated() -> None:
    frame = cc.Scenario(people=9, sources={"people": "a guess"}).to_frame().set_index("field")
    assert frame.loc["people", "source"] == "a guess"
    assert set(frame["source"].drop("people")) == {"not stated"}
    assert frame.loc["people", "value"] == 9


def test_why_no_shape_is_stated_can_have_a_source() -> None:
    sources = {"reoffending.shape": "assumed: constant between the stated months"}
    assert cc.Scenario(people=9, sources=sources).sources == sources
