# What else a Cox model can do: Rscript tests/oracles/cox_more.R (project root) writes tests/oracles/cox_more.json.
# Debian packages: r-cran-survival, r-cran-jsonlite, r-cran-riskregression. rossi_weeks.csv: employed (1) or not in
# each week of Rossi's follow-up, person by person as rossi.csv.
suppressWarnings(suppressMessages({library(survival); library(jsonlite); library(riskRegression)}))
# R stops when the log likelihood no longer moves by `eps`: its default is 1e-9, far from the maximum.
tight <- coxph.control(eps = 1e-14, iter.max = 100, toler.chol = 1e-15)
rossi <- read.csv("tests/data/rossi.csv")
rossi <- transform(rossi, whole = 1 + age %% 3, part = .5 + (age %% 5) / 4, known = -.05 * age + .1 * (prio > 3),
                   since = ifelse(week > 5, age %% 4, 0), id = seq_along(week),
                   group = factor(c("none", "few", "many")[1 + (prio > 0) + (prio > 2)], c("none", "few", "many")))
recid <- read.csv("tests/data/recid.csv")
recid <- transform(recid, event = 1 - cens, since = ifelse(durat > 6, priors %% 5, 0), whole = 1 + educ %% 4, id = seq_along(durat))
mgus2 <- transform(read.csv("tests/data/mgus2.csv"), male = as.integer(sex == "M"), old = as.integer(age >= 70))
mgus2$id <- seq_along(mgus2$age)

# A matrix of residuals, a row a person: rows 1, 38, 75, ... as they are, and two sums over all rows with weights
# that no exchange of rows leaves alone.
brief <- function(r) {
  r <- unname(as.matrix(r)); i <- seq_len(nrow(r))
  list(rows = nrow(r), some = r[i %% 37 == 1, , drop = FALSE], sine = colSums(r * sin(i)), cosine = colSums(r * cos(i * sqrt(2))))
}
# Schoenfeld residuals come by stratum and time, those of one time in R's order: made a sum for each person.
by_event <- function(fit, kind, d) {
  r <- as.matrix(residuals(fit, type = kind)); y <- survival:::coxph.getdata(fit, y = TRUE, stratax = TRUE)
  stop <- y$y[, ncol(y$y) - 1]; status <- y$y[, ncol(y$y)]
  s <- if (is.null(y$strata)) rep(0, length(stop)) else as.numeric(y$strata)
  who <- order(s, stop, -status); who <- who[status[who] == 1]
  stopifnot(all(as.numeric(rownames(r)) == stop[who]) || nrow(r) == 0)
  out <- matrix(0, length(unique(d$id)), ncol(r)); out[cbind(rep(d$id[who], ncol(r)), rep(seq_len(ncol(r)), each = length(who)))] <- r
  out
}
residual_kinds <- function(fit, d) {
  one <- function(kind) brief(residuals(fit, type = kind, collapse = d$id))
  # collapse needs ids in order; weights must not enter the sums over one person's rows but in dfbeta
  list(martingale = one("martingale"), deviance = one("deviance"), score = one("score"), dfbeta = one("dfbeta"),
       schoenfeld = brief(by_event(fit, "schoenfeld", d)), `scaled schoenfeld` = brief(by_event(fit, "scaledsch", d)))
}
numbers <- function(fit) {
  naive <- if (is.null(fit$naive.var)) fit$var else fit$naive.var
  out <- list(terms = I(names(coef(fit))), coef = I(unname(coef(fit))), naive = unname(naive), loglik = fit$loglik, n = fit$n, nevent = fit$nevent)
  if (!is.null(fit$naive.var)) out$robust <- unname(fit$var)
  out
}
# Survival of given people: by stratum, at given weeks, with the log-scale interval.
predicted <- function(fit, person, times, strata = NULL) {
  read <- function(new) {
    s <- summary(survfit(fit, newdata = new), times = times, extend = TRUE)
    list(hazard = as.numeric(s$cumhaz), survival = as.numeric(s$surv), std_error = as.numeric(s$std.err), low = as.numeric(s$lower), high = as.numeric(s$upper))
  }
  if (is.null(strata)) list(read(person)) else lapply(seq_len(nrow(strata)), function(k) read(cbind(person, strata[k, , drop = FALSE])))
}
# g-formula: each person's own curve with the arm set, averaged. By survfit: predict(type = "survival") of
# survival 3.5.3 leaves an offset half out (it gives 1.10); without one the two agree.
standardised <- function(fit, d, arm, levels, time, event, at, weight, entry, offset) {
  t(sapply(levels, function(a) {
    new <- d; new[[arm]] <- a
    curves <- summary(survfit(fit, newdata = new, se.fit = FALSE), times = at, extend = TRUE)$surv
    found <- apply(matrix(curves, nrow = length(at)), 1, weighted.mean, weight)
    if (!offset) {
      again <- sapply(at, function(t) {
        new[[time]] <- t; new[[event]] <- 0; if (!is.null(entry)) new[[entry]] <- 0
        weighted.mean(predict(fit, newdata = new, type = "survival"), weight)
      })
      stopifnot(all.equal(found, again, tolerance = 1e-12))
    }
    found
  }))
}

cases <- list(
  plain = list(Surv(week, arrest) ~ fin + age + prio),
  strata = list(Surv(week, arrest) ~ fin + age + prio + strata(race), strata = "race"),
  whole = list(Surv(week, arrest) ~ fin + age + prio, weights = "whole"),
  whole_strata = list(Surv(week, arrest) ~ fin + age + prio + strata(race), weights = "whole", strata = "race"),
  part_strata = list(Surv(week, arrest) ~ fin + age + prio + strata(race), weights = "part", strata = "race", robust = TRUE),
  offset = list(Surv(week, arrest) ~ fin + mar + prio + offset(known)),
  entry = list(Surv(since, week, arrest) ~ fin + age + prio, entry = "since"),
  everything = list(Surv(since, week, arrest) ~ fin + prio + strata(race) + offset(known), entry = "since", weights = "whole", strata = "race"),
  groups = list(Surv(week, arrest) ~ group + age + strata(race), strata = "race", arm = "group", levels = c("none", "few", "many"))
)
AT <- c(10, 26, 52); WEEKS <- c(5, 12:14, 26, 40, 52)
person <- data.frame(fin = 1, age = 25, prio = 3, mar = 1, known = 0, since = 0, group = factor("few", levels(rossi$group)))
of_case <- function(case, ties) {
  d <- rossi; d$.w <- if (is.null(case$weights)) rep(1, nrow(d)) else d[[case$weights]]
  arguments <- list(case[[1]], d, ties = ties, control = tight, x = TRUE, y = TRUE)
  if (!is.null(case$weights)) arguments$weights <- d$.w
  fit <- do.call(coxph, c(arguments, robust = FALSE))
  both <- do.call(coxph, c(arguments, list(cluster = d$id)))
  clustered <- do.call(coxph, c(arguments, list(cluster = d$prio)))
  out <- numbers(fit)
  out$robust <- unname(both$var); out$cluster <- unname(clustered$var)
  out$residuals <- residual_kinds(fit, d)
  strata <- if (is.null(case$strata)) NULL else data.frame(race = 0:1)
  # a fit with the sandwich takes it into its curves too
  out$predicted <- predicted(if (is.null(case$robust)) fit else both, person, WEEKS, strata)
  arm <- if (is.null(case$arm)) "fin" else case$arm; levels <- if (is.null(case$levels)) 0:1 else case$levels
  out$at <- AT
  out$standardised <- standardised(fit, d, arm, levels, "week", "arrest", AT, d$.w, case$entry, grepl("offset", deparse(case[[1]])))
  out
}
both_ties <- function(f) list(efron = f("efron"), breslow = f("breslow"))
R <- list(versions = list(R = R.version.string, survival = as.character(packageVersion("survival")), riskRegression = as.character(packageVersion("riskRegression"))),
          rossi = lapply(cases, function(case) both_ties(function(ties) of_case(case, ties))))

R$recid <- both_ties(function(ties) {
  fit <- coxph(Surv(since, durat, event) ~ workprg + tserved + educ + strata(black), recid, weights = whole, ties = ties, robust = FALSE, control = tight, x = TRUE, y = TRUE)
  c(numbers(fit), list(residuals = residual_kinds(fit, recid)))
})

# Employment week by week; `lagged` is that of the week before, for those still at risk after week 1.
weeks <- read.csv("tests/data/rossi_weeks.csv", colClasses = "character")$employed
long <- do.call(rbind, lapply(rossi$id, function(i) {
  e <- as.integer(strsplit(weeks[i], "")[[1]]); n <- length(e)
  data.frame(id = i, start = seq_len(n) - 1, stop = seq_len(n), employed = e, lagged = c(NA, e)[seq_len(n)], rossi[i, c("fin", "age", "race", "wexp", "mar", "paro", "prio", "arrest")], row.names = NULL)
}))
last <- !duplicated(long$id, fromLast = TRUE); long$now <- long$arrest * last
varying <- function(name, d, ties) {
  f <- as.formula(sprintf("Surv(start, stop, now) ~ fin + age + race + wexp + mar + paro + prio + %s", name))
  fit <- coxph(f, d, ties = ties, control = tight, x = TRUE, y = TRUE)
  out <- numbers(fit); out$robust <- unname(coxph(f, d, ties = ties, control = tight, cluster = id)$var)
  c(out, list(residuals = residual_kinds(fit, d)))
}
lagged <- long[!is.na(long$lagged), ]
lagged$id <- match(lagged$id, sort(unique(lagged$id)))  # the person who left after one week is not there
R$employment <- both_ties(function(ties) list(now = varying("employed", long, ties), lagged = varying("lagged", lagged, ties)))
names(R$employment) <- c("efron", "breslow")

# Hazards of each cause: the others are censored.
R$causes <- lapply(list(progression = 1, death = 2), function(cause) both_ties(function(ties) {
  d <- transform(mgus2, this = as.integer(ev == cause))
  fit <- coxph(Surv(et, this) ~ male + age, d, ties = ties, control = tight, x = TRUE, y = TRUE)
  stratified <- coxph(Surv(et, this) ~ male + age + strata(old), d, ties = ties, control = tight)
  c(numbers(fit), list(stratified = numbers(stratified), residuals = residual_kinds(fit, d)))
}))

# Arms alone within strata, for the rows that are collapsed.
R$arms <- both_ties(function(ties) list(
  rossi = numbers(coxph(Surv(week, arrest) ~ fin + strata(race, wexp), rossi, ties = ties, control = tight)),
  groups = numbers(coxph(Surv(week, arrest) ~ group + strata(race, wexp), rossi, ties = ties, control = tight)),
  recid = numbers(coxph(Surv(durat, event) ~ workprg + strata(black, felon), recid, ties = ties, control = tight))))

# riskRegression's g-formula, estimates alone: its standard error lies below a jackknife's.
factored <- transform(rossi, fin = factor(fin))
R$ate <- both_ties(function(ties) {
  fit <- coxph(Surv(week, arrest) ~ fin + age + prio, factored, ties = ties, control = tight, x = TRUE, y = TRUE)
  a <- ate(fit, treatment = "fin", times = c(26, 52), data = factored, se = FALSE, verbose = FALSE)
  data.frame(arm = as.integer(as.character(a$meanRisk$treatment)), time = a$meanRisk$time, risk = a$meanRisk$estimate)
})
# The standard error of standardised survival: how far it moves with the case weight of each person.
R$moved <- both_ties(function(ties) {
  nobody <- data.frame(fin = 0, age = 0, prio = 0)
  value <- function(w) {
    rossi$.w <- w
    fit <- coxph(Surv(week, arrest) ~ fin + age + prio, rossi, weights = .w, ties = ties, robust = FALSE, control = tight, model = TRUE)
    hazard <- tail(survfit(fit, newdata = nobody, se.fit = FALSE)$cumhaz, 1); b <- coef(fit)
    sapply(0:1, function(a) weighted.mean(exp(-hazard * exp(b[1] * a + b[2] * rossi$age + b[3] * rossi$prio)), w))
  }
  n <- nrow(rossi); h <- 1e-4
  slopes <- sapply(seq_len(n), function(i) { up <- down <- rep(1, n); up[i] <- 1 + h; down[i] <- 1 - h; (value(up) - value(down)) / (2 * h) })
  list(arms = sqrt(rowSums(slopes^2)), difference = sqrt(sum((slopes[2, ] - slopes[1, ])^2)))
})
write(toJSON(R, digits = 15, auto_unbox = TRUE, na = "string"), "tests/oracles/cox_more.json")
