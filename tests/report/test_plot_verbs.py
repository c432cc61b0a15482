"""Every verb that draws: what it refuses, what names may hold, and whose colour is whose."""

import inspect
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from every_noun import every_noun
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.report.figures import CONTROL, TREATMENTS, arm_colours, theme
from checkpoint_eval.report.rendering import draw_all

VERBS = sorted({name for name in report.__all__ if name.startswith("plot_")} | {"flow_diagram"})
# Names as extracts have them: mathematics to matplotlib, control characters, and what a font lacks.
STRANGE = "a $\\frac{ \x07 name $x_1$"
ARMS = ("court", "caution", "contract")


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def three() -> ce.Trial:
    """Three arms in which people differ in harm and in sex."""
    rng = np.random.default_rng(11)
    people = pd.DataFrame(
        {
            "arm": rng.permutation(np.resize(ARMS, 180)),
            "harm": rng.gamma(1.0, 40.0, 180).round(),
            "breach": rng.integers(0, 2, 180),
            "days": rng.integers(1, 365, 180),
            "again": rng.integers(0, 2, 180),
            "sex": rng.choice(["F", "M"], 180),
        }
    )
    return ce.Trial.from_frame(
        people,
        arm="arm",
        control="court",
        arms=ARMS,
        covariates=["sex"],
        binary={"breach": "breach"},
        numeric={"harm": "harm"},
        times={"reoffence": ("days", "again", "days")},
    )


@pytest.mark.parametrize("wrong", [ce.load_rossi(), None, pd.DataFrame(), "a curve", []])
@pytest.mark.parametrize("name", VERBS)
def test_the_wrong_noun_is_refused_with_the_verb_that_makes_the_right_one(
    name: str, wrong: object
) -> None:
    verb = getattr(report, name)
    first = next(iter(inspect.signature(verb).parameters))
    with pytest.raises(ce.TrialError, match=f"^`{first}` ") as told:
        verb(wrong)
    assert not plt.get_fignums()
    if not isinstance(wrong, list):
        assert re.search(r"got \w+; `\w+` makes one\.$", str(told.value))


@pytest.mark.parametrize("name", VERBS)
def test_each_takes_axes_and_returns_them(name: str) -> None:
    """`ax`, or `axes` where there are several, by keyword and left out by default."""
    asked = inspect.signature(getattr(report, name))
    (axes,) = [each for key, each in asked.parameters.items() if key in ("ax", "axes")]
    assert axes.kind is inspect.Parameter.KEYWORD_ONLY
    assert axes.default is None
    assert asked.return_annotation in (Axes, list[Axes], tuple[Axes, Axes, Axes])


def test_no_balance_table_at_all_is_refused() -> None:
    with pytest.raises(ce.TrialError, match="`tables` has no table; give what"):
        report.plot_balance(())
    with pytest.raises(ce.TrialError, match="`tables` must be a `BalanceTable`, got Trial"):
        report.plot_balance([ce.load_rossi()])  # type: ignore[list-item]


def drawn_of_strange_names() -> Iterator[tuple[str, Any]]:
    """Figures of nouns whose names are strange: arms, outcomes, levels, pathways."""
    curve = ce.survival_curve(ce.load_rossi(), outcome="rearrest")
    arms = (STRANGE, "other \x00 $")
    curve = replace(curve, arms=arms, outcome=STRANGE)
    yield "survival", lambda ax: report.plot_survival(curve, ax=ax)
    yield "log log", lambda ax: report.plot_log_log(curve, ax=ax)
    incidence = replace(every_noun()["Incidence"], arms=arms)
    yield "incidence", lambda ax: report.plot_incidence(incidence, ax=ax)
    table = every_noun()["BalanceTable"]
    rows = tuple(replace(each, level=f"{STRANGE} {each.level}") for each in table.rows)
    yield "balance", lambda ax: report.plot_balance(replace(table, rows=rows), ax=ax)
    inequality = every_noun()["Inequality"]
    named = replace(inequality, difference=replace(inequality.difference, contrast=arms))
    yield "lorenz", lambda ax: report.plot_lorenz(named, ax=ax)
    found = every_noun()["Flow"]
    yield "flow", lambda ax: report.flow_diagram(replace(found, arms=arms), ax=ax)
    together = every_noun()["CoOccurrence"]
    pathways = (STRANGE, *together.pathways[1:])
    yield "phi", lambda ax: report.plot_phi(replace(together, pathways=pathways), ax=ax)


FIGURES = dict(drawn_of_strange_names())


@pytest.mark.parametrize("name", FIGURES)
def test_names_are_drawn_as_they_are_and_need_no_warning(name: str) -> None:
    ax = FIGURES[name](plt.figure().add_subplot())
    ax.set_title("an own $x^2$")  # the caller's Axes stay the caller's
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The mark in the place of what cannot be drawn is in no font of every machine but ours.
        ax.figure.canvas.draw()
    texts = [each.get_text() for each in ax.findobj(mpl.text.Text)]
    assert any("$\\frac{" in each.replace("\n", " ") for each in texts)
    assert not any(re.search("[\x00-\x08]", each) for each in texts)
    assert any("\ufffd" in each for each in texts)


def test_colours_follow_the_arms_of_the_trial(three: ce.Trial) -> None:
    colours = dict(zip(ARMS, (CONTROL, *TREATMENTS), strict=False))
    assert arm_colours(("court", "contract"), every=ARMS) == {
        "court": CONTROL,
        "contract": TREATMENTS[1],
    }
    inequality = models.harm_inequality(three, outcome="harm", arm="contract")
    ax = report.plot_lorenz(inequality, arms=three.arms)
    handles, _ = ax.get_legend_handles_labels()
    assert [to_hex(each.get_color()) for each in handles] == [colours["court"], colours["contract"]]
    alone = report.plot_lorenz(inequality)
    assert to_hex(alone.get_legend_handles_labels()[0][1].get_color()) == TREATMENTS[0]
    groups = models.subgroup_effects(three, effect=_breach, by=("sex",))
    squares = [
        line
        for line in report.plot_subgroups(groups, arms=three.arms).lines
        if line.get_marker() == "s"
    ]
    assert squares
    assert {to_hex(each.get_color()) for each in squares} == {colours["contract"]}
    horizons = models.restricted_mean_curve(three, outcome="reoffence", arm="contract")
    line = report.plot_contrast(horizons, arms=three.arms).lines[1]
    assert to_hex(line.get_color()) == colours["contract"]


def _breach(people: ce.Trial, **asked: Any) -> ce.Estimate:
    return ce.risk_difference(people, outcome="breach", arm="contract", **asked)


def test_an_arm_that_is_not_among_all_arms_is_refused(three: ce.Trial) -> None:
    inequality = models.harm_inequality(three, outcome="harm", arm="contract")
    with pytest.raises(ce.UnknownColumn, match="arm 'contract' is not known"):
        report.plot_lorenz(inequality, arms=("court", "caution"))


def test_a_report_gives_each_arm_its_colour_and_each_key_its_marks(three: ce.Trial) -> None:
    """A key above its figure is drawn too: what lies outside a canvas is cut without a word."""
    drawings = {each.name: each for each in draw_all(ce.evaluate(three), kinds=("svg",))}
    lorenz = drawings["lorenz-harm-contract"]
    assert TREATMENTS[1] in lorenz.svg
    assert TREATMENTS[0] not in lorenz.svg
    assert lorenz.title.endswith(", contract")
    for name in ("forest-exploratory", "balance"):
        root = ElementTree.fromstring(drawings[name].svg)
        keys = [each for each in root.iter() if (each.get("id") or "").startswith("legend_")]
        assert len(keys) == 1
        marks = {
            shade
            for shade in TREATMENTS
            for use in keys[0].iter("{http://www.w3.org/2000/svg}use")
            if shade in (use.get("style") or "")
        }
        assert marks == set(TREATMENTS[:2])


def test_names_of_balance_do_not_lie_over_each_other() -> None:
    table = every_noun()["BalanceTable"]
    long = "a column with a rather long name that somebody chose " * 3
    rows = tuple(replace(each, covariate=long) for each in table.rows)
    ax = report.plot_balance(replace(table, rows=rows))
    ax.figure.canvas.draw()
    boxes = [each.get_window_extent() for each in ax.get_yticklabels()]
    assert len(boxes) > 2
    for upper, lower in pairwise(boxes):
        assert not upper.overlaps(lower)


def test_the_theme_takes_a_dollar_for_a_dollar() -> None:
    with theme():
        ax = plt.figure().add_subplot()
        ax.set_xlabel("£5 or $6 or $7")
    ax.figure.canvas.draw()
    assert not ax.xaxis.label.get_parse_math()
    assert mpl.rcParams["text.parse_math"]


def test_the_theme_leaves_alone_what_a_notebook_sets_with_its_first_figure() -> None:
    before = mpl.rcParams["interactive"]
    try:
        with theme():
            mpl.rcParams["interactive"] = not before
        assert mpl.rcParams["interactive"] is not before
    finally:
        mpl.rcParams["interactive"] = before


def test_long_names_of_subgroups_take_two_lines_and_leave_letters_their_size(
    three: ce.Trial,
) -> None:
    """A figure as wide as its longest name would be shrunk on the page until nobody reads it."""
    long = "a column that somebody named at length, as one does who never draws anything, " * 2
    found = models.subgroup_effects(three, effect=_breach, by=("sex",))
    named = replace(found.subgroups[0], moderator=long, levels=(long, "M"))
    ax = report.plot_subgroups(replace(found, subgroups=(named,)))
    ax.figure.canvas.draw()
    assert ax.figure.get_size_inches()[0] < 16
    boxes = [each.get_window_extent() for each in ax.get_yticklabels()]
    assert max(each.get_text().count("\n") for each in ax.get_yticklabels()) == 1
    for upper, lower in pairwise(boxes):
        assert not upper.overlaps(lower)


def test_medians_are_not_read_off_the_steps_of_a_protected_curve() -> None:
    """Steps that hold ten events cross one half where the data do not."""
    rng = np.random.default_rng(4)
    people = pd.DataFrame(
        {"arm": [0, 1] * 100, "days": rng.integers(1, 365, 200), "again": rng.random(200) < 0.9}
    )
    trial = ce.Trial.from_frame(
        people, arm="arm", control=0, times={"reoffence": ("days", "again", "days")}
    )
    evaluation = ce.evaluate(trial)
    for found, told in ((evaluation, True), (report.protect(evaluation), False)):
        (curve,) = (each for each in draw_all(found) if each.name == "survival-reoffence")
        assert ("(median " in curve.svg) is told
