"""What an attacker who knows the rule got from protected reports, and no longer gets."""

from __future__ import annotations

import io
import json
import socket
import struct
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from promised_trial import promised

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.balance import treatment_integrity
from checkpoint_eval.report import Disclosure, Withheld, protect
from checkpoint_eval.report.disclosure_counts import HeardCounts
from checkpoint_eval.report.disclosure_nouns import integrity_told
from checkpoint_eval.report.figure_texts import inequality_text

if TYPE_CHECKING:
    from collections.abc import Iterator

PLAIN = Disclosure(threshold=10, round_to=1)
N = 200  # people, every other one in treatment
ODD = np.arange(N) % 2 == 1


def read(columns: dict[str, Any], **how: Any) -> ce.Trial:
    frame = pd.DataFrame({"arm": ODD.astype(int), **columns})
    return ce.Trial.from_frame(frame, arm="arm", control=0, **how)


def evaluated(trial: ce.Trial) -> ce.Evaluation:
    return ce.evaluate(trial, progress=iter)


def some() -> np.ndarray:
    """Return a yes or no that many in both arms have."""
    return (np.arange(N) % 5 < 2).astype(float)


def amounts() -> np.ndarray:
    return np.arange(N) * 7 % 31.0


def test_bounds_do_not_tell_few_events() -> None:
    """The lower end of Manski's bounds times the people is the events: 0.05 of 100 are five."""
    event = some()
    event[~ODD] = 0
    event[[0, 2, 4, 6, 8]] = 1
    event[100:140] = np.nan
    whole = evaluated(read({"any": event}, binary={"any": "any"}))
    assert whole.bounds[0].arm_low[0] == pytest.approx(0.05)
    for each in protect(whole).bounds:
        assert np.isnan([each.low, each.high, *each.arm_low, *each.arm_high]).all()
        assert "would tell how few had the event" in each.method
    usual = some()
    usual[100:140] = np.nan
    told = protect(evaluated(read({"any": usual}, binary={"any": "any"}))).bounds[0]
    # 16 or so of 50 an arm with the event: 32 of 100.
    assert told.arm_low == (0.32, 0.32)
    assert told.low < told.high


def test_a_mean_of_nearly_all_alike_does_not_tell_the_others() -> None:
    """All but three have 1: a mean of 1.03 of 100 people would tell that three have 2."""
    value = amounts()
    value[~ODD] = 1
    value[[0, 2, 4]] = 2
    trial = read({"harm": value}, numeric={"harm": "harm"})
    for result in protect(evaluated(trial)).results:
        assert np.isnan(result.value.p_value)
        assert "those of fewer than 10" in result.value.method


def test_means_at_baseline_do_not_tell_few() -> None:
    """Three of 100 had been arrested, four times together: a mean of 0.04."""
    before = amounts()
    before[~ODD] = 0
    before[[0, 2, 4]] = 1, 2, 1
    trial = read(
        {"any": some(), "before": before, "age": amounts()},
        binary={"any": "any"},
        covariates=["before", "age"],
    )
    told = protect(evaluated(trial))
    rows = {(row.covariate, row.arm): row for row in told.baseline.rows}
    assert np.isnan([rows["before", "control"].mean, rows["before", "control"].sd]).all()
    assert rows["before", "treatment"].mean == pytest.approx(15, abs=1)
    assert rows["age", "control"].mean == pytest.approx(15, abs=1)
    balance = {row.covariate: row for row in told.balance[0].rows}
    hidden = balance["before"]
    assert np.isnan([hidden.mean_control, hidden.difference, hidden.variance_ratio]).all()
    assert not np.isnan(balance["age"].difference)


def test_one_who_dominates_is_not_told() -> None:
    harm = amounts()
    harm[0] = 50_000
    whole = evaluated(read({"harm": harm}, numeric={"harm": "harm"}))
    told = protect(whole)
    by_name = {
        getattr(each.value, "estimand", ""): each.value for each in (*told.results, *whole.results)
    }
    by_told = {getattr(each.value, "estimand", ""): each.value for each in told.results}
    assert by_name["mean difference"].estimable
    mean, trimmed = by_told["mean difference"], by_told["trimmed mean difference"]
    assert np.isnan([mean.value, mean.std_error, *mean.by_arm]).all()
    assert "but for two people an arm has less than 10% of what one has" in mean.method
    assert trimmed.estimable, "what leaves out the ends is not moved by one"
    test = next(each.value for each in told.results if hasattr(each.value, "test"))
    assert np.isnan(test.statistic), "the statistic is the difference in means"
    found = told.inequality[0]
    assert np.isnan(found.gini[0])
    assert np.isnan(found.share[0]).all()
    assert not np.isnan(found.gini[1]), "the other arm's stays"
    assert not found.difference.estimable
    assert "control: withheld" in inequality_text(found)
    assert "50000" not in told.to_json()


def test_one_who_dominates_those_with_most_is_told_with_more() -> None:
    """A tenth of people of whom one has nearly all: a Lorenz curve by tenths would tell him."""
    harm = np.full(N, 30.0) + np.arange(N) % 3
    harm[0] = 2_600
    whole = evaluated(read({"harm": harm}, numeric={"harm": "harm"}))
    found = protect(whole).inequality[0]
    assert not np.isnan(found.gini).any()
    # The tenth with most have 2600 and nine of 32: 288 less the second's 32 is less than 260.
    assert [each.size - 1 for each in found.people] == [9, 10]
    assert np.isnan(found.held_by(0.1)[0])
    assert found.held_by(0.1)[1] == pytest.approx(0.1, abs=0.02)


def test_the_amount_of_a_small_level_is_not_what_is_left() -> None:
    """Everyone's mean less that of all but one is that one's."""
    harm = amounts()
    harm[0] = 600
    site = np.where(np.arange(N) == 0, "z", "a")
    trial = read({"harm": harm, "site": site}, numeric={"harm": "harm"}, factors=["site"])
    effect = partial(models.mean_difference, outcome="harm")
    found = models.subgroup_effects(trial, effect=effect, by=["site"])
    assert found.subgroups[0].effects[0].estimable
    told = protect(replace(evaluated(trial), subgroups=(found,))).subgroups[0]
    assert told.overall.estimable
    for each in told.subgroups[0].effects:
        assert np.isnan([each.value, *each.by_arm]).all()


def test_levels_of_amounts_are_told_where_all_are() -> None:
    site = np.where(np.arange(N) % 4 < 2, "z", "a")
    trial = read({"harm": amounts(), "site": site}, numeric={"harm": "harm"}, factors=["site"])
    effect = partial(models.mean_difference, outcome="harm")
    found = models.subgroup_effects(trial, effect=effect, by=["site"])
    told = protect(replace(evaluated(trial), subgroups=(found,))).subgroups[0]
    assert all(each.estimable for each in told.subgroups[0].effects)


@pytest.mark.parametrize(("few", "told"), [(3, False), (30, True), (0, True)])
def test_one_analysis_set_less_another_does_not_tell_amounts(few: int, told: bool) -> None:
    """A mean of 100 less one of 97 is what the three who got something else have."""
    got = ODD.astype(int)
    got[1 : 2 * few : 2] = 0
    trial = read({"harm": amounts(), "got": got}, numeric={"harm": "harm"}, received="got")
    results = tuple(
        report.Result(value=models.mean_difference(trial, outcome="harm", analysis_set=each))
        for each in ("itt", "per-protocol", "as-treated")
    )
    found = protect(replace(evaluated(trial), results=results, sensitivity=())).results
    assert [each.value.estimable for each in found] == [True, told, told]


def test_needs_of_nearly_all_are_not_told() -> None:
    """A mean of 0.97 of 100 people whose need was yes or no: three were resolved."""
    after = np.ones(N)
    after[[0, 2, 4]] = 0
    after[1:61:2] = 0
    frame = {"any": some(), "h0": np.ones(N), "h1": after, "d0": np.ones(N), "d1": some()}
    trial = read(
        frame,
        binary={"any": "any"},
        pathways={"home": ("h0", "h1"), "drugs": ("d0", "d1")},
        scale="binary",
    )
    whole = evaluated(trial)
    assert whole.pathways is not None
    assert whole.pathways.with_need.effects[0].by_arm[0] == pytest.approx(0.97)
    told = protect(whole).pathways
    assert told is not None
    for family in (told.with_need, told.everyone):
        assert [each.estimable for each in family.effects] == [False, True]
        assert np.isnan(family.p_values["westfall-young"]).tolist() == [True, False]


def test_correlations_of_needs_do_not_tell_who_has_both() -> None:
    """With 14 and 14 of 80 in need φ tells how many have both: two."""
    need = np.zeros((N, 2))
    need[:28, 0] = need[24:60, 1] = 1
    columns = {"any": some(), "h": need[:, 0], "d": need[:, 1]}
    trial = read(
        columns,
        binary={"any": "any"},
        pathways={"home": ("h", "h"), "drugs": ("d", "d")},
        scale="binary",
    )
    whole = evaluated(trial)
    assert whole.pathways is not None
    assert not np.isnan(whole.pathways.together.phi).any()
    told = protect(whole).pathways
    assert told is not None
    assert np.isnan(told.together.phi).tolist() == [[False, True], [True, False]]


def test_curves_do_not_tell_when_the_last_person_left() -> None:
    """Times of steps were multiples of a 24th of the longest follow-up, to the last digit."""
    rng = np.random.default_rng(1)
    time = np.minimum(rng.exponential(100, N) + 0.01, 150)
    event = time < 150
    time[0], event[0] = 173.123, False
    trial = read({"days": time, "ev": event.astype(int)}, times={"again": ("days", "ev", "days")})
    grid = protect(evaluated(trial)).curves[0].time
    # 150 is told: everybody else was followed so long.
    assert grid == pytest.approx(np.round(grid / 6.25) * 6.25)
    time[time == 150] = rng.uniform(150, 151, (time == 150).sum())
    trial = read({"days": time, "ev": event.astype(int)}, times={"again": ("days", "ev", "days")})
    grid = protect(evaluated(trial)).curves[0].time
    assert grid == pytest.approx(np.round(grid / 6.25) * 6.25), "150 and a bit is cut to 150"


def test_few_contacts_are_not_told_as_a_mean() -> None:
    met = np.zeros(N)
    met[[1, 3, 5]] = 1
    trial = read(
        {"any": some(), "met": met, "got": ODD.astype(int)},
        binary={"any": "any"},
        received="got",
        factors=[],
        covariates=["met"],
    )
    found = treatment_integrity(trial, contacts="met")
    assert found.rows[1].contacts == pytest.approx(0.03)
    told = protect(replace(evaluated(trial), integrity=(found,))).integrity[0]
    assert np.isnan(told.rows[1].contacts)


def test_people_of_a_level_are_the_same_everywhere() -> None:
    """56 of a site at baseline less 53 of it analysed are three whose outcome is missing."""
    rng = np.random.default_rng(4)
    site = np.where(rng.random(N) < 0.6, "a", "b")
    any_ = some()
    any_[np.flatnonzero((site == "b") & ~ODD)[:3]] = np.nan
    any_[np.flatnonzero((site == "a") & ~ODD)[:14]] = np.nan
    trial = read({"any": any_, "site": site}, binary={"any": "any"}, strata=["site"])
    effect = partial(ce.risk_difference, outcome="any", strata=())
    found = models.subgroup_effects(trial, effect=effect, by=["site"])
    told = protect(replace(evaluated(trial), subgroups=(found,)), PLAIN)
    level = next(
        row.count for row in told.baseline.rows if (row.level, row.arm) == ("b", "control")
    )
    analysed = told.subgroups[0].subgroups[0].effects[1].n[0]
    assert isinstance(level, Withheld) or isinstance(analysed, Withheld)


def test_groups_of_integrity_are_levels_at_baseline() -> None:
    site = np.where(np.arange(N) % 4 < 2, "z", "a")
    trial = read(
        {"any": some(), "site": site, "got": ODD.astype(int)},
        binary={"any": "any"},
        strata=["site"],
        received="got",
    )
    counts = HeardCounts(PLAIN)
    integrity_told(treatment_integrity(trial, by=("site",)), counts)
    assert {kind for kind, _ in counts.heard if kind[0] in ("level", "people")} == {
        ("level", "site", level, arm) for level in "az" for arm in ("control", "treatment")
    }


def test_as_many_digits_are_printed_as_are_told() -> None:
    trial = read({"any": some(), "age": 500 + amounts()}, binary={"any": "any"}, covariates=["age"])
    whole = evaluated(trial)
    told = protect(whole)
    # 515.0 (8.9) or so, of which three figures are known: 515 (8.9).
    cells = told.baseline.to_wide().iloc[0].tolist()[2:]
    assert all("." not in cell.split(" ")[0] for cell in cells), cells
    assert "." in whole.baseline.to_wide().iloc[0]["control"].split(" ")[0]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write every file there is, as somebody with a name, on a machine with one."""
    place = tmp_path_factory.mktemp("written") / "folder"
    with pytest.MonkeyPatch.context() as patch:
        for name in ("USER", "LOGNAME", "USERNAME", "HOSTNAME", "COMPUTERNAME"):
            patch.setenv(name, "inspector-lestrade")
        whole = evaluated(promised())
        return report.write_folder(whole, place, word=True, workbook=True)


def held(file: Path) -> Iterator[tuple[str, bytes]]:
    """Yield what a file holds; of an Office file each part."""
    if file.suffix not in (".docx", ".xlsx"):
        yield file.name, file.read_bytes()
        return
    with zipfile.ZipFile(io.BytesIO(file.read_bytes())) as parts:
        for entry in parts.infolist():
            assert entry.date_time == (1980, 1, 1, 0, 0, 0)
            assert not entry.comment
            yield f"{file.name}/{entry.filename}", parts.read(entry)


def test_no_file_tells_of_the_machine_or_its_user(folder: Path) -> None:
    names = ["inspector-lestrade", str(folder), str(Path.home()), str(Path.cwd())]
    names += [name for name in (socket.gethostname(),) if len(name) > 6]
    for file in folder.rglob("*.*"):
        for name, content in held(file):
            for told in names:
                assert told.encode() not in content, (name, told)
            if name.endswith((".html", ".svg", ".xml")):
                assert b"<!--" not in content, name


def test_properties_of_office_files_name_nobody(folder: Path) -> None:
    for name in ("report.docx", "report.xlsx"):
        with zipfile.ZipFile(folder / name) as parts:
            core, app = (parts.read(f"docProps/{each}.xml").decode() for each in ("core", "app"))
        for told in ("lastModifiedBy", "creator", "description"):
            for text in pieces(core, told):
                assert text in ("", "checkpoint_eval")
        assert not [text for told in ("Company", "Manager") for text in pieces(app, told) if text]
        for told in ("created", "modified"):
            assert pieces(core, told) == ["1980-01-01T00:00:00Z"]


def pieces(xml: str, name: str) -> list[str]:
    """Return the texts of the elements of a name."""
    import xml.etree.ElementTree as tree

    return [
        each.text or ""
        for each in tree.fromstring(xml).iter()
        if each.tag.rpartition("}")[2] == name
    ]


def test_figures_and_tables_bear_no_dates(folder: Path) -> None:
    for file in (folder / "figures").glob("*.png"):
        assert {kind for kind, _ in chunks(file.read_bytes())} <= {
            *("IHDR", "tEXt", "pHYs", "IDAT", "IEND")
        }
        text = [content for kind, content in chunks(file.read_bytes()) if kind == "tEXt"]
        assert all(content.startswith(b"Software\0Matplotlib") for content in text)
    for file in (folder / "figures").glob("*.svg"):
        assert "dc:date" not in file.read_text(encoding="utf-8")
    told = pq.read_metadata(folder / "estimates.parquet").metadata
    assert set(told) == {b"ARROW:schema", b"disclosure", b"schema"}
    assert "amounts" not in json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))


def chunks(png: bytes) -> Iterator[tuple[str, bytes]]:
    place = 8
    while place < len(png):
        (size,) = struct.unpack(">I", png[place : place + 4])
        yield png[place + 4 : place + 8].decode(), png[place + 8 : place + 8 + size]
        place += 12 + size
