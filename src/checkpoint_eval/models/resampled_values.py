"""One statistic of two arms whose people are drawn again: as they are, drawn, and one left out."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import FloatArray, IntArray
from checkpoint_eval._progress import watched
from checkpoint_eval.models.resampled_statistics import Joint, Linear, Summary, contrast
from checkpoint_eval.models.resampled_tallies import CELLS, Cells, Sample, Tally


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Arm:
    """The people of an arm, in the parts within which they are drawn again, on one grid.

    Attributes
    ----------
    samples : tuple of Sample
        One, or one a stratum.
    summary : callable, optional
        From tallies to the numbers that are compared; None where a statistic reads both arms.
    """

    samples: tuple[Sample, ...]
    summary: Summary | None = None

    def whole(self) -> Tally:
        """Return the one tally of everyone as they are."""
        return _together([sample.whole() for sample in self.samples])

    def drawn(self, draws: int, rng: np.random.Generator, size: int) -> Iterator[Tally]:
        """Yield tallies of people drawn with replacement within each part."""
        children = rng.spawn(len(self.samples))
        streams = [
            sample.drawn(draws, child, size)
            for sample, child in zip(self.samples, children, strict=True)
        ]
        for tallies in zip(*streams, strict=True):
            yield _together(tallies)

    @property
    def size(self) -> int:
        """Draws made at once."""
        return max(1, CELLS // max(sample.width for sample in self.samples))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Resampled:
    """A statistic of control and treatment.

    Attributes
    ----------
    statistic : str
    arms : (Arm, Arm)
        Control first.
    joint : callable, optional
        From the tallies of both arms to the statistic, for arms without a summary each.
    """

    statistic: str
    arms: tuple[Arm, Arm]
    joint: Joint | None = None

    def value(self) -> float:
        """Return the statistic of everyone as they are."""
        return float(self._of(*(arm.whole() for arm in self.arms))[0])

    def drawn(self, draws: int, rng: np.random.Generator) -> FloatArray:
        """Return (draws,) statistics of people drawn with replacement within each arm."""
        children = rng.spawn(2)
        if self.joint is None:
            each = [
                np.concatenate([_read(arm, part) for part in _watched(arm, draws, child)])
                for arm, child in zip(self.arms, children, strict=True)
            ]
            return contrast(self.statistic, *each)
        size = min(arm.size for arm in self.arms)
        streams = [
            arm.drawn(draws, child, size) for arm, child in zip(self.arms, children, strict=True)
        ]
        pairs = watched(zip(*streams, strict=True), "Resampling", total=-(-draws // size))
        return np.concatenate([self.joint(*pair) for pair in pairs])

    def left_out(self) -> Iterator[tuple[FloatArray, IntArray]]:
        """Yield, for each sample, statistics without one person of each kind, and their numbers."""
        wholes = [arm.whole() for arm in self.arms]
        for code, arm in enumerate(self.arms):
            for sample in arm.samples:
                if isinstance(arm.summary, Linear) and isinstance(sample, Cells):
                    values, number = arm.summary.left_out(wholes[code], sample)
                    other = _read(self.arms[1 - code], wholes[1 - code])
                    pair = (values, other) if code == 0 else (other, values)
                    yield contrast(self.statistic, *pair), number
                    continue
                parts = []
                for one, number in sample.left_out(arm.size):
                    left = _less(wholes[code], one)
                    other_tally = wholes[1 - code]
                    pair_of = (left, other_tally) if code == 0 else (other_tally, left)
                    parts.append((self._of(*pair_of), number))
                yield (
                    np.concatenate([values for values, _ in parts]),
                    np.concatenate([number for _, number in parts]),
                )

    def _of(self, control: Tally, treatment: Tally) -> FloatArray:
        if self.joint is not None:
            return self.joint(control, treatment)
        each = (_read(arm, part) for arm, part in zip(self.arms, (control, treatment), strict=True))
        return contrast(self.statistic, *each)


def _watched(arm: Arm, draws: int, rng: np.random.Generator) -> Iterable[Tally]:
    """Return the tallies of one arm's draws."""
    made = arm.drawn(draws, rng, arm.size)
    return watched(made, "Resampling", total=-(-draws // arm.size))


def _read(arm: Arm, tally: Tally) -> FloatArray:
    assert arm.summary is not None
    return arm.summary(tally)


def _together(tallies: Sequence[Tally]) -> Tally:
    """Return the tally of several groups of people on one grid."""
    first, *rest = tallies
    for each in rest:
        first = Tally(
            time=first.time,
            at_risk=first.at_risk + each.at_risk,
            events=first.events + each.events,
        )
    return first


def _less(whole: Tally, one: Tally) -> Tally:
    return Tally(
        time=whole.time,
        at_risk=whole.at_risk - one.at_risk,
        events=whole.events - one.events,
    )
