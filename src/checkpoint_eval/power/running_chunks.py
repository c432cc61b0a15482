"""Running chunks here or elsewhere, and putting them in order, whoever was faster."""

import warnings
from collections.abc import Callable, Generator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing

import joblib

from checkpoint_eval._arrays import FloatArray
from checkpoint_eval.power.chunks import Chunk, run_chunk
from checkpoint_eval.power.kept_results import KeptResults

TRIES = 3  # a worker that dies again and again is not killed by chance


def chunks_in_order(
    chunks: Sequence[Chunk],
    *,
    kept: KeptResults | None,
    workers: int | None,
    enough: Callable[[FloatArray], bool],
    step: Callable[[], None],
) -> list[FloatArray]:
    """Return what the chunks found, in order, up to the first that is enough.

    Each is kept as soon as it is done. `enough` is asked of each in order, once, so that the
    answer does not depend on which worker was faster; then comes `step`.
    """
    held = {} if kept is None else kept.open({each.number: each.trials for each in chunks})
    found: list[FloatArray] = []

    def complete() -> bool:
        while len(found) in held:
            found.append(held[len(found)])
            step()
            if enough(found[-1]):
                return True
        return len(found) == len(chunks)

    if complete():
        return found
    with closing(_done([each for each in chunks if each.number not in held], workers)) as done:
        for number, numbers in done:
            held[number] = numbers
            if kept is not None:
                kept.keep(number, numbers)
            if complete():
                break
    return found


def _done(
    chunks: Sequence[Chunk], workers: int | None
) -> Generator[tuple[int, FloatArray], None, None]:
    """Yield chunks as they are done; those that went with a killed worker are run again."""
    missing = {each.number: each for each in chunks}
    for attempt in range(1, TRIES + 1):
        parallel = joblib.Parallel(n_jobs=workers, return_as="generator_unordered")
        running = parallel(joblib.delayed(run_chunk)(each) for each in tuple(missing.values()))
        try:
            for number, numbers in running:
                del missing[number]
                yield number, numbers
        except BrokenProcessPool:
            if attempt == TRIES:
                raise
        else:
            return
        finally:
            with warnings.catch_warnings():  # that what was begun beyond enough is not needed
                warnings.filterwarnings("ignore", message=".*tasks")
                running.close()
