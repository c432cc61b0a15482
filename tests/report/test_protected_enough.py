"""What protecting need not take: a report that tells nothing is a failure too."""

from __future__ import annotations

from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import checkpoint_eval as ce
from checkpoint_eval import models, report
from checkpoint_eval.models.pathway_overlap import CoOccurrence
from checkpoint_eval.report import Disclosure, protect
from checkpoint_eval.report.disclosure_effects import _phi_told

N = 300


def evaluated(**columns: np.ndarray) -> ce.Evaluation:
    """Return an evaluation of three arms of a hundred, one after the other."""
    arm = np.array(["court", "short", "long"])[np.arange(N) % 3]
    frame = pd.DataFrame({"arm": arm, "any": (np.arange(N) % 5 < 2).astype(int), **columns})
    trial = ce.Trial.from_frame(
        frame,
        arm="arm",
        control="court",
        arms=("court", "short", "long"),
        binary={"any": "any"},
        covariates=list(columns),
    )
    return ce.evaluate(trial, progress=iter)


def test_what_one_arm_hides_does_not_hide_the_balance_of_others() -> None:
    """Three of a hundred in one arm had been arrested; in the two others a third had."""
    before = (np.arange(N) % 7 * 1.0) + 0.5
    site = np.where(np.arange(N) % 2 == 0, "north", "south").astype(object)
    long = np.arange(N) % 3 == 2
    before[long] = 0
    before[[2, 5, 8]] = 1, 2, 1
    site[long] = "north"
    site[[2, 5, 8]] = "south"
    told = protect(evaluated(before=before, site=site))
    hidden = {(row.covariate, row.arm) for row in told.baseline.rows if np.isnan(row.mean)}
    assert hidden == {("before", "long"), ("site", "long")}
    apart = {
        (row.covariate, row.level, table.contrast[0]): row.difference
        for table in told.balance
        for row in table.rows
    }
    assert {each[2] for each in apart} == {"short", "long"}
    untold = {(place[0], place[2]) for place, gap in apart.items() if np.isnan(gap)}
    assert untold == hidden


def test_few_in_a_smaller_set_do_not_hide_the_amounts_of_everyone() -> None:
    """Twelve of a hundred had some harm, as randomised; eight of those treated as assigned."""
    odd = np.arange(200) % 2 == 1
    control = np.flatnonzero(~odd)
    harm = np.where(odd, np.arange(200) % 9, 0.0)
    harm[control[:12]] = np.arange(12) + 3
    got = odd.astype(int)
    got[control[:4]] = got[control[40:60]] = 1
    frame = pd.DataFrame({"arm": odd.astype(int), "harm": harm, "got": got})
    trial = ce.Trial.from_frame(
        frame, arm="arm", control=0, numeric={"harm": "harm"}, received="got"
    )
    results = tuple(
        report.Result(value=models.mean_difference(trial, outcome="harm", analysis_set=each))
        for each in ("itt", "per-protocol")
    )
    whole = replace(ce.evaluate(trial, progress=iter), results=results, sensitivity=())
    told = protect(whole)
    assert [each.value.estimable for each in told.results] == [True, False]
    # 3 + 4 + ... + 14 = 102 days of a hundred people.
    assert told.results[0].value.by_arm[0] == pytest.approx(1.02)
    assert "those of fewer than 10" in told.results[1].value.method
    assert not np.isnan(told.inequality[0].gini).any()


def together(both: int, first: int, second: int, neither: int) -> CoOccurrence:
    """Return two needs and how many had both, one of them, and neither."""
    counts = np.array([both, first, second, neither])
    need = np.array([[True, True], [True, False], [False, True], [False, False]])
    n11, n10, n01, n00 = counts
    sides = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
    phi = (n11 * n00 - n10 * n01) / np.sqrt(sides)
    return CoOccurrence(
        pathways=("home", "drugs"),
        assessed=np.full(2, counts.sum()),
        need=np.array([n11 + n10, n11 + n01]),
        phi=np.array([[1, phi], [phi, 1]]),
        combinations=need,
        counts=counts,
        incomplete=0,
    )


def test_phi_is_told_where_enough_have_both_and_without_the_sign_of_a_nothing() -> None:
    # 60·240 less 60·241: φ = −0.0004, and 0 as printed. "-0.0" would say fewer than by chance.
    found = together(60, 60, 241, 240)
    assert -0.05 < found.phi[0, 1] < 0
    told = _phi_told(found, Disclosure())
    assert told[0, 1] == 0
    assert not np.signbit(told).any()
    # With 5 who have both, of 45 and 24 of 1,000, φ to one decimal leaves the one or two next.
    assert np.isnan(_phi_told(together(5, 40, 19, 936), Disclosure())[0, 1])


@pytest.mark.parametrize(("decimals", "shown"), [(1, "0.1"), (4, "0.07")])
def test_phi_is_drawn_with_the_digits_that_are_told(decimals: int, shown: str) -> None:
    found = together(70, 60, 200, 240)
    phi = np.round(found.phi, decimals)
    drawn = report.plot_phi(replace(found, phi=phi))
    assert shown in {each.get_text() for each in drawn.texts}
    plt.close("all")
