"""A real browser, and the written pages that it opens."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import promised_trial
import pytest
from playwright.sync_api import Browser, Page, sync_playwright

import checkpoint_eval as ce
from checkpoint_eval import cohort

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A container has no sandbox to offer; and the browser asks nothing of the network for itself.
FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    found = next((path for path in map(shutil.which, NAMES) if path), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(NAMES)} is installed")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=[*FLAGS])
        yield started
        started.close()


def _checkpoint() -> ce.Trial:
    """A trial like Checkpoint's: strata, overrides, competing death, counts and harm."""
    invented = ce.generate(ce.checkpoint_scenario(), np.random.default_rng(20160801))
    return cohort.practice_trial(invented)


def _awkward() -> ce.Trial:
    """Three arms, long names, markup as names, missing outcomes and an arm nobody reoffended in."""
    rng = np.random.default_rng(3)
    n = 240
    arm = rng.permutation(np.repeat(["no action", "letter", "contract"], n // 3))
    event = rng.random(n) < np.where(arm == "contract", 0.0, 0.4)
    table = pd.DataFrame(
        {
            "arm": arm,
            "days": np.where(event, rng.integers(1, 365, n), 365),
            "event": event.astype(int),
            "breach": np.where(rng.random(n) < 0.15, np.nan, rng.integers(0, 2, n)),
            "ward <b>": rng.choice(["<script>alert(1)</script>", "Ünïted & sons"], n),
        }
    )
    names = {
        "no action": "no further action whatsoever, as before the trial began",
        "letter": "a letter <i>only</i>",
        "contract": "contract & navigator",
    }
    return ce.Trial.from_frame(
        table,
        arm="arm",
        control="no action",
        arms=names,
        covariates=["ward <b>"],
        times={"first <script>alert(2)</script> offence": ("days", "event", "days")},
        binary={"breach of a very long agreement that nobody ever reads to its end": "breach"},
    )


# The last has every section there is: pathways, subgroups, harm, integrity by era, sensitivity.
TRIALS = {
    "rossi": ce.load_rossi,
    "checkpoint": _checkpoint,
    "awkward": _awkward,
    "everything": promised_trial.promised,
}


@pytest.fixture(scope="session", params=[*TRIALS])
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One report, written as a user would write it."""
    name = str(request.param)
    evaluation = ce.evaluate(TRIALS[name]())
    return ce.write_report(evaluation, tmp_path_factory.mktemp("pages") / f"{name}.html")


@pytest.fixture
def page(browser: Browser, written: Path) -> Iterator[Page]:
    """The report in a new window of a desktop's width, everything it asked for noted."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    opened = context.new_page()
    yield opened
    context.close()
