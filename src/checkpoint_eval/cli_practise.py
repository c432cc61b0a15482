"""The commands that practise: `checkpoint-eval generate` and `checkpoint-eval certify`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from checkpoint_eval.cli_randomise import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(short_help="Write an invented trial with its police extract.")
@click.argument(
    "scenario", required=False, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--out", type=FOLDER, required=True, help="Folder for the tables.")
@click.option("--seed", type=click.IntRange(min=0), required=True, help="All chance comes from it.")
@click.option("--parquet", is_flag=True, help="Write Parquet instead of CSV.")
def generate(scenario: Path | None, out: Path, seed: int, *, parquet: bool) -> None:
    """Generate an invented trial with its police extract; SCENARIO is a TOML file.

    Without SCENARIO it is a trial like Checkpoint's. The true values go to truth.csv.
    """
    with refusals():
        import numpy as np

        from checkpoint_eval.cohort.generating import generate as generate_cohort
        from checkpoint_eval.cohort.published_scenarios import checkpoint_scenario
        from checkpoint_eval.cohort.scenario_toml import read_scenario
        from checkpoint_eval.cohort.truths import true_values, truth_frame

        told = checkpoint_scenario() if scenario is None else read_scenario(scenario)
        cohort = generate_cohort(told, np.random.default_rng(seed))
        folder = cohort.write(out, parquet=parquet)
        truth_frame(true_values(cohort)).to_csv(folder / "truth.csv", index=False)
    click.echo(f"{cohort}; extract of {told.recording.extract}, in {folder}")


@click.command(short_help="Measure the everyday estimators where the truth is known.")
@click.option("--trials", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--people", type=click.IntRange(min=20), default=400, show_default=True)
@click.option("--seed", type=click.IntRange(min=0), default=2016, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True)
@click.option(
    "--out",
    type=FOLDER,
    default=Path("checkpoint-certificate"),
    show_default=True,
    help="Folder for the page; an interrupted run goes on from there.",
)
def certify(trials: int, people: int, seed: int, jobs: int, out: Path) -> None:
    """Measure bias, coverage and size of the everyday estimators where the truth is known."""
    with refusals():
        from checkpoint_eval.cohort.certifying import certify as certify_all
        from checkpoint_eval.report.certified import write_certificate

        bar = (
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
        )
        with Progress(*bar, console=Console(stderr=True)) as progress:
            line = progress.add_task("Certifying", total=None)

            def shown(blocks: "Sequence[Any]") -> "Iterator[Any]":
                progress.update(line, total=len(blocks))
                for block in blocks:
                    progress.update(line, description=block.setting)
                    yield block
                    progress.advance(line)

            certificate = certify_all(
                trials=trials,
                people=people,
                seed=seed,
                jobs=jobs,
                folder=out / "blocks",
                progress=shown,
            )
        page = write_certificate(certificate, out)
    click.echo(str(certificate))
    for row in certificate.defects():
        click.echo(f"  {row.setting}, {row.estimator}: {row.verdict}")
    click.echo(f"Page: {page}")
