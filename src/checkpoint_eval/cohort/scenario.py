"""The scenario: everything that is supposed of an invented trial, in one frozen value."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import pandas as pd

from checkpoint_eval._arrays import plain
from checkpoint_eval._checks import check_choice, check_count, check_known
from checkpoint_eval._display import Shown
from checkpoint_eval.cohort.delivery_parts import Delivery, Effect, Recording
from checkpoint_eval.cohort.people_parts import (
    Arrivals,
    Population,
    Reoffending,
    check_day,
    check_shares,
)
from checkpoint_eval.cohort.typed import Typed
from checkpoint_eval.design.allocation import Rule
from checkpoint_eval.design.blocks import PermutedBlocks
from checkpoint_eval.design.declared import rule_to_dict, rule_told
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import TrialError

# Columns of people that a rule may read, beside "navigator", which nobody has before.
READABLE: tuple[str, ...] = ("suite", "band", "officer", "era", "sex")


def _blocks_in_suites() -> Rule:
    return Stratified(rule=PermutedBlocks(sizes=(4, 6)), by=("suite",))


@dataclass(frozen=True, slots=True, kw_only=True, repr=False, weakref_slot=True)
class Scenario(Shown, Typed):
    """A trial to practise on, as it is supposed to be.

    Attributes
    ----------
    people : int
    title : str
    arms : (str, str)
        Control first.
    suites : mapping of str to float
        Custody suites and their share of people.
    rule : rule
        Of two arms; it may read the columns suite, band, officer, era and sex.
    arrivals, population, reoffending, effect, delivery, recording
        The parts.
    sources : mapping of str to str
        Where the value of a field such as "reoffending.risks" was read, or that it is assumed.

    Raises
    ------
    TrialError
        When a value is not possible, or parts do not fit one another.

    Examples
    --------
    >>> Scenario(people=200, effect=Effect.constant(0.7))
    Scenario(200 people, permuted-blocks within suite; hazard ratio 0.7)
    """

    people: int
    title: str = "An invented trial"
    arms: tuple[str, str] = ("prosecution", "checkpoint")
    suites: Mapping[str, float] = field(
        default_factory=lambda: {"Durham": 0.4, "Darlington": 0.35, "Peterlee": 0.25}
    )
    rule: Rule = field(default_factory=_blocks_in_suites)
    arrivals: Arrivals = field(default_factory=Arrivals)
    population: Population = field(default_factory=Population)
    reoffending: Reoffending = field(default_factory=Reoffending)
    effect: Effect = field(default_factory=Effect)
    delivery: Delivery = field(default_factory=Delivery)
    recording: Recording = field(default_factory=Recording)
    sources: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        Typed.__post_init__(self)
        check_count(self.people, "people", least=2)
        check_shares(self.suites, "suites")
        if self.arms[0] == self.arms[1]:
            raise TrialError(f"`arms` needs two different names, control first, got {self.arms!r}.")
        if self.rule.n_arms != 2:
            raise TrialError(f"`rule` has {self.rule.n_arms} arms; a scenario has two.")
        for factor in self.rule.columns:
            check_choice(factor.name, "rule", READABLE)
        for name in self.rule.covariates:
            check_choice(name, "rule", ("age", "record"))
        for band in self.effect.by_band:
            check_known(band, self.population.bands, what="`effect` names the band")
        for need in self.effect.pathways:
            check_known(need, self.population.needs, what="`effect` names the pathway")
        if check_day(self.recording.extract, "extract") < check_day(self.arrivals.first, "first"):
            raise TrialError(
                f"`extract` is {self.recording.extract}, before anyone is randomised, "
                f"{self.arrivals.first}; take a later extract."
            )
        known = {*self.values(), "reoffending.shape"}
        for name in self.sources:
            check_known(name, known, what=f"`sources[{name!r}]`, the field")

    def __repr__(self) -> str:
        ratios = ", ".join(f"{ratio:.3g}" for ratio in self.effect.hazard_ratios[:3])
        more = ", ..." if len(self.effect.hazard_ratios) > 3 else ""
        return (
            f"Scenario({self.people:,} people, {rule_told(self.rule)}; hazard ratio {ratios}{more})"
        )

    def values(self) -> dict[str, object]:
        """Return each field by its dotted name, such as "reoffending.risks"."""
        found: dict[str, object] = {}
        for name, value in self.to_dict().items():
            parted = name in _PARTS and isinstance(value, dict)
            parts = (
                {f"{name}.{key}": each for key, each in value.items()} if parted else {name: value}
            )
            found |= parts
        found.pop("sources")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return nested mappings, lists, numbers and text that TOML and JSON can hold."""
        held = {
            each.name: plain(getattr(self, each.name))
            for each in fields(self)
            if each.name != "rule"
        }
        if self.reoffending.shape is None:
            del held["reoffending"]["shape"]  # TOML has no null
        return held | {"rule": rule_to_dict(self.rule)}

    def to_frame(self) -> pd.DataFrame:
        """Return one row a field: value, and where it was read."""
        rows = [
            {"field": name, "value": value, "source": self.sources.get(name, "not stated")}
            for name, value in self.values().items()
        ]
        return pd.DataFrame(rows, columns=["field", "value", "source"])

    @property
    def digest(self) -> str:
        """SHA-256 over every value."""
        text = json.dumps(self.to_dict())  # the order of bands and suites matters
        return hashlib.sha256(text.encode()).hexdigest()


_PARTS = ("arrivals", "population", "reoffending", "effect", "delivery", "recording")
