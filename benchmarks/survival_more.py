"""Stratified and adjusted Cox regression of a million people, and competing risks as they grow."""

import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from measuring import Contender, RSession, Target, clocked, r_version, race
from people import COVARIATES, simulated

import checkpoint_eval as ce
from checkpoint_eval.models import (
    RiskSets,
    cox_regression,
    event_table,
    gray_test,
    hazard_ratio,
    subdistribution_hazard_ratio,
)
from checkpoint_eval.outcomes import TimeToEvent

PEOPLE = 1_000_000
SITES = 5
# Five that matter, and five that do not.
TEN = (*COVARIATES, "u1", "u2", "u3", "u4", "u5")
COMPETING = 100_000
# cmprsk::crr's variance takes time as the square of the people: 100,000 are raced without.
WITH_VARIANCE = 10_000
GROWTH = (10_000, 100_000, 1_000_000)
# R prints seven digits unless told; answers are compared to more.
DIGITS = "options(digits = 15); "
Lap = Callable[[], tuple[float, float]]


def run(repeats: int) -> None:
    """Race Cox regression against R coxph, and competing risks against R cmprsk."""
    version = r_version()
    if version:
        print(f"  {version}")
    _stratified(repeats, r=version is not None)
    _adjusted(repeats, r=version is not None)
    cmprsk = _cmprsk_version() if version else None
    if cmprsk:
        print(f"  cmprsk {cmprsk}")
    _competing(repeats, r=cmprsk is not None)
    _growth()


def _stratified(repeats: int, *, r: bool) -> None:
    table = simulated(PEOPLE)
    table["site"] = np.random.default_rng(5).integers(0, SITES, PEOPLE)
    days, sites = table["days"].nunique(), table["site"].nunique()
    print(f"  {PEOPLE:,} people, {days} distinct days, {table['event'].mean():.0%} events")
    for ties in ("efron", "breslow"):
        print(f"  arm alone, {sites} strata, {ties} ties")
        model = f"coxph(Surv(days, event) ~ arm + strata(site), data, ties = '{ties}')"
        ours = [
            clocked("kernel", partial(_of_table, table, ties)),
            _verb("verb", table, ties=ties, by="randomisation"),
            _verb("verb, strata named", table, ties=ties, by="name"),
        ]
        work = f"{model}$coefficients[[1]]" if r else ""
        _beside_r(ours, work, table, repeats=repeats, at_least=20)


def _adjusted(repeats: int, *, r: bool) -> None:
    table = simulated(PEOPLE, covariates=True)
    noise = np.random.default_rng(10).normal(size=(len(TEN) - len(COVARIATES), PEOPLE))
    table = table.assign(**dict(zip(TEN[len(COVARIATES) :], noise, strict=True)))
    x = table[["arm", *TEN]].to_numpy(dtype=np.float64)
    time, event = table["days"].to_numpy(), table["event"].to_numpy() == 1
    print(f"  arm and {len(TEN)} covariates, efron ties")
    ours = [
        clocked("kernel", lambda: float(cox_regression(RiskSets.of(x, time, event)).coef[0])),
        _verb("verb", table, adjust=TEN),
    ]
    work = f"coxph(Surv(days, event) ~ arm + {' + '.join(TEN)}, data)$coefficients[[1]]"
    _beside_r(ours, work if r else "", table, repeats=repeats, at_least=1)


def _competing(repeats: int, *, r: bool) -> None:
    table = _two_causes(COMPETING)
    print(f"  {COMPETING:,} people, Gray's test, chi-square")
    gray, fine = (Contender(name="verb", lap=partial(lap, table)) for lap in (_gray, _fine_gray))
    work = "cmprsk::cuminc(data$days, data$kind, data$arm)$Tests[1, 1]"
    _beside_r([gray], work if r else "", table, repeats=repeats, at_least=1, answer="chi-square")
    crr = "cmprsk::crr(data$days, data$kind, data$arm, gtol = 1e-9{})$coef"
    print(f"  {COMPETING:,} people, Fine-Gray; R without the variance")
    work = crr.format(", variance = FALSE")
    _beside_r([fine], work if r else "", table, repeats=repeats, at_least=1)
    table = table.iloc[:WITH_VARIANCE]
    print(f"  {WITH_VARIANCE:,} people, Fine-Gray with its variance")
    fine = Contender(name="verb", lap=partial(_fine_gray, table))
    _beside_r([fine], crr.format("") if r else "", table, repeats=repeats, at_least=1)


def _growth() -> None:
    """Print seconds by number of people, and the exponent of the fitted power."""
    laps: Mapping[str, Callable[[pd.DataFrame], tuple[float, float]]] = {
        "Gray": _gray,
        "Fine-Gray": _fine_gray,
    }
    for name, lap in laps.items():
        seconds = []
        for size in GROWTH:
            table = _two_causes(size)
            lap(table)
            seconds.append(median(lap(table)[0] for _ in range(3)))
        told = ", ".join(f"{n:,}: {each:.3f} s" for n, each in zip(GROWTH, seconds, strict=True))
        exponent = np.polyfit(np.log(GROWTH), np.log(seconds), 1)[0]
        print(f"  {name}, growth: {told}; fitted exponent {exponent:.2f}")


def _of_table(table: pd.DataFrame, ties: str) -> float:
    time, event = table["days"].to_numpy(), table["event"].to_numpy() == 1
    cell = 2 * table["site"].to_numpy() + table["arm"].to_numpy()
    flat = event_table(time, event, cell, groups=2 * SITES)
    shape = (SITES, 2, flat.time.size)
    counts = replace(flat, at_risk=flat.at_risk.reshape(shape), events=flat.events.reshape(shape))
    return float(cox_regression(RiskSets.of_table(counts), ties=ties).coef[0])


def _verb(name: str, table: pd.DataFrame, *, by: str = "", **how: Any) -> Contender:
    """Ask a trial read anew, so that nothing is remembered from the last lap."""
    at_random = {"strata": ("site",)} if by == "randomisation" else {}
    named = {"factors": ("site",)} if by == "name" else {}

    def lap() -> tuple[float, float]:
        trial = ce.Trial.from_frame(
            table,
            arm="arm",
            control=0,
            times={"rearrest": ("days", "event", "days")},
            covariates=how.get("adjust", ()),
            **at_random,
            **named,
        )
        asked = how | ({"strata": "site"} if by == "name" else {})
        start = perf_counter()
        found = hazard_ratio(trial, outcome="rearrest", **asked)
        return perf_counter() - start, float(np.log(found.value))

    return Contender(name=name, lap=lap)


def _two_causes(people: int) -> pd.DataFrame:
    """Add `kind`: 0 censored, 1 the event, 2 another cause that took three in ten of them."""
    table = simulated(people)
    other = np.random.default_rng(3).random(people) < 0.3
    return table.assign(kind=np.where(table["event"] == 1, 1 + other, 0))


def _read_two_causes(table: pd.DataFrame) -> ce.Trial:
    kind = table["kind"].to_numpy()
    outcome = TimeToEvent(
        time=table["days"], event=kind == 1, competing=np.maximum(kind - 1, 0), causes=("death",)
    )
    trial = ce.Trial.from_frame(table, arm="arm", control=0)
    return replace(trial, outcomes={"rearrest": outcome})


def _gray(table: pd.DataFrame) -> tuple[float, float]:
    trial = _read_two_causes(table)
    start = perf_counter()
    found = gray_test(trial, outcome="rearrest")
    return perf_counter() - start, found.statistic**2


def _fine_gray(table: pd.DataFrame) -> tuple[float, float]:
    trial = _read_two_causes(table)
    start = perf_counter()
    found = subdistribution_hazard_ratio(trial, outcome="rearrest")
    return perf_counter() - start, float(np.log(found.value))


def _beside_r(
    ours: Sequence[Contender],
    work: str,
    table: pd.DataFrame,
    *,
    repeats: int,
    at_least: float,
    answer: str = "coef =",
) -> None:
    """Race, and print by how much the answers differ at most; R takes part where work is given."""
    answers: dict[str, float] = {}

    def noting(each: Contender) -> Contender:
        def lap() -> tuple[float, float]:
            seconds, answers[each.name] = each.lap()
            return seconds, answers[each.name]

        return replace(each, lap=lap)

    with ExitStack() as stack:
        contenders = list(ours)
        if work:
            session = stack.enter_context(RSession(DIGITS + work, dict(table.items())))
            contenders.append(Contender(name="R", lap=session.lap))
        targets = [Target(slow="R", fast=each.name, at_least=at_least) for each in ours]
        race([noting(each) for each in contenders], targets, repeats=repeats, answer=answer)
    values = np.array(list(answers.values()))
    print(f"  answers differ by at most {np.ptp(values) / np.abs(values).min():.0e} of themselves")


def _cmprsk_version() -> str | None:
    """Return the version of R package cmprsk, or None with a message when it is absent."""
    rscript = shutil.which("Rscript")
    assert rscript is not None
    code = "cat(as.character(packageVersion('cmprsk')))"
    done = subprocess.run([rscript, "--vanilla", "-e", code], capture_output=True, text=True)
    if done.returncode:
        print("  R: no package cmprsk, skipped")
        return None
    return done.stdout
