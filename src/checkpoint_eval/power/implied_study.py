"""The study a protocol implies: from first principles, step by step, to what is left of it."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from checkpoint_eval._checks import counted
from checkpoint_eval._display import Shown, text_table
from checkpoint_eval.design.planning import Planning
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.errors import ImpossibleDesign, InvalidProtocol, TrialError
from checkpoint_eval.power.bounds_table import (
    StoppingBounds,
    operating_characteristics,
    stopping_bounds,
)
from checkpoint_eval.power.comparing import Comparison
from checkpoint_eval.power.curves import integrity_surface
from checkpoint_eval.power.group_sequential import GroupSequential
from checkpoint_eval.power.lifetimes_planned import Hazards
from checkpoint_eval.power.planned import PowerResult
from checkpoint_eval.power.risks import Proportions
from checkpoint_eval.power.sizing import detectable_effect, people_needed, power_of
from checkpoint_eval.power.wrapped import Diluted, PartiallyNested

MISSING = """\
The protocol has no [planning], so no study follows from it. Add what the trial was planned for, such as

[planning]
people = 800              # in all arms together
control_risk = 0.48       # share of control with the primary outcome by its time point
difference = -0.103       # treatment - control; or hazard_ratio = 0.7 instead
power = 0.8
dropout = 0.05            # share of each arm lost by then
overrides = 0.10          # share of treatment that an officer sends to control
contamination = 0.02      # share of control that receives treatment
navigators = 8            # who share the people in treatment; with icc
icc = 0.02

Only people, control_risk and one of difference and hazard_ratio are needed."""  # noqa: E501 - the block is read in a terminal
OVERRIDES, CORRELATIONS = (0.0, 0.05, 0.1, 0.2), (0.0, 0.01, 0.02, 0.05)
FARTHEST = 30.0  # where a power is 1 to the last digit


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class StudyStep(Shown):
    """One step from the study on paper to the study there is; it keeps those before it.

    Attributes
    ----------
    told : str
        What it adds, such as "10% overridden".
    design : comparison
    kept : float
        Share of people whose outcome is known.
    bounds : StoppingBounds, optional
        Of its looks.
    """

    told: str
    design: Comparison
    kept: float = 1.0
    bounds: StoppingBounds | None = None

    @property
    def share(self) -> float:
        """People whose information counts, of one randomised."""
        return self.kept / (1.0 if self.bounds is None else self.bounds.inflation)

    @property
    def plain(self) -> bool:
        """Whether the step has neither navigators nor looks."""
        design = self.design.design if isinstance(self.design, Diluted) else self.design
        return not isinstance(design, PartiallyNested) and self.bounds is None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Study(Shown):
    """What a protocol's planning comes to, made by `study_of`.

    Attributes
    ----------
    protocol : Protocol
    plan : Planning
        The protocol's.
    steps : tuple of StudyStep
    """

    protocol: Protocol
    plan: Planning
    steps: tuple[StudyStep, ...]

    @property
    def how(self) -> dict[str, Any]:
        """How the test is done and people are split: alpha, and treatment to one in control."""
        control, treatment = self.protocol.allocation.ratio
        return {"alpha": self.protocol.analysis.alpha, "ratio": treatment / control}

    @property
    def last_plain(self) -> StudyStep:
        """The last step with neither navigators nor looks, for which `simulate_study` stands."""
        return [step for step in self.steps if step.plain][-1]

    def __repr__(self) -> str:
        frame = self.to_frame()
        headline = (
            f"{self.protocol.primary.name}: power {frame['power'].iloc[0]:.3f} on paper, "
            f"{frame['power'].iloc[-1]:.3f} at the last step, with {self.plan.people:,} people and "
            f"alpha {self.how['alpha']:g} two-sided; {self.plan.power:g} wanted."
        )
        return f"{headline}\n{text_table(frame.drop(columns='reason').round(4))}"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a step.

        `step`, `people_needed` for the power wanted (NaN where no number will do, with the
        `reason`), `power` with the people planned, `events` expected of them, and
        `detectable_effect`: the least difference, or hazard ratio, found with the power wanted.
        """
        return pd.DataFrame([self._row(step) for step in self.steps])

    def _row(self, step: StudyStep) -> dict[str, Any]:
        plan, people = self.plan, self.plan.people * step.share
        needed = people_needed(step.design, power=plan.power, **self.how)
        least = detectable_effect(step.design, n=people, power=plan.power, **self.how)
        return {
            "step": step.told,
            "people_needed": math.ceil(needed.people / step.share - 1e-9)
            if needed.estimable
            else math.nan,
            "power": self._power(step),
            "events": self.power_at(step).total_events,
            # as the plan states it: a difference, or a hazard ratio
            "detectable_effect": least.effect - plan.control_risk * (plan.difference is not None),
            "reason": needed.reason or least.reason,
        }

    def power_at(self, step: StudyStep) -> PowerResult:
        """Return a step's power with the people planned, of one analysis at the end."""
        return power_of(step.design, n=self.plan.people * step.kept, **self.how)

    def _power(self, step: StudyStep) -> float:
        power = self.power_at(step).power
        if step.bounds is None:
            return power
        # The mean of z at all the information, which the bounds take apart look by look.
        drift = float(ndtri(power) + ndtri(1 - self.how["alpha"] / 2))
        found = operating_characteristics(step.bounds, drift=[min(drift, FARTHEST)])
        return float(found["efficacy"].iloc[0])

    def surface(self) -> pd.DataFrame | None:
        """Return `integrity_surface` at the last step; None without navigators."""
        plan, step = self.plan, self.steps[-1]
        if not plan.nested:
            return None
        nested = _nested(_base(self.protocol, plan, dropout=plan.dropout), plan)
        found = integrity_surface(
            _diluted(nested, plan),
            overrides=sorted({*OVERRIDES, plan.overrides}),
            icc=sorted({*CORRELATIONS, plan.icc}),
            n=plan.people * step.share,
            power=plan.power,
            **self.how,
        )
        return found.assign(people_needed=np.ceil(found["people_needed"] / step.share - 1e-9))

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values; NaN as None."""
        last, surface = self.power_at(self.steps[-1]), self.surface()
        return {
            "title": self.protocol.title,
            "protocol_digest": self.protocol.digest,
            "planning": dataclasses.asdict(self.plan),
            **self.how,
            "steps": _records(self.to_frame()),
            "compared": last.design.told,
            "formula": last.formula,
            "assumptions": list(last.assumptions),
            "cautions": list(last.cautions),
            "integrity_surface": None if surface is None else _records(surface),
        }


def study_of(protocol: Protocol) -> Study:
    """Work out the study that a protocol implies: people needed, power, and the least effect found.

    Parameters
    ----------
    protocol : Protocol
        With `planning`, of two arms.

    Returns
    -------
    Study
        From the comparison on paper, each step keeping those before it: people lost, treatment not
        received, navigators, looks. Steps the protocol says nothing of are left out.

    Raises
    ------
    InvalidProtocol
        Where it says nothing of planning; a block to paste is shown.
    ImpossibleDesign
        With more than two arms.

    Notes
    -----
    People are multiplied by the share whose outcome is known; with a hazard ratio those lost count
    until they are lost. Looks spend as O'Brien and Fleming: the power is that of their bounds at
    the same effect; for people needed, and the least effect, people are divided by their inflation.

    References
    ----------
    As `people_needed`, `Diluted`, `PartiallyNested` and `stopping_bounds`. Checked against
    arithmetic in tests/hand, and `simulate_study`.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.design import Planning
    >>> plan = Planning(people=432, control_risk=0.3, difference=-0.1, overrides=0.1)
    >>> planned = replace(load_rossi().protocol, planning=plan)
    >>> study_of(planned).to_frame()[["step", "people_needed", "power"]].round(3)
                 step  people_needed  power
    0     as on paper            587  0.671
    1  10% overridden            734  0.574
    """
    if not isinstance(protocol, Protocol):
        raise TrialError(
            f"`protocol` must be a `Protocol`, got {type(protocol).__name__}; read one with "
            "`read_protocol`."
        )
    plan = protocol.planning
    if plan is None:
        raise InvalidProtocol(MISSING)
    if len(protocol.arms) > 2:
        raise ImpossibleDesign(
            f"The protocol has {counted(len(protocol.arms), 'arm')}, and a plan is of two; keep "
            "control and the treatment it is planned for, each pair in a protocol of its own."
        )
    return Study(protocol=protocol, plan=plan, steps=_steps(protocol, plan))


def _steps(protocol: Protocol, plan: Planning) -> tuple[StudyStep, ...]:
    """Return the steps, each with what all before it take away."""
    timed = plan.hazard_ratio is not None
    steps = [StudyStep(told="as on paper", design=_base(protocol, plan))]
    inner, kept = steps[0].design, 1.0
    if plan.dropout:
        inner = _base(protocol, plan, dropout=plan.dropout)
        kept = 1.0 if timed else 1 - plan.dropout
        steps.append(StudyStep(told=f"{_share(plan.dropout)} lost", design=inner, kept=kept))
    diluted = _diluted(inner, plan)
    if diluted.kept != 1:
        steps.append(StudyStep(told=_losses(plan), design=diluted, kept=kept))
    design: Comparison = diluted if diluted.kept != 1 else inner
    if plan.nested:
        who = (
            f"{plan.navigators} navigators"
            if plan.navigators is not None
            else f"navigators with {plan.caseload:g} each"
        )
        nested = _nested(inner, plan)
        design = _diluted(nested, plan) if diluted.kept != 1 else nested
        steps.append(StudyStep(told=f"{who}, ICC {plan.icc:g}", design=design, kept=kept))
    if len(plan.looks) > 1:
        alpha = protocol.analysis.alpha
        bounds = stopping_bounds(GroupSequential(looks=plan.looks, alpha=alpha, power=plan.power))
        looks = f"{len(plan.looks)} looks (O'Brien–Fleming spending)"
        steps.append(StudyStep(told=looks, design=design, kept=kept, bounds=bounds))
    return tuple(steps)


def _losses(plan: Planning) -> str:
    """Return who does not receive what they were assigned, in words."""
    shares = {
        "overridden": plan.overrides,
        "not taken up": plan.non_compliance,
        "of control treated": plan.contamination,
    }
    return ", ".join(f"{_share(share)} {what}" for what, share in shares.items() if share)


def _share(share: float) -> str:
    return f"{100 * share:g}%"


def _base(protocol: Protocol, plan: Planning, *, dropout: float = 0.0) -> Comparison:
    """Return the comparison on paper."""
    if plan.hazard_ratio is None:
        return Proportions(control=plan.control_risk, treatment=plan.treatment_risk)
    at = protocol.time_point(protocol.primary.name)
    return Hazards(
        ratio=plan.hazard_ratio,
        control=plan.control_risk,
        at=at,
        accrual=plan.accrual,
        follow_up=plan.follow_up or at,
        dropout=dropout,
    )


def _nested(design: Comparison, plan: Planning) -> PartiallyNested:
    return PartiallyNested(
        design=design,
        icc=plan.icc,
        navigators=plan.navigators,
        caseload=plan.caseload,
        cv=plan.caseload_cv,
    )


def _diluted(design: Comparison, plan: Planning) -> Diluted:
    return Diluted(
        design=design,
        overrides=plan.overrides,
        non_compliance=plan.non_compliance,
        contamination=plan.contamination,
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value

    rows = frame.astype(object).to_dict("records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]
