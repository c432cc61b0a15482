"""What repeated events cannot be, cannot be asked, and cannot answer."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest

import checkpoint_eval as ce
from checkpoint_eval.errors import ImpossibleDesign, InvalidData, TrialError, UnknownColumn
from checkpoint_eval.models import (
    cumulative_incidence,
    maxcombo_test,
    mean_cumulative_difference,
    mean_cumulative_function,
    mean_cumulative_test,
    proportional_hazards_test,
    recurrent_hazard_ratio,
    subdistribution_hazard_ratio,
)
from checkpoint_eval.outcomes import Covariate, Episodes, Provenance

METHODS = ["andersen-gill", "pwp-total", "pwp-gap", "wlw"]
# Six people, control first and in turn; 4 events of control, 2 of treatment.
ROWS = [
    (0, 0, 4, 1), (0, 4, 9, 0), (1, 0, 9, 1), (2, 0, 6, 1), (2, 6, 8, 1), (2, 8, 9, 0),
    (3, 0, 9, 0), (4, 0, 3, 1), (4, 3, 9, 0), (5, 0, 7, 1), (5, 7, 9, 0),
]  # fmt: skip
ARMS = [0, 1, 0, 1, 0, 1]
NAMES = ("court", "contract", "third")
AT9 = {"at": 9}


def episodes(rows: Any = ROWS, people: Any = 6, **how: Any) -> Episodes:
    person, start, stop, event = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Episodes(person=person, start=start, stop=stop, event=event, people=people, **how)


def trial(rows: Any = ROWS, arm: Any = ARMS, *, unseen: Any = (), **how: Any) -> ce.Trial:
    missing = [person in unseen for person in range(len(arm))]
    return ce.Trial(
        assignment=ce.Assignment(arm=arm, arms=NAMES[: max(arm) + 1], stratum=[0] * len(arm)),
        outcomes={"y": episodes(rows, len(arm), missing=missing)},
        **how,
    )


def covariates() -> dict[str, Covariate]:
    return {
        "age": Covariate(name="age", values=[1.0, np.nan, 3, 4, 2, 5]),
        "suite": Covariate(name="suite", values=[0, 1, 1, 0, 1, 0], levels=("n", "s")),
        "copy": Covariate(name="copy", values=[0.0, 1, 1, 0, 1, 0]),
        "one": Covariate(name="one", values=[1.0] * 6),
    }


def rated(given: ce.Trial, **how: Any) -> ce.Estimate:
    return recurrent_hazard_ratio(given, outcome="y", **how)


def compared(given: ce.Trial, **how: Any) -> ce.Estimate:
    return mean_cumulative_difference(given, outcome="y", **(AT9 | how))


def signed(given: ce.Trial, **how: Any) -> ce.SignificanceTest:
    return mean_cumulative_test(given, outcome="y", **how)


def means(given: ce.Trial, **how: Any) -> Any:
    return mean_cumulative_function(given, outcome="y", **how)


ALL = [rated, compared, signed, means]


def not_estimable(found: ce.Estimate | ce.SignificanceTest, reason: str) -> None:
    """No number at all, and why."""
    assert not found.estimable
    assert reason in found.method
    assert "not estimable: " in str(found)
    if isinstance(found, ce.Estimate):
        numbers = (found.value, found.low, found.high, found.p_value)
    else:
        numbers = (found.statistic, found.p_value)
    assert np.isnan(numbers).all()


@pytest.mark.parametrize(
    ("rows", "people", "match"),
    [
        ([(0, 0, 5, 1), (0, 4, 9, 0)], 1, r"0 and 1 of one person overlap \(0 to 5, and 4 to 9\)"),
        ([(0, 0, 9, 0), (0, 2, 3, 0)], 1, "overlap"),
        ([(0, 0, 5, 1), (0, 0, 5, 1)], 1, "overlap"),
        ([(0, 4, 9, 0), (1, 0, 4, 0), (0, 0, 5, 1)], 2, "2 and 0 of one person overlap"),
        ([(0, 0, 0.1 + 0.2, 1), (0, 0.3 - 1e-9, 1, 1)], 1, "overlap"),
        ([(0, 2, 2, 1)], 1, "Interval 0 runs from 2 to 2; it must have a length above 0"),
        ([(0, 0, 1, 0), (0, 5, 3, 1)], 1, "Interval 1 runs from 5 to 3"),
        ([(0, np.nan, 3, 1)], 1, "Interval 0 runs from nan to 3"),
        ([(0, 0, np.nan, 1)], 1, "from 0 to nan"),
        ([(0, 0, np.inf, 1)], 1, "from 0 to inf"),
        ([(0, -np.inf, 3, 1)], 1, "from -inf to 3"),
        ([(0, -1, 3, 1)], 1, "from -1 to 3"),
        ([(0, -5, -1, 1)], 1, "from -5 to -1"),
        ([(2, 0, 3, 1)], 2, "`person` must be a row from 0 to 1"),
        ([(-1, 0, 3, 1)], 2, "`person` must be a row from 0 to 1"),
    ],
)
def test_intervals_that_cannot_be(rows: Any, people: int, match: str) -> None:
    with pytest.raises(InvalidData, match=match):
        episodes(rows, people)


@pytest.mark.parametrize("short", ["person", "start", "stop", "event", "missing"])
def test_unequal_lengths(short: str) -> None:
    given: dict[str, Any] = {
        "person": [0, 1], "start": [0, 0], "stop": [3, 4], "event": [1, 0], "missing": [0, 0],
    }  # fmt: skip
    given[short] = given[short][:1]
    with pytest.raises(InvalidData, match="one value for each interval, and `missing` one for"):
        Episodes(people=2, **given)


def test_unit_and_size() -> None:
    with pytest.raises(TrialError, match="`unit` is 'fortnights'; choose from 'days'"):
        episodes(unit="fortnights")
    with pytest.raises(InvalidData, match="The assignment has 3 people, but y has 6"):
        ce.Trial(
            assignment=ce.Assignment(arm=[0, 1, 0], arms=NAMES[:2], stratum=[0] * 3),
            outcomes={"y": episodes()},
        )


@pytest.mark.parametrize(
    ("rows", "people", "missing"),
    [
        ([(0, 0, 3, 2)], 1, None),
        ([(0, 0, 3, np.nan)], 1, None),
        ([(0.5, 0, 3, 1)], 1, None),
        ([(0, 0, 3, 1)], 1, [1]),
        ([("a", 0, 3, 1)], 1, None),
        ([], -1, None),
        ([(0, 0, 3, 1)], 1.5, None),
    ],
    ids=["event 2", "event nan", "person 0.5", "missing", "person a", "people -1", "people 1.5"],
)
def test_coercions(rows: Any, people: Any, missing: Any) -> None:
    with pytest.raises(TrialError):
        episodes(rows, people, **({} if missing is None else {"missing": missing}))


def test_the_intervals_given_are_copied_and_kept() -> None:
    start = np.array([0.0, 4, 0])
    seen = Episodes(
        person=[0, 0, 1], start=start, stop=[4, 9, 9], event=[1, 0, 1], people=2, unit="weeks"
    )
    start[1] = 5
    assert seen.start.tolist() == [0, 4, 0]
    with pytest.raises(ValueError, match="read-only"):
        seen.start[0] = 1
    assert seen.unit == "weeks"


def test_unsorted_intervals_give_the_same() -> None:
    one, two = trial(), trial(ROWS[::-1])
    for method in METHODS:
        a, b = rated(one, method=method), rated(two, method=method)
        assert (a.value, a.std_error) == pytest.approx((b.value, b.std_error), nan_ok=True)
        assert a.events == b.events
    assert signed(one).statistic == pytest.approx(signed(two).statistic)
    assert means(one).mean.tolist() == means(two).mean.tolist()


@pytest.mark.xfail(reason="two times; TimeToEvent and the models of rates make them one, as R does")
def test_times_equal_up_to_rounding_are_one() -> None:
    rows = [(0, 0, 0.1 + 0.2, 1), (2, 0, 0.3, 1), *((other, 0, 1, 0) for other in (1, 3, 4, 5))]
    assert means(trial(rows)).time.tolist() == pytest.approx([0.3])


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


SINGLE = [
    ce.hazard_ratio, ce.fit_cox, ce.logrank_test, ce.survival_curve, ce.risk_difference,
    ce.risk_ratio, ce.odds_ratio, cumulative_incidence, maxcombo_test, proportional_hazards_test,
    subdistribution_hazard_ratio,
    lambda given, **how: ce.survival_difference(given, at=5, **how),
    lambda given, **how: ce.restricted_mean(given, horizon=5, **how),
]  # fmt: skip


@pytest.mark.parametrize("verb", SINGLE)
def test_repeated_events_are_refused_elsewhere(verb: Any) -> None:
    with pytest.raises(TrialError, match="'y' is of repeated events; use `recurrent_hazard_ratio`"):
        verb(trial(), outcome="y")


@pytest.mark.parametrize("verb", ALL)
def test_not_a_trial(verb: Any) -> None:
    with pytest.raises(TrialError, match="`trial` must be a `Trial`, got NoneType"):
        verb(None)


@pytest.mark.parametrize("method", METHODS)
def test_no_events(method: Any) -> None:
    none = trial([(person, 0, 9, 0) for person in range(6)])
    not_estimable(rated(none, method=method), "no events")
    assert rated(none, method=method).events == (0, 0)
    for measure in ("difference", "ratio"):
        not_estimable(compared(none, measure=measure), "no events")
    not_estimable(signed(none), "no events")
    assert means(none).time.tolist() == []
    assert means(none).mean.shape == (2, 0)
    assert "no events" in str(means(none))
    assert len(means(none).to_frame()) == 0


@pytest.mark.parametrize("arm", [0, 1])
@pytest.mark.parametrize("method", METHODS)
def test_events_in_one_arm_only(method: Any, arm: int) -> None:
    """No huge ratio; the difference and the test still have an answer."""
    given = trial(
        [(who, start, stop, event and who % 2 == arm) for who, start, stop, event in ROWS]
    )
    found = rated(given, method=method)
    not_estimable(found, "no finite maximum")
    assert found.events == ((4, 0), (0, 2))[arm]
    not_estimable(compared(given, measure="ratio"), "none in an arm")
    difference, test = compared(given), signed(given)
    assert np.isfinite([difference.value, difference.low, difference.high]).all()
    sign = 1 if arm else -1
    assert sign * difference.value > 0
    assert sign * test.statistic > 0
    found = means(given)
    assert not found.mean[1 - arm].any()
    assert np.isnan(found.low[1 - arm]).all()


ONE_EACH = ([(0, 0, 4, 1), (0, 4, 9, 0), (1, 0, 6, 1), (1, 6, 9, 1)], [0, 1])
ALL_ALIKE = ([(person, 0, 9, 1) for person in range(6)], ARMS)


@pytest.mark.parametrize("method", METHODS)
def test_one_person_an_arm(method: Any) -> None:
    not_estimable(rated(trial(*ONE_EACH), method=method), "no variance by person")
    assert not compared(trial(*ONE_EACH)).estimable
    assert not signed(trial(*ONE_EACH)).estimable
    assert means(trial(*ONE_EACH)).mean.tolist() == [[1, 1, 1], [0, 1, 2]]


@pytest.mark.parametrize("given", [ONE_EACH, ALL_ALIKE], ids=["one each", "all alike"])
def test_no_variance_no_interval(given: Any) -> None:
    """Not 2 (95% interval 2 to 2), p = 0 from one person an arm."""
    found = rated(trial(*given))
    assert not found.estimable or found.high - found.low > 1e-6


@pytest.mark.parametrize("verb", [compared, signed])
@pytest.mark.parametrize("given", [ONE_EACH, ALL_ALIKE], ids=["one each", "all alike"])
def test_no_variance_is_the_reason(given: Any, verb: Any) -> None:
    found = verb(trial(*given))
    assert not found.estimable
    assert "no events" not in found.method


def test_someone_without_an_interval() -> None:
    """Known, but never at risk: counted among people, in no risk set."""
    gone = [row for row in ROWS if row[0] != 3]
    given, without = trial(gone), trial(gone, unseen=[3])
    assert rated(given).value == pytest.approx(rated(without).value)
    assert rated(given).std_error == pytest.approx(rated(without).std_error)
    assert (rated(given).n, rated(given).missing) == ((3, 3), (0, 0))
    assert (rated(without).n, rated(without).missing) == ((3, 2), (0, 1))
    assert means(given).at_risk[1].max() == 2
    assert signed(given).statistic == pytest.approx(signed(without).statistic)
    assert given.to_frame()["y"].tolist() == [1, 1, 2, 0, 1, 1]


@pytest.mark.parametrize("verb", ALL)
def test_nobody_with_an_interval(verb: Any) -> None:
    with pytest.raises(ImpossibleDesign, match="Nobody compared has an interval at risk of 'y'"):
        verb(trial([]))


@pytest.mark.parametrize("method", METHODS)
def test_an_arm_without_intervals(method: Any) -> None:
    """As unknown people, or as people never at risk."""
    treated = [row for row in ROWS if row[0] % 2]
    assert not rated(trial(treated), method=method).estimable
    with pytest.raises(TrialError):
        compared(trial(treated))
    assert not signed(trial(treated)).estimable
    unknown = trial(treated, unseen=[0, 2, 4])
    for verb in (rated, compared, signed):
        with pytest.raises(ImpossibleDesign, match="court"):
            verb(unknown)


@pytest.mark.parametrize("at", [np.nan, 0, -1, np.inf, "9", True, None, [9]])
def test_times_that_are_none(at: Any) -> None:
    with pytest.raises(TrialError, match="`at` must be a finite number above 0, got"):
        compared(trial(), at=at)


def test_times_beyond_follow_up() -> None:
    """Of either arm: control here is seen until day 9, treatment until day 12."""
    longer = [*ROWS, (5, 9, 12, 0)]
    assert compared(trial(longer), at=9).estimable
    with pytest.raises(
        ImpossibleDesign, match=r"`at` is 9\.5 days, beyond the follow-up of arm 'court', .* most 9"
    ):
        compared(trial(longer), at=9.5)
    with pytest.raises(ImpossibleDesign, match="beyond the follow-up of arm 'contract'"):
        compared(trial(longer, [1 - arm for arm in ARMS]), at=12)


def test_times_before_any_event() -> None:
    not_estimable(compared(trial(), at=1), "no events")
    not_estimable(compared(trial(), at=1, measure="ratio"), "no events")
    not_estimable(compared(trial(), at=5, measure="ratio"), "none in an arm")


def test_three_arms() -> None:
    three = trial(ROWS, [0, 1, 2, 0, 1, 2])
    for verb in (rated, compared):
        with pytest.raises(
            TrialError, match=r"3 arms; name the one .* in `arm`: 'contract', 'third'"
        ):
            verb(three)
        with pytest.raises(UnknownColumn, match="did you mean 'third'"):
            verb(three, arm="thrid")
        with pytest.raises(TrialError):
            verb(three, arm="court")
        found = verb(three, arm="third")
        moved = {0: 0, 2: 1, 3: 2, 5: 3}
        pair = trial([(moved[row[0]], *row[1:]) for row in ROWS if row[0] in moved], [0, 1, 0, 1])
        alone = verb(pair)
        assert found.value == pytest.approx(alone.value)
        assert found.std_error == pytest.approx(alone.std_error)
        assert found.contrast == ("third", "court")
        assert (found.n, found.events) == (alone.n, alone.events) == ((2, 2), (1, 3))
    with pytest.raises(TrialError, match="compares two arms, the trial has 3"):
        signed(three)
    assert means(three).arms == NAMES
    assert means(three).mean[:, -1].tolist() == [0.5, 1, 1.5]


@pytest.mark.parametrize(
    ("verb", "how", "match"),
    [
        (rated, {"method": "anderson-gill"}, "`method` is .* did you mean 'andersen-gill'"),
        (rated, {"method": "pwp_gap"}, "did you mean 'pwp-gap'"),
        (
            rated,
            {"method": "frailty"},
            "choose from 'andersen-gill', 'pwp-total', 'pwp-gap', 'wlw'",
        ),
        (rated, {"method": None}, "`method` is None; choose from"),
        (rated, {"ties": "exact"}, "`ties` is 'exact'; choose from 'efron', 'breslow'"),
        (rated, {"level": 95}, "strictly between 0 and 1, got 95"),
        (compared, {"level": 0}, "strictly between 0 and 1"),
        (means, {"level": np.nan}, "strictly between 0 and 1"),
        (compared, {"measure": "rato"}, "`measure` is 'rato'; did you mean 'ratio'"),
        (rated, {"analysis_set": "per-protocol"}, "needs the arm received"),
        (means, {"analysis_set": "all"}, "analysis set 'all' is not known"),
        (signed, {"analysis_set": "all"}, "analysis set 'all' is not known"),
        (rated, {"adjust": "agee"}, "'agee' is not known; did you mean 'age'"),
        (rated, {"adjust": "y"}, "baseline column 'y' is not known"),
        (rated, {"strata": "suit"}, "'suit' is not known; did you mean 'suite'"),
        (rated, {"strata": "age"}, "'age' is missing for 1 people"),
        (rated, {"adjust": "one"}, "'one' is constant among the 6 people"),
        (rated, {"adjust": ["copy", "copy"]}, "'copy' is named twice"),
        (rated, {"adjust": ["copy", "suite"]}, "is a combination of the columns before it"),
    ],
)
def test_arguments(verb: Any, how: Any, match: str) -> None:
    with pytest.raises(TrialError, match=match):
        verb(trial(columns=covariates(), covariates=("age", "suite")), **how)


@pytest.mark.parametrize("verb", ALL)
def test_an_unknown_outcome(verb: Any) -> None:
    given = ce.Trial(assignment=trial().assignment, outcomes={"z": episodes()})
    with pytest.raises(UnknownColumn, match="outcome 'y' is not known"):
        verb(given)


def test_people_without_a_covariate_are_left_out_and_counted() -> None:
    found = rated(trial(columns=covariates()), adjust="age")
    known = [row for row in ROWS if row[0] != 1]
    other = rated(trial(known, unseen=[1], columns=covariates()), adjust="age")
    assert (found.value, found.std_error) == (other.value, other.std_error)
    assert (found.n, found.events, found.missing) == ((3, 2), (4, 1), (0, 1))
    assert found.adjusted_for == ("age",)


def test_a_column_in_both_adjust_and_strata() -> None:
    with pytest.raises(TrialError, match="'suite' stands in both `adjust` and `strata`; keep one"):
        rated(trial(columns=covariates()), adjust="suite", strata="suite")


def test_a_covariate_constant_within_strata() -> None:
    """It adds nothing: a refusal, no answer, or the stratified answer, as R coxph has it."""
    given = trial(columns=covariates())
    try:
        found = rated(given, adjust="copy", strata="suite")
    except TrialError:
        return
    assert not found.estimable or found.value == pytest.approx(rated(given, strata="suite").value)


def test_analysis_sets() -> None:
    """Per protocol leaves person 3 out."""
    given = trial(received=[0, 1, 0, 0, 0, 1])
    kept = trial([row for row in ROWS if row[0] != 3], unseen=[3])
    for verb in (rated, compared):
        found, alone = verb(given, analysis_set="per-protocol"), verb(kept)
        assert (found.value, found.std_error) == pytest.approx((alone.value, alone.std_error))
        assert (found.n, found.events, found.missing) == ((3, 2), (4, 2), (0, 0))
        assert found.analysis_set == "per-protocol"
    found = signed(given, analysis_set="per-protocol")
    assert found.statistic == pytest.approx(signed(kept).statistic)
    assert means(given, analysis_set="per-protocol").at_risk[1].max() == 2
    assert rated(given, analysis_set="as-treated").n == (4, 2)


def test_the_frame_has_a_count_a_person() -> None:
    frame = trial(unseen=[1], rows=[row for row in ROWS if row[0] != 1]).to_frame()
    assert frame["y"].isna().tolist() == [False, True, False, False, False, False]
    assert frame["y"].dropna().tolist() == [1, 2, 0, 1, 1]
    assert frame["arm"].tolist() == ["court", "contract"] * 3


def _changed(place: int, value: Any) -> list[Any]:
    row = list(ROWS[8])  # the last interval of person 4, from 3 to 9
    row[place] = value
    return [*ROWS[:8], tuple(row), *ROWS[9:]]


@pytest.mark.parametrize(
    "other",
    [
        trial(_changed(0, 3)[:6] + _changed(0, 3)[7:]),
        trial(_changed(1, 3.5)),
        trial(_changed(2, 8.5)),
        trial(_changed(3, 1)),
        trial(ROWS[:-1]),
        trial(ROWS, [0, 1, 0, 1, 1, 0]),
        trial(unseen=[3], rows=[row for row in ROWS if row[0] != 3]),
        trial([row for row in ROWS if row[0] != 3]),
        ce.Trial(assignment=trial().assignment, outcomes={"y": episodes(unit="weeks")}),
        ce.Trial(assignment=trial().assignment, outcomes={"z": episodes()}),
        ce.Trial(
            assignment=trial().assignment,
            outcomes={"y": episodes()},
            columns={"copy": covariates()["copy"]},
        ),
        ce.Trial(
            assignment=trial().assignment,
            outcomes={
                "y": ce.TimeToEvent(time=[4, 9, 6, 9, 3, 7], event=[1, 1, 1, 0, 1, 1]),
            },
        ),
    ],
    ids=[
        "person", "start", "stop", "event", "rows", "arm", "missing", "no interval", "unit",
        "name", "column", "kind",
    ],
)  # fmt: skip
def test_any_change_changes_the_digest(other: ce.Trial) -> None:
    assert other.digest != trial().digest
    assert len(other.digest) == 64


def test_the_two_ways_of_never_being_at_risk_differ_in_digest() -> None:
    gone = [row for row in ROWS if row[0] != 3]
    assert trial(gone).digest != trial(gone, unseen=[3]).digest


def test_the_digest_is_the_same_again() -> None:
    given = trial()
    assert trial().digest == given.digest
    again = pickle.loads(pickle.dumps(given))
    assert again.digest == given.digest
    assert rated(again) == rated(given)


def test_provenance_is_kept() -> None:
    source = Provenance(
        definition="arrests", index="release", extract_date="2020-01-01", digest="d"
    )
    given = ce.Trial(assignment=trial().assignment, outcomes={"y": episodes(provenance=source)})
    assert given.outcome("y").provenance == source


def test_randomisation_tests_read_the_counts() -> None:
    """Means 4/3 and 2/3; 12 of the 20 splits of 1, 1, 2, 0, 1, 1 differ by as much."""
    rng = np.random.default_rng(1)
    with pytest.raises(TrialError, match=r"'y' .* use statistic='mean difference'"):
        ce.randomisation_test(trial(), outcome="y", rng=rng)
    with pytest.raises(TrialError, match="use statistic='mean difference'"):
        ce.randomisation_test(trial(), outcome="y", statistic="risk difference", rng=rng)
    found = ce.randomisation_test(trial(), outcome="y", statistic="mean difference", rng=rng)
    assert found.statistic == pytest.approx(-2 / 3)
    assert found.exact
    assert found.p_value == pytest.approx(12 / 20)
    unseen = trial([row for row in ROWS if row[0] != 2], unseen=[2])
    found = ce.randomisation_test(unseen, outcome="y", statistic="mean difference", rng=rng)
    assert found.statistic == pytest.approx(2 / 3 - 1)
    assert (found.n, found.missing) == ((2, 3), (1, 0))


@pytest.mark.parametrize("outcome", [episodes(), OTHERS["n"]], ids=["episodes", "numeric"])
@pytest.mark.parametrize("beside", [False, True])
def test_evaluating_without_a_protocol(outcome: Any, beside: bool) -> None:
    """Results, or a refusal that names the outcome."""
    outcomes = ({"t": OTHERS["t"]} if beside else {}) | {"y": outcome}
    given = ce.Trial(assignment=trial().assignment, outcomes=outcomes)
    try:
        found = ce.evaluate(given)
    except TrialError as error:
        assert "'y'" in str(error)  # noqa: PT017
    else:
        assert found.results
