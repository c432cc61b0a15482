"""The study a protocol implies: from first principles, step by step, to what is left of it."""

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from checkpoint_eval._checks import counted
from checkpoint_eval.design.planning import Planning
from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.errors import ImpossibleDesign, InvalidProtocol
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
from checkpoint_eval.power.simulated import SimulatedPower
from checkpoint_eval.power.simulating import simulate_power
from checkpoint_eval.power.sizing import detectable_effect, people_needed, power_of
from checkpoint_eval.power.trial_sources import ExponentialTrial
from checkpoint_eval.power.wrapped import Diluted, PartiallyNested

if TYPE_CHECKING:
    from checkpoint_eval.power.batched_analyses import PowerStatistic

MISSING = """\
{file} has no [planning], so no study follows from it. Add what the trial was planned for, such as

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

Only people, control_risk and one of difference and hazard_ratio are needed."""
OVERRIDES, CORRELATIONS = (0.0, 0.05, 0.1, 0.2), (0.0, 0.01, 0.02, 0.05)
DAYS = {"days": 1.0, "weeks": 7.0, "months": 365 / 12, "years": 365.0}
FARTHEST = 30.0  # where a power is 1 to the last digit


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step from the study on paper to the study there is."""

    told: str
    design: Comparison
    kept: float = 1.0  # share of people whose outcome is known
    bounds: StoppingBounds | None = None

    @property
    def share(self) -> float:
        """People whose information counts, of one randomised."""
        return self.kept / (1.0 if self.bounds is None else self.bounds.inflation)


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What a protocol's planning comes to."""

    protocol: Protocol
    plan: Planning
    steps: tuple[Step, ...]

    @property
    def how(self) -> dict[str, Any]:
        """How the test is done and people are split."""
        control, treatment = self.protocol.allocation.ratio
        return {"alpha": self.protocol.analysis.alpha, "ratio": treatment / control}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a step: people needed, power, and the least effect found."""
        return pd.DataFrame([self._row(step) for step in self.steps])

    def _row(self, step: Step) -> dict[str, Any]:
        plan, people = self.plan, self.plan.people * step.share
        needed = people_needed(step.design, power=plan.power, **self.how)
        least = detectable_effect(step.design, n=people, power=plan.power, **self.how)
        return {
            "step": step.told,
            "people_needed": math.ceil(needed.people / step.share - 1e-9)
            if needed.estimable
            else math.nan,
            "power": self._power(step),
            "events": self.power_result(step).total_events,
            "detectable_effect": self._effect(least),
            "reason": needed.reason or least.reason,
        }

    def power_result(self, step: Step) -> PowerResult:
        """Return the power with the people planned, of one analysis at the end."""
        return power_of(step.design, n=self.plan.people * step.kept, **self.how)

    def _power(self, step: Step) -> float:
        power = self.power_result(step).power
        if step.bounds is None:
            return power
        # The mean of z at all the information, which the bounds take apart look by look.
        drift = float(ndtri(power) + ndtri(1 - self.how["alpha"] / 2))
        found = operating_characteristics(step.bounds, drift=[min(drift, FARTHEST)])
        return float(found["efficacy"].iloc[0])

    def _effect(self, found: PowerResult) -> float:
        """Return an effect as the plan states it: a difference, or a hazard ratio."""
        return found.effect - self.plan.control_risk * (self.plan.difference is not None)

    @property
    def last(self) -> PowerResult:
        """The power at the last step, with formula and assumptions."""
        return self.power_result(self.steps[-1])

    def surface(self) -> pd.DataFrame | None:
        """Return what overrides and navigators do together; None without navigators."""
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

    def simulate(self, trials: int, seed: int) -> tuple[Step, SimulatedPower]:
        """Simulate the study without navigators and looks; return the step it stands for, too."""
        step = [each for each in self.steps if _plain(each)][-1]
        asked: PowerStatistic = "log-rank" if self.plan.difference is None else "risk difference"
        rng = np.random.default_rng(seed)
        alpha = self.how["alpha"]
        return step, simulate_power(
            self._source(step), [asked], trials=trials, rng=rng, alpha=alpha
        )

    def _source(self, step: Step) -> ExponentialTrial:
        """Return trials with constant hazards, the arms as assigned."""
        plan, protocol = self.plan, self.protocol
        day = DAYS[protocol.unit]
        at = protocol.time_point(protocol.primary.name) * day
        design = step.design.received if isinstance(step.design, Diluted) else step.design
        control, treatment = _risks(design)
        hazard = -math.log1p(-control) / at
        timed = plan.hazard_ratio is not None
        return ExponentialTrial(
            people=round(plan.people * step.kept),
            control_hazard=hazard,
            hazard_ratio=math.log1p(-treatment) / math.log1p(-control),
            follow_up=max(1, round((plan.follow_up * day if timed else 0) or at)),
            accrual=round(plan.accrual * day),
            dropout=-math.log1p(-plan.dropout) / at if timed else 0.0,
            ratio=(protocol.allocation.ratio[0], protocol.allocation.ratio[1]),
        )


def _risks(design: Comparison) -> tuple[float, float]:
    """Return the risks of both arms by the time point."""
    if isinstance(design, Proportions):
        return design.control, design.treatment
    assert isinstance(design, Hazards)
    assert design.control is not None  # as `_base` makes it
    return design.control, 1 - (1 - design.control) ** design.ratio


def _plain(step: Step) -> bool:
    """Return whether a step has neither navigators nor looks."""
    design = step.design.design if isinstance(step.design, Diluted) else step.design
    return not isinstance(design, PartiallyNested) and step.bounds is None


def study_of(protocol: Protocol, *, file: str) -> Study:
    """Return the study that a protocol implies.

    Raises
    ------
    InvalidProtocol
        Where it says nothing of planning; a block to paste is shown.
    ImpossibleDesign
        With more than two arms.
    """
    plan = protocol.planning
    if plan is None:
        raise InvalidProtocol(MISSING.format(file=file))
    if len(protocol.arms) > 2:
        raise ImpossibleDesign(
            f"{file} has {counted(len(protocol.arms), 'arm')}, and a plan is of two; keep control "
            "and the treatment it is planned for, each pair in a file of its own."
        )
    return Study(protocol=protocol, plan=plan, steps=_steps(protocol, plan))


def _steps(protocol: Protocol, plan: Planning) -> tuple[Step, ...]:
    """Return the steps, each with what all before it take away."""
    timed = plan.hazard_ratio is not None
    steps = [Step(told="as on paper", design=_base(protocol, plan))]
    inner, kept = steps[0].design, 1.0
    if plan.dropout:
        inner = _base(protocol, plan, dropout=plan.dropout)
        kept = 1.0 if timed else 1 - plan.dropout
        steps.append(Step(told=f"{_share(plan.dropout)} lost", design=inner, kept=kept))
    diluted = _diluted(inner, plan)
    if diluted.kept != 1:
        steps.append(Step(told=_losses(plan), design=diluted, kept=kept))
    design: Comparison = diluted if diluted.kept != 1 else inner
    if plan.nested:
        who = (
            f"{plan.navigators} navigators"
            if plan.navigators is not None
            else f"navigators with {plan.caseload:g} each"
        )
        nested = _nested(inner, plan)
        design = _diluted(nested, plan) if diluted.kept != 1 else nested
        steps.append(Step(told=f"{who}, ICC {plan.icc:g}", design=design, kept=kept))
    if len(plan.looks) > 1:
        alpha = protocol.analysis.alpha
        bounds = stopping_bounds(GroupSequential(looks=plan.looks, alpha=alpha, power=plan.power))
        looks = f"{len(plan.looks)} looks (O'Brien–Fleming spending)"
        steps.append(Step(told=looks, design=design, kept=kept, bounds=bounds))
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


def study_to_dict(study: Study, simulated: SimulatedPower | None) -> dict[str, Any]:
    """Return everything the command prints as plain values; NaN as None."""
    last, surface = study.last, study.surface()
    return {
        "title": study.protocol.title,
        "protocol_digest": study.protocol.digest,
        "planning": dataclasses.asdict(study.plan),
        **study.how,
        "steps": _records(study.to_frame()),
        "compared": last.design.told,
        "formula": last.formula,
        "assumptions": list(last.assumptions),
        "cautions": list(last.cautions),
        "integrity_surface": None if surface is None else _records(surface),
        "simulated": None if simulated is None else simulated.to_dict(),
    }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    def plain(value: Any) -> Any:
        return None if isinstance(value, float) and math.isnan(value) else value

    rows = frame.astype(object).to_dict("records")
    return [{str(name): plain(value) for name, value in row.items()} for row in rows]
