"""The items of two checklists of a trial's report, to be filled in."""

# Hopewell et al. (2025), CONSORT 2025 statement, BMJ 388:e081123, its checklist: number, what is
# asked, in the words of the checklist, here and there shortened (its examples above all).
CONSORT: tuple[tuple[str, str], ...] = (
    ("1a", "Identification as a randomised trial"),
    ("1b", "Structured summary of the trial design, methods, results, and conclusions"),
    ("2", "Name of trial registry, identifying number (with URL) and date of registration"),
    ("3", "Where the trial protocol and statistical analysis plan can be accessed"),
    (
        "4",
        "Where and how the individual de-identified participant data (including data dictionary), "
        "statistical code and any other materials can be accessed",
    ),
    (
        "5a",
        "Sources of funding and other support, and role of funders in the design, conduct, "
        "analysis and reporting of the trial",
    ),
    ("5b", "Financial and other conflicts of interest of the manuscript authors"),
    ("6", "Scientific background and rationale"),
    ("7", "Specific objectives related to benefits and harms"),
    (
        "8",
        "Details of patient or public involvement in the design, conduct and reporting of the "
        "trial",
    ),
    (
        "9",
        "Description of trial design including type of trial (eg, parallel group, crossover), "
        "allocation ratio, and framework (eg, superiority, equivalence, non-inferiority, "
        "exploratory)",
    ),
    (
        "10",
        "Important changes to the trial after it commenced including any outcomes or analyses that "
        "were not prespecified, with reason",
    ),
    ("11", "Settings and locations where the trial was conducted"),
    ("12a", "Eligibility criteria for participants"),
    (
        "12b",
        "If applicable, eligibility criteria for sites and for individuals delivering the "
        "interventions",
    ),
    (
        "13",
        "Intervention and comparator with sufficient details to allow replication. If relevant, "
        "where additional materials describing them can be accessed",
    ),
    (
        "14",
        "Prespecified primary and secondary outcomes, including the specific measurement variable, "
        "analysis metric, method of aggregation, and time point for each outcome",
    ),
    ("15", "How harms were defined and assessed (eg, systematically, non-systematically)"),
    (
        "16a",
        "How sample size was determined, including all assumptions supporting the sample size "
        "calculation",
    ),
    ("16b", "Explanation of any interim analyses and stopping guidelines"),
    ("17a", "Who generated the random allocation sequence and the method used"),
    (
        "17b",
        "Type of randomisation and details of any restriction (eg, stratification, blocking and "
        "block size)",
    ),
    (
        "18",
        "Mechanism used to implement the random allocation sequence, describing any steps to "
        "conceal the sequence until interventions were assigned",
    ),
    (
        "19",
        "Whether the personnel who enrolled and those who assigned participants to the "
        "interventions had access to the random allocation sequence",
    ),
    (
        "20a",
        "Who was blinded after assignment to interventions (eg, participants, care providers, "
        "outcome assessors, data analysts)",
    ),
    (
        "20b",
        "If blinded, how blinding was achieved and description of the similarity of interventions",
    ),
    (
        "21a",
        "Statistical methods used to compare groups for primary and secondary outcomes, including "
        "harms",
    ),
    (
        "21b",
        "Definition of who is included in each analysis (eg, all randomised participants), and in "
        "which group",
    ),
    ("21c", "How missing data were handled in the analysis"),
    (
        "21d",
        "Methods for any additional analyses (eg, subgroup and sensitivity analyses), "
        "distinguishing prespecified from post hoc",
    ),
    (
        "22a",
        "For each group, the numbers of participants who were randomly assigned, received intended "
        "intervention, and were analysed for the primary outcome",
    ),
    (
        "22b",
        "For each group, losses and exclusions after randomisation, together with reasons",
    ),
    (
        "23a",
        "Dates defining the periods of recruitment and follow-up for outcomes of benefits and "
        "harms",
    ),
    ("23b", "If relevant, why the trial ended or was stopped"),
    (
        "24a",
        "Intervention and comparator as they were actually administered (eg, who delivered them, "
        "how participants adhered, whether they were delivered as intended)",
    ),
    ("24b", "Concomitant care received during the trial for each group"),
    (
        "25",
        "A table showing baseline demographic and clinical characteristics for each group",
    ),
    (
        "26",
        "For each primary and secondary outcome, by group: the number of participants included in "
        "the analysis, the number with available data at the outcome time point, the result for "
        "each group, and the estimated effect size and its precision (such as 95% confidence "
        "interval); for binary outcomes, both absolute and relative effect size",
    ),
    ("27", "All harms or unintended events in each group"),
    (
        "28",
        "Any other analyses performed, including subgroup and sensitivity analyses, distinguishing "
        "prespecified from post hoc",
    ),
    (
        "29",
        "Interpretation consistent with results, balancing benefits and harms, and considering "
        "other relevant evidence",
    ),
    (
        "30",
        "Trial limitations, addressing sources of potential bias, imprecision, generalisability, "
        "and, if relevant, multiplicity of analyses",
    ),
)

# Sherman and Strang (2009), Crim-PORT 1.0: the items of its first section, and the other eleven
# sections by their titles, which are all that could be verified of them (docs/decisions.md).
CRIMPORT: tuple[tuple[str, str], ...] = (
    ("1A", "Name of the experiment"),
    ("1B-D", "Principal and co-principal investigators, and their employers"),
    (
        "1E",
        "General hypothesis: which treatment causes less or more of which outcome than which "
        "comparison",
    ),
    ("1F1", "Specific hypotheses: all variations of treatment delivery"),
    ("1F2", "Specific hypotheses: all variations of outcome measures"),
    ("1F3", "Specific hypotheses: all subgroups"),
    ("2", "Organisational framework"),
    ("3", "Unit of analysis"),
    ("4", "Eligibility criteria"),
    ("5", "Pipeline: recruitment or extraction of cases"),
    ("6", "Timing"),
    ("7", "Random assignment"),
    ("8", "Treatment and comparison elements"),
    ("9", "Measuring and managing treatments"),
    ("10", "Measuring outcomes"),
    ("11", "Analysis plan"),
    ("12", "Due date and dissemination plan"),
)
