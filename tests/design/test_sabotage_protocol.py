"""Protocols that look right and are not: columns in two roles, unseen names, endless draws."""

from __future__ import annotations

import re

import pytest
from promised_trial import estimand, written

import checkpoint_eval as ce
from checkpoint_eval.design import parse_protocol

GOOD = (
    written(estimand("breach", "risk difference"))
    + """[planning]
people = 800
control_risk = 0.48
difference = -0.103
[screening]
assessed = 300
excluded = { refused = 6 }
"""
)
ODD = ["a\\u0000b", "a\\u0007", "a\\u202eb", "a\\u2066b", "a\\u0085b"]

BAD = [
    # names that are not there, or cannot be seen
    ('title = "Contract or court"', 'title = " "', r"key `title`: `title` is empty; write it out"),
    ('arm = "arm"', 'arm = ""', r"key `columns\.arm`: `arm` is empty"),
    ('column = "navigator"', 'column = ""', r"key `navigators\.column`: `column` is empty"),
    ('column = "era"', 'column = "\\n"', r"key `eras\.column`: `column` is empty"),
    ('column = "elig"', 'column = ""', r"key `analysis_sets\[0\]\.column`: `column` is empty"),
    ('name = "contract"', 'name = ""', r"key `arms\[1\]\.name`: `name` is empty"),
    ('variable = "what"', 'variable = ""', r"key `outcomes\[0\]\.variable`: `variable` is empty"),
    ("{ refused = 6 }", '{ "" = 6 }', r"key `screening\.excluded`: has a name that is empty"),
    *(('name = "contract"', f'name = "{odd}"', r"U\+00|U\+20.*cannot be seen") for odd in ODD),
    ("{ refused = 6 }", '{ "a\\u0000" = 6 }', r"U\+0000, which cannot be seen"),
    # one column in two roles
    ('binary = "breached"', 'binary = "arm"', r"`binary` is column 'arm', which holds the arm; n"),
    ('received = "got"', 'received = "arm"', r"`columns\.received`: `received` is column 'arm'"),
    ('numeric = "harm"', 'numeric = "who"', r"'who', which holds the identifier"),
    ('exposure = "free"', 'exposure = "arm"', r"`exposure` is column 'arm'"),
    ('"housing_after"', '"drugs_after"', r"'drugs_after', which holds another score; name another"),
    ('"drugs_before"', '"housing_after"', r"'housing_after', which holds another score"),
    ('before = "drugs_before"', 'before = "arm"', r"`before` is column 'arm'"),
    ('strata = ["site"]', 'strata = ["site", "site"]', r"Stratum 'site' is declared twice"),
    (
        'binary = "strict"',
        'binary = "breached"',
        r"'breach, strict' as another definition.*reads the",
    ),
    # orders of levels
    (
        'expected = ["f", "m"]',
        'expected = ["f"]',
        r"`expected` of subgroup 'sex' lists two or more",
    ),
    ('expected = ["f", "m"]', 'expected = ["f", "f"]', r"each once, from the lowest effect"),
    # numbers that no computer ends with
    ("draws = 99", "draws = 99999999999999999999", r"`draws` is 99,999,999.*are the most"),
    ("difference = -0.103", "difference = 0.6", r"takes the risk from 0\.48 to 1\.08"),
    ("difference = -0.103", "difference = nan", r"`difference` is nan"),
    ("people = 800", "people = -800", r"`people` must be a whole number of at least 2"),
    ("people = 800", "people = 800\nlooks = [0.5, 0.5, 1]", r"`looks` must be shares.*rising to 1"),
    ("people = 800", "people = 800\nlooks = [nan, 1]", r"`looks` must be shares"),
    ("people = 800", 'people = 800\nlooks = "x"', r"`planning\.looks`: must be a list in \[ \]"),
    # unknown keys at every level
    ("people = 800", "poeple = 800", r"`planning\.poeple`: no such key; did you mean 'people'"),
    ("threshold = 1", "treshold = 1", r"`pathways\.treshold`: no such key"),
    ('before = "drugs_before"', 'befor = "x"', r"`pathways\.needs\[1\]\.befor`: no such key"),
    ("cuts = [25, 35]", "cut = [25, 35]", r"`subgroups\[1\]\.cut`: no such key"),
    ('contacts = "met"', 'contact = "met"', r"`navigators\.contact`: no such key"),
    (
        'adjust = ["age"]\nassessors',
        'adjust = "age"\nassessors',
        r"`pathways\.adjust`: must be a l",
    ),
    ("[pathways]", "[[pathways]]", r"`pathways`: must be one table of keys, got a list"),
    ("[[subgroups]]", "[subgroups.x]", r"line \d+"),
]


def message(text: str) -> str:
    with pytest.raises(ce.InvalidProtocol) as caught:
        parse_protocol(text)
    return str(caught.value)


@pytest.mark.parametrize(("old", "new", "says"), BAD)
def test_it_is_refused_with_line_and_remedy(old: str, new: str, says: str) -> None:
    assert GOOD.count(old) >= 1
    said = message(GOOD.replace(old, new, 1))
    assert re.search(says, said, re.DOTALL), said
    assert re.search(r"line \d+", said), said


def test_a_message_is_read_by_people() -> None:
    """A whole file pasted into a value is not printed again."""
    for old in ('unit = "days"', "threshold = 1", "draws = 99", "people = 800"):
        key = old.partition(" ")[0]
        said = message(GOOD.replace(old, f'{key} = "{"x" * 100_000}"', 1))
        assert len(said) < 3_000
        assert said.startswith(f"protocol, line {GOOD[: GOOD.index(old)].count(chr(10)) + 1}")


def test_line_breaks_and_other_scripts_are_text() -> None:
    text = GOOD.replace('variable = "what"', 'variable = """\nwhat\twas\ndone – вот ＡＢ\n"""', 1)
    assert "\n" in parse_protocol(text).outcomes[0].variable


def test_a_draft_may_leave_columns_open() -> None:
    """`checkpoint-eval init` writes "?" where it cannot guess."""
    text = GOOD.replace('arm = "arm"', 'arm = "?"').replace('binary = "breached"', 'binary = "?"')
    assert parse_protocol(text).columns.arm == "?"
