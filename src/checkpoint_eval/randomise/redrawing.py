"""Drawing an allocation again, by the rule that made it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from checkpoint_eval._checks import check_count, check_rng
from checkpoint_eval.design.allocation import Complete
from checkpoint_eval.randomise.assignment import Assignment

# People times draws in one chunk: 16 million int8 codes keep a chunk's arrays near 100 MB.
CHUNK_CELLS = 16_000_000


def redraw(
    assignment: Assignment, *, draws: int, rng: np.random.Generator
) -> Iterator[NDArray[np.int8]]:
    """Yield allocations drawn anew by complete randomisation within the assignment's strata.

    Each stratum keeps the numbers in each arm that were seen, so the draws come from the
    randomisation distribution given those numbers.

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
        Arm codes; the chunks' b add up to `draws`.

    References
    ----------
    Rosenberger and Lachin (2016), Randomization in Clinical Trials (random allocation rule).
    Checked against full enumeration in tests/reference.
    """
    check_count(draws, "draws")
    people = assignment.arm.size
    size = min(draws, max(1, CHUNK_CELLS // people))
    starts = range(0, draws, size)
    members = [np.flatnonzero(assignment.stratum == code) for code in range(len(assignment.strata))]
    for start, child in zip(starts, check_rng(rng).spawn(len(starts)), strict=True):
        block = np.empty((min(size, draws - start), people), dtype=np.int8)
        for who, counts in zip(members, assignment.counts_by_stratum, strict=True):
            present = np.flatnonzero(counts).astype(np.int8)
            rule = Complete(counts=tuple(counts[present].tolist()))
            block[:, who] = present[rule.draw_many(who.size, block.shape[0], child)]
        yield block
