"""What this library refuses, and why: one root, five children.

Every message names the argument, what was got and the remedy. All are `ValueError`, so callers
need not import them to catch them.
"""


class TrialError(ValueError):
    """Input this library refuses."""


class UnknownColumn(TrialError):
    """A name that is not in the table, the trial or the protocol; near names are listed."""


class InvalidData(TrialError):
    """A value in a table that cannot be what its column says it is."""


class ImpossibleDesign(TrialError):
    """Arms, strata, ratios or horizons that cannot give an answer."""


class InvalidProtocol(TrialError):
    """A promise that cannot be: in a file, the line and key are named.

    `at` is where the fault lies, from the value that found it: ("outcomes", 1, "time_point").
    """

    def __init__(self, message: str, *, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(message)
        self.at = at


class OutputRefused(TrialError):
    """A place where results may not be written."""
