"""The commands `checkpoint-eval randomise`: a trial's ledger at the custody desk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from checkpoint_eval._checks import counted
from checkpoint_eval.errors import InvalidProtocol, TrialError

if TYPE_CHECKING:
    from checkpoint_eval.design.allocation import Rule
    from checkpoint_eval.design.protocol import Protocol
    from checkpoint_eval.randomise.events import Event

FILE = click.Path(dir_okay=False, path_type=Path)
THERE = click.Path(exists=True, dir_okay=False, path_type=Path)
EVENTS = ("screened", "received", "breached", "withdrawn", "closed")

with_key = click.option("--key", type=FILE, help="The key file; beside the ledger by default.")
with_secret = click.option(
    "--secret", type=THERE, help="File with the secret that pseudonyms are made with."
)


class Refused(click.ClickException):
    """A refusal shown as one message, without a traceback."""

    exit_code = 2


@contextmanager
def refusals() -> Iterator[None]:
    """Show a refusal as one message, without a traceback."""
    try:
        yield
    except TrialError as problem:
        raise Refused(str(problem)) from problem


def _secret(file: Path | None) -> str | None:
    if file is None:
        return None
    try:
        return file.read_text(encoding="utf-8-sig").strip()
    except (UnicodeDecodeError, OSError) as problem:
        raise TrialError(
            f"{file} cannot be read as UTF-8 text; a secret is a line of it."
        ) from problem


@click.group(short_help="Allocate people one at a time, and keep the record.")
def randomise() -> None:
    """Allocate people one at a time and keep the record: a ledger that can be verified."""


@randomise.command()
@click.argument("ledger", type=FILE)
@click.argument("protocol", type=THERE)
@with_key
@with_secret
def create(ledger: Path, protocol: Path, key: Path | None, secret: Path | None) -> None:
    """Create LEDGER for the trial that PROTOCOL promises, and its key."""
    with refusals():
        from checkpoint_eval.randomise.ledger import Ledger, key_path

        promised, rule = _promised(protocol)
        made = Ledger.create(
            ledger,
            rule=rule,
            arms=[arm.name for arm in promised.arms],
            title=promised.title,
            exclusions=_exclusions(promised),
            protocol=promised.digest,
            key=key,
            pseudonymise=_secret(secret),
        )
        with made:
            commitment = made.terms.commitment
    click.echo(f"Ledger: {ledger}")
    click.echo(f"Key: {key_path(ledger, key)}")
    click.echo(
        "Whoever reads the key can know every next arm: keep it where only the program that "
        "allocates reads it, and a copy apart from the ledger."
    )
    click.echo(f"Commitment to publish now: {commitment}")


def _promised(file: Path) -> "tuple[Protocol, Rule]":
    """Return the protocol of a file and the rule that it promises."""
    from checkpoint_eval.design.protocol_toml import read_protocol

    promised = read_protocol(file)
    rule = promised.allocation.to_rule()
    if rule is None:
        raise InvalidProtocol(
            f"{file}: rule {promised.allocation.rule!r} follows from numbers seen at the end, so "
            "it cannot allocate the next person; promise one such as 'permuted-blocks' under "
            "[allocation]."
        )
    return promised, rule


def _exclusions(promised: "Protocol") -> tuple[str, ...]:
    return tuple(promised.screening.excluded) if promised.screening else ()


@randomise.command()
@click.argument("ledger", type=FILE)
@click.argument("protocol", type=THERE)
@click.option("--reason", required=True, help="Why the trial is amended.")
@with_key
@with_secret
def amend(ledger: Path, protocol: Path, reason: str, key: Path | None, secret: Path | None) -> None:
    """Begin an era of LEDGER with the rule and exclusions that PROTOCOL now promises.

    What PROTOCOL leaves as it was is not amended: a rule starts afresh only where it changed.
    """
    with refusals():
        from checkpoint_eval.randomise.ledger import Ledger

        promised, rule = _promised(protocol)
        exclusions = _exclusions(promised)
        with Ledger.open(ledger, key=key, pseudonymise=_secret(secret)) as opened:
            before = opened.terms
            _same_arms(before.arms, tuple(arm.name for arm in promised.arms), protocol)
            entry = opened.amend(
                rule=None if rule == before.rule else rule,
                exclusions=None if set(exclusions) == set(before.exclusions) else exclusions,
                reason=reason,
            )
    changed = " and ".join(entry.fields["changed"])
    click.echo(f"Recorded as entry {entry.sequence}: era {entry.fields['era']}, new {changed}.")


def _same_arms(before: tuple[str, ...], now: tuple[str, ...], protocol: Path) -> None:
    """Refuse a protocol of other arms: the same codes would then mean other treatments."""
    if before != now:
        raise InvalidProtocol(
            f"{protocol}: the arms are {', '.join(now)}, but the ledger has {', '.join(before)}; "
            "an amendment keeps the arms, so begin another ledger."
        )


@randomise.command()
@click.argument("ledger", type=FILE)
@click.argument("person")
@click.option("--set", "levels", multiple=True, metavar="FACTOR=LEVEL", help="One for each factor.")
@with_key
@with_secret
def allocate(
    ledger: Path, person: str, levels: tuple[str, ...], key: Path | None, secret: Path | None
) -> None:
    """Allocate PERSON, or say again which arm they have."""
    with refusals():
        from checkpoint_eval.randomise.ledger import Ledger

        factors = dict(_named(level) for level in levels)
        with Ledger.open(ledger, key=key, pseudonymise=_secret(secret)) as opened:
            answer = opened.allocate(person, factors)
    click.echo(answer.arm)
    if answer.repeated:
        click.echo(
            f"A repeated request: {person} was allocated on {answer.at:%Y-%m-%d %H:%M} UTC, and "
            "that stands.",
            err=True,
        )
    if answer.differs:
        click.echo(
            f"The first request said otherwise of {', '.join(answer.differs)}; it stands.", err=True
        )


def _named(level: str) -> tuple[str, str]:
    name, sign, value = level.partition("=")
    if not sign or not name.strip() or not value.strip():
        raise click.BadParameter(f"{level!r} is not FACTOR=LEVEL.", param_hint="--set")
    return name.strip(), value.strip()


@randomise.command()
@click.argument("ledger", type=FILE)
@click.argument("person")
@click.option("--to", required=True, help="The arm asked for.")
@click.option("--by", required=True, help="Who asked.")
@click.option("--role", required=True, help="In which office.")
@click.option("--reason", required=True)
@with_key
@with_secret
def override(
    ledger: Path,
    person: str,
    to: str,
    by: str,
    role: str,
    reason: str,
    key: Path | None,
    secret: Path | None,
) -> None:
    """Record that someone asked for another arm for PERSON; the arm randomised stands."""
    with refusals():
        from checkpoint_eval.randomise.ledger import Ledger

        with Ledger.open(ledger, key=key, pseudonymise=_secret(secret)) as opened:
            entry = opened.override(person, to=to, by=by, role=role, reason=reason)
    click.echo(f"Recorded as entry {entry.sequence}. The arm randomised stands.")


@randomise.command()
@click.argument("ledger", type=FILE)
@click.argument("event", type=click.Choice(EVENTS))
@click.argument("person", default="")
@click.option("--reason", "reasons", multiple=True, help="Why; for screened, each exclusion.")
@click.option("--arm", default="", help="For received: whose treatment began.")
@with_key
@with_secret
def record(
    ledger: Path,
    event: str,
    person: str,
    reasons: tuple[str, ...],
    arm: str,
    key: Path | None,
    secret: Path | None,
) -> None:
    """Record an EVENT of PERSON; `closed` without a person closes recruitment."""
    with refusals():
        from checkpoint_eval.randomise.ledger import Ledger

        with Ledger.open(ledger, key=key, pseudonymise=_secret(secret)) as opened:
            entry = opened.record(_event(event, person, reasons, arm))
    click.echo(f"Recorded as entry {entry.sequence}.")


def _event(event: str, person: str, reasons: tuple[str, ...], arm: str) -> "Event":
    from checkpoint_eval.randomise.events import KINDS

    if event != "closed" and not person:
        raise click.UsageError(f"{event} needs a PERSON.")
    if event == "screened":
        return KINDS[event](person=person, excluded=reasons)
    if event == "received":
        return KINDS[event](person=person, arm=arm)
    return KINDS[event](person=person, reason="; ".join(reasons))


@randomise.command()
@click.argument("ledger", type=FILE)
@click.option("--key", type=THERE, help="The key file, once revealed: draws every arm again.")
@click.option("--head", help="What the head was at some earlier moment.")
@click.pass_context
def verify(context: click.Context, ledger: Path, key: Path | None, head: str | None) -> None:
    """Verify LEDGER; the exit code is 1 when anything is wrong."""
    with refusals():
        from checkpoint_eval.randomise.keys import read_key
        from checkpoint_eval.randomise.ledger import Ledger

        seed = None if key is None else read_key(key, private=False).seed
        with Ledger.open(ledger, read_only=True) as opened:
            found = opened.verify(seed=seed, head=head)
            end = opened.head if found.ok else None
    click.echo(str(found))
    for note in found.notes:
        click.echo(note)
    if end is None:
        context.exit(1)
    click.echo(f"Head: {end}")


@randomise.command()
@click.argument("ledger", type=FILE)
@click.argument("out", type=FILE)
def export(ledger: Path, out: Path) -> None:
    """Write one row for each person randomised in LEDGER to the CSV file OUT."""
    with refusals():
        from checkpoint_eval._atomic import write_file
        from checkpoint_eval.randomise.ledger import Ledger

        with Ledger.open(ledger, read_only=True) as opened:
            people = opened.people()
        write_file(out, people.to_csv(index=False).encode())
    click.echo(f"{counted(len(people), 'person', 'people')}: {out}")
