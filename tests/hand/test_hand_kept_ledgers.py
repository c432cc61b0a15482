"""Conduct and flow from ledgers kept by hand, and Checkpoint's 521, 519 and 356 people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from ledgers import Clock, suites

import checkpoint_eval as ce
from checkpoint_eval.balance import Conduct, conduct
from checkpoint_eval.design import PermutedBlocks
from checkpoint_eval.randomise import Breached, Closed, Ledger, Received, Screened, Withdrawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Make = Callable[..., Ledger]
NORTH = {"suite": "north"}
COURT, CONTRACT = "court", "contract"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Ledgers, closed in the end."""
    made: list[Ledger] = []

    def create(name: str = "trial") -> Ledger:
        made.append(
            Ledger.create(
                tmp_path / name,
                rule=suites(),
                arms=(COURT, CONTRACT),
                exclusions=("young", "refused"),
                clock=Clock(),
            )
        )
        return made[-1]

    yield create
    for ledger in made:
        ledger.close()


def screened(ledger: Ledger, **excluded: tuple[str, ...]) -> None:
    """Everyone with their reasons."""
    for person, reasons in excluded.items():
        ledger.record(Screened(person=person, excluded=reasons))


def arms(ledger: Ledger, people: str) -> dict[str, str]:
    """Allocate, and remember in which arm they are."""
    return {p: ledger.allocate(p, NORTH).arm for p in people}


def tally(found: Conduct, event: str, arm: dict[str, str], *who: str) -> None:
    """The people by arm are those named."""
    want = tuple(sum(arm[p] == a for p in who) for a in (COURT, CONTRACT))
    assert found.count(event) == want


def trial_of(ledger: Ledger, **changed: Any) -> ce.Trial:
    """The trial of a ledger's people, the first of whom is unknown."""
    people = ledger.people()
    table = pd.DataFrame({"who": people["person"], "arm": people["arm"], "any": 0.0})
    table.loc[0, "any"], table.loc[1, "any"] = np.nan, 1.0
    return ce.Trial.from_frame(
        table.assign(**changed), id="who", arm="arm", control=COURT, binary={"any": "any"}
    )


def test_screening_with_several_reasons(make: Make) -> None:
    """Of eight X, Y, Z are out, Y for two reasons, Z first as young, then refused; N waits."""
    ledger = make()
    screened(ledger, A=(), B=(), C=(), D=(), N=())
    screened(ledger, X=("young",), Y=("young", "refused"), Z=("young",))
    screened(ledger, Z=("refused",))
    arm = arms(ledger, "ABCD")
    found = conduct(ledger)
    assert (found.assessed, found.eligible_not_randomised) == (8, 1)
    assert dict(found.excluded) == {"young": 2, "refused": 2}
    assert sorted(found.excluded_for.values()) == [1, 1, 1]
    assert sum(found.excluded_for.values()) == 3
    randomised = tuple(list(arm.values()).count(a) for a in (COURT, CONTRACT))
    assert dict(found.randomised) == {"1": randomised}
    flow = ce.flow(trial_of(ledger), ledger=ledger)
    assert flow.assessed - sum(n for _, n in flow.excluded) == sum(flow.steps[0].counts) == 4
    assert dict(flow.excluded)["eligible, not randomised"] == 1


def test_an_exclusion_that_was_lifted(make: Make) -> None:
    """The latest screening counts."""
    ledger = make()
    screened(ledger, A=("young",))
    screened(ledger, A=())
    arms(ledger, "A")
    found = conduct(ledger)
    assert (found.assessed, dict(found.excluded), found.eligible_not_randomised) == (1, {}, 0)


def test_overrides_breaches_and_ends(make: Make) -> None:
    """Who asked and why, who broke the contract, who left; one case ended."""
    ledger = make()
    arm = arms(ledger, "ABCDEF")
    other = {p: CONTRACT if a == COURT else COURT for p, a in arm.items()}
    told = {"by": "X", "reason": "wrong person"}
    ledger.override("A", to=other["A"], role="officer", **told)
    ledger.override("B", to=other["B"], role="inspector", **told)
    ledger.override("C", to=other["C"], role="officer", by="X", reason="victim")
    for person in "AB":
        ledger.record(Received(person=person, arm=other[person]))
    for person in "CC":  # told twice, counted once
        ledger.record(Breached(person=person, reason="missed"))
    ledger.record(Breached(person="D", reason="charged"))
    ledger.record(Withdrawn(person="E", reason="moved"))
    ledger.record(Closed(person="F", reason="done"))
    ledger.record(Closed(reason="full"))
    found = conduct(ledger)
    for event, who in [
        ("override", "ABC"),
        ("received", "AB"),
        ("breached", "CD"),
        ("withdrawn", "E"),
        ("closed", "F"),
    ]:
        tally(found, event, arm, *who)
    table = found.to_frame()
    overrides = table[table["event"] == "override"]
    for person, role, reason in [
        ("A", "officer", "wrong person"),
        ("B", "inspector", "wrong person"),
        ("C", "officer", "victim"),
    ]:
        mine = overrides[(overrides["role"] == role) & (overrides["reason"] == reason)]
        assert mine[["arm", "to", "people"]].to_numpy().tolist() == [
            [arm[person], other[person], 1]
        ]
    sizes = [list(arm.values()).count(a) for a in (COURT, CONTRACT)]
    shares = [n / size for n, size in zip(found.count("override"), sizes, strict=True)]
    assert list(found.share("override")) == pytest.approx(shares, rel=1e-12)


def test_every_reason_is_told(make: Make) -> None:
    """A breach for two reasons and an override asked by two offices: one person, two rows each."""
    ledger = make()
    arm = arms(ledger, "AB")
    other = {p: CONTRACT if a == COURT else COURT for p, a in arm.items()}
    for reason in ("missed", "charged"):
        ledger.record(Breached(person="A", reason=reason))
    for role in ("officer", "inspector"):
        ledger.override("B", to=other["B"], by="X", role=role, reason="why")
    found = conduct(ledger)
    tally(found, "breached", arm, "A")
    tally(found, "override", arm, "B")
    assert {row.reason for row in found.rows if row.event == "breached"} == {"missed", "charged"}
    assert {row.role for row in found.rows if row.event == "override"} == {"officer", "inspector"}


def test_eras(make: Make) -> None:
    """Three people, then another rule and two more: each in the era of their allocation."""
    ledger = make()
    screened(ledger, A=(), B=(), C=(), X=("young", "refused"))
    arm = arms(ledger, "ABC")
    ledger.amend(reason="slow", rule=PermutedBlocks(sizes=(2,)), exclusions=("young", "old"))
    screened(ledger, D=(), E=(), Y=("young", "old"))
    arm |= {p: ledger.allocate(p).arm for p in "DE"}
    for person in "AD":
        ledger.record(Breached(person=person, reason="late"))
    found = conduct(ledger)
    first = tuple([arm[p] for p in "ABC"].count(a) for a in (COURT, CONTRACT))
    assert dict(found.randomised) == {"1": first, "2": (1, 1)}
    assert [(str(r.era), r.arm, r.people) for r in found.rows] == [
        ("1", arm["A"], 1),
        ("2", arm["D"], 1),
    ]
    assert dict(found.excluded) == {"young": 2, "refused": 1, "old": 1}
    tally(found, "breached", arm, "A", "D")


def test_flow_of_a_ledger(make: Make) -> None:
    """Six assessed, two excluded, four randomised; then an override, a breach, a withdrawal."""
    ledger = make()
    screened(ledger, A=(), B=(), C=(), D=(), X=("young",), Y=("young", "refused"))
    arm = arms(ledger, "ABCD")
    ledger.override("A", to=COURT, by="X", role="officer", reason="why")
    ledger.record(Breached(person="B", reason="late"))
    ledger.record(Withdrawn(person="C", reason="moved"))
    flow = ce.flow(trial_of(ledger), ledger=ledger)

    def by_arm(who: str) -> tuple[int, ...]:
        return tuple([arm[p] for p in who].count(a) for a in (COURT, CONTRACT))

    counts = [(step.step, step.counts) for step in flow.steps]
    assert counts[0] == ("randomised", by_arm("ABCD"))
    for words, who in [
        ("override", "A"),
        ("broke", "B"),
        ("withdr", "C"),
        ("any unknown", "A"),
        ("any analysed", "BCD"),
    ]:
        assert [c for step, c in counts if words in step.replace(":", "")] == [by_arm(who)]
    assert (flow.assessed, sum(n for _, n in flow.excluded)) == (6, 2)


def test_people_never_screened(make: Make) -> None:
    """Three screened, four randomised: one was not, and the sum is shown."""
    ledger = make()
    screened(ledger, A=(), B=(), C=())
    arms(ledger, "ABCD")
    for ask in (lambda: conduct(ledger), lambda: ce.flow(trial_of(ledger), ledger=ledger)):
        with pytest.raises(ce.ImpossibleDesign, match=r"3 people were screened and 4 randomised"):
            ask()


def test_no_screening_recorded(make: Make) -> None:
    """What was not told is not invented."""
    ledger = make()
    arms(ledger, "ABCD")
    assert (conduct(ledger).assessed, dict(conduct(ledger).excluded)) == (0, {})
    assert ce.flow(trial_of(ledger), ledger=ledger).assessed is None


def test_fewer_people_in_the_trial(make: Make) -> None:
    """Five randomised, four held: the sum is shown."""
    ledger = make()
    arms(ledger, "ABCDE")
    people = ledger.people().iloc[:4].assign(any=[0, 1, 0, 1])
    trial = ce.Trial.from_frame(
        people, id="person", arm="arm", control=COURT, binary={"any": "any"}
    )
    with pytest.raises(ce.ImpossibleDesign, match=r"randomised 5 people.*holds 4"):
        ce.flow(trial, ledger=ledger)


@pytest.mark.parametrize("wrong", ["another person", "two people's arms exchanged"])
def test_other_people_in_the_trial(make: Make, wrong: str) -> None:
    """The numbers agree, the people do not: the ledger randomised others."""
    ledger = make()
    arm = arms(ledger, "ABCD")
    who = [*"ABC", "Z"]
    if wrong != "another person":
        who = list("ABCD")
        one, two = (next(i for i in range(4) if arm[who[i]] == a) for a in (COURT, CONTRACT))
        who[one], who[two] = who[two], who[one]
    with pytest.raises(ce.ImpossibleDesign):
        ce.flow(trial_of(ledger, who=who), ledger=ledger)


def checkpoint() -> ce.Trial:
    """521 randomised, 261 and 260; two withdrew their data; 356 kept to what they were given.

    The 519 leave out one person an arm (numbers 0 and 1); the 356 are 178 an arm, the first
    of those left (numbers 2 to 357).
    """
    number = np.arange(521)
    table = pd.DataFrame(
        {
            "arm": np.array([COURT, CONTRACT])[number % 2],
            "randomised": 1,
            "with data": (number >= 2).astype(int),
            "treated as assigned": ((number >= 2) & (number < 358)).astype(int),
            "any": np.where(number < 2, np.nan, number % 3 == 0),
        }
    )
    sets = ["randomised", "with data", "treated as assigned"]
    return ce.Trial.from_frame(
        table,
        arm="arm",
        control=COURT,
        binary={"any": "any"},
        analysis_sets={f"{name} set": name for name in sets},
    )


def test_checkpoint_has_three_denominators() -> None:
    """One trial of 521; its three sets stand side by side and each says what it is."""
    trial = checkpoint()
    flow = ce.flow(trial)
    counts = {step.step.replace(":", ""): step.counts for step in flow.steps}
    assert counts["randomised"] == (261, 260)
    assert counts["in analysis set randomised set"] == (261, 260)
    assert counts["in analysis set with data set"] == (260, 259)
    assert counts["in analysis set treated as assigned set"] == (178, 178)
    sums = [sum(n) for step, n in counts.items() if step.startswith("in analysis set")]
    assert sums == [521, 519, 356]
    unknown = next(n for step, n in counts.items() if "unknown" in step)
    assert unknown == (1, 1)
    analysed = counts["any analysed"]
    assert tuple(a + b for a, b in zip(unknown, analysed, strict=True)) == (261, 260)
    for name, people in [("with data", (260, 259)), ("treated as assigned", (178, 178))]:
        risk = ce.risk_difference(trial, outcome="any", analysis_set=f"{name} set")
        assert (risk.n, risk.missing) == (people, (0, 0))
    assert ce.risk_difference(trial, outcome="any").missing == (1, 1)


def test_ineligible_after_randomisation(make: Make) -> None:
    """B turns out young: still of the trial, not among the excluded, and told as an event."""
    ledger = make()
    screened(ledger, A=(), B=(), C=(), D=(), X=("young",))
    arm = arms(ledger, "ABCD")
    screened(ledger, B=("young", "refused"))
    found = conduct(ledger)
    assert (found.assessed, dict(found.excluded)) == (5, {"young": 1})
    tally(found, "excluded", arm, "B")
    told = found.to_frame().set_index("event").loc["excluded"]
    assert (told["reason"], told["people"], told["arm"]) == ("young; refused", 1, arm["B"])
    flow = ce.flow(trial_of(ledger), ledger=ledger)
    steps = {step.step: step.counts for step in flow.steps}
    assert steps["found ineligible afterwards"] == found.count("excluded")
    assert sum(steps["randomised"]) == 4
