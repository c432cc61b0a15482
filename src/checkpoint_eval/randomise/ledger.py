"""The ledger: who was randomised to what, when and with which chances, for good."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoint_eval._checks import as_names
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.randomise import recording
from checkpoint_eval.randomise.chain import Entry, Head, now
from checkpoint_eval.randomise.events import Event, Override
from checkpoint_eval.randomise.exporting import (
    assignment_of,
    check_zone,
    entries_frame,
    people_frame,
)
from checkpoint_eval.randomise.keys import (
    Key,
    check_person,
    check_secret,
    commit_seed,
    fingerprint,
    new_key,
    pseudonym,
    read_key,
    write_key,
)
from checkpoint_eval.randomise.recording import Allocated
from checkpoint_eval.randomise.standing import Memory, last_head, present
from checkpoint_eval.randomise.storage import Store, create_file, open_file, remove_file
from checkpoint_eval.randomise.terms import Terms, check_arms, check_rule
from checkpoint_eval.randomise.verifying import Verification, verify_store

if TYPE_CHECKING:
    import pandas as pd

    from checkpoint_eval.design.allocation import Rule
    from checkpoint_eval.randomise.assignment import Assignment

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Ledger(Shown):
    """A trial's record of allocation, append-only and chained by hashes.

    Make one with `Ledger.create`, come back to it with `Ledger.open`, and close it or use it in a
    `with` block. Any number of processes and threads of one machine may hold the same ledger; an
    allocation that was answered survives the crash of any of them, and nobody is allocated twice.

    Attributes
    ----------
    path : Path
        Its file. The key that decides the next arms is another file, to be kept apart.

    Notes
    -----
    Each entry is canonical JSON, hashed together with the hash before it. The j-th person's arm
    comes from HMAC-SHA256 of a secret seed and j, so the ledger alone tells nothing of the next
    arm but its chances; the seed was committed to when the ledger was created, and once it is
    revealed `verify` draws every arm again. Whoever may read the key can know the next arm.

    References
    ----------
    Haber and Stornetta (1991), How to time-stamp a digital document, Journal of Cryptology 3,
    99-111. Checked against hashes computed apart, killed writers and altered rows in
    tests/randomise.

    Examples
    --------
    >>> import tempfile
    >>> from checkpoint_eval.design import PermutedBlocks
    >>> path = Path(tempfile.mkdtemp()) / "trial.ledger"
    >>> with Ledger.create(path, rule=PermutedBlocks(), arms=("court", "contract")) as ledger:
    ...     first = ledger.allocate("A-001")
    ...     again = ledger.allocate("A-001")
    ...     first.arm == again.arm, again.repeated, ledger.verify().ok
    (True, True, True)
    """

    path: Path
    store: Store
    key: Key | None
    secret: bytes | None
    clock: Clock
    memory: Memory = field(default_factory=Memory)

    def __repr__(self) -> str:
        return f"Ledger({str(self.path)!r})"

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        rule: "Rule",
        arms: Iterable[str],
        title: str = "",
        exclusions: Iterable[str] = (),
        protocol: str = "",
        key: str | Path | None = None,
        pseudonymise: str | bytes | None = None,
        clock: Clock = now,
    ) -> "Ledger":
        """Create a ledger and its key.

        Parameters
        ----------
        path : str or Path
            Where; on a disk of the machine that allocates, not on a network drive.
        rule : OneAtATime
            How people are allocated; every column it reads has declared levels.
        arms : sequence of str
            The arms' names, control first.
        title : str
            Of the trial.
        exclusions : sequence of str
            The reasons for which screening may exclude a person.
        protocol : str
            The digest of the trial's protocol.
        key : str or Path, optional
            Where the seed goes, for its owner alone; beside the ledger with the ending ".key" when
            left out.
        pseudonymise : str or bytes, optional
            A secret of at least 16 bytes; identifiers are then stored as their HMAC-SHA256 under
            it. It is not stored, and is asked for again when the ledger is opened.
        clock : callable
            Returns the present moment with its zone.

        Returns
        -------
        Ledger
            Its `terms` hold the commitment to the seed, to be published now.

        Raises
        ------
        ImpossibleDesign
            When the rule cannot allocate one at a time, or its arms or levels do not fit.
        OutputRefused
            When either file is there already or cannot be written.
        """
        names, place = check_arms(arms), Path(path)
        checked = check_rule(rule, arms=names)
        secret = None if pseudonymise is None else check_secret(pseudonymise)
        fresh, file = new_key(), key_path(place, key)
        terms = Terms(
            sequence=1,
            ledger=fresh.ledger,
            title=str(title),
            arms=names,
            rule=checked,
            exclusions=as_names(exclusions),
            era=1,
            since=1,
            commitment=commit_seed(fresh.seed),
            pseudonyms="" if secret is None else fingerprint(secret),
            protocol=str(protocol),
        )
        fields = terms.fields()  # a rule that cannot be stored is refused before a file is made
        store = create_file(place)
        try:
            write_key(file, fresh)
            try:
                recording.begin(store, fields, at=clock())
            except BaseException:
                file.unlink(missing_ok=True)
                raise
        except BaseException:
            remove_file(store)
            raise
        return cls(path=place, store=store, key=fresh, secret=secret, clock=clock)

    @classmethod
    def open(
        cls,
        path: str | Path,
        *,
        key: str | Path | None = None,
        pseudonymise: str | bytes | None = None,
        clock: Clock = now,
        read_only: bool = False,
    ) -> "Ledger":
        """Open a ledger that is there.

        Parameters
        ----------
        path : str or Path
        key : str or Path, optional
            The key file; the one beside the ledger when left out. Without one the ledger can be
            read, verified and told of events, but nobody can be allocated.
        pseudonymise : str or bytes, optional
            The secret that the ledger was created with.
        clock : callable
            Returns the present moment with its zone.
        read_only : bool
            Whether to leave key and file alone, as for a copy to be verified.

        Returns
        -------
        Ledger

        Raises
        ------
        InvalidData
            When there is no ledger, the key or the secret is not its own, or others may read the
            key.
        """
        place = Path(path)
        store = open_file(place, read_only=read_only)
        try:
            file = key_path(place, key)
            found = None if read_only or (key is None and not file.exists()) else read_key(file)
            secret = None if pseudonymise is None else check_secret(pseudonymise)
            ledger = cls(path=place, store=store, key=found, secret=secret, clock=clock)
            if not read_only:
                _check_secrets(ledger, file)
        except BaseException:
            with suppress(TrialError):
                store.close()
            raise
        return ledger

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self.store.close()

    @property
    def terms(self) -> Terms:
        """What is in force: arms, rule, exclusions, era, and the commitment to the seed."""
        with self.store.reading() as connection:
            return present(connection, self.memory).terms

    @property
    def head(self) -> Head:
        """The last entry's number and hash; noted down elsewhere it witnesses the ledger so far."""
        with self.store.reading() as connection:
            return last_head(connection)

    def allocate(self, person: str, factors: Mapping[str, object] | None = None) -> Allocated:
        """Allocate a person, or say again how they were allocated.

        Parameters
        ----------
        person : str
            Their identifier. The same person gets the first answer however often they are asked
            for.
        factors : mapping, optional
            Their level of each column the rule reads.

        Returns
        -------
        Allocated
            Once it is returned it is on disk.

        Raises
        ------
        TrialError
            When recruitment is closed, screening excluded the person, or there is no key.
        InvalidData, UnknownColumn
            When a level is missing or was not declared.
        OutputRefused
            When the file cannot be written; nothing was recorded.
        """
        return recording.allocate_one(self, check_person(person), factors)

    def record(self, event: Event) -> Entry:
        """Record an event, such as `Screened` or `Withdrawn`."""
        return recording.record_event(self, event)

    def override(self, person: str, *, to: str, by: str, role: str, reason: str) -> Entry:
        """Record that someone asked for another arm; the arm randomised stands."""
        return self.record(Override(person=person, to=to, by=by, role=role, reason=reason))

    def amend(
        self,
        *,
        reason: str,
        rule: "Rule | None" = None,
        exclusions: Iterable[str] | None = None,
    ) -> Entry:
        """Begin an era with another rule, which starts afresh, or other exclusions.

        Parameters
        ----------
        reason : str
            Why; an auditor will ask.
        rule : OneAtATime, optional
            The rule from now on, for the same arms; another ratio is another rule.
        exclusions : sequence of str, optional
            All reasons that may exclude a person from now on.
        """
        named = None if exclusions is None else as_names(exclusions)
        return recording.amend_terms(self, rule=rule, exclusions=named, reason=reason)

    def verify(self, *, seed: str | None = None, head: Head | str | None = None) -> Verification:
        """Check every entry, and draw every arm again once the seed is revealed.

        Parameters
        ----------
        seed : str, optional
            From the key file; without it arms are not drawn again, all else is checked.
        head : Head or str, optional
            What `head` was at some earlier moment; only with it is a ledger found out whose last
            entries were cut off, or that was written anew as a whole.

        Returns
        -------
        Verification
            Its `problems` name the entries; `ok` when there are none.
        """
        return verify_store(self.store, seed=seed, head=head)

    def entries(self) -> Iterator[Entry]:
        """Yield the entries in order."""
        return recording.all_entries(self.store)

    def export(self, *, zone: str = "UTC") -> "Assignment":
        """Return who was randomised to what, in order of arrival, ready for inference.

        Parameters
        ----------
        zone : str
            Whose calendar dates the people, such as "Europe/London". The ledger keeps time in UTC:
            someone randomised there at half past midnight in summer would be dated the day before.

        Raises
        ------
        TrialError
            When there is no such zone.
        """
        return assignment_of(self.entries(), zone=check_zone(zone))

    def people(self) -> "pd.DataFrame":
        """Return one row for each person randomised, in order of arrival."""
        return people_frame(self.entries())

    def to_frame(self) -> "pd.DataFrame":
        """Return one row for each entry."""
        return entries_frame(self.entries())

    def stored(self, person: str, terms: Terms) -> str:
        """Return what stands in the ledger for an identifier."""
        if not terms.pseudonyms or not person:
            return person
        if self.secret is None:
            raise TrialError(
                "The ledger stores pseudonyms; open it with the secret they are made with as "
                "`pseudonymise`."
            )
        return pseudonym(self.secret, person)


def key_path(ledger: Path, key: str | Path | None) -> Path:
    """Return where a ledger's key is."""
    return ledger.with_name(ledger.name + ".key") if key is None else Path(key)


def _check_secrets(ledger: Ledger, file: Path) -> None:
    """Refuse a key or a pseudonym secret that belongs to another ledger."""
    terms = ledger.terms
    if ledger.key is not None and commit_seed(ledger.key.seed) != terms.commitment:
        raise InvalidData(
            f"The key file {file} does not belong to the ledger {ledger.path}; its seed is not "
            "the one committed to."
        )
    if ledger.secret is not None and fingerprint(ledger.secret) != terms.pseudonyms:
        raise InvalidData(
            "`pseudonymise` is another secret than the ledger was created with"
            + ("." if terms.pseudonyms else ", which stores identifiers as given; leave it out.")
        )
