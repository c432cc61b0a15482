"""Words by the rule: of the numbers in a text only those stay that somebody chose."""

import re
from typing import TYPE_CHECKING

from checkpoint_eval.report.disclosure import Disclosure
from checkpoint_eval.report.evaluation import Evaluation
from checkpoint_eval.report.withheld import Withheld

if TYPE_CHECKING:
    from collections.abc import Iterable

PEOPLE = re.compile(r"\b(one|\d[\d,]*) (such )?(person is|people are|person|people)\b")
QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)")
NUMBER = re.compile(r"(?<![\w.])\d(?:[\d,.]*\d)?(?:e[+-]?\d+)?(?!\w)")
# What says of a small count that it is none, or all.
REASON = re.compile(r"not estimable|infinite|\bnobody with\b|\bno events?\b")
# Told without its number, as the number would be one of people, or tell it.
UNNUMBERED = (
    (re.compile(r" on [\d.,]+ degrees of freedom"), ""),
    (re.compile(r"\ball [\d,]+ allocations"), "all allocations"),
)
# Numbers of the protocol and of the method, which no person changed.
CHOSEN = re.compile(
    "|".join(
        (
            r"[\d,]+ (?:allocations redrawn|draws)\b",
            r"[\d,]+ were planned",
            r"\d+(?::\d+)+",
            r"[\d.]+% interval",
            r"middle [\d.]+% of each arm",
            r"Fleming–Harrington\([\d., ]+\)",
            r"\bweight [\d.]+",
            r"\(b \+ 1\)/\(B \+ 1\)",
            r"\)/2\b",
            r"\bn − 1\b",
            r"\b(?:is )?0 or 1\b",
            r"\b(?:above|below|is) [01]\b",
            r"\bfewer than \d+",
            r"\bof \d+ strata added up",
            r"\b(?:by|at|to|within|before|each person) [\d.e+]+ (?:days|weeks|months|years)\b",
            r"(?<!to )\b[\d,]+ (?:such )?people\b",  # told by the rule before
        )
    )
)


def text_told(text: str, rule: Disclosure, *, names: tuple[str, ...] = ()) -> str:
    """Return a text with counts of people told by the rule, and no other number that was found.

    What a part of a text ("; ") says behind a colon or in brackets goes with its numbers, else the
    part. `names` that hold a number are told as they are.
    """
    held: list[str] = []

    def put_by(found: re.Match[str]) -> str:
        held.append(found.group())
        return f"\ue000{chr(0xE001 + len(held))}"

    for name in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", put_by, text)
    text = PEOPLE.sub(lambda found: _people(found, rule), QUOTED.sub(put_by, text))
    for pattern, instead in UNNUMBERED:
        text = pattern.sub(instead, text)
    parts = [_part(each) for each in text.split("; ")]
    text = "; ".join(filter(None, parts)) or "withheld"
    for place in reversed(range(len(held))):
        text = text.replace(f"\ue000{chr(0xE002 + place)}", held[place])
    return text


def without_reasons(text: str) -> str:
    """Return a text on method without why there is no effect: that nobody had the event, say."""
    return "; ".join(part for part in text.split("; ") if not REASON.search(part))


def _people(found: re.Match[str], rule: Disclosure) -> str:
    number, such, whom = found.groups()
    told = rule.published(1 if number == "one" else int(number.replace(",", "")))
    shown = f"fewer than {rule.threshold}" if isinstance(told, Withheld) else f"{told:,}"
    return f"{shown} {such or ''}people{' are' if whom.endswith(('is', 'are')) else ''}"


def _part(text: str) -> str:
    """Return a part of a text without what was found; "" when nothing is left."""
    if not _tells(text):
        return text
    bare = re.sub(r" \([^()]*\)", lambda found: "" if _tells(found[0]) else found[0], text)
    if not _tells(bare):
        return bare
    head, colon, _ = bare.partition(": ")
    return f"{head}: withheld" if colon and not _tells(head) else ""


def _tells(text: str) -> bool:
    return bool(NUMBER.search(CHOSEN.sub("", text)))


def names_of(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the names in an evaluation that hold a number and are not one, the longest first."""
    values = [each.value for each in (*evaluation.results, *evaluation.sensitivity)]
    protocol = evaluation.protocol
    several: list[Iterable[str]] = [
        evaluation.arms,
        *((each.outcome, each.analysis_set) for each in values),
        *(getattr(each, "adjusted_for", ()) for each in values),
        *((row.covariate, row.level) for row in evaluation.baseline.rows),
        *(row.covariate for table in evaluation.balance for row in table.rows),
        *((*each.by, *(row.group for row in each.rows)) for each in evaluation.integrity),
        evaluation.pathways.pathways if evaluation.pathways else (),
        *(
            (found.moderator, *found.levels)
            for each in evaluation.subgroups
            for found in each.subgroups
        ),
        (each.name for each in protocol.outcomes) if protocol else (),
        (*protocol.covariates, *protocol.allocation.strata) if protocol else (),
    ]
    names = {name for each in several for name in each}
    held = [name for name in names if NUMBER.sub("", name).strip() and re.search(r"\d", name)]
    return tuple(sorted(held, key=lambda name: (-len(name), name)))
