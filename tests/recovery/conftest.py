"""Many trials whose truth is known: what methods make of them, and how far off they may be.

A file describes rooms: how a trial is drawn, and its methods, each a verb with the true value of
what it estimates (none for a test). All methods of a room see the same trials, drawn once.

Bounds are Monte Carlo, five standard errors of a share or a mean over the trials. On top comes
what the methods' asymptotics may miss at the few hundred people of a trial: a fiftieth of the
estimate's standard deviation in bias, and in coverage 1.2 points, which a full run narrows to
93 to 97 per cent outright.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce

FULL = 2000
SIZES = [
    pytest.param(150, id="reduced"),
    pytest.param(FULL, id="full", marks=pytest.mark.slow),
]
SLACK = 0.012
FIELDS = ("value", "low", "high", "std_error", "statistic", "p_value")

Draw = Callable[[np.random.Generator], ce.Trial]
Methods = Mapping[str, tuple[Callable[[ce.Trial], Any], float | None]]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What a method found in every trial, NaN where it has no such number."""

    numbers: dict[str, np.ndarray]
    log: bool

    def __getattr__(self, name: str) -> np.ndarray:
        return self.numbers[name]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Recovery:
    """Rooms simulated so far, with one number of trials."""

    trials: int
    kept: dict[Draw, dict[str, Found]] = field(default_factory=dict)

    def found(self, draw: Draw, methods: Methods, name: str) -> Found:
        """Return what a method found in the trials of its room."""
        if draw not in self.kept:
            self.kept[draw] = self._simulated(draw, methods)
        return self.kept[draw][name]

    def _simulated(self, draw: Draw, methods: Methods) -> dict[str, Found]:
        rng = np.random.default_rng([20162, self.trials])
        results: dict[str, list[Any]] = {name: [] for name in methods}
        for _ in range(self.trials):
            trial = draw(rng)
            for name, (verb, _truth) in methods.items():
                results[name].append(verb(trial))
        return {
            name: Found(
                numbers={
                    part: np.array([getattr(each, part, np.nan) for each in found], dtype=float)
                    for part in FIELDS
                },
                log=getattr(found[0], "scale", "") == "ratio",
            )
            for name, found in results.items()
        }

    def check_estimates(self, draw: Draw, methods: Methods, name: str) -> None:
        """Assert that a method is unbiased, covers its truth and knows its error."""
        found, truth = self.found(draw, methods, name), methods[name][1]
        assert truth is not None
        value, target = (np.log(each) if found.log else each for each in (found.value, truth))
        assert np.isfinite(value).all()
        spread = value.std(ddof=1)
        assert abs(value.mean() - target) < 5 * spread / np.sqrt(self.trials) + 0.02 * spread
        covered = np.mean((found.low <= truth) & (truth <= found.high))
        error = np.sqrt(0.95 * 0.05 / self.trials)
        assert 0.95 - SLACK - 5 * error < covered < 0.95 + SLACK + 5 * error
        if self.trials >= FULL:
            assert 0.93 < covered < 0.97
        if np.isfinite(found.std_error).any():
            # A standard deviation from N trials is itself uncertain by about 1/sqrt(2N).
            about = 0.03 + 5 / np.sqrt(2 * self.trials)
            assert found.std_error.mean() == pytest.approx(spread, rel=about)

    def check_size(self, draw: Draw, methods: Methods, name: str) -> None:
        """Assert that a test rejects a true null hypothesis as often as it says."""
        p_value = self.found(draw, methods, name).p_value
        error = 5 * np.sqrt(0.05 * 0.95 / self.trials)
        assert abs(np.mean(p_value <= 0.05) - 0.05) < 0.01 + error
        # Uniform as a whole: neither half of it is preferred, whatever happens in the tail.
        assert abs(np.mean(p_value) - 0.5) < 0.01 + 5 * np.sqrt(1 / 12 / self.trials)

    def check_direction(self, draw: Draw, methods: Methods, name: str) -> None:
        """Assert that a test's sign is negative when treatment has fewer events."""
        assert self.found(draw, methods, name).statistic.mean() < -5 / np.sqrt(self.trials)


@pytest.fixture(scope="module", params=SIZES)
def recovery(request: pytest.FixtureRequest) -> Recovery:
    return Recovery(trials=request.param)
