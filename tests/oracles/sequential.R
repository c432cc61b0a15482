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
# An inner wedge. rpact leaves out a wedge that is narrower than where its one-sided bound would be
# above 0, so these spend enough early on.
wedges <- list()
for (binding in c(FALSE, TRUE)) for (type in c("bsP", "bsKD", "bsHSD")) {
  args <- list(informationRates = c(.35, .6, .8, 1), alpha = .05, beta = .1, sided = 2,
               tolerance = 1e-10, typeOfDesign = "asOF", typeBetaSpending = type,
               bindingFutility = binding, betaAdjustment = FALSE)
  if (type == "bsKD") args$gammaB <- .8
  if (type == "bsHSD") args$gammaB <- 1
  wedges[[length(wedges) + 1]] <- c(list(type = type, binding = binding),
                                    suppressWarnings(do.call(made, args)))
}

# Futility that is spent without effect (gsDesign's test types 5 and 6, and a wedge by them): three
# looks, each bound found on three-dimensional normal chances by Miwa's algorithm of mvtnorm.
suppressMessages(library(mvtnorm))
t3 <- c(.35, .7, 1); root <- outer(t3, t3, function(a, b) sqrt(pmin(a, b) / pmax(a, b)))
chance <- function(low, high, drift = 0) {  # of a box at the first looks
  j <- length(low)
  if (j == 1) return(pnorm(high - drift * sqrt(t3[1])) - pnorm(low - drift * sqrt(t3[1])))
  as.numeric(pmvnorm(low, high, mean = drift * sqrt(t3[1:j]), corr = root[1:j, 1:j],
                     algorithm = Miwa(steps = 2000)))
}
spans <- function(u, c, sided) if (sided == 1) list(c(c, u)) else list(c(-u, -c), c(c, u))
# Over every way between the bounds at the looks before, the chance of a span at the next.
over <- function(before, span, drift = 0) {
  if (!length(before)) return(chance(span[1], span[2], drift))
  ways <- expand.grid(lapply(before, seq_along))
  sum(apply(ways, 1, function(w) {
    parts <- Map(function(b, i) b[[i]], before, as.list(w))
    chance(c(sapply(parts, `[`, 1), span[1]), c(sapply(parts, `[`, 2), span[2]), drift)
  }))
}
root_of <- function(f, low, high) uniroot(f, c(low, high), tol = 1e-11)$root
asked <- function(sided, binding, share, beta = .2) {
  alpha <- .025 * sided
  ld <- sided * (2 - 2 * pnorm(qnorm(1 - alpha / sided / 2) / sqrt(t3)))  # O'Brien-Fleming's
  errors <- diff(c(0, ld)) / sided; stops <- diff(c(0, share * t3))       # Kim-DeMets, rho 1
  u <- c <- numeric(3); held <- gone <- list()  # ways past the bounds for alpha, and for futility
  for (k in 1:3) {
    u[k] <- root_of(function(z) over(held, c(z, Inf)) - errors[k], .5, 6)
    c[k] <- if (k == 3) u[k] else if (sided == 1)
      root_of(function(z) over(gone, c(-Inf, z)) - stops[k], -6, u[k]) else
      root_of(function(z) over(gone, c(-z, z)) - stops[k], 0, u[k])
    gone[[k]] <- spans(u[k], c[k], sided)
    held[[k]] <- if (binding) gone[[k]] else if (sided == 1) list(c(-Inf, u[k])) else list(c(-u[k], u[k]))
  }
  power <- function(drift) sapply(1:3, function(k) over(gone[seq_len(k - 1)], c(u[k], Inf), drift))
  drift <- root_of(function(d) sum(power(d)) - 1 + beta, 2, 5)
  list(sided = sided, binding = binding, share = share, shares = t3, critical = u, futility = c,
       drift = drift, rejected = power(drift), rejected_h0 = power(0))
}
askeds <- list(asked(1, FALSE, .975), asked(1, TRUE, .975), asked(1, TRUE, .1),
               asked(2, FALSE, .95), asked(2, TRUE, .5))
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
  designs = designs, futile = futile, wedges = wedges, asked = askeds, haybittle = haybittle, stops = stops),
  digits = NA, auto_unbox = TRUE, pretty = TRUE, na = "null"), "tests/oracles/sequential.json")
