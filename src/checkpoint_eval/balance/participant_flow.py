"""Participant flow: how many people stand at each step, by arm, and that the counts reconcile."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.balance.conducting import Conduct, conduct
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.outcomes.trial import Trial, check_trial
from checkpoint_eval.randomise.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowStep:
    """One step of the flow: people by arm, control first."""

    step: str
    counts: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Flow(Shown):
    """CONSORT participant flow.

    Attributes
    ----------
    arms : (k,) str
    assessed, excluded
        Before randomisation; None and empty when the protocol does not tell.
    steps : tuple of FlowStep
        From randomised on, in order.
    """

    arms: tuple[str, ...]
    steps: tuple[FlowStep, ...]
    assessed: int | None = None
    excluded: tuple[tuple[str, int], ...] = ()

    def __repr__(self) -> str:
        return f"Participant flow\n{text_table(self._table())}"

    def _table(self) -> pd.DataFrame:
        # A count that a report withholds is missing in a frame, but says so in print.
        return pd.DataFrame(
            [
                {name: str(each) if isinstance(each, float) else each for name, each in row.items()}
                for row in self._rows()
            ],
            columns=["step", "people", *self.arms],
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a step: people in all and in each arm; NaN before there were arms."""
        return pd.DataFrame(self._rows(), columns=["step", "people", *self.arms])

    def _rows(self) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        if self.assessed is not None:
            rows.append({"step": "assessed for eligibility", "people": self.assessed})
            rows += [
                {"step": f"excluded: {why}", "people": number} for why, number in self.excluded
            ]
        rows += [
            {
                "step": step.step,
                "people": sum(step.counts),
                **dict(zip(self.arms, step.counts, strict=True)),
            }
            for step in self.steps
        ]
        return rows


def flow(trial: Trial, *, ledger: Ledger | None = None) -> Flow:
    """Count people from assessment to analysis.

    Parameters
    ----------
    trial : Trial
    ledger : Ledger, optional
        Tells who was screened and why excluded, and overrides, breaches and withdrawals; otherwise
        screening is what the protocol says of it.

    Returns
    -------
    Flow

    Raises
    ------
    ImpossibleDesign
        When people assessed minus people excluded is not people randomised, or the ledger
        randomised others than the trial holds; the sum is shown.

    References
    ----------
    CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123), items 22a and 22b. Checked against
    hand-counted tables.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> flow(load_rossi()).steps[0].counts
    (216, 216)
    """
    check_trial(trial)
    k, arm = len(trial.arms), trial.assignment.arm

    def count(member: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> tuple[int, ...]:
        return tuple(int(n) for n in np.bincount(arm[member], minlength=k))

    everyone = np.ones(trial.n, dtype=bool)
    steps = [FlowStep(step="randomised", counts=count(everyone))]
    if trial.received.size:
        steps.append(FlowStep(step="received as assigned", counts=count(trial.received == arm)))
    for name, member in trial.sets.items():
        steps.append(FlowStep(step=f"in analysis set {name}", counts=count(member)))
    for name, outcome in trial.outcomes.items():
        steps.append(FlowStep(step=f"{name} unknown", counts=count(outcome.missing)))
        steps.append(FlowStep(step=f"{name} analysed", counts=count(~outcome.missing)))
    if ledger is not None:
        flow_told = _from_ledger(trial, conduct(ledger), steps)
        _refuse_others(trial, ledger)
        return flow_told
    screening = trial.protocol.screening if trial.protocol else None
    if screening is None:
        return Flow(arms=trial.arms, steps=tuple(steps))
    excluded = sum(screening.excluded.values())
    if screening.assessed - excluded != trial.n:
        raise ImpossibleDesign(
            f"The flow does not reconcile: {screening.assessed} assessed − {excluded} excluded = "
            f"{screening.assessed - excluded}, but {trial.n} were randomised; correct "
            "`screening` in the protocol."
        )
    return Flow(
        arms=trial.arms,
        steps=tuple(steps),
        assessed=screening.assessed,
        excluded=tuple(screening.excluded.items()),
    )


def _from_ledger(trial: Trial, told: Conduct, steps: list[FlowStep]) -> Flow:
    """Return the flow with what the ledger says of screening and conduct."""
    eras = told.randomised.values()
    randomised = tuple(sum(era[arm] for era in eras) for arm in range(len(told.arms)))
    if told.arms != trial.arms or randomised != trial.assignment.counts:
        seen, held = (
            ", ".join(f"{arm}: {n}" for arm, n in zip(arms, counts, strict=True))
            for arms, counts in (
                (told.arms, randomised),
                (trial.arms, trial.assignment.counts),
            )
        )
        raise ImpossibleDesign(
            f"The flow does not reconcile: the ledger randomised {sum(randomised)} people ({seen}),"
            f" but the trial holds {trial.n} ({held}); keep everyone randomised in the trial and "
            "name smaller groups as analysis sets."
        )
    after = [
        FlowStep(step=label, counts=told.count(event))
        for label, event in (
            ("override asked for", "override"),
            ("broke the contract", "breached"),
            ("withdrew", "withdrawn"),
            ("found ineligible afterwards", "excluded"),
        )
        if any(told.count(event))
    ]
    excluded = [*told.excluded_for.items()]
    if told.eligible_not_randomised:
        excluded.append(("eligible, not randomised", told.eligible_not_randomised))
    return Flow(
        arms=trial.arms,
        steps=(steps[0], *after, *steps[1:]),
        assessed=told.assessed or None,
        excluded=tuple(excluded),
    )


def _refuse_others(trial: Trial, ledger: Ledger) -> None:
    """Refuse a trial whose people, where they have identifiers, are others than the ledger's."""
    if (trial.ids == np.arange(trial.n).astype(str)).all():
        return  # rows numbered: there is nothing to compare
    rows = ledger.people()
    held = dict(zip(rows["person"].astype(str), rows["arm"], strict=True))
    for person, arm in zip(trial.ids.tolist(), trial.assignment.arm.tolist(), strict=True):
        found = held.get(ledger.stored(person, ledger.terms))
        if found != trial.arms[arm]:
            raise ImpossibleDesign(
                f"The flow does not reconcile: the trial has {person!r} in {trial.arms[arm]!r}, "
                f"the ledger {'in ' + repr(found) if found else 'does not have them'}."
            )
