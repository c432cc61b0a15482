"""Protocols that must be refused: the message names the line, the key and the remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.design import Screening

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
title = "Contract or court"
unit = "days"
horizon = 730
covariates = ["age"]
[columns]
arm = "arm"
id = "who"
received = "got"
[[arms]]
label = 0
name = "court"
[[arms]]
label = 1
name = "contract"
[allocation]
ratio = [1, 1]
strata = ["site"]
[[outcomes]]
name = "reoffence"
primary = true
variable = "first proven offence"
metric = "time to it"
aggregation = "hazard ratio"
time = "days"
event = "ev"
[[outcomes]]
name = "any"
variable = "any proven offence"
metric = "yes or no"
aggregation = "share"
time_point = 365
binary = "any"
[[estimands]]
outcome = "reoffence"
measure = "hazard ratio"
confirmatory = true
[[estimands]]
outcome = "any"
measure = "risk difference"
analysis_set = "eligible"
[[analysis_sets]]
name = "eligible"
column = "elig"
description = "those who were eligible"
[analysis]
alpha = 0.05
draws = 100
seed = 3
[screening]
assessed = 30
excluded = { refused = 6, "not eligible" = 4 }
"""
LINES = GOOD.splitlines()


def line_of(text: str, nth: int = 0) -> int:
    """The 1-based line on which the text stands for the nth time."""
    return [i for i, line in enumerate(LINES, start=1) if line.startswith(text)][nth]


def read(folder: Path, text: str) -> ce.Protocol:
    """Write the text to a file and read it as a protocol."""
    path = folder / "protocol.toml"
    path.write_text(text, encoding="utf-8")
    return ce.read_protocol(path)


def refused(folder: Path, old: str, new: str) -> str:
    """The message for the protocol with one line replaced."""
    assert GOOD.count(old) >= 1, old
    with pytest.raises(ce.InvalidProtocol) as caught:
        read(folder, GOOD.replace(old, new, 1))
    return str(caught.value)


def assert_says(message: str, pattern: str) -> None:
    """The pattern is in the message."""
    assert re.search(pattern, message, re.DOTALL), f"{pattern!r} is not in {message!r}"


def test_the_unspoiled_protocol_is_read(tmp_path: Path) -> None:
    """Or every refusal below would be worthless."""
    protocol = read(tmp_path, GOOD)
    assert protocol.primary.name == "reoffence"
    assert protocol.covariates == ("age",)
    assert protocol.allocation.strata == ("site",)
    assert protocol.time_point("any") == 365
    assert protocol.time_point("reoffence") == 730


SYNTAX = [
    ("alpha = 0.05", "alpha = = 0.05"),
    ("horizon = 730", "horizon = 730 days"),
    ('title = "Contract or court"', 'title = "Contract or court'),
    ("[columns]", "[columns"),
    ("ratio = [1, 1]", "ratio = [1, 1"),
    ("seed = 3", "seed 3"),
]


@pytest.mark.parametrize(("old", "new"), SYNTAX)
def test_syntax_error(tmp_path: Path, old: str, new: str) -> None:
    """The line, and what stands there."""
    message = refused(tmp_path, old, new)
    line = line_of(old)
    if new == "ratio = [1, 1":  # TOML finds the end of the list on a later line
        assert_says(message, rf"line ({line}|{line + 1})\b")
    else:
        assert_says(message, rf"line {line}\b.*`{re.escape(new)}`")


def test_key_twice(tmp_path: Path) -> None:
    """TOML's own rule; the second is where it goes wrong."""
    message = refused(tmp_path, "horizon = 730", "horizon = 730\nhorizon = 365")
    assert_says(message, rf"line {line_of('horizon') + 1}\b.*`horizon = 365`")


UNKNOWN = [
    ("horizon = 730", "horizn = 730", "horizn", "horizon"),
    ("alpha = 0.05", "alfa = 0.05", "alfa", "alpha"),
    ("draws = 100", "drawz = 100", "drawz", "draws"),
    ("confirmatory = true", "confirmatry = true", r"estimands\[0\]\.confirmatry", "confirmatory"),
    ('measure = "risk', 'mesure = "risk', r"estimands\[1\]\.mesure", "measure"),
    ("time_point = 365", "timepoint = 365", r"outcomes\[1\]\.timepoint", "time_point"),
    ("[analysis]", "[analisis]", "analisis", "analysis"),
    ("[screening]", "[screning]", "screning", "screening"),
]


@pytest.mark.parametrize(("old", "new", "key", "meant"), UNKNOWN)
def test_unknown_key(tmp_path: Path, old: str, new: str, key: str, meant: str) -> None:
    """A slip of the pen is told as one, with its line and the key that was meant."""
    message = refused(tmp_path, old, new)
    assert_says(message, rf"line {line_of(old)}\b.*`(\w+\.)*{key}`.*did you mean '{meant}'")


MISSING = [
    ('title = "Contract or court"\n', "title"),
    ('unit = "days"\n', "unit"),
    ("horizon = 730\n", "horizon"),
    ('arm = "arm"\n', r"columns\.arm"),
    ('metric = "time to it"\n', r"outcomes\[0\]\.metric"),
    ('aggregation = "share"\n', r"outcomes\[1\]\.aggregation"),
    ('outcome = "any"\n', r"estimands\[1\]\.outcome"),
    ('description = "those who were eligible"\n', r"analysis_sets\[0\]\.description"),
    ("assessed = 30\n", r"screening\.assessed"),
]


@pytest.mark.parametrize(("old", "key"), MISSING)
def test_missing_key(tmp_path: Path, old: str, key: str) -> None:
    """The key by its full path, and that it must be added."""
    assert_says(refused(tmp_path, old, ""), rf"`{key}`.*missing.*add it")


def test_empty_file(tmp_path: Path) -> None:
    """The first missing key is as good a message as any."""
    with pytest.raises(ce.InvalidProtocol, match=r"`title`.*missing"):
        read(tmp_path, "")


WRONG_TYPE = [
    ("horizon = 730", 'horizon = "730"', "horizon", "number"),
    ("horizon = 730", "horizon = true", "horizon", "number"),
    ("horizon = 730", "horizon = [730]", "horizon", "number"),
    ("title =", "title = 3 #", "title", "text"),
    ("unit =", "unit = 3 #", "unit", "text"),
    ("primary = true", "primary = 1", r"outcomes\[0\]\.primary", "true or false"),
    ("primary = true", 'primary = "yes"', r"outcomes\[0\]\.primary", "true or false"),
    ("time_point = 365", 'time_point = "365"', r"outcomes\[1\]\.time_point", "number"),
    ("time_point = 365", "time_point = true", r"outcomes\[1\]\.time_point", "number"),
    ("ratio = [1, 1]", "ratio = [1, 1.5]", r"allocation\.ratio\[1\]", "whole number"),
    ("ratio = [1, 1]", "ratio = [true, 1]", r"allocation\.ratio\[0\]", "whole number"),
    ("ratio = [1, 1]", 'ratio = "1:1"', r"allocation\.ratio(\[0\])?", "list|whole number"),
    ("alpha = 0.05", 'alpha = "0.05"', r"analysis\.alpha", "number"),
    ("alpha = 0.05", "alpha = true", r"analysis\.alpha", "number"),
    ("draws = 100", "draws = 1.5", r"analysis\.draws", "whole number"),
    ("draws = 100", "draws = true", r"analysis\.draws", "whole number"),
    ("seed = 3", "seed = 3.5", r"analysis\.seed", "whole number"),
    ("label = 1", "label = [1]", r"arms\[1\]\.label", "text, a whole number or true/false"),
    ("covariates =", "covariates = [1] #", r"covariates\[0\]", "text"),
    ("covariates =", 'covariates = "age" #', "covariates", "list"),
    ("strata =", 'strata = "site" #', r"allocation\.strata", "list"),
    ("excluded =", "excluded = { refused = 6.5 } #", r"screening\.excluded\.refused", "whole"),
    ("excluded =", 'excluded = { refused = "six" } #', r"screening\.excluded\.refused", "whole"),
]


@pytest.mark.parametrize(("old", "new", "key", "wanted"), WRONG_TYPE)
def test_wrong_type(tmp_path: Path, old: str, new: str, key: str, wanted: str) -> None:
    """Text is not a number, a truth value neither, and one name is not a list of names."""
    line = line_of(old)
    header = line_of("[screening]") if old == "excluded =" else line  # its keys share a line
    message = refused(tmp_path, old, new)
    assert_says(message, rf"line ({line}|{header})\b.*`{key}`.*({wanted})")


@pytest.mark.parametrize(
    ("header", "key"), [("[columns]", "columns"), ("[screening]", "screening")]
)
def test_list_of_tables_for_one_table(tmp_path: Path, header: str, key: str) -> None:
    """Double brackets where single are meant; Python's own words stay out of it."""
    message = refused(tmp_path, header, f"[{header}]")
    assert_says(message, f"`{key}`.*table")
    assert "object has no attribute" not in message


BAD_VALUE = [
    ("unit =", 'unit = "day" #', r"`unit`.*did you mean 'days'"),
    ("horizon = 730", "horizon = -1", r"`horizon` must be .*above 0, got -1"),
    ("horizon = 730", "horizon = 0", r"`horizon` must be .*above 0, got 0"),
    ("horizon = 730", "horizon = nan", r"`horizon` must be a finite.*got nan"),
    ("horizon = 730", "horizon = inf", r"`horizon` must be a finite.*got inf"),
    ("primary = true", "primary = false", r"Exactly one outcome is primary.*primary = true"),
    ("time_point = 365", "time_point = 365\nprimary = true", r"Exactly one.*reoffence, any"),
    ("time_point = 365", "time_point = 731", r"'any'.*731.*after the horizon of 730"),
    ("time_point = 365", "time_point = -1", r"time_point.*any.*got -1"),
    ("time_point = 365", "time_point = nan", r"time_point.*any.*got nan"),
    ('binary = "any"', "", r"'any' needs either `time` and `event`.*or one `binary`"),
    ('binary = "any"', 'binary = "any"\ntime = "days"\nevent = "ev"', r"'any' needs either"),
    ('event = "ev"', "", r"'reoffence' needs either `time` and `event`"),
    ('name = "any"', 'name = "reoffence"', r"'reoffence' is declared twice"),
    ('measure = "risk', 'measure = "rsk', r"`measure`.*did you mean 'risk difference'"),
    ('measure = "risk', 'measure = "hazard ratio" #', r"needs a time-to-event.*'any' is binary"),
    ('outcome = "any"', 'outcome = "anny"', r"outcome 'anny' is not known; did you mean 'any'"),
    ("analysis_set =", 'analysis_set = "elegible" #', r"'elegible'.*did you mean 'eligible'"),
    ('name = "eligible"', 'name = "itt"', r"'itt' is built in.*another name"),
    ('name = "eligible"', 'name = "per-protocol"', r"'per-protocol' is built in.*another name"),
    ('name = "eligible"', 'name = "as-treated"', r"'as-treated' is built in.*another name"),
    ("ratio = [1, 1]", "ratio = [1]", r"`allocation.ratio`.* has 1 parts? for 2 arms"),
    ("ratio = [1, 1]", "ratio = [1, 1, 1]", r"`allocation.ratio`.* has 3 parts for 2 arms"),
    ("ratio = [1, 1]", "ratio = [1, 0]", r"`allocation.ratio`.* must be .*at least 1, got 0"),
    ("ratio = [1, 1]", 'rule = "blocks"', r"`allocation\.rule`.*'blocks'.*choose from 'complete'"),
    ("alpha = 0.05", "alpha = 5", r"`alpha` must lie strictly between 0 and 1, got 5"),
    ("alpha = 0.05", "alpha = 0", r"`alpha` must lie strictly between 0 and 1, got 0"),
    ("alpha = 0.05", "alpha = 1", r"`alpha` must lie strictly between 0 and 1, got 1"),
    ("alpha = 0.05", "alpha = nan", r"`alpha` must lie strictly between 0 and 1, got nan"),
    ("draws = 100", "draws = 0", r"`draws` must be .*at least 1, got 0"),
    ("seed = 3", "seed = -1", r"`seed` must be .*at least 0, got -1"),
    ("seed = 3", 'multiplicity = "bonferoni"', r"`multiplicity`.*did you mean 'bonferroni'"),
    ("label = 1", "label = 0", r"'0' is declared twice"),
    ('name = "contract"', 'name = "court"', r"'court' is declared twice"),
    ("assessed = 30", "assessed = -3", r"`screening.assessed`.*got -3"),
    ("excluded =", "excluded = { refused = -6 } #", r"excluded.*refused.*got -6"),
    ("confirmatory = true", 'adjust = ["agee"]', r"'agee' is not known; did you mean 'age'"),
]


@pytest.mark.parametrize(("old", "new", "says"), BAD_VALUE)
def test_bad_value(tmp_path: Path, old: str, new: str, says: str) -> None:
    """The right type, and still not a promise anybody can keep."""
    assert_says(refused(tmp_path, old, new), says)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("horizon = 730", "horizon = -1"),
        ("unit =", 'unit = "day" #'),
        ("alpha = 0.05", "alpha = 5"),
        ("draws = 100", "draws = 0"),
        ("ratio = [1, 1]", "ratio = [1]"),
        ("ratio = [1, 1]", "ratio = [1, 0]"),
        ("time_point = 365", "time_point = 731"),
        ("time_point = 365", "time_point = -1"),
        ('outcome = "any"', 'outcome = "anny"'),
        ('measure = "risk', 'measure = "rsk'),
        ('name = "eligible"', 'name = "itt"'),
        ("assessed = 30", "assessed = -3"),
    ],
)
def test_bad_value_names_the_line(tmp_path: Path, old: str, new: str) -> None:
    """The line of the key, or of the table it stands in, as read_protocol's help promises."""
    line = line_of(old)
    header = max([i for i in range(1, line) if LINES[i - 1].startswith("[")], default=line)
    assert_says(refused(tmp_path, old, new), rf"line ({line}|{header})\b")


def test_alpha_is_not_taken_for_a_level(tmp_path: Path) -> None:
    """5 % is written 0.05; advice to write 0.95 would make 95 % of nulls significant."""
    message = refused(tmp_path, "alpha = 0.05", "alpha = 5")
    assert "`alpha`" in message
    assert "0.95" not in message


def test_bad_values_in_the_second_of_several_tables(tmp_path: Path) -> None:
    """Which [[outcomes]] it was, counted from 0, and its own line."""
    message = refused(tmp_path, "time_point = 365", 'time_point = "a year"')
    assert_says(message, rf"line {line_of('time_point')}\b.*`outcomes\[1\]\.time_point`")
    first = refused(tmp_path, "primary = true", 'primary = true\ntime_point = "a year"')
    assert_says(first, rf"line {line_of('primary') + 1}\b.*`outcomes\[0\]\.time_point`")


def test_too_few_tables(tmp_path: Path) -> None:
    """One arm; no outcomes; no estimands."""
    with pytest.raises(ce.InvalidProtocol, match=r"`arms` needs control first and at least one"):
        read(tmp_path, GOOD.replace('[[arms]]\nlabel = 1\nname = "contract"\n', ""))
    for table in ("outcomes", "estimands"):
        without = re.sub(rf"\[\[{table}\]\].*?(?=\[\[(?!{table}))", "", GOOD, flags=re.DOTALL)
        with pytest.raises(ce.InvalidProtocol, match=rf"`{table}`.*missing|`{table}` needs"):
            read(tmp_path, without)


def test_unreadable_files(tmp_path: Path) -> None:
    """No file, a folder, another encoding."""
    with pytest.raises(ce.InvalidProtocol, match=r"absent\.toml.*[Nn]o such file"):
        ce.read_protocol(tmp_path / "absent.toml")
    with pytest.raises(ce.InvalidProtocol, match="directory"):
        ce.read_protocol(tmp_path)
    path = tmp_path / "latin.toml"
    path.write_bytes(GOOD.replace("Contract", "Vertrag für").encode("latin-1"))
    with pytest.raises(ce.InvalidProtocol, match=r"not UTF-8.*save it as UTF-8"):
        ce.read_protocol(path)


def test_byte_order_mark_is_harmless(tmp_path: Path) -> None:
    """Windows Notepad and Excel put one before UTF-8 text."""
    assert read(tmp_path, "\ufeff" + GOOD).digest == read(tmp_path, GOOD).digest


def test_layout_does_not_change_the_digest(tmp_path: Path) -> None:
    """Line ends, comments, the order of keys and of tables; a changed promise does."""
    digest = read(tmp_path, GOOD).digest
    assert read(tmp_path, GOOD.replace("\n", "\r\n")).digest == digest
    assert read(tmp_path, "# a comment\n" + GOOD.replace(" = ", "=")).digest == digest
    moved = GOOD.replace("alpha = 0.05\ndraws = 100", "draws = 100\nalpha = 0.05")
    assert moved != GOOD
    assert read(tmp_path, moved).digest == digest
    assert read(tmp_path, GOOD.replace("horizon = 730", "horizon = 730.0")).digest == digest
    assert read(tmp_path, GOOD.replace("horizon = 730", "horizon = 731")).digest != digest


def people(**columns: object) -> pd.DataFrame:
    """Twenty people as the protocol names them."""
    table: dict[str, Any] = {
        "who": [f"p{i}" for i in range(20)],
        "arm": [0, 1] * 10,
        "got": [0, 1] * 10,
        "days": [float(i + 1) * 30 for i in range(20)],
        "ev": [1, 1, 0, 1] * 5,
        "age": [20.0 + i % 7 for i in range(20)],
        "site": ["n", "n", "s", "s"] * 5,
        "any": [0, 1, 1, 0] * 5,
        "elig": [1] * 19 + [0],
    }
    return pd.DataFrame(table | columns)


def test_table_that_breaks_the_protocol(tmp_path: Path) -> None:
    """Other arms, one too many, a column that is not there."""
    protocol = read(tmp_path, GOOD)
    assert ce.Trial.from_protocol(people(), protocol).n == 20
    with pytest.raises(ce.TrialError, match=r"'arm' holds 'x' at row 0.*the arms are 0, 1"):
        ce.Trial.from_protocol(people(arm=["x", "y"] * 10), protocol)
    with pytest.raises(ce.TrialError, match=r"'arm' holds 2 at row 17"):
        ce.Trial.from_protocol(people(arm=[0, 1] * 8 + [0, 2, 0, 1]), protocol)
    with pytest.raises(ce.UnknownColumn, match=r"'elig'"):
        ce.Trial.from_protocol(people().drop(columns="elig"), protocol)


def test_excluded_counts_cannot_be_changed() -> None:
    """The digest of a promise stands for one promise."""
    reasons = {"refused": 6}
    screening = Screening(assessed=30, excluded=reasons)
    reasons["refused"] = 0
    assert screening.excluded["refused"] == 6
    with pytest.raises(TypeError):
        screening.excluded["refused"] = 0  # type: ignore[index]


KEYS = set(re.findall(r"^\[*([\w]+)\]*(?: =|$)", GOOD, re.MULTILINE))
KEYS |= {"adjust", "rule", "multiplicity", "refused", "count", "numeric", "ordinal", "repeated"}


def test_backticked_names_exist(tmp_path: Path) -> None:
    """A message points at keys of a protocol, not at names of the code behind it."""
    strangers, named = set(), 0
    lists = ('covariates = "age" #', 'strata = "site" #')  # accepted: told by test_wrong_type
    for old, new, *_ in [case for case in BAD_VALUE + WRONG_TYPE if case[1] not in lists]:
        for name in re.findall(r"`([^`]+)`", refused(tmp_path, old, new)):
            named += 1
            words = re.findall(r"[A-Za-z_]\w*", re.sub(r" of outcome .*", "", name))
            strangers |= {word for word in words if word not in KEYS}
    assert named > 50
    assert not strangers
