"""The baseline table, worked by hand."""

import pandas as pd
import pytest

import checkpoint_eval as ce
from checkpoint_eval.balance import baseline_table

# Ages of control: 20, 30, 34; of treatment: 18, 22 and one unknown. Two of three are women in
# control, none of three in treatment.
PEOPLE = pd.DataFrame(
    {
        "arm": [0, 0, 0, 1, 1, 1],
        "age": [20.0, 30.0, 34.0, 18.0, 22.0, None],
        "sex": ["woman", "man", "woman", "man", "man", "man"],
    }
)
TRIAL = ce.Trial.from_frame(PEOPLE, arm="arm", control=0, covariates=["age", "sex"])


def test_numbers() -> None:
    rows = {row.arm: row for row in baseline_table(TRIAL).rows if row.covariate == "age"}
    control, treatment = rows["control"], rows["treatment"]
    assert (control.known, control.missing) == (3, 0)
    assert control.mean == pytest.approx(28)  # (20 + 30 + 34)/3
    assert control.sd == pytest.approx(52**0.5)  # (64 + 4 + 36)/2 = 52
    assert (control.lower_quartile, control.median, control.upper_quartile) == (25, 30, 32)
    assert (treatment.known, treatment.missing) == (2, 1)
    assert treatment.mean == pytest.approx(20)
    assert treatment.sd == pytest.approx(8**0.5)  # (4 + 4)/1


def test_shares() -> None:
    counts = {
        (row.arm, row.level): (row.count, row.share)
        for row in baseline_table(TRIAL).rows
        if row.covariate == "sex"
    }
    assert counts == {
        ("control", "woman"): (2, pytest.approx(2 / 3)),
        ("control", "man"): (1, pytest.approx(1 / 3)),
        ("treatment", "woman"): (0, 0),
        ("treatment", "man"): (3, 1),
    }
