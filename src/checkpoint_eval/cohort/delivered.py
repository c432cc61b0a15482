"""Drawing who allocates, who overrides, who is whose navigator, and what is resolved."""

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._days import one_day
from checkpoint_eval.cohort.hazards import MONTH
from checkpoint_eval.cohort.population import Persons
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.design.people import People

SEXES = ("male", "female")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivered:
    """What was decided and delivered for n people, with both ways it could have gone.

    Attributes
    ----------
    arm : (n,) int
        As randomised.
    takes : (2, n) int
        The arm each would receive when randomised to control, and to Checkpoint; never less under
        Checkpoint.
    officer, era : (n,) int
    navigator : (n,) int
        Who is next due; the navigator of those who receive Checkpoint.
    log_ratio : (n,) float
        That navigator's log hazard ratio.
    resolved : (2, p, n) bool
        Needs that would be resolved when prosecuted, and under the contract.
    breach : (n,) bool
        Whether the contract would be broken otherwise than by reoffending.
    contacts : (n,) int
        With the navigator, under Checkpoint.
    consents : (2, n) bool
        Whether each stays in the trial when randomised to either arm.
    people : People
        What the rule read.
    """

    arm: IntArray
    takes: IntArray
    officer: IntArray
    era: IntArray
    navigator: IntArray
    log_ratio: FloatArray
    resolved: NDArray[np.bool_]
    breach: BoolArray
    contacts: IntArray
    consents: NDArray[np.bool_]
    people: People

    def __post_init__(self) -> None:
        for each in fields(self):
            held = getattr(self, each.name)
            if isinstance(held, np.ndarray):
                held.setflags(write=False)

    @property
    def received(self) -> IntArray:
        """(n,) the arm received."""
        return self.takes[self.arm, np.arange(self.arm.size)]

    def resolved_under_received(self) -> NDArray[np.bool_]:
        """Return (p, n) needs resolved under the arm received."""
        return np.asarray(np.where(self.received == 1, *self.resolved[::-1]), dtype=bool)


def deliver(scenario: Scenario, persons: Persons, rng: np.random.Generator) -> Delivered:
    """Draw the allocation and all that follows from it."""
    told, n = scenario.delivery, persons.n
    officer = persons.suite * told.officers + rng.integers(0, told.officers, n)
    starts = np.array([one_day(era.first) for era in told.eras[1:]], dtype="datetime64[D]")
    era = np.searchsorted(starts, persons.index, side="right")
    read = _people(scenario, persons, officer, era)
    arm = scenario.rule.draw(read, rng)
    takes = _taken(scenario, persons, officer, era, rng)
    received = takes[arm, np.arange(n)]
    navigator, log_ratio = _navigators(scenario, persons, received, rng)
    chance = rng.random(persons.needs.shape)
    resolved = np.stack([persons.needs & (chance < p) for p in scenario.effect.resolved])
    stays = rng.random(n)
    return Delivered(
        arm=arm,
        takes=takes,
        officer=officer,
        era=era,
        navigator=navigator,
        log_ratio=log_ratio,
        resolved=resolved,
        breach=rng.random(n) < told.breach,
        contacts=rng.poisson(told.contacts * told.contract_months, n),
        consents=np.stack([stays < p for p in told.consent]),
        people=read,
    )


def _people(scenario: Scenario, persons: Persons, officer: IntArray, era: IntArray) -> People:
    """Return the columns that the rule reads."""
    rule = scenario.rule
    if not rule.columns and not rule.covariates:
        return People(n=persons.n)
    codes = {
        "suite": (persons.suite, tuple(scenario.suites)),
        "band": (persons.band, tuple(scenario.population.bands)),
        "sex": (persons.female, SEXES),
        "officer": (officer, tuple(map(officer_name, range(_officers(scenario))))),
        "era": (era, tuple(map(str, range(1, len(scenario.delivery.eras) + 1)))),
    }
    asked = {factor.name: codes[factor.name] for factor in rule.columns}
    numbers = {"age": persons.age, "record": floats(persons.record)}
    return rule.read(
        People(
            n=persons.n,
            codes={name: code for name, (code, _) in asked.items()},
            levels={name: levels for name, (_, levels) in asked.items()},
            values={name: numbers[name] for name in rule.covariates},
        )
    )


def officer_name(code: int) -> str:
    """Return what an officer is called."""
    return f"officer {code + 1:02d}"


def _officers(scenario: Scenario) -> int:
    return scenario.delivery.officers * len(scenario.suites)


def _taken(
    scenario: Scenario,
    persons: Persons,
    officer: IntArray,
    era: IntArray,
    rng: np.random.Generator,
) -> IntArray:
    """Return (2, n) the arm received for each arm randomised.

    One uniform decides both ways, so nobody does the opposite of what they are randomised to.
    """
    told = scenario.delivery
    habit = told.officer_spread * rng.standard_normal(_officers(scenario))
    uniform = rng.random(persons.n)

    def chance(name: str, risk: float) -> FloatArray:
        base = np.array([getattr(each, name) for each in told.eras])
        with np.errstate(divide="ignore"):
            odds = logit(base)[era] + habit[officer] + risk * persons.risk
        return floats(expit(odds))

    always = uniform < chance("to_checkpoint", -told.by_risk)
    never = uniform > 1 - chance("to_prosecution", told.by_risk)
    return np.stack([always & ~never, ~never]).astype(np.int64)


def _navigators(
    scenario: Scenario, persons: Persons, received: IntArray, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """Return whose turn it is for each person, and the log hazard ratio of that navigator.

    Posts take turns; a post's holder leaves after an exponential time and is replaced. With as
    many posts as the busiest stretch needs, nobody has more contracts at once than the caseload.
    """
    told = scenario.delivery
    day = persons.index.astype(np.int64)
    treated = day[received == 1]
    length = round(told.contract_months * MONTH)
    opened = np.searchsorted(treated, treated, side="right")
    at_once = opened - np.searchsorted(treated, treated - length, side="right")
    posts = max(1, -(-int(at_once.max(initial=0)) // told.caseload))
    turn = (np.cumsum(received) - received) % posts
    span = int(day[-1] - day[0]) + 1 if day.size else 1
    most = rng.poisson(told.turnover * span / 365, posts)
    holders = np.concatenate([[0], np.cumsum(most + 1)])
    leaves = np.sort(turn_of(most) * (span + 1) + rng.integers(0, span, int(most.sum())))
    since = turn * (span + 1) + (day - day[0] if day.size else day)
    left = np.searchsorted(leaves, since, side="right") - np.searchsorted(leaves, turn * (span + 1))
    navigator = holders[turn] + left
    sigma = told.navigator_spread
    effects = sigma * rng.standard_normal(int(holders[-1])) - sigma**2 / 2
    return navigator, floats(effects[navigator])


def turn_of(number: IntArray) -> IntArray:
    """Return each place as often as it counts: 0 for the first, and so on."""
    return np.repeat(np.arange(number.size), number)
