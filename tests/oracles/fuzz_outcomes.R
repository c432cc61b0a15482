# Small awkward trials, drawn by R: few people, ties, gaps, unequal arms, strata that may hold one
# arm, many zeros. Risks by metafor and fisher.test, means by estimatr, grades by MASS polr:
# run `Rscript tests/oracles/fuzz_outcomes.R` from the project root.
suppressMessages({library(estimatr); library(metafor); library(MASS); library(jsonlite)})
set.seed(20261122)
gaps <- function(v, q) { v[runif(length(v)) < q] <- NA; v }
people <- function(i) {
  n <- sample(8:40, 1); q <- if (i %% 3) 0 else .15
  d <- data.frame(arm=c(0, 1, as.integer(runif(n - 2) < sample(c(.5, .3, .75), 1))),
                  site=sample(letters[1:3], n, TRUE), kind=sample(c("a", "b"), n, TRUE, c(.4, .6)),
                  age=sample(list(18 + sample(0:25, n, TRUE), round(rnorm(n), 2)), 1)[[1]],
                  group=paste0("g", (seq_len(n) - 1) %/% 3))
  d$any <- gaps(as.integer(runif(n) < sample(c(.1, .4, .8), 1)), q)
  d$days <- gaps(round(if (i %% 2) rexp(n, .05) else (runif(n) < .4) * rexp(n, .02)), q)
  d$grade <- gaps(pmin(rpois(n, 1.2), 3), q)
  d$got <- ifelse(runif(n) < .25, 1 - d$arm, d$arm)
  d
}
quiet <- function(e) tryCatch(withCallingHandlers(e, warning=function(w) stop("warned")), error=function(x) NULL)
whole <- function(m) !anyNA(coef(m)) && max(hatvalues(m)) < 1 - 1e-8
found <- function(m, term="arm") { t <- tidy(m); t <- t[t$term == term, ]; c(t$estimate, t$std.error, t$conf.low, t$conf.high, t$p.value) }
of <- function(d) {
  r <- list(); y <- d[!is.na(d$any), ]; v <- d[!is.na(d$days), ]; g <- d[!is.na(d$grade), ]
  count <- function(arm, event) as.vector(tapply(y$arm == arm & y$any >= event, factor(y$site, letters[1:3]), sum, default=0))
  n1 <- count(1, 0); n0 <- count(0, 0); k <- n1 > 0 & n0 > 0
  r$fisher <- quiet(fisher.test(factor(y$arm, 0:1), factor(y$any, 0:1))$p.value)
  for (s in c("RD", "RR", "OR")) r[[s]] <- quiet({
    m <- rma.mh(ai=count(1, 1)[k], n1i=n1[k], ci=count(0, 1)[k], n2i=n0[k], measure=s, correct=FALSE, add=0, to="none", drop00=FALSE)
    c(m$beta, m$se, m$ci.lb, m$ci.ub, m$pval) })
  r$neyman <- quiet(found(difference_in_means(days ~ arm, v)))
  for (s in c("HC0", "HC1", "HC2", "HC3")) {
    if (whole(lm(days ~ arm + age + kind + site, v))) r[[paste("ancova", s)]] <- quiet(found(lm_robust(days ~ arm + age + kind + site, v, se_type=s)))
    if (whole(lm(days ~ arm * (age + kind), v))) r[[paste("lin", s)]] <- quiet(found(lm_lin(days ~ arm, ~ age + kind, v, se_type=s)))
  }
  if (whole(lm(days ~ arm + kind, v))) r$clusters <- quiet(found(lm_robust(days ~ arm + kind, v, clusters=group, se_type="CR2")))
  for (s in c("classical", "HC0", "HC1", "HC2")) {
    r[[paste("wald", s)]] <- quiet(found(iv_robust(days ~ got | arm, v, se_type=s), "got"))
    if (whole(lm(days ~ arm + kind, v))) r[[paste("2sls", s)]] <- quiet(found(iv_robust(days ~ got + kind | arm + kind, v, se_type=s), "got"))
  }
  for (f in c("crude", "kind")) r[[paste("grades", f)]] <- quiet({
    g$G <- factor(g$grade); stopifnot(nlevels(g$G) > 2)
    m <- polr(if (f == "crude") G ~ arm else G ~ arm + kind, g, Hess=TRUE, control=list(maxit=1000, reltol=1e-15))
    stopifnot(abs(coef(m)) < 6); c(coef(m)["arm"], sqrt(vcov(m)["arm", "arm"])) })
  r
}
sets <- lapply(1:24, function(i) { d <- people(i); list(people=as.list(d), found=of(d)) })
write(toJSON(list(made_by=paste("R", getRversion(), "estimatr", packageVersion("estimatr"), "metafor", packageVersion("metafor"), "MASS", packageVersion("MASS")), sets=sets), digits=NA, auto_unbox=FALSE, na="null", null="null"), "tests/oracles/fuzz_outcomes.json")
