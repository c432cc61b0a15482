# Bootstrap intervals by R boot, people drawn within arms (sexes of lung): run
# `Rscript tests/oracles/bootstrap.R` from the project root. BCa with the jack-knife of each arm.
suppressMessages({library(survival); library(boot); library(jsonlite)})

lung <- read.csv("tests/data/lung.csv")
lung <- data.frame(time = lung$time, death = as.integer(lung$status == 2), arm = lung$sex - 1)
horizon <- 540
numbers <- function(data, who) {
  d <- data[who, ]
  rmst <- surv <- med <- c(NA, NA)
  for (k in 0:1) {
    fit <- survfit(Surv(time, death) ~ 1, d[d$arm == k, ], se.fit = FALSE)
    steps <- stepfun(fit$time, c(1, fit$surv))
    edges <- c(0, fit$time[fit$time < horizon], horizon)
    rmst[k + 1] <- sum(steps(edges[-length(edges)]) * diff(edges))
    surv[k + 1] <- steps(horizon)
    med[k + 1] <- unname(quantile(fit, .5, conf.int = FALSE))
  }
  cox <- coxph.fit(matrix(d$arm), Surv(d$time, d$death), NULL, NULL, NULL,
                   coxph.control(), NULL, "breslow", rownames(d))
  c(rmst[2] - rmst[1], rmst[2] / rmst[1], (horizon - rmst[2]) / (horizon - rmst[1]),
    surv[2] - surv[1], (1 - surv[2]) / (1 - surv[1]), med[2] - med[1], exp(unname(cox$coefficients)))
}
names <- c("restricted mean difference", "restricted mean ratio", "restricted mean lost ratio",
           "survival difference", "risk ratio", "median difference", "hazard ratio")

set.seed(20261122)
draws <- 6000
found <- boot(lung, numbers, R = draws, strata = factor(lung$arm))
stopifnot(all(is.finite(found$t)))
out <- list()
for (i in seq_along(names)) {
  jack <- empinf(data = lung, statistic = function(d, w) numbers(d, w)[i], type = "jack",
                 stype = "i", strata = factor(lung$arm))
  ends <- boot.ci(found, type = c("perc", "bca"), index = i, L = jack)
  logged <- if (endsWith(names[i], "ratio")) log else identity
  out[[names[i]]] <- list(
    value = found$t0[i], std_error = sd(logged(found$t[, i])), draws = draws,
    percentile = ends$percent[4:5], bca = ends$bca[4:5])
}
write_json(list(r = as.character(getRversion()), boot = as.character(packageVersion("boot")),
                survival = as.character(packageVersion("survival")), horizon = horizon,
                lung = out),
           "tests/oracles/bootstrap.json", digits = 15, auto_unbox = TRUE, pretty = TRUE)
