# Power and sample size by rpact, stats, pwr and Hmisc; exact power by fisher.test over all tables;
# restricted means by integrate; variances of log rate and odds ratios from fits to the expected
# data. Debian's r-cran-rpact and r-cran-pwr: run `Rscript tests/oracles/power.R` from the project root.
suppressMessages({library(rpact); library(pwr); library(MASS); library(jsonlite)})

rates <- function(control, treatment, power, ratio = 1, sided = 2, alpha = 0.05, margin = 0, risk_ratio = FALSE) {
  d <- getSampleSizeRates(pi1 = treatment, pi2 = control, beta = 1 - power, alpha = alpha, sided = sided,
                          allocationRatioPlanned = ratio, thetaH0 = margin, riskRatio = risk_ratio,
                          normalApproximation = TRUE)
  list(control = control, treatment = treatment, power = power, ratio = ratio, sided = sided, alpha = alpha,
       margin = margin, risk_ratio = risk_ratio, n = c(d$nFixed2[1], d$nFixed1[1]))
}
hazards <- function(hr, control, at, accrual, follow_up, power, ratio = 1, dropout = 0, type = "Schoenfeld",
                    sided = 2, alpha = 0.05, margin = 1) {
  d <- getSampleSizeSurvival(hazardRatio = hr, pi2 = control, eventTime = at, accrualTime = c(0, accrual),
    followUpTime = follow_up, beta = 1 - power, alpha = alpha, sided = sided, allocationRatioPlanned = ratio,
    dropoutRate1 = dropout, dropoutRate2 = dropout, dropoutTime = at, typeOfComputation = type, thetaH0 = margin)
  list(ratio = hr, control = control, at = at, accrual = accrual, follow_up = follow_up, power = power,
       allocation = ratio, dropout = dropout, formula = tolower(type), sided = sided, alpha = alpha, margin = margin,
       events = d$eventsFixed[1], n = d$nFixed[1])
}
# The chance that fisher.test rejects, with treatment below control
fisher <- function(n0, n1, p0, p1, alpha, sided) {
  side <- if (sided == 2) "two.sided" else "less"
  total <- 0
  for (x0 in 0:n0) for (x1 in 0:n1) {
    p <- fisher.test(matrix(c(x1, x0, n1 - x1, n0 - x0), 2), alternative = side)$p.value
    if (p <= alpha * (1 + 1e-12) && x1 * n0 < x0 * n1) total <- total + dbinom(x0, n0, p0) * dbinom(x1, n1, p1)
  }
  list(n = c(n0, n1), control = p0, treatment = p1, alpha = alpha, sided = sided, power = total)
}
# Variance of the log rate ratio for a person an arm: a fit to every count, weighed by its chance
count_variance <- function(control, ratio, exposure, dispersion, n) {
  y <- 0:400
  chance <- function(mu) if (dispersion == 0) dpois(y, mu) else dnbinom(y, mu = mu, size = 1 / dispersion)
  d <- data.frame(y = rep(y, 2), arm = rep(0:1, each = length(y)),
                  w = c(n[1] * chance(control * exposure), n[2] * chance(control * ratio * exposure)))
  family <- if (dispersion == 0) poisson() else negative.binomial(1 / dispersion)
  fit <- suppressWarnings(glm(y ~ arm, family = family, weights = w, data = d, epsilon = 1e-14))
  list(control = control, ratio = ratio, exposure = exposure, dispersion = dispersion, n = n,
       variance = summary(fit, dispersion = 1)$cov.scaled[2, 2])
}
odds_variance <- function(control, treatment, n) {
  d <- data.frame(y = c(0, 1, 0, 1), arm = c(0, 0, 1, 1),
                  w = c(n[1] * c(1 - control, control), n[2] * c(1 - treatment, treatment)))
  fit <- suppressWarnings(glm(y ~ arm, family = binomial, weights = w, data = d, epsilon = 1e-14))
  list(control = control, treatment = treatment, n = n, variance = vcov(fit)[2, 2])
}
# Restricted mean and its variance for one person: hazards of a plateau curve, even accrual, dropout
restricted <- function(ratio, control, at, accrual, follow_up, dropout, plateau, horizon) {
  loss <- -log(1 - dropout) / at
  if (plateau > 0) {
    top <- -log(plateau); rate <- -log(1 + log(1 - control) / top) / at
    cumulative <- function(t) top * (1 - exp(-rate * t)); hazard <- function(t) top * rate * exp(-rate * t)
  } else {
    rate <- -log(1 - control) / at
    cumulative <- function(t) rate * t; hazard <- function(t) rep(rate, length(t))
  }
  waiting <- function(t) if (accrual == 0) rep(1, length(t)) else pmin(1, (follow_up + accrual - t) / accrual)
  area <- function(f, from, to) if (to > from) integrate(f, from, to, rel.tol = 1e-11, abs.tol = 0, subdivisions = 2000)$value else 0
  arm <- function(k) {
    S <- function(t) exp(-k * cumulative(t))
    beyond <- function(t) sapply(t, function(a) area(S, a, horizon))
    inside <- function(t) beyond(t)^2 * k * hazard(t) / (S(t) * waiting(t) * exp(-loss * t))
    seen <- function(t) k * hazard(t) * S(t) * waiting(t) * exp(-loss * t)
    bend <- min(follow_up, horizon)
    c(area(S, 0, horizon), area(inside, 0, bend) + area(inside, bend, horizon * (1 - 1e-12)),
      area(seen, 0, follow_up) + area(seen, follow_up, follow_up + accrual))
  }
  found <- rbind(arm(1), arm(ratio))
  list(ratio = ratio, control = control, at = at, accrual = accrual, follow_up = follow_up, dropout = dropout,
       plateau = plateau, horizon = horizon, mean = found[, 1], variance = found[, 2], chance = found[, 3])
}

grid <- expand.grid(k = 1:5, power = c(.8, .9))
pairs <- rbind(c(.65, .85), c(.6, .7), c(.35, .25), c(.48, .35), c(.2, .1))
out <- list(
  source = paste0("R ", getRversion(), "; rpact ", packageVersion("rpact"), ", pwr ", packageVersion("pwr"),
                  ", MASS ", packageVersion("MASS")),
  rates = c(Map(function(k, power) rates(pairs[k, 1], pairs[k, 2], power), grid$k, grid$power),
    list(rates(.35, .25, .9, ratio = 2), rates(.48, .377, .85, ratio = 1.5, sided = 1, alpha = .025),
         rates(.1, .1, .9, margin = .05, sided = 1, alpha = .025),
         rates(.4, .42, .8, margin = .1, sided = 1, alpha = .025, ratio = 2),
         rates(.4, .3, .8, margin = 1.2, sided = 1, alpha = .025, risk_ratio = TRUE, ratio = .5),
         rates(.3, .2, .9, margin = 1, sided = 2, risk_ratio = TRUE))),
  hazards = list(
    hazards(.5, .4, 24, 12, 24, .9), hazards(.6, .4, 24, 12, 24, .9, type = "Freedman"),
    hazards(.7, .48, 24, 20, 24, .8), hazards(.7, .48, 24, 20, 24, .8, dropout = 1 - .95^2),
    hazards(.7, .48, 24, 20, 24, .8, dropout = .1, ratio = 2), hazards(1.4, .2, 12, 6, 3, .85, ratio = .5),
    hazards(.75, .35, 12, 12, 6, .9, type = "Freedman", ratio = 2, dropout = .05),
    hazards(1, .35, 12, 12, 6, .9, sided = 1, alpha = .025, margin = 1.3)),
  prop_test = Map(function(n, p1, p2) list(n = n, control = p1, treatment = p2,
      power = power.prop.test(n, p1, p2, tol = 1e-12)$power), c(50, 200, 260.5), c(.3, .48, .48), c(.6, .35, .377)),
  prop_detect = list(n = 260, control = .48, treatment = power.prop.test(260, p1 = .48, power = .8, tol = 1e-14)$p2),
  t_test = Map(function(n, delta, sd) list(n = n, difference = delta, sd = sd, power = power.t.test(n, delta, sd)$power),
      c(3, 10, 63), c(2, 1, .5), c(1, 1, 1)),
  t_n = power.t.test(delta = .5, sd = 1, power = .9, tol = 1e-13)$n,
  t_detect = power.t.test(n = 40, sd = 2, power = .8, tol = 1e-13)$delta,
  t_unequal = list(n = c(30, 75), difference = .6, power = pwr.t2n.test(30, 75, d = .6)$power),
  arcsine = Map(function(n0, n1, p0, p1) list(n = c(n0, n1), control = p0, treatment = p1,
      power = pwr.2p2n.test(ES.h(p0, p1), n1 = n0, n2 = n1, alternative = "greater", sig.level = .025)$power),
      c(50, 260), c(80, 261), c(.4, .48), c(.2, .377)),
  fisher = list(fisher(12, 15, .8, .25, .05, 2), fisher(20, 20, .7, .3, .05, 2), fisher(18, 9, .9, .3, .025, 1)),
  counts = list(count_variance(.8, .85, .75, .4, c(100, 100)), count_variance(2, .7, 1.5, 1.2, c(80, 160)),
                count_variance(1.1, 1.4, 1, 0, c(50, 30))),
  odds = list(odds_variance(.48, .35, c(100, 140))),
  restricted = list(restricted(.7, .48, 24, 0, 24, 0, 0, 24), restricted(.7, .48, 24, 20, 24, .0975, 0, 30),
                    restricted(1.5, .3, 12, 12, 12, .1, .4, 18), restricted(.6, .35, 12, 10, 14, 0, .5, 12)))
write_json(out, "tests/oracles/power.json", digits = NA, auto_unbox = TRUE, pretty = TRUE)
