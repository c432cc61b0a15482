# Parametric models by survreg, and split populations by a likelihood written here in base R,
# with R's own symbolic derivatives: run `Rscript tests/oracles/lifetimes.R` from the project root.
suppressMessages({library(survival); library(jsonlite)})

DISTRIBUTIONS <- c(exponential = "exponential", weibull = "weibull", "log-normal" = "lognormal",
                   "log-logistic" = "loglogistic")

# ---- survreg ----
aft <- function(data, formula) {
  lapply(DISTRIBUTIONS, function(dist) {
    fit <- survreg(formula, data, dist = dist,
                   control = survreg.control(maxiter = 200, rel.tolerance = 1e-14, toler.chol = 1e-14))
    list(terms = names(coef(fit)), coef = unname(coef(fit)), log_scale = log(fit$scale),
         std_error = unname(sqrt(diag(vcov(fit)))), covariance = unname(vcov(fit)),
         loglik = fit$loglik[2], aic = AIC(fit))
  })
}

# ---- split populations ----
# One person's log likelihood in eta (location of log time), a = log sigma, zeta = log odds of ever.
P <- "(1 / (1 + exp(-zeta)))"
W <- "((y - eta) / exp(a))"
DENSITY <- c(exponential = "(y - eta - exp(y - eta)) - y", weibull = sprintf("(%s - exp(%s)) - a - y", W, W),
             "log-normal" = sprintf("(-%s^2 / 2 - log(2 * pi) / 2) - a - y", W),
             "log-logistic" = sprintf("(%s - 2 * log(1 + exp(%s))) - a - y", W, W))
SURVIVAL <- c(exponential = "exp(-exp(y - eta))", weibull = sprintf("exp(-exp(%s))", W),
              "log-normal" = sprintf("pnorm(-%s)", W), "log-logistic" = sprintf("(1 / (1 + exp(%s)))", W))
PARTS <- c("eta", "a", "zeta")
derive <- function(text) deriv(parse(text = text)[[1]], PARTS, hessian = TRUE, function.arg = c("y", PARTS))

cure <- function(dist, time, event, x, z) {
  density <- derive(sprintf("log(%s) + %s", P, DENSITY[[dist]]))
  censored <- derive(sprintf("log(1 - %s + %s * %s)", P, P, SURVIVAL[[dist]]))
  scaled <- dist != "exponential"
  p <- ncol(x); q <- ncol(z); k <- p + scaled + q
  design <- list(x, matrix(1, length(time), as.integer(scaled)), z)
  places <- list(seq_len(p), if (scaled) p + 1 else integer(0), p + scaled + seq_len(q))
  people <- function(theta) {
    eta <- drop(x %*% theta[places[[1]]]); zeta <- drop(z %*% theta[places[[3]]])
    a <- rep(if (scaled) theta[p + 1] else 0, length(time)); y <- log(time)
    one <- density(y, eta, a, zeta); two <- censored(y, eta, a, zeta)
    gradient <- attr(one, "gradient") * event + attr(two, "gradient") * (1 - event)
    hessian <- attr(two, "hessian")
    hessian[event == 1, , ] <- attr(one, "hessian")[event == 1, , ]
    list(value = sum(ifelse(event == 1, one, two)), gradient = gradient, hessian = hessian)
  }
  slope <- function(theta) { g <- people(theta)$gradient; unlist(lapply(1:3, function(i) drop(crossprod(design[[i]], g[, i])))) }
  curvature <- function(theta) {
    h <- people(theta)$hessian; out <- matrix(0, k, k)
    for (i in 1:3) for (j in 1:3) if (length(places[[i]]) && length(places[[j]]))
      out[places[[i]], places[[j]]] <- crossprod(design[[i]], design[[j]] * h[, i, j])
    out
  }
  value <- function(theta) { v <- people(theta)$value; if (is.finite(v)) v else -1e10 }
  best <- NULL
  for (share in c(-1, 0, 1.5)) for (location in c(-0.7, 0.7)) {
    start <- numeric(k); start[1] <- mean(log(time)) + location; start[p + scaled + 1] <- share
    fit <- try(optim(start, function(t) -value(t), function(t) -slope(t), method = "BFGS",
                     control = list(maxit = 5000, reltol = 1e-15)), silent = TRUE)
    if (!inherits(fit, "try-error") && (is.null(best) || fit$value < best$value)) best <- fit
  }
  theta <- best$par
  for (turn in 1:30) {
    step <- try(solve(curvature(theta), slope(theta)), silent = TRUE)
    if (inherits(step, "try-error") || !all(is.finite(step)) || max(abs(step)) > 1) break
    theta <- theta - step
  }
  curve <- curvature(theta)
  # The same curvature by differences, as optimHess takes them: the symbols above are then right.
  differences <- optimHess(theta, function(t) -value(t), function(t) -slope(t), control = list(ndeps = rep(1e-5, k)))
  stopifnot(max(abs(differences + curve) / sqrt(outer(diag(-curve), diag(-curve)))) < 1e-5)
  stopifnot(max(abs(slope(theta)) / sqrt(diag(-curve))) < 1e-9, all(eigen(-curve)$values > 0))
  odds <- drop(z %*% theta[places[[3]]])
  list(coef = theta[places[[1]]], log_scale = if (scaled) theta[p + 1] else 0,
       share_coef = theta[places[[3]]], covariance = solve(-curve), loglik = value(theta), odds = odds,
       parameters = k)
}

# Arms are 0 and 1: `time` and `share` name the columns of each part; the arm comes first if there.
split <- function(data, arm, time, event, in_time = character(0), in_share = character(0)) {
  x <- cbind(1, as.matrix(data[in_time])); z <- cbind(1, as.matrix(data[in_share]))
  lapply(setNames(names(DISTRIBUTIONS), names(DISTRIBUTIONS)), function(dist) {
    fit <- try(cure(dist, data[[time]], data[[event]], x, z), silent = TRUE)
    if (inherits(fit, "try-error")) return(NULL)  # no maximum inside
    fit$never <- as.numeric(tapply(1 / (1 + exp(fit$odds)), data[[arm]], mean))
    fit$standardised <- if (arm %in% in_share) sapply(0:1, function(a) {
      set <- z; set[, 1 + which(in_share == arm)] <- a
      mean(1 / (1 + exp(drop(set %*% fit$share_coef))))
    }) else rep(mean(1 / (1 + exp(fit$odds))), 2)
    fit$odds <- NULL
    fit
  })
}

rossi <- read.csv("tests/data/rossi.csv")
recid <- read.csv("tests/data/recid.csv"); recid$event <- 1 - recid$cens
NINE <- c("priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age")

# People known to be split: shares who ever return .55 and .40, Weibull times, followed 20 to 60.
set.seed(20240607)
n <- 600
made <- data.frame(arm = rep(0:1, n / 2), prior = rpois(n, 1.5))
ever <- rbinom(n, 1, plogis(0.2 - 0.6 * made$arm + 0.15 * made$prior))
times <- exp(2.2 + 0.3 * made$arm - 0.05 * made$prior + 0.7 * log(rexp(n)))
end <- runif(n, 20, 60)
made$time <- round(pmin(ifelse(ever == 1, times, Inf), end), 4)
made$event <- as.integer(ever == 1 & times <= end)

both <- function(data, arm, time, event, covariates) list(
  none = split(data, arm, time, event),
  share = split(data, arm, time, event, character(0), arm),
  both = split(data, arm, time, event, arm, arm),
  adjusted = split(data, arm, time, event, c(arm, covariates$time), c(arm, covariates$share)),
  share_adjusted = split(data, arm, time, event, covariates$time, c(arm, covariates$share))
)
answer <- list(
  rossi = list(
    arm = aft(rossi, Surv(week, arrest) ~ fin),
    adjusted = aft(rossi, Surv(week, arrest) ~ fin + age + race + wexp + mar + paro + prio)
  ),
  recid = list(
    none = aft(recid, Surv(durat, event) ~ 1),
    arm = aft(recid, Surv(durat, event) ~ workprg),
    adjusted = aft(recid, Surv(durat, event) ~ workprg + priors + tserved + felon + alcohol + drugs +
                     black + married + educ + age)
  ),
  made = made,
  aft_made = aft(made, Surv(time, event) ~ arm + prior),
  cure_recid = both(recid, "workprg", "durat", "event", list(time = "priors", share = c("black", "priors"))),
  cure_nine = split(recid, "workprg", "durat", "event", c("workprg", NINE), c("workprg", "black", "priors")),
  cure_rossi = split(rossi, "fin", "week", "arrest", "fin", "fin"),
  cure_rossi_share = split(rossi, "fin", "week", "arrest", character(0), "fin"),
  cure_made = both(made, "arm", "time", "event", list(time = "prior", share = "prior"))
)
write(toJSON(answer, digits = NA, auto_unbox = TRUE, pretty = FALSE, null = "null"), "tests/oracles/lifetimes.json")
