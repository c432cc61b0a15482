"""Proven reoffending of a made-up extract against R data.table's non-equi join."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoint_eval import Assignment
from checkpoint_eval.outcomes import (
    Counting,
    Records,
    proven_reoffending,
    read_people,
    time_to_reoffence,
)

FOLDER = Path(__file__).parent
ASKED: dict[str, tuple[int, Counting]] = {
    "proven 12": (12, Counting()),
    "proven 24": (24, Counting()),
    "proven 1": (1, Counting()),
    "recorded 12": (12, Counting(proven=False)),
    "theft 12": (12, Counting(codes=("theft",))),
    "no wait 12": (12, Counting(wait=0)),
}


@pytest.fixture(scope="module")
def asked() -> Any:
    """What R found."""
    path = FOLDER / "outcomes.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `Rscript tests/oracles/outcomes.R`")
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def extract() -> tuple[Records, Assignment]:
    """The tables that R read."""
    cohort = read_people(FOLDER / "outcomes_cohort.csv", id="id").to_pandas()
    offences = read_people(FOLDER / "outcomes_offences.csv", id="person")
    records = Records.from_tables(
        people=cohort[["id"]],
        offences=offences,
        disposals=read_people(FOLDER / "outcomes_disposals.csv"),
        extract_date="2022-01-01",
    )
    return records, Assignment(
        arm=cohort["arm"].astype(int),
        arms=("court", "contract"),
        stratum=np.zeros(len(cohort), dtype=int),
        ids=cohort["id"],
        date=cohort["index"].astype(str),
    )


@pytest.mark.parametrize("name", ASKED)
def test_counts_and_first_events(asked: Any, extract: Any, name: str) -> None:
    (months, counting), want = ASKED[name], asked[name]
    found = proven_reoffending(*extract, months=months, counting=counting)
    assert found.reoffences.tolist() == want["counts"]
    assert sum(want["counts"]) > 0
    assert not found.missing.any()
    assert found.rate == pytest.approx(want["rate"], rel=1e-12)
    assert found.per_reoffender == pytest.approx(want["per_reoffender"], rel=1e-12)
    first = time_to_reoffence(*extract, months=months, counting=counting)
    times = [
        int(time) if event else "NA" for time, event in zip(first.time, first.event, strict=True)
    ]
    assert times == want["first"]
