"""The words for critical pathways: who used which, and what they have in common."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from checkpoint_eval._arrays import frozen_mapping
from checkpoint_eval._checks import as_names, check_known
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError

# What pathways are about, finely enough to tell the published vocabularies apart.
THEMES: tuple[str, ...] = (
    *("housing", "drugs", "alcohol", "finances", "education", "employment"),
    *("family and relationships", "physical health", "mental health", "thinking and behaviour"),
    *("sexual exploitation", "domestic violence"),
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Pathways(Shown):
    """A vocabulary of critical pathways.

    Attributes
    ----------
    name : str
    themes : mapping of str to tuple of str
        Each pathway, in order, and what it is about. For a vocabulary of your own any words serve,
        but only `THEMES` are shared with the published ones.
    source : str

    Raises
    ------
    TrialError
        When there are no pathways, or one is about nothing.

    Notes
    -----
    Which themes a pathway covers is our reading of its name; the sources do not map their words
    to each other.

    Examples
    --------
    >>> REGISTER.counterparts("alcohol", COUNTY_DURHAM)
    ('Drug and Alcohol Misuse',)
    >>> Pathways.of("pilot", ["debt", "gambling"], source="pilot of the finance team")
    Pathways(pilot: debt, gambling)
    """

    name: str
    themes: Mapping[str, tuple[str, ...]]
    source: str

    def __post_init__(self) -> None:
        themes = {name: as_names(about) for name, about in self.themes.items()}
        if not themes or not all(themes.values()):
            empty = next((name for name, about in themes.items() if not about), None)
            told = "has no pathways" if empty is None else f"says nothing of what {empty!r} covers"
            raise TrialError(f"`themes` of vocabulary {self.name!r} {told}; give each a theme.")
        object.__setattr__(self, "themes", frozen_mapping(themes))

    @classmethod
    def of(cls, name: str, pathways: Sequence[str], *, source: str) -> "Pathways":
        """Return a vocabulary of your own, each pathway its own theme."""
        return cls(name=name, themes={each: (each,) for each in as_names(pathways)}, source=source)

    @property
    def names(self) -> tuple[str, ...]:
        """The pathways, in order."""
        return tuple(self.themes)

    def check(self, pathway: str) -> str:
        """Return a pathway's name; otherwise raise with the nearest names."""
        return check_known(pathway, self.names, what=f"pathway of {self.name}")

    def counterparts(self, pathway: str, other: "Pathways") -> tuple[str, ...]:
        """Return the pathways of another vocabulary that share a theme with one of this."""
        own = set(self.themes[self.check(pathway)])
        return tuple(name for name, about in other.themes.items() if own & set(about))

    def mapping(self, other: "Pathways") -> pd.DataFrame:
        """Return one row a pathway and counterpart, and how the first relates to the second.

        Relations: "same", "narrower", "broader", "overlapping", or "none" with no counterpart.
        """
        rows = []
        for name, about in self.themes.items():
            for counterpart in self.counterparts(name, other) or ("",):
                beside = other.themes.get(counterpart, ())
                rows.append((name, counterpart, _relation(set(about), set(beside))))
        return pd.DataFrame(rows, columns=[self.name, other.name, "relation"])

    def __repr__(self) -> str:
        return f"Pathways({self.name}: {', '.join(self.names)})"

    def to_frame(self) -> pd.DataFrame:
        """Return one row a pathway: its name and themes."""
        return pd.DataFrame(
            {"pathway": self.names, "themes": [", ".join(each) for each in self.themes.values()]}
        )


def _relation(own: set[str], other: set[str]) -> str:
    if not own & other:
        return "none"
    if own == other:
        return "same"
    if own < other:
        return "narrower"
    return "broader" if own > other else "overlapping"


_SEVEN = {
    "Accommodation": ("housing",),
    "Drug and Alcohol Misuse": ("drugs", "alcohol"),
    "Financial Management and Income": ("finances",),
    "Education, Training and Employability": ("education", "employment"),
    "Children and Families": ("family and relationships",),
    "Health": ("physical health", "mental health"),
    "Attitudes, Thinking and Behaviour": ("thinking and behaviour",),
}
NATIONAL = Pathways(
    name="national 2004",
    themes=_SEVEN,
    source="National Offender Management Service 2004, as the appendix of the County Durham and "
    "Darlington Reducing Re-offending Strategy 2015-18 lists them",
)
COUNTY_DURHAM = Pathways(
    name="County Durham 2014-18",
    themes=_SEVEN
    | {"Sexual Exploitation and Domestic Violence": ("sexual exploitation", "domestic violence")},
    source="Safe Durham Partnership Reducing Re-offending Strategy 2014/17; County Durham and "
    "Darlington Reducing Re-offending Strategy 2015-18",
)
REGISTER = Pathways(
    name="trial register",
    themes={
        "alcohol": ("alcohol",),
        "drugs": ("drugs",),
        "housing": ("housing",),
        "mental health": ("mental health",),
        "sexual exploitation (victim)": ("sexual exploitation",),
        "physical health": ("physical health",),
        "finances": ("finances",),
        "employment": ("employment",),
        "relationships": ("family and relationships",),
    },
    source="College of Policing Research Map, project 406 (Checkpoint)",
)
CRIME_PANEL = Pathways(
    name="Police and Crime Panel 2019",
    themes={
        "Thinking and behaviour": ("thinking and behaviour",),
        "Accommodation": ("housing",),
        "Employment": ("employment",),
        "Family and relationships": ("family and relationships",),
        "Emotional and physical health": ("physical health", "mental health"),
        "Substance misuse": ("drugs", "alcohol"),
        "Finance": ("finances",),
    },
    source="County Durham and Darlington Police and Crime Panel, 14 March 2019, Outcome 3: things "
    "which might be identified as contributing",
)
