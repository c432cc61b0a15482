"""The command `checkpoint-eval power`: the study a protocol implies, printed."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from checkpoint_eval.cli_randomise import FILE, THERE, refusals
from checkpoint_eval.errors import OutputRefused

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from checkpoint_eval.power.implied_study import Study
    from checkpoint_eval.power.simulated import SimulatedPower


@click.command(short_help="Print how many people the protocol needs, and why.")
@click.argument("protocol", type=THERE)
@click.option("--simulate", type=click.IntRange(min=1), help="Simulate so many trials, too.")
@click.option("--seed", type=click.IntRange(min=0), help="All chance of --simulate comes from it.")
@click.option("--out", type=FILE, help="Write the numbers, too: .json (all) or .csv (the steps).")
def power(protocol: Path, simulate: int | None, seed: int | None, out: Path | None) -> None:
    """Print the study that PROTOCOL implies: people needed, power, and the least effect found.

    The numbers come from [planning] in the TOML file; docs/protocol.md explains its keys.
    """
    if (simulate is None) != (seed is None):
        raise click.UsageError("--simulate and --seed go together.")
    with refusals():
        from checkpoint_eval.design.protocol_toml import read_protocol
        from checkpoint_eval.power.implied_study import study_of

        if out is not None and out.suffix.lower() not in (".json", ".csv"):
            raise OutputRefused(f"{out} is neither .json nor .csv; name it as one of them.")
        study = study_of(read_protocol(protocol))
        found = None
        if simulate is not None and seed is not None:
            from numpy.random import default_rng

            from checkpoint_eval.power.simulated_study import simulate_study

            found = simulate_study(study, trials=simulate, rng=default_rng(seed))
        if out is not None:
            _write(study, found, out)
        _tell(Console(markup=False, emoji=False), study, found)
    if out is not None:
        click.echo(f"Written: {out}")


def _write(study: "Study", simulated: "SimulatedPower | None", out: Path) -> None:
    from checkpoint_eval._atomic import write_file

    if out.suffix.lower() == ".csv":
        write_file(out, study.to_frame().to_csv(index=False).encode())
    else:
        held = study.to_dict() | {"simulated": None if simulated is None else simulated.to_dict()}
        write_file(out, json.dumps(held, indent=1, ensure_ascii=False).encode())


def _tell(console: Console, study: "Study", found: "SimulatedPower | None") -> None:
    """Print the steps, what they rest on, and what integrity is worth."""
    plan, last = study.plan, study.power_at(study.steps[-1])
    console.print()
    console.print(study.protocol.title, style="bold", highlight=False)
    console.print(
        f"{study.protocol.primary.name}: {_effect_told(study)}; {plan.people:,} people planned, "
        f"alpha {study.how['alpha']:g} two-sided, power wanted {plan.power:g}.",
        highlight=False,
    )
    console.print()
    console.print(_steps_table(study))
    console.print()
    console.print(f"Formula: {last.formula}.", highlight=False)
    console.print(f"Assumes: {'; '.join(last.assumptions)}.", highlight=False)
    for told in _notes(study, last.cautions):
        console.print(told, highlight=False)
    surface = study.surface()
    if surface is not None:
        console.print()
        console.print(_surface_table(surface, plan.people))
    if found is not None:
        console.print()
        console.print(_simulation_told(study, found), highlight=False)


def _effect_told(study: "Study") -> str:
    plan = study.plan
    if plan.difference is not None:
        return (
            f"{100 * plan.control_risk:g}% in control, {100 * plan.treatment_risk:g}% in treatment "
            f"({100 * plan.difference:+g} points)".replace("-", "−")
        )
    return f"hazard ratio {plan.hazard_ratio:g}, {100 * plan.control_risk:g}% in control"


def _steps_table(study: "Study") -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("Step by step", overflow="fold")
    for name in ("People needed", f"Power with {study.plan.people:,}", "Least effect found"):
        table.add_column(name, justify="right")
    for row in study.to_frame().to_dict("records"):
        table.add_row(
            str(row["step"]),
            _people(row["people_needed"]),
            f"{row['power']:.3f}",
            _effect(study, row["detectable_effect"]),
        )
    return table


def _people(number: float) -> str:
    return "none will do" if number != number else f"{number:,.0f}"


def _effect(study: "Study", effect: float) -> str:
    if effect != effect:
        return "none"
    if study.plan.difference is None:
        return f"ratio {effect:.3f}"
    return f"{100 * effect:+.1f} points".replace("-", "−")


def _notes(study: "Study", cautions: "Sequence[str]") -> list[str]:
    frame = study.to_frame()
    notes = [
        f"{step}: {reason}."
        for step, reason in zip(frame["step"], frame["reason"], strict=True)
        if reason
    ]
    notes += [f"Caution: {each}" for each in cautions]
    confirmatory = sum(each.confirmatory for each in study.protocol.estimands)
    if study.protocol.analysis.multiplicity != "none" and confirmatory > 1:
        notes.append(
            f"Caution: {confirmatory} confirmatory results share alpha "
            f"({study.protocol.analysis.multiplicity}); here the primary one has all of it."
        )
    notes.append(
        "Each step keeps those above it. The least effect is the one found with the power wanted "
        "among those who receive their arm."
    )
    return notes


def _surface_table(surface: "pd.DataFrame", people: int) -> Table:
    """Return power, and people needed in brackets, over overrides and navigators."""
    table = Table(
        title=f"Power with {people:,} people (people needed), by overrides and navigators' ICC",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("")
    for icc in sorted(set(surface["icc"])):
        table.add_column(f"{icc:g}", justify="right")
    cell = surface.assign(told=surface["people_needed"].map(_people))
    for share in sorted(set(surface["overrides"])):
        rows = cell[cell["overrides"] == share]
        told = zip(rows["power"], rows["told"], strict=True)
        table.add_row(f"{100 * share:g}%", *(f"{power:.3f} ({needed})" for power, needed in told))
    return table


def _simulation_told(study: "Study", simulated: "SimulatedPower") -> str:
    row, step = simulated.rows[0], study.last_plain
    closed = study.power_at(step).power
    inside = "agrees with" if row.low <= closed <= row.high else "is off"
    return (
        f"Simulated: {row.trials:,} trials with constant hazards and no navigators or looks; "
        f"{row.analysis}: power {row.power:.3f} ({100 * simulated.level:g}% Monte Carlo limits "
        f"{row.low:.3f} to {row.high:.3f}), which {inside} the formula's {closed:.3f} "
        f"({step.told})."
    )
