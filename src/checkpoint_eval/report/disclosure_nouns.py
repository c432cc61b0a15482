"""Tables of people by the rule: flow, baseline, balance, integrity, deviations."""

import re

import numpy as np
from scipy.stats import binomtest

from checkpoint_eval.balance.baseline import BaselineRow, BaselineTable
from checkpoint_eval.balance.differences import BalanceRow, BalanceTable
from checkpoint_eval.balance.integrity import Integrity, IntegrityRow
from checkpoint_eval.balance.participant_flow import Flow
from checkpoint_eval.report.disclosure_amounts import AT_BASELINE
from checkpoint_eval.report.disclosure_audit import Cell, Kind, Told
from checkpoint_eval.report.disclosure_counts import Counts
from checkpoint_eval.report.disclosure_estimates import rounded
from checkpoint_eval.report.disclosure_texts import text_told
from checkpoint_eval.report.evaluation import Deviation
from checkpoint_eval.report.withheld import Withheld, told_as
from checkpoint_eval.results import NAN

BEFORE = "before randomisation"
PRINTED = 3  # figures of a mean


def flow_told(flow: Flow, counts: Counts) -> Flow:
    """Return the flow by the rule: people of an arm, of its analysis sets and with an outcome."""
    randomised = dict(zip(flow.arms, flow.steps[0].counts, strict=True))
    steps = []
    for step in flow.steps:
        kind, zero = _step_kind(step.step)
        for arm, count in zip(flow.arms, step.counts, strict=True):
            _add_step(counts, (*kind, arm), count, randomised[arm])
        told = tuple(
            counts.tell((*kind, arm), count, zero=zero, keep=step is flow.steps[0])
            for arm, count in zip(flow.arms, step.counts, strict=True)
        )
        steps.append(told_as(step, counts=told))
    if flow.assessed is None:
        return told_as(flow, steps=tuple(steps))
    excluded = [(("excluded", why, BEFORE), number) for why, number in flow.excluded]
    counts.add_up(
        (("assessed", BEFORE), flow.assessed),
        [*excluded, *((("people", arm), count) for arm, count in randomised.items())],
    )
    return told_as(
        flow,
        steps=tuple(steps),
        assessed=counts.tell(("assessed", BEFORE), flow.assessed, keep=True),
        excluded=tuple((kind[1], counts.tell(kind, number)) for kind, number in excluded),
    )


def _step_kind(step: str) -> tuple[Kind, bool]:
    """Return what a step counts, as other tables name it, and whether nobody may be told."""
    if step == "randomised" or step.startswith("in analysis set "):
        return ("people",), False
    if step == "received as assigned":
        return ("as assigned",), False
    for ending, kind in ((" unknown", "missing"), (" analysed", "analysed")):
        if step.endswith(ending):
            return (kind, step.removesuffix(ending)), kind == "missing"
    return ("step", step), False


def _add_step(counts: Counts, kind: Kind, count: int, randomised: int) -> None:
    """State what a step leaves of those randomised."""
    whole = ("people", kind[-1]), randomised
    if kind[0] == "analysed":
        lost = ("missing", *kind[1:]), randomised - count
        counts.add_up(whole, [(kind, count), lost])
    elif kind[0] == "as assigned":
        # A rest of nobody is no small count here: that all were treated as assigned is told.
        counts.add_up(whole, [(kind, count)])
    elif kind[0] not in ("people", "missing"):
        counts.add_up(whole, [(kind, count)], all_of_it=False)


def baseline_told(table: BaselineTable, counts: Counts) -> BaselineTable:
    """Return the baseline table by the rule."""
    people = dict(zip(table.arms, table.n, strict=True))
    levels: dict[tuple[str, str], list[Cell]] = {}
    for row in table.rows:
        if row.kind == "categorical":
            levels.setdefault((row.covariate, row.arm), []).append((_level_kind(row), row.count))
    for row in table.rows:
        known, lost = _known(row), (("no value", row.covariate, row.arm), row.missing)
        counts.add_up((("people", row.arm), people[row.arm]), [known, lost])
        if row.kind == "categorical":
            counts.add_up(known, levels[row.covariate, row.arm])
        elif row.kind == "binary":
            none: Cell = ("level", row.covariate, "0", row.arm), row.known - row.count
            counts.add_up(known, [(_level_kind(row), row.count), none])
    return told_as(
        table,
        n=tuple(counts.tell(("people", arm), n, keep=True) for arm, n in people.items()),
        rows=tuple(_baseline_row(row, counts) for row in table.rows),
    )


def _level_kind(row: BaselineRow) -> Kind:
    """Return people of a level, as groups and subgroups name them too: of a yes/no those with 1."""
    return "level", row.covariate, row.level or "1", row.arm


def _known(row: BaselineRow) -> Cell:
    return ("known", row.covariate, row.arm), row.known


def _baseline_row(row: BaselineRow, counts: Counts) -> BaselineRow:
    known = counts.tell(*_known(row))
    told = {"known": known, "missing": counts.tell(_lost(row), row.missing, zero=True)}
    if row.kind != "continuous":
        count = counts.tell(_level_kind(row), row.count)
        share = ratio(count, known)
        spread = float(np.sqrt(share * (1 - share)))
        quartiles = dict.fromkeys(("median", "lower_quartile", "upper_quartile"), NAN)
        return told_as(row, **told, **quartiles, count=count, share=share, mean=share, sd=spread)
    # A quartile of few is one person's value: on either side of it there must be enough.
    least = counts.rule.threshold
    ends, spread = row.known >= 4 * least, row.known >= least and not _is_hidden(row, counts)
    return told_as(
        row,
        **told,
        count=known,
        mean=rounded(row.mean, PRINTED) if spread else NAN,
        sd=rounded(row.sd, PRINTED) if spread else NAN,
        median=rounded(row.median, PRINTED) if row.known >= 2 * least else NAN,
        lower_quartile=rounded(row.lower_quartile, PRINTED) if ends else NAN,
        upper_quartile=rounded(row.upper_quartile, PRINTED) if ends else NAN,
    )


def _is_hidden(row: BaselineRow, counts: Counts) -> bool:
    """Whether the mean of a covariate would tell of few people, or of one."""
    held = counts.amounts.get((row.covariate, AT_BASELINE, row.arm))
    return held is not None and (held.is_of_few(counts.rule) or held.is_of_one())


def _lost(row: BaselineRow) -> Kind:
    return "no value", row.covariate, row.arm


def ratio(part: Told, whole: Told) -> float:
    """Return a share as a reader would compute it from what is told; NaN where that is withheld."""
    if isinstance(part, Withheld) or isinstance(whole, Withheld) or not whole:
        return NAN
    return min(1.0, part / whole)


def balance_told(table: BalanceTable, baseline: BaselineTable, counts: Counts) -> BalanceTable:
    """Return standardised differences by the rule, those of shares from the baseline table told."""
    shares = {(row.covariate, row.level, row.arm): row for row in baseline.rows}
    arms = table.contrast[1], table.contrast[0]
    hidden = {
        row.covariate
        for row in baseline.rows
        if row.arm in arms
        and (_is_hidden(row, counts) or (row.kind != "continuous" and np.isnan(row.share)))
    }
    rows = []
    for row in table.rows:
        missing = {
            f"missing_{name}": counts.tell(("no value", row.covariate, arm), count, zero=True)
            for name, arm, count in (
                ("control", arms[0], row.missing_control),
                ("treatment", arms[1], row.missing_treatment),
            )
        }
        pair = [shares.get((row.covariate, row.level, arm)) for arm in arms]
        if row.kind == "continuous":
            told = _rounded_row(row) if row.covariate not in hidden else _share_row(row, NAN, NAN)
        elif pair[0] is not None and pair[1] is not None:
            told = _share_row(row, pair[0].share, pair[1].share)
        else:  # the overall distance would tell the last level from the others
            told = _rounded_row(row) if row.covariate not in hidden else _share_row(row, NAN, NAN)
        rows.append(told_as(told, **missing))
    return told_as(table, rows=tuple(rows))


def _rounded_row(row: BalanceRow) -> BalanceRow:
    names = ("mean_control", "mean_treatment", "sd_control", "sd_treatment")
    return told_as(
        row,
        **{name: rounded(getattr(row, name), PRINTED) for name in names},
        difference=_two_decimals(row.difference),
        variance_ratio=rounded(row.variance_ratio),
        ks=_two_decimals(row.ks),
    )


def _share_row(row: BalanceRow, control: float, treatment: float) -> BalanceRow:
    """Return a level's row as a reader would compute it from the shares told."""
    spread = [share * (1 - share) for share in (control, treatment)]
    pooled = float(np.sqrt(sum(spread) / 2))
    gap = treatment - control
    return told_as(
        row,
        mean_control=control,
        mean_treatment=treatment,
        sd_control=float(np.sqrt(spread[0])),
        sd_treatment=float(np.sqrt(spread[1])),
        difference=_two_decimals(gap / pooled) if pooled > 0 else (gap if not gap else NAN),
        variance_ratio=rounded(spread[1] / spread[0]) if spread[0] > 0 else NAN,
        ks=abs(gap),
    )


def _two_decimals(value: float) -> float:
    return float(np.round(value, 2)) + 0.0  # without the sign of a nothing


def integrity_told(found: Integrity, counts: Counts) -> Integrity:
    """Return treatment as assigned by the rule, its shares from the counts told."""
    by = found.by or ("everyone",)
    rows = tuple(_integrity_row(row, by, found.level, counts) for row in found.rows)
    for place, arm in enumerate(found.arms):
        received = [_received(found, arm, place, other) for other in range(len(found.arms))]
        people = sum(row.people for row in found.rows if row.arm == arm)
        unknown = sum(row.unknown for row in found.rows if row.arm == arm)
        rest = _whole("unknown", arm), unknown
        counts.add_up((("people", arm), people), [*received, rest])
        others = received[:place] + received[place + 1 :]
        counts.add_up((("otherwise", "everyone", arm), sum(n for _, n in others)), others)
        for name in ("people", "as assigned", "otherwise", "unknown"):
            groups = [_cell(row, by, name) for row in found.rows if row.arm == arm]
            whole = ("people", arm) if name == "people" else _whole(name, arm)
            counts.add_up((whole, sum(count for _, count in groups)), groups)
    crossed = tuple(
        tuple(
            counts.tell(*_received(found, arm, place, other), zero=place != other)
            for other in range(len(found.arms))
        )
        for place, arm in enumerate(found.arms)
    )
    return told_as(found, rows=rows, crossed_over=crossed)


def _whole(name: str, arm: str) -> Kind:
    return (name, arm) if name == "as assigned" else (name, "everyone", arm)


def _received(found: Integrity, arm: str, place: int, other: int) -> Cell:
    kind = ("as assigned", arm) if place == other else ("received", found.arms[other], arm)
    return kind, found.crossed_over[place][other]


def _cell(row: IntegrityRow, by: tuple[str, ...], name: str) -> Cell:
    """Return one count of a group as a cell; everyone's are those of other tables."""
    count = {
        "people": row.people,
        "as assigned": row.as_assigned,
        "otherwise": row.otherwise,
        "unknown": row.unknown,
    }[name]
    if by == ("everyone",):
        return ("people", row.arm) if name == "people" else _whole(name, row.arm), count
    if name == "people" and len(by) == 1:
        return ("level", *by, row.group.removeprefix(f"{by[0]}="), row.arm), count
    return (name, *by, row.group, row.arm), count


def _integrity_row(
    row: IntegrityRow, by: tuple[str, ...], level: float, counts: Counts
) -> IntegrityRow:
    names = ("people", "as assigned", "otherwise", "unknown")
    cells = {name: _cell(row, by, name) for name in names}
    counts.add_up(cells["people"], [cells["as assigned"], cells["otherwise"], cells["unknown"]])
    told = {
        name: counts.tell(*cell, zero=name in ("unknown", "otherwise"))
        for name, cell in cells.items()
    }
    right, people, unknown = told["as assigned"], told["people"], told["unknown"]
    known = people - unknown
    share = ratio(right, known)
    low = high = NAN
    if not np.isnan(share):
        whole = max(int(known), int(right))
        limits = binomtest(int(right), whole).proportion_ci(level, "wilson")
        low, high = min(float(limits.low), share), max(float(limits.high), share)
    return told_as(
        row,
        people=people,
        as_assigned=right,
        otherwise=told["otherwise"],
        unknown=unknown,
        share=share,
        low=low,
        high=high,
        contacts=_contacts_told(row, people, counts),
    )


def _contacts_told(row: IntegrityRow, people: Told, counts: Counts) -> float:
    """Return mean contacts; not where all of them together are few."""
    few = isinstance(people, Withheld) or 0 < row.contacts * row.people < counts.rule.threshold
    return NAN if few else rounded(row.contacts)


# What a promise is, before the reason why it was not kept, which may be that nobody had the event.
PROMISE = re.compile(r"[^']*'.*?'(?: adjusted for [^:]*)?(?: \([^:]*\))?(?=: )")


def deviation_told(deviation: Deviation, arms: tuple[str, ...], counts: Counts) -> Deviation:
    """Return a deviation by the rule."""
    told = tuple(
        counts.tell(("deviation", deviation.what, deviation.told, arm), count, zero=True)
        for arm, count in zip(arms, deviation.counts, strict=False)
    )
    words = deviation.told
    if deviation.what == "promised, not estimable":
        promise = PROMISE.match(words)
        words = promise.group() if promise else "one of the results"
    return told_as(deviation, counts=told, told=text_told(words, counts.rule, names=counts.names))
