"""Published trials, reproduced: run with `python examples/published_trials.py`.

Where a conclusion flips with the analysis, both are shown. At the end every figure that was printed
stands beside ours; a figure that is off stops the script.
"""

from typing import Any

import numpy as np
import pandas as pd
import statsmodels.api as sm
from scipy.stats import binomtest, chi2, chi2_contingency, hypergeom

import checkpoint_eval as ce
from checkpoint_eval.cohort import published_figures
from checkpoint_eval.models import (
    attrition_bounds,
    complier_average_effect,
    effects_by_analysis,
    fit_parametric,
)
from checkpoint_eval.outcomes import ogrs3

figures = published_figures().set_index(["trial", "figure"])
ours: dict[tuple[str, str], float] = {}


def keep(trial: str, found: dict[str, float]) -> None:
    """Remember what we found, under the names of `published_figures`."""
    ours.update({(trial, name): value for name, value in found.items()})


def limits(name: str, estimate: ce.Estimate) -> dict[str, float]:
    """Return an estimate and its limits."""
    told = f"{name}, {100 * estimate.level:g}%"
    return {name: estimate.value, f"{told} low": estimate.low, f"{told} high": estimate.high}


def fitted(name: str, terms: Any, values: Any, errors: Any) -> dict[str, float]:
    """Return coefficients and their standard errors."""
    pairs = dict(zip(terms, zip(values, errors, strict=False), strict=False))
    return {f"{name}, {term}": pair[0] for term, pair in pairs.items()} | {
        f"{name}, {term}, standard error": pair[1] for term, pair in pairs.items()
    }


def logit(outcome: pd.Series, **terms: pd.Series) -> Any:
    """Fit the logistic regression of the course notes."""
    columns = pd.DataFrame({"intercept": np.ones(len(outcome))} | terms).astype(float)
    return sm.Logit(outcome, columns).fit(disp=0)


def two_by_two(trial: ce.Trial, **how: Any) -> np.ndarray:
    """Return events and the rest, treatment first."""
    found = ce.risk_difference(trial, **how)
    n, events = np.array(found.n)[::-1], np.array(found.events)[::-1]
    return np.column_stack([events, n - events])


# Minneapolis: arrest, or advice or separation, at a domestic assault. Who was assigned to be
# arrested failed less often, whatever the test; who was arrested, not clearly so (Pearson's p is
# .0515, that of the likelihood ratio .0486).
T = "Minneapolis (Berk and Sherman)"
trial = ce.load_minneapolis()
by_analysis = effects_by_analysis(trial, outcome="failure")
print(by_analysis, "\n")

wald: dict[str, Any] = {"outcome": "failure", "interval": "wald"}
difference = ce.risk_difference(trial, **wald)
keep(T, limits("risk difference", difference))
keep(T, limits("risk difference", ce.risk_difference(trial, **wald, level=0.90)))
keep(T, {"risk difference, standard error": difference.std_error, "Fisher, p": difference.p_value})
keep(T, {"risk ratio": ce.risk_ratio(trial, outcome="failure").value})
keep(T, {"odds ratio": ce.odds_ratio(trial, outcome="failure").value})
received: dict[str, Any] = wald | {"analysis_set": "as-treated"}
keep(T, {"as delivered, risk difference": ce.risk_difference(trial, **received).value})
keep(T, limits("as delivered, risk ratio", ce.risk_ratio(trial, **received)))
keep(T, limits("as delivered, odds ratio", ce.odds_ratio(trial, **received)))
keep(T, {"complier effect": by_analysis.complier.value})
keep(T, {"first stage": difference.value / by_analysis.complier.value})
robust = complier_average_effect(trial, outcome="failure", variance="HC0")
keep(T, {"complier effect, robust standard error": robust.std_error})

# The course notes' tests and regressions of the same people.
table = two_by_two(trial, outcome="failure")
pearson, yates = (chi2_contingency(table, correction=each) for each in (False, True))
keep(T, {"Pearson chi-square": pearson.statistic, "Pearson chi-square, p": pearson.pvalue})
keep(T, {"Yates, p": yates.pvalue})
delivered = chi2_contingency(two_by_two(trial, **received), correction=False)
keep(T, {"as delivered, Pearson chi-square, p": delivered.pvalue})
for share in (0.025, 0.975):
    failed = hypergeom(table.sum(), table[:, 0].sum(), table[0].sum()).ppf(share)
    shuffled = failed / table[0].sum() - (table[:, 0].sum() - failed) / table[1].sum()
    keep(T, {f"permuted risk difference, {100 * share:g}%": shuffled})
people = ce.load_minneapolis(version="three-arm").to_frame()
arrest, advise, aggravating = (
    people["arm"] == "arrest",
    people["arm"] == "advise",
    people.aggravating,
)
none = logit(people.failure)
plain = logit(people.failure, arrest=arrest)
three = logit(people.failure, arrest=arrest, advise=advise)
adjusted = logit(people.failure, arrest=arrest, advise=advise, aggravating=aggravating)
interacting = logit(
    people.failure,
    arrest=arrest,
    advise=advise,
    aggravating=aggravating,
    both=arrest * aggravating,
    other=advise * aggravating,
)
fits = {"logit": plain, "three arms": three, "adjusted": adjusted}
for name, fit in fits.items():
    keep(T, fitted(name, fit.params.index, fit.params, fit.bse))
    keep(T, {f"{name}, log likelihood": fit.llf})
keep(T, {"logit, arrest, z": plain.tvalues["arrest"], "logit, arrest, p": plain.pvalues["arrest"]})
keep(T, {"log likelihood, no effect": none.llf, "log likelihood, arrest": plain.llf})
keep(T, {"interacting, log likelihood": interacting.llf})
for name, fit, df in (("", plain, 1), ("three arms, ", three, 2)):
    ratio = 2 * (fit.llf - none.llf)
    keep(T, {f"{name}likelihood ratio": ratio, f"{name}likelihood ratio, p": chi2.sf(ratio, df)})

# The same experiment as Angrist counted it: what arrest does for those arrested because assigned.
T = "Minneapolis (Angrist)"
trial = ce.load_minneapolis(version="angrist")
by_analysis = effects_by_analysis(trial, outcome="failure")
print(by_analysis.complier, "\n")
keep(T, {"intention to treat": by_analysis.intention_to_treat.value})
keep(T, {"as delivered": by_analysis.as_treated.value})
keep(T, {"two-stage least squares": by_analysis.complier.value})
keep(T, {"first stage": by_analysis.intention_to_treat.value / by_analysis.complier.value})
kinds = {"standard error": "classical", "robust standard error": "HC0"}
for name, variance in kinds.items():
    effect = complier_average_effect(trial, outcome="failure", variance=variance)
    keep(T, {f"two-stage least squares, {name}": effect.std_error})

# A survey in which 156 said yes, 555 no, and 104 nothing: its share lies between two bounds. Both
# arms of this trial are that survey.
T = "National Crime Survey"
answers = pd.DataFrame({"yes": [1.0] * 156 + [0.0] * 555 + [np.nan] * 104})
twice = pd.concat([answers.assign(arm=arm) for arm in (0, 1)])
survey = ce.Trial.from_frame(twice, arm="arm", control=0, binary={"yes": "yes"})
bounds = attrition_bounds(survey, outcome="yes")
for name, bound in (("low", bounds.arm_low[0]), ("high", bounds.arm_high[0])):
    exact = binomtest(round(815 * bound), 815).proportion_ci()
    keep(T, {f"bound, {name}": bound, f"bound, {name}, 95% low": exact.low})
    keep(T, {f"bound, {name}, 95% high": exact.high})

# Milwaukee: suspects arrested were killed more often. At 90% the interval leaves out no effect, by
# a hair; at 95% it does not.
T = "Milwaukee, suspects killed"
trial = ce.load_milwaukee()
homicide = ce.risk_ratio(trial, outcome="homicide", interval="wald", level=0.90)
print(homicide)
print(ce.risk_ratio(trial, outcome="homicide", interval="wald"), "\n")
keep(T, limits("risk ratio", homicide) | {"p": homicide.p_value})
keep(T, {"percent, warning": 100 * homicide.by_arm[0], "percent, arrest": 100 * homicide.by_arm[1]})
T = "Milwaukee, victims dead"
trial = ce.load_milwaukee(whose="victims")
dead = ce.risk_ratio(trial, outcome="death (reconstructed)", interval="wald")
keep(T, limits("risk ratio", dead) | {"p": dead.p_value})

# Maryland: financial aid to men released. One trial, one alpha of .05, and the verdict hangs on
# which analysis was promised.
T = "Maryland LIFE (Rossi)"
trial = ce.load_rossi()
six = trial.covariates
risk: dict[str, Any] = {"outcome": "rearrest", "horizon": 52}
logrank = ce.logrank_test(trial, outcome="rearrest")
hazards = ce.hazard_ratio(trial, outcome="rearrest")
cox = ce.hazard_ratio(trial, outcome="rearrest", adjust=six)
difference = ce.risk_difference(trial, **risk, interval="wald")
pearson = chi2_contingency(two_by_two(trial, **risk), correction=False)
mean = ce.restricted_mean(trial, outcome="rearrest", horizon=52)
verdicts = {
    "log-rank test": logrank.p_value,
    "hazard ratio": hazards.p_value,
    "hazard ratio, six covariates": cox.p_value,
    "arrested within 52 weeks, Pearson's chi-square": pearson.pvalue,
    "arrested within 52 weeks, Fisher's exact": difference.p_value,
    "mean weeks free of arrest": mean.p_value,
}
for name, p in verdicts.items():
    print(f"{name:<48} p = {p:.4f} {'<' if p < 0.05 else '>'} .05")
print(difference, "\n")
keep(T, {"risk difference": difference.value, "Fisher, p": difference.p_value})
keep(T, {"Pearson chi-square": pearson.statistic, "Pearson chi-square, p": pearson.pvalue})
keep(T, limits("risk ratio", ce.risk_ratio(trial, **risk, interval="wald")))
keep(T, limits("odds ratio", ce.odds_ratio(trial, **risk, interval="wald")))
keep(T, {"log-rank chi-square": logrank.statistic**2, "log-rank, p": logrank.p_value})
keep(T, limits("hazard ratio", hazards) | {"hazard ratio, p": hazards.p_value})
keep(T, limits("adjusted hazard ratio", cox) | {"adjusted hazard ratio, p": cox.p_value})
fit = ce.fit_cox(trial, outcome="rearrest", adjust=six)
keep(T, fitted("Cox", ("fin", *six), fit.coef, fit.std_error) | {"Cox, log likelihood": fit.loglik})
weibull = fit_parametric(trial, outcome="rearrest", distribution="weibull", adjust=six)
keep(T, fitted("Weibull", ("constant", "fin"), weibull.coef, weibull.std_error))
keep(T, {"Weibull, log likelihood": weibull.loglik})
people = trial.to_frame()
weeks, again = people["rearrest (weeks)"].to_numpy(), people["rearrest"].to_numpy() == 1
for at in (26, 52):
    no_aid, aid = ce.survival_difference(trial, outcome="rearrest", at=at).by_arm
    free = f"free of arrest at {at} weeks"
    keep(T, {f"{free}, no aid": no_aid, f"{free}, aid": aid})
for code, name in enumerate(("no aid", "aid")):
    keep(T, {f"weeks free of arrest, {name}": mean.by_arm[code]})
    keep(T, {f"person-weeks, {name}": weeks[trial.assignment.arm == code].sum()})
# Harrell's concordance: of pairs known to be in order, how often the riskier man came first; a
# tie counts half.
score = people[list(six)].to_numpy() @ fit.coef[1:] + fit.coef[0] * trial.assignment.arm
earlier = (weeks[:, None] < weeks) | ((weeks[:, None] == weeks) & ~again)
pairs = again[:, None] & earlier
first = np.sign(score[:, None] - score)[pairs]
keep(T, {"Cox, concordance": (1 + first.mean()) / 2})

# North Carolina: nobody was randomised, but the models of time are ours.
T = "North Carolina (recid)"
trial = ce.load_recid()
returns: dict[str, Any] = {"outcome": "return", "adjust": trial.covariates}
people = trial.to_frame()
months, returned = people["return (months)"].sum(), people["return"].sum()
keep(T, {"people": trial.n, "returns": returned, "person-months": months})
keep(T, {"returns per 100 person-years": 1200 * returned / months})
terms = ("constant", "workprg", *trial.covariates)
fit = fit_parametric(trial, **returns, distribution="log-normal")
keep(T, fitted("log-normal", terms, fit.coef, fit.std_error))
keep(T, {"log-normal, log sigma": fit.log_scale, "log-normal, log likelihood": fit.loglik})
fit = fit_parametric(trial, **returns, distribution="weibull")
keep(T, {"Weibull, constant": fit.coef[0], "Weibull, log sigma": fit.log_scale})
keep(T, {"Weibull, log likelihood": fit.loglik})
fit = ce.fit_cox(trial, **returns)
keep(T, fitted("Cox", terms[1:], fit.coef, fit.std_error) | {"Cox, log likelihood": fit.loglik})

# OGRS3: five men of 20 in for violence, and a woman of 43 for criminal damage at 37.
for years, told in ((1, "one year"), (2, "two years")):
    chances = ogrs3(
        [*[20] * 5, 43],
        sex=[*["male"] * 5, "female"],
        offence=[*["violence"] * 5, "criminal damage"],
        previous_sanctions=[*range(5), 3],
        age_at_conviction=[*[20] * 5, 37],
        age_at_first_sanction=[*[20] * 5, 14],
        years=years,
    )
    men = {f"{count} previous, {told}": chances[count] for count in range(5)}
    keep("OGRS3", men | {f"woman, {told}": chances[5]})

# Two siblings of Checkpoint, from the little that was printed.
workshop, control = (
    float(figures.loc[("CARA", f"harm days, {arm}"), "value"]) for arm in ("workshop", "control")
)
keep("CARA", {"harm, control to workshop": control / workshop})
keep("CARA", {"harm avoided, percent": 100 * (1 - workshop / control)})
people = pd.DataFrame({"arm": [0] * 82 + [1] * 109})
gateway = ce.Trial.from_frame(people, arm="arm", control=0)
keep("Gateway", {"equal arms, p": ce.sample_ratio_test(gateway).p_value})

# Every figure beside ours, and how far off it is in units of its last digit.
figures["ours"] = pd.Series(ours)
values = figures["value"].astype(float)
digits = figures["value"].str.partition(".")[2].str.len()
figures["off"] = (figures["ours"] - values).abs() * 10.0**digits
figures = figures[figures["status"] != "given"].drop(columns="source").reset_index()
print(figures.dropna().round({"off": 2}).to_string(index=False), "\n")
# Sixteen digits are more than arithmetic in another order keeps.
right = (figures["off"] < 1) | np.isclose(
    figures["ours"], figures["value"].astype(float), rtol=1e-14
)
left = figures["ours"].isna()
print("Not to be reproduced, as counts by arm were not printed:")
print(figures.loc[left, ["trial", "figure", "value"]].to_string(index=False), "\n")
if not (right | left).all() or set(figures.loc[left, "trial"]) != {"Checkpoint"}:
    raise SystemExit("A figure is off, or was not computed.")
print(f"{right.sum()} figures reproduced, to a unit of the last digit printed or to rounding.")
