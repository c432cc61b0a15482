"""Reading a protocol from TOML."""

from pathlib import Path

from checkpoint_eval.design.protocol import Protocol
from checkpoint_eval.design.typed_toml import parse_table, read_text


def read_protocol(path: str | Path) -> Protocol:
    """Read what a trial promised from a TOML file.

    Parameters
    ----------
    path : str or Path
        A UTF-8 TOML file; keys are the fields of `Protocol` and its parts.

    Returns
    -------
    Protocol

    Raises
    ------
    InvalidProtocol
        When the file cannot be read as TOML, a key is missing or unknown, or a value is not
        possible; the message names line, key and remedy.

    References
    ----------
    CONSORT 2025 (Hopewell et al., BMJ 2025;388:e081123), items 9, 14 and 21. Checked against
    hand-written protocols in tests/hand.

    Examples
    --------
    >>> from importlib import resources
    >>> file = resources.files("checkpoint_eval").joinpath("cohort/data/rossi.toml")
    >>> with resources.as_file(file) as path:
    ...     read_protocol(path).horizon
    52.0
    """
    return parse_protocol(read_text(path, what="Protocol"), name=str(path))


def parse_protocol(text: str, *, name: str = "protocol") -> Protocol:
    """Parse the text of a protocol; `name` is how messages call it. See `read_protocol`.

    Examples
    --------
    >>> from importlib import resources
    >>> file = resources.files("checkpoint_eval").joinpath("cohort/data/rossi.toml")
    >>> parse_protocol(file.read_text(encoding="utf-8")).horizon
    52.0
    """
    return parse_table(text, Protocol, name=name)
