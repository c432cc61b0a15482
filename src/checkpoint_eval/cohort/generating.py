"""Generating a cohort from a scenario."""

import numpy as np
import psutil

from checkpoint_eval._checks import check_rng
from checkpoint_eval._days import one_day
from checkpoint_eval.cohort.cohorts import Cohort
from checkpoint_eval.cohort.delivered import deliver
from checkpoint_eval.cohort.hazards import baseline_hazard, treated_hazard
from checkpoint_eval.cohort.histories import draw_histories
from checkpoint_eval.cohort.population import draw_people
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.cohort.written import Lives, write_extract
from checkpoint_eval.errors import TrialError

# Bytes at the highest point of generating: for each person beside their needs, for each need, and
# for each offence. Measured by benchmarks/cohorts.py.
MOST_OFFENCES = 5_000
PERSON, NEED, OFFENCE = 450, 75, 95


def generate(scenario: Scenario, rng: np.random.Generator) -> Cohort:
    """Generate an invented trial whose truth is known.

    Parameters
    ----------
    scenario : Scenario
    rng : numpy.random.Generator
        The same seed gives the same bytes.

    Returns
    -------
    Cohort
        People, extract, assignment, and the histories of everyone under either arm.

    Raises
    ------
    TrialError
        When the scenario cannot hold, or the cohort would not fit in memory; the estimate is
        stated.

    Notes
    -----
    Latent values are jointly normal (a Gaussian copula). Offences are a Poisson process given
    latent risk and a gamma frailty; the points of one process go through the hazard of either arm.

    References
    ----------
    Inversion of cumulative hazards: Bender, Augustin and Blettner (2005), Statistics in Medicine
    24, 1713-1723. Written out in docs/cohorts.md. Checked against closed forms of marginal risks,
    and Kolmogorov–Smirnov tests of margins.

    Examples
    --------
    >>> import numpy as np
    >>> cohort = generate(Scenario(people=100), np.random.default_rng(1))
    >>> cohort.assignment.n, cohort.records().n
    (100, 100)
    """
    if not isinstance(scenario, Scenario):
        raise TrialError(f"`scenario` must be a `Scenario`, got {type(scenario).__name__}.")
    check_rng(rng)
    refuse_too_large(scenario)
    lives = live(scenario, rng)
    return Cohort(lives=lives, written=write_extract(lives, rng), dirt=int(rng.integers(2**62)))


def live(scenario: Scenario, rng: np.random.Generator) -> Lives:
    """Return the people of a scenario with what was delivered and their histories."""
    persons = draw_people(scenario, rng)
    delivered = deliver(scenario, persons, rng)
    histories = draw_histories(scenario, persons, delivered, rng)
    return Lives(scenario=scenario, persons=persons, delivered=delivered, histories=histories)


def bytes_needed(scenario: Scenario) -> float:
    """Return about how much memory generating takes at its highest point."""
    baseline = baseline_hazard(scenario.reoffending)
    first = one_day(scenario.arrivals.first)
    days = float((one_day(scenario.recording.extract) - first).astype(int))
    either = (baseline, treated_hazard(baseline, scenario.effect))
    points = max(float(each.at(np.array([days]))[0]) for each in either)
    if not points < MOST_OFFENCES:
        raise TrialError(
            f"`risks` by such a hazard ask for {points:.3g} offences a person who reoffends; lower "
            "`spread`, `frailty` or `risks` of `Reoffending`, or the hazard ratios of `Effect`."
        )
    record = (1 - scenario.population.no_record) * scenario.population.mean_record
    offences = 1 + record + (1 - scenario.reoffending.never) * points
    each = PERSON + NEED * len(scenario.population.needs) + OFFENCE * offences
    return scenario.people * each


def refuse_too_large(scenario: Scenario) -> None:
    """Refuse a cohort that does not fit in the memory that is free."""
    refuse_bytes(bytes_needed(scenario), f"`people` is {scenario.people:,}")


def refuse_bytes(needed: float, told: str) -> None:
    """Refuse what takes more memory than is free, stating the estimate."""
    free = psutil.virtual_memory().available
    if not needed < free:
        raise TrialError(
            f"{told}, which takes about {needed / 2**30:,.1f} GiB, and {free / 2**30:,.1f} GiB are "
            "free; ask for fewer, or for several cohorts one after the other."
        )
