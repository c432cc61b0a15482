"""A number that is known to so many digits, and printed with no more."""

import re
from math import ceil, floor, isfinite, log10
from numbers import Real

PRECISION = re.compile(r"\.(\d+)([f%])")


class Rounded(float):
    """A number that was rounded to a multiple of `step`; printed with no decimals beyond it.

    Multiples, parts and the opposite of it know as many; a sum is a plain number.

    Examples
    --------
    >>> mean = Rounded.to(537.41, 1)
    >>> f"{mean:.1f} days, {100 * Rounded.to(0.118, 0.02):+.1f} points"
    '537 days, +12 points'
    """

    __slots__ = ("step",)
    step: float

    def __new__(cls, value: float, step: float = 0.0) -> "Rounded":
        """Make a number of which multiples of `step` are known; 0 for all of it."""
        made = super().__new__(cls, value)
        made.step = step
        return made

    @classmethod
    def to(cls, value: float, step: float) -> float:
        """Return the nearest multiple of a step; what is infinite or unknown as it is."""
        if not isfinite(value) or not step > 0:
            return value
        # The decimals of the step only, without what the product adds to them.
        return cls(round(round(value / step) * step, max(0, _decimals(step)) + 1) + 0.0, step)

    def __format__(self, spec: str) -> str:
        def shorter(found: re.Match[str]) -> str:
            known = _decimals(self.step) - (2 if found[2] == "%" else 0)
            return f".{min(int(found[1]), max(0, known))}{found[2]}"

        return format(float(self), PRECISION.sub(shorter, spec) if self.step else spec)

    def __mul__(self, other: float) -> "Rounded":
        if not isinstance(other, Real):  # an array or a column sees to itself
            return NotImplemented
        return Rounded(float(self) * other, self.step * abs(other))

    __rmul__ = __mul__

    def __truediv__(self, other: float) -> "Rounded":
        if not isinstance(other, Real):
            return NotImplemented
        return Rounded(float(self) / other, self.step / abs(other))

    def __neg__(self) -> "Rounded":
        return Rounded(0.0 - float(self), self.step)

    def __abs__(self) -> "Rounded":
        return Rounded(abs(float(self)), self.step)


def figures(value: float, several: int) -> float:
    """Return the step of so many significant figures of a number."""
    return 10.0 ** (floor(log10(abs(value))) - several + 1) if value and isfinite(value) else 0.0


def _decimals(step: float) -> int:
    return ceil(-log10(step) - 1e-9) if step > 0 else 0
