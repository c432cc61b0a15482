# Risks over strata and by a model in each arm: stats::mantelhaen.test (odds ratio, variance of Robins,
# Breslow and Greenland), metafor::rma.mh (all three; Sato's variance of the difference), epiR::epi.2by2
# (difference: Sato; ratio), and logistic regressions in base R:
# run `Rscript tests/oracles/risks_more.R` from the project root.
suppressMessages({library(epiR); library(metafor); library(jsonlite)})

# Strata that hold both arms, as counts by stratum; arm 1 is treatment, first in every table
counts <- function(y, arm, stratum) {
  stratum <- droplevels(interaction(stratum, drop = TRUE))
  n <- table(stratum, factor(arm, 0:1)); x <- table(stratum[y == 1], factor(arm[y == 1], 0:1))
  both <- n[, 1] > 0 & n[, 2] > 0
  data.frame(x1 = x[both, 2], n1 = n[both, 2], x0 = x[both, 1], n0 = n[both, 1], row.names = NULL)
}
common <- function(k, level = .95, epi = TRUE) {
  mh <- function(measure) {
    f <- rma.mh(ai = x1, n1i = n1, ci = x0, n2i = n0, data = k, measure = measure, level = 100 * level,
                correct = FALSE, drop00 = c(FALSE, FALSE), add = c(0, 0))
    back <- if (measure == "RD") identity else exp
    list(value = back(f$beta[1]), std_error = f$se, low = back(f$ci.lb), high = back(f$ci.ub), p_value = f$pval)
  }
  a <- array(rbind(k$x1, k$x0, k$n1 - k$x1, k$n0 - k$x0), c(2, 2, nrow(k)))  # rows: arms
  test <- mantelhaen.test(a, correct = FALSE, conf.level = level)
  found <- list(strata = nrow(k), difference = mh("RD"), ratio = mh("RR"), odds = mh("OR"),
                mantelhaen = list(value = unname(test$estimate), low = test$conf.int[1], high = test$conf.int[2]))
  if (epi) {
    e <- epi.2by2(a, method = "cohort.count", conf.level = level)$massoc.detail
    percent <- function(d) list(value = d$est / 100, low = d$lower / 100, high = d$upper / 100)
    found$sato <- percent(e$ARisk.mh.sato)
    needed <- e$NNT.mh.sato
    found$needed <- c(needed$est, needed$lower, needed$upper)
  }
  found
}
# Greenland and Robins (1985): each stratum's own variance, weighted by the squared weight
greenland <- function(k) {
  w <- with(k, n1 * n0 / (n1 + n0)); p1 <- k$x1 / k$n1; p0 <- k$x0 / k$n0
  sqrt(sum(w^2 * (p1 * (1 - p1) / k$n1 + p0 * (1 - p0) / k$n0))) / sum(w)
}
with_greenland <- function(k, ...) c(common(k, ...), list(greenland = greenland(k)))

r <- read.csv("tests/data/rossi.csv")
rossi <- list(
  race = with_greenland(counts(r$arrest, r$fin, r["race"])),
  race_90 = common(counts(r$arrest, r$fin, r["race"]), level = .9),
  wexp_mar = with_greenland(counts(r$arrest, r$fin, r[c("wexp", "mar")])),
  prio = with_greenland(counts(r$arrest, r$fin, r["prio"]), epi = FALSE),
  age = with_greenland(counts(r$arrest, r$fin, r["age"]), epi = FALSE))

# Minneapolis (Berk and Sherman 1988, table 2): arrest against the other two, by aggravating circumstances
minneapolis <- data.frame(x1 = c(7, 3), n1 = c(64, 28), x0 = c(26, 21), n0 = c(131, 90))

set.seed(19890901)
pairs <- data.frame(pair = rep(1:60, each = 2), arm = rep(0:1, 60))
pairs$any <- rbinom(120, 1, plogis(rep(rnorm(60), each = 2) - .6 * pairs$arm))
uneven <- data.frame(site = sample(1:12, 150, TRUE, prob = (1:12)^2))
uneven$arm <- rbinom(150, 1, .3); uneven$any <- rbinom(150, 1, .15 + .05 * (uneven$site > 8) * uneven$arm)

# Standardised risks: a logistic regression of everyone, or of each arm; Ye et al. (2023), moments with n - 1
standardised <- function(d, formula, by_arm) {
  arm <- d$fin
  if (by_arm) mu <- sapply(0:1, function(a) predict(glm(formula, binomial, d[arm == a, ], control = list(epsilon = 1e-12)),
                                                    d, type = "response"))
  else {
    f <- glm(update(formula, . ~ . + fin), binomial, d, control = list(epsilon = 1e-12))
    mu <- sapply(0:1, function(a) predict(f, transform(d, fin = a), type = "response"))
  }
  y <- d$arrest; v <- matrix(0, 2, 2); everyone <- cov(mu)
  for (a in 0:1) {
    j <- a + 1; own <- arm == a; c1 <- cov(y[own], mu[own, j])
    v[j, j] <- (var(y[own]) - 2 * c1 + everyone[j, j]) / mean(own) + 2 * c1 - everyone[j, j]
  }
  v[1, 2] <- v[2, 1] <- cov(y[arm == 0], mu[arm == 0, 2]) + cov(y[arm == 1], mu[arm == 1, 1]) - everyone[1, 2]
  v <- v / nrow(d); m <- colMeans(mu)
  error <- function(g) sqrt(drop(g %*% v %*% g)); q <- m * (1 - m)
  list(risk = m, difference = list(value = m[2] - m[1], std_error = error(c(-1, 1))),
       ratio = list(value = m[2] / m[1], std_error = error(c(-1, 1) / m)),
       odds = list(value = m[2] * (1 - m[1]) / (m[1] * (1 - m[2])), std_error = error(c(-1, 1) / q)))
}
six <- arrest ~ age + race + wexp + mar + paro + prio
r2 <- transform(r, cell = interaction(race, wexp))
gcomp <- list(
  shared = standardised(r, six, FALSE), by_arm = standardised(r, six, TRUE),
  shared_strata = standardised(r2, arrest ~ age + prio + cell, FALSE),
  by_arm_strata = standardised(r2, arrest ~ age + prio + cell, TRUE))

write(toJSON(list(
  epiR = as.character(packageVersion("epiR")), metafor = as.character(packageVersion("metafor")),
  rossi = rossi, minneapolis = with_greenland(minneapolis),
  pairs = list(people = pairs, found = with_greenland(counts(pairs$any, pairs$arm, pairs["pair"]), epi = FALSE)),
  uneven = list(people = uneven, found = with_greenland(counts(uneven$any, uneven$arm, uneven["site"]), epi = FALSE)),
  standardised = gcomp), digits = NA, auto_unbox = TRUE, dataframe = "columns"), "tests/oracles/risks_more.json")
