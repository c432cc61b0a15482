"""Repeated events with death: what cannot be, cannot be asked, and cannot be answered."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import (
    events_side_by_side,
    mean_cumulative_function,
    terminal_mean,
    terminal_mean_difference,
    terminal_mean_test,
    while_alive_rate,
)
from checkpoint_eval.outcomes import Episodes

# Six people, control first and in turn; 4 events of control, 2 of treatment. Persons 1 and 4 die.
ROWS = [
    (0, 0, 4, 1), (0, 4, 9, 0), (1, 0, 9, 1), (2, 0, 6, 1), (2, 6, 8, 1), (2, 8, 9, 0),
    (3, 0, 9, 0), (4, 0, 3, 1), (4, 3, 7, 0), (5, 0, 7, 1), (5, 7, 9, 0),
]  # fmt: skip
ARMS = [0, 1, 0, 1, 0, 1]
DEAD = [0, 1, 0, 0, 1, 0]
NAMES = ("court", "contract", "third")


def episodes(rows: Any = ROWS, people: int = 6, **how: Any) -> Episodes:
    person, start, stop, event = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Episodes(person=person, start=start, stop=stop, event=event, people=people, **how)


def trial(rows: Any = ROWS, arm: Any = ARMS, terminal: Any = DEAD, **how: Any) -> ce.Trial:
    return ce.Trial(
        assignment=ce.Assignment(arm=arm, arms=NAMES[: max(arm) + 1], stratum=[0] * len(arm)),
        outcomes={"y": episodes(rows, len(arm), terminal=terminal, **how)},
    )


def means(given: Any, **how: Any) -> Any:
    return terminal_mean(given, outcome="y", **how)


def compared(given: Any, **how: Any) -> ce.Estimate:
    return terminal_mean_difference(given, outcome="y", **({"at": 9} | how))


def rated(given: Any, **how: Any) -> ce.Estimate:
    return while_alive_rate(given, outcome="y", **({"horizon": 9} | how))


def signed(given: Any, **how: Any) -> ce.SignificanceTest:
    return terminal_mean_test(given, outcome="y", **how)


def beside(given: Any, **how: Any) -> tuple[ce.Estimate, ...]:
    return events_side_by_side(given, **({"elapsed": "y", "at_liberty": "y", "at": 9} | how))


ALL = [means, compared, rated, signed, beside]
BOTH = [compared, rated]
MEASURES = ["difference", "ratio"]


def not_estimable(found: ce.Estimate | ce.SignificanceTest, reason: str) -> None:
    """No number at all, and why."""
    assert not found.estimable
    assert reason in found.method
    if isinstance(found, ce.Estimate):
        numbers = (found.value, found.low, found.high, found.p_value)
    else:
        numbers = (found.statistic, found.p_value)
    assert np.isnan(numbers).all()


@pytest.mark.parametrize(
    ("how", "match"),
    [
        ({"terminal": [1, 0]}, r"`terminal` needs one value for each person; got 2 for 6 people"),
        ({"terminal": [[0] * 6]}, "`terminal` needs one value for each person"),
        ({"terminal": [0, 2, 0, 0, 0, 0]}, "`terminal` must be 0 or 1, .* for each person"),
        ({"terminal": [0, np.nan, 0, 0, 0, 0]}, "`terminal` must be 0 or 1"),
        ({"terminal": ["no"] * 6}, "`terminal` must hold numbers"),
        ({"end": [9, 9]}, "`end` needs one value for each person; got 2 for 6 people"),
        ({"end": [9, 9, 9, 9, 9, 8]}, r"`end` of person 5 is 8; .* finite time from 9 on"),
        ({"end": [np.nan, 9, 9, 9, 9, 9]}, "`end` of person 0 is nan"),
        ({"end": [9, np.inf, 9, 9, 9, 9]}, "`end` of person 1 is inf"),
        ({"end": ["late"] * 6}, "`end` must hold numbers"),
    ],
)
def test_deaths_and_ends_that_cannot_be(how: Any, match: str) -> None:
    with pytest.raises(InvalidData, match=match):
        episodes(**how)


def test_who_was_never_followed_cannot_have_died() -> None:
    """Unless it is said when."""
    rows = [row for row in ROWS if row[0] != 3]
    dead = [0, 0, 0, 1, 0, 0]
    with pytest.raises(InvalidData, match="Person 3 is `terminal` but has no interval; say in `en"):
        episodes(rows, terminal=dead)
    with pytest.raises(InvalidData, match="Person 3 is `terminal` but is `missing`"):
        episodes(rows, terminal=dead, missing=dead)
    end: list[float] = [9, 9, 9, 2, 9, 9]
    assert episodes(rows, terminal=dead, end=end).terminal[3]
    with pytest.raises(InvalidData, match="`end` of person 3, who is `missing`, must be NaN"):
        episodes(rows, end=end, missing=dead)
    end[3] = np.nan
    assert episodes(rows, end=end, missing=dead).missing[3]
    end[3] = -1
    with pytest.raises(InvalidData, match=r"`end` of person 3 is -1; .* from 0 on"):
        episodes(rows, end=end)


def test_what_is_given_is_copied_and_kept() -> None:
    end, dead = np.array([9.0] * 6), np.array(DEAD)
    seen = episodes(end=end, terminal=dead)
    end[:], dead[:] = 20, 0
    assert (seen.end.tolist(), seen.terminal.tolist()) == ([9] * 6, [bool(one) for one in DEAD])
    with pytest.raises(ValueError, match="read-only"):
        seen.end[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        seen.terminal[0] = True


OTHERS = {
    "t": ce.TimeToEvent(time=[1, 2, 3, 4, 5, 6], event=[1, 1, 1, 0, 1, 1]),
    "b": ce.BinaryOutcome(value=[1, 0, 1, 0, 0, 1]),
    "n": ce.NumericOutcome(value=[1.0, 2, 3, 4, 5, 7]),
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("verb", ALL)
def test_other_outcomes_are_refused(verb: Any, name: str) -> None:
    given = ce.Trial(assignment=trial().assignment, outcomes={"y": OTHERS[name]})
    with pytest.raises(TrialError, match=r"'y' is not of repeated events; .*`Episodes`"):
        verb(given)


@pytest.mark.parametrize("verb", ALL)
def test_not_a_trial_nor_a_set(verb: Any) -> None:
    with pytest.raises(TrialError, match="`trial` must be a `Trial`, got NoneType"):
        verb(None)
    with pytest.raises(UnknownColumn, match="treated"):
        verb(trial(), analysis_set="treated")


@pytest.mark.parametrize("verb", [means, compared, rated, beside])
@pytest.mark.parametrize("level", [0, 1, np.nan, 95, "0.9", None])
def test_levels_that_are_none(verb: Any, level: Any) -> None:
    with pytest.raises(TrialError, match="`level` must lie strictly between 0 and 1"):
        verb(trial(), level=level)


@pytest.mark.parametrize("verb", BOTH)
def test_measures_that_are_none(verb: Any) -> None:
    with pytest.raises(TrialError, match="`measure` is 'odds'; choose from"):
        verb(trial(), measure="odds")


@pytest.mark.parametrize("time", [np.nan, 0, -1, np.inf, "9", True, None, [9]])
def test_times_that_are_none(time: Any) -> None:
    with pytest.raises(TrialError, match="`at` must be a finite number above 0, got"):
        compared(trial(), at=time)
    with pytest.raises(TrialError, match="`horizon` must be a finite number above 0, got"):
        rated(trial(), horizon=time)
    with pytest.raises(TrialError, match="`at` must be a finite number above 0, got"):
        beside(trial(), at=time)


def test_times_beyond_follow_up() -> None:
    """Of either arm: control here is seen until day 9, treatment until day 12."""
    longer = [*ROWS, (5, 9, 12, 0)]
    assert compared(trial(longer)).estimable
    for verb, name in ((compared, "at"), (rated, "horizon")):
        with pytest.raises(
            ImpossibleDesign,
            match=rf"`{name}` is 9\.5 days, beyond the follow-up of arm 'court', .* at most 9",
        ):
            verb(trial(longer), **{name: 9.5})
        with pytest.raises(ImpossibleDesign, match="beyond the follow-up of arm 'contract'"):
            verb(trial(longer, [1 - arm for arm in ARMS]), **{name: 12})
    with pytest.raises(ImpossibleDesign, match="`at` is 10 days, beyond"):
        beside(trial(), at=10)


def test_after_everyones_death_nothing_more_can_happen() -> None:
    """So that any time may be asked about; the same arm alive may not."""
    dead = [arm or one for arm, one in zip(ARMS, DEAD, strict=True)]  # the treatment arm
    longer = [*ROWS, (0, 9, 12, 0), (2, 9, 12, 0)]
    found = compared(trial(longer, terminal=dead), at=12)
    assert found.by_arm[1] == compared(trial(longer, terminal=dead)).by_arm[1]
    assert found.estimable
    # Nor does anyone live on: the rate's time alive stays as it is.
    assert rated(trial(longer, terminal=dead), horizon=12).by_arm[1] == pytest.approx(2 / 27)
    with pytest.raises(ImpossibleDesign, match="beyond the follow-up of arm 'contract'"):
        compared(trial(longer), at=12)


def test_in_custody_to_the_end_is_alive_but_not_at_risk() -> None:
    """Day 12, when all of an arm are away, is beyond it, though they are known to be alive."""
    end = [9, 9, 9, 12, 7, 12]
    with pytest.raises(ImpossibleDesign, match="beyond the follow-up of arm 'court'"):
        compared(trial(end=end), at=10)
    assert compared(trial(end=end), at=9).value == pytest.approx(compared(trial()).value)


@pytest.mark.parametrize("terminal", [(), [0] * 6], ids=["without", "nobody"])
def test_nobody_dies(terminal: Any) -> None:
    given = trial(terminal=terminal)
    found, plain = means(given), mean_cumulative_function(given, outcome="y")
    assert found.mean == pytest.approx(plain.mean, rel=1e-12)
    assert found.std_error == pytest.approx(plain.std_error, rel=1e-10)
    assert "nobody with a terminal event" in found.method
    assert rated(given).by_arm == pytest.approx([mean / 9 for mean in plain.mean[:, -1]])


def test_everyone_dies_at_one_time() -> None:
    """Plain counts: 4 events and 2 of three people, over 9 days."""
    rows = [row for row in ROWS if row[0] != 4] + [(4, 0, 3, 1), (4, 3, 9, 0)]
    given = trial(rows, terminal=[1] * 6)
    assert compared(given).by_arm == pytest.approx((4 / 3, 2 / 3))
    assert compared(given, at=30).by_arm == pytest.approx((4 / 3, 2 / 3))
    assert rated(given, horizon=30).by_arm == pytest.approx((4 / 27, 2 / 27))
    assert signed(given).estimable
    # The same as if they had lived to that day, when nothing is left to come.
    for verb in BOTH:
        alive = verb(trial(rows, terminal=()))
        assert verb(given).std_error == pytest.approx(alive.std_error)


def test_everyone_dies_on_the_index_day() -> None:
    """An arm without any time: no rate, not a division by nothing."""
    rows = [row for row in ROWS if row[0] % 2 == 0]
    end = [9, 0, 9, 0, 9, 0]
    given = trial(rows, terminal=[0, 1, 0, 1, 0, 1], end=end)
    for measure in MEASURES:
        not_estimable(rated(given, measure=measure), "no events, or none in an arm")
    found = compared(given)
    assert found.estimable
    assert found.by_arm == pytest.approx((1 + 1 / 2, 0))  # person 4 is seen until day 7
    not_estimable(compared(given, measure="ratio"), "none in an arm")
    assert not means(given).mean[1].any()
    assert not signed(given).estimable  # nobody to weigh the events of control against


def test_someone_dies_on_the_index_day() -> None:
    """Counted among people and dead from the start: events of two for three."""
    rows = [row for row in ROWS if row[0] != 4]
    found = rated(trial(rows, terminal=[0, 0, 0, 0, 1, 0], end=[9, 9, 9, 9, 0, 9]))
    assert (found.n, found.events) == ((3, 3), (3, 2))
    assert found.by_arm[0] == pytest.approx((2 / 3 * 3 / 2) / 6)


def test_no_events() -> None:
    none = trial([(person, 0, 9, 0) for person in range(6)])
    for measure in MEASURES:
        for verb in BOTH:
            not_estimable(verb(none, measure=measure), "no events")
    not_estimable(signed(none), "no events")
    assert (means(none).time.tolist(), means(none).mean.shape) == ([], (2, 0))
    assert "no events" in str(means(none))
    assert not any(one.estimable for one in beside(none))


@pytest.mark.parametrize("arm", [0, 1])
def test_events_in_one_arm_only(arm: int) -> None:
    """No huge ratio; the difference and the test still have an answer."""
    given = trial(
        [(who, start, stop, event and who % 2 == arm) for who, start, stop, event in ROWS]
    )
    sign = 1 if arm else -1
    for verb in BOTH:
        not_estimable(verb(given, measure="ratio"), "none in an arm")
        difference = verb(given, measure="difference")
        assert np.isfinite([difference.value, difference.low, difference.high]).all()
        assert sign * difference.value > 0
    assert sign * signed(given).statistic > 0
    assert np.isnan(means(given).low[1 - arm]).all()
    assert [one.estimable for one in beside(given)] == [False] * 5


def test_one_person_an_arm() -> None:
    rows = [(0, 0, 4, 1), (0, 4, 9, 0), (1, 0, 6, 1), (1, 6, 9, 1)]
    for terminal in ([0, 0], [0, 1], [1, 1]):
        given = trial(rows, [0, 1], terminal)
        for measure in MEASURES:
            for verb in BOTH:
                not_estimable(verb(given, measure=measure), "an arm of one person has no variance")
        not_estimable(signed(given), "an arm of one person has no variance")
        assert means(given).mean.tolist() == [[1, 1, 1], [0, 1, 2]]


def test_one_person_against_many() -> None:
    given = trial(ROWS[:6], [0, 1, 0], [0, 0, 0])
    for verb in BOTH:
        not_estimable(verb(given), "an arm of one person has no variance")
    not_estimable(signed(given), "an arm of one person has no variance")


def test_people_who_do_not_vary() -> None:
    alike = trial([(person, 0, 9, 1) for person in range(6)], terminal=[1] * 6)
    for verb in BOTH:
        not_estimable(verb(alike), "people in the arms do not vary")
    not_estimable(signed(alike), "people in the arms do not vary")


@pytest.mark.parametrize("verb", ALL)
def test_nobody_with_an_interval(verb: Any) -> None:
    with pytest.raises(ImpossibleDesign, match="Nobody compared has an interval at risk of 'y'"):
        verb(trial([], terminal=()))


@pytest.mark.parametrize("arm", [0, 1])
def test_an_arm_without_intervals(arm: int) -> None:
    """As people never at risk, or as unknown people."""
    rows = [row for row in ROWS if row[0] % 2 != arm]
    given = trial(rows, terminal=())
    with pytest.raises(ImpossibleDesign, match=f"follow-up of arm {NAMES[arm]!r}, which ends at 0"):
        compared(given)
    assert not signed(given).estimable
    assert not means(given).mean[arm].any()
    unknown = trial(rows, terminal=(), missing=[one == arm for one in ARMS])
    for verb in ALL:
        with pytest.raises(ImpossibleDesign, match=f"Arm {NAMES[arm]!r} has nobody"):
            verb(unknown)


def test_people_whose_records_are_unknown_are_counted() -> None:
    more = trial(ROWS, [*ARMS, 1, 1], [*DEAD, 0, 0], missing=[0] * 6 + [1] * 2)
    for verb in (*BOTH, signed):
        one, two = verb(trial()), verb(more)
        assert (two.n, two.events) == (one.n, one.events)
        assert (one.missing, two.missing) == ((0, 0), (0, 2))
        assert two.p_value == one.p_value
    assert means(more).missing == (0, 2)


def test_several_arms() -> None:
    three = trial(arm=[0, 1, 2, 0, 1, 2])
    assert means(three).mean.shape[0] == 3
    with pytest.raises(TrialError, match="`terminal_mean_test` compares two arms, the trial has 3"):
        signed(three)
    for verb in (*BOTH, beside):
        with pytest.raises(TrialError, match="arm"):
            verb(three)
        with pytest.raises(UnknownColumn, match="fourth"):
            verb(three, arm="fourth")
    assert compared(three, arm="third").contrast == ("third", "court")


def test_units_and_outcomes_side_by_side() -> None:
    with pytest.raises(UnknownColumn, match="street"):
        beside(trial(), at_liberty="street")
    found = beside(trial())
    assert [one.outcome for one in found] == ["y"] * 5
    assert {one.scale for one in found} == {"ratio"}
    assert len({one.estimand for one in found}) == 4  # twice the mean, on two clocks
