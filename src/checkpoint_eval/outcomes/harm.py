"""How much harm: offences weighted by how grave they are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import FloatArray, floats, frozen_mapping
from checkpoint_eval._checks import check_count, check_mapping, counted, is_number
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import InvalidData, TrialError
from checkpoint_eval.outcomes.counting import PROVEN, Counting, check_counting
from checkpoint_eval.outcomes.follow_up import follow
from checkpoint_eval.outcomes.observed import NumericOutcome
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.randomise.assignment import Assignment


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class HarmWeights(Shown):
    """What an offence of each kind weighs.

    Attributes
    ----------
    name, version, source : str
        Which index, of when, and where the values were read.
    unit : str
        Such as "days".
    weights : mapping of str to float
        By offence code, at least 0.
    """

    name: str
    version: str
    source: str
    weights: Mapping[str, float]
    unit: str = "days"

    def __post_init__(self) -> None:
        for code, weight in check_mapping(self.weights, "weights").items():
            if not is_number(weight) or not 0 <= weight < np.inf:
                raise TrialError(
                    f"`weights[{code!r}]` must be finite and at least 0, got {weight!r}."
                )
        object.__setattr__(self, "weights", frozen_mapping(dict(self.weights)))

    def to_frame(self) -> pd.DataFrame:
        """Return one row a kind of offence."""
        weights = {"weight": list(self.weights.values())}
        return pd.DataFrame({"offence": list(self.weights), **weights})


CAMBRIDGE_MEDIANS = HarmWeights(
    name="Cambridge Crime Harm Index, medians by Home Office subgroup",
    version="2026 sheet, as summarised in public code",
    source="secondary; index defined by Sherman, Neyroud and Neyroud (2016), Policing 10(3)",
    weights={
        "homicide": 5475,
        "rape": 2555,
        "other sexual": 182.25,
        "violence with injury": 365,
        "violence without injury": 10,
        "stalking and harassment": 10,
        "residential burglary": 273.5,
        "non-residential burglary": 183.5,
        "robbery": 365,
        "shoplifting": 1,
        "other theft": 2,
        "theft from person": 2,
        "bicycle theft": 2,
        "vehicle offences": 5,
        "criminal damage": 2,
        "arson": 185,
        "public order": 7.5,
        "possession of drugs": 3,
        "trafficking of drugs": 5,
        "possession of weapons": 273.75,
        "miscellaneous": 10,
    },
)


def severity(records: Records, weights: HarmWeights) -> FloatArray:
    """Return (m,) what each offence of the records weighs.

    Parameters
    ----------
    records : Records
        With offence codes.
    weights : HarmWeights
        One weight for each code: your own table, or `CAMBRIDGE_MEDIANS`.

    Returns
    -------
    (m,) float

    Raises
    ------
    InvalidData
        When a code has no weight, or an offence no code: all such codes are listed.

    References
    ----------
    Sherman, Neyroud and Neyroud (2016), The Cambridge Crime Harm Index: days in prison at the
    starting point for a first offence. Checked against hand-worked people.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.outcomes import CAMBRIDGE_MEDIANS
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> severity(cohort.records(), CAMBRIDGE_MEDIANS)[:3]
    array([1., 2., 2.])
    """
    if not isinstance(weights, HarmWeights):
        raise TrialError(f"`weights` must be `HarmWeights`, got {type(weights).__name__}.")
    offences = records.offences
    if offences.size and not offences.code.size:
        raise InvalidData(
            "The offences have no `code`, so their harm is not known; name its column in `names` "
            "when the records are read."
        )
    used = np.unique(offences.code)
    lacking = [offences.codes[code] for code in used if code >= 0]
    lacking = [code for code in lacking if code not in weights.weights]
    if lacking or (used < 0).any():
        without = int((offences.code < 0).sum())
        blank = f"{counted(without, 'offence')} without a code; " if without else ""
        raise InvalidData(
            f"{blank}no weight in {weights.name} for {', '.join(map(repr, lacking)) or 'those'}; "
            "give each code a weight, or rename codes before the records are read."
        )
    table = floats([weights.weights.get(code, np.nan) for code in offences.codes])
    return table[offences.code] if offences.size else np.zeros(0)


def harm_days(
    records: Records,
    assignment: Assignment,
    *,
    weights: HarmWeights,
    months: int = 12,
    counting: Counting = PROVEN,
    index: Sequence[object] | None = None,
    index_name: str = "",
) -> NumericOutcome:
    """Add up the harm of each person's reoffences.

    Parameters
    ----------
    records, assignment, months, counting, index, index_name
        As `proven_reoffending`.
    weights : HarmWeights

    Returns
    -------
    NumericOutcome
        In the weights' unit, 0 for people who did not reoffend. Extremely skewed: compare by
        randomisation, not by a t-test.

    Raises
    ------
    InvalidData
        When a code has no weight.
    TrialError
        As `proven_reoffending`.

    References
    ----------
    As `severity`. Checked against hand-worked people.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> from checkpoint_eval.outcomes import CAMBRIDGE_MEDIANS
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> harm_days(cohort.records(), cohort.assignment, weights=CAMBRIDGE_MEDIANS)
    NumericOutcome(240 people, mean 99.35)
    """
    check_count(months, "months")
    people = follow(records, assignment, index=index, index_name=index_name)
    found = check_counting(counting).within(people, months)
    told = found.provenance
    return NumericOutcome(
        value=floats(found.total(severity(records, weights)[found.rows])),
        missing=found.missing,
        provenance=replace(
            told,
            definition=f"harm in {weights.unit} of {told.definition}",
            notes=(f"{weights.name}, {weights.version} ({weights.source})", *told.notes),
        ),
    )
