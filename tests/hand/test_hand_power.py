"""Power and sample size worked by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from checkpoint_eval.power import (
    Counts,
    Diluted,
    Hazards,
    InClusters,
    InStrata,
    Means,
    PartiallyNested,
    Proportions,
    RestrictedMeans,
    detectable_effect,
    events_needed,
    integrity_surface,
    people_needed,
    power_curve,
    power_of,
)

EXACT = 1e-9  # the root search stops at 1e-14 of log n
Z = ndtri(0.975) + ndtri(0.8)  # 1.95996 + 0.84162


def test_pooled_proportions() -> None:
    """n an arm: (z √(2 p̄ q̄) + z' √(p q + p' q'))² / difference², p̄ half their sum."""
    p, other = 0.48, 0.35
    middle = (p + other) / 2
    believed = math.sqrt(2 * middle * (1 - middle))
    own = math.sqrt(p * (1 - p) + other * (1 - other))
    n = ((ndtri(0.975) * believed + ndtri(0.8) * own) / (p - other)) ** 2
    found = people_needed(Proportions(control=p, treatment=other))
    assert found.exact == pytest.approx((n, n), rel=EXACT)
    assert found.n == (225, 224)  # 448.64 in all
    assert found.power >= 0.8 > found.power_below
    assert found.events == pytest.approx((225 * 0.48, 224 * 0.35))


def test_fleiss_correction_in_closed_form() -> None:
    """n' = n/4 (1 + √(1 + 4/(n difference)))², and for r to 1 with 2 (r + 1)/(r n difference)."""
    for ratio in (1, 2):
        how = {"ratio": ratio}
        n = people_needed(Proportions(control=0.35, treatment=0.25), **how).exact[0]
        root = math.sqrt(1 + 2 * (ratio + 1) / (ratio * n * 0.1))
        corrected = n / 4 * (1 + root) ** 2
        design = Proportions(control=0.35, treatment=0.25, formula="continuity")
        assert people_needed(design, **how).exact[0] == pytest.approx(corrected, rel=EXACT)


def test_odds_and_risk_ratios_by_the_delta_method() -> None:
    """Wald: log ratio over √((1 − p)/(n p) + ...), or over √(1/(n p q) + ...)."""
    p, other, n0, n1 = 0.4, 0.3, 120, 180
    risk = math.sqrt((1 - p) / (n0 * p) + (1 - other) / (n1 * other))
    odds = math.sqrt(1 / (n0 * p * (1 - p)) + 1 / (n1 * other * (1 - other)))
    log_odds = math.log(other / (1 - other) / (p / (1 - p)))
    for measure, effect, error in (
        ("ratio", math.log(other / p), risk),
        ("odds ratio", log_odds, odds),
    ):
        design = Proportions(control=p, treatment=other, measure=measure, formula="unpooled")
        want = ndtr(-effect / error - ndtri(0.975))
        assert power_of(design, n=(n0, n1)).power == pytest.approx(want, rel=1e-12)


def test_schoenfeld_and_freedman() -> None:
    """Events: Z² (1 + r)²/(r log² HR); Z² (1 + r HR)²/(r (1 − HR)²)."""
    for r in (1.0, 2.0, 0.5):
        schoenfeld = Z**2 * (1 + r) ** 2 / (r * math.log(0.7) ** 2)
        freedman = Z**2 * (1 + r * 0.7) ** 2 / (r * 0.3**2)
        found = events_needed(Hazards(ratio=0.7), ratio=r)
        assert found.exact_events == pytest.approx(schoenfeld, rel=EXACT)
        assert dict(found.others)["freedman"] == pytest.approx(freedman, rel=EXACT)
        assert found.total_events == math.ceil(schoenfeld)
        assert found.power >= 0.8 > found.power_below


def test_expected_events_in_closed_form() -> None:
    """λ/(λ + η) (1 − e^(−(λ + η) f) (1 − e^(−(λ + η) R))/((λ + η) R)), accrual R, follow-up f."""
    rate, loss, accrual, follow_up = 0.03, 0.01, 20.0, 24.0
    both = rate + loss
    waiting = (1 - math.exp(-both * accrual)) / (both * accrual)
    chance = rate / both * (1 - math.exp(-both * follow_up) * waiting)
    design = Hazards(
        ratio=0.5,
        control=1 - math.exp(-rate * 12),
        at=12,
        dropout=1 - math.exp(-loss * 12),
        accrual=accrual,
        follow_up=follow_up,
    )
    control, _ = design.events(np.float64(100), np.float64(100))
    assert float(control) == pytest.approx(100 * chance, rel=1e-12)


def test_a_plateau_leaves_some_who_never_do() -> None:
    """Plateau 0.6, so −log 0.6 of hazard in all; half of it by 12 when control = 1 − √0.6."""
    design = Hazards(ratio=2.0, control=1 - math.sqrt(0.6), at=12, follow_up=1e4, plateau=0.6)
    control, treatment = design.events(np.float64(1), np.float64(1))
    # Sooner or later 40 % of control and 1 − 0.6² of treatment.
    assert float(control) == pytest.approx(0.4, rel=1e-6)
    assert float(treatment) == pytest.approx(0.64, rel=1e-6)
    sooner = Hazards(ratio=1.5, control=1 - math.sqrt(0.6), at=12, follow_up=12, plateau=0.6)
    by_then = sooner.events(np.float64(1), np.float64(1))
    assert by_then == pytest.approx([1 - 0.6**0.5, 1 - 0.6**0.75], rel=1e-12)


def test_restricted_mean_when_all_are_followed() -> None:
    """Variance of min(T, τ): 2 (1 − e^(−a) (1 + a))/λ² − mean², a = λ τ, mean (1 − e^(−a))/λ."""
    rate, horizon = 0.04, 24.0
    both = []
    for each in (rate, 0.7 * rate):
        a = each * horizon
        mean = (1 - math.exp(-a)) / each
        both.append((mean, 2 * (1 - math.exp(-a) * (1 + a)) / each**2 - mean**2))
    hazards = Hazards(ratio=0.7, control=1 - math.exp(-rate), at=1, follow_up=24)
    for measure in ("difference", "ratio"):
        design = RestrictedMeans(hazards=hazards, horizon=horizon, measure=measure)
        (low, first), (high, second) = both
        effect, error = high - low, math.sqrt(first / 90 + second / 110)
        if measure == "ratio":
            effect = math.log(high / low)
            error = math.sqrt(first / low**2 / 90 + second / high**2 / 110)
        want = ndtr(effect / error - ndtri(0.975))
        assert power_of(design, n=(90, 110)).power == pytest.approx(want, rel=1e-10)


def test_counts() -> None:
    """1/(rate × exposure) + dispersion in each arm, over n; Zhu and Lakkis' three nulls."""
    rate, ratio, time, k, r = 0.8, 0.85, 0.75, 0.4, 2.0
    own = (1 / (rate * time) + k) + (1 / (rate * ratio * time) + k) / r
    nulls = {
        "unpooled": own,
        "control": (1 / (rate * time) + k) * (1 + 1 / r),
        "pooled": (1 + r) ** 2 / (time * r * rate * (1 + r * ratio)) + (1 + r) * k / r,
    }
    for formula, null in nulls.items():
        both = ndtri(0.975) * math.sqrt(null) + ndtri(0.8) * math.sqrt(own)
        n = (both / math.log(ratio)) ** 2
        design = Counts(control=rate, ratio=ratio, exposure=time, dispersion=k, formula=formula)
        assert people_needed(design, ratio=r).exact[0] == pytest.approx(n, rel=EXACT)


def test_means_and_ancova() -> None:
    """2 Z² sd²/difference² an arm, times 1 − 0.6² = 0.64 when adjusted."""
    plain = Means(difference=0.4, sd=1.3, formula="z")
    adjusted = Means(difference=0.4, sd=1.3, correlation=-0.6, formula="z")
    n = 2 * Z**2 * 1.3**2 / 0.4**2
    assert people_needed(plain).exact[0] == pytest.approx(n, rel=EXACT)
    assert people_needed(adjusted).exact[0] == pytest.approx(0.64 * n, rel=EXACT)
    # Control's variance 1.69 and treatment's 4: n = Z² (1.69 + 4)/0.16.
    apart = Means(difference=0.4, sd=1.3, treatment_sd=2.0, formula="z")
    assert people_needed(apart).exact[0] == pytest.approx(Z**2 * 5.69 / 0.16, rel=EXACT)


def test_welch_degrees_of_freedom() -> None:
    """Variances 1/10 and 9/5: df = 1.9²/(0.1²/9 + 1.8²/4) = 4.4506..."""
    design = Means(difference=1.0, sd=1.0, treatment_sd=3.0)
    found = design.spread(np.float64(10), np.float64(5))
    assert float(found.df) == pytest.approx(1.9**2 / (0.1**2 / 9 + 1.8**2 / 4), rel=1e-12)


def test_clusters() -> None:
    """20 people, ICC 0.05, CV 0.4: 1 + (1.16 × 20 − 1) × 0.05 = 2.11."""
    plain = Means(difference=0.4, sd=1.0, formula="z")
    clustered = InClusters(design=plain, size=20, icc=0.05, cv=0.4, distribution="normal")
    found = people_needed(clustered)
    assert found.exact[0] == pytest.approx(2.11 * 2 * Z**2 / 0.16, rel=EXACT)
    # 207.04 people an arm are 10.35 clusters: 21 in all, 11 and 10.
    assert found.n == (220, 200)
    assert found.power >= 0.8 > found.power_below


def test_navigators() -> None:
    """Variance 1/n in control and 1.45/n in treatment, caseload 10 and ICC 0.05."""
    plain = Means(difference=0.4, sd=1.0, formula="z")
    nested = PartiallyNested(design=plain, caseload=10, icc=0.05, distribution="normal")
    assert people_needed(nested).exact[0] == pytest.approx(2.45 * Z**2 / 0.16, rel=EXACT)
    # Ten navigators: 1/n + (0.95/n + 0.05/10), so n = 1.95/(0.16/Z² − 0.005).
    fixed = PartiallyNested(design=plain, navigators=10, icc=0.05, distribution="normal")
    want = 1.95 / (0.16 / Z**2 - 0.005)
    assert people_needed(fixed).exact[0] == pytest.approx(want, rel=EXACT)
    # Two: 0.025 is more than 0.16/Z² = 0.0204; the power goes to Φ(0.4/√0.025 − z) at most.
    two = PartiallyNested(design=plain, navigators=2, icc=0.05, distribution="normal")
    none = people_needed(two)
    assert not none.estimable
    assert math.isnan(none.people)
    most = ndtr(0.4 / math.sqrt(0.025) - ndtri(0.975))
    assert f"{most:.4f}" in none.reason


def test_strata() -> None:
    """Shares 0.4, 0.6: effect Σ s d = 0.104, variance Σ s (pq + p'q')/n; or by information."""
    one = Proportions(control=0.5, treatment=0.36, formula="unpooled")
    two = Proportions(control=0.3, treatment=0.22, formula="unpooled")
    shares = (0.4, 0.6)
    effects = (-0.14, -0.08)
    each = (0.25 + 0.36 * 0.64, 0.21 + 0.22 * 0.78)  # variance × people an arm
    n = 250
    by_people = InStrata(designs=(one, two), shares=shares)
    variance = sum(s * v / n for s, v in zip(shares, each, strict=True))
    shift = -sum(s * d for s, d in zip(shares, effects, strict=True)) / math.sqrt(variance)
    assert power_of(by_people, n=(n, n)).power == pytest.approx(
        ndtr(shift - ndtri(0.975)), rel=1e-12
    )
    known = [s * n / v for s, v in zip(shares, each, strict=True)]
    shift = -sum(k * d for k, d in zip(known, effects, strict=True)) / math.sqrt(sum(known))
    by_information = InStrata(designs=(one, two), shares=shares, weights="information")
    assert power_of(by_information, n=(n, n)).power == pytest.approx(
        ndtr(shift - ndtri(0.975)), rel=1e-12
    )


def test_dilution() -> None:
    """10 % overridden, 20 % of the others not taken up, 5 % of control treated: 0.67 is kept."""
    how = {"overrides": 0.1, "non_compliance": 0.2, "contamination": 0.05}
    means = Diluted(design=Means(difference=2.0, sd=5.0, formula="z"), **how)
    assert means.kept == pytest.approx(1 - 0.28 - 0.05)
    plain = people_needed(means.design).exact_people
    assert people_needed(means).exact_people == pytest.approx(plain / 0.67**2, rel=EXACT)
    risks = Diluted(design=Proportions(control=0.5, treatment=0.3), **how).received
    assert (risks.control, risks.treatment) == pytest.approx((0.49, 0.356))
    counts = Diluted(design=Counts(control=2.0, ratio=0.5), **how).received
    assert counts.control == pytest.approx(2 - 0.05)
    assert counts.control * counts.ratio == pytest.approx(1 + 0.28)
    hazards = Diluted(design=Hazards(ratio=0.5), **how).received
    assert hazards.ratio == pytest.approx(0.5**0.67)
    none = people_needed(Diluted(design=means.design, overrides=0.6, contamination=0.4))
    assert "nothing of the effect is left" in none.reason


def test_fisher_by_counting() -> None:
    """Three against three: only 3 events against 0 has p = 1/20, one-sided; power p³ q'³."""
    design = Proportions(control=0.9, treatment=0.2, formula="fisher")
    found = power_of(design, n=6, alpha=0.05, sided=1)
    assert found.power == pytest.approx(0.9**3 * 0.8**3, rel=1e-12)
    assert power_of(design, n=6, alpha=0.05, sided=2).power == 0  # its two-sided p is 0.1
    more = Proportions(control=0.2, treatment=0.9, formula="fisher")
    assert power_of(more, n=6, sided=1).power == pytest.approx(0.9**3 * 0.8**3, rel=1e-12)


def test_no_effect_rejects_as_often_as_alpha() -> None:
    """On the side of success: alpha, or half of it."""
    nothing = [
        Proportions(control=0.3, treatment=0.3, better="lower"),
        Proportions(control=0.3, treatment=0.3, better="higher", measure="odds ratio"),
        Means(difference=0, sd=1, better="higher"),
        Hazards(ratio=1, control=0.3, better="lower"),
        Counts(control=1, ratio=1, better="lower"),
    ]
    for design in nothing:
        assert power_of(design, n=200, alpha=0.04).power == pytest.approx(0.02, rel=1e-9)
        assert power_of(design, n=200, alpha=0.04, sided=1).power == pytest.approx(0.04, rel=1e-9)


def test_detectable_effect_has_the_power() -> None:
    plain = detectable_effect(Means(difference=-1, sd=2, formula="z"), n=(50, 50))
    assert plain.effect == pytest.approx(-Z * 2 * math.sqrt(2 / 50), rel=1e-9)
    assert plain.power == pytest.approx(0.8, abs=1e-9)
    ratio = detectable_effect(Counts(control=1, ratio=0.9, formula="control"), n=400)
    assert ratio.design.ratio == ratio.effect < 1
    assert ratio.power == pytest.approx(0.8, abs=1e-9)
    none = detectable_effect(Proportions(control=0.02, treatment=0.01), n=20)
    assert not none.estimable
    assert "no effect has more" in none.reason


def test_a_curve_is_power_at_every_point() -> None:
    plan = InClusters(design=Proportions(control=0.48, treatment=0.4), size=10, icc=0.01)
    found = power_curve(plan, n=(300, 601), over={"design.control": (0.5, 0.6), "cv": (0, 1)})
    assert len(found) == 8
    for row in found.itertuples(index=False):
        one = InClusters(
            design=Proportions(control=row[0], treatment=0.4), size=10, icc=0.01, cv=row[1]
        )
        assert row.power == power_of(one, n=(row.control_n, row.treatment_n)).power


def test_the_integrity_surface_is_both_at_once() -> None:
    plan = Means(difference=0.4, sd=1.0, formula="z")
    nested = PartiallyNested(design=plan, caseload=10, icc=0.5, distribution="normal")
    found = integrity_surface(
        Diluted(design=nested, contamination=0.1), overrides=(0, 0.2), icc=(0, 0.05), n=200
    )
    n = {0: 2.0, 0.05: 2.45}
    for row in found.itertuples(index=False):
        kept = 0.9 - row.overrides
        assert row.kept == pytest.approx(kept)
        shift = 0.4 * kept / math.sqrt(n[row.icc] / 100)
        assert row.power == pytest.approx(ndtr(shift - ndtri(0.975)), rel=1e-12)
        assert row.people_needed == math.ceil(2 * n[row.icc] * Z**2 / (0.4 * kept) ** 2)


def test_a_result_tells_what_it_is() -> None:
    told = repr(people_needed(Proportions(control=0.48, treatment=0.35)))
    for words in ("449 people", "448.644", "0.7994 with one fewer", "alpha 0.05, two-sided",
                  "Fleiss", "Assumes: people are independent", "unpooled 443.16"):  # fmt: skip
        assert words in told
    assert "247 events (exactly 246.787)" in repr(events_needed(Hazards(ratio=0.7)))
    assert "0.7476 at 217 events" in repr(power_of(Hazards(ratio=0.7), events=217)).replace(
        "power ", ""
    )
    found = people_needed(Proportions(control=0.48, treatment=0.35))
    assert found.to_dict()["people"] == 449
    assert "<br>" in found._repr_html_()


def test_an_odds_ratio_against_a_margin() -> None:
    """Under the null hypothesis: risks with odds ratio 1.5 and as many events expected."""
    n0, n1, p, other = 100.0, 150.0, 0.4, 0.35

    def treated(risk: float) -> float:
        odds = 1.5 * risk / (1 - risk)
        return odds / (1 + odds)

    low = brentq(lambda x: n0 * x + n1 * treated(x) - n0 * p - n1 * other, 0.01, 0.9, xtol=1e-15)
    null = [1 / (n0 * low * (1 - low)), 1 / (n1 * treated(low) * (1 - treated(low)))]
    design = Proportions(
        control=p, treatment=other, measure="odds ratio", margin=1.5, better="lower"
    )
    found = design.spread(np.float64(n0), np.float64(n1))
    assert found.null == pytest.approx(null, rel=1e-10)
    want = math.log(other / (1 - other) / (p / (1 - p)) / 1.5)
    assert float(found.effect) == pytest.approx(want, rel=1e-12)


def test_a_rate_ratio_against_a_margin() -> None:
    """Pooled: rates b and 1.2 b with the 100 × 2 + 150 × 1.8 = 470 events expected: b = 470/280."""
    base = 470 / 280
    design = Counts(control=2.0, ratio=0.9, dispersion=0.5, margin=1.2, better="lower")
    found = design.spread(np.float64(100), np.float64(150))
    want = [(1 / base + 0.5) / 100, (1 / (1.2 * base) + 0.5) / 150]
    assert found.null == pytest.approx(want, rel=1e-12)
    assert float(found.effect) == pytest.approx(math.log(0.75), rel=1e-12)


def test_degrees_of_freedom() -> None:
    """20 + 30 people: 48, less 3 covariates; in two strata 20 − 2 and 30 − 2."""
    plain = Means(difference=1, sd=1)
    adjusted = Means(difference=1, sd=1, covariates=3)
    n = (np.float64(20), np.float64(30))
    assert [float(each.spread(*n).df) for each in (plain, adjusted)] == [48, 45]
    strata = InStrata(designs=(plain, plain), shares=(0.4, 0.6))
    assert float(strata.spread(*n).df) == 18 + 28
    # Control 1/20 with 19, five navigators' 1/30 × 1.5 with 4.
    nested = PartiallyNested(design=plain, caseload=6, icc=0.1)
    want = (1 / 20 + 0.05) ** 2 / (0.05**2 / 19 + 0.05**2 / 4)
    assert float(nested.spread(*n).df) == pytest.approx(want, rel=1e-12)
