"""Withheld counts as values, bad input, and that what is written holds what is protected."""

from __future__ import annotations

import copy
import pickle
import warnings
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval import report
from checkpoint_eval.design import Screening
from checkpoint_eval.errors import TrialError
from checkpoint_eval.report import (
    Disclosure,
    Withheld,
    differencing,
    disclosure_protecting,
    protect,
)

FEW = Withheld(below=10)


def test_a_withheld_count_prints_itself() -> None:
    assert (str(FEW), repr(Withheld()), f"{FEW:,}", f"{FEW:>5}") == (
        "<10",
        "withheld",
        "<10",
        "  <10",
    )
    assert f"{Withheld():.1f}" == "withheld"


def test_it_is_missing_in_a_frame_and_in_json() -> None:
    frame = pd.DataFrame({"n": [250, FEW], "all": [FEW, Withheld()]})
    assert frame["n"].isna().tolist() == [False, True]
    assert frame.to_csv(index=False) == "n,all\n250.0,\n,\n"
    assert np.isnan(FEW)


def test_whatever_is_computed_from_it_is_withheld() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert sum((FEW,)) == FEW
        assert sum((240, FEW)) == Withheld()
        assert FEW - 1 == 1 - FEW == FEW * 2 == FEW / 3 == -FEW == Withheld()
        assert not FEW > 3
        assert not (np.array([FEW, FEW], dtype=object) > 0).any()
    for refused in (int, round, range):
        with pytest.raises(TrialError, match="no whole number"):
            refused(FEW)


def test_it_is_a_value() -> None:
    assert FEW == Withheld(below=10) != Withheld(below=5)
    assert Withheld() != FEW
    assert hash(FEW) == hash(Withheld(below=10))
    assert pickle.loads(pickle.dumps(FEW)) == copy.deepcopy(FEW) == FEW
    with pytest.raises(AttributeError, match="cannot change"):
        FEW.below = 3
    for below in (1, 0, True, "ten"):
        with pytest.raises(TrialError, match="`below` must be a whole number of at least 2"):
            Withheld(below=below)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [0, 1, -5, 2.5, float("nan"), True, "10", None])
def test_a_threshold_is_a_whole_number_of_at_least_two(threshold: Any) -> None:
    with pytest.raises(TrialError, match="`threshold` must be a whole number of at least 2"):
        Disclosure(threshold=threshold, round_to=1)


@pytest.mark.parametrize("round_to", [0, -1, 2.5, float("nan"), "5", None])
def test_rounding_is_to_a_whole_number(round_to: Any) -> None:
    with pytest.raises(TrialError, match="`round_to` must be a whole number of at least 1"):
        Disclosure(round_to=round_to)


@pytest.mark.parametrize("round_to", [3, 7, 15, 20])
def test_rounding_that_leads_below_the_threshold_is_refused(round_to: int) -> None:
    with pytest.raises(TrialError, match=r"does not divide the threshold of 10, .* give a divisor"):
        Disclosure(threshold=10, round_to=round_to)


def test_the_rule_tells_itself() -> None:
    assert "below 10 are withheld" in Disclosure().told
    assert "nearest 5" in Disclosure().told
    assert "told as it is" in Disclosure(round_to=1).told
    assert "below 7" in Disclosure(threshold=7, round_to=7).told


def test_protecting_takes_an_evaluation_and_a_rule(evaluation: ce.Evaluation) -> None:
    with pytest.raises(TrialError, match="takes an `Evaluation` and a `Disclosure`, got str"):
        protect("evaluation")  # type: ignore[arg-type]
    with pytest.raises(TrialError, match="and int"):
        protect(evaluation, 10)  # type: ignore[arg-type]
    told = protect(evaluation)
    with pytest.raises(TrialError, match=r"was protected by Disclosure.threshold=10"):
        protect(told, Disclosure(threshold=5, round_to=5))
    with pytest.raises(TrialError, match="`differencing` compares two evaluations, got Flow"):
        differencing(evaluation, evaluation.flow)  # type: ignore[arg-type]


def test_every_part_of_an_evaluation_has_a_rule(
    evaluation: ce.Evaluation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new field is refused until somebody has thought of its protection."""
    known = [each for each in disclosure_protecting.SINGLE if each != "pathways"]
    monkeypatch.setattr(disclosure_protecting, "SINGLE", known)
    with pytest.raises(TrialError, match="`pathways` of an evaluation has no rule"):
        protect(evaluation)


def test_the_screening_of_a_protocol_is_not_told(evaluation: ce.Evaluation) -> None:
    promised = evaluation.protocol
    assert promised is not None
    screened = Screening(assessed=435, excluded={"too old": 3})
    told = protect(replace(evaluation, protocol=replace(promised, screening=screened)))
    assert told.protocol == replace(promised, screening=None)
    assert "too old" not in told.to_json()
    assert protect(evaluation).protocol_digest == evaluation.protocol_digest
    assert protect(evaluation).protected == Disclosure()
    assert evaluation.protected is None


def test_figures_are_drawn_from_what_is_told(evaluation: ce.Evaluation) -> None:
    told = protect(evaluation)
    axes = report.flow_diagram(told.flow)
    texts = " ".join(each.get_text() for each in axes.texts)
    assert "Randomised: 430" in texts
    assert "215" in texts
    assert "216" not in texts
    risk = report.plot_survival(told.curves[0]).child_axes[0]
    counts = [int(each.get_text()) for each in risk.texts if each.get_text().isdigit()]
    assert counts
    assert all(each % 5 == 0 for each in counts)
    few = replace(told.flow, steps=(replace(told.flow.steps[0], counts=(215, FEW)),))
    assert "<10" in " ".join(each.get_text() for each in report.flow_diagram(few).texts)


def test_a_rule_without_rounding_tells_large_counts_as_they_are(evaluation: ce.Evaluation) -> None:
    told = protect(evaluation, Disclosure(threshold=10, round_to=1))
    assert told.flow.steps[0].counts == (216, 216)
    assert told.results[0].value.events == evaluation.results[0].value.events
