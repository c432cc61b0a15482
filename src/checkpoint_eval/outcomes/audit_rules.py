"""What one rule of an audit tells."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from checkpoint_eval._arrays import IntArray

Severity: TypeAlias = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one rule found; `rows` is None when it could not be looked at."""

    rule: str
    severity: Severity
    table: str
    rows: IntArray | None
    remedy: str
