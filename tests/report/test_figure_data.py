"""What figures hold, read back from their Axes; and that they are of one theme."""

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from every_noun import every_noun
from matplotlib.axes import Axes
from matplotlib.ft2font import FT2Font, LoadFlags

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.balance.participant_flow import Flow, FlowStep
from checkpoint_eval.report.figures import STYLE, arm_colours, theme
from checkpoint_eval.report.rendering import draw_all

SRC = Path(ce.__file__).parent


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def drawn(ax: Axes, label: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the coordinates of the line of this label."""
    (line,) = [each for each in ax.get_lines() if each.get_label() == label]
    return np.asarray(line.get_xdata(), dtype=float), np.asarray(line.get_ydata(), dtype=float)


def at_risk(ax: Axes) -> list[str]:
    return [text.get_text() for child in ax.child_axes for text in child.texts]


def test_incidence_holds_the_curves_of_one_cause() -> None:
    found = every_noun()["Incidence"]
    cause = found.causes[0]
    ax = report.plot_incidence(found, cause=cause)
    for code, arm in enumerate(found.arms):
        here = found.at_risk[code] > 0
        x, y = drawn(ax, arm)
        assert np.array_equal(x, [0, *found.time[here]])
        assert np.array_equal(y, [0, *found.incidence[0, code][here]])
    assert ax.get_ylabel() == f"Cumulative incidence of {cause}"
    assert len(ax.collections) == len(found.arms), "one band an arm"
    assert {f"{found.at_risk[code, 0]:,}" for code in range(len(found.arms))} <= set(at_risk(ax))


def test_incidence_of_all_causes_names_cause_and_arm() -> None:
    found = every_noun()["Incidence"]
    ax = report.plot_incidence(found)
    names = {f"{cause}, {arm}" for cause in found.causes for arm in found.arms}
    several = len(found.causes) > 1
    assert {line.get_label() for line in ax.get_lines()} == (names if several else set(found.arms))


def test_mean_events_hold_the_means() -> None:
    found = every_noun()["MeanCumulative"]
    ax = report.plot_mean_events(found)
    for code, arm in enumerate(found.arms):
        here = found.at_risk[code] > 0
        x, y = drawn(ax, arm)
        assert np.array_equal(x, [0, *found.time[here]])
        assert np.array_equal(y, [0, *np.nan_to_num(found.mean[code])[here]])
    assert found.outcome in ax.get_ylabel()


def test_a_fit_is_drawn_over_the_curve_that_it_is_of() -> None:
    fit, curve = every_noun()["ParametricFit"], every_noun()["Curve"]
    ax = report.plot_fit(fit, curve=curve)
    for code, arm in enumerate(fit.arms):
        x, y = drawn(ax, arm)
        assert np.array_equal(x, fit.time)
        assert np.array_equal(y, fit.survival[code])
    steps = [each for each in ax.get_lines() if each.get_drawstyle() == "steps-post"]
    for code, line in enumerate(steps):
        assert np.array_equal(line.get_ydata()[1:], curve.survival[code])


def test_integrity_holds_shares_and_limits() -> None:
    found = every_noun()["Integrity"]
    ax = report.plot_integrity(found)
    for arm in found.arms:
        rows = [each for each in found.rows if each.arm == arm and each.people]
        assert drawn(ax, arm)[1] == pytest.approx([100 * each.share for each in rows])
    ends = [path.vertices[:, 1] for each in ax.collections for path in each.get_paths()]
    limits = [
        (100 * each.low, 100 * each.high)
        for arm in found.arms
        for each in found.rows
        if each.arm == arm and each.people
    ]
    assert np.array(ends) == pytest.approx(np.array(limits))


def test_months_are_joined_and_suites_are_not() -> None:
    found = every_noun()["Integrity"]
    assert found.by != ("month",)
    for by, joined in ((("month",), True), (found.by, False)):
        ax = report.plot_integrity(replace(found, by=by))
        lines = [each for each in ax.get_lines() if each.get_label() in found.arms]
        assert lines
        assert all((each.get_linestyle() != "None") is joined for each in lines)


def test_groups_of_one_column_are_named_once() -> None:
    found = every_noun()["Integrity"]
    assert len(found.by) == 1
    ax = report.plot_integrity(found)
    assert ax.get_xlabel() == found.by[0]
    assert not any("=" in each.get_text() for each in ax.get_xticklabels())


def test_fidelity_holds_how_far_each_measure_is() -> None:
    found = every_noun()["Fidelity"]
    ax = report.plot_fidelity(found)
    rows = [each for each in found.margins if not np.isnan(each.errors_away)]
    assert [each.get_text() for each in ax.get_yticklabels()] == [each.measure for each in rows]
    (dots,) = [each for each in ax.get_lines() if each.get_marker() == "o"]
    low, high = ax.get_xlim()
    away = np.clip([each.errors_away for each in rows], low, high)
    assert np.asarray(dots.get_xdata()) == pytest.approx(away)


def test_the_flow_has_a_box_for_each_step_of_each_arm() -> None:
    steps = (
        FlowStep(step="randomised", counts=(260, 1261)),
        FlowStep(step="received as assigned", counts=(254, 1245)),
        FlowStep(step="reoffence unknown", counts=(4, 0)),
        FlowStep(step="reoffence analysed", counts=(256, 1261)),
    )
    ax = report.flow_diagram(Flow(arms=("court", "contract"), steps=steps))
    texts = [each.get_text() for each in ax.texts if each.get_text()]
    assert texts == [
        "Randomised: 1,521",
        "court\nRandomised: 260\nReceived as assigned: 254",
        "contract\nRandomised: 1,261\nReceived as assigned: 1,245",
        "Analysed\nReoffence: 256 (4 unknown)",
        "Analysed\nReoffence: 1,261 (0 unknown)",
    ]


def test_boxes_of_a_flow_do_not_lie_over_each_other() -> None:
    name = "a first offence of any kind recorded by any police force in England and Wales"
    steps = [FlowStep(step="randomised", counts=(10, 11, 12))]
    for outcome in (name, "harm"):
        steps.append(FlowStep(step=f"{outcome} unknown", counts=(1, 2, 3)))
        steps.append(FlowStep(step=f"{outcome} analysed", counts=(9, 9, 9)))
    arms = ("no further action whatsoever, as it was before the trial", "a letter", "contract")
    flow = Flow(arms=arms, steps=tuple(steps), assessed=40, excluded=(("no consent", 7),))
    ax = report.flow_diagram(flow)
    ax.figure.draw_without_rendering()
    boxes = [
        text.get_bbox_patch().get_window_extent() for text in ax.texts if text.get_bbox_patch()
    ]
    assert len(boxes) == 3 + 2 * 3
    for place, one in enumerate(boxes):
        assert not any(one.overlaps(other) for other in boxes[place + 1 :])


def calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


@pytest.mark.parametrize(
    "path", sorted((SRC / "report").glob("*figures.py")), ids=lambda path: path.name
)
def test_every_figure_is_of_the_one_theme(path: Path) -> None:
    used = calls(path)
    assert "theme" in used
    styles = {"sns.axes_style", "sns.set_theme", "sns.set_style", "plt.style.use", "mpl.rc_context"}
    assert used & styles <= ({"sns.axes_style"} if path.name == "figures.py" else set())
    # No colour of its own either, but for shades of grey behind.
    own = re.findall(r'"#[0-9a-f]{6}"', path.read_text(encoding="utf-8"))
    if path.name != "figures.py":
        assert set(own) <= {'"#f4f5f6"', '"#3c4043"'}, own


def test_the_theme_leaves_no_trace() -> None:
    before = dict(mpl.rcParams)
    with theme():
        assert mpl.rcParams["font.sans-serif"] == STYLE["font.sans-serif"]
        assert not mpl.rcParams["axes.spines.top"]
    assert dict(mpl.rcParams) == before


def _widths(font: str | Path) -> list[int]:
    """Return how far each character of the Latin script moves the pen, in font units."""
    face = FT2Font(str(font))
    return [
        face.load_char(code, LoadFlags.NO_SCALE).horiAdvance
        for code in [*range(0x20, 0x7F), *range(0xA0, 0x180)]
    ]


def test_the_font_is_one_that_every_machine_has() -> None:
    """It measures as the one that comes with matplotlib, so that pages are the same elsewhere.

    Not which file: a machine may have a copy of its own, which its font cache puts first. Pages
    hold text, not outlines, so what a font gives to their bytes is how wide the text is.
    """
    with theme():
        found = mpl.font_manager.findfont(mpl.font_manager.FontProperties())
    bundled = Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    assert _widths(found) == _widths(bundled)


def test_arms_differ_in_lightness_or_hue_whatever_their_number() -> None:
    colours = arm_colours(("control", "one", "two", "three", "four"))
    assert len(set(colours.values())) == 5


def hostile() -> ce.Trial:
    """Names that hold a bell, a NUL, an escape, markup and letters that the font has not."""
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"arm": [0, 1] * 40, "y": rng.integers(0, 2, 80), "w": rng.random(80)})
    return ce.Trial.from_frame(
        table,
        arm="arm",
        arms={0: "co\x07urt", 1: "<b>会話\x1b[31m"},
        control=0,
        covariates=["w"],
        binary={"re\x07off\x00ence & 再犯": "y"},
    )


def test_characters_that_nothing_can_draw_are_seen_everywhere(tmp_path: Path) -> None:
    evaluation = ce.evaluate(hostile())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = report.write_folder(evaluation, tmp_path / "folder", word=True, disclosure=None)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "re�off�ence &amp; 再犯" in page
    svg = (folder / "figures" / "flow.svg").read_text(encoding="utf-8")
    assert "会話" in svg
    unseen = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
    assert not unseen.search(page)
    for file in (folder / "figures").glob("*.svg"):
        ElementTree.fromstring(file.read_text(encoding="utf-8"))  # a whole document, so no NUL


def test_a_figure_is_the_same_bytes_again_and_alone(evaluation: ce.Evaluation) -> None:
    """Whatever was drawn before, and whether PNG is asked for too."""
    both = draw_all(evaluation)
    report.plot_forest(evaluation)
    alone = draw_all(evaluation, kinds=("svg",))
    assert [each.svg for each in both] == [each.svg for each in alone]
    assert all(each.png for each in both)
    assert not any(each.png for each in alone)
    assert plt.get_fignums() == [1], "figures of a report are closed"


def test_text_of_an_svg_is_text_and_all_of_it_is_in_the_box(evaluation: ce.Evaluation) -> None:
    drawing = next(each for each in draw_all(evaluation) if each.name == "forest")
    root = ElementTree.fromstring(drawing.svg)
    texts = ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "rearrest: hazard ratio, adjusted" in texts
    assert any(each.startswith("protocol ") for each in texts)
    box = [float(each) for each in root.attrib["viewBox"].split()]
    assert float(root.attrib["width"].removesuffix("pt")) == box[2]
    sheet = root.find(".//{http://www.w3.org/2000/svg}g[@id='patch_1']/*")
    assert sheet is not None
    corners = np.array(re.findall(r"-?\d+(?:\.\d+)?", sheet.attrib["d"]), dtype=float).reshape(
        -1, 2
    )
    # The white sheet under the drawing is exactly what is shown.
    assert [*corners.min(axis=0), *np.ptp(corners, axis=0)] == pytest.approx(box, abs=0.02)


def test_the_report_needs_nothing_that_is_not_known(evaluation: ce.Evaluation) -> None:
    """A footer tells protocol and data on every figure, a protocol or not."""
    bare = replace(evaluation, protocol=None, protocol_digest="")
    assert all("protocol none" in each.svg for each in draw_all(bare, kinds=("svg",)))
