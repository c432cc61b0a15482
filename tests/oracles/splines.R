# Royston-Parmar models: the log likelihood by its definition, climbed here in base R (no package of
# this R has it): run `Rscript tests/oracles/splines.R` from the project root.
suppressMessages({library(survival); library(jsonlite); library(splines)})

# log H(t) = x beta + g0 + g1 y + sum_j g_{j+1} v_j(y), y = log t; by term, as in the paper.
plus <- function(u, power) ifelse(u > 0, u^power, 0)
term <- function(y, knots, j, power) {
  m <- length(knots); lambda <- (knots[m] - knots[j]) / (knots[m] - knots[1])
  plus(y - knots[j], power) - lambda * plus(y - knots[1], power) - (1 - lambda) * plus(y - knots[m], power)
}
basis <- function(y, knots) do.call(cbind, c(list(y), lapply(seq_along(knots)[-c(1, length(knots))], function(j) term(y, knots, j, 3))))
slopes <- function(y, knots) do.call(cbind, c(list(1 + 0 * y), lapply(seq_along(knots)[-c(1, length(knots))], function(j) 3 * term(y, knots, j, 2))))

climb <- function(M, N, time, event) {
  # `M` gives log H and `N` its slope by log t; columns turned to unit products, or curvature is lost.
  R <- qr.R(qr(M)); turn <- solve(R) * sqrt(nrow(M)); M <- M %*% turn; N <- N %*% turn
  y <- log(time)
  value <- function(b) {
    w <- drop(M %*% b); s <- drop(N %*% b)
    if (any(s[event == 1] <= 0)) return(-1e10)
    sum((w + log(s) - y)[event == 1]) - sum(exp(w))
  }
  slope <- function(b) {
    w <- drop(M %*% b); s <- drop(N %*% b); e <- event == 1
    colSums(M[e, , drop = FALSE]) + colSums(N[e, , drop = FALSE] / s[e]) - drop(crossprod(M, exp(w)))
  }
  # H = t / mean time: the line y - log(mean) is in the columns
  start <- qr.coef(qr(M), y - log(sum(time) / sum(event)))
  fit <- optim(start, function(b) -value(b), function(b) -slope(b), method = "BFGS", control = list(maxit = 5000, reltol = 1e-15))
  again <- nlm(function(b) -value(b), fit$par, gradtol = 1e-9, steptol = 1e-12, iterlim = 500)
  b <- fit$par
  curvature <- function(b) optimHess(b, function(b) -value(b), function(b) -slope(b), control = list(ndeps = rep(1e-5, length(b))))
  for (turns in 1:20) b <- b + solve(curvature(b), slope(b))
  stopifnot(max(abs(slope(b))) < 1e-8, abs(value(b) + again$minimum) < 1e-6, all(eigen(curvature(b))$values > 0))
  list(theta = drop(turn %*% b), covariance = turn %*% solve(curvature(b)) %*% t(turn), loglik = value(b))
}

royston_parmar <- function(time, event, x, internal) {
  y <- log(time); x <- cbind(1, as.matrix(x))
  knots <- unname(quantile(y[event == 1], seq(0, 1, length.out = internal + 2)))
  fit <- climb(cbind(x, basis(y, knots)), cbind(0 * x, slopes(y, knots)), time, event)
  if (internal > 0) {
    # R's own natural splines, slopes by differences: another basis of the same curves.
    other <- function(u) ns(u, knots = knots[2:(internal + 1)], Boundary.knots = range(knots))
    h <- 1e-5
    same <- climb(cbind(x, other(y)), cbind(0 * x, (other(y + h) - other(y - h)) / (2 * h)), time, event)
    p <- seq_len(ncol(x))[-1]
    stopifnot(abs(same$loglik - fit$loglik) < 1e-6, max(abs(same$theta[p] - fit$theta[p])) < 1e-6)
  } else {
    weibull <- survreg(Surv(time, event) ~ x - 1, dist = "weibull")
    stopifnot(abs(weibull$loglik[2] - fit$loglik) < 1e-6)
  }
  p <- ncol(x)
  # survival at three times, averaged over people
  at <- unname(quantile(time, c(.25, .5, .9)))
  survival <- sapply(at, function(t) mean(exp(-exp(drop(x %*% fit$theta[1:p]) +
    sum(basis(log(t), knots) * fit$theta[-(1:p)])))))
  list(knots = exp(knots), coef = fit$theta[1:p], spline = fit$theta[-(1:p)], covariance = fit$covariance,
       std_error = sqrt(diag(fit$covariance)), loglik = fit$loglik, at = at, survival = survival)
}

# A share pi = 1 / (1 + exp(-z gamma)) ever have the event: pi f(t), or 1 - pi + pi S(t).
split_population <- function(time, event, x, z, internal) {
  y <- log(time); x <- cbind(1, as.matrix(x)); z <- cbind(1, as.matrix(z))
  knots <- unname(quantile(y[event == 1], seq(0, 1, length.out = internal + 2)))
  M <- cbind(x, basis(y, knots)); N <- cbind(0 * x, slopes(y, knots)); p <- ncol(M)
  turn <- solve(qr.R(qr(M))) * sqrt(nrow(M)); turned <- M %*% turn; N <- N %*% turn
  e <- event == 1
  value <- function(b) {
    w <- drop(turned %*% b[1:p]); s <- drop(N %*% b[1:p]); pi <- plogis(drop(z %*% b[-(1:p)]))
    if (any(s[e] <= 0)) return(-1e10)
    v <- sum((log(pi) + w + log(s) - y - exp(w))[e]) + sum(log(1 - pi + pi * exp(-exp(w)))[!e])
    if (is.finite(v)) v else -1e10
  }
  slope <- function(b) {
    w <- drop(turned %*% b[1:p]); s <- drop(N %*% b[1:p]); pi <- plogis(drop(z %*% b[-(1:p)]))
    H <- exp(w); S <- exp(-H); free <- 1 - pi + pi * S
    by_w <- ifelse(e, 1 - H, -pi * S * H / free)
    by_eta <- ifelse(e, 1 - pi, pi * (1 - pi) * (S - 1) / free)
    c(drop(crossprod(turned, by_w)) + colSums(N[e, , drop = FALSE] / s[e]), drop(crossprod(z, by_eta)))
  }
  line <- qr.coef(qr(turned), y - log(1.5 * sum(time[e]) / sum(e)))
  b <- c(line, qlogis(min(.9, 1.1 * mean(event))), numeric(ncol(z) - 1))
  b <- optim(b, function(b) -value(b), function(b) -slope(b), method = "BFGS", control = list(maxit = 5000, reltol = 1e-15))$par
  again <- nlm(function(b) -value(b), b, gradtol = 1e-9, steptol = 1e-12, iterlim = 500)
  curvature <- function(b) optimHess(b, function(b) -value(b), function(b) -slope(b), control = list(ndeps = rep(1e-5, length(b))))
  for (turns in 1:20) b <- b + solve(curvature(b), slope(b))
  stopifnot(max(abs(slope(b))) < 1e-8, abs(value(b) + again$minimum) < 1e-6, all(eigen(curvature(b))$values > 0))
  whole <- diag(length(b)); whole[1:p, 1:p] <- turn
  theta <- drop(whole %*% b); covariance <- whole %*% solve(curvature(b)) %*% t(whole)
  list(coef = theta[seq_len(ncol(x))], spline = theta[(ncol(x) + 1):p], share = theta[-(1:p)], covariance = covariance,
       std_error = sqrt(diag(covariance)), loglik = value(b),
       never = as.numeric(tapply(1 - plogis(drop(z %*% theta[-(1:p)])), z[, 2], mean)))
}

rossi <- read.csv("tests/data/rossi.csv")
recid <- read.csv("tests/data/recid.csv"); recid$event <- 1 - recid$cens
SIX <- c("fin", "age", "race", "wexp", "mar", "paro", "prio")
NINE <- c("workprg", "priors", "tserved", "felon", "alcohol", "drugs", "black", "married", "educ", "age")
each <- function(time, event, x) { out <- lapply(0:3, function(k) royston_parmar(time, event, x, k)); names(out) <- 0:3; out }
answer <- list(
  rossi = list(arm = each(rossi$week, rossi$arrest, rossi["fin"]), adjusted = each(rossi$week, rossi$arrest, rossi[SIX])),
  recid = list(arm = each(recid$durat, recid$event, recid["workprg"]), adjusted = each(recid$durat, recid$event, recid[NINE])),
  cure = with(recid, lapply(setNames(0:2, 0:2), function(k) split_population(durat, event,
    cbind(workprg, priors), cbind(workprg, black), k))),
  # data only: the printed figures of other programs are in the test
  gbsg = gbsg[c("rfstime", "status", "hormon")],
  rotterdam = rotterdam[c("dtime", "death", "hormon")]
)
write(toJSON(answer, digits = NA, auto_unbox = TRUE, pretty = FALSE, dataframe = "columns"), "tests/oracles/splines.json")
