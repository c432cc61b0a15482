"""What pairs cannot be compared by, and when they tell nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, TrialError, UnknownColumn
from checkpoint_eval.models import win_ratio
from checkpoint_eval.outcomes import (
    BinaryOutcome,
    CountOutcome,
    Covariate,
    Episodes,
    NumericOutcome,
    TimeToEvent,
)

ARMS = [0, 1, 0, 1, 0, 1]
MEASURES = ["win ratio", "win odds", "net benefit"]


def trial(arm: Any = ARMS, *, block: Any = None, **outcomes: Any) -> ce.Trial:
    n = len(arm)
    usual: dict[str, Any] = {
        "death": TimeToEvent(time=np.arange(n) + 1.0, event=np.arange(n) % 3 == 0),
        "custody": TimeToEvent(time=np.arange(n)[::-1] + 1.0, event=np.arange(n) % 2 == 0),
        "weekly": TimeToEvent(time=np.ones(n), event=np.ones(n, dtype=bool), unit="weeks"),
        "harm": NumericOutcome(value=np.arange(n) * 1.0),
        "any": BinaryOutcome(value=np.arange(n) % 2 == 0),
        "offences": CountOutcome(value=np.arange(n), exposure=np.ones(n)),
        "arrests": Episodes(
            person=np.arange(n), start=[0.0] * n, stop=[1.0] * n, event=[1] * n, people=n
        ),
    }
    names = ("court", "contract", "third")[: max(2, max(arm) + 1)]
    assignment = ce.Assignment(arm=arm, arms=names, stratum=[0] * n)
    columns = {
        "site": Covariate(name="site", values=[np.nan] + [0.0] * (n - 1), levels=("n",)),
        "block": Covariate(name="block", values=block or [0] * n, levels=("first", "second")),
    }
    return ce.Trial(assignment=assignment, outcomes=usual | outcomes, columns=columns)


@pytest.mark.parametrize(
    ("how", "error", "words"),
    [
        ({"outcomes": []}, TrialError, "`outcomes` is empty; name at least one"),
        ({"outcomes": ["death", "death"]}, ImpossibleDesign, "'death' is named twice"),
        ({"outcomes": ["deaht"]}, UnknownColumn, "'deaht' is not known; did you mean 'death'"),
        ({"outcomes": ["death", "arrests"]}, TrialError, "'arrests' is of repeated events"),
        ({"outcomes": "arrests"}, TrialError, "'arrests' is of repeated events"),
        ({"outcomes": ["death", "offences"]}, TrialError, "'offences' is a count over a time at"),
        ({"outcomes": ["death", "weekly"]}, TrialError, "are in days and weeks; give all times"),
        ({"measure": "win"}, TrialError, "`measure` is 'win'; choose from 'win ratio', 'win odds'"),
        ({"level": 95}, TrialError, "`level` must lie strictly between 0 and 1"),
        ({"level": np.nan}, TrialError, "`level` must lie strictly between 0 and 1"),
        ({"analysis_set": "per-protocol"}, UnknownColumn, "needs the arm received"),
        ({"arm": "court"}, UnknownColumn, "treatment arm 'court' is not known"),
        ({"strata": ["sight"]}, UnknownColumn, "baseline column 'sight' is not known"),
        ({"strata": ["site"]}, TrialError, "Column 'site' is missing for 1 people"),
    ],
)
def test_refuses(how: dict[str, Any], error: type[TrialError], words: str) -> None:
    with pytest.raises(error, match=words) as raised:
        win_ratio(trial(), **({"outcomes": ["death", "custody"]} | how))
    assert type(raised.value) is error or error is TrialError


def test_refuses_a_table() -> None:
    with pytest.raises(TrialError, match="`trial` must be a `Trial`, got dict"):
        win_ratio({}, outcomes="death")  # type: ignore[arg-type]


def test_three_arms_must_be_told_apart() -> None:
    three = trial([0, 1, 2, 0, 1, 2])
    with pytest.raises(TrialError, match="name the one to compare with 'court' in `arm`"):
        win_ratio(three, outcomes="death")
    found = win_ratio(three, outcomes="harm", measure="net benefit", arm="third")
    assert found.contrast == ("third", "court")
    # harm 2 and 5 against 0 and 3: one pair won, three lost
    assert found.by_arm == (0.75, 0.25)


def test_refuses_an_arm_of_which_nobody_is_known_in_full() -> None:
    """Each outcome is known of somebody under treatment, but never both of one person."""
    some = trial(
        death=TimeToEvent(
            time=np.arange(6) + 1.0, event=[True] * 6, missing=np.isin(range(6), [1, 3])
        ),
        harm=NumericOutcome(value=[1.0] * 6, missing=np.isin(range(6), [5])),
    )
    with pytest.raises(ImpossibleDesign, match="Arm 'contract' has nobody of whom all of `outco"):
        win_ratio(some, outcomes=["death", "harm"])
    nobody = trial(harm=NumericOutcome(value=[1.0] * 6, missing=np.array(ARMS) == 0))
    with pytest.raises(ImpossibleDesign, match="Arm 'court' has nobody with a known 'harm'"):
        win_ratio(nobody, outcomes=["death", "harm"])


def not_estimable(found: ce.Estimate, reason: str) -> None:
    """No number at all, and why."""
    assert not found.estimable
    assert found.method.endswith(f"not estimable: {reason}")
    numbers = (found.value, found.low, found.high, found.p_value, found.std_error)
    assert np.isnan(numbers).all()


NO_SPREAD = "people do not vary within the arms, so there is no variance"


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("kind", ["harm", "death"])
def test_all_tied(measure: Any, kind: str) -> None:
    same = {
        "harm": NumericOutcome(value=[3.0] * 6),
        "death": TimeToEvent(time=[4.0] * 6, event=[False] * 6),
    }
    found = win_ratio(trial(**same), outcomes=kind, measure=measure)
    not_estimable(found, "all pairs are tied")
    assert "tied 100.0%" in found.method


@pytest.mark.parametrize(
    ("value", "reason"),
    [([5.0, 1, 5, 1, 5, 1], "treatment loses no pair"), ([1.0, 5] * 3, "treatment wins no pair")],
)
def test_one_side_wins_everything(value: list[float], reason: str) -> None:
    split = trial(harm=NumericOutcome(value=value))
    for measure in ("win ratio", "win odds"):
        not_estimable(win_ratio(split, outcomes="harm", measure=measure), reason)
    # everyone wins all there is to win: a value, but nothing to tell its error from
    not_estimable(win_ratio(split, outcomes="harm", measure="net benefit"), NO_SPREAD)


def test_nobody_wins_but_some_tie() -> None:
    """The ratio is 0, of which there is no log; odds and difference have values."""
    some = trial(harm=NumericOutcome(value=[1.0, 1, 1, 5, 2, 5]))
    # treatment 1, 5, 5 against 1, 1, 2: 1 ties twice and wins once
    assert win_ratio(some, outcomes="harm").estimable
    none = trial(harm=NumericOutcome(value=[1.0, 1, 1, 5, 1, 5]))
    not_estimable(win_ratio(none, outcomes="harm"), "treatment wins no pair")
    assert win_ratio(none, outcomes="harm", measure="win odds").value == pytest.approx(1.5 / 7.5)
    found = win_ratio(none, outcomes="harm", measure="net benefit")
    # treated 0, -1, -1 and every control -2/3: variance 1/3 / 3
    assert (found.value, found.std_error) == pytest.approx((-2 / 3, 1 / 3))


@pytest.mark.parametrize("measure", MEASURES)
def test_one_person_tells_nothing_of_variation(measure: Any) -> None:
    alone = trial([0, 1, 0, 0, 0, 0])
    reason = "an arm has one person to compare, which tells nothing of how people vary"
    not_estimable(win_ratio(alone, outcomes="harm", measure=measure), reason)
    # one in the stratum that compares, others of the arm elsewhere
    elsewhere = trial([0, 1, 0, 0, 1, 1], block=[0, 0, 0, 0, 1, 1])
    not_estimable(win_ratio(elsewhere, outcomes="harm", measure=measure, strata="block"), reason)


@pytest.mark.parametrize("measure", MEASURES)
def test_strata_of_one_arm_each(measure: Any) -> None:
    apart = trial(block=ARMS)
    found = win_ratio(apart, outcomes=["death", "custody"], measure=measure, strata="block")
    not_estimable(found, "no stratum holds people of both arms")
    assert "2 of 2 strata hold one arm only and compare nothing" in found.method
    assert win_ratio(apart, outcomes="harm", measure=measure).estimable


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("n", [3, 7, 49])
def test_equal_shares_are_no_variance_up_to_rounding(measure: Any, n: int) -> None:
    """
    Each arm holds as many stones, papers and scissors: outcome k tells hand k, who wins, from hand
    k + 1 and nothing else. Everybody wins, loses and ties a third, a number with no exact float.
    """
    hand = np.tile(np.arange(3), 2 * n)
    arm = np.repeat([0, 1], 3 * n)
    known = {
        f"o{k}": TimeToEvent(
            time=np.where(hand == k, 9.0, np.where(hand == (k + 1) % 3, 5.0, 1.0)),
            event=hand == (k + 1) % 3,
        )
        for k in range(3)
    }
    ring = trial(arm.tolist(), **known)
    found = win_ratio(ring, outcomes=list(known), measure=measure)
    not_estimable(found, NO_SPREAD)
    assert "tied 33.3%" in found.method
