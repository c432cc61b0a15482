"""What a draft needs to know: from options, by asking, or guessed; what is left is open."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from checkpoint_eval._checks import check_choice, check_known, check_positive, counted
from checkpoint_eval.cli_drafting import UNKNOWN, Draft, outcome_name
from checkpoint_eval.cli_guessing import MOST_ARMS, Columns, apart
from checkpoint_eval.cli_reading import quoted
from checkpoint_eval.design.protocol import UNITS
from checkpoint_eval.errors import InvalidData, TrialError

RECODE = "code yes as 1 and no as 0 (checkpoint-eval tidy does), then delete this"
TIDY = "checkpoint-eval tidy does it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, and what is left to decide of it."""

    value: Any
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interview:
    """A table, what options said of it, and whether somebody is there to be asked."""

    columns: Columns
    given: Mapping[str, Any]
    asking: bool

    def __post_init__(self) -> None:
        for key in ("arm", "id", "received", "time", "event", "binary", "strata", "covariate"):
            said = self.given[key] or ()
            for name in (said,) if isinstance(said, str) else said:
                check_known(name, self.columns.names, what=f"--{key}: column")

    def column(
        self,
        key: str,
        question: str,
        guesses: Sequence[str],
        *,
        needed: bool = True,
        fits: Callable[[str], str] = str,
    ) -> Answer:
        """Return a column, "" for none; `fits` refuses one that cannot be it."""
        if self.given[key] is not None:
            return Answer(value=fits(self.given[key]))
        guess = guesses[0] if guesses else "" if not needed else None
        if self.asking:
            told = question if needed else f"{question} (Enter for none)"
            names = self.columns.names if needed else ["", *self.columns.names]
            shown = bool(guess)
            known = _known(names)
            return Answer(value=_prompt(told, guess, lambda name: fits(known(name)), shown=shown))
        if guess is None:
            return Answer(value=UNKNOWN, todo=f"{question[0].lower()}{question[1:]}")
        more = ", ".join(repr(name) for name in guesses[1:])
        return Answer(value=guess, todo=f"or is it {more}?" if more and needed else "")

    def several(self, key: str, question: str, guesses: Sequence[str]) -> tuple[str, ...]:
        """Return columns; those guessed unless asked or told."""
        if self.given[key] or not self.asking:
            return tuple(self.given[key] or guesses)
        told = f"{question} (commas between, - for none)"
        check = _known(self.columns.names)

        def read(text: str) -> tuple[str, ...]:
            parts = (part.strip() for part in text.split(","))
            return tuple(check(part) for part in parts if part not in ("", "-"))

        found: tuple[str, ...] = _prompt(told, ", ".join(guesses) or "-", read)
        return found

    def choice(self, key: str, question: str, options: Sequence[str], guess: str | None) -> Answer:
        """Return one of the stated options."""
        if self.given.get(key) is not None:
            return Answer(value=check_choice(self.given[key], key, options))
        if self.asking:
            told = f"{question} ({', '.join(options)})"
            return Answer(value=_prompt(told, guess, _known(options)))
        if guess is None:
            return Answer(value=options[0], todo=question[0].lower() + question[1:])
        return Answer(value=guess)

    def number(self, key: str, question: str, guess: float | None) -> Answer:
        """Return a number above 0."""
        if self.given[key] is not None:
            return Answer(value=check_positive(self.given[key], key))
        if self.asking:
            default = None if guess is None else f"{guess:g}"
            return Answer(value=_prompt(question, default, lambda text: _above_zero(text, key)))
        if guess is None:
            return Answer(value=1.0, todo=question[0].lower() + question[1:])
        return Answer(value=guess)


def _known(options: Sequence[str]) -> Callable[[str], str]:
    return lambda text: check_known(text.strip(), options, what="answer")


def _above_zero(text: str, key: str) -> float:
    try:
        return check_positive(float(text), key)
    except ValueError as problem:
        raise TrialError(f"{text!r} is no number above 0.") from problem


def _prompt(
    question: str, default: str | None, read: Callable[[str], Any], *, shown: bool = True
) -> Any:
    """Ask until the answer can be read."""

    def value(text: str) -> Any:
        try:
            return read(text)
        except TrialError as problem:
            raise click.UsageError(str(problem)) from problem

    return click.prompt(question, default=default, value_proc=value, show_default=shown, err=True)


def drafted(interview: Interview, data: Path) -> Draft:
    """Return the draft that options, answers and guesses make."""
    columns, given = interview.columns, interview.given
    arm = interview.column(
        "arm", "Which column holds the arm each person was randomised to?", columns.arms()
    )
    known = arm.value if arm.value != UNKNOWN else None
    told: dict[str, Any] = {"arm": arm.value}
    open_lines = {"arm": arm.todo}
    if known is not None:
        labels = _labels(interview, known)
        told |= {"labels": labels.value, "counts": _counts(columns, known, labels.value)}
        open_lines |= {"label": labels.todo}
        told["received"] = interview.column(
            "received",
            "Which column holds the arm each person received?",
            columns.received(known),
            needed=False,
            fits=lambda name: _of_arms(columns, name, labels.value),
        ).value
    identified = _identified(interview, data)
    told["id"], open_lines["id"] = identified.value, identified.todo
    outcome = _outcome(interview, known)
    told |= {key: answer.value for key, answer in outcome.items()}
    open_lines |= {key: answer.todo for key, answer in outcome.items()}
    taken = [*_texts(told), *told["others"]]
    strata = apart(columns.strata(), taken)
    told["strata_heard"] = tuple(strata)
    told["strata"] = interview.several(
        "strata",
        "Which columns was the randomisation stratified by?",
        strata if interview.asking else (),
    )
    told["covariates"] = interview.several(
        "covariate",
        "Which columns were known before randomisation and foretell the outcome?",
        apart(columns.covariates(), [*taken, *told["strata"]]),
    )
    return Draft(
        table=data.name,
        title=given["title"] or data.stem,
        open={key: todo for key, todo in open_lines.items() if todo},
        **told,
    )


def _identified(interview: Interview, data: Path) -> Answer:
    """Return the identifier; one that stands in several rows is left open."""
    columns = interview.columns
    question = "Which column identifies people?"
    found = interview.column("id", question, columns.ids(), needed=False)
    name = found.value or ("" if interview.asking else next(iter(columns.nearly_ids()), ""))
    if not name or columns.frame[name].is_unique:
        return Answer(value=name)
    remedy = f"checkpoint-eval tidy {quoted(data)} --id {quoted(name)}"
    todo = f"some stand in two rows, and each row counts as a person ({remedy})"
    return Answer(value=name, todo=todo)


def _texts(told: Mapping[str, Any]) -> list[str]:
    return [value for value in told.values() if isinstance(value, str) and value]


def _labels(interview: Interview, arm: str) -> Answer:
    """Return the labels of the arms, control first."""
    labels = interview.columns.labels(arm)
    _refuse_spelt_twice(arm, labels)
    if not 2 <= len(labels) <= MOST_ARMS:
        raise InvalidData(
            f"Column {arm!r} holds {counted(len(labels), 'label')}; the arm column holds one for "
            f"each arm, 2 to {MOST_ARMS}: name it by --arm."
        )
    written = {str(label): label for label in labels}
    guess = interview.columns.control(arm)
    control = interview.choice(
        "control",
        f"Which value of {arm!r} means control?",
        list(written),
        None if guess is None else str(guess),
    )
    first = written[control.value]
    rest = tuple(label for label in labels if label != first)
    todo = "control must come first; is it this one?" if control.todo else ""
    return Answer(value=(first, *rest), todo=todo)


def _of_arms(columns: Columns, name: str, arms: Sequence[Any]) -> str:
    """Return the column of arms received; refuse one that holds anything else."""
    written = set(map(str, arms))
    strange = [label for label in columns.labels(name) if str(label) not in written] if name else []
    if strange:
        raise InvalidData(
            f"Column {name!r} holds {strange[0]!r}; the arm received is one of "
            f"{', '.join(map(repr, arms))}, or empty where it is not known."
        )
    return name


def _refuse_spelt_twice(arm: str, labels: Sequence[Any]) -> None:
    """Refuse labels that differ in case or blanks alone: they would be arms of their own."""
    written: dict[str, list[Any]] = {}
    for label in labels:
        written.setdefault(" ".join(str(label).split()).casefold(), []).append(label)
    twice = [several for several in written.values() if len(several) > 1]
    if twice:
        told = "; ".join(", ".join(map(repr, several)) for several in twice)
        raise InvalidData(
            f"Column {arm!r} holds {told}, which differ in case or blanks alone; write each arm in "
            f"one way ({TIDY})."
        )


def _counts(columns: Columns, arm: str, labels: Sequence[Any]) -> tuple[int, ...]:
    return tuple(int((columns.frame[arm] == label).sum()) for label in labels)


def _outcome(interview: Interview, arm: str | None) -> dict[str, Answer]:
    """Return the primary outcome, and further ones."""
    columns, given = interview.columns, interview.given
    if not given["binary"]:
        columns.refuse_spoiled()
    times, events = apart(columns.times(), [arm]), apart(columns.events(), [arm])
    timed = given["time"] or given["event"]
    guess = "time" if timed or (times and events and not given["binary"]) else "binary"
    settled = timed or given["binary"]
    if not settled:
        kinds = ("time", "binary")
        question = "Is the primary outcome a time to an event, or yes or no?"
        guess = interview.choice("kind", question, kinds, guess).value
    answers = _timed(interview, times) if guess == "time" else _binary(interview, events)
    primary = answers["event" if guess == "time" else "binary"].value
    name = given["outcome"] or ("outcome" if primary == UNKNOWN else outcome_name(primary))
    time = answers["time"].value if guess == "time" else UNKNOWN
    late = None
    if time != UNKNOWN and columns.horizon(time, arm) > 0:
        late = columns.horizon(time, arm)
    unit = columns.unit(time) if time != UNKNOWN else None
    answers["unit"] = interview.choice("unit", "In which unit is time counted?", UNITS, unit)
    answers["horizon"] = interview.number("horizon", "When are outcomes read, in that unit?", late)
    others = apart(given["binary"], [primary])
    if interview.asking and not given["binary"]:
        others = list(interview.several("binary", "Which other outcomes are yes or no?", ()))
    for other in others:
        _refuse_values(columns, other)
    return answers | {"outcome": Answer(value=name), "others": Answer(value=tuple(others))}


def _timed(interview: Interview, times: Sequence[str]) -> dict[str, Answer]:
    columns = interview.columns
    time = interview.column("time", "Which column holds the time to it?", times)
    if time.value != UNKNOWN and columns.frame[time.value].dtype.kind not in "iuf":
        remedy = "mend what is no number"
        if time.value in columns.dates():
            remedy = "such as whole days between two dates"
        some = ", ".join(repr(label) for label in columns.labels(time.value)[:3])
        raise InvalidData(
            f"Column {time.value!r} holds no numbers but {some}; --time names a duration from "
            f"randomisation, {remedy} ({TIDY})."
        )
    guesses = columns.events() if time.value == UNKNOWN else columns.event_of(time.value)
    event = interview.column("event", "Which column says, by 0 or 1, whether it happened?", guesses)
    return {"time": time, "event": _coded(columns, event)}


def _binary(interview: Interview, events: Sequence[str]) -> dict[str, Answer]:
    given = interview.given["binary"]
    question = "Which column says, by 0 or 1, whether it happened?"
    one = (
        Answer(value=given[0])
        if given
        else Interview(
            columns=interview.columns,
            given={**interview.given, "binary": None},
            asking=interview.asking,
        ).column("binary", question, events)
    )
    return {"binary": _coded(interview.columns, one)}


def _coded(columns: Columns, answer: Answer) -> Answer:
    """Return the answer, with what must be done where yes is not 1."""
    if answer.value == UNKNOWN:
        return answer
    _refuse_values(columns, answer.value)
    if columns.coded(answer.value):
        return answer
    return Answer(value=answer.value, todo="; ".join(filter(None, (answer.todo, RECODE))))


def _refuse_values(columns: Columns, name: str) -> None:
    if not columns.yes_or_no(name):
        some = ", ".join(repr(label) for label in columns.labels(name)[:4])
        raise InvalidData(
            f"Column {name!r} holds {some or 'nothing'}; an outcome that happened or not is told "
            "by 0 and 1."
        )
