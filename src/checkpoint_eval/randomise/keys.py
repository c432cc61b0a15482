"""Secrets: seeds and their commitments, the key file, uniforms by place, keyed identifiers."""

import functools
import hashlib
import hmac
import json
import os
import secrets
import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from checkpoint_eval.errors import InvalidData, OutputRefused, TrialError

# Said before what is hashed, so that no hash made for one purpose can serve another.
COMMITMENT = b"checkpoint-eval seed commitment 1\0"
DRAW = b"checkpoint-eval whole-table draw 1\0"
FINGERPRINT = b"checkpoint-eval pseudonym key\0"  # identifiers hold no \0, so none can equal it
LEAST_SECRET = 16


def commit_seed(seed: int | str) -> str:
    """Return the commitment to a seed: publish it before, reveal the seed after.

    Parameters
    ----------
    seed : int or str
        The secret; 7 and "7" are one seed.

    Returns
    -------
    str
        64 hexadecimal digits.

    Notes
    -----
    A short seed can be found by trying all. Use one that nobody can guess, such as
    `secrets.token_hex(32)`.

    References
    ----------
    Blum (1983), Coin flipping by telephone, SIGACT News 15(1), 23-27. Checked against SHA-256
    computed apart in tests/randomise.

    Examples
    --------
    >>> commit_seed(7)[:12]
    '809beb64967e'
    """
    return hashlib.sha256(COMMITMENT + seed_text(seed).encode()).hexdigest()


def verify_commitment(commitment: str, seed: int | str) -> bool:
    """Return whether a revealed seed is the one that was committed to.

    Parameters
    ----------
    commitment : str
        What `commit_seed` gave, or what a ledger published.
    seed : int or str
        The seed as revealed.

    Returns
    -------
    bool

    References
    ----------
    See `commit_seed`. Checked against SHA-256 computed apart in tests/randomise.

    Examples
    --------
    >>> verify_commitment(commit_seed("a secret"), "a secret")
    True
    >>> verify_commitment(commit_seed("a secret"), "another")
    False
    """
    told = str(commitment).strip().lower().encode(errors="replace")
    return hmac.compare_digest(told, commit_seed(seed).encode())


def seed_text(seed: object) -> str:
    """Return a seed as text."""
    try:
        known = isinstance(seed, (int, str)) and not isinstance(seed, bool)
        text = str(seed).strip() if known else ""
        text.encode()
    except ValueError:  # a number of thousands of digits, or half of a pair of signs
        text = ""
    if not text:
        raise TrialError(
            f"`seed` must be a whole number or text, got {type(seed).__name__}; "
            "secrets.token_hex(32) makes one that nobody can guess."
        )
    return text


def seed_number(seed: int | str) -> int:
    """Return the number that seeds a generator, from all of the seed."""
    return int.from_bytes(hashlib.sha256(DRAW + seed_text(seed).encode()).digest(), "big")


def uniform(seed: str, place: int) -> float:
    """Return the number in [0, 1) that allocates the person at a place (1 is the first).

    It depends on the place and on nothing about the person: were the identifier part of it, who
    holds the seed could try spellings until one gave the arm wished for.
    """
    code = _keyed(seed).copy()
    code.update(f"allocation:{place}".encode())
    return (int.from_bytes(code.digest()[:8], "big") >> 11) / 2**53


@functools.lru_cache(maxsize=8)
def _keyed(seed: str) -> hmac.HMAC:
    """Return the HMAC of a seed before any text, as setting it up costs more than one draw."""
    return hmac.new(seed.encode(), digestmod="sha256")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """The secret of one ledger, kept apart from it."""

    ledger: str
    seed: str = field(repr=False)


def new_key() -> Key:
    """Return a key of 256 bits from the operating system."""
    return Key(ledger=secrets.token_hex(16), seed=secrets.token_hex(32))


def write_key(path: Path, key: Key) -> None:
    """Write a key for its owner alone; a file that is there is never written over."""
    text = json.dumps({"ledger": key.ledger, "seed": key.seed}, indent=1) + "\n"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as problem:
        raise OutputRefused(
            f"The key file {path} is there already and may belong to another ledger; give `key` "
            "another place."
        ) from problem
    except OSError as problem:
        raise OutputRefused(
            f"The key file {path} cannot be written: {problem.strerror}."
        ) from problem
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        sync_folder(path.parent)
    except OSError as problem:
        path.unlink(missing_ok=True)
        raise OutputRefused(
            f"The key file {path} cannot be written: {problem.strerror}."
        ) from problem


def read_key(path: Path, *, private: bool = True) -> Key:
    """Read a key; while it must be `private`, one that others may have read is refused."""
    try:
        mode = path.stat().st_mode
        said = json.loads(path.read_text(encoding="ascii"))
        key = Key(ledger=str(said["ledger"]), seed=str(said["seed"]))
    except OSError as problem:
        raise InvalidData(f"The key file {path} cannot be read: {problem.strerror}.") from problem
    except (ValueError, TypeError, KeyError) as problem:
        raise InvalidData(
            f"{path} is no key file; give `key` the file that was written when the ledger was "
            "created."
        ) from problem
    if private and os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise InvalidData(
            f"The key file {path} is open to others (mode {stat.S_IMODE(mode):o}), who could know "
            f"each next arm; write chmod 600 {path}, and find out who read it."
        )
    return key


def sync_folder(folder: Path) -> None:
    """Make a folder's new names durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_secret(secret: str | bytes) -> bytes:
    """Return the bytes of a secret that makes pseudonyms."""
    value = secret.encode(errors="surrogatepass") if isinstance(secret, str) else secret
    if not isinstance(value, bytes) or len(value) < LEAST_SECRET:
        raise TrialError(
            f"`pseudonymise` must be a secret of at least {LEAST_SECRET} bytes, or identifiers "
            "could be found by trying; secrets.token_hex(32) makes one."
        )
    return value


def fingerprint(secret: bytes) -> str:
    """Return what tells one secret from another without giving it away."""
    return hmac.digest(secret, FINGERPRINT, "sha256").hex()[:32]


def pseudonym(secret: bytes, person: str) -> str:
    """Return what stands in the ledger for an identifier."""
    return hmac.digest(secret, person.encode(), "sha256").hex()


def check_person(person: object) -> str:
    """Return an identifier, refusing what two spellings could hide.

    Letters composed in two ways are written in one (NFC); blanks at the ends and characters that
    cannot be seen are refused, as the same person could be allocated twice.
    """
    if isinstance(person, bool) or not isinstance(person, (str, int)):
        raise TrialError(
            f"`person` must be an identifier as text, got {type(person).__name__}; write it in "
            "quotes."
        )
    name = unicodedata.normalize("NFC", str(person))
    hidden = not name.isprintable() and any(unicodedata.category(c)[0] == "C" for c in name)
    if not name or name != name.strip() or hidden:
        raise TrialError(
            f"`person` is {name!r}; an identifier has no blanks at its ends and no invisible "
            "characters."
        )
    return name
