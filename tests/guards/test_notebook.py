"""Every noun shows itself: briefly, escaped, and as a table; completion shows what is public."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import inspect
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from every_noun import LONG, every_noun, trial

import checkpoint_eval as ce
from checkpoint_eval import models, outcomes
from checkpoint_eval._display import ROWS, brief

SRC = Path(__file__).parents[2] / "src" / "checkpoint_eval"
ROOMS = ["balance", "cohort", "design", "models", "outcomes", "power", "randomise", "report"]

# What a user writes down, and reads back as written: the dataclass's own `repr` is right.
OPTIONS = {
    *("AllocationPlan", "AnalysisPlan", "AnalysisSet", "Arm", "Columns", "Estimand", "Outcome"),
    *("EraPlan", "IntercurrentEvent", "NavigatorPlan", "PathwayPlan", "Planning", "Screening"),
    *("SubgroupPlan", "PathwayNeed", "Measure", "Mahalanobis", "Factor", "Estimator", "Counting"),
    *("Disclosure", "PromisingZone"),
    *("BiasedCoin", "BigStick", "Chen", "Clustered", "Complete", "Custom", "MaximalProcedure"),
    *("Minimisation", "PermutedBlocks", "Rerandomised", "Simple", "Stratified", "Urn"),
    *("Arrivals", "Burst", "Delivery", "Effect", "Era", "Population", "Recording"),
    *("FlemingHarrington", "Gehan", "ModestlyWeighted", "PetoPeto", "TaroneWare"),
    *("Analysis", "Counts", "Diluted", "ExponentialTrial", "GroupSequential", "Hazards"),
    *("InClusters", "InStrata", "Means", "PartiallyNested", "PooledTrials", "Proportions"),
    *("RestrictedMeans", "HaybittlePeto", "HwangShihDeCani", "KimDeMets", "OBrienFleming"),
    *("OBrienFlemingSpending", "Pocock", "PocockSpending", "UserSpending", "WangTiatis"),
    *("Breached", "Closed", "Override", "Received", "Screened", "Withdrawn"),
}
# One row of another noun's table, or values that are no table.
NO_TABLE = {
    *("Allocated", "Characteristic", "DilutionRow", "Entry", "Head", "Margin", "PowerRow"),
    *(
        "Deviation",
        "Differenced",
        "Problem",
        "Provenance",
        "Recomputed",
        "Repair",
        "RiskSets",
        "RuleProperties",
        "StudyStep",
        "Support",
        "Truth",
    ),
}


def public_nouns() -> set[str]:
    found: set[str] = set()
    for room in ROOMS:
        module = importlib.import_module(f"checkpoint_eval.{room}")
        held = {name: getattr(module, name) for name in module.__all__}
        found |= {
            name
            for name, value in held.items()
            if inspect.isclass(value) and dataclasses.is_dataclass(value)
        }
    return found


NOUNS = sorted(public_nouns() - OPTIONS | {"Estimate", "SignificanceTest", "Curve"})


def test_every_public_noun_is_looked_at() -> None:
    # The room `cohort` has an option of the same name as the outcome `Reoffending`.
    assert set(NOUNS) <= set(every_noun()), sorted(set(NOUNS) - set(every_noun()))
    assert not OPTIONS & set(every_noun()) - {"Counting"}


def test_options_are_short_as_written() -> None:
    for noun in (ce.Complete(counts=(2, 2)), ce.PermutedBlocks(sizes=(4,)), outcomes.PROVEN):
        assert repr(noun).startswith(f"{type(noun).__name__}(")
        assert len(repr(noun)) < 300


@pytest.mark.parametrize("name", NOUNS)
def test_the_repr_is_compact(name: str) -> None:
    """A few sentences, then at most a short table; never an array, never an address."""
    told = repr(every_noun()[name])
    words = told.splitlines()[0]
    assert 0 < len(words) <= 620, len(words)
    assert len(told.splitlines()) <= ROWS + 5
    assert "array(" not in told
    assert " object at 0x" not in told


class Page(HTMLParser):
    """Text and tags of a piece of HTML, and whether tags close in order."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def read(noun: Any) -> Page:
    page = Page()
    page.feed(noun._repr_html_())
    assert page.open == []
    return page


@pytest.mark.parametrize("name", NOUNS)
def test_a_notebook_shows_words_and_a_short_table(name: str) -> None:
    noun = every_noun()[name]
    page = read(noun)
    assert repr(noun).splitlines()[0] in page.text
    assert set(page.tags) <= {"p", "br", "h4", "table", "thead", "tbody", "tr", "th", "td"}
    assert page.tags.count("tr") <= 2 * (ROWS + 2)
    assert len(noun._repr_html_()) < 20_000


@pytest.mark.parametrize("name", sorted(set(NOUNS) - NO_TABLE))
def test_a_noun_is_a_table(name: str) -> None:
    noun = every_noun()[name]
    frame = noun.to_frame()
    assert isinstance(frame, pd.DataFrame)
    assert len(frame) or name == "Verification"  # which found no problem
    assert all(isinstance(column, str) for column in frame.columns)
    assert frame.columns.is_unique
    again = noun.to_frame()
    pd.testing.assert_frame_equal(frame, again)
    # The table is the caller's; the noun is not changed. A Series, as pandas 3.1 refuses to put an
    # array of one text into a column.
    frame.iloc[:, 0] = frame.iloc[::-1, 0].set_axis(frame.index)
    pd.testing.assert_frame_equal(noun.to_frame(), again)


def test_nouns_without_a_table_are_those_we_know() -> None:
    without = {name for name in NOUNS if not hasattr(every_noun()[name], "to_frame")}
    assert without == NO_TABLE


def test_text_of_users_is_escaped() -> None:
    nasty = "<script>alert('x')</script> & co"
    estimate = dataclasses.replace(every_noun()["Estimate"], outcome=nasty)
    column = outcomes.Covariate(name=nasty, values=[0, 1, 1], levels=("<b>", "y"))
    finding = outcomes.Finding(
        rule=nasty, severity="error", table="offences", rows=[1, 2], remedy=nasty
    )
    for noun in (estimate, column, finding):
        shown = noun._repr_html_()
        assert "<script>" not in shown
        assert "<b>" not in shown
        assert nasty in read(noun).text


def test_a_long_table_is_cut_and_says_so() -> None:
    outcome = outcomes.NumericOutcome(value=np.arange(5000.0))
    page = read(outcome)
    assert page.tags.count("tr") == 1 + ROWS + 1  # head, rows, and the row of dots
    assert "5,000 rows" in page.text
    assert len(outcome.to_frame()) == 5000


def test_numbers_are_told_to_four_digits() -> None:
    page = read(outcomes.NumericOutcome(value=[0.123456, 1234.56, 123456.7], missing=[0, 0, 0]))
    for told in ("0.1235", "1235", "123,457"):
        assert told in page.text


def test_arrays_are_told_by_their_shape() -> None:
    table = every_noun()["EventTable"]
    assert brief(table) == repr(table)
    shape = " × ".join(map(str, table.at_risk.shape))
    assert f"at_risk=<{shape} int64>" in repr(table)
    support = ce.Complete(counts=(1, 1)).support(2)
    assert repr(support) == "Support(arm=[[0, 1], [1, 0]], weight=[0.5, 0.5])"


def test_long_words_are_cut_in_the_short_form() -> None:
    weights = outcomes.HarmWeights(name=LONG, version="1", source=LONG, weights={"theft": 1})
    assert LONG not in repr(weights)
    assert len(repr(weights)) < 300


def test_one_place_writes_the_html() -> None:
    """Copies of the same few lines would come to differ."""
    written = {
        (str(path.relative_to(SRC)), node.name)
        for path in SRC.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.FunctionDef) and part.name == "_repr_html_"
    }
    own = {
        "Shown",
        "SubgroupEffects",  # the effects, and what makes them credible, always together
        "Evaluation",  # its parts, each as it shows itself
    }
    assert {name for _, name in written} == own


def test_frames_hold_the_numbers() -> None:
    """By value, for one noun of each shape."""
    estimate = every_noun()["Estimate"]
    row = estimate.to_frame().iloc[0]
    assert (row["value"], row["low"], row["high"]) == (
        estimate.value,
        estimate.low,
        estimate.high,
    )
    assert (row["n_control"], row["n_treatment"]) == estimate.n
    assert (row["events_control"], row["events_treatment"]) == estimate.events
    table = every_noun()["EventTable"]
    frame = table.to_frame()
    assert frame["events"].sum() == table.events.sum()
    one = frame[(frame["group"] == 1) & (frame["time"] == table.time[3])]
    assert one["at_risk"].tolist() == table.at_risk[..., 1, 3].ravel().tolist()
    compared = every_noun()["Compared"].to_frame()
    assert compared.groupby("arm")["event"].sum().to_dict() == {"no aid": 66, "financial aid": 48}
    scores = every_noun()["PathwayScores"]
    long = scores.to_frame()
    debt = long[(long["person"] == 5) & (long["pathway"] == "debt")]
    assert debt["before"].tolist() == [scores.baseline[5, 1]]
    timed = every_noun()["Assignment"].to_frame()
    assert timed["arm"].tolist() == [trial().arms[code] for code in trial().assignment.arm]
    two = every_noun()["TwoProportions"].to_frame()
    assert two["treatment_n"].tolist() == [8.0] * 3


@pytest.mark.parametrize("room", ["", *ROOMS])
def test_tab_completion_shows_what_is_public(room: str) -> None:
    module = importlib.import_module(f"checkpoint_eval.{room}".rstrip("."))
    assert set(dir(module)) == set(module.__all__)
    hidden = [name for name in dir(module) if name.startswith("_") and name != "__version__"]
    assert not hidden


@pytest.mark.parametrize("name", NOUNS)
def test_what_a_noun_offers_is_explained(name: str) -> None:
    """Each public attribute is a field, or has a docstring."""
    kind = type(every_noun()[name])
    held = {each.name for each in dataclasses.fields(kind)}
    for offered in dir(kind):
        if not offered.startswith("_") and offered not in held:
            assert inspect.getdoc(getattr(kind, offered)), f"{name}.{offered}"


def test_results_take_and_give_pandas() -> None:
    """Frames of many results stack, and a frame reads back as a trial."""
    found = [
        every_noun()["Estimate"],
        every_noun()["SignificanceTest"],
        models.restricted_mean(ce.load_rossi(), outcome="rearrest", horizon=52),
    ]
    stacked = pd.concat([each.to_frame() for each in found], ignore_index=True)
    assert stacked["measure"].tolist()[0] == "hazard ratio"
    assert stacked.dtypes.equals(found[0].to_frame().dtypes)
    frame = ce.load_rossi().to_frame()
    read_back = ce.Trial.from_frame(
        frame,
        arm="arm",
        control="no aid",
        id="id",
        times={"rearrest": ("rearrest (weeks)", "rearrest", "weeks")},
    )
    assert models.logrank_test(read_back, outcome="rearrest").statistic == pytest.approx(
        models.logrank_test(ce.load_rossi(), outcome="rearrest").statistic, rel=1e-12
    )  # the same sums in the same order
