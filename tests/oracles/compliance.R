# Two-stage least squares, Anderson–Rubin intervals and complier risks from Kaplan–Meier curves:
# run `Rscript tests/oracles/compliance.R` from the project root. What was received is made up from
# covariates (Rossi and recid have perfect compliance), so that it is the same in Python.
suppressMessages({library(estimatr); library(survival); library(jsonlite)})

took <- function(fit, term) {
  i <- which(fit$term == term)
  list(value = unname(fit$coefficients[i]), std_error = unname(fit$std.error[i]),
       df = unname(fit$df[i]), low = unname(fit$conf.low[i]), high = unname(fit$conf.high[i]),
       p_value = unname(fit$p.value[i]))
}
TYPES <- c("classical", "HC0", "HC1", "HC2")
by_type <- function(fitted) sapply(TYPES, fitted, simplify = FALSE)

r <- read.csv("tests/data/rossi.csv")
r$got <- as.integer(ifelse(r$fin == 1, r$wexp == 1 | r$prio < 3, r$prio > 8))
rossi <- list(
  received = as.list(table(r$fin, r$got)),
  plain = by_type(function(t) took(iv_robust(arrest ~ got | fin, r, se_type = t), "got")),
  adjusted = by_type(function(t) took(
    iv_robust(arrest ~ got + age + race + prio | fin + age + race + prio, r, se_type = t), "got")),
  stratified = by_type(function(t) took(
    iv_robust(week ~ got + race + age | fin + race + age, r, se_type = t), "got")),
  first_stage = by_type(function(t) {
    f <- lm_robust(got ~ fin + age + race + prio, r, se_type = t)
    unname(f$statistic["fin"])^2
  }))

# Anderson–Rubin: where the p-value of the assignment, as a regressor of y − b·d, is 5 per cent
ar_p <- function(d, b, type) {
  d$u <- d$arrest - b * d$got
  fit <- lm_robust(u ~ fin + age + race + prio, d, se_type = type)
  fit$p.value[["fin"]]
}
ends <- function(d, type, low, mid, high) {
  f <- function(b) ar_p(d, b, type) - 0.05
  c(uniroot(f, c(low, mid), tol = 1e-13)$root, uniroot(f, c(mid, high), tol = 1e-13)$root)
}
rossi$anderson_rubin <- by_type(function(t) list(
  ends = ends(r, t, -2, rossi$adjusted[[t]]$value, 2),
  p_value = ar_p(r, 0, t)))

# Weak instruments: what was received has next to nothing to do with assignment, so that the set is
# an interval, everything, or two pieces (the last where assignment itself moves the outcome)
shape <- function(got, outcome) {
  w <- r
  w$got <- as.integer(got)
  w$arrest <- outcome
  grid <- c(-1e6, -50, -10, -5, -3, -2, -1, -.5, -.2, 0, .2, .5, 1, 2, 3, 5, 10, 50, 1e6)
  list(fit = took(iv_robust(arrest ~ got + age + race + prio | fin + age + race + prio, w,
                            se_type = "HC2"), "got"),
       f = unname(lm_robust(got ~ fin + age + race + prio, w, se_type = "HC2")$statistic["fin"])^2,
       grid = grid, p = sapply(grid, function(b) ar_p(w, b, "HC2")))
}
some <- ifelse(r$fin == 1, r$age %% 10 < 6, r$age %% 10 < 5)
weak <- list(interval = shape(some, r$arrest), gap = shape(r$age %% 10 < 5, r$arrest),
             everything = shape(r$age %% 10 < 5, r$paro),
             pieces = shape(r$age %% 10 < 5, r$arrest + r$fin))

# Complier risk by 76 months in recid, where people are censored from 70 on. The influence of each
# person on survfit's curve gives the delta method's variance of the ratio.
d <- read.csv("tests/data/recid.csv")
d$event <- 1 - d$cens
d$got <- as.integer(ifelse(d$workprg == 1, d$age %% 5 > 0, d$age %% 7 == 0))
at <- 76
risk <- share <- n <- numeric(2); moved <- vector("list", 2)
for (arm in 0:1) {
  own <- d[d$workprg == arm, ]
  fit <- survfit(Surv(durat, event) ~ 1, own, influence = 1)
  risk[arm + 1] <- 1 - summary(fit, times = at)$surv
  share[arm + 1] <- mean(own$got); n[arm + 1] <- nrow(own)
  k <- max(which(fit$time <= at))
  moved[[arm + 1]] <- list(risk = -fit$influence.surv[, k], share = (own$got - mean(own$got)) / nrow(own))
}
effect <- diff(risk) / diff(share)
variance <- sum(sapply(moved, function(m) sum((m$risk - effect * m$share)^2))) / diff(share)^2
km <- list(at = at, censored_before = sum(d$durat < at & d$event == 0), risk = risk, share = share,
           value = effect, std_error_hc0 = sqrt(variance))

writeLines(toJSON(list(
  made_with = paste(R.version.string, "estimatr", packageVersion("estimatr"), "survival",
                    packageVersion("survival")),
  rossi = rossi, weak = weak, recid = km), digits = NA, auto_unbox = TRUE, pretty = TRUE),
  "tests/oracles/compliance.json")
