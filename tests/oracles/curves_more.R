# Pseudo-observations left out one by one and regressed (geepack), contrasts over strata, restricted
# means at every horizon, Hall-Wellner bands and landmarks (survival, cmprsk):
# run `Rscript tests/oracles/curves_more.R` from the project root.
suppressMessages({library(survival); library(cmprsk); library(geepack); library(prodlim); library(jsonlite)})

rossi <- read.csv("tests/data/rossi.csv")
recid <- read.csv("tests/data/recid.csv")
lung <- read.csv("tests/data/lung.csv")
mgus2 <- read.csv("tests/data/mgus2.csv")
# Everyone as arm (0 control, 1 treatment), time, kind (0 censored, 1 the event, 2 another cause).
people <- list(
  rossi = transform(rossi, arm = fin, time = week, kind = arrest),
  recid = transform(recid, arm = workprg, time = durat, kind = 1 - cens),
  lung = transform(lung, arm = sex - 1, kind = as.integer(status == 2)),
  mgus2 = transform(mgus2, arm = as.integer(sex == "M"), time = et, kind = ev, old = as.integer(age >= 70))
)

last <- function(values, time, h, start) c(start, values)[1 + sum(time <= h)]

# One number of one group: area under survival, survival, or incidence of a cause.
measured <- function(time, kind, measure, h, cause = 1) {
  if (measure == "cumulative incidence") {
    f <- survfit(Surv(time, factor(kind, 0:2)) ~ 1, se.fit = FALSE)
    return(last(f$pstate[, 1 + cause], f$time, h, 0))
  }
  f <- survfit(Surv(time, kind > 0) ~ 1, se.fit = FALSE)
  if (measure == "survival") return(last(f$surv, f$time, h, 1))
  edge <- pmin(c(0, f$time, Inf), h)
  sum(diff(edge) * c(1, f$surv))
}

# kind > 0 is the event unless causes compete, when survival is until the first cause.
known <- new.env() # the loops are slow
pseudo <- function(d, measure, h, cause = 1) {
  key <- paste(names(d)[1], nrow(d), measure, h, cause)
  if (is.null(known[[key]])) known[[key]] <- looped(d, measure, h, cause)
  known[[key]]
}
looped <- function(d, measure, h, cause) {
  value <- numeric(nrow(d))
  kind <- if (measure == "cumulative incidence") d$kind else as.integer(d$kind == 1)
  for (a in unique(d$arm)) {
    own <- which(d$arm == a)
    n <- length(own)
    t <- d$time[own]
    k <- kind[own]
    whole <- measured(t, k, measure, h, cause)
    without <- vapply(seq_len(n), function(i) measured(t[-i], k[-i], measure, h, cause), 0)
    value[own] <- n * whole - (n - 1) * without
  }
  value
}

# Other engines' own: prodlim's are the same; survival's infinitesimal jackknife is only near.
checked <- function(d, value, measure, h, cause) {
  for (a in unique(d$arm)) {
    one <- d[d$arm == a, ]
    off <- value[d$arm == a] - switch(measure,
      "survival" = jackknife(prodlim(Hist(time, kind == 1) ~ 1, data = one), times = h),
      "cumulative incidence" = jackknife(prodlim(Hist(time, kind) ~ 1, data = one), times = h, cause = cause),
      # do.call, as pseudo evaluates the call again
      survival::pseudo(do.call(survfit, list(Surv(time, kind == 1) ~ 1, data = one)), times = h, type = "rmst")
    )
    if (measure == "restricted mean") stopifnot(sd(off) < 0.1 * sd(value)) else stopifnot(max(abs(off)) < 1e-9)
  }
}

ask <- list(
  list(data = "rossi", measure = "restricted mean", horizon = 52),
  list(data = "rossi", measure = "survival", horizon = 26),
  list(data = "lung", measure = "restricted mean", horizon = 365),
  list(data = "lung", measure = "restricted mean", horizon = 900),
  list(data = "lung", measure = "survival", horizon = 550),
  list(data = "recid", measure = "restricted mean", horizon = 78),
  list(data = "recid", measure = "survival", horizon = 75),
  list(data = "mgus2", measure = "cumulative incidence", horizon = 120, cause = 1),
  list(data = "mgus2", measure = "cumulative incidence", horizon = 240, cause = 2),
  list(data = "mgus2", measure = "restricted mean", horizon = 240)
)
found <- lapply(ask, function(one) {
  d <- people[[one$data]]
  cause <- if (is.null(one$cause)) 1 else one$cause
  value <- pseudo(d, one$measure, one$horizon, cause)
  checked(d, value, one$measure, one$horizon, cause)
  # Everyone enters the mean and the squares, every 9th is written out.
  shown <- seq(1, nrow(d), by = if (nrow(d) > 300) 9 else 1)
  c(one, list(every = shown[2] - 1, value = value[shown], mean = mean(value), square = mean(value^2)))
})

# Regressed on arm and covariates: independence, Gaussian or (log link) Poisson, robust ("san.se") standard error.
regressed <- function(data, measure, h, right, contrast, cause = 1, complete = character()) {
  d <- people[[data]]
  if (length(complete)) d <- d[complete.cases(d[complete]), ]
  d$id <- seq_len(nrow(d))
  d$y <- pseudo(d, measure, h, cause)
  if (contrast == "lost ratio") d$y <- h - d$y
  link <- if (contrast == "difference") "identity" else "log"
  fm <- as.formula(paste("y ~ arm +", right))
  x <- model.matrix(fm, d)
  log_link <- link == "log"
  b <- c(if (log_link) log(mean(d$y)) else mean(d$y), rep(0, ncol(x) - 1))
  for (i in 1:60) { # Newton on sum x (y - mu): the scores of Gauss and of Poisson
    mu <- if (log_link) exp(drop(x %*% b)) else drop(x %*% b)
    bread <- solve(crossprod(x, x * (if (log_link) mu else 1)))
    b <- b + (bread %*% crossprod(x, d$y - mu))[, 1]
  }
  names(b) <- colnames(x)
  error <- sqrt(diag(bread %*% crossprod(x * (d$y - mu)) %*% bread))["arm"]
  if (!log_link || all(d$y >= 0)) { # geepack has no Poisson family for negative values
    family <- if (log_link) poisson() else gaussian()
    m <- suppressWarnings(geeglm(fm, data = d, id = id, family = family,
                                 control = geese.control(epsilon = 1e-13, maxit = 500)))
    theirs <- summary(m)$coefficients["arm", ]
    stopifnot(abs(theirs$Estimate - b["arm"]) < 1e-6 * error, abs(theirs$Std.err / error - 1) < 1e-6)
  }
  mean_at <- function(a) {
    x[, "arm"] <- a
    mean(if (link == "log") exp(drop(x %*% b)) else drop(x %*% b))
  }
  list(data = data, measure = measure, horizon = h, right = right, contrast = contrast, cause = cause,
       coef = unname(b["arm"]), std_error = unname(error), by_arm = c(mean_at(0), mean_at(1)), n = nrow(d))
}
adjusted <- list(
  regressed("rossi", "restricted mean", 52, "age + prio", "difference"),
  regressed("rossi", "restricted mean", 52, "age + prio", "ratio"),
  regressed("rossi", "restricted mean", 52, "age + factor(race)", "lost ratio"),
  regressed("lung", "restricted mean", 365, "age", "difference"),
  regressed("lung", "restricted mean", 900, "age", "ratio"),
  regressed("lung", "restricted mean", 900, "age + factor(ph.ecog)", "lost ratio", complete = "ph.ecog"),
  regressed("lung", "survival", 550, "age + factor(ph.ecog)", "difference", complete = "ph.ecog"),
  regressed("recid", "restricted mean", 78, "priors + interaction(black, felon)", "difference"),
  regressed("recid", "survival", 75, "priors + age", "difference"),
  regressed("mgus2", "cumulative incidence", 120, "age + mspike", "difference", 1, "mspike"),
  regressed("mgus2", "cumulative incidence", 240, "age", "difference", 2)
)

# Each arm of each stratum by itself, added up in the shares of the strata among everyone.
mean_of <- function(one, h) {
  if (h <= min(one$time)) return(c(h, 0)) # survfit refuses
  t <- summary(survfit(Surv(time, kind == 1) ~ 1, one), rmean = h)$table
  c(t[["rmean"]], t[[grep("^se", names(t))]]^2)
}
survival_of <- function(one, h) {
  s <- summary(survfit(Surv(time, kind == 1) ~ 1, one), times = h)
  c(s$surv, s$std.err^2)
}
incidence_of <- function(cause) function(one, h) {
  t <- timepoints(cuminc(one$time, one$kind), h)
  c(t$est[cause, 1], t$var[cause, 1])
}
over <- function(data, strata, h, of, name, cause = 1, keep = TRUE) {
  d <- people[[data]]
  d <- d[if (is.character(keep)) complete.cases(d[keep]) else keep, ]
  value <- variance <- c(0, 0)
  for (one in split(d, d[strata], drop = TRUE)) {
    share <- nrow(one) / nrow(d)
    for (a in 0:1) {
      r <- of(one[one$arm == a, ], h)
      value[a + 1] <- value[a + 1] + share * r[1]
      variance[a + 1] <- variance[a + 1] + share^2 * r[2]
    }
  }
  list(data = data, strata = I(strata), horizon = h, of = name, cause = cause, by_arm = value, variance = variance)
}
strata <- list(
  over("rossi", "race", 52, mean_of, "restricted mean"),
  over("rossi", c("wexp", "mar"), 30, mean_of, "restricted mean"),
  over("recid", c("black", "felon"), 60, mean_of, "restricted mean"),
  over("recid", "felon", 77.5, mean_of, "restricted mean"),
  over("rossi", "race", 26, survival_of, "survival"),
  over("recid", c("black", "felon"), 75, survival_of, "survival"),
  over("lung", "ph.ecog", 150, survival_of, "survival", keep = lung$ph.ecog %in% 0:2),
  over("mgus2", "old", 120, incidence_of(1), "cumulative incidence", 1),
  over("mgus2", "old", 120, incidence_of(2), "cumulative incidence", 2)
)

# Both arms' restricted means and standard errors at several horizons.
horizons <- list(rossi = c(1, 2, 13, 26, 39, 51, 52), recid = c(6, 24, 60, 70, 75, 80, 81), lung = c(11, 95, 363, 365, 707, 965))
curves <- lapply(names(horizons), function(name) {
  d <- people[[name]]
  rows <- lapply(horizons[[name]], function(h) sapply(0:1, function(a) mean_of(d[d$arm == a, ], h)))
  list(data = name, horizon = horizons[[name]], mean = sapply(rows, function(r) r[1, ]),
       variance = sapply(rows, function(r) r[2, ]))
})

# The chance that a Brownian bridge stays within +-c up to a: what it is at a, absorbed at +-c by
# reflection, integrated. Another way than the sum in Hall and Wellner (1980).
stays <- function(c, a) {
  if (a >= 1) return(1 + 2 * sum((-1)^(1:60) * exp(-2 * (1:60)^2 * c^2)))
  within <- function(x) {
    # A bridge tied at 1 is a motion to a, reweighted by reaching 0 from x in the time left.
    k <- -30:30
    motion <- rowSums(outer(x, k, function(x, k) dnorm(x, 4 * k * c, sqrt(a)) - dnorm(x, 2 * c + 4 * k * c, sqrt(a))))
    motion * dnorm(x, 0, sqrt(1 - a)) / dnorm(0)
  }
  integrate(within, -c, c, rel.tol = 1e-12, subdivisions = 1000)$value
}
critical <- function(a, level) uniroot(function(c) stays(c, a) - level, c(0.2, 8) * sqrt(a), tol = 1e-13)$root
values_of <- expand.grid(end = c(0.05, 0.1, 0.25, 0.4, 0.6, 0.8, 0.95, 1), level = c(0.5, 0.9, 0.95, 0.99))
values_of$value <- mapply(critical, values_of$end, values_of$level)

band <- function(name, level) {
  d <- people[[name]]
  lapply(0:1, function(a) {
    one <- d[d$arm == a, ]
    f <- survfit(Surv(time, kind == 1) ~ 1, one)
    n <- nrow(one)
    g <- cumsum(f$n.event / (f$n.risk * (f$n.risk - f$n.event)))
    known <- is.finite(g) & f$surv > 0
    s <- ifelse(known, f$surv, NA)
    end <- max((n * g / (1 + n * g))[known])
    half <- critical(end, level) * (1 + n * g) / sqrt(n) # of log survival
    theta <- half / ifelse(s < 1, log(s), NA)
    list(arm = a, end = end, time = f$time,
         plain = list(low = pmax(s - s * half, 0), high = pmin(s + s * half, 1)),
         log = list(low = s * exp(-half), high = pmin(s * exp(half), 1)),
         "log-log" = list(low = s^exp(-theta), high = s^exp(theta)))
  })
}
bands <- list(list(data = "rossi", level = 0.95, arms = band("rossi", 0.95)),
              list(data = "lung", level = 0.9, arms = band("lung", 0.9)))

# Those followed beyond the landmark, timed from it.
landmarks <- list()
for (one in list(list("rossi", 16, 26), list("rossi", 0.5, 51), list("lung", 180, 365), list("mgus2", 60, 100))) {
  d <- people[[one[[1]]]]
  d <- d[d$time > one[[2]], ]
  d$time <- d$time - one[[2]]
  f <- survfit(Surv(time, kind == 1) ~ arm, d)
  s <- summary(f, times = one[[3]])
  landmarks[[length(landmarks) + 1]] <- list(
    data = one[[1]], at = one[[2]], horizon = one[[3]], n = as.integer(table(d$arm)),
    events = as.integer(tapply(d$kind == 1, d$arm, sum)), survival = s$surv, std_error = s$std.err,
    at_risk = s$n.risk, mean = unname(sapply(0:1, function(a) mean_of(d[d$arm == a, ], one[[3]])[1])),
    chisq = survdiff(Surv(time, kind == 1) ~ arm, d)$chisq,
    incidence = if (max(d$kind) > 1) sapply(0:1, function(a) incidence_of(2)(d[d$arm == a, ], one[[3]])[1]) else I(list())
  )
}

write(toJSON(list(pseudo = found, adjusted = adjusted, strata = strata, curves = curves, critical = values_of,
                  bands = bands, landmarks = landmarks),
             digits = NA, auto_unbox = TRUE, pretty = FALSE, na = "null"), "tests/oracles/curves_more.json")
