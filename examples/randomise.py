"""Step 2, randomise: one day in the custody suites, and the record it leaves.

Run with `python examples/randomise.py`. Two suites ask one ledger, which answers, remembers, and
can be verified by anyone; the ledger and its key are written to the current folder.
"""

from pathlib import Path

from checkpoint_eval import PermutedBlocks, Stratified, TrialError
from checkpoint_eval.balance import conduct
from checkpoint_eval.design import Factor
from checkpoint_eval.randomise import Ledger, Override, Received, Screened, verify_commitment
from checkpoint_eval.randomise.keys import read_key

LEDGER = Path("trial.ledger")
suites = Factor(name="suite", levels=("Durham", "Darlington"))
rule = Stratified(rule=PermutedBlocks(sizes=(4, 6)), by=(suites,))

# Before the first person: the ledger, its key apart from it, and a commitment to publish.
ledger = Ledger.create(
    LEDGER,
    rule=rule,
    arms=("prosecution", "contract"),
    title="A contract instead of prosecution",
    exclusions=("under supervision", "hate crime"),
)
commitment = ledger.terms.commitment
print(f"Published before recruitment: {commitment}")

# The day. Screening first: who is excluded is recorded, with the reason, and cannot be allocated.
ledger.record(Screened(person="D-007", excluded=("under supervision",)))
try:
    ledger.allocate("D-007", {"suite": "Durham"})
except TrialError as problem:
    print(f"Refused: {problem}")

arrivals = [("D", "Durham")] * 9 + [("L", "Darlington")] * 7
for number, (prefix, suite) in enumerate(arrivals, start=101):
    person = f"{prefix}-{number}"
    ledger.record(Screened(person=person))
    answer = ledger.allocate(person, {"suite": suite})
    print(f"{suite:<11} {person}: {answer.arm}")

# A call is lost and made again: the first answer stands. A typing error opens no stratum.
again = ledger.allocate("D-101", {"suite": "Durham"})
print(f"D-101 once more: {again.arm}, repeated: {again.repeated}")
try:
    ledger.allocate("D-200", {"suite": "Durhm"})
except TrialError as problem:
    print(f"Refused: {problem}")

# An inspector overrides: the arm randomised stands, and what was received is recorded beside it.
by_arm = {each.person: each.arm for each in ledger.people().itertuples()}
taken = next(person for person, arm in by_arm.items() if arm == "contract")
ledger.record(
    Override(
        person=taken,
        to="prosecution",
        by="Insp. Hall",
        role="inspector",
        reason="remanded on another charge",
    )
)
for person, arm in by_arm.items():
    ledger.record(Received(person=person, arm="prosecution" if person == taken else arm))
print(conduct(ledger))

# The evening: note the head, so that nobody can cut off what came before it.
head = ledger.head
found = ledger.verify(head=head)
print(found)
ledger.close()

# When recruitment is over the seed is revealed, and every arm is drawn again.
seed = read_key(Path(f"{LEDGER}.key")).seed
with Ledger.open(LEDGER, read_only=True) as closed:
    replayed = closed.verify(seed=seed, head=head)
if not (replayed.ok and verify_commitment(commitment, seed)):
    raise SystemExit("The record does not hold.")
print(f"Verified: {len(by_arm)} people, each arm drawn again from the revealed seed.")
