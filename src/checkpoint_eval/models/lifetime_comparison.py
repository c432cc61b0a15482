"""Parametric and cure models side by side."""

from collections.abc import Sequence

import pandas as pd

from checkpoint_eval.errors import TrialError
from checkpoint_eval.models.lifetimes import ParametricFit


def compare_fits(fits: Sequence[ParametricFit]) -> pd.DataFrame:
    """Return models side by side: parameters, log likelihood, AIC, BIC and the share who never do.

    Parameters
    ----------
    fits : sequence of ParametricFit
        Of one outcome and the same people.

    Returns
    -------
    DataFrame
        The lowest AIC first.

    Raises
    ------
    TrialError
        When the fits are of different people, which no criterion compares.

    Notes
    -----
    AIC = 2k − 2ℓ and BIC = k log d − 2ℓ, with k numbers estimated and d events, not people.

    References
    ----------
    Akaike (1974); Schwarz (1978). Checked against R AIC of survreg and a slow reference.

    Examples
    --------
    >>> from checkpoint_eval import load_rossi
    >>> from checkpoint_eval.models import fit_parametric
    >>> fits = [
    ...     fit_parametric(load_rossi(), outcome="rearrest", distribution=each)
    ...     for each in ("exponential", "weibull")
    ... ]
    >>> compare_fits(fits)["parameters"].tolist()
    [3, 2]
    """
    several = tuple(fits) if isinstance(fits, Sequence) else ()
    if not several or not all(isinstance(each, ParametricFit) for each in several):
        raise TrialError(f"`fits` must list fits of `fit_parametric` or `fit_cure`, got {fits!r}.")
    about = {
        (each.outcome, each.analysis_set, each.unit, each.n, each.events, each.people)
        for each in several
    }
    if len(about) > 1:
        raise TrialError(
            "`fits` are of different people, so their likelihoods do not compare; fit each to "
            "the same outcome and analysis set."
        )
    rows = [
        {
            "model": each.method,
            "parameters": each.parameters,
            "loglik": each.loglik,
            "aic": each.aic,
            "bic": each.bic,
            **{f"never, {arm}": share for arm, share in zip(each.arms, each.never, strict=True)},
        }
        for each in several
    ]
    return pd.DataFrame(rows).sort_values("aic", kind="stable").reset_index(drop=True)
