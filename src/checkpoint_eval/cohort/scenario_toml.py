"""Reading a scenario from TOML."""

from pathlib import Path

from checkpoint_eval.cohort.scenario import Scenario
from checkpoint_eval.design.typed_toml import parse_table, read_text


def read_scenario(path: str | Path) -> Scenario:
    """Read a scenario from a TOML file.

    Parameters
    ----------
    path : str or Path
        A UTF-8 TOML file; keys are the fields of `Scenario` and its parts, those left out have
        their defaults. A rule is a table with its `kind`.

    Returns
    -------
    Scenario

    Raises
    ------
    InvalidProtocol
        When the file cannot be read as TOML, a key is unknown, or a value is not possible; the
        message names line, key and remedy.

    References
    ----------
    The keys are listed in docs/cohorts.md. Checked against hand-written files.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "small.toml"
    ...     written = path.write_text("people = 60", encoding="utf-8")
    ...     read_scenario(path).people
    60
    """
    return parse_scenario(read_text(path, what="Scenario"), name=str(path))


def parse_scenario(text: str, *, name: str = "scenario") -> Scenario:
    """Parse the text of a scenario; `name` is how messages call it. See `read_scenario`.

    Examples
    --------
    >>> parse_scenario("people = 60").people
    60
    """
    return parse_table(text, Scenario, name=name)
