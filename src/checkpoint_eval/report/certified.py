"""The page of operating characteristics, and its numbers as a table."""

import math
from pathlib import Path

import jinja2

from checkpoint_eval._atomic import write_file
from checkpoint_eval.cohort.characteristics import Certificate, Characteristic
from checkpoint_eval.errors import OutputRefused, TrialError

# What the settings of `certify` suppose.
TOLD = {
    "no effect": "Nobody's hazard changes; risk differs between people and some never reoffend.",
    "proportional": "Everyone has the same hazard, and Checkpoint multiplies it by 0.7.",
    "delayed effect": "No effect for four months, then a hazard ratio of 0.5.",
    "some never": "A third never reoffend, risk differs between the others (gamma frailty), and "
    "Checkpoint multiplies each one's hazard by 0.4.",
    "overrides": "As before, and officers prosecute some 20 % of those randomised to Checkpoint, "
    "more of those at high risk.",
    "navigators": "Everyone has the same hazard; under Checkpoint it is multiplied by 0.7 and by "
    "the navigator's own factor (SD of the logarithm 0.3), and people share a few navigators. "
    "No estimator here takes account of that; `partially_nested_difference` does.",
    "lost": "Everyone has the same hazard, multiplied by 0.7; 20 % of the prosecuted and 10 % of "
    "the others are lost once their arm is known, whoever they are.",
    "deaths": "Everyone has the same hazard, multiplied by 0.7, and 15 % die in a year. The truth "
    "counts those who die as not reoffending later; estimators that censor deaths answer what had "
    "happened had nobody died.",
}


def write_certificate(certificate: Certificate, folder: str | Path) -> Path:
    """Write operating characteristics as a page and as a table.

    Parameters
    ----------
    certificate : Certificate
    folder : str or Path
        Gets operating-characteristics.md and operating-characteristics.csv.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    OutputRefused
        When they cannot be written.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise OutputRefused(f"`folder` {place} cannot be made: {problem.strerror}.") from problem
    page = place / "operating-characteristics.md"
    write_file(page, certificate_page(certificate).encode())
    table = certificate.to_frame().to_csv(index=False, float_format="%.6g")
    write_file(page.with_suffix(".csv"), table.encode())
    return page


def certificate_page(certificate: Certificate) -> str:
    """Return operating characteristics as Markdown.

    Examples
    --------
    >>> from checkpoint_eval.cohort import Scenario, certify
    >>> small = {"small": Scenario(people=60)}
    >>> page = certificate_page(certify(trials=2, scenarios=small, seed=1))
    >>> page.splitlines()[0]
    '# Operating characteristics'
    """
    if not isinstance(certificate, Certificate):
        raise TrialError(
            f"`certificate` must be a `Certificate`, got {type(certificate).__name__}."
        )
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("checkpoint_eval.report"),
        autoescape=False,
        keep_trailing_newline=True,
    )
    found: dict[str, list[dict[str, str]]] = {}
    for row in certificate.rows:
        found.setdefault(row.setting, []).append(_cells(row))
    return environment.get_template("certificate.md.j2").render(
        certificate=certificate,
        defects=certificate.defects(),
        settings=found,
        told={name: TOLD.get(name, "A setting of the user's own.") for name in found},
    )


def _cells(row: Characteristic) -> dict[str, str]:
    told = row.verdict
    if row.assumptions:
        told = f"assumptions do not hold ({row.assumptions})" + (
            "" if row.verdict == "as it should" else f": {row.verdict}"
        )
    lost = row.trials - row.estimable
    return {
        "name": row.estimator + (f" ({lost} not estimable)" if lost else ""),
        "truth": _number(row.truth),
        "bias": _with_error(row.bias, row.bias_error),
        "spread": _number(row.spread),
        "reported": _number(row.reported),
        "covered": _percent(row.covered, row.covered_low, row.covered_high),
        "rejected": _percent(row.rejected, row.rejected_low, row.rejected_high),
        "verdict": told,
    }


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.4g}"


def _with_error(value: float, error: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value:.2g} ({value - 1.96 * error:.2g}, {value + 1.96 * error:.2g})"


def _percent(value: float, low: float, high: float) -> str:
    return "" if math.isnan(value) else f"{100 * value:.1f} ({100 * low:.1f}, {100 * high:.1f})"
