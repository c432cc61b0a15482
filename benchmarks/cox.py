"""Cox regression of a hundred thousand people in whole days, unadjusted and adjusted."""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import pandas as pd
from measuring import Contender, RSession, Target, clocked, has_lifelines, r_version, race
from people import COVARIATES, simulated

import checkpoint_eval as ce
from checkpoint_eval.models import RiskSets, cox_regression

PEOPLE = 100_000


def run(repeats: int) -> None:
    """Race the kernel and the verb against lifelines and R, Efron ties throughout."""
    table = simulated(PEOPLE, covariates=True)
    share = table["event"].mean()
    print(f"  {PEOPLE:,} people, {table['days'].nunique()} distinct days, {share:.0%} events")
    trial = ce.Trial.from_frame(
        table,
        arm="arm",
        control=0,
        covariates=COVARIATES,
        times={"rearrest": ("days", "event", "days")},
    )
    version, lifelines = r_version(), has_lifelines()
    if version:
        print(f"  {version}")
    for adjust in ((), COVARIATES):
        print(f"  arm and {len(adjust)} covariates")
        with ExitStack() as stack:
            contenders = [
                clocked("kernel", _kernel(table, adjust)),
                clocked("verb", _verb(trial, adjust)),
            ]
            if lifelines:
                contenders.append(clocked("lifelines", _lifelines(table, adjust)))
            if version:
                formula = " + ".join(("arm", *adjust))
                work = f"coxph(Surv(days, event) ~ {formula}, data)$coefficients[[1]]"
                session = stack.enter_context(RSession(work, dict(table.items())))
                contenders.append(Contender(name="R", lap=session.lap))
            targets = [
                Target(slow=slow, fast=fast)
                for slow in ("lifelines", "R")
                for fast in ("kernel", "verb")
            ]
            race(contenders, targets, repeats=repeats, answer="coef =")


def _kernel(table: pd.DataFrame, adjust: tuple[str, ...]) -> Callable[[], float]:
    x = table[["arm", *adjust]].to_numpy(dtype=np.float64)
    days, event = table["days"].to_numpy(), table["event"].to_numpy() == 1
    return lambda: float(cox_regression(RiskSets.of(x, days, event)).coef[0])


def _verb(trial: ce.Trial, adjust: tuple[str, ...]) -> Callable[[], float]:
    return lambda: float(np.log(ce.hazard_ratio(trial, outcome="rearrest", adjust=adjust).value))


def _lifelines(table: pd.DataFrame, adjust: tuple[str, ...]) -> Callable[[], float]:
    from lifelines import CoxPHFitter

    columns = table[["arm", *adjust, "days", "event"]]
    return lambda: float(CoxPHFitter().fit(columns, "days", "event").params_["arm"])
