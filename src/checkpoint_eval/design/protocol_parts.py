"""Parts of a protocol beside outcomes and estimands: pathways, subgroups, navigators, eras."""

from dataclasses import dataclass
from itertools import pairwise

from checkpoint_eval._checks import check_choice, is_number
from checkpoint_eval.errors import InvalidProtocol

BUILT_IN_SETS: tuple[str, ...] = ("itt", "per-protocol", "as-treated")
# The published vocabularies of `outcomes` and the scales of its scores; a test sees they agree.
VOCABULARIES: tuple[str, ...] = (
    "national 2004",
    "County Durham 2014-18",
    "trial register",
    "Police and Crime Panel 2019",
)
NEED_SCALES: tuple[str, ...] = ("binary", "ordinal", "scale")


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayNeed:
    """One critical pathway and the columns of its need: `before`, and `after` at exit."""

    pathway: str
    before: str
    after: str

    def __post_init__(self) -> None:
        for key in ("pathway", "before", "after"):
            if not getattr(self, key).strip():
                raise InvalidProtocol(
                    f"`{key}` of pathway {self.pathway!r} is empty; give a name.", at=(key,)
                )
        if self.before == self.after:
            raise InvalidProtocol(
                f"Pathway {self.pathway!r} names column {self.before!r} twice; `before` is what "
                "was found at randomisation, `after` what was found at exit.",
                at=("after",),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class PathwayPlan:
    """Critical pathways to be compared, as one family.

    Attributes
    ----------
    scale : {"binary", "ordinal", "scale"}
        Need or none (0, 1); none to severe (0 to 3); or any numbers, more for a greater need.
    needs : tuple of PathwayNeed
    vocabulary : str
        A published vocabulary that pathways are named from; "" for names of your own.
    threshold : float
        A need is a score above it.
    adjust : tuple of str
        Covariates beside the score before.
    assessors : (before, after)
        Columns of who assessed; empty when that is not recorded.

    References
    ----------
    The vocabularies are those of `outcomes`, each with its source. Checked against
    `compare_pathways` called by hand.
    """

    scale: str
    needs: tuple[PathwayNeed, ...]
    vocabulary: str = ""
    threshold: float = 0.0
    adjust: tuple[str, ...] = ()
    assessors: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check_choice(self.scale, "scale", NEED_SCALES)
        if self.vocabulary:
            check_choice(self.vocabulary, "vocabulary", VOCABULARIES)
        if not self.needs:
            raise InvalidProtocol(
                "`needs` lists no pathway; write one [[pathways.needs]] for each.", at=("needs",)
            )
        names = [each.pathway for each in self.needs]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise InvalidProtocol(
                    f"Pathway {name!r} is declared twice; name each once.", at=("needs", place)
                )
        if not abs(self.threshold) < float("inf"):
            raise InvalidProtocol(
                f"`threshold` must be a finite number, got {self.threshold!r}.", at=("threshold",)
            )
        if len(self.assessors) not in (0, 2):
            raise InvalidProtocol(
                f"`assessors` are two columns, who assessed before and who after; got "
                f"{len(self.assessors)}.",
                at=("assessors",),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubgroupPlan:
    """One baseline column by which the effect on the primary outcome is compared.

    Attributes
    ----------
    column : str
        A covariate or a stratum.
    planned : bool
        Whether it was planned before outcomes were seen; otherwise it is shown as exploratory.
    cuts : tuple of float
        Where a column of numbers is cut; a level holds its lower end.
    expected : tuple of str
        Levels from the lowest effect to the highest, where a direction is stated.
    """

    column: str
    planned: bool = True
    cuts: tuple[float, ...] = ()
    expected: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not all(is_number(cut) and abs(cut) < float("inf") for cut in self.cuts) or not all(
            low < high for low, high in pairwise(self.cuts)
        ):
            raise InvalidProtocol(
                f"`cuts` of subgroup {self.column!r} must be finite and ascend, got "
                f"{list(self.cuts)}.",
                at=("cuts",),
            )
        if len(set(self.expected)) < len(self.expected) or len(self.expected) == 1:
            raise InvalidProtocol(
                f"`expected` of subgroup {self.column!r} lists two or more levels, each once, from "
                f"the lowest effect to the highest; got {list(self.expected)}.",
                at=("expected",),
            )
        if self.expected and not self.planned:
            raise InvalidProtocol(
                f"`expected` states a direction for subgroup {self.column!r}, which is not "
                "`planned`; a direction counts when it was stated before outcomes were seen.",
                at=("expected",),
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigatorPlan:
    """Columns of who worked with people under treatment, and of how often they met."""

    column: str
    contacts: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EraPlan:
    """The column of the era each person was randomised in, as rules and staff changed."""

    column: str
