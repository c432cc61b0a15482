# Random plans by rpact: risks with margins, hazards with accrual and dropout, means. Run
# `Rscript tests/oracles/fuzz_plans.R` from the project root.
suppressMessages({library(rpact); library(jsonlite)})
set.seed(1971)
even <- function(low, high) runif(1, low, high)
log_even <- function(low, high) exp(runif(1, log(low), log(high)))
one_of <- function(...) list(...)[[sample(length(list(...)), 1)]]
how <- function(null) list(alpha = one_of(.05, .025, .001, .1), power = one_of(.8, .9, .99, .5),
                           ratio = one_of(1, 2, 5, .2, log_even(.2, 5)), sided = if (null) one_of(1, 2) else 1)
quiet <- function(made) suppressWarnings(suppressMessages(made))

risks <- lapply(1:24, function(i) {
  control <- one_of(even(.02, .98), log_even(.001, .02))
  treatment <- min(.99, max(.0005, control * log_even(.4, 1.8)))
  ratio <- i %% 3 == 0
  none <- if (ratio) 1 else 0
  margin <- one_of(none, if (ratio) log_even(.6, 1.6) else even(-.2, .2))
  how <- how(margin == none)
  d <- quiet(getSampleSizeRates(alpha = how$alpha, beta = 1 - how$power, sided = how$sided, riskRatio = ratio,
    thetaH0 = margin, pi1 = treatment, pi2 = control, allocationRatioPlanned = how$ratio))
  c(how, list(control = control, treatment = treatment, margin = margin,
              measure = if (ratio) "ratio" else "difference", n = d$nFixed[1]))
})
hazards <- lapply(1:24, function(i) {
  control <- even(.02, .95); at <- log_even(.5, 30); accrual <- log_even(.5, 30); follow_up <- log_even(.5, 30)
  formula <- one_of("Schoenfeld", "Freedman"); dropout <- one_of(0, even(0, .5)); hazard <- log_even(.3, 3)
  margin <- if (formula == "Freedman") 1 else one_of(1, log_even(.7, 1.4))
  how <- how(margin == 1)
  d <- quiet(getSampleSizeSurvival(alpha = how$alpha, beta = 1 - how$power, sided = how$sided,
    typeOfComputation = formula, thetaH0 = margin, lambda2 = -log(1 - control) / at, hazardRatio = hazard,
    dropoutRate1 = dropout, dropoutRate2 = dropout, dropoutTime = at, accrualTime = c(0, accrual),
    followUpTime = follow_up, allocationRatioPlanned = how$ratio))
  c(how, list(control = control, at = at, accrual = accrual, follow_up = follow_up, dropout = dropout,
              hazard = hazard, formula = tolower(formula), margin = margin,
              events = d$eventsFixed[1], n = d$nFixed[1]))
})
write(toJSON(list(risks = risks, hazards = hazards), digits = NA, auto_unbox = TRUE, pretty = TRUE),
      "tests/oracles/fuzz_plans.json")
