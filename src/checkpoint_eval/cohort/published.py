"""Published trials, and what was printed of them, shipped with their sources."""

from importlib import resources
from importlib.resources.abc import Traversable
from typing import Literal

import pandas as pd

from checkpoint_eval._checks import check_choice
from checkpoint_eval.design.protocol_toml import parse_protocol
from checkpoint_eval.outcomes.trial import Trial


def load_rossi() -> Trial:
    """Return the Maryland LIFE experiment: financial aid to men released from prison.

    432 men released from Maryland state prisons, 216 of them randomised to weekly financial aid,
    followed for 52 weeks to their first re-arrest. A published randomised trial in people leaving
    custody, the nearest public relative of a deferred-prosecution trial.

    Returns
    -------
    Trial
        Arms "no aid" and "financial aid"; outcome "rearrest" in weeks; covariates age, race (1
        black), wexp (1 full-time work before), mar (1 married), paro (1 released on parole), prio
        (prior convictions). Its protocol is our plan for the demonstration, written after the
        trial, and says so.

    References
    ----------
    Rossi, Berk and Lenihan (1980), Money, Work and Crime: Experimental Evidence. Data as in
    Allison (1984) and Fox's appendix on Cox regression. Checked against the published coefficients
    (tests/published).

    Examples
    --------
    >>> load_rossi()
    Trial(432 people; no aid: 216, financial aid: 216; outcomes: rearrest)
    """
    protocol = parse_protocol(_data("rossi.toml").read_text(encoding="utf-8"), name="rossi.toml")
    return Trial.from_protocol(_table("rossi.csv"), protocol)


def load_recid() -> Trial:
    """Return people released from prison in North Carolina, followed to their return.

    1,445 people released in 1977 and 1978, followed for 70 to 81 months: 552 returned. Data to try
    models of time on, as many never return. No trial: work programmes were not drawn by lot.

    Returns
    -------
    Trial
        Arms "none" and "work programme", **not randomised**; outcome "return" in months; covariates
        priors (convictions), tserved (months in prison), felon, alcohol, drugs, black, married (1
        yes), educ (years), age (months). No protocol.

    References
    ----------
    Chung, Schmidt and Witte (1991), Journal of Quantitative Criminology 7, 59-81; data as in
    Wooldridge (2002). Checked against the published coefficients (tests/published).

    Examples
    --------
    >>> load_recid()
    Trial(1,445 people; none: 773, work programme: 672; outcomes: return)
    """
    people = _table("recid.csv")
    return Trial.from_frame(
        people,
        arm="workprg",
        control=0,
        arms={0: "none", 1: "work programme"},
        covariates=tuple(people.columns[3:]),
        times={"return": ("month", "returned", "months")},
    )


def load_minneapolis(
    *, version: Literal["berk-sherman", "three-arm", "angrist"] = "berk-sherman"
) -> Trial:
    """Return the Minneapolis experiment: what police did at a domestic assault, and what followed.

    Arrest, advice or separation was drawn by lot and not always delivered. It shows how far
    intention to treat, as treated and the effect on compliers part.

    Parameters
    ----------
    version : {"berk-sherman", "three-arm", "angrist"}
        "berk-sherman": 313 cases, arrest against advise or separate. "three-arm": the same, control
        separate. "angrist": the 314 cases that Angrist counted, arrest against the rest.

    Returns
    -------
    Trial
        Outcome "failure", violence again, with the arm assigned and the arm received; covariate
        "aggravating" (1 aggravating circumstances), which Angrist's table lacks. No protocol:
        every result is exploratory.

    Raises
    ------
    TrialError
        For another version.

    Notes
    -----
    Read from tables of counts, so the order of people means nothing. Angrist did not print how
    failures fall by what was delivered: that is recovered, as no other whole numbers give his
    standard errors.

    References
    ----------
    Berk and Sherman (1988), JASA 83, 70-76, table 2; Angrist (2006), Journal of Experimental
    Criminology 2, 23-44. Checked against the printed estimates (tests/published).

    Examples
    --------
    >>> load_minneapolis()
    Trial(313 people; advise or separate: 221, arrest: 92; outcomes: failure)
    >>> load_minneapolis(version="three-arm").arms
    ('separate', 'arrest', 'advise')
    """
    check_choice(version, "version", ("berk-sherman", "three-arm", "angrist"))
    angrist = version == "angrist"
    people = _people("minneapolis_angrist.csv" if angrist else "minneapolis.csv", "failures")
    arms: tuple[str, ...] = ("separate", "arrest", "advise")
    if version != "three-arm":
        arms = ("advise or separate", "arrest")
        both = dict.fromkeys(("advise", "separate"), arms[0])
        people = people.replace({"assigned": both, "delivered": both})
    return Trial.from_frame(
        people,
        arm="assigned",
        control=arms[0],
        arms=arms,
        received="delivered",
        covariates=() if angrist else ("aggravating",),
        binary={"failure": "failures"},
    )


def load_milwaukee(*, whose: Literal["suspects", "victims"] = "suspects") -> Trial:
    """Return deaths after the Milwaukee experiment, in which suspects were arrested or warned.

    Arrest or a warning for domestic assault was drawn by lot, two to one, and more than 98% were
    treated as assigned. With few deaths, whether arrest looks deadly hangs on the interval.

    Parameters
    ----------
    whose : {"suspects", "victims"}
        1,128 suspects, killed or not; or 1,125 victims, dead of any cause or not.

    Returns
    -------
    Trial
        Arms "warning" and "arrest"; outcome "homicide" of suspects, "death (reconstructed)" of
        victims. No protocol: every result is exploratory.

    Raises
    ------
    TrialError
        For anyone else.

    Notes
    -----
    Read from counts, so the order of people means nothing. Suspects killed are the whole numbers
    that give every printed figure: 17 of 756 and 3 of 372. Victims by arm were **not printed**: 70
    of 754 and 21 of 371 are a reconstruction from 91 deaths among 1,125 and the printed ratio and
    interval, and the outcome is named so.

    References
    ----------
    Sherman and Harris (2013), Journal of Experimental Criminology 9, 491-514, for suspects, and
    (2015), 11, 1-20, for victims. Checked against the printed ratios (tests/published).

    Examples
    --------
    >>> load_milwaukee()
    Trial(1,128 people; warning: 372, arrest: 756; outcomes: homicide)
    """
    check_choice(whose, "whose", ("suspects", "victims"))
    people = _people("milwaukee.csv", "deaths")
    return Trial.from_frame(
        people[people["whose"] == whose],
        arm="assigned",
        control="warning",
        binary={"homicide" if whose == "suspects" else "death (reconstructed)": "deaths"},
    )


def published_figures() -> pd.DataFrame:
    """Return figures printed of trials and scores like ours, for programs to be held against.

    Returns
    -------
    DataFrame
        A row a figure: `trial`, `figure`, `value` as text with the digits of the source, `status`
        and `source`. Status "printed": it stands in the source. "recomputed": by another program
        from what is printed. "derived": by arithmetic from what is printed. "given": printed, and
        what a derived figure is computed from, so that no program is held against it. Differences
        and ratios are in this library's direction, treatment against control, but where `figure`
        says otherwise.

    References
    ----------
    In column `source`. Checked against this library (tests/published, examples).

    Examples
    --------
    >>> figures = published_figures().set_index(["trial", "figure"])
    >>> figures.loc[("Milwaukee, suspects killed", "risk ratio, 90% low"), "value"]
    '1.0007'
    """
    return _table("published_figures.csv", text=True)


def _data(name: str) -> Traversable:
    return resources.files("checkpoint_eval.cohort") / "data" / name


def _table(name: str, *, text: bool = False) -> pd.DataFrame:
    with _data(name).open("r", encoding="utf-8") as file:
        return pd.read_csv(file, comment="#", dtype=str if text else None)


def _people(name: str, events: str) -> pd.DataFrame:
    """Return one row a person from a table of cells: `people` in each, `events` among them."""
    cells = _table(name)
    people = cells.loc[cells.index.repeat(cells["people"])]
    place = people.groupby(level=0).cumcount()
    return people.assign(**{events: place < people[events]}).reset_index(drop=True)
