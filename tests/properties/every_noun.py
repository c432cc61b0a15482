"""One real instance of every public noun, made by the verbs that make it."""

from __future__ import annotations

import dataclasses
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import checkpoint_eval as ce
from checkpoint_eval import balance, cohort, design, models, outcomes, power, randomise, report

LONG = "a name that is long enough to fill a line of its own in any terminal or notebook " * 2


def rng() -> np.random.Generator:
    """The same chance each time."""
    return np.random.default_rng(1)


@cache
def invented() -> cohort.Cohort:
    """A small Checkpoint: everything an extract can hold."""
    recording = cohort.Recording(deaths=0.1)
    return ce.generate(cohort.Scenario(people=240, recording=recording), rng())


@cache
def trial() -> ce.Trial:
    """Its people, with outcomes of every kind, some of them unknown, and the arm received."""
    people = invented().people
    frame = people.assign(
        days=np.where(np.arange(240) % 7 == 3, np.nan, np.arange(240.0) % 200),
        again=np.where(np.arange(240) % 7 == 3, np.nan, (np.arange(240) % 3 == 0) * 1.0),
        harm=np.where(np.arange(240) % 9 == 4, np.nan, np.arange(240.0) ** 2 % 401),
        number=np.arange(240) % 4,
        yes=np.where(np.arange(240) % 8 == 5, np.nan, (np.arange(240) % 5 < 2) * 1.0),
        navigator=people["navigator"].astype(object).where(people["navigator"].notna(), None),
    )
    return ce.Trial.from_frame(
        frame,
        arm="arm",
        control=invented().scenario.arms[0],
        id="id",
        strata=["band"],
        covariates=["age", "sex"],
        factors=["suite", "era", "navigator"],
        received="received",
        times={"arrest": ("days", "again", "days")},
        numeric={"harm": "harm"},
        binary={"moved": "yes"},
        counts={"offences": ("number", None, "years")},
    )


@cache
def lived() -> ce.Trial:
    """The trial an extract makes: times with competing causes."""
    return cohort.practice_trial(invented())


@cache
def repeated() -> ce.Trial:
    """The same people with every reoffence."""
    records, assignment = invented().records(), invented().assignment
    return ce.Trial(
        assignment=assignment,
        outcomes={"reoffences": outcomes.reoffence_episodes(records, assignment)},
    )


@cache
def scores() -> outcomes.PathwayScores:
    """Needs on two pathways before and after."""
    drawn = rng().integers(0, 4, size=(2, 240, 2)).astype(float)
    drawn[1, ::9] = np.nan
    return outcomes.PathwayScores(
        pathways=("alcohol", "debt"), baseline=drawn[0], follow_up=drawn[1], scale="ordinal"
    )


@cache
def evaluation() -> ce.Evaluation:
    """The demonstration trial, as its protocol promised."""
    return ce.evaluate(ce.load_rossi())


def _ledger() -> dict[str, Any]:
    folder = Path(tempfile.mkdtemp())
    ledger = randomise.Ledger.create(
        folder / "trial", rule=ce.Complete(counts=(2, 2)), arms=("court", "contract")
    )
    for name in "abcd":
        ledger.record(randomise.Screened(person=name, excluded=()))
    given = [ledger.allocate(name) for name in "abcd"]
    ledger.record(randomise.Closed(person="a", reason="completed"))
    return {
        "Ledger": ledger,
        "Allocated": given[0],
        "Conduct": balance.conduct(ledger),
        "Verification": ledger.verify(),
        "Entry": next(iter(ledger.entries())),
        "Head": ledger.head,
    }


def _check() -> dict[str, Any]:
    people = pd.DataFrame({"arm": [0, 1, 1, 0] * 20, "moved": [0, 1, 0, 1] * 20})
    ordered = ce.Trial.from_frame(
        people,
        arm="arm",
        control=0,
        binary={"moved": "moved"},
        rule=ce.PermutedBlocks(sizes=(4,)),
        order="rows",
    )
    rules = {"blocks": ce.PermutedBlocks(sizes=(4,)), "coin": design.BiasedCoin(p=2 / 3)}
    where = pd.DataFrame({"suite": ["north", "south"] * 10})
    table = balance.compare_rules(rules, people=where, sees="suite", draws=50, rng=rng())
    return {
        "Attrition": balance.attrition(trial(), outcome="moved"),
        "BalanceTable": ce.standardised_differences(trial()),
        "BaselineTable": balance.baseline_table(trial()),
        "Drift": balance.drift(ordered, draws=50, rng=rng()),
        "Flow": ce.flow(trial()),
        "Guessability": balance.guessability(rules["blocks"], people=20),
        "Integrity": balance.treatment_integrity(trial(), by="era"),
        "RatioTable": balance.sample_ratio_by(trial()),
        "Replay": balance.replay(ordered, draws=50, rng=rng()),
        "RuleTable": table,
        "RuleProperties": table.rows[0],
    }


def _follow_up() -> dict[str, Any]:
    records, assignment = invented().records(), invented().assignment
    found = outcomes.audit(records, assignment)
    finding = outcomes.Finding(
        rule="offence before birth", severity="error", table="offences", rows=[3, 5], remedy=LONG
    )
    return {
        "Audit": found,
        "Finding": finding,
        "Records": records,
        "Offences": records.offences,
        "Disposals": records.disposals,
        "Custody": records.custody,
        "Departures": records.departures,
        "Assessments": records.assessments,
        "Repair": outcomes.Repair(rule="offence before birth", table="offences", rows=2),
        "FollowUp": outcomes.follow(records, assignment),
        "Reoffending": outcomes.proven_reoffending(records, assignment),
        "ChangeInOffending": outcomes.change_in_offending(records, assignment),
        "Episodes": repeated().outcomes["reoffences"],
        "TimeToEvent": outcomes.time_to_reoffence(records, assignment),
        "BinaryOutcome": trial().outcomes["moved"],
        "NumericOutcome": trial().outcomes["harm"],
        "CountOutcome": trial().outcomes["offences"],
        "Covariate": trial().columns["sex"],
        "PathwayScores": scores(),
        "Pathways": outcomes.COUNTY_DURHAM,
        "HarmWeights": outcomes.CAMBRIDGE_MEDIANS,
        "Counting": outcomes.PROVEN,
        "Provenance": outcomes.proven_reoffending(records, assignment).provenance,
        "TimeVarying": outcomes.TimeVarying(
            person=[0, 0, 1], time=[0, 7, 0], values={"employed": [0, 1, 0]}, people=2
        ),
        "Trial": trial(),
    }


def _kernels() -> dict[str, Any]:
    compared = models.compare(ce.load_rossi(), outcome="rearrest")
    table = compared.table_by_stratum(None)
    sets = models.RiskSets.of_table(table)
    timed = lived().outcomes["reoffence"]
    assert isinstance(timed, ce.TimeToEvent)
    kind = np.where(timed.event, 1, np.where(timed.competing > 0, 2, 0))
    arm = lived().assignment.arm.astype(float)[:, None]
    return {
        "Compared": compared,
        "EventTable": table,
        "KaplanMeier": models.kaplan_meier(table),
        "LogRank": models.logrank(table),
        "RestrictedMean": models.restricted_mean_of(table, horizon=52),
        "RiskSets": sets,
        "CoxRegression": models.cox_regression(sets),
        "SubdistributionFit": models.fine_gray(arm, timed.time, kind),
        "TwoProportions": models.TwoProportions(
            control_events=np.arange(3.0),
            control_n=np.full(3, 9.0),
            treatment_events=np.arange(3.0),
            treatment_n=np.full(3, 8.0),
        ),
    }


def _analyse() -> dict[str, Any]:
    pathways = models.compare_pathways(trial(), scores(), draws=99, rng=rng())
    groups = models.subgroup_effects(
        ce.load_minneapolis(), effect=_risk, by=ce.load_minneapolis().covariates[:1]
    )
    dilution = models.override_dilution(trial())
    curve = ce.survival_curve(ce.load_rossi(), outcome="rearrest")
    return _kernels() | {
        "Bounds": models.attrition_bounds(trial(), outcome="moved"),
        "CoOccurrence": models.co_occurrence(scores()),
        "CoxFit": ce.fit_cox(ce.load_rossi(), outcome="rearrest", adjust=("age", "prio")),
        "Curve": curve,
        "Dilution": dilution,
        "DilutionRow": dilution.rows[0],
        "EffectsByAnalysis": models.effects_by_analysis(trial(), outcome="moved"),
        "Estimate": ce.hazard_ratio(ce.load_rossi(), outcome="rearrest"),
        "SignificanceTest": ce.logrank_test(ce.load_rossi(), outcome="rearrest"),
        "Incidence": models.cumulative_incidence(lived(), outcome="reoffence"),
        "Inequality": models.harm_inequality(trial(), outcome="harm"),
        "MeanCumulative": models.mean_cumulative_function(repeated(), outcome="reoffences"),
        "NavigatorEffects": models.navigator_effects(_nested(), outcome="harm", navigator="who"),
        "NumberNeeded": models.number_needed_to_treat(trial(), outcome="moved"),
        "ParametricFit": models.fit_parametric(ce.load_rossi(), outcome="rearrest"),
        "PathwayComparison": pathways,
        "PathwayCounts": pathways.counts,
        "PathwayFamily": pathways.with_need,
        "PathwayInteractions": models.pathway_interactions(trial(), scores(), outcome="moved"),
        "ProportionalHazardsTest": models.proportional_hazards_test(
            ce.load_rossi(), outcome="rearrest", adjust=("age",)
        ),
        "RateSensitivity": models.rate_sensitivity(trial(), outcome="offences", strata=()),
        "RiskEffects": models.risk_effects(trial(), outcome="moved"),
        "Shrunken": models.shrunken_effects([-1.5, -0.5, 0.5, 1.5], [0.5] * 4),
        "Subgroup": groups.subgroups[0],
        "SubgroupEffects": groups,
        "TippingPoint": models.tipping_point(
            trial(), outcome="harm", deltas=(0, 5), imputations=3, rng=rng()
        ),
    }


def _risk(people: ce.Trial, **asked: Any) -> ce.Estimate:
    return ce.risk_difference(people, outcome="failure", **asked)


def _nested() -> ce.Trial:
    people = pd.DataFrame(
        {
            "arm": [0] * 4 + [1] * 6,
            "days": [15, 20, 40, 25, 10, 15, 20, 5, 30, 28],
            "who": [None] * 4 + ["Ann"] * 2 + ["Bob"] * 2 + ["Cas"] * 2,
        }
    )
    return ce.Trial.from_frame(
        people, arm="arm", control=0, factors=["who"], numeric={"harm": "days"}
    )


def _practise() -> dict[str, Any]:
    small = {"small": cohort.Scenario(people=60)}
    certificate = cohort.certify(trials=2, scenarios=small, seed=1)
    faithful = cohort.fidelity(invented(), invented().people)
    batch = cohort.draw_trials(
        invented(), rule=ce.Complete(counts=(20, 20)), people=40, trials=3, rng=rng()
    )
    return {
        "Certificate": certificate,
        "Characteristic": certificate.rows[0],
        "Cohort": invented(),
        "Fidelity": faithful,
        "Margin": faithful.margins[0],
        "Histories": invented().lives.histories,
        "Scenario": invented().scenario,
        "TrialBatch": next(batch),
        "Truth": cohort.true_values(invented(), limit_people=1000)[0],
    }


def _plan() -> dict[str, Any]:
    bounds = power.stopping_bounds(power.GroupSequential(looks=3))
    hazard = power.ExponentialTrial(people=60, control_hazard=0.001, hazard_ratio=0.7)
    simulated = power.simulate_power(hazard, ["log-rank"], trials=20, rng=rng(), progress=False)
    entry = np.arange(100.0)
    arms = ce.Assignment(arm=[0, 1] * 50, arms=("court", "contract"), stratum=[0] * 100)
    since = ce.TimeToEvent(time=100 - entry, event=entry % 3 == 0, unit="days")
    day = outcomes.Covariate(name="day", values=entry)
    running = ce.Trial(assignment=arms, outcomes={"arrest": since}, columns={"day": day})
    with tempfile.TemporaryDirectory() as folder:
        look = power.monitor(
            ce.load_rossi(),
            power.GroupSequential(looks=2),
            outcome="rearrest",
            planned=228,
            look=1,
            record=Path(folder) / "looks.jsonl",
        )
    plan = design.Planning(people=432, control_risk=0.3, difference=-0.1, overrides=0.1)
    study = power.study_of(dataclasses.replace(ce.load_rossi().protocol, planning=plan))
    zone = power.PromisingZone(bounds=power.stopping_bounds(power.GroupSequential(looks=2)))
    return {
        "Extension": power.extend_information(zone, z=1.6),
        "EventsForecast": power.forecast_events(
            running, outcome="arrest", entered="day", now=100, targets=50, people=200, rng=rng()
        ),
        "Look": look,
        "PowerResult": power.people_needed(power.Proportions(control=0.3, treatment=0.2)),
        "Reestimate": power.reestimate_people(
            ce.load_minneapolis(), outcome="failure", planned=300, effect=-0.1, assumed=0.25
        ),
        "SimulatedPower": simulated,
        "PowerRow": simulated.rows[0],
        "Study": study,
        "StudyStep": study.steps[-1],
        "StoppedEstimate": power.estimate_at_stopping(bounds, z=2.8, look=2, std_error=0.1),
        "StoppingBounds": bounds,
    }


def _tell() -> dict[str, Any]:
    crossed = report.cross_check(evaluation(), ce.load_rossi())
    return {
        "CrossCheck": crossed,
        "Recomputed": crossed.numbers[0],
        "Evaluation": evaluation(),
        "Deviation": report.Deviation(what="another arm received", told=LONG, counts=(3, 4)),
        "Differenced": report.Differenced(
            what="people", arm="court", first=40, second=35, low=1, high=9
        ),
        "Result": evaluation().results[0],
        "Protocol": ce.load_rossi().protocol,
        "Assignment": trial().assignment,
        "People": design.People(
            n=3, codes={"sex": [0, 1, 0]}, levels={"sex": ("f", "m")}, values={"age": [20, 30, 40]}
        ),
        "Support": ce.Complete(counts=(2, 2)).support(4),
        "Problem": randomise.Problem(sequence=3, what=LONG),
    }


@cache
def every_noun() -> dict[str, Any]:
    """Every public noun that is not merely an option, by its name."""
    made: dict[str, Any] = {}
    for room in (_ledger, _check, _follow_up, _analyse, _practise, _plan, _tell):
        made |= room()
    return made
