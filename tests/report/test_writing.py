"""What is written: the page, the folder, the figures; and that nothing is ever half-written."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.report import folder as folder_module
from checkpoint_eval.report.sections_headline import headline
from checkpoint_eval.report.tables import format_effect, format_p

FIGURES = ["balance", "flow", "forest", "survival-rearrest"]


class Page(HTMLParser):
    """Collects what a browser would fetch, ids, and that tags close."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.fetched += [named[key] or "" for key in ("src", "data") if key in named]
        if tag in ("link", "script"):
            self.fetched.append(str(named))
        if named.get("id"):
            self.ids.append(str(named["id"]))
        if tag not in ("meta", "br", "path", "use", "rect"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.open:
            while self.open.pop() != tag:
                pass


@pytest.fixture(scope="module")
def page(evaluation: ce.Evaluation, tmp_path_factory: pytest.TempPathFactory) -> str:
    place = tmp_path_factory.mktemp("page") / "report.html"
    path = ce.write_report(evaluation, place, disclosure=None)
    return path.read_text(encoding="utf-8")


def test_the_page_stands_alone(page: str) -> None:
    parsed = Page()
    parsed.feed(page)
    assert parsed.fetched == []
    assert parsed.open == []
    assert "@import" not in page
    assert not re.findall(r"url\((?!#)", page)
    assert len(parsed.ids) == len(set(parsed.ids)), "figures share a page, their ids must differ"


def test_the_page_tells_what_consort_asks(page: str, evaluation: ce.Evaluation) -> None:
    text = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    for needed in (
        "48 of 216 people assigned to financial aid (22.2%)",
        "−16.50 to −0.02 percentage points",
        "0.684 (0.470 to 0.996)",
        "66/216; 30.6%",
        "0.7273 (0.5273 to 0.9996)",
        "24.2 (5.7)",
        "Planned, confirmatory",
        "95% interval",
        evaluation.protocol_digest,
        evaluation.data_digest,
        "1980",
        "first arrest after release",
    ):
        assert needed in text, needed
    assert text.count("<figure") == len(FIGURES)
    assert re.search(r'role="img" aria-labelledby="flow-title flow-desc"', page)
    assert "Participant flow. randomised: no aid 216, financial aid 216;" in page


def test_text_of_users_is_escaped(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"arm": [0, 0, 1, 1] * 5, "t": range(1, 21), "e": [1, 0, 1, 1] * 5, "<b>": [1.0, 2.0] * 10}
    )
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, covariates=["<b>"], times={"<script>": ("t", "e", "days")}
    )
    text = ce.write_report(ce.evaluate(trial), tmp_path / "r.html").read_text(encoding="utf-8")
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_the_same_bytes_twice_and_in_another_process(
    evaluation: ce.Evaluation, tmp_path: Path
) -> None:
    first = report.write_folder(evaluation, tmp_path / "one")
    code = (
        "import sys, checkpoint_eval as ce\n"
        "ce.report.write_folder(ce.evaluate(ce.load_rossi()), sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "two")], check=True)
    for file in sorted(path for path in first.rglob("*") if path.is_file()):
        again = tmp_path / "two" / file.relative_to(first)
        assert again.read_bytes() == file.read_bytes(), file.name


def test_the_folder(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    folder = report.write_folder(evaluation, tmp_path / "new" / "report")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    figures = sorted(f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg"))
    tables = ["estimates.csv", "estimates.parquet", "evaluation.json"]
    assert names == [*tables, *figures, "report.html"]
    table = pd.read_csv(folder / "estimates.csv")
    # To the decimals that are printed: the folder leaves the building.
    assert table.loc[0, "value"] == pytest.approx(evaluation.results[0].value.value, abs=5e-4)
    assert (table["protocol_digest"] == evaluation.protocol_digest).all()
    for path in (folder / "figures").glob("*.png"):
        assert path.read_bytes().startswith(b"\x89PNG")
    again = report.write_folder(evaluation, folder)
    assert again == folder


def test_a_folder_that_is_not_ours_is_left_alone(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    theirs = tmp_path / "thesis"
    theirs.mkdir()
    (theirs / "chapter.txt").write_text("words")
    with pytest.raises(ce.OutputRefused, match=r"chapter.txt.*not ours; choose another folder"):
        report.write_folder(evaluation, theirs)
    assert (theirs / "chapter.txt").read_text() == "words"
    ours = report.write_folder(evaluation, tmp_path / "ours")
    (ours / "figures" / "notes.md").write_text("mine")
    with pytest.raises(ce.OutputRefused, match=r"notes\.md"):
        report.write_folder(evaluation, ours)
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ce.OutputRefused, match="is a file; choose a folder"):
        report.write_folder(evaluation, file)


@pytest.mark.parametrize("stop", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_an_interrupted_run_leaves_the_old_report(
    evaluation: ce.Evaluation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    target = report.write_folder(evaluation, tmp_path / "report")
    before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}

    def interrupted(*_: object, **__: object) -> None:
        raise stop

    monkeypatch.setattr(pd.DataFrame, "to_csv", interrupted)
    with pytest.raises((KeyboardInterrupt, ce.OutputRefused)):
        report.write_folder(evaluation, target)
    assert {path: path.read_bytes() for path in target.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


def test_a_killed_run_leaves_no_half_report(tmp_path: Path) -> None:
    """kill -9 between the first and the last file: the named folder does not exist."""
    code = (
        "import os, sys, signal, pandas as pd, checkpoint_eval as ce\n"
        "pd.DataFrame.to_csv = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)\n"
        "ce.report.write_folder(ce.evaluate(ce.load_rossi()), sys.argv[1])"
    )
    died = subprocess.run([sys.executable, "-c", code, str(tmp_path / "report")], check=False)
    assert died.returncode == -9
    assert not (tmp_path / "report").exists()


def test_write_report_refuses_what_is_not_a_report(
    evaluation: ce.Evaluation, tmp_path: Path
) -> None:
    path = tmp_path / "report.html"
    path.write_text("<html>my thesis</html>")
    with pytest.raises(ce.OutputRefused, match="not a report of ours"):
        ce.write_report(evaluation, path)
    with pytest.raises(ce.OutputRefused, match="does not exist; make it"):
        ce.write_report(evaluation, tmp_path / "none" / "report.html")
    with pytest.raises(ce.OutputRefused, match="is a folder"):
        ce.write_report(evaluation, tmp_path)
    with pytest.raises(ce.OutputRefused, match=r"must end in \.html"):
        ce.write_report(evaluation, tmp_path / "report.pdf")
    assert not (tmp_path / "report.pdf").exists()
    assert path.read_text() == "<html>my thesis</html>"
    path.unlink()
    ce.write_report(evaluation, path)
    ce.write_report(evaluation, path)


def test_survival_figure_holds_the_curve(evaluation: ce.Evaluation) -> None:
    curve = evaluation.curves[0]
    ax = report.plot_survival(curve)
    lines = {line.get_label(): line for line in ax.get_lines()}
    for code, arm in enumerate(curve.arms):
        x, y = lines[arm].get_data()
        assert np.array_equal(x[1:], curve.time)
        assert np.array_equal(y[1:], curve.survival[code])
        assert y[0] == 1
    table = [text.get_text() for child in ax.child_axes for text in child.texts]
    assert table.count("216") == 2
    assert {"208", "196", "180", "170", "210", "154", "168"} <= set(table)
    plt.close("all")


def test_balance_figure_holds_the_differences(evaluation: ce.Evaluation) -> None:
    ax = report.plot_balance(evaluation.balance[0])
    drawn = np.concatenate([np.asarray(each.get_offsets()) for each in ax.collections])[:, 0]
    assert drawn == pytest.approx([row.difference for row in evaluation.balance[0].rows])
    plt.close("all")


def test_forest_figure_holds_every_estimate(evaluation: ce.Evaluation) -> None:
    axes = report.plot_forest(evaluation)
    drawn = [line.get_xdata() for ax in axes for line in ax.get_lines() if len(line.get_xdata())]
    points = sorted(float(np.atleast_1d(x)[0]) for x in drawn if np.size(x) == 1)
    values = sorted(
        each.value.value for each in evaluation.results if isinstance(each.value, ce.Estimate)
    )
    assert points == pytest.approx(values)
    plt.close("all")


def test_flow_figure_with_screening_and_three_arms() -> None:
    from checkpoint_eval.balance.participant_flow import Flow, FlowStep

    steps = (FlowStep(step="randomised", counts=(10, 11, 12)),)
    flow = Flow(arms=("a", "b", "c"), steps=steps, assessed=40, excluded=(("no consent", 7),))
    texts = [text.get_text() for text in report.flow_diagram(flow).texts]
    assert "Assessed for eligibility: 40" in texts
    assert "Excluded: 7\nno consent: 7" in texts
    assert "Randomised: 33" in texts
    plt.close("all")


def made(value: float, low: float, high: float, scale: str, estimand: str) -> ce.Estimate:
    return ce.Estimate(
        estimand=estimand,
        outcome="y",
        analysis_set="itt",
        contrast=("t", "c"),
        scale=scale,  # type: ignore[arg-type]
        value=value,
        low=low,
        high=high,
        level=0.95,
        p_value=0.5,
        method="m",
        n=(10, 10),
        events=(1, 2),
        unit="days",
    )


def test_no_limit_reads_as_no_effect_unless_it_is() -> None:
    ratio = made(0.9, 0.81, 0.9997, "ratio", "hazard ratio")
    assert format_effect(ratio) == "0.9000 (0.8100 to 0.9997)"
    points = made(-0.08, -0.16, -0.0002, "difference", "risk difference")
    assert format_effect(points) == "−8.00 points (−16.00 to −0.02)"
    exact = made(0.0, -0.1, 0.1, "difference", "risk difference")
    assert format_effect(exact) == "+0.0 points (−10.0 to +10.0)"


def test_p_values_are_numbers_not_verdicts() -> None:
    assert [format_p(p) for p in (0.0004, 0.0495, 1.0, float("nan"))] == [
        "<0.001",
        "0.050",
        "1.000",
        "–",
    ]


def test_headline_without_a_risk_difference_says_so(evaluation: ce.Evaluation) -> None:
    import dataclasses

    tests = tuple(
        each for each in evaluation.results if isinstance(each.value, ce.SignificanceTest)
    )
    bare = dataclasses.replace(evaluation, results=tests)
    assert "No plain comparison" in headline(bare)


def test_figures_are_not_left_open(evaluation: ce.Evaluation, tmp_path: Path) -> None:
    plt.close("all")
    folder_module.write_folder(evaluation, tmp_path / "report")
    assert plt.get_fignums() == []
