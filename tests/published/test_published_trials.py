"""Published trials as the library ships them, against what was printed of them.

examples/published_trials.py holds every printed figure against ours; here are the counts, the
effects that turn on them, and the files themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.cohort import published_figures
from checkpoint_eval.models import complier_average_effect, effects_by_analysis
from checkpoint_eval.outcomes import ogrs3


def printed(*values: float, digits: int) -> object:
    """Equal as far as printed."""
    return pytest.approx(values if len(values) > 1 else values[0], abs=0.5000001 * 10**-digits)


def cells(trial: ce.Trial) -> dict[tuple[str, str], tuple[int, int]]:
    """Failures and people by the arm assigned and the arm received."""
    failed = trial.outcome("failure")
    assert isinstance(failed, ce.BinaryOutcome)
    pairs = list(zip(trial.assignment.arm.tolist(), trial.received.tolist(), strict=True))
    return {
        (trial.arms[a], trial.arms[d]): (
            sum(y for pair, y in zip(pairs, failed.value.tolist(), strict=True) if pair == (a, d)),
            pairs.count((a, d)),
        )
        for a, d in sorted(set(pairs))
    }


def test_minneapolis_of_berk_and_sherman() -> None:
    """10/92 against 47/221 as assigned, 18/135 against 39/178 as delivered: FACTS 2.4 (a)."""
    trial = ce.load_minneapolis()
    assert cells(trial) == {
        ("advise or separate", "advise or separate"): (39, 177),
        ("advise or separate", "arrest"): (8, 44),
        ("arrest", "advise or separate"): (0, 1),
        ("arrest", "arrest"): (10, 91),
    }
    delivered = ce.risk_difference(trial, outcome="failure", analysis_set="as-treated")
    assert (delivered.events, delivered.n) == ((39, 18), (178, 135))
    # Aggravating circumstances: 7/64 and 3/28 under arrest, 26/131 and 21/90 otherwise.
    found = trial.to_frame().groupby(["arm", "aggravating"])["failure"].agg(["sum", "size"])
    assert found.loc["arrest"].to_numpy().tolist() == [[3, 28], [7, 64]]
    assert found.loc["advise or separate"].to_numpy().tolist() == [[21, 90], [26, 131]]


def test_minneapolis_in_three_arms() -> None:
    """Arrest 10/92, advise 21/108, separate 26/113; logit -.8963 (.4027) and -.2136 (.3303)."""
    trial = ce.load_minneapolis(version="three-arm")
    assert trial.arms == ("separate", "arrest", "advise")
    for arm, logit, error in (("arrest", -0.8963, 0.4027), ("advise", -0.2136, 0.3303)):
        found = ce.odds_ratio(trial, outcome="failure", interval="wald", arm=arm)
        assert (np.log(found.value), found.std_error) == printed(logit, error, digits=4)
        assert (found.events[0], found.n[0]) == (26, 113)
    assert (found.events[1], found.n[1]) == (21, 108)
    apart = {key: n for key, (_, n) in cells(trial).items()}
    assert apart == {
        ("arrest", "arrest"): 91,
        ("arrest", "separate"): 1,
        ("advise", "arrest"): 18,
        ("advise", "advise"): 84,
        ("advise", "separate"): 6,
        ("separate", "arrest"): 26,
        ("separate", "advise"): 5,
        ("separate", "separate"): 82,
    }


def test_minneapolis_of_angrist() -> None:
    """9/91, 0/1, 7/45, 40/177: first stage .78643, effect .14481 (.06004; robust .052694)."""
    trial = ce.load_minneapolis(version="angrist")
    assert cells(trial) == {
        ("advise or separate", "advise or separate"): (40, 177),
        ("advise or separate", "arrest"): (7, 45),
        ("arrest", "advise or separate"): (0, 1),
        ("arrest", "arrest"): (9, 91),
    }
    for variance, error, digits in (("classical", 0.06004, 5), ("HC0", 0.052694, 6)):
        found = complier_average_effect(trial, outcome="failure", variance=variance)  # type: ignore[arg-type]
        assert -found.value == printed(0.14481, digits=5)
        assert found.std_error == printed(error, digits=digits)
    assert "78.6% comply" in found.method
    assert trial.covariates == ()


def test_the_other_way_to_share_out_angrists_failures() -> None:
    """8/91, 1/1, 8/45, 39/177 has the same margins, but a robust error of .05225737."""
    arm, got, n, events = np.array([(1, 1, 91, 8), (1, 0, 1, 1), (0, 1, 45, 8), (0, 0, 177, 39)]).T
    people = pd.DataFrame({"arm": np.repeat(arm, n), "got": np.repeat(got, n)})
    people["failed"] = np.concatenate([np.arange(m) < x for m, x in zip(n, events, strict=True)])
    trial = ce.Trial.from_frame(
        people, arm="arm", control=0, received="got", binary={"failure": "failed"}
    )
    found = complier_average_effect(trial, outcome="failure", variance="HC0")
    assert found.std_error == printed(0.05225737, digits=8)


def test_the_verdict_on_arrest_flips() -> None:
    """As assigned p is .036; as delivered .056 (Fisher), and no interval there is of an effect."""
    found = effects_by_analysis(ce.load_minneapolis(), outcome="failure")
    assert found.intention_to_treat.p_value == printed(0.0360, digits=4)
    assert found.intention_to_treat.high < 0 < found.as_treated.high
    assert found.complier.value < found.intention_to_treat.value < found.as_treated.value


def test_milwaukee() -> None:
    """17/756 against 3/372: 2.79 (90 % 1.0007 to 7.7696); 70/754 against 21/371: 1.64."""
    killed = ce.risk_ratio(ce.load_milwaukee(), outcome="homicide", interval="wald", level=0.90)
    assert (killed.events, killed.n) == ((3, 17), (372, 756))
    assert (killed.low, killed.high) == printed(1.0007, 7.7696, digits=4)
    trial = ce.load_milwaukee(whose="victims")
    assert list(trial.outcomes) == ["death (reconstructed)"]
    dead = ce.risk_ratio(trial, outcome="death (reconstructed)", interval="wald")
    assert (dead.events, dead.n) == ((21, 70), (371, 754))
    assert (dead.value, sum(dead.n), sum(dead.events)) == (printed(1.64, digits=2), 1125, 91)
    assert "reconstructed" in repr(dead)


def test_milwaukee_was_drawn_two_to_one() -> None:
    trial = ce.load_milwaukee()
    assert ce.sample_ratio_test(trial, ratio=(1, 2)).p_value > 0.5
    assert ce.sample_ratio_test(trial).p_value < 1e-10


def test_recid() -> None:
    """Everyone of the data the models are checked on: 1,445 people, 552 returned, 80,013 months."""
    trial = ce.load_recid()
    table = pd.read_csv(Path(__file__).parent.parent / "data" / "recid.csv")
    outcome = trial.outcome("return")
    assert isinstance(outcome, ce.TimeToEvent)
    assert (trial.n, int(outcome.event.sum()), outcome.time.sum()) == (1445, 552, 80_013)
    assert (outcome.unit, outcome.time.max()) == ("months", 81)
    assert np.array_equal(outcome.time, table["durat"])
    assert np.array_equal(outcome.event, table["cens"] == 0)
    assert np.array_equal(trial.assignment.arm, table["workprg"])
    assert len(trial.covariates) == 9
    for name in trial.covariates:
        assert np.array_equal(trial.column(name).values, table[name]), name


@pytest.mark.parametrize("load", [ce.load_minneapolis, ce.load_milwaukee, ce.load_recid])
def test_nothing_was_promised(load: Any) -> None:
    """Results are exploratory, as nobody wrote a protocol; nobody is missing."""
    trial = load()
    assert trial.protocol is None
    assert not any(each.missing.any() for each in trial.outcomes.values())


def test_another_version() -> None:
    with pytest.raises(ce.TrialError, match=r"`version` is 'angist'; did you mean 'angrist'\?"):
        ce.load_minneapolis(version="angist")  # type: ignore[arg-type]
    with pytest.raises(ce.TrialError, match=r"`whose` is 'officers'; choose from 'suspects'"):
        ce.load_milwaukee(whose="officers")  # type: ignore[arg-type]


def test_every_figure_has_a_source() -> None:
    figures = published_figures()
    assert figures.columns.tolist() == ["trial", "figure", "value", "status", "source"]
    assert not figures.isna().to_numpy().any()
    assert not figures.duplicated(["trial", "figure"]).any()
    assert set(figures["status"]) == {"printed", "recomputed", "derived", "given"}
    assert np.isfinite(figures["value"].astype(float)).all()
    assert (figures["source"].str.len() > 20).all()
    assert "0.0360" in figures["value"].tolist()  # as text, so that the last digit is known


# The tests of a public JavaScript calculator: a man of 20, violence, all dates equal; FACTS 3.6.
MEN = [
    (0.12161553504714574, 0.22130521140511314),
    (0.3158120100020924, 0.48651769565917),
    (0.43393890261473633, 0.6114342480551298),
    (0.5235145926731712, 0.6928061177628605),
    (0.5922581047904114, 0.7488430658491833),
]


def test_ogrs3_of_five_men() -> None:
    for years in (1, 2):
        found = ogrs3(
            20,
            sex="male",
            offence="violence",
            previous_sanctions=range(5),
            age_at_conviction=20,
            age_at_first_sanction=20,
            years=years,  # type: ignore[arg-type]
        )
        # The same sum in another order.
        assert found == pytest.approx([each[years - 1] for each in MEN], rel=1e-14)


def test_ogrs3_of_a_woman() -> None:
    """Criminal damage at 37, first sanction at 14, three before; at risk from 43."""
    found = [
        ogrs3(
            43,
            sex="female",
            offence="criminal damage",
            previous_sanctions=3,
            age_at_conviction=37,
            age_at_first_sanction=14,
            years=years,  # type: ignore[arg-type]
        ).item()
        for years in (1, 2)
    ]
    assert tuple(found) == printed(0.109661, 0.201803, digits=6)
