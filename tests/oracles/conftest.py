"""The R values, the trials and the comparisons that the oracle tests share."""

import json
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce

FOLDER = Path(__file__).parent
DATA = FOLDER.parent / "data"
SIX = ("age", "race", "wexp", "mar", "paro", "prio")
NINE = ("priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age")
SPECIAL = {"NA": np.nan, "NaN": np.nan, "Inf": np.inf, "-Inf": -np.inf}
MAKERS = {
    "walk.json": "run `Rscript tests/oracles/walk.R` from the project root",
    "survival.json": "run `Rscript tests/oracles/survival.R` from the project root",
    "survival_more.json": "no script makes it; restore it from the history",
}


def _numbers(node: Any) -> Any:
    """Turn R's written NA, NaN and Inf back into floats."""
    if isinstance(node, dict):
        return {key: _numbers(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_numbers(value) for value in node]
    return SPECIAL.get(node, node) if isinstance(node, str) else node


def _load(name: str) -> Any:
    path = FOLDER / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: {MAKERS[name]}")
    return _numbers(json.loads(path.read_text(encoding="utf-8")))


def _agree(got: Any, want: Any, rel: float = 1e-8, absolute: float = 1e-13) -> None:
    """Same shape, same NaN positions; `absolute` is for values that are nought up to rounding."""
    got, want = np.asarray(got, dtype=float), np.asarray(want, dtype=float)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=rel, atol=absolute, equal_nan=True)


def _printed(got: Any, want: Sequence[float], rel: float = 0.0) -> None:
    """Agree to the digits `want` was written with; a dropped trailing nought only loosens it."""
    got = np.atleast_1d(np.asarray(got, dtype=float))
    assert got.shape == (len(want),)
    for value, target in zip(got, want, strict=True):
        last = int(Decimal(repr(target)).as_tuple().exponent)
        assert abs(value - target) <= 0.6 * 10.0**last + rel * abs(target), (value, target)


class Trials:
    """Builders of the trials that R analysed."""

    def rossi(self, strata: Sequence[str] = (), covariates: Sequence[str] = SIX) -> ce.Trial:
        kept = [name for name in covariates if name not in strata]
        return ce.Trial.from_frame(
            self.frame("rossi"),
            arm="fin",
            control=0,
            strata=list(strata),
            covariates=kept,
            times={"rearrest": ("week", "arrest", "weeks")},
            binary={"any": "arrest"},
        )

    def rossi_by_prio(self, strata: Sequence[str] = ()) -> ce.Trial:
        """Three arms made of previous convictions: none, one or two, more."""
        frame = self.frame("rossi")
        levels = ("none", "few", "many")
        frame["group"] = np.array(levels)[np.digitize(frame["prio"], [1, 3])]
        return ce.Trial.from_frame(
            frame,
            arm="group",
            control="none",
            arms=levels,
            strata=list(strata),
            times={"rearrest": ("week", "arrest", "weeks")},
        )

    def recid(self, strata: Sequence[str] = (), covariates: Sequence[str] = NINE) -> ce.Trial:
        kept = [name for name in covariates if name not in strata]
        return ce.Trial.from_frame(
            self.frame("recid"),
            arm="workprg",
            control=0,
            strata=list(strata),
            covariates=kept,
            times={"return": ("durat", "event", "months")},
        )

    def lung(self, factors: Sequence[str] = ()) -> ce.Trial:
        """Control: men. The one person without ECOG goes when it is a factor, as in R."""
        frame = self.frame("lung")
        frame = frame.dropna(subset=list(factors)).astype(dict.fromkeys(factors, int))
        return ce.Trial.from_frame(
            frame,
            arm="sex",
            control=1,
            factors=list(factors),
            times={"death": ("time", "event", "days")},
        )

    def tiny(self, data: dict[str, list[Any]]) -> ce.Trial:
        return ce.Trial.from_frame(
            pd.DataFrame(data),
            arm="arm",
            control="a",
            arms=("a", "b", "c"),
            times={"end": ("time", "event", "weeks")},
        )

    def two_by_two(self, treatment: Sequence[int], control: Sequence[int]) -> ce.Trial:
        """Everybody followed for 52 weeks, those with the event until week 10."""
        (x1, n1), (x0, n0) = treatment, control
        event = np.repeat([1, 0, 1, 0], [x1, n1 - x1, x0, n0 - x0])
        frame = pd.DataFrame(
            {
                "arm": np.repeat([1, 0], [n1, n0]),
                "event": event,
                "week": np.where(event == 1, 10, 52),
            }
        )
        return ce.Trial.from_frame(
            frame,
            arm="arm",
            control=0,
            times={"rearrest": ("week", "event", "weeks")},
            binary={"any": "event"},
        )

    def frame(self, name: str) -> pd.DataFrame:
        """One of the data sets R read, with the event and arm columns R made."""
        frame = pd.read_csv(DATA / f"{name}.csv")
        if name == "recid":
            frame["event"] = 1 - frame["cens"]
        if name == "lung":
            frame["event"] = (frame["status"] == 2).astype(int)
            frame = frame.rename(columns={"ph.ecog": "ecog"})
        if name == "bladder2":
            frame["gap"] = frame["stop"] - frame["start"]
        return frame


@pytest.fixture(scope="session")
def trials() -> Trials:
    return Trials()


@pytest.fixture(scope="session")
def walk() -> Any:
    """Written by walk.R: full precision."""
    return _load("walk.json")


@pytest.fixture(scope="session")
def survival_r() -> Any:
    """Written by survival.R: full precision, but Cox fits stop at R's default tolerance."""
    return _load("survival.json")


@pytest.fixture(scope="session")
def more() -> Any:
    """Collected values from survival, survRM2 and others, written with 6 to 12 digits."""
    return _load("survival_more.json")


@pytest.fixture(scope="session")
def agree() -> Callable[..., None]:
    return _agree


@pytest.fixture(scope="session")
def printed() -> Callable[..., None]:
    return _printed
