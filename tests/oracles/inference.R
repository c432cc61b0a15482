# Randomisation tests by coin, and by listing with survdiff, lm and t.test:
# run `Rscript tests/oracles/inference.R` from the project root.
suppressMessages({
  library(coin)
  library(jsonlite)
  library(survival)
})
set.seed(3)

n <- 12
d <- data.frame(
  arm = c(0, 1, 1, 0, 1, 0, 0, 1, 1, 0, 1, 0),
  block = c("a", "a", "b", "b", "a", "a", "b", "b", "b", "a", "a", "b"),
  days = c(12, 3, 8, 15, 3, 20, 8, 1, 10, 17, 5, 8),
  any = c(1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0, 0),
  week = c(3, 9, 7, 3, 12, 5, 12, 7, 10, 1, 12, 4),
  event = c(1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1),
  age = c(19, 44, 31, 52, 23, 38, 27, 61, 35, 29, 40, 22)
)
d$group <- factor(d$arm, levels = c(1, 0)) # statistics are of treatment
d$stratum <- factor(d$block)
alternatives <- c(`two-sided` = "two.sided", less = "less", greater = "greater")
three <- function(test) lapply(alternatives, function(a) as.numeric(pvalue(test(a))))
exact <- function(formula) {
  three(function(a) independence_test(formula, d, distribution = "exact", alternative = a))
}

by_coin <- list(
  means = exact(days ~ group), means_blocked = exact(days ~ group | stratum),
  risks = exact(any ~ group), risks_blocked = exact(any ~ group | stratum),
  ranks = three(function(a) wilcox_test(days ~ group, d, distribution = "exact", alternative = a)),
  ranks_binary = three(function(a) wilcox_test(any ~ group, d, distribution = "exact", alternative = a)),
  scores = three(function(a) {
    logrank_test(Surv(week, event) ~ group, d, distribution = "exact", alternative = a)
  })
)
scores <- as.numeric(logrank_trafo(Surv(d$week, d$event)))
draws <- 20000
approximate <- three(function(a) {
  independence_test(age ~ group | stratum, d, distribution = approximate(draws), alternative = a)
})

# Every allocation with six in each arm; and with the arms' numbers in each stratum.
ways <- t(apply(combn(n, 6), 2, function(who) as.integer(seq_len(n) %in% who)))
seen <- with(d, tapply(arm, block, sum))
in_strata <- ways[apply(ways, 1, function(w) all(tapply(w, d$block, sum) == seen)), ]
count <- function(z, at) {
  list(
    `two-sided` = mean(abs(z) >= abs(at) - 1e-9), less = mean(z <= at + 1e-9),
    greater = mean(z >= at - 1e-9)
  )
}
# survdiff's statistic, signed: observed less expected in treatment.
logrank <- function(w, rho = 0, strata = FALSE) {
  d$w <- w
  f <- if (strata) Surv(week, event) ~ w + strata(block) else Surv(week, event) ~ w
  s <- survdiff(f, d, rho = rho)
  gap <- if (is.matrix(s$obs)) sum(s$obs[2, ] - s$exp[2, ]) else s$obs[2] - s$exp[2]
  gap / sqrt(s$var[2, 2])
}
listed <- function(rows, f, ...) {
  z <- apply(rows, 1, f, ...)
  at <- f(d$arm, ...)
  c(list(statistic = at), count(z, at))
}
welch <- function(w) unname(t.test(d$days[w == 1], d$days[w == 0])$statistic)
residual <- resid(lm(days ~ age + any, d))
adjusted <- function(w) mean(residual[w == 1]) - mean(residual[w == 0])
by_listing <- list(
  logrank = listed(ways, logrank), logrank_rho1 = listed(ways, logrank, rho = 1),
  logrank_strata = listed(in_strata, logrank, strata = TRUE),
  logrank_strata_rho1 = listed(in_strata, logrank, rho = 1, strata = TRUE),
  studentised = listed(ways, welch), studentised_strata = listed(in_strata, welch),
  adjusted = listed(ways, adjusted), adjusted_strata = listed(in_strata, adjusted)
)
# The largest of three in size.
most <- function(w) max(abs(c(welch(w), logrank(w))))
by_listing$largest <- listed(ways, most)

# Hodges and Lehmann's way round: effects that coin's exact test does not reject, on a grid.
grid <- seq(-25, 10, by = 0.25)
p_at <- sapply(grid, function(effect) {
  d$moved <- d$days - effect * d$arm
  as.numeric(pvalue(independence_test(moved ~ group, d, distribution = "exact")))
})

out <- list(
  made_by = R.version.string, coin = as.character(packageVersion("coin")),
  people = d[c("arm", "block", "days", "any", "week", "event", "age")],
  scores = scores, by_coin = by_coin, by_listing = by_listing,
  allocations = c(nrow(ways), nrow(in_strata)),
  approximate = c(approximate, list(draws = draws)), grid = grid, p_at = p_at
)
write_json(out, "tests/oracles/inference.json", digits = NA, dataframe = "columns", auto_unbox = TRUE)
