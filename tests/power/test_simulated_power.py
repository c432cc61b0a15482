"""The same seed gives the same bytes however it is run, stopped, killed or moved."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pyarrow.parquet as pq
import pytest

import checkpoint_eval as ce
from checkpoint_eval.cohort import Scenario
from checkpoint_eval.design import PermutedBlocks
from checkpoint_eval.errors import OutputRefused
from checkpoint_eval.models import hazard_ratio
from checkpoint_eval.power import (
    Analysis,
    ExponentialTrial,
    PooledTrials,
    SimulatedPower,
    running_chunks,
    simulate_power,
)
from checkpoint_eval.power import chunks as chunk_parts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLANNED = ExponentialTrial(
    people=90, control_hazard=0.003, hazard_ratio=0.6, follow_up=200, accrual=100, dropout=0.0005
)
NAMES: tuple[Any, ...] = (
    "log-rank",
    "hazard ratio",
    "restricted mean difference",
    "risk difference",
    Analysis(statistic="log-rank", draws=49),
)


def simulate(seed: int = 1, scenario: Any = PLANNED, analyses: Any = NAMES, **how: Any) -> Any:
    usual: dict[str, Any] = {"trials": 330, "chunk": 60, "progress": False}
    return simulate_power(scenario, analyses, rng=np.random.default_rng(seed), **(usual | how))


def same(left: SimulatedPower, right: SimulatedPower) -> None:
    np.testing.assert_array_equal(left.value, right.value)
    np.testing.assert_array_equal(left.p_value, right.p_value)
    assert left.rows == right.rows


def cox(trial: ce.Trial, rng: np.random.Generator) -> ce.Estimate:
    del rng
    return hazard_ratio(trial, outcome="reoffence", ties="breslow")


def test_a_seed_is_its_trials() -> None:
    """Again the same; another seed another; fewer trials, and other analyses, of the same."""
    whole = simulate()
    same(whole, simulate())
    assert (whole.value[0] != simulate(seed=2).value[0]).any()
    few = simulate(trials=100)
    np.testing.assert_array_equal(few.p_value, whole.p_value[:, :100])
    alone = simulate(analyses=["hazard ratio"])
    np.testing.assert_array_equal(alone.value[0], whole.value[1])


def test_the_generator_moves_on_by_one_child() -> None:
    rng = np.random.default_rng(1)
    first = simulate_power(PLANNED, ["log-rank"], trials=20, rng=rng, progress=False)
    second = simulate_power(PLANNED, ["log-rank"], trials=20, rng=rng, progress=False)
    assert (first.value != second.value).any()


def test_workers_change_nothing(tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    same(simulate(results=one), simulate(results=two, workers=2))
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "two.parquet"]


def test_the_file_holds_a_row_a_trial(tmp_path: Path) -> None:
    file = tmp_path / "power.parquet"
    found = simulate(results=file, analyses=["log-rank", "risk difference"])
    table = pq.read_table(file).to_pandas()
    assert table["trial"].tolist() == list(range(330))
    np.testing.assert_array_equal(table["risk difference: value"], found.value[1])
    np.testing.assert_array_equal(table["log-rank: p"], found.p_value[0])


class Killed(BaseException):
    """The process goes in the middle of a chunk."""


def dies_at(monkeypatch: pytest.MonkeyPatch, number: int) -> list[int]:
    """Let the run die at a chunk; return where the numbers of chunks that are run are noted."""
    ran: list[int] = []
    real = chunk_parts.run_chunk

    def run(chunk: chunk_parts.Chunk) -> Any:
        if chunk.number == number:
            raise Killed
        ran.append(chunk.number)
        return real(chunk)

    monkeypatch.setattr(running_chunks, "run_chunk", run)
    return ran


def test_a_killed_run_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, file = tmp_path / "whole.parquet", tmp_path / "stopped.parquet"
    simulate(results=whole)
    ran = dies_at(monkeypatch, 3)
    with pytest.raises(Killed):
        simulate(results=file)
    assert ran == [0, 1, 2]
    assert not file.exists()
    ran = dies_at(monkeypatch, -1)
    simulate(results=file)
    assert ran == [3, 4, 5]  # what was done is not done again
    assert file.read_bytes() == whole.read_bytes()
    ran = dies_at(monkeypatch, -1)
    simulate(results=file)
    assert ran == []  # nor is what is finished


def test_a_finished_run_goes_on_with_more_trials(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, file = tmp_path / "whole.parquet", tmp_path / "more.parquet"
    simulate(results=whole, trials=330)
    simulate(results=file, trials=150)
    ran = dies_at(monkeypatch, -1)
    simulate(results=file, trials=330)
    assert ran == [2, 3, 4, 5]  # the third had been cut short
    assert file.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize("spoil", ["cut", "empty"])
def test_a_spoiled_part_is_done_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: str
) -> None:
    whole, file = tmp_path / "whole.parquet", tmp_path / "stopped.parquet"
    simulate(results=whole)
    dies_at(monkeypatch, 3)
    with pytest.raises(Killed):
        simulate(results=file)
    part = sorted((tmp_path / "stopped.parquet.parts").iterdir())[1]
    part.write_bytes(b"" if spoil == "empty" else part.read_bytes()[:-40])
    ran = dies_at(monkeypatch, -1)
    simulate(results=file)
    assert ran == [1, 3, 4, 5]
    assert file.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    "other",
    [
        {"seed": 2},
        {"chunk": 61},
        {"analyses": ["log-rank"]},
        {"scenario": ExponentialTrial(people=90, control_hazard=0.003)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_study_is_not_written_over(tmp_path: Path, other: dict[str, Any]) -> None:
    file = tmp_path / "power.parquet"
    simulate(results=file)
    before = file.read_bytes()
    with pytest.raises(OutputRefused, match="holds something else than this study"):
        simulate(results=file, **other)
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"name,age\n", b"PAR1 but not really PAR1"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "power.parquet"
    file.write_bytes(content)
    with pytest.raises(OutputRefused, match="give another path or move it away"):
        simulate(results=file)
    assert file.read_bytes() == content


def test_a_place_that_cannot_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(OutputRefused, match="cannot be made"):
        simulate(results=tmp_path / "file" / "power.parquet")


def test_stops_when_precise_enough(tmp_path: Path) -> None:
    """Wilson's half-width of a power near 1/2 is 0.98/√trials: 0.07 takes some 196 of them."""
    how: dict[str, Any] = {"analyses": ["log-rank"], "chunk": 20, "trials": 1000}
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    found = simulate(precision=0.07, results=one, **how)
    (row,) = found.rows
    assert (row.high - row.low) / 2 <= 0.07
    before = simulate(**(how | {"trials": found.trials - 20})).rows[0]
    assert (before.high - before.low) / 2 > 0.07
    same(found, simulate(precision=0.07, workers=2, results=two, **how))
    assert one.read_bytes() == two.read_bytes()
    # and goes on to be more precise
    assert simulate(precision=0.06, results=one, **how).trials > found.trials


def killing(flag: Path) -> Any:
    """Return an analysis that kills the worker that is the first to come to it."""
    own = os.getpid()

    def analyse(trial: ce.Trial, rng: np.random.Generator) -> ce.Estimate:
        try:
            flag.touch(exist_ok=False)
        except FileExistsError:
            return hazard_ratio(trial, outcome="reoffence", ties="breslow")
        assert os.getpid() != own
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError

    return analyse


# loky warns that a worker was lost and that semaphores leaked with it: that is the test
@pytest.mark.filterwarnings("ignore")
def test_a_killed_worker_loses_nothing(tmp_path: Path) -> None:
    whole = simulate(analyses={"log-rank": "log-rank", "Cox": cox}, trials=90, chunk=15)
    found = simulate(
        analyses={"log-rank": "log-rank", "Cox": killing(tmp_path / "flag")},
        trials=90,
        chunk=15,
        workers=2,
        results=tmp_path / "power.parquet",
    )
    assert (tmp_path / "flag").exists()
    same(whole, found)


@pytest.fixture
def cluster() -> Iterator[Any]:
    import distributed

    with (
        distributed.LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
        ) as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.mark.filterwarnings("ignore")  # of dask and tornado, on their way out
def test_a_cluster_gives_the_same_bytes(cluster: Any, tmp_path: Path) -> None:
    """Two processes on the loopback address; then one of them is killed."""
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    whole = simulate(results=one)
    assert len({*cluster.run(os.getpid).values(), os.getpid()}) == 3
    with joblib.parallel_config(backend="dask"):
        same(whole, simulate(results=two))
    assert one.read_bytes() == two.read_bytes()
    whole = simulate(analyses={"Cox": cox}, trials=60, chunk=15)
    with joblib.parallel_config(backend="dask"):
        found = simulate(analyses={"Cox": killing(tmp_path / "flag")}, trials=60, chunk=15)
    assert (tmp_path / "flag").exists()
    same(whole, found)


def test_verbs_see_the_trials_that_kernels_see() -> None:
    """A function's hazard ratio is the batched one, which stops within 1e-10 of the maximum."""
    analyses = {"kernel": "hazard ratio", "verb": cox}
    found = simulate(analyses=analyses, trials=40, chunk=25)
    np.testing.assert_allclose(found.value[0], found.value[1], rtol=1e-6)
    np.testing.assert_allclose(found.p_value[0], found.p_value[1], rtol=1e-6)


def test_people_of_a_scenario() -> None:
    """Pooled trials for kernels, whole trials with strata for any verb."""
    scenario = Scenario(people=60)
    pooled = PooledTrials(scenario=scenario, people=60, rule=PermutedBlocks(), pool=2_000)
    found = simulate(
        scenario=pooled,
        analyses={"log-rank": "log-rank", "redrawn": Analysis(statistic="log-rank", draws=49)},
        trials=300,
        chunk=300,
    )
    assert found.rows[0].trials == 300
    assert found.rows[0].not_estimable == 0

    def standardised(trial: ce.Trial, rng: np.random.Generator) -> ce.Estimate:
        del rng
        return ce.restricted_mean(trial, outcome="reoffence", horizon=730, adjust="age")

    whole = simulate(scenario=scenario, analyses={"adjusted": standardised}, trials=4, chunk=3)
    assert whole.value.shape == (1, 4)
    assert np.isfinite(whole.value).all()


def test_a_verb_that_refuses_a_trial_is_told() -> None:
    """Never significant, and counted."""

    def refuses(trial: ce.Trial, rng: np.random.Generator) -> ce.Estimate:
        return ce.restricted_mean(trial, outcome="reoffence", horizon=10_000)

    found = simulate(analyses={"beyond": refuses}, trials=5)
    (row,) = found.rows
    assert (row.not_estimable, row.significant, row.power) == (5, 0, 0.0)
    assert "not estimable in 5 trials" in repr(found)


def test_results_are_told_and_cannot_change() -> None:
    found = simulate(analyses=["log-rank"])
    assert "Power at two-sided alpha 0.05 in 330 simulated trials of ExponentialTrial" in repr(
        found
    )
    assert "log-rank" in found._repr_html_()
    assert found.to_frame()["power"].tolist() == [found.rows[0].power]
    assert found.to_dict()["rows"][0]["trials"] == 330
    with pytest.raises(ValueError, match="read-only"):
        found.value[0, 0] = 1
