"""A count that is known and not told."""

from dataclasses import replace
from typing import Any, NoReturn, TypeVar

from checkpoint_eval._checks import check_count
from checkpoint_eval.errors import TrialError

NAN_TEXT = "nan"
Noun = TypeVar("Noun")


class Withheld(float):
    """A count that is withheld, so that nobody can be told from it.

    It is a NaN that knows why: missing in tables, null in JSON, "<10" or "withheld" in print.
    Whatever is computed from it is withheld too, and it has no whole number.

    Parameters
    ----------
    below : int, optional
        The count lies below this. None: it does not, and is withheld because it would tell another.

    Examples
    --------
    >>> few = Withheld(below=10)
    >>> f"{few:,} of 250 people"
    '<10 of 250 people'
    >>> few + 240
    withheld
    """

    __slots__ = ("below",)
    below: int | None

    def __new__(cls, *, below: int | None = None) -> "Withheld":
        """Make the value; it cannot change afterwards."""
        if below is not None:
            check_count(below, "below", least=2)
        made = super().__new__(cls, NAN_TEXT)
        # The slot itself is set, as assignment is refused.
        cls.__dict__["below"].__set__(made, below)
        return made

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("A withheld count cannot change.")

    def __repr__(self) -> str:
        return "withheld" if self.below is None else f"<{self.below}"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        # Of a format for numbers only the width can hold for text.
        width = "".join(each for each in spec.partition(".")[0] if each in "<>^0123456789")
        return format(str(self), width.lstrip("0"))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Withheld) and self.below == other.below

    def __hash__(self) -> int:
        return hash((Withheld, self.below))

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.below,)

    def __add__(self, other: object) -> "Withheld":
        # Nothing added tells nothing more, so that a sum of one count stays what it is.
        return self if isinstance(other, int) and other == 0 else Withheld()

    __radd__ = __add__

    def _nothing(self, *_: object) -> "Withheld":
        return Withheld()

    __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _nothing
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _nothing
    __neg__ = __abs__ = __pos__ = _nothing

    def _false(self, _: object) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _false  # like any NaN, and without numpy's warning

    def _refused(self, *_: object) -> NoReturn:
        raise TrialError("A withheld count is not told, so it has no whole number.")

    __int__ = __index__ = __trunc__ = __round__ = __ceil__ = __floor__ = _refused


def _made(below: int | None) -> Withheld:
    return Withheld(below=below)


def told_as(noun: Noun, **fields: Any) -> Noun:
    """Return a noun with other fields, of which counts may be withheld."""
    return replace(noun, **fields)  # type: ignore[type-var]
