# Cumulative incidences, Gray tests, Fine-Gray fits (cmprsk) and tests of proportional hazards
# (survival): run `Rscript tests/oracles/competing.R` from the project root.
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})

# Estimate and variance of every group and cause at some times; a row for each curve.
curves <- function(time, status, group, at) {
  z <- cuminc(time, status, group)
  t <- timepoints(z, at)
  name <- do.call(rbind, strsplit(rownames(t$est), " "))
  list(group = name[, 1], cause = as.integer(name[, 2]), at = at,
       estimate = unname(t$est), variance = unname(t$var))
}

gray <- function(time, status, group, ...) {
  t <- cuminc(time, status, group, ...)$Tests
  list(cause = as.integer(rownames(t)), statistic = unname(t[, "stat"]), p_value = unname(t[, "pv"]),
       df = unname(t[, "df"]))
}

# crr stops short of the maximum and, asked for more, stalls: one more step of Newton's by hand.
fit <- function(time, status, x, failcode) {
  x <- as.matrix(x)
  m <- crr(time, status, x, failcode = failcode, gtol = 1e-8, maxiter = 50)
  stopifnot(m$converged)
  m <- crr(time, status, x, failcode = failcode, init = m$coef + solve(m$inf, m$score), gtol = 1)
  list(terms = I(colnames(x)), cause = failcode, coef = I(unname(m$coef)), covariance = unname(m$var),
       loglik = m$loglik, loglik_null = m$loglik.null)
}

zph <- function(d, left, right) {
  found <- list()
  for (ties in c("efron", "breslow")) for (transform in c("km", "rank", "identity", "log")) {
    m <- coxph(as.formula(paste(left, "~", right)), d, ties = ties, eps = 1e-14, toler.chol = 1e-15, iter.max = 50)
    z <- cox.zph(m, transform = transform)$table
    found[[length(found) + 1]] <- list(
      right = right, ties = ties, transform = transform, terms = rownames(z),
      statistic = unname(z[, "chisq"]), p_value = unname(z[, "p"]), df = unname(z[, "df"])
    )
  }
  found
}

mgus2 <- read.csv("tests/data/mgus2.csv")
mgus2$years <- mgus2$et %/% 12 + 1  # from 1: at time 0 crr would read G(0), not G(0-)
mgus2$male <- as.integer(mgus2$sex == "M")
mgus2$band <- as.integer(mgus2$age >= 70)
mgus2$third <- 1 + (mgus2$age > 66) + (mgus2$age > 76)
full <- mgus2[complete.cases(mgus2), ]
at <- c(6, 60, 61.5, 120, 180, 240, 300)

fits <- list()
for (time in c("et", "years")) for (failcode in 1:2) {
  one <- fit(mgus2[[time]], mgus2$ev, mgus2["male"], failcode)
  three <- fit(full[[time]], full$ev, full[c("male", "age", "mspike")], failcode)
  fits <- c(fits, list(c(time = time, one), c(time = time, three)))
}

grays <- list()
for (time in c("et", "years")) for (group in c("sex", "third")) {
  plain <- gray(mgus2[[time]], mgus2$ev, mgus2[[group]])
  other <- if (group == "sex") "band" else "sex"
  strata <- gray(mgus2[[time]], mgus2$ev, mgus2[[group]], mgus2[[other]])
  grays <- c(grays, list(c(time = time, group = group, strata = "", plain),
                         c(time = time, group = group, strata = other, strata)))
}

# Three causes, three groups, two places, a dozen times for 240 people.
set.seed(20240)
n <- 240
simulated <- data.frame(group = rep(0:2, each = n / 3), place = rbinom(n, 1, 0.4), x = round(rnorm(n), 2))
rate <- function(base, slope) rexp(n, base * exp(slope * simulated$group + 0.4 * simulated$x * slope))
causes <- cbind(runif(n, 2, 14), rate(0.05, 0.4), rate(0.06, -0.3), rate(0.03, 0.1))
simulated$time <- pmin(ceiling(apply(causes, 1, min)), 12)
simulated$status <- apply(causes, 1, which.min) - 1
s <- simulated
two <- s[s$group < 2, ]

out <- list(
  source = paste(R.version.string, "cmprsk", packageVersion("cmprsk"), "survival", packageVersion("survival")),
  mgus2 = list(
    curves = curves(mgus2$et, mgus2$ev, mgus2$sex, at),
    years = curves(mgus2$years, mgus2$ev, mgus2$sex, c(1, 2, 5, 10, 20, 25)),
    gray = grays, fits = fits
  ),
  simulated = list(
    data = simulated,
    curves = curves(s$time, s$status, s$group, 1:12),
    gray = list(
      c(arms = 3, strata = "", gray(s$time, s$status, s$group)),
      c(arms = 3, strata = "place", gray(s$time, s$status, s$group, s$place)),
      c(arms = 2, strata = "", gray(two$time, two$status, two$group)),
      c(arms = 2, strata = "place", gray(two$time, two$status, two$group, two$place))
    ),
    fits = lapply(1:3, function(k) fit(two$time, two$status, two[c("group", "x")], k))
  ),
  zph = list(
    rossi = zph(read.csv("tests/data/rossi.csv"), "Surv(week, arrest)", "fin+age+race+wexp+mar+paro+prio"),
    rossi_race = zph(read.csv("tests/data/rossi.csv"), "Surv(week, arrest)", "fin+age+wexp+mar+paro+prio+strata(race)"),
    recid = zph(read.csv("tests/data/recid.csv"), "Surv(durat, 1 - cens)",
                "workprg+priors+tserved+felon+alcohol+drugs+black+married+educ+age"),
    recid_black = zph(read.csv("tests/data/recid.csv"), "Surv(durat, 1 - cens)",
                      "workprg+priors+tserved+felon+age+strata(black)")
  )
)
write(toJSON(out, digits = NA, auto_unbox = TRUE, dataframe = "columns", na = "string"), "tests/oracles/competing.json")
