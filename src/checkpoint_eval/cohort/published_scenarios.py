"""Scenarios calibrated to what is public of real trials; the rest is assumed, and says so."""

from dataclasses import replace

from checkpoint_eval.cohort.delivery_parts import Delivery, Effect, Era, Recording
from checkpoint_eval.cohort.people_parts import Arrivals, Population, Reoffending
from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.design.blocks import PermutedBlocks
from checkpoint_eval.design.simple import Simple
from checkpoint_eval.design.within import Stratified

WEIR = (
    "Weir, Kilili, Cooper, Crowe and Routledge (2021), The Police Journal, "
    "doi 10.1177/0032258X211018774"
)
MINUTES = "Durham County Council minutes, democracy.durham.gov.uk/mgAi.aspx?ID=19749"
PANEL = "County Durham Police and Crime Panel, 14 March 2019, Outcome 3"
INSIGHT = "durhaminsight.info/reduce-reoffending"
GOLDSTEIN = "Checkpoint's application for the Goldstein Award"
REGISTER = "College of Policing, Research Map, project 406"
PRESS = "The Guardian, 14 February 2020"
FORCE = "durham.police.uk, Checkpoint"
ASSUMED = "assumed"

# On contract and after; solved so that 5.6 % reoffend on it and 24-month risk is 10.3 points lower.
ON_CONTRACT, AFTER = 0.079, 0.30


def checkpoint_scenario() -> Scenario:
    """Return a trial like Checkpoint's, calibrated to what is public of it.

    Returns
    -------
    Scenario
        521 people, 1:1. Its `sources` say of every value where it was read, to what it was
        calibrated, or that it is assumed; `to_frame` lists them.

    Notes
    -----
    Public figures come from different people: risks by time from custody arrivals, 5.6 % on
    contract from all participants, the effect from the trial. Together they ask for a hazard ratio
    far below 1 on the contract, and for a mean number of reoffences that rises faster in the
    second year. That is arithmetic, not a finding. Arm sizes, overrides, navigators and the share
    with each need are not public.

    References
    ----------
    As `sources`. Checked against these figures by simulation in tests/recovery.

    Examples
    --------
    >>> checkpoint_scenario()
    Scenario(521 people, permuted-blocks within suite; hazard ratio 0.079, 0.3)
    """
    scenario = Scenario(
        title="A trial like Checkpoint's",
        people=521,
        arrivals=Arrivals(first="2016-08-01", last="2018-03-31"),
        population=Population(
            bands={"moderate": 1.0},
            needs={
                "accommodation": 0.4,
                "drugs and alcohol": 0.7,
                "finances": 0.55,
                "employment and education": 0.55,
                "children and families": 0.5,
                "health": 0.7,
                "attitudes and behaviour": 0.7,
                "sexual exploitation and domestic violence": 0.15,
            },
            needs_together=0.1,
        ),
        reoffending=Reoffending(
            months=(6, 12, 24), risks=(0.4, 0.5, 0.6), never=0.34, spread=0.5, frailty=1.0
        ),
        effect=Effect(
            hazard_ratios=(ON_CONTRACT, AFTER), from_days=(0.0, 122.0), resolved=(0.2, 0.5)
        ),
        delivery=Delivery(
            eras=(Era(to_prosecution=0.05, to_checkpoint=0.02),),
            officer_spread=0.5,
            by_risk=0.2,
            turnover=0.3,
            navigator_spread=0.1,
            contract_months=4,
            breach=0.2,
        ),
    )
    return replace(scenario, sources=_sources(scenario))


def _sources(scenario: Scenario) -> dict[str, str]:
    read = {
        "people": WEIR,
        "arrivals.first": WEIR,
        "arrivals.last": WEIR,
        "rule": f"1:1 from the target of 400 and 400 ({REGISTER}); blocks and strata assumed",
        "arms": REGISTER,
        "population.bands": GOLDSTEIN,
        "population.youngest": FORCE,
        "population.no_record": PRESS,
        "population.most_record": f"{PRESS}: arrests, taken for convictions",
        "population.needs": (
            "pathways: strategy 2015-18; shares assumed so that nearly everyone has more than one "
            f"({PANEL})"
        ),
        "reoffending.months": MINUTES,
        "reoffending.risks": f"{MINUTES}: of arrivals in custody",
        "reoffending.never": f"{MINUTES}: levelling at 60-70 %",
        "reoffending.frailty": f"calibrated to 4.46-5.10 reoffences a reoffender ({PANEL})",
        "effect.hazard_ratios": (
            f"calibrated to 5.6 % reoffending on contract ({GOLDSTEIN}) and 10.3 points at 24 "
            f"months ({WEIR})"
        ),
        "effect.from_days": f"a change at the end of the contract ({FORCE}); assumed",
        "delivery.contract_months": FORCE,
        "delivery.breach": f"calibrated to compliance above 70 % ({INSIGHT})",
        "recording.offences": f"the kinds: {PRESS}; the shares assumed",
    }
    return {name: read.get(name, ASSUMED) for name in scenario.values()}


def turning_point_scenario() -> Scenario:
    """Return a trial like Turning Point's randomised phases: low, then high integrity.

    Returns
    -------
    Scenario
        628 people: some 204 while many were not treated as assigned, then some 424.

    Notes
    -----
    Numbers of people by phase are public (slides of the project: 204 and 424); how many were
    treated as assigned, dates and outcomes are not, and are assumed. Phases begin by date, so that
    204 and 424 hold on average.

    Examples
    --------
    >>> [era.to_prosecution for era in turning_point_scenario().delivery.eras]
    [0.4, 0.05]
    """
    slides = "Learning by testing: Turning Point, slidetodoc.com"
    scenario = Scenario(
        title="A trial like Turning Point",
        people=628,
        suites={"Birmingham": 1.0},
        rule=Simple(),
        arrivals=Arrivals(first="2012-01-01", last="2013-12-31"),
        reoffending=Reoffending(months=(24,), risks=(0.35,), never=0.5, frailty=1.0),
        effect=Effect.constant(0.8),
        delivery=Delivery(
            eras=(
                Era(to_prosecution=0.4, to_checkpoint=0.05),
                Era(first="2012-08-25", to_prosecution=0.05, to_checkpoint=0.02),
            ),
            officer_spread=0.5,
            by_risk=0.3,
        ),
        recording=Recording(extract="2016-07-01"),
    )
    sources = dict.fromkeys(scenario.values(), ASSUMED) | {"people": f"204 + 424: {slides}"}
    return replace(scenario, sources=sources)


def gateway_scenario() -> Scenario:
    """Return a trial like Gateway: consent asked again once the arm is known.

    Returns
    -------
    Scenario
        240 people; some 109 stay in the conditional caution and 82 in the usual process.

    Notes
    -----
    Public: ages 18 to 24, recruitment from October 2019 to April 2021, a 16-week caution, 109 and
    82 people (Mitchell et al. 2024, BMJ Open 14:e081179). How many there were before consent is
    not; 120 an arm are assumed. Reoffending is not public either.

    Examples
    --------
    >>> [round(120 * share) for share in gateway_scenario().delivery.consent]
    [82, 109]
    """
    paper = "Mitchell et al. (2024), BMJ Open 14:e081179"
    scenario = Scenario(
        title="A trial like Gateway",
        people=240,
        arms=("usual process", "conditional caution"),
        suites={"Southampton": 0.6, "Portsmouth": 0.4},
        rule=Stratified(rule=PermutedBlocks(sizes=(4, 6)), by=("suite",)),
        arrivals=Arrivals(first="2019-10-01", last="2021-04-30"),
        population=Population(youngest=18, median_age=21, oldest=25, age_spread=0.6, mean_record=3),
        reoffending=Reoffending(months=(12,), risks=(0.35,), never=0.4, frailty=1.0),
        effect=Effect.constant(0.8),
        delivery=Delivery(consent=(82 / 120, 109 / 120), contract_months=4),
        recording=Recording(extract="2023-11-01", unassessed=(0.4, 0.2)),
    )
    read = dict.fromkeys(
        (
            "arrivals.first",
            "arrivals.last",
            "population.youngest",
            "population.oldest",
            "delivery.contract_months",
        ),
        paper,
    )
    read["delivery.consent"] = f"calibrated to 109 and 82 of an assumed 240 ({paper})"
    sources = {name: read.get(name, ASSUMED) for name in scenario.values()}
    return replace(scenario, sources=sources)
