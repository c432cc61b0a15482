"""The assignment: arm codes, names, strata and the rule that made them."""

from dataclasses import dataclass

import numpy as np

from checkpoint_eval._arrays import IntArray, frozen
from checkpoint_eval._checks import counted
from checkpoint_eval.errors import ImpossibleDesign


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Assignment:
    """Who was allocated to what.

    Attributes
    ----------
    arm : (n,) int
        Arm codes in arrival order; 0 is control.
    arms : tuple of str
        The k arm names, control first.
    stratum : (n,) int
        Stratum codes; all 0 when the randomisation was not stratified.
    strata : tuple of str
        The names of the strata, by code.
    stratified_by : tuple of str
        The columns whose combinations are the strata.

    Raises
    ------
    ImpossibleDesign
        When an arm has nobody, or a stratum holds one arm only.
    """

    arm: IntArray
    arms: tuple[str, ...]
    stratum: IntArray
    strata: tuple[str, ...] = ("everyone",)
    stratified_by: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "arm", frozen(self.arm, np.int64))
        object.__setattr__(self, "stratum", frozen(self.stratum, np.int64))
        if self.arm.shape != self.stratum.shape or self.arm.ndim != 1:
            raise ImpossibleDesign(
                f"`arm` has shape {self.arm.shape} and `stratum` {self.stratum.shape}; "
                "both need one code a person."
            )
        for name, codes, size in (
            ("arm", self.arm, len(self.arms)),
            ("stratum", self.stratum, len(self.strata)),
        ):
            if not ((codes >= 0) & (codes < size)).all():
                row = int((~((codes >= 0) & (codes < size))).argmax())
                raise ImpossibleDesign(
                    f"`{name}` is {int(codes[row])} at row {row}; codes run from 0 to {size - 1}."
                )
        table = self.counts_by_stratum
        empty = [
            name for name, count in zip(self.arms, table.sum(axis=0), strict=True) if not count
        ]
        if empty:
            raise ImpossibleDesign(
                f"Arm {empty[0]!r} has nobody; a comparison needs people in every arm."
            )
        for name, row in zip(self.strata, table, strict=True):
            if (row > 0).sum() < 2:
                only = self.arms[int(row.argmax())]
                raise ImpossibleDesign(
                    f"Stratum {name!r} holds one arm only "
                    f"({counted(int(row.sum()), 'person', 'people')} in {only!r}), so it compares "
                    "nothing; merge it with a neighbouring stratum or leave the factor out of "
                    "`strata`."
                )

    def __repr__(self) -> str:
        arms = ", ".join(f"{name}: {n}" for name, n in zip(self.arms, self.counts, strict=True))
        by = f"; stratified by {', '.join(self.stratified_by)}" if self.stratified_by else ""
        return f"Assignment({arms}{by})"

    @property
    def counts(self) -> tuple[int, ...]:
        """People in each arm, control first."""
        return tuple(int(n) for n in np.bincount(self.arm, minlength=len(self.arms)))

    @property
    def counts_by_stratum(self) -> IntArray:
        """(s, k) people in each arm of each stratum."""
        k, s = len(self.arms), len(self.strata)
        counts = np.bincount(self.stratum * k + self.arm, minlength=s * k)
        return counts.reshape(s, k)
