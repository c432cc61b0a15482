# Group-sequential designs by R rpact 3.3.4 (Debian package r-cran-rpact): what the 41 designs of
# group_sequential.json lack. Run `Rscript tests/oracles/sequential.R` from the project root.
suppressMessages({library(rpact); library(jsonlite)})
rpact::setLogLevel("DISABLED")

# Bounds: futility, two sides, uneven looks, and a spending function at information as observed.
made <- function(...) {
  d <- getDesignGroupSequential(...)
  ch <- getDesignCharacteristics(d)
  list(shares = d$informationRates, critical = d$criticalValues,
       futility = if (all(is.na(d$futilityBounds))) NULL else d$futilityBounds,
       alpha_spent = d$alphaSpent, power = as.numeric(ch$power), shift = ch$shift,
       inflation = ch$inflationFactor, expected_h1 = ch$averageSampleNumber1,
       expected_h0 = ch$averageSampleNumber0)
}
uneven <- c(.2, .45, .8, 1)
spend <- list(asOF = list(), asP = list(), asKD = list(gammaA = 2), asHSD = list(gammaA = -3))
designs <- list()
for (sided in 1:2) for (type in names(spend)) {
  args <- c(list(informationRates = uneven, alpha = .03, beta = .15, sided = sided,
                 typeOfDesign = type, tolerance = 1e-10), spend[[type]])
  designs[[length(designs) + 1]] <- c(list(type = type, sided = sided), do.call(made, args))
}
futile <- list()
for (binding in c(FALSE, TRUE)) for (type in c("bsOF", "bsP", "bsKD", "bsHSD")) {
  args <- list(informationRates = uneven, alpha = .025, beta = .15, sided = 1, tolerance = 1e-10,
               typeOfDesign = "asOF", typeBetaSpending = type, bindingFutility = binding)
  if (type == "bsKD") args$gammaB <- 1.5
  if (type == "bsHSD") args$gammaB <- -2
  futile[[length(futile) + 1]] <- c(list(type = type, binding = binding), do.call(made, args))
}
haybittle <- made(kMax = 4, alpha = .025, beta = .2, sided = 1, typeOfDesign = "HP", constantBoundsHP = 3,
                  tolerance = 1e-10)

# Inference at stopping: two normal arms. A group-sequential design reads the statistic of all data so
# far, whose pooled standard deviation is not 1 as stages differ in their means; so z is rpact's own.
stopped <- function(design, means, per_stage, stage) {
  n <- diff(c(0, design$informationRates)) * per_stage
  x <- getDataset(n1 = n[1:stage], n2 = n[1:stage], means1 = means[1:stage],
                  means2 = rep(0, stage), stDevs1 = rep(1, stage), stDevs2 = rep(1, stage))
  s <- getStageResults(design, x, stage = stage, normalApproximation = TRUE)
  p <- getFinalPValue(s)
  ci <- getFinalConfidenceInterval(design, x, stage = stage, normalApproximation = TRUE,
                                   tolerance = 1e-10)
  list(stage = stage, final = p$finalStage, z = s$overallTestStatistics[stage], p_value = p$pFinal,
       median = ci$medianUnbiasedGeneral, interval = ci$finalConfidenceIntervalGeneral,
       n = sum(n[1:stage]))
}
stops <- list()
cases <- list(
  list(sided = 1, type = "asOF", means = c(.9), stage = 1),
  list(sided = 1, type = "asOF", means = c(.35, .4), stage = 2),
  list(sided = 1, type = "asOF", means = c(.25, .2, .32), stage = 3),
  list(sided = 1, type = "asP", means = c(.2, .45), stage = 2),
  list(sided = 1, type = "asP", means = c(.2, .1, .25), stage = 3),
  list(sided = 1, type = "OF", means = c(.1, .05, .02), stage = 3),
  list(sided = 2, type = "asP", means = c(.2, .5), stage = 2),
  list(sided = 2, type = "P", means = c(.1, .2, .35), stage = 3))
for (case in cases) {
  d <- getDesignGroupSequential(informationRates = c(.25, .6, 1), alpha = .025 * case$sided,
                                beta = .1, sided = case$sided, typeOfDesign = case$type,
                                tolerance = 1e-10)
  stops[[length(stops) + 1]] <- c(list(type = case$type, sided = case$sided,
    shares = d$informationRates, critical = d$criticalValues),
    stopped(d, case$means, 200, case$stage))
}
write(toJSON(list(source = paste("R", getRversion(), "rpact", packageVersion("rpact")),
  designs = designs, futile = futile, haybittle = haybittle, stops = stops),
  digits = NA, auto_unbox = TRUE, pretty = TRUE, na = "null"), "tests/oracles/sequential.json")
