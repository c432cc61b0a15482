"""A ledger against a dictionary: whatever is done in whatever order, both say the same."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledgers import ARMS, Clock, Make, bodies, rows, seed_of, suites

from checkpoint_eval.design import Minimisation, PermutedBlocks, Simple
from checkpoint_eval.design.allocation import OneAtATime
from checkpoint_eval.errors import TrialError
from checkpoint_eval.randomise import Closed, Ledger, Received, Screened, Withdrawn
from checkpoint_eval.randomise.standing import present

RULES: dict[str, OneAtATime] = {
    "suites": suites(2, 4),
    "blocks": PermutedBlocks(sizes=(3,), ratio=(1, 2)),
    "simple": Simple(ratio=(1, 1)),
    "minimised": Minimisation(factors={"suite": ["north", "south"]}, p_best=0.9),
}
PEOPLE = st.sampled_from([f"P{number}" for number in range(8)])
SUITES = st.sampled_from(["north", "south"])
REASONS = ("under 18", "victim refuses")


class Model(RuleBasedStateMachine):
    """What a trial's office would note on paper, beside two handles of the same ledger."""

    @initialize(name=st.sampled_from(sorted(RULES)))
    def begin(self, name: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "trial.ledger"
        first = Ledger.create(
            self.path, rule=RULES[name], arms=ARMS, exclusions=REASONS, clock=Clock()
        )
        self.handles = [first, Ledger.open(self.path)]
        self.rule, self.state = RULES[name], RULES[name].start()
        self.arm: dict[str, str] = {}
        self.excluded: dict[str, bool] = {}
        self.entries, self.era, self.closed = 1, 1, False
        self.heads = [first.head]

    @rule(handle=st.integers(0, 1), person=PEOPLE, suite=SUITES)
    def allocate(self, handle: int, person: str, suite: str) -> None:
        levels: dict[str, Any] = {"suite": suite} if self.rule.columns else {}
        if person not in self.arm and (self.closed or self.excluded.get(person)):
            with pytest.raises(TrialError, match=r"closed|excluded"):
                self.handles[handle].allocate(person, levels)
            return
        answer = self.handles[handle].allocate(person, levels)
        assert answer.repeated == (person in self.arm)
        if answer.repeated:
            assert answer.arm == self.arm[person]
            return
        assert answer.place == len(self.arm) + 1
        assert answer.era == self.era
        stated = self.rule.chances(json.loads(json.dumps(self.state)), levels)
        assert answer.probabilities == pytest.approx(stated)
        assert stated[answer.code] > 0
        self.arm[person] = answer.arm
        self.state = self.rule.after(self.state, answer.code, levels)
        self.entries += 1

    @rule(handle=st.integers(0, 1), person=PEOPLE, why=st.sets(st.sampled_from(REASONS)))
    def screen(self, handle: int, person: str, why: set[str]) -> None:
        self.handles[handle].record(Screened(person=person, excluded=tuple(why)))
        self.excluded[person] = bool(why)
        self.entries += 1

    @rule(handle=st.integers(0, 1), person=PEOPLE, kind=st.sampled_from(["over", "got", "gone"]))
    def happen(self, handle: int, person: str, kind: str) -> None:
        ledger = self.handles[handle]

        def record() -> None:
            if kind == "over":
                ledger.override(person, to=ARMS[0], by="a", role="b", reason="c")
            elif kind == "got":
                ledger.record(Received(person=person, arm=ARMS[1]))
            else:
                ledger.record(Withdrawn(person=person, reason="moved"))

        if person in self.arm:
            record()
            self.entries += 1
        else:
            with pytest.raises(TrialError, match="never randomised"):
                record()

    @precondition(lambda self: not self.closed)
    @rule(handle=st.integers(0, 1), name=st.sampled_from(sorted(RULES)))
    def amend(self, handle: int, name: str) -> None:
        self.handles[handle].amend(rule=RULES[name], reason="as agreed")
        self.rule, self.state = RULES[name], RULES[name].start()
        self.era += 1
        self.entries += 1

    @precondition(lambda self: not self.closed and len(self.arm) > 5)
    @rule(handle=st.integers(0, 1))
    def close(self, handle: int) -> None:
        self.handles[handle].record(Closed(reason="the number was reached"))
        self.closed = True
        self.entries += 1

    @rule(handle=st.integers(0, 1))
    def reopen(self, handle: int) -> None:
        self.handles[handle].close()
        self.handles[handle] = Ledger.open(self.path)

    @rule()
    def note_the_head(self) -> None:
        self.heads.append(self.handles[0].head)

    @invariant()
    def both_say_the_same(self) -> None:
        for ledger in self.handles:
            assert ledger.head.sequence == self.entries
        people = self.handles[1].people()
        assert people["person"].tolist() == list(self.arm)
        assert people["arm"].tolist() == list(self.arm.values())

    def teardown(self) -> None:
        if not hasattr(self, "handles"):
            return
        seed = json.loads(Path(f"{self.path}.key").read_text())["seed"]
        for head in self.heads:
            found = self.handles[0].verify(seed=seed, head=head)
            assert found.replayed, found
        for ledger in self.handles:
            ledger.close()
        self.folder.cleanup()


Model.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestModel = Model.TestCase


def test_who_comes_anew_stands_where_those_who_stayed_do(make: Make) -> None:
    """A handle opened at any place follows the entries since the standing stored last."""
    ledger = make(rule=PermutedBlocks(sizes=(4, 6)))
    other = Ledger.open(ledger.path)  # follows from what it remembers
    done = 0

    def compare() -> None:
        with Ledger.open(ledger.path) as fresh:
            standings = []
            for each in (ledger, other, fresh):
                with each.store.reading() as connection:
                    here = present(connection, each.memory)
                standings.append(here.standing.text())
                assert here.hash == rows(ledger.path)[-1][2]
                assert here.terms.era == len(bodies(ledger.path, "amended")) + 1
        assert len(set(standings)) == 1, standings

    for step in range(40):
        if step in (5, 19, 20):  # in between, and one after the other
            ratio = {5: (1, 1), 19: (1, 2), 20: (2, 1)}[step]
            ledger.amend(rule=PermutedBlocks(sizes=(6,), ratio=ratio), reason="as agreed")
        elif step == 11:
            ledger.amend(exclusions=["drug offence"], reason="eligibility widened")
        elif step % 4 == 3:
            ledger.record(Withdrawn(person="A0", reason="moved"))
        elif step == 38:
            ledger.record(Closed(reason="enough"))
        else:
            ledger.allocate(f"A{done}")
            done += 1
        if step % 3:
            compare()
    compare()
    with Ledger.open(ledger.path) as fresh, pytest.raises(TrialError, match="closed"):
        fresh.allocate("late")
    assert ledger.verify(seed=seed_of(ledger)).replayed
    other.close()
