"""A million people in whole days: Kaplan–Meier, log-rank and restricted mean."""

from collections.abc import Callable
from contextlib import ExitStack
from time import perf_counter

import numpy as np
import pandas as pd
from measuring import Contender, RSession, Target, clocked, has_lifelines, r_version, race
from people import simulated

import checkpoint_eval as ce
from checkpoint_eval.models.event_tables import event_table
from checkpoint_eval.models.restricted_means import restricted_mean_of
from checkpoint_eval.models.survival import kaplan_meier
from checkpoint_eval.models.weighted_logrank import logrank_z

PEOPLE = 1_000_000
HORIZON = 700
# Neither peer makes a restricted mean in these calls: both do less than we do.
R_WORK = """
survfit(Surv(days, event) ~ arm, data)
test <- survdiff(Surv(days, event) ~ arm, data)
test$chisq
"""


def run(repeats: int) -> None:
    """Race the kernels and the verbs against lifelines and R."""
    table = simulated(PEOPLE)
    share = table["event"].mean()
    print(f"  {PEOPLE:,} people, {table['days'].nunique()} distinct days, {share:.0%} events")
    with ExitStack() as stack:
        contenders = [
            clocked("kernels", _kernels(table)),
            Contender(name="verbs", lap=lambda: _verbs(table)),
        ]
        if has_lifelines():
            contenders.append(clocked("lifelines", _lifelines(table)))
        if version := r_version():
            print(f"  {version}")
            session = stack.enter_context(RSession(R_WORK, dict(table.items())))
            contenders.append(Contender(name="R", lap=session.lap))
        targets = [
            Target(slow=slow, fast=fast, at_least=least)
            for slow, least in (("lifelines", 20), ("R", 50))
            for fast in ("kernels", "verbs")
        ]
        race(contenders, targets, repeats=repeats, answer="chi-square")


def _kernels(table: pd.DataFrame) -> Callable[[], float]:
    time = table["days"].to_numpy(dtype=np.float64)
    event = table["event"].to_numpy() == 1
    arm = table["arm"].to_numpy()

    def work() -> float:
        counts = event_table(time, event, arm[None, :], groups=2)  # one stratum
        curve = kaplan_meier(counts)
        _ = curve.std_error
        restricted_mean_of(counts, horizon=HORIZON)
        return float(logrank_z(counts).item() ** 2)

    return work


def _verbs(table: pd.DataFrame) -> tuple[float, float]:
    """Ask three verbs of a trial read anew, so that nothing is remembered from the last lap."""
    trial = ce.Trial.from_frame(
        table, arm="arm", control=0, times={"rearrest": ("days", "event", "days")}
    )
    start = perf_counter()
    ce.survival_curve(trial, outcome="rearrest")
    ce.restricted_mean(trial, outcome="rearrest", horizon=HORIZON)
    statistic = ce.logrank_test(trial, outcome="rearrest").statistic
    return perf_counter() - start, statistic**2


def _lifelines(table: pd.DataFrame) -> Callable[[], float]:
    from lifelines import KaplanMeierFitter
    from lifelines.statistics import logrank_test

    arms = [table[table["arm"] == code] for code in (0, 1)]

    def work() -> float:
        for arm in arms:
            KaplanMeierFitter().fit(arm["days"], arm["event"])
        control, treated = arms
        test = logrank_test(control["days"], treated["days"], control["event"], treated["event"])
        return float(test.test_statistic)

    return work
