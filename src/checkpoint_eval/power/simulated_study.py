"""The study a protocol implies, simulated."""

import math
from typing import TYPE_CHECKING

import numpy as np

from checkpoint_eval._checks import check_rng
from checkpoint_eval.errors import TrialError
from checkpoint_eval.power.comparing import Comparison
from checkpoint_eval.power.implied_study import Study, StudyStep
from checkpoint_eval.power.lifetimes_planned import Hazards
from checkpoint_eval.power.risks import Proportions
from checkpoint_eval.power.simulated import SimulatedPower
from checkpoint_eval.power.simulating import simulate_power
from checkpoint_eval.power.trial_sources import ExponentialTrial
from checkpoint_eval.power.wrapped import Diluted

if TYPE_CHECKING:
    from checkpoint_eval.power.batched_analyses import PowerStatistic

DAYS = {"days": 1.0, "weeks": 7.0, "months": 365 / 12, "years": 365.0}


def simulate_study(
    study: Study, *, trials: int, rng: np.random.Generator, progress: bool = True
) -> SimulatedPower:
    """Simulate the study that a protocol implies, up to its navigators and looks.

    Parameters
    ----------
    study : Study
    trials : int
    rng : numpy Generator
    progress : bool
        Show a bar on a terminal.

    Returns
    -------
    SimulatedPower
        Of the risk difference, or of the log-rank test where the plan has a hazard ratio. It stands
        beside the power of the study's `last_plain` step.

    Raises
    ------
    TrialError
        As `simulate_power`.

    Notes
    -----
    Hazards are constant and the arms those assigned, mixed by what was received. Navigators and
    looks are left out: the first need a risk for each navigator, as in
    examples/checkpoint_power.py, or a `Scenario` and a verb of navigators in `simulate_power`.

    References
    ----------
    As `simulate_power`. Checked against the formula of the same step.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.design import Planning
    >>> from checkpoint_eval.power import study_of
    >>> plan = Planning(people=432, control_risk=0.3, difference=-0.1)
    >>> study = study_of(replace(load_rossi().protocol, planning=plan))
    >>> found = simulate_study(study, trials=400, rng=np.random.default_rng(1), progress=False)
    >>> 0.55 < found.rows[0].power < 0.8
    True
    """
    if not isinstance(study, Study):
        raise TrialError(
            f"`study` must be a `Study`, got {type(study).__name__}; make it with `study_of`."
        )
    asked: PowerStatistic = "log-rank" if study.plan.difference is None else "risk difference"
    return simulate_power(
        _source(study, study.last_plain),
        [asked],
        trials=trials,
        rng=check_rng(rng),
        alpha=study.how["alpha"],
        progress=progress,
    )


def _source(study: Study, step: StudyStep) -> ExponentialTrial:
    """Return trials with constant hazards, the arms as assigned."""
    plan, protocol = study.plan, study.protocol
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
    assert design.control is not None  # as the first step has it
    return design.control, 1 - (1 - design.control) ** design.ratio
