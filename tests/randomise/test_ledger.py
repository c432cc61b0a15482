"""What a ledger answers: once for each person, by era, with events, under pseudonyms."""

import threading
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest
from ledgers import ARMS, Clock, Make, bodies, fill, rows, seed_of, suites

from checkpoint_eval.design import Complete, Minimisation, PermutedBlocks, Simple, Stratified
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.randomise import (
    Breached,
    Closed,
    Ledger,
    Override,
    Received,
    Screened,
    Withdrawn,
)

NORTH = {"suite": "north"}


def test_a_repeated_request_returns_the_first_answer(make: Make) -> None:
    ledger = make()
    first = ledger.allocate("A", NORTH)
    fill(ledger, 10)
    head = ledger.head
    again = ledger.allocate("A", {"suite": "south"})
    assert (first.repeated, again.repeated) == (False, True)
    assert (first.differs, again.differs) == ((), ("suite",))
    for name in ("person", "arm", "code", "place", "probabilities", "era", "at"):
        assert getattr(first, name) == getattr(again, name)
    assert ledger.allocate("A").differs == ()
    assert ledger.allocate("A", {"suite": "moon"}).differs == ("suite",)
    assert ledger.head == head
    with Ledger.open(ledger.path) as other:
        assert other.allocate("A", NORTH).arm == first.arm


def test_identifiers_that_look_alike_are_one_or_refused(make: Make) -> None:
    ledger = make()
    composed = ledger.allocate("Ren\u00e9e", NORTH)
    assert ledger.allocate("Rene\u0301e", NORTH).repeated
    assert ledger.allocate(17, NORTH).arm == ledger.allocate("17", NORTH).arm  # type: ignore[arg-type]
    assert composed.place == 1
    for wrong in ("", " ", "A ", "\tA", "A\x00B", "A\u200bB", "A\nB", "\ud800", None, True, 1.5):
        with pytest.raises(TrialError, match="`person`"):
            ledger.allocate(wrong, NORTH)  # type: ignore[arg-type]
    assert len(bodies(ledger.path, "randomised")) == 2


def test_a_level_that_is_missing_or_not_declared_is_refused(make: Make) -> None:
    ledger = make()
    head = ledger.head
    for factors, kind, told in (
        (None, UnknownColumn, "suite"),
        ({}, UnknownColumn, "suite"),
        ({"suite": "nroth"}, InvalidData, "did you mean 'north'"),
        ({"suite": None}, InvalidData, "missing"),
        ({"suite": float("nan")}, InvalidData, "missing"),
        ({"suite": "north", "siute": "south"}, UnknownColumn, "did you mean 'suite'"),
    ):
        with pytest.raises(kind, match=told):
            ledger.allocate("A", factors)
    assert ledger.head == head


def test_chances_stated_are_the_rules(make: Make) -> None:
    rule = Minimisation(
        factors={"suite": ["north", "south"], "band": [1, 2, 3]}, p_best=0.8, ratio=(1, 1)
    )
    ledger = make(rule=rule)
    rng, state = np.random.default_rng(3), rule.start()
    for number in range(60):
        person = {"suite": ("north", "south")[rng.integers(2)], "band": int(rng.integers(1, 4))}
        answer = ledger.allocate(f"P{number}", person)
        assert answer.probabilities == pytest.approx(rule.chances(state, person), abs=1e-15)
        state = rule.after(state, answer.code, person)
    assert ledger.verify(seed=seed_of(ledger)).replayed


def test_who_was_excluded_is_not_allocated(make: Make) -> None:
    ledger = make()
    ledger.record(Screened(person="A", excluded=("under 18", "victim refuses")))
    with pytest.raises(TrialError, match="under 18, victim refuses"):
        ledger.allocate("A", NORTH)
    ledger.record(Screened(person="A"))
    assert ledger.allocate("A", NORTH).place == 1
    with pytest.raises(UnknownColumn, match="did you mean 'under 18'"):
        ledger.record(Screened(person="B", excluded=("under 8",)))
    assert ledger.verify().ok


EVENTS = (
    Override(person="A", to="court", by="PC 12", role="sergeant", reason="risk"),
    Received(person="A", arm="contract"),
    Breached(person="A", reason="missed two appointments"),
    Withdrawn(person="A", reason="moved away"),
    Closed(person="A", reason="contract ended"),
)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
def test_an_event_needs_someone_randomised(make: Make, event: Override) -> None:
    ledger = make()
    ledger.record(Screened(person="A"))
    with pytest.raises(TrialError, match="never randomised"):
        ledger.record(event)
    first = ledger.allocate("A", NORTH)
    entry = ledger.record(event)
    assert (entry.kind, entry.sequence, entry.fields["person"]) == (event.kind, 4, "A")
    assert ledger.allocate("A").arm == first.arm  # intention to treat
    assert ledger.verify(seed=seed_of(ledger)).ok
    assert bodies(ledger.path, "randomised")[0]["arm"] == first.arm


def test_events_say_who_and_why(make: Make) -> None:
    ledger = make()
    fill(ledger, 1)
    for empty in ("by", "role", "reason"):
        said = {"to": "court", "by": "a", "role": "b", "reason": "c"} | {empty: " "}
        with pytest.raises(TrialError, match=f"`{empty}`"):
            ledger.override("P0000", **said)
    with pytest.raises(UnknownColumn, match="did you mean 'court'"):
        ledger.override("P0000", to="Court", by="a", role="b", reason="c")
    with pytest.raises(UnknownColumn, match="arm"):
        ledger.record(Received(person="P0000", arm="prison"))
    with pytest.raises(TrialError, match="`event`"):
        ledger.record("withdrawn")  # type: ignore[arg-type]
    assert ledger.head.sequence == 2


def test_after_recruitment_closes_nobody_is_allocated(make: Make) -> None:
    ledger = make()
    fill(ledger, 8)
    with Ledger.open(ledger.path) as other:
        other.record(Closed(reason="the number was reached"))
    with pytest.raises(TrialError, match="closed"):
        ledger.allocate("new", NORTH)
    with pytest.raises(TrialError, match="closed already"):
        ledger.record(Closed(reason="again"))
    with pytest.raises(TrialError, match="nothing left to amend"):
        ledger.amend(rule=Simple(ratio=(1, 1)), reason="too late")
    assert ledger.allocate("P0000").repeated
    ledger.record(Withdrawn(person="P0000", reason="moved away"))
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_an_amended_rule_starts_afresh(make: Make) -> None:
    ledger = make(rule=PermutedBlocks(sizes=(4,)))
    for number in range(3):
        ledger.allocate(f"A{number}")
    with Ledger.open(ledger.path) as other:  # another process amends
        other.amend(rule=PermutedBlocks(sizes=(3,), ratio=(1, 2)), reason="ratio 1:2 from May")
    second = [ledger.allocate(f"B{number}") for number in range(6)]
    assert [answer.place for answer in second] == [4, 5, 6, 7, 8, 9]
    assert {answer.era for answer in second} == {2}
    assert second[0].probabilities == pytest.approx((1 / 3, 2 / 3))
    for block in (second[:3], second[3:]):
        assert sorted(answer.code for answer in block) == [0, 1, 1]
    assert ledger.verify(seed=seed_of(ledger)).replayed


def test_amended_exclusions_leave_the_rule_where_it_was(make: Make) -> None:
    ledger = make(rule=PermutedBlocks(sizes=(4,)))
    one = [ledger.allocate(f"A{number}").code for number in range(2)]
    ledger.amend(exclusions=["drug offence"], reason="eligibility widened")
    two = [ledger.allocate(f"B{number}") for number in range(2)]
    assert sorted(one + [answer.code for answer in two]) == [0, 0, 1, 1]
    assert {answer.era for answer in two} == {2}
    with pytest.raises(UnknownColumn):
        ledger.record(Screened(person="C", excluded=("under 18",)))
    ledger.record(Screened(person="C", excluded=("drug offence",)))
    assert ledger.verify(seed=seed_of(ledger)).ok
    assert ledger.export().strata == ("everyone",)


def test_an_amendment_keeps_the_arms_and_says_why(make: Make) -> None:
    ledger = make()
    with pytest.raises(ImpossibleDesign, match="3 arms"):
        ledger.amend(rule=Simple(ratio=(1, 1, 1)), reason="a third arm")
    with pytest.raises(TrialError, match="changes something"):
        ledger.amend(reason="nothing")
    with pytest.raises(TrialError, match="`reason`"):
        ledger.amend(rule=Simple(ratio=(1, 1)), reason="")
    assert ledger.head.sequence == 1


def test_a_rule_without_places_left_is_told(make: Make) -> None:
    ledger = make(rule=Complete(counts=(1, 1)))
    assert {ledger.allocate("A").code, ledger.allocate("B").code} == {0, 1}
    with pytest.raises(ImpossibleDesign, match="places"):
        ledger.allocate("C")
    assert ledger.allocate("A").repeated
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_export_has_strata_and_arrival_order(make: Make) -> None:
    ledger = make(rule=suites(4))
    fill(ledger, 24)
    ledger.record(Screened(person="never", excluded=("under 18",)))
    assignment = ledger.export()
    said = bodies(ledger.path, "randomised")
    assert assignment.arm.tolist() == [each["code"] for each in said]
    assert assignment.arms == ARMS
    assert assignment.stratified_by == ("suite",)
    assert [assignment.strata[code] for code in assignment.stratum] == [
        f"suite={each['factors']['suite']}" for each in said
    ]
    assert assignment.commitment == ledger.terms.commitment
    rule, people = assignment.redrawn_by()
    assert isinstance(rule, Stratified)
    drawn = rule.draw_many(people, 200, np.random.default_rng(1))
    for stratum in (0, 1):
        blocks = drawn[:, assignment.stratum == stratum].reshape(200, -1, 4)
        assert (blocks.sum(axis=2) == 2).all()


def test_export_keeps_eras_apart(make: Make) -> None:
    ledger = make(rule=suites(4))
    fill(ledger, 16)
    ledger.amend(exclusions=[], reason="everyone is eligible")
    fill(ledger, 16, start=16)
    ledger.amend(
        rule=Stratified(
            rule=PermutedBlocks(sizes=(3,), ratio=(2, 1)), by={"suite": ["north", "south"]}
        ),
        reason="fewer contracts",
    )
    fill(ledger, 12, start=32)
    assignment = ledger.export()
    assert assignment.stratified_by == ("era", "suite")
    assert assignment.strata == (
        *("era=1, suite=north", "era=1, suite=south"),
        *("era=3, suite=north", "era=3, suite=south"),
    )
    assert np.bincount(assignment.stratum).tolist() == [16, 16, 6, 6]
    rule, people = assignment.redrawn_by()
    chances = rule.probabilities(people)  # type: ignore[attr-defined]
    assert chances[:32] == pytest.approx(0.5)
    assert chances[32:, 1] == pytest.approx(1 / 3)
    drawn = rule.draw_many(people, 50, np.random.default_rng(1))
    assert (drawn[:, 32::2].reshape(50, 2, 3).sum(axis=2) == 1).all()


def test_export_of_eras_that_read_other_columns_has_strata_but_no_rule(make: Make) -> None:
    ledger = make(rule=suites(4))
    fill(ledger, 16)
    ledger.amend(rule=PermutedBlocks(sizes=(4,)), reason="one suite left")
    for number in range(8):
        ledger.allocate(f"B{number}")
    assignment = ledger.export()
    assert assignment.rule is None
    assert assignment.strata == ("era=1, suite=north", "era=1, suite=south", "era=2")


@pytest.mark.parametrize(
    ("zone", "day"), [("UTC", 30), ("Europe/London", 1), ("Atlantic/Azores", 30)]
)
def test_people_are_dated_by_the_calendar_asked_for(make: Make, zone: str, day: int) -> None:
    """23:30 on 30 June by Greenwich is half past midnight of 1 July in a London summer."""
    path = make().path
    with Ledger.open(path, clock=lambda: datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) as ledger:
        fill(ledger, 12)
        found = set(ledger.export(zone=zone).date.tolist())
    assert found == {date(2026, 6 if day == 30 else 7, day)}


def test_a_zone_that_is_none_is_refused(make: Make) -> None:
    ledger = make()
    fill(ledger, 12)
    for zone in ("Durham", "", "../etc", 3):
        with pytest.raises(TrialError, match=r"`zone` .* is no time zone"):
            ledger.export(zone=zone)  # type: ignore[arg-type]


def test_nothing_to_export_is_told(make: Make) -> None:
    ledger = make()
    with pytest.raises(ImpossibleDesign, match="Nobody was randomised"):
        ledger.export()
    ledger.allocate("A", NORTH)
    with pytest.raises(ImpossibleDesign, match="has nobody"):
        ledger.export()


def test_frames_tell_everything(make: Make) -> None:
    ledger = make()
    assert ledger.people().empty
    fill(ledger, 3)
    for event in (
        Override(person="P0001", to="court", by="a", role="b", reason="c"),
        Received(person="P0001", arm="court"),
        Withdrawn(person="P0002", reason="moved"),
    ):
        ledger.record(event)
    people = ledger.people()
    assert people["person"].tolist() == ["P0000", "P0001", "P0002"]
    assert people["place"].tolist() == [1, 2, 3]
    assert people["suite"].tolist() == ["north", "south", "north"]
    assert people["override"].tolist() == ["", "court", ""]
    assert people["received"].tolist() == ["", "court", ""]
    assert people["withdrawn"].tolist() == [0, 0, 1]
    assert people["probability of court"].iloc[0] == 0.5
    frame = ledger.to_frame()
    assert len(frame) == 7
    assert frame["kind"].tolist() == [entry.kind for entry in ledger.entries()]
    assert frame["hash"].tolist() == [digest for _, _, digest in rows(ledger.path)]


SECRET = "a secret of the research unit"


def test_pseudonyms_stand_for_identifiers_everywhere(make: Make) -> None:
    import hashlib
    import hmac

    ledger = make(pseudonymise=SECRET)
    name = "Wilhelmina-Gloucester-1987"
    ledger.record(Screened(person=name))
    first = ledger.allocate(name, NORTH)
    assert first.person == name
    assert ledger.allocate(name).repeated
    ledger.override(name, to="court", by="PC 12", role="sergeant", reason="risk")
    expected = hmac.new(SECRET.encode(), name.encode(), hashlib.sha256).hexdigest()
    assert bodies(ledger.path, "randomised")[0]["person"] == expected
    for file in ledger.path.parent.iterdir():
        held = file.read_bytes()
        assert name.encode() not in held
        assert SECRET.encode() not in held
    assert SECRET not in repr(ledger)
    ledger.close()
    with Ledger.open(ledger.path, pseudonymise=SECRET.encode()) as again:
        assert again.allocate(name).arm == first.arm


def test_another_pseudonym_secret_is_refused(make: Make) -> None:
    ledger, plain = make(pseudonymise=SECRET), make("plain")
    with pytest.raises(InvalidData, match="another secret"):
        Ledger.open(ledger.path, pseudonymise=SECRET + "!")
    with pytest.raises(InvalidData, match="leave it out"):
        Ledger.open(plain.path, pseudonymise=SECRET)
    with pytest.raises(TrialError, match="at least 16 bytes"):
        make("short", pseudonymise="too short")
    with Ledger.open(ledger.path) as again:
        assert again.verify().ok
        with pytest.raises(TrialError, match="`pseudonymise`"):
            again.allocate("A", NORTH)


def test_clocks_of_two_machines_may_differ(make: Make) -> None:
    ledger = make()
    with Ledger.open(ledger.path, clock=Clock(ahead=-3600)) as behind:
        for number in range(6):
            (ledger, behind)[number % 2].allocate(f"P{number}", NORTH)
        found = behind.verify(seed=seed_of(ledger))
    assert found.ok
    assert found.replayed
    assert len(found.notes) == 1
    assert "Entry 3 is dated before" in found.notes[0]
    assert "2 more" in found.notes[0]
    assert [each["place"] for each in bodies(ledger.path, "randomised")] == [1, 2, 3, 4, 5, 6]


def test_a_clock_without_a_zone_is_refused(make: Make) -> None:
    ledger = make()
    with (
        Ledger.open(ledger.path, clock=lambda: datetime(2026, 1, 1)) as other,
        pytest.raises(TrialError, match="`clock`"),
    ):
        other.allocate("A", NORTH)
    assert ledger.head.sequence == 1
    assert ledger.allocate("A", NORTH).at.tzinfo is UTC


def test_threads_share_a_ledger(make: Make) -> None:
    ledger = make()
    answers: list[tuple[str, str]] = []

    def work(offset: int) -> None:
        for number in range(30):
            name = f"P{(number * 7 + offset) % 40:02d}"
            answers.append((name, ledger.allocate(name, NORTH).arm))

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 180
    assert len(set(answers)) == 40 == len(bodies(ledger.path, "randomised"))
    assert ledger.verify(seed=seed_of(ledger)).ok


def test_entries_can_be_read_while_others_write(make: Make) -> None:
    ledger = make()
    fill(ledger, 5)
    seen = 0
    for entry in ledger.entries():
        seen += 1
        if entry.sequence == 2:
            fill(ledger, 1, start=100)
    assert seen == 7
    assert ledger.head.sequence == 7


def test_a_copy_can_be_verified_without_key_or_writing(make: Make, tmp_path: Path) -> None:
    ledger = make()
    fill(ledger, 10)
    head, seed = ledger.head, seed_of(ledger)
    ledger.close()
    folder = tmp_path / "copy"
    folder.mkdir()
    copy = folder / "copied"
    copy.write_bytes(ledger.path.read_bytes())
    copy.chmod(0o444)
    folder.chmod(0o555)
    with Ledger.open(copy, read_only=True) as read:
        assert read.verify(seed=seed, head=head).replayed
        with pytest.raises(TrialError, match="`read_only`"):
            read.allocate("new", NORTH)
    folder.chmod(0o755)
    assert copy.read_bytes() == ledger.path.read_bytes()
