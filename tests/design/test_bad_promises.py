"""Counts, amounts, grades, pathways, subgroups: promises that must be refused, with the remedy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from promised_trial import PARTS, estimand, people, promised, written

import checkpoint_eval as ce
from checkpoint_eval import outcomes
from checkpoint_eval.design import PathwayNeed, PathwayPlan, SubgroupPlan, parse_protocol
from checkpoint_eval.design.protocol_parts import NEED_SCALES, VOCABULARIES
from checkpoint_eval.outcomes.needs import SCALES
from checkpoint_eval.outcomes.promised_columns import PUBLISHED

if TYPE_CHECKING:
    import pandas as pd

SHORT = estimand("breach", "risk difference")
GOOD = written(SHORT)


def refused(old: str, new: str, text: str = GOOD) -> str:
    """The message for the protocol with one piece of text replaced."""
    assert text.count(old) >= 1, old
    with pytest.raises(ce.InvalidProtocol) as caught:
        parse_protocol(text.replace(old, new, 1))
    return str(caught.value)


BAD = [
    # kinds of outcome
    ('numeric = "harm"', 'numbers = "harm"', r"`outcomes\[5\]\.numbers`: no such key.*'numeric'"),
    ('numeric = "harm"', "", r"'harm' needs either `time` and `event`.*`count`, `numeric`"),
    ('numeric = "harm"', 'numeric = "harm"\nordinal = "grade"', r"got event='', numeric='harm', o"),
    ('exposure = "free"', "", r"`unit` of outcome 'stops' goes with `exposure`.*count; leave it"),
    ('numeric = "harm"', 'numeric = "harm"\nexposure = "free"', r"`exposure`.*goes with `count`"),
    ('numeric = "harm"', 'numeric = "harm"\ngrades = [0, 1]', r"`grades`.*'harm' goes with `ord"),
    ('numeric = "harm"', 'numeric = "harm"\ncompeting = "why"', r"`competing`.*goes with `time`"),
    ('unit = "years"', 'unit = "year"', r"`unit` is 'year'; did you mean 'years'"),
    ("grades = [0, 1, 2, 3, 4]", "grades = [0, 2, 1]", r"`grades`.*ascend.*got \[0.*2.*1"),
    ("grades = [0, 1, 2, 3, 4]", "grades = [1]", r"`grades`.*two or more numbers"),
    ("grades = [0, 1, 2, 3, 4]", "grades = [0, inf]", r"`grades`.*two or more numbers"),
    ("sensitivity = true", "sensitivity = true\nprimary = true", r"Exactly one outcome is primary"),
    ('numeric = "harm"', 'numeric = "harm"\nsensitivity = true', r"'harm'.*'breach', which is bin"),
    (
        "primary = true",
        "primary = true\nsensitivity = true",
        r"must be another outcome of the same",
    ),
    # measures
    (
        "risk difference",
        "rate ratio",
        r"'rate ratio' needs a count outcome, but 'breach' is binary",
    ),
    ("risk difference", "t-test", r"`measure` is 't-test'; choose from"),
    (
        '"breach"\nmeasure',
        '"harm"\nmeasure',
        r"needs a time-to-event or binary.*choose from mean d",
    ),
    (
        SHORT,
        estimand("harm", "superiority probability", more='adjust = ["age"]'),
        r"`adjust` is given for 'superiority probability', which takes none",
    ),
    (
        SHORT,
        '[[estimands]]\noutcome = "reoffence"\nmeasure = "marginal hazard ratio"\n',
        r"`adjust` is needed for 'marginal hazard ratio'",
    ),
    (
        SHORT,
        estimand("breach", "complier average effect", more='analysis_set = "as-treated"'),
        r"compares people as randomised, not 'as-treated'; leave `analysis_set` out",
    ),
    (
        SHORT,
        estimand("harm", "randomisation test (rank sum)", more='analysis_set = "per-protocol"'),
        r"compares people as randomised, not 'per-protocol'",
    ),
    # pathways
    ('scale = "ordinal"', 'scale = "ordinals"', r"`pathways.scale`: .*did you mean 'ordinal'"),
    ('vocabulary = "trial register"', 'vocabulary = "register"', r"did you mean 'trial register'"),
    ('pathway = "drugs"', 'pathway = "housing"', r"'housing' is declared twice; name each once"),
    ('pathway = "drugs"', 'pathway = " "', r"`pathway` of pathway ' ' is empty"),
    ('"drugs_after"', '"drugs_before"', r"'drugs' names column 'drugs_before' twice; `before`"),
    ("threshold = 1", "threshold = inf", r"`threshold` must be a finite number, got inf"),
    ('["by_before", "by_after"]', '["by_before"]', r"`assessors` are two columns.*got 1"),
    (
        'adjust = ["age"]\nassessors',
        'adjust = ["aeg"]\nassessors',
        r"'aeg' is not known; did you m",
    ),
    # subgroups, navigators, eras
    ('column = "sex"', 'column = "sexx"', r"covariate or stratum 'sexx' is not known; did you"),
    ('column = "sex"', 'column = "age"', r"Subgroup 'age' is declared twice"),
    ("cuts = [25, 35]", "cuts = [35, 25]", r"`cuts` of subgroup 'age' must be finite and ascend"),
    ("planned = false", 'planned = false\nexpected = ["x", "y"]', r"`expected` states a direction"),
    ('column = "navigator"', 'column = "age"', r"\[navigators\] is 'age', which is known before"),
    ('column = "era"', 'colum = "era"', r"`eras\.colum`: no such key; did you mean 'column'"),
]


@pytest.mark.parametrize(("old", "new", "says"), BAD)
def test_bad_promises(old: str, new: str, says: str) -> None:
    message = refused(old, new)
    assert re.search(says, message, re.DOTALL), f"{says!r} is not in {message!r}"
    assert re.search(r"line \d+", message), message


@pytest.mark.parametrize(
    ("without", "measure", "says"),
    [
        ('received = "got"\n', "complier average effect", r"needs the arm each person received"),
        (
            '[navigators]\ncolumn = "navigator"\ncontacts = "met"\n',
            "partially nested difference",
            r"needs who worked with whom; name its column as `column` under \[navigators\]",
        ),
    ],
)
def test_a_measure_without_its_column(without: str, measure: str, says: str) -> None:
    assert re.search(says, refused(without, "", written(estimand("breach", measure))))


def test_what_competes_must_be_named() -> None:
    text = written(estimand("reoffence", "subdistribution hazard ratio"))
    message = refused('competing = "why"\n', "", text)
    assert "name its column as `competing` under its outcome" in message


def test_several_arms_have_no_pathways() -> None:
    third = '[[arms]]\nlabel = 2\nname = "third"\n[allocation]\nratio = [1, 1, 1]'
    assert "[pathways] compares two arms, and there are 3" in refused("[allocation]", third)


def test_a_pathway_outside_its_vocabulary_is_refused_when_people_are_read() -> None:
    text = GOOD.replace('pathway = "drugs"', 'pathway = "drug"')
    with pytest.raises(ce.InvalidProtocol, match=r"'drug'.*did you mean 'drugs'.*`vocabulary` out"):
        promised(text)
    assert promised(text.replace('vocabulary = "trial register"\n', "")).pathways is not None


def test_vocabularies_and_scales_are_those_of_the_outcomes() -> None:
    """Two rooms name them; design comes first and cannot ask outcomes."""
    assert tuple(PUBLISHED) == VOCABULARIES
    published = (outcomes.NATIONAL, outcomes.COUNTY_DURHAM, outcomes.REGISTER, outcomes.CRIME_PANEL)
    assert tuple(PUBLISHED.values()) == published
    assert tuple(SCALES) == NEED_SCALES


def test_nouns_refuse_by_themselves() -> None:
    need = PathwayNeed(pathway="drugs", before="a", after="b")
    with pytest.raises(ce.InvalidProtocol, match=r"`needs` lists no pathway"):
        PathwayPlan(scale="binary", needs=())
    with pytest.raises(ce.TrialError, match=r"`scale` is 'yes'"):
        PathwayPlan(scale="yes", needs=(need,))
    with pytest.raises(ce.InvalidProtocol, match=r"`cuts`"):
        SubgroupPlan(column="age", cuts=(float("nan"),))


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ({"why": "death"}, r"'why' is 'death' at row \d+.*where the event ended the time"),
        ({"why": None}, r"'why' names nothing that ended follow-up; write what did"),
        ({"why": 1.0}, r"'why' names nothing that ended follow-up"),
        ({"drugs_after": 4}, r"must hold 0, 1, 2 or 3.*got 4 for 'drugs'"),
        ({"stopped": -1}, r"'stopped' is -1 at row 0.*counts are whole and at least 0"),
        ({"harm": "much"}, r"'harm'.*number"),
    ],
)
def test_people_who_break_the_promise(columns: dict[str, object], says: str) -> None:
    with pytest.raises(ce.TrialError, match=says):
        promised(GOOD, **columns)


@pytest.mark.parametrize(
    "column", ["drugs_after", "navigator", "met", "elig", "why", "free", "by_after"]
)
def test_a_column_that_is_not_there(column: str) -> None:
    with pytest.raises(ce.UnknownColumn, match=rf"'{column}'"):
        ce.Trial.from_protocol(people().drop(columns=column), parse_protocol(GOOD))


@pytest.mark.parametrize(
    ("column", "what"), [("drugs_after", "a need afterwards"), ("why", "an outcome")]
)
def test_what_came_later_is_no_covariate(column: str, what: str) -> None:
    text = GOOD.replace('covariates = ["age", "sex"]', f'covariates = ["age", "sex", "{column}"]')
    with pytest.raises(ce.InvalidData, match=rf"'{column}' is {what}, so it cannot be a baseline"):
        promised(text)


def test_pathways_of_a_flat_table() -> None:
    frame = people()
    pair = {"drugs": ("drugs_before", "drugs_after")}
    trial = ce.Trial.from_frame(frame, arm="arm", control=0, pathways=pair, scale="ordinal")
    assert "1 pathway)" in repr(trial)
    assert trial.pathways is not None
    assert trial.pathways.follow_up[:, 0].tolist() == frame["drugs_after"].tolist()
    with pytest.raises(ce.TrialError, match=r"`assessors` are of `pathways`, and none is named"):
        ce.Trial.from_frame(frame, arm="arm", control=0, assessors=("by_before", "by_after"))
    short = ce.Trial.from_frame(frame[1:], arm="arm", control=0, pathways=pair)
    with pytest.raises(ce.InvalidData, match=r"160 people, but pathways has 159"):
        replace(trial, pathways=short.pathways)


def digest(frame: pd.DataFrame, **more: object) -> str:
    return ce.Trial.from_frame(frame, arm="arm", control=0, numeric={"h": "harm"}, **more).digest  # type: ignore[arg-type]


def test_scores_are_part_of_the_data() -> None:
    """Another score, another scale: another digest. None: the digest there was before."""
    frame, pair = people(), {"drugs": ("drugs_before", "drugs_after")}
    other = frame.assign(drugs_after=3 - frame["drugs_after"])
    told = {
        digest(frame),
        digest(frame, pathways=pair),
        digest(frame, pathways=pair, scale="ordinal"),
        digest(other, pathways=pair),
        digest(frame, pathways={"alcohol": pair["drugs"]}),
    }
    assert len(told) == 5


def test_every_promise_is_in_the_digest() -> None:
    parts = ("[pathways]", "[[subgroups]]", "[navigators]", "[eras]")
    digests = {parse_protocol(GOOD).digest}
    for part in parts:
        start = PARTS.index(part)
        ends = [PARTS.find(f"\n{each}", start + 1) for each in ("[navigators]", "[eras]")]
        ends += [PARTS.find("\n[[subgroups]]", start + 1), len(PARTS)]
        stop = min(end for end in ends if end > 0)
        digests.add(parse_protocol(GOOD.replace(PARTS[start:stop], "")).digest)
    assert len(digests) == 1 + len(parts)
