"""A few figures as pictures: flow, survival with its risk table, forest and pathways.

Figures are tested by their data elsewhere; these see what data cannot tell, such as text over text.
A picture is made anew by deleting its file and running this test, which then writes and fails.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.balance.participant_flow import Flow, FlowStep
from checkpoint_eval.outcomes import PathwayScores
from checkpoint_eval.report.figures import theme

IMAGES = Path(__file__).parent / "images"
DOTS, BLOCK = 60, 6
# Inches around the figure, the same whatever is drawn there: a box that fits what is drawn would
# move everything where a letter is wider.
AROUND = 2.5, 1.2, 3.0, 0.5
# Root mean square of red, green and blue (0 to 255) over blocks of a tenth of an inch in which
# anything is drawn. The font comes with matplotlib, and so does what draws it: one version gives
# the same dots on every machine but for rounding, so that 1 is much. The least that a reader would
# notice is several times as much: a line of text gone from the forest 6, the two arms' colours
# exchanged 6, the curves lower by 5% 8. One digit is 0.4 and not seen here; the data tell.
TOLERANCE = 1.0
# Between minor versions lines of text lie otherwise, which nobody would notice: pictures by 3.9 and
# by 3.10 are 6 to 15 from those by 3.11. A figure that is empty is 32 or more from its picture, one
# that has moved by a fifth of an inch 20 or more: so much is seen on every version.
VERSION, ELSEWHERE = "3.11", 18.0


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def flow() -> Any:
    steps = (("randomised", (260, 261)), ("received as assigned", (254, 245)))
    steps += (("reoffence unknown", (4, 0)), ("reoffence analysed", (256, 261)))
    return report.flow_diagram(
        Flow(
            arms=("prosecution", "Checkpoint contract"),
            steps=tuple(FlowStep(step=name, counts=counts) for name, counts in steps),
            assessed=900,
            excluded=(("no consent", 200), ("charged with too serious an offence", 179)),
        )
    )


def survival() -> Any:
    return report.plot_survival(ce.survival_curve(ce.load_rossi(), outcome="rearrest"))


def forest() -> Any:
    return report.plot_forest(ce.evaluate(ce.load_rossi()))[0]


def pathways() -> Any:
    rng = np.random.default_rng(5)
    before = rng.integers(0, 5, (80, 3)).astype(float)
    people = pd.DataFrame({"arm": [0, 1] * 40, "y": rng.integers(0, 2, 80)})
    trial = ce.Trial.from_frame(people, arm="arm", control=0, binary={"y": "y"})
    after = np.maximum(before - rng.integers(0, 3, (80, 3)), 0)
    scores = PathwayScores(
        pathways=("accommodation", "drugs and alcohol", "finances"),
        baseline=before,
        follow_up=after,
    )
    return report.plot_pathways(models.compare_pathways(trial, scores, draws=99, rng=rng))


DRAWN: dict[str, Callable[[], Any]] = {
    "flow": flow,
    "survival": survival,
    "forest": forest,
    "pathways": pathways,
}


def write(figure: Figure, path: Path) -> None:
    left, below, right, above = AROUND
    wide, high = figure.get_size_inches()
    box = Bbox([[-left, -below], [wide + right, high + above]])
    # Letters are not moved to whole dots, which each version does in a way of its own.
    with theme(), mpl.rc_context({"text.hinting": "none"}):
        figure.savefig(path, dpi=DOTS, bbox_inches=box, metadata={"Software": None})


def blocks(path: Path) -> np.ndarray:
    """Return (rows, columns, 3) mean levels of red, green and blue, 0 to 255, over blocks."""
    levels = 255 * plt.imread(path)[..., :3]
    high, wide = (size // BLOCK for size in levels.shape[:2])
    cut = levels[: high * BLOCK, : wide * BLOCK]
    return cut.reshape(high, BLOCK, wide, BLOCK, 3).mean(axis=(1, 3))


def apart(one: Path, other: Path) -> float:
    """Return how far two pictures are apart, where either has anything drawn."""
    first, second = blocks(one), blocks(other)
    assert first.shape == second.shape
    drawn = (np.minimum(first, second) < 250).any(axis=2)
    return float(np.sqrt(np.mean((first[drawn] - second[drawn]) ** 2)))


@pytest.mark.parametrize("name", DRAWN)
def test_it_looks_as_it_did(name: str, tmp_path: Path) -> None:
    kept, drawn = IMAGES / f"{name}.png", tmp_path / f"{name}.png"
    write(DRAWN[name]().figure, drawn)
    if not kept.exists():
        kept.write_bytes(drawn.read_bytes())
        pytest.fail(f"{kept} was not there and has been written; look at it, and keep it or not")
    same = mpl.__version__.startswith(f"{VERSION}.")
    assert apart(kept, drawn) < (TOLERANCE if same else ELSEWHERE)


def exchanged(figure: Figure) -> None:
    """Give each arm the colour of the other."""
    lines = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) > 3]
    colours = [line.get_color() for line in lines]
    for line, colour in zip(lines, reversed(colours), strict=True):
        line.set_color(colour)


def lowered(figure: Figure) -> None:
    for line in figure.axes[0].get_lines():
        line.set_ydata(np.asarray(line.get_ydata()) - 0.05)


def overlaid(figure: Figure) -> None:
    """Write the numbers at risk of both arms over each other."""
    for text in figure.axes[0].child_axes[0].texts:
        text.set_y(0)


@pytest.mark.parametrize("spoil", [exchanged, lowered, overlaid])
def test_what_a_reader_sees_is_more_than_the_tolerance(
    spoil: Callable[[Figure], None], tmp_path: Path
) -> None:
    """Or the comparison above would let anything pass."""
    figure = survival().figure
    write(figure, tmp_path / "one.png")
    spoil(figure)
    write(figure, tmp_path / "other.png")
    assert apart(tmp_path / "one.png", tmp_path / "other.png") > 3 * TOLERANCE


@pytest.mark.parametrize("spoil", [np.ones_like, lambda dots: np.roll(dots, 2 * BLOCK, axis=1)])
@pytest.mark.parametrize("name", DRAWN)
def test_what_is_empty_or_elsewhere_is_seen_on_every_version(
    name: str, spoil: Callable[[np.ndarray], np.ndarray], tmp_path: Path
) -> None:
    plt.imsave(tmp_path / "other.png", spoil(plt.imread(IMAGES / f"{name}.png")))
    assert apart(IMAGES / f"{name}.png", tmp_path / "other.png") > ELSEWHERE
