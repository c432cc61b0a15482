"""What a report says, section by section: the page and the Word document print nothing else."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One figure as files, and in words for those who do not see it."""

    name: str
    title: str
    text: str
    svg: str
    png: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table as text; the first column heads its row.

    Attributes
    ----------
    caption : str
        Unlike that of any other table of the report.
    columns : tuple of str
    rows : tuple of tuple of str
        What follows a line break in a cell is printed small.
    notes : tuple of str
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One section of a report, finished: words, then commands, figures, tables and parts.

    Attributes
    ----------
    anchor : str
        Where links go; unlike any other of the report.
    title : str
    paragraphs, commands : tuple of str
        Sentences for readers, and lines for a terminal.
    drawings : tuple of Drawing
    tables : tuple of Table
    parts : tuple of Section
        Sections one level down.
    """

    anchor: str
    title: str
    paragraphs: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()
    parts: tuple["Section", ...] = ()
