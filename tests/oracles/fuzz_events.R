# Small awkward data sets by R survival and cmprsk, data and answers in one file:
# run `Rscript tests/oracles/fuzz_events.R` from the project root.
suppressMessages({library(survival); library(cmprsk); library(jsonlite)})
set.seed(20261122)

tight <- coxph.control(eps = 1e-13, toler.chol = 1e-14, iter.max = 100)
few <- function(n) sample(1:4, n, TRUE)
times <- list(few = few, quarters = function(n) sample(1:40, n, TRUE) / 4,
              days = function(n) sample(1:700, n, TRUE), same = function(n) rep(7, n))
shares <- c(half = .5, often = .85, seldom = .2)

# People of two or three arms, a number, a category, strata, weights, clusters and late entry.
people <- function(i) {
  n <- c(8, 12, 20, 45)[i %% 4 + 1]
  arms <- if (i %% 5 == 0) 3 else 2
  time <- times[[i %% length(times) + 1]](n)
  event <- as.integer(runif(n) < shares[[i %% 3 + 1]])
  data.frame(
    arm = c(seq_len(arms), sample(arms, n - arms, TRUE)) - 1, time, event,
    cause = ifelse(event == 0 & runif(n) < .5, "death", ""),
    x = round(rnorm(n) * c(1, 1e6, 1e-6)[i %% 3 + 1], 9), g = sample(c("a", "b", "c"), n, TRUE),
    s = sample(c("u", "v"), n, TRUE), w = sample(c(.5, 1, 2.7), n, TRUE),
    cl = paste0("c", sample(n %/% 3, n, TRUE)), off = round(rnorm(n) / 2, 2),
    entry = ifelse(seq_len(n) > 1 & runif(n) < .6, 0, time * sample(1:3, n, TRUE) / 4))
}

# Coefficients with their variance; whether R took one for infinite, or had no number for it.
cox <- function(formula, data, ties, ...) {
  infinite <- FALSE
  m <- withCallingHandlers(
    do.call(coxph, list(formula, data, ties = ties, control = tight, ...)),
    warning = function(told) { infinite <<- TRUE; invokeRestart("muffleWarning") })
  list(coef = unname(coef(m)), variance = m$var, infinite = infinite || anyNA(coef(m)),
       loglik = tail(m$loglik, 1))
}

models <- function(d) {
  d$arm <- factor(d$arm)
  of <- function(right) reformulate(right, "Surv(time, event)")
  late <- function(right) reformulate(right, "Surv(entry, time, event)")
  list(
    arms = cox(of(c("arm", "strata(s)")), d, "efron"),
    weighted = cox(of(c("arm", "g")), d, "efron", weights = d$w, cluster = d$cl),
    breslow = cox(of(c("arm", "x")), d, "breslow", robust = TRUE),
    late = cox(late(c("arm", "x", "strata(s)", "offset(off)")), d, "efron", weights = d$w,
               cluster = d$cl))
}

competing <- function(d) {
  kind <- ifelse(d$event == 1, 1, ifelse(d$cause == "", 0, 2))
  found <- cuminc(d$time, kind, d$arm)
  two <- d$arm < 2
  ratio <- tryCatch(crr(d$time[two], kind[two], cbind(d$arm[two]), gtol = 1e-10, maxiter = 50),
                    error = function(told) NULL)
  list(gray = unname(found$Tests["1", c("stat", "pv", "df")]),
       ratio = if (!is.null(ratio)) c(unname(ratio$coef), sqrt(ratio$var)))
}

# The smallest sets that once went wrong.
flat <- data.frame(arm = c(1, 1, 0, 0, 0, 0, 2, 2, 2, 2, 2), time = c(1, 1, 3:6, 2, 3, 4, 7, 8),
                   event = c(0, 0, 1, 1, 0, 1, 1, 1, 1, 1, 0))
alone <- data.frame(arm = c(0, 0, 1, 0, 0, 0, 1, 0, 0, 0),
                    time = c(4.75, .25, 2.5, 3, 2, 8.75, 6.75, 9.25, 8.75, 5.25),
                    event = c(0, 0, 0, 0, 0, 1, 0, 0, 1, 0))
apart <- data.frame(arm = c(0, 0, 1, 0, rep(1, 10)),
                    time = c(2, 4, 4, 4, 4, 1, 3, 2, 3, 2, 1, 1, 2, 1), event = rep(0, 14),
                    g = strsplit("bacbcaccaacaab", "")[[1]],
                    w = c(1, 2, 2, 1, 1, 2, 2, 3, 2, 2, 3, 1, 2, 1),
                    cl = paste0("c", c(3, 0, 0, 2, 1, 0, 3, 2, 3, 0, 0, 0, 1, 2)))
apart$event[9] <- 1
as_arm <- function(d) transform(d, arm = factor(arm))
told <- list(
  flat = list(data = flat, fit = cox(Surv(time, event) ~ arm, as_arm(flat), "efron")),
  alone = list(data = alone, fit = cox(Surv(time, event) ~ arm, as_arm(alone), "efron")),
  apart = list(data = apart, fit = cox(Surv(time, event) ~ arm + g, as_arm(apart), "efron",
                                       weights = apart$w, cluster = apart$cl)))

spread <- lapply(1:24, function(i) {
  d <- people(i)
  list(data = d, cox = models(d), competing = competing(d))
})
write(toJSON(list(told = told, spread = spread), digits = NA, auto_unbox = TRUE, na = "null",
             null = "null", dataframe = "columns", matrix = "rowmajor"),
      "tests/oracles/fuzz_events.json")
