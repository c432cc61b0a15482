"""The certificate: its arithmetic by hand, known faults found, and runs that can be resumed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from checkpoint_eval.cohort import Effect, Recording, Reoffending, Scenario, certify
from checkpoint_eval.cohort.characteristics import Characteristic, Replicates, characteristic
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report import certificate_page, write_certificate

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoint_eval.cohort import Certificate

SMALL = {
    "no effect": Scenario(people=60, recording=Recording(deaths=0, departures=0)),
    "proportional": Scenario(
        people=60,
        effect=Effect.constant(0.5),
        reoffending=Reoffending(months=(12,), risks=(0.5,), never=0, spread=0, frailty=0),
        recording=Recording(deaths=0, departures=0),
    ),
}


def told(shift: float = 0.0, width: float = 1.96, *, scale: str = "difference") -> Characteristic:
    """Two thousand estimates of 0.5 with standard error 1/10, intervals as wide as said."""
    value = 0.5 + shift + np.random.default_rng(1).normal(size=2000) / 10
    if scale == "ratio":
        value = np.exp(value)
        low, high = value / np.exp(width / 10), value * np.exp(width / 10)
    else:
        low, high = value - width / 10, value + width / 10
    return characteristic(
        Replicates(
            value=value,
            low=low,
            high=high,
            std_error=np.full(2000, 0.1),
            p_value=np.linspace(0, 1, 2001)[1:],
        ),
        setting="by hand",
        estimator="normal",
        estimand="mean",
        assumptions="",
        scale=scale,
        truth=float(np.exp(0.5)) if scale == "ratio" else 0.5,
        null=True,
    )


@pytest.mark.parametrize("scale", ["difference", "ratio"])
def test_a_sound_estimator(scale: str) -> None:
    """Bias within its error, spread as reported, 95 % covered, 5 % rejected; logarithms alike."""
    found = told(scale=scale)
    assert abs(found.bias) < 4 * found.bias_error
    assert found.bias_error == pytest.approx(0.1 / np.sqrt(2000), rel=0.1)
    assert found.spread == pytest.approx(found.reported, rel=0.06)
    assert found.covered_low < 0.95 < found.covered_high
    assert found.rejected == pytest.approx(0.05)
    assert found.rejected_low < 0.05 < found.rejected_high
    assert found.verdict == "as it should"
    assert found == told(scale=scale)


@pytest.mark.parametrize(
    ("shift", "width", "verdict"),
    [
        (0.1, 1.96, "covers too seldom"),  # a whole standard error off: 83 %
        (0.0, 1.5, "covers too seldom"),  # 87 %
        (0.0, 2.6, "covers too often"),  # 99 %
    ],
)
def test_known_faults_are_found(shift: float, width: float, verdict: str) -> None:
    assert told(shift, width).verdict == verdict


def test_faults_of_tests_are_found() -> None:
    """A size of 15 % and one of 1 %, where the null is true; where it is not, that is power."""
    for share, verdict in ((0.15, "rejects too often"), (0.01, "rejects seldom")):
        p_value = np.where(np.arange(1000) < 1000 * share, 0.01, 0.5)
        none = np.full(1000, np.nan)
        kept = Replicates(value=none, low=none, high=none, std_error=none, p_value=p_value)
        for null in (True, False):
            found = characteristic(
                kept,
                setting="by hand",
                estimator="test",
                estimand="",
                assumptions="",
                scale="test",
                truth=float("nan"),
                null=null,
            )
            assert found.rejected == pytest.approx(share)
            assert found.verdict == (verdict if null else "as it should")
            assert np.isnan(found.covered)


def test_what_is_not_estimable_is_counted_and_left_out() -> None:
    value = np.array([0.0, np.nan, 2.0])
    found = characteristic(
        Replicates(value=value, low=value - 1.5, high=value + 1.5, std_error=value, p_value=value),
        setting="",
        estimator="",
        estimand="x",
        assumptions="",
        scale="difference",
        truth=1.0,
        null=False,
    )
    assert (found.trials, found.estimable, found.bias, found.covered) == (3, 2, 0, 1)


# --- runs --------------------------------------------------------------------------------------


def run(folder: Path | None = None, **how: Any) -> Certificate:
    return certify(**({"trials": 60, "seed": 3, "scenarios": SMALL, "folder": folder} | how))


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Certificate]:
    folder = tmp_path_factory.mktemp("blocks")
    return folder, run(folder)


def test_any_number_of_jobs_gives_the_same(first: tuple[Path, Certificate]) -> None:
    assert run(jobs=2).to_frame().equals(first[1].to_frame())


def test_a_run_goes_on_where_it_was(first: tuple[Path, Certificate]) -> None:
    """Of four blocks one is lost and one cut short: these two are done again, to the same."""
    folder, certificate = first
    files = sorted(folder.glob("*.json"))
    assert len(files) == 4
    kept = [file.read_bytes() for file in files]
    files[0].unlink()
    files[1].write_bytes(kept[1][:100])
    asked = []

    def watch(blocks: Any) -> Any:
        asked.extend(blocks)
        return blocks

    again = run(folder, progress=watch)
    assert len(asked) == 2
    assert again.to_frame().equals(certificate.to_frame())
    assert [file.read_bytes() for file in files] == kept


def test_another_seed_or_setting_uses_no_old_block(first: tuple[Path, Certificate]) -> None:
    folder, certificate = first
    other = run(folder, seed=4, trials=5)
    assert not other.to_frame().equals(certificate.to_frame())
    changed = {"no effect": Scenario(people=60, recording=Recording(deaths=0.3, departures=0))}
    asked = []
    run(
        folder, scenarios=changed, trials=50, progress=lambda blocks: asked.extend(blocks) or blocks
    )
    assert len(asked) == 1


def test_every_estimator_stands_in_every_setting(first: tuple[Path, Certificate]) -> None:
    frame = first[1].to_frame()
    table = frame.pivot_table(index="estimator", columns="setting", values="trials", aggfunc="sum")
    assert (table == 60).to_numpy().all()
    null = frame[(frame["setting"] == "no effect") & (frame["scale"] != "test")]
    assert (null["truth"] == np.where(null["scale"] == "ratio", 1, 0)).all()
    assert (frame["estimable"] > 50).all()


def test_the_page(first: tuple[Path, Certificate], tmp_path: Path) -> None:
    """Every estimator has a row in every setting, and the table holds the same numbers."""
    certificate = first[1]
    text = certificate_page(certificate)
    for row in certificate.rows:
        assert text.count(f"| {row.estimator} ") >= 2
    assert "--trials 60" in text
    page = write_certificate(certificate, tmp_path / "new")
    assert page.read_text(encoding="utf-8") == text
    assert (page.with_suffix(".csv")).read_text().count("\n") == len(certificate.rows) + 1


def test_blocks_are_plain_json(first: tuple[Path, Certificate]) -> None:
    held = json.loads(next(first[0].glob("*.json")).read_text())
    assert set(held["log-rank"]) == {"value", "low", "high", "std_error", "p_value"}


@pytest.mark.parametrize(
    "how",
    [{"trials": 0}, {"seed": -1}, {"seed": 1.5}, {"jobs": 0}, {"people": 5, "scenarios": None}],
)
def test_impossible_runs_are_refused(how: dict[str, Any]) -> None:
    with pytest.raises(TrialError, match=f"`{next(iter(how))}`"):
        run(**how)


@pytest.mark.slow
def test_nothing_is_outside_its_limits_where_assumptions_hold() -> None:
    """Three hundred trials a setting; the page shipped with the documentation has a thousand."""
    certificate = certify(trials=300, people=400, seed=11, jobs=2)
    assert not certificate.defects()
    navigators = [row for row in certificate.rows if row.setting == "navigators"]
    assert any(row.verdict == "covers too seldom" for row in navigators)
