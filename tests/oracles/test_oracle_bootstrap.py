"""Bootstrap intervals against R boot, which draws and corrects by itself.

Both draw at random, so ends agree to the error of the draws, in units of their spread. With B of
them a 2.5 % quantile errs by √(0.025·0.975/B)/0.058 = 2.67/√B, and BCa's correction, which moves
ends by about twice the normal deviate of a share, by 2·√(π/2)/√B = 2.5/√B. With R's 6,000 draws
and our 24,000 that is 0.053 in all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from checkpoint_eval.models import bootstrap_interval

R = json.loads((Path(__file__).parent / "bootstrap.json").read_text(encoding="utf-8"))
UNTIL_THE_END = ("median difference", "hazard ratio")
NEAR = 5 * 0.053


@pytest.mark.parametrize("interval", ["percentile", "bca"])
@pytest.mark.parametrize("statistic", R["lung"])
def test_boot(trials: Any, statistic: Any, interval: Any) -> None:
    """Value to the digit, spread and ends to the error of the draws."""
    want = R["lung"][statistic]
    timed = {} if statistic in UNTIL_THE_END else {"horizon": R["horizon"]}
    found = bootstrap_interval(
        trials.lung(),
        outcome="death",
        statistic=statistic,
        interval=interval,
        draws=24_000,
        rng=np.random.default_rng(1),
        **timed,
    )
    assert found.value == pytest.approx(want["value"], rel=1e-8)  # coxph stops at 1e-9
    # √(κ/4B) of a spread, κ some 3: 0.011 of R's, 0.006 of ours; five of those
    assert found.std_error == pytest.approx(want["std_error"], rel=0.06)
    logged = np.log if statistic.endswith("ratio") else np.asarray
    ends = logged([found.low, found.high])
    assert ends == pytest.approx(logged(want[interval]), abs=NEAR * want["std_error"])
