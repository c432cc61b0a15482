"""A look at a trial under way: its result against the bounds, for a board, once."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from checkpoint_eval._arrays import FloatArray, floats
from checkpoint_eval._checks import (
    as_names,
    check_choice,
    check_count,
    check_path,
    check_positive,
    counted,
)
from checkpoint_eval.errors import ImpossibleDesign, OutputRefused
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.power.bounds_table import StoppingBounds, at_information, check_design
from checkpoint_eval.power.conditional import conditional_power, predictive_power
from checkpoint_eval.power.group_sequential import GroupSequential
from checkpoint_eval.power.interim import InterimResult, interim_result
from checkpoint_eval.power.look_records import add_look, held
from checkpoint_eval.power.looks_taken import Decision, Look
from checkpoint_eval.power.stopped import estimate_at_stopping, mirrored
from checkpoint_eval.randomise.chain import Entry, canonical
from checkpoint_eval.results import NAN

Favours = Literal["fewer", "more"]


def monitor(  # noqa: PLR0913 - what was promised of looks, and where they are written down
    trial: Trial,
    design: GroupSequential,
    *,
    outcome: str,
    planned: float,
    look: int,
    record: str | Path,
    favours: Favours = "fewer",
    final: bool = False,
    strata: str | Sequence[str] | None = None,
    analysis_set: str = "itt",
) -> Look:
    """Take one look at a trial under way, and write down that it was taken.

    Parameters
    ----------
    trial : Trial
        As it is now; two arms.
    design : GroupSequential
        With a spending function, or Haybittle–Peto.
    outcome : str
        A time to event is tested by the log-rank test, with events as information; a count by
        `rate_ratio`, with events; a binary outcome by `risk_difference` and a number by
        `mean_difference`, with people.
    planned : float
        All the information planned: events, or people.
    look : int
        Which look this is, from 1.
    record : path
        A file that keeps all looks of this trial and outcome, one line each, chained by hashes. It
        is made at the first look.
    favours : {"fewer", "more"}
        Whether fewer or more of the outcome is good: the sign with which z counts.
    final : bool
        Whether the trial ends with this look though it is not the last planned.
    strata, analysis_set
        As in `logrank_test`.

    Returns
    -------
    Look

    Raises
    ------
    OutputRefused
        When the look was taken already, or the record is of another design or outcome.
    InvalidData
        When the record is damaged or was changed.
    ImpossibleDesign
        When looks are skipped, information has not increased, more looks are taken than
        planned, or the one before ended the trial; futility that does not bind is no end.
    TrialError
        When there is no z, as with no events.

    Notes
    -----
    A look that is refused for its data leaves no line in the record. The record also holds a digest
    of the data, so that it can be shown later what was looked at.

    References
    ----------
    Lan and DeMets (1983); Jennison and Turnbull (2000); log-rank scores: Tsiatis (1981). Checked
    against `logrank_test`, and R rpact for bounds and estimates.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.power import GroupSequential
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     taken = monitor(load_rossi(), GroupSequential(looks=2), outcome="rearrest",
    ...                     planned=228, look=1, record=Path(folder) / "looks.jsonl")
    >>> taken.decision
    'continue'
    """
    check_trial(trial)
    check_design(design)
    check_choice(favours, "favours", ("fewer", "more"))
    check_positive(planned, "planned")
    check_count(look, "look")
    file = check_path(record, "record")
    trial.outcome(outcome)
    trial.arm_in(analysis_set)
    promise = _digest(
        {"design": repr(design), "outcome": outcome, "planned": float(planned), "favours": favours}
        | {"analysis_set": analysis_set, "strata": None if strata is None else as_names(strata)}
    )
    with held(file) as looks:
        _check_turn(looks, look, promise, trial.digest, file)
        _check_going_on(looks, design)
        seen = interim_result(trial, outcome, strata, analysis_set)
        # All that may fail comes first: a look is written down when its result can be shown.
        shown = _shown(seen, looks, design, favours, planned=planned, final=final)
        digest = add_look(
            file,
            looks,
            {"look": look, "promise": promise, "data": trial.digest, "outcome": outcome}
            | {"information": float(shown.information[-1]), "z": float(shown.z[-1])}
            | {"critical": _written(shown.bounds.critical[look - 1]), "decision": shown.decision},
        )
    return replace(shown, outcome=outcome, analysis_set=analysis_set, record_hash=digest)


def _shown(
    seen: InterimResult,
    looks: list[Entry],
    design: GroupSequential,
    favours: Favours,
    *,
    planned: float,
    final: bool,
) -> Look:
    """Return a look, not yet named or written down, from what is seen and the looks before."""
    sign = -1.0 if favours == "fewer" else 1.0
    before = [each.fields for each in looks]
    information = floats([*(each["information"] for each in before), seen.information])
    z = floats([*(each["z"] for each in before), sign * seen.z])
    bounds = at_information(design, information, planned=planned, final=final)
    estimate = estimate_at_stopping(bounds, z=float(z[-1]), std_error=seen.std_error)
    chances = _chances(bounds, float(z[-1]))
    return Look(
        outcome="",
        analysis_set="",
        number=z.size,
        bounds=bounds,
        information=information,
        z=z,
        decision=_decision(bounds, z),
        estimate=estimate if favours == "more" else mirrored(estimate),
        measure=seen.measure,
        conditional_trend=chances[0],
        conditional_design=chances[1],
        predictive=chances[2],
        record_hash="",
    )


def _digest(promise: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(promise).encode()).hexdigest()


def _written(value: float) -> float | None:
    """Return a number as the record can hold it; an infinite bound is none."""
    return float(value) if np.isfinite(value) else None


def _check_turn(looks: list[Entry], look: int, promise: str, data: str, file: Path) -> None:
    """Refuse a look taken before, out of turn, or of something else."""
    if any(each.fields.get("promise") != promise for each in looks):
        raise OutputRefused(
            f"The record {file} holds looks of another design, outcome or analysis set; give each "
            "its own `record`."
        )
    if look <= len(looks):
        then = looks[look - 1]
        raise OutputRefused(
            f"Look {look} was taken on {then.at:%Y-%m-%d %H:%M} UTC "
            f"({then.fields['decision']}) and is not taken twice; the record is {file}."
        )
    if look > len(looks) + 1:
        raise ImpossibleDesign(
            f"`look` is {look}, and the record {file} has {counted(len(looks), 'look')}; looks are "
            "taken in turn."
        )
    if looks and looks[-1].fields["data"] == data:
        raise OutputRefused(
            f"The data are those of look {len(looks)}, unchanged; a further look needs further "
            "data."
        )


def _check_going_on(looks: list[Entry], design: GroupSequential) -> None:
    """Refuse a look after one that ended the trial: what error there was is spent.

    Futility that does not bind is no end. Looks beyond the plan are refused by it.
    """
    said = looks[-1].fields["decision"] if looks else "continue"
    if len(looks) == len(design.shares) or said == "continue":
        return
    if said != "stop for futility" or design.binding:
        raise ImpossibleDesign(
            f"Look {len(looks)} ended the trial ({said}); results that came in later are told "
            "beside it and are no further look."
        )


def _decision(bounds: StoppingBounds, z: FloatArray) -> Decision:
    """Return what the bounds say of the last z."""
    here = z.size - 1
    if z[here] >= bounds.critical[here]:
        return "stop for efficacy"
    if bounds.design.sided == 2 and z[here] <= -bounds.critical[here]:
        return "stop for harm"
    if here == bounds.shares.size - 1:
        return "end"
    far = abs(z[here]) if bounds.design.sided == 2 else z[here]
    return "stop for futility" if far <= bounds.futility[here] else "continue"


def _chances(bounds: StoppingBounds, z: float) -> tuple[float, float, float]:
    """Return the chances of success later: with the trend, as planned, and averaged."""
    if bounds.taken == bounds.shares.size:
        return NAN, NAN, NAN
    return (
        conditional_power(bounds, z=z, effect="trend"),
        conditional_power(bounds, z=z, effect="design"),
        predictive_power(bounds, z=z),
    )
