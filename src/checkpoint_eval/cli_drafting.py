"""The text of a drafted protocol: what is known, and TODO where it is not."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = "?"  # a column nobody has named yet; its line says TODO


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a draft says; `open` tells of each key that is not known why it is asked.

    Attributes
    ----------
    table : str
        The file it is drafted from.
    labels : tuple
        Of the arms, control first; `counts` people each.
    time, event, binary
        The primary outcome: a duration and whether the event ended it, or yes or no.
    others : tuple of str
        Columns of further yes-or-no outcomes.
    """

    table: str
    title: str
    outcome: str
    unit: str = "days"
    horizon: float = 1.0
    arm: str = UNKNOWN
    labels: tuple[Any, ...] = ("control", "treatment")
    counts: tuple[int, ...] = ()
    id: str = ""
    received: str = ""
    time: str = ""
    event: str = ""
    binary: str = ""
    others: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    strata_heard: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    open: Mapping[str, str] = field(default_factory=dict)

    @property
    def at(self) -> str:
        """When outcomes are read, in words."""
        if {"unit", "horizon"} & set(self.open):
            return "the time point"
        return f"{self.horizon:g} {self.unit}"

    def line(self, key: str, value: Any, comment: str = "") -> str:
        """Return a line of TOML with its comment, or with its TODO."""
        told = f"TODO: {self.open[key]}" if key in self.open else comment
        text = f"{key} = {toml(value)}"
        return f"{text:<40} # {told}" if told else text


def toml(value: Any) -> str:
    """Return a value as TOML writes it."""
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml(each) for each in value) + "]"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False, default=str).replace("\x7f", "\\u007f")


def outcome_name(column: str) -> str:
    """Return what results call the outcome of a column."""
    return " ".join(re.findall(r"[^\W_]+(?:-[^\W_]+)*", column.casefold())) or column


def draft_text(draft: Draft) -> str:
    """Return the protocol, which `read_protocol` accepts and `evaluate` refuses while TODO."""
    parts = [_head(draft), _columns(draft), *_arms(draft), _allocation(draft), _primary(draft)]
    parts += [_other(draft, name) for name in draft.others]
    parts += [*_estimands(draft), _analysis(draft)]
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def _head(draft: Draft) -> list[str]:
    line = draft.line
    return [
        f"# Drafted from {draft.table} by `checkpoint-eval init`. A draft is no promise:",
        "# read every line. What is written after outcomes were seen was no promise: then say so.",
        line("title", draft.title, "name the trial"),
        line("registration", "", "where the trial is registered"),
        line("source", "", "where it is published"),
        line("unit", draft.unit, "of every time: days, weeks, months or years"),
        line("horizon", draft.horizon, "in that unit: when outcomes are read"),
        line("covariates", draft.covariates, "all known before randomisation"),
    ]


def _columns(draft: Draft) -> list[str]:
    lines = ["[columns]", draft.line("arm", draft.arm, "as randomised")]
    if draft.id:
        lines.append(draft.line("id", draft.id))
    if draft.received:
        return [*lines, draft.line("received", draft.received, "the arm each person received")]
    return [*lines, '# received = "..."                       # the arm received, where recorded']


def _arms(draft: Draft) -> list[list[str]]:
    numbered = {str(label) for label in draft.labels} == {"0", "1"}
    named = [
        ("control", "treatment")[place] if numbered else str(label)
        for place, label in enumerate(draft.labels)
    ]
    blocks = []
    for place, (label, name) in enumerate(zip(draft.labels, named, strict=True)):
        first = "control comes first; as the table writes it" if place == 0 else ""
        written = draft.line("label", label, first) if place == 0 else f"label = {toml(label)}"
        blocks.append(["[[arms]]", written, draft.line("name", name, "as it is printed")])
    return blocks


def _allocation(draft: Draft) -> list[str]:
    *some, last = map(str, draft.counts or ("?",))
    seen = f"{', '.join(some)} and {last}" if some else last
    lines = [
        "[allocation]",
        draft.line("rule", "complete", "or the rule that was used: see docs/protocol.md"),
        draft.line("ratio", (1,) * len(draft.labels), f"as promised; the table has {seen}"),
    ]
    if draft.strata:
        return [*lines, draft.line("strata", draft.strata, "the randomisation was stratified by")]
    heard = toml(draft.strata_heard or ("...",))
    return [*lines, f"# strata = {heard:<29} # if the randomisation was stratified by it"]


def _primary(draft: Draft) -> list[str]:
    line, at = draft.line, draft.at
    what = f"{draft.outcome} (column {draft.event or draft.binary})"
    lines = [
        "[[outcomes]]",
        line("name", draft.outcome, "as it is printed: a noun, such as reoffence, reads best"),
        line("primary", True, "exactly one outcome is"),  # noqa: FBT003 - a value of TOML
        line("variable", what, "say it in words: what, from which records"),
    ]
    if draft.time:
        return [
            *lines,
            line("metric", "time from randomisation to it"),
            line("aggregation", f"share by {at}; hazard ratio"),
            line("time", draft.time, f"in {draft.unit} from randomisation"),
            line("event", draft.event, "1 if that ended the time, 0 if it was still to come"),
        ]
    return [
        *lines,
        line("metric", f"yes or no by {at}"),
        line("aggregation", "share"),
        line("binary", draft.binary, "1 yes, 0 no"),
    ]


def _other(draft: Draft, column: str) -> list[str]:
    return [
        "[[outcomes]]",
        f"name = {toml(outcome_name(column))}",
        draft.line("variable", f"{outcome_name(column)} (column {column})", "say it in words"),
        f"metric = {toml(f'yes or no by {draft.at}')}",
        f"aggregation = {toml('share')}",
        f"binary = {toml(column)}",
    ]


def _estimands(draft: Draft) -> list[list[str]]:
    more = ("hazard ratio", "restricted mean difference") if draft.time else ("risk ratio",)
    measures = ("risk difference", *more)
    blocks = []
    for measure in measures:
        block = ["[[estimands]]", f"outcome = {toml(draft.outcome)}", f"measure = {toml(measure)}"]
        if measure == measures[0]:
            told = "what the trial stands or falls by"
            block.append(draft.line("confirmatory", True, told))  # noqa: FBT003 - a value of TOML
        blocks.append(block)
    for name in draft.others:
        other = [f"outcome = {toml(outcome_name(name))}", f"measure = {toml(measures[0])}"]
        blocks.append(["[[estimands]]", *other])
    return blocks


def _analysis(draft: Draft) -> list[str]:
    each = "as several arms are compared with control, each a confirmatory result"
    return [
        "[analysis]",
        draft.line("alpha", 0.05, "two-sided"),
        *([draft.line("multiplicity", "holm", each)] if len(draft.labels) > 2 else []),
        draft.line("seed", 1, "any whole number: every draw can be repeated from it"),
    ]
