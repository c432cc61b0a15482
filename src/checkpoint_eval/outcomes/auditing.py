"""What is wrong with an extract: typed findings, each with rows and a remedy."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from checkpoint_eval._arrays import IntArray, frozen
from checkpoint_eval._checks import check_count, check_known, counted
from checkpoint_eval._display import Shown
from checkpoint_eval.errors import TrialError
from checkpoint_eval.outcomes.audit_people import person_rules
from checkpoint_eval.outcomes.audit_rows import row_rules
from checkpoint_eval.outcomes.audit_rules import Severity
from checkpoint_eval.outcomes.follow_up import follow
from checkpoint_eval.outcomes.records import Records
from checkpoint_eval.randomise.assignment import Assignment


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Finding(Shown):
    """One kind of fault in an extract, and where.

    Attributes
    ----------
    rule : str
        What was found, such as "offence before birth".
    severity : {"error", "warning", "note"}
        Error: the record cannot be so. Warning: it may bias an outcome. Note: to be known.
    table : str
        The table of the extract.
    rows : (k,) int
        Rows of that table as it was given, from 0; of the assignment for findings about people.
    remedy : str
    """

    rule: str
    severity: Severity
    table: str
    rows: IntArray
    remedy: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", frozen(self.rows, np.int64))

    def __repr__(self) -> str:
        first = ", ".join(map(str, self.rows[:5].tolist())) + (
            ", ..." if self.rows.size > 5 else ""
        )
        return (
            f"{self.severity}: {self.rule}, {counted(self.rows.size, 'row')} of {self.table} "
            f"({first}); {self.remedy}"
        )

    def to_frame(self) -> pd.DataFrame:
        """Return one row a row that was found."""
        told = {"rule": self.rule, "severity": self.severity, "table": self.table}
        return pd.DataFrame({"row": self.rows}).assign(**told, remedy=self.remedy)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Audit(Shown):
    """All findings of an extract, errors first; rules that found nothing are told too.

    Attributes
    ----------
    findings : tuple of Finding
    clean : tuple of str
        Rules that were looked at and found nothing.
    skipped : tuple of str
        Rules that could not be looked at, as a table or column was not given.
    """

    findings: tuple[Finding, ...]
    clean: tuple[str, ...]
    skipped: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether no finding is an error."""
        return not any(finding.severity == "error" for finding in self.findings)

    def finding(self, rule: str) -> Finding:
        """Return one finding by its rule."""
        if rule in (*self.clean, *self.skipped):
            told = "found nothing" if rule in self.clean else "could not be looked at"
            raise TrialError(f"Rule {rule!r} {told}, so there is no finding.")
        check_known(rule, [finding.rule for finding in self.findings], what="finding")
        return next(finding for finding in self.findings if finding.rule == rule)

    def to_frame(self) -> pd.DataFrame:
        """Return one row a finding."""
        return pd.DataFrame(
            [
                {
                    "severity": each.severity,
                    "rule": each.rule,
                    "table": each.table,
                    "rows": each.rows.size,
                    "first row": int(each.rows[0]) if each.rows.size else -1,
                    "remedy": each.remedy,
                }
                for each in self.findings
            ],
            columns=["severity", "rule", "table", "rows", "first row", "remedy"],
        )

    def __repr__(self) -> str:
        told = "\n".join(map(repr, self.findings)) or "Nothing was found."
        looked = f"{len(self.findings) + len(self.clean)} rules looked at"
        left = f"; not looked at: {', '.join(self.skipped)}" if self.skipped else ""
        return f"{looked}{left}.\n{told}"


def audit(records: Records, assignment: Assignment, *, months: int = 12) -> Audit:
    """Look for what cannot be, and for what would bias an outcome.

    Parameters
    ----------
    records : Records
    assignment : Assignment
        With `ids` and `date`.
    months : int
        The follow-up that outcomes need.

    Returns
    -------
    Audit
        Nothing is changed: each finding names its rows and a remedy, which is a repair to ask for,
        an option of an outcome, or a question to the police.

    Raises
    ------
    TrialError
        When the assignment has no identifiers or dates.

    References
    ----------
    The rules are listed in docs/records.md. Checked against hand-worked extracts and a plain loop.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> found = audit(cohort.records(), cohort.assignment)
    >>> [each.rule for each in found.findings][:2]
    ['several offences in one day', 'several offences with one disposal']
    """
    check_count(months, "months")
    people = follow(records, assignment)
    findings, clean, skipped = [], [], []
    for looked in (*row_rules(people), *person_rules(people, assignment, months)):
        if looked.rows is None:
            skipped.append(looked.rule)
        elif not looked.rows.size:
            clean.append(looked.rule)
        else:
            findings.append(
                Finding(
                    rule=looked.rule,
                    severity=looked.severity,
                    table=looked.table,
                    rows=looked.rows,
                    remedy=looked.remedy,
                )
            )
    rank = {"error": 0, "warning": 1, "note": 2}
    findings.sort(key=lambda finding: rank[finding.severity])
    return Audit(findings=tuple(findings), clean=tuple(clean), skipped=tuple(skipped))


def linkage(records: Records, assignment: Assignment, *, months: int = 12) -> pd.DataFrame:
    """Say by arm how many people were found, and for how long the extract follows them.

    Parameters
    ----------
    records, assignment, months
        As `audit`.

    Returns
    -------
    DataFrame
        One row an arm: people, linked, share linked, share followed for so long, and the median
        days from randomisation to the end of what is known of them.

    Raises
    ------
    TrialError
        As `audit`.

    References
    ----------
    Counts. Checked against hand-worked extracts.

    Examples
    --------
    >>> import numpy as np
    >>> from checkpoint_eval import generate
    >>> from checkpoint_eval.cohort import Scenario
    >>> cohort = generate(Scenario(people=240), np.random.default_rng(1))
    >>> linkage(cohort.records(), cohort.assignment)[["arm", "people"]]
               arm  people
    0  prosecution     120
    1   checkpoint     120
    """
    people = follow(records, assignment)
    days = (people.end(np.full(people.n, records.extract_date)) - people.index).astype(float)
    long = people.until(check_count(months, "months")) <= records.extract_date
    long &= ~people.unlinked  # nobody follows a person who was not found
    rows = []
    for code, name in enumerate(assignment.arms):
        here = assignment.arm == code
        linked = here & ~people.unlinked
        rows.append(
            {
                "arm": name,
                "people": int(here.sum()),
                "linked": int(linked.sum()),
                "share linked": float(linked.sum() / here.sum()),
                f"share followed {months} months": float(long[here].mean()),
                "median days": float(np.median(days[linked])) if linked.any() else np.nan,
            }
        )
    return pd.DataFrame(rows)
