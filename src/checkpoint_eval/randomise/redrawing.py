"""Drawing an allocation again, by the rule that made it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import BoolArray, FloatArray
from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval._memory import remembered
from checkpoint_eval._progress import watched
from checkpoint_eval.design.allocation import OneAtATime, Support, SupportTooLarge
from checkpoint_eval.design.rerandomised import Rerandomised
from checkpoint_eval.errors import ImpossibleDesign
from checkpoint_eval.randomise.assignment import Assignment
from checkpoint_eval.results import NAN

# People times draws in one chunk: 16 million int8 codes keep a chunk's arrays near 100 MB.
CHUNK_CELLS = 16_000_000


def redraw(
    assignment: Assignment, *, draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int8]]:
    """Yield allocations drawn anew by the assignment's own rule.

    Arrival order, strata and factors are kept. Without a stated rule: complete randomisation
    within strata, each keeping the numbers in each arm that were seen.

    Parameters
    ----------
    assignment : Assignment
        n people in k arms.
    draws : int
        How many allocations in all.
    rng : numpy.random.Generator
        Spawned once a chunk, so the draws depend on the seed, `draws` and n only.

    Yields
    ------
    (b, n) int8
        Arm codes, in the assignment's order of rows; the chunks' b add up to `draws`.

    Raises
    ------
    ImpossibleDesign
        When the rule cannot have made the allocation that was seen.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (randomization-based
    inference). Checked against full enumeration in tests/reference.
    """
    check_count(draws, "draws")
    refuse_impossible(assignment)
    rule, people = assignment.redrawn_by()
    size = min(draws, max(1, CHUNK_CELLS // people.n))
    starts = range(0, draws, size)
    back = _to_rows(assignment)
    children = check_rng(rng).spawn(len(starts))
    chunks = list(zip(starts, children, strict=True))
    for start, child in watched(chunks, "Redrawing"):
        arms = rule.draw_many(people, min(size, draws - start), child)
        yield arms if back is None else arms[:, back]


def enumerated(assignment: Assignment, *, limit: int) -> Support | None:
    """Return every allocation the rule could have made, in the order of rows; None above `limit`.

    Raises
    ------
    ImpossibleDesign
        When the rule cannot have made the allocation that was seen.
    """
    refuse_impossible(assignment)
    rule, people = assignment.redrawn_by()
    try:
        support = rule.support(people, limit=limit)
    except SupportTooLarge:
        return None
    back = _to_rows(assignment)
    return support if back is None else Support(arm=support.arm[:, back], weight=support.weight)


def _to_rows(assignment: Assignment) -> NDArray[np.int64] | None:
    """Return each row's place in the order of arrival, or None when they are the same."""
    return assignment.arrival if assignment.arrival.size else None


@remembered
def refuse_impossible(assignment: Assignment) -> None:
    """Refuse an allocation that its stated rule cannot have made in the stated order."""
    if assignment.rule is None:
        return
    rule, people = assignment.redrawn_by()
    arms = assignment.arm[assignment.order]
    if isinstance(rule, Rerandomised):
        accepted = rule.criterion(arms.astype(np.int8)[None, :], people)
        if not accepted[0]:
            raise ImpossibleDesign(
                "The criterion of the stated rule does not accept the allocation that was seen; "
                "check the rule, its covariates and the arms."
            )
    chance = chances_given(assignment)[assignment.order]
    place = int((chance == 0).argmax())
    if chance[place] == 0:
        row = int(assignment.order[place])
        raise ImpossibleDesign(
            f"{type(assignment.rule).__name__} cannot have given {assignment.arms[arms[place]]!r} "
            f"to the person at row {row}, the {place + 1}. to arrive, after the {place} before; "
            "check the order of arrival, the rule and the arms, or leave `rule` out."
        )


@remembered
def chances_given(assignment: Assignment) -> FloatArray:
    """Return (n,) the chance of the arm each was given, to one who knows the rule and all before.

    In the assignment's rows. NaN for a rule that allocates everyone at once, and after the first
    arm that had no chance.
    """
    rule, people = assignment.redrawn_by()
    if isinstance(rule, Rerandomised):
        rule = rule.rule
    chance = np.full(assignment.n, NAN)
    if not isinstance(rule, OneAtATime):
        return chance
    state = rule.start()
    for place, row in enumerate(assignment.order.tolist()):
        person, arm = people.person(place), int(assignment.arm[row])
        try:
            chance[row] = rule.chances(state, person)[arm]
        except ImpossibleDesign:
            chance[row] = 0.0
        if not chance[row] > 0:
            break
        state = rule.after(state, arm, person)
    return chance


@dataclass(frozen=True, slots=True, kw_only=True)
class Tail:
    """How often redrawn allocations were as extreme: p = (b + 1)/(B + 1), and its error."""

    p_value: float
    error: float


def tail(
    assignment: Assignment,
    extreme: Callable[[NDArray[np.int8]], BoolArray],
    *,
    draws: int,
    rng: np.random.Generator,
) -> Tail:
    """Return the share of redraws that `extreme`, of (b, n) codes to (b,), says are as extreme.

    References
    ----------
    Phipson and Smyth (2010), eq. 2: the allocation seen is one of those that could have been.
    """
    found = sum(int(extreme(codes).sum()) for codes in redraw(assignment, draws=draws, rng=rng))
    return tail_of(found, draws)


def tail_of(extreme: int, draws: int) -> Tail:
    """Return p and its error from a count of redraws that were as extreme."""
    p_value = (extreme + 1) / (draws + 1)
    return Tail(p_value=p_value, error=float(np.sqrt(p_value * (1 - p_value) / draws)))
