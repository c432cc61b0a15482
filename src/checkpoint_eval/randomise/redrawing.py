"""Drawing an allocation again, by the rule that made it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._arrays import BoolArray, FloatArray, IntArray, floats
from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval._memory import remembered
from checkpoint_eval._progress import watched
from checkpoint_eval.design.allocation import OneAtATime, Rule, Support, SupportTooLarge
from checkpoint_eval.design.clusters import Clustered
from checkpoint_eval.design.people import People
from checkpoint_eval.design.rerandomised import Rerandomised
from checkpoint_eval.design.within import Stratified
from checkpoint_eval.errors import ImpossibleDesign, TrialError
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

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import load_rossi
    >>> chunks = redraw(load_rossi().assignment, draws=1000, rng=np.random.default_rng(1))
    >>> sum(len(each) for each in chunks)
    1000
    """
    check_count(draws, "draws")
    if not isinstance(assignment, Assignment):
        raise TrialError(
            f"`assignment` must be an `Assignment`, got {type(assignment).__name__}; a `Trial` "
            "holds its own."
        )
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
    chance = chances_given(assignment)[assignment.order]
    place = int((chance == 0).argmax())
    if chance[place] == 0:
        row = int(assignment.order[place])
        raise ImpossibleDesign(
            f"{type(assignment.rule).__name__} cannot have given "
            f"{assignment.arms[assignment.arm[row]]!r} to the person at row {row}, the "
            f"{place + 1}. to arrive, after the {place} before; check the order of arrival, the "
            "rule and the arms, or leave `rule` out."
        )


@remembered
def chances_given(assignment: Assignment) -> FloatArray:
    """Return (n,) the chance of the arm each was given, to one who knows the rule and all before.

    In the assignment's rows. NaN under a rule that allocates everyone at once, and after the first
    arm that had no chance.
    """
    rule, people = assignment.redrawn_by()
    chance = np.empty(assignment.n)
    chance[assignment.order] = _chances(rule, people, assignment.arm[assignment.order])
    return chance


def _chances(rule: Rule, people: People, arms: IntArray) -> FloatArray:
    """Return the chance of each arm in order of arrival, of rules within rules at every depth."""
    if isinstance(rule, Rerandomised):
        if not rule.criterion(arms.astype(np.int8)[None, :], people)[0]:
            raise ImpossibleDesign(
                "The criterion of the stated rule does not accept the allocation that was seen; "
                "check the rule, its covariates and the arms."
            )
        return np.where(_chances(rule.rule, people, arms) == 0, 0.0, NAN)
    if isinstance(rule, Stratified):
        chance = np.empty(people.n)
        for within, rows in rule.parts(people):
            chance[rows] = _chances(within, people.take(rows), arms[rows])
        return chance
    if isinstance(rule, Clustered):
        clusters, cluster = rule.gathered(people)
        first = np.unique(cluster, return_index=True)[1]
        chance = floats(arms == arms[first][cluster])  # who comes later has the cluster's arm
        chance[first] = _chances(rule.rule, clusters, arms[first])
        return chance
    return _stepwise(rule, people, arms)


def _stepwise(rule: Rule, people: People, arms: IntArray) -> FloatArray:
    """Return the chance of each arm, person by person."""
    chance = np.full(people.n, NAN)
    if not isinstance(rule, OneAtATime):
        return chance
    state = rule.start()
    for place, arm in enumerate(arms.tolist()):
        person = people.person(place)
        try:
            chance[place] = rule.chances(state, person)[arm]
        except ImpossibleDesign:
            chance[place] = 0.0
        if not chance[place] > 0:
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
