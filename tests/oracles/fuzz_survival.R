# Forty small awkward trials, made here from a seed, and what survival makes of them: heavy ties,
# times of nought, arms without events or all of whom have it, strata of one arm, three arms:
# run `Rscript tests/oracles/fuzz_survival.R` from the project root.
suppressMessages({library(survival); library(jsonlite)})

people <- function(seed) {
  set.seed(seed)
  k <- c(2, 2, 3)[1 + seed %% 3]
  n <- sample(c(6, 9, 14, 25), 1)
  arm <- c(seq_len(k) - 1, sample(k, n - k, TRUE, prob = seq_len(k)) - 1)
  time <- switch(1 + seed %% 5, sample(5, n, TRUE), sample(0:4, n, TRUE), sample(0:9, n, TRUE) / 2,
                 round(rexp(n, 0.1), 3), sample(3, n, TRUE) * 1e6)
  event <- switch(1 + seed %% 7, rbinom(n, 1, 0.5), rbinom(n, 1, 0.2), rbinom(n, 1, 0.9),
                  as.integer(arm == 1), as.integer(time == time[1]), rep(1L, n),
                  as.integer(seq_len(n) == n))
  data.frame(arm = arm, time = time, event = event, site = sample(1 + seed %% 3, n, TRUE))
}

curve <- function(d, grid, level) {
  f <- survfit(Surv(time, event) ~ 1, d, conf.type = "log-log", conf.int = level)
  s <- summary(f, times = grid, extend = TRUE)
  list(at_risk = s$n.risk, survival = s$surv, low = s$lower, high = s$upper)
}

# A horizon that every arm reaches, or has nobody left to reach; above nought.
horizon <- function(d) {
  ends <- sapply(split(d, d$arm), function(g) if (all(g$event[g$time == max(g$time)] == 1)) Inf else max(g$time))
  min(ends, max(d$time))
}

logrank <- function(d, rho, strata) {
  arms <- length(unique(d$arm))
  model <- if (strata) Surv(time, event) ~ arm + strata(site) else Surv(time, event) ~ arm
  # survdiff fails on a stratum of one arm, which tells nothing
  if (strata) d <- d[ave(d$arm, d$site, FUN = function(a) length(unique(a))) > 1, ]
  if (length(unique(d$arm)) < arms) return(NULL)
  s <- tryCatch(survdiff(model, d, rho = rho), error = function(e) NULL)  # no variance
  if (is.null(s)) return(NULL)
  total <- function(x) if (is.matrix(x)) rowSums(x) else x
  list(rho = rho, strata = strata, excess = total(s$obs) - total(s$exp), variance = s$var)
}

of <- function(seed) {
  d <- people(seed)
  level <- c(0.95, 0.8)[1 + seed %% 2]
  grid <- sort(unique(d$time))
  h <- horizon(d)
  groups <- split(d, d$arm)
  mean <- if (h > 0) unname(t(sapply(groups, function(g) {
    # survfit refuses a horizon before the first of their times, when all have lived it
    if (h < min(g$time)) return(c(h, 0))
    summary(survfit(Surv(time, event) ~ 1, g), rmean = h)$table[c("rmean", "se(rmean)")]
  })))
  tests <- list(logrank(d, 0, FALSE), logrank(d, 1, FALSE))
  if (length(unique(d$site)) > 1) tests <- c(tests, list(logrank(d, 0, TRUE)))
  list(people = as.list(d), level = level, grid = grid, horizon = h, mean = mean,
       curves = unname(lapply(groups, curve, grid = grid, level = level)),
       tests = Filter(Negate(is.null), tests))
}

writeLines(toJSON(lapply(1:40, of), digits = 15, auto_unbox = TRUE, na = "null", null = "null"),
           "tests/oracles/fuzz_survival.json")
