# A whole page by another hand: every number of the report of an invented trial of three arms, from its
# tables, its protocol and the words printed below each result. Run from the project root:
# Rscript tests/oracles/whole_page.R
suppressMessages({library(survival); library(sandwich); library(MASS); library(estimatr); library(cmprsk)
  library(jsonlite)})
folder <- if (length(commandArgs(TRUE))) commandArgs(TRUE)[1] else "tests/oracles"
people <- read.csv(file.path(folder, "whole_page_people.csv"), na.strings = c("", "NA"))
people$left[is.na(people$left)] <- ""
rows <- read.csv(file.path(folder, "whole_page_episodes.csv"))
ARMS <- c("charge", "caution", "contract"); Z <- qnorm(.975)
pages <- list()
put <- function(outcome, measure, treatment, ..., set = "itt", adjusted = "", section = "results")
  pages[[length(pages) + 1]] <<- c(list(section = section, outcome = outcome, measure = measure,
      treatment = treatment,
    analysis_set = set, adjusted_for = adjusted), list(...))
wald <- function(v, s) list(value = v, low = v - Z * s, high = v + Z * s, std_error = s,
    p_value = 2 * pnorm(-abs(v / s)))
ratio <- function(v, s) list(value = exp(v), low = exp(v - Z * s), high = exp(v + Z * s), std_error = s,
    p_value = 2 * pnorm(-abs(v / s)))
student <- function(v, s, df) list(value = v, low = v - qt(.975, df) * s, high = v + qt(.975, df) * s,
    std_error = s,
  p_value = 2 * pt(-abs(v / s), df))
say <- function(found, ..., results = NULL) {
  if (!is.null(results)) found <- c(found, list(result_control = results[1], result_treatment = results[2]))
  do.call(put, c(list(...), found))
}
counts <- function(d, known, events = NULL) { # d: everybody of two arms, t 0/1
  by <- function(x) as.integer(c(sum(x[d$t == 0]), sum(x[d$t == 1])))
  n <- by(known); m <- by(!known)
  found <- list(n_control = n[1], n_treatment = n[2], missing_control = m[1], missing_treatment = m[2])
  if (!is.null(events)) { e <- by(ifelse(known, events, 0))
    found <- c(found, list(events_control = e[1], events_treatment = e[2])) }
  found
}
pair <- function(arm, set = "itt") {
  d <- people; d$is <- d$arm
  if (set == "per-protocol") d <- d[!is.na(d$received) & d$received == d$arm, ]
  if (set == "as-treated") { d <- d[!is.na(d$received), ]; d$is <- d$received }
  if (set == "agreed") d <- d[d$agreed == 1, ]
  d <- d[d$is %in% c("charge", arm), ]; d$t <- 1 * (d$is == arm); d
}

# --- Kaplan and Meier, by hand of survfit ---------------------------------------------------------------------
km <- function(d, at) { s <- summary(survfit(Surv(days, reoffended) ~ t, d), times = at, extend = TRUE)
  list(s = s$surv, e = s$std.err) }
newcombe <- function(x, n) {
  wilson <- function(x, n) { p <- x / n; m <- (p + Z^2 / (2 * n)) / (1 + Z^2 / n)
    h <- Z * sqrt(p * (1 - p) / n + Z^2 / (4 * n^2)) / (1 + Z^2 / n); c(m - h, m + h) }
  p <- x / n; a <- wilson(x[1], n[1]); b <- wilson(x[2], n[2]); v <- p[2] - p[1]
  list(value = v, low = v - sqrt((p[2] - b[1])^2 + (a[2] - p[1])^2),
      high = v + sqrt((b[2] - p[2])^2 + (p[1] - a[1])^2),
    std_error = sqrt(sum(p * (1 - p) / n)), p_value = fisher.test(rbind(x, n - x))$p.value)
}
risk <- function(d, at) { # Kaplan-Meier's where somebody is censored before, else of the people
  k <- d[!is.na(d$days), ]
  if (any(k$days < at & k$reoffended == 0)) { f <- km(k, at)
    c(wald(f$s[1] - f$s[2], sqrt(sum(f$e^2))), list(result_control = 1 - f$s[1],
        result_treatment = 1 - f$s[2])) }
  else { x <- tapply(k$days <= at & k$reoffended == 1, k$t, sum); n <- tapply(k$t, k$t, length)
    c(newcombe(x, n), list(result_control = x[[1]] / n[[1]], result_treatment = x[[2]] / n[[2]])) }
}
rmean <- function(d, tau) { t <- summary(survfit(Surv(days, reoffended) ~ t, d), rmean = tau)$table
  list(m = t[, "rmean"], e = t[, grep("se\\(rmean", colnames(t))]) }
pseudo <- function(k, what) { # n theta - (n - 1) theta without the person, within arms
  out <- numeric(nrow(k))
  for (a in 0:1) { i <- which(k$t == a); whole <- what(k[i, ]); n <- length(i)
    out[i] <- n * whole - (n - 1) * sapply(seq_along(i), function(j) what(k[i[-j], ])) }
  out
}
one_rmean <- function(k, tau) { f <- survfit(Surv(days, reoffended) ~ 1, k)
  unname(summary(f, rmean = tau)$table["rmean"]) }
one_risk <- function(k, at) 1 - summary(survfit(Surv(days, reoffended) ~ 1, k), times = at, extend = TRUE)$surv
two_stage <- function(k, y) { # k: received known; treatment effect of those who comply
  k$y <- y; k$got <- 1 * (k$received == k$is & k$t == 1 | k$t == 0 & k$received == unique(k$is[k$t == 1]))
  X <- model.matrix(~ got + site, k); W <- model.matrix(~ t + site, k)
  Xh <- W %*% solve(crossprod(W), crossprod(W, X)); b <- solve(crossprod(Xh), crossprod(Xh, y))
  e <- y - X %*% b
  B <- solve(crossprod(Xh)); h <- rowSums((Xh %*% B) * Xh)
  V <- B %*% crossprod(Xh * c(e / sqrt(1 - h))) %*% B; n <- nrow(k)
  f <- iv_robust(y ~ got + site | t + site, data = k, se_type = "HC2")
  stopifnot(all.equal(f$coefficients[["got"]], unname(b["got", 1])), all.equal(f$std.error[["got"]],
      sqrt(V["got", "got"])))
  # Abadie (2002): means of compliers, the same regressions of y(1 - got) on 1 - got and of y got on got
  beside <- function(u, v) { X <- cbind(v, model.matrix(~ site, k))
    Xh <- W %*% solve(crossprod(W), crossprod(W, X)); solve(crossprod(Xh), crossprod(Xh, u))[1] }
  first <- lm_robust(got ~ t + site, k, se_type = "HC2")
  of_first <- list(comply = first$coefficients[["t"]],
      first_F = (first$coefficients[["t"]] / first$std.error[["t"]])^2)
  c(of_first, student(b["got", 1], sqrt(V["got", "got"]), n - ncol(X)),
      list(result_control = beside(y * (1 - k$got), 1 - k$got), result_treatment = beside(y * k$got, k$got)))
}

# Brant (1990): the arm's coefficients of the logits above each grade, and Wald's test that they agree.
brant <- function(d, fm) {
  X <- model.matrix(fm, d)
  fits <- lapply(0:2, function(c) glm.fit(X, 1 * (abs(d$grade) > c), family = binomial(),
      control = list(epsilon = 1e-14)))
  p <- sapply(fits, fitted); B <- lapply(1:3, function(i) solve(crossprod(X * sqrt(p[, i] * (1 - p[, i])))))
  V <- matrix(0, 3, 3)
  for (i in 1:3) for (j in i:3) V[i, j] <- V[j, i] <- (B[[i]] %*% crossprod(X * (p[, j] * (1 - p[, i])),
      X) %*% B[[j]])["t", "t"]
  b <- sapply(fits, function(f) coef(f)[["t"]]); D <- rbind(c(1, -1, 0), c(1, 0, -1))
  chi <- c(t(D %*% b) %*% solve(D %*% V %*% t(D), D %*% b))
  list(above = exp(b), brant = chi, brant_p = pchisq(chi, 2, lower.tail = FALSE))
}

for (arm in ARMS[-1]) {
  all <- pair(arm); k <- all[!is.na(all$days), ]; at <- 365
  ev <- all$days <= at & all$reoffended == 1; soon <- counts(all, !is.na(all$days), ev)
  ever <- counts(all, !is.na(all$days), all$reoffended)
  f <- km(k, at); r <- 1 - f$s; m <- rmean(k, at); lost <- at - m$m
  put2 <- function(measure, found, adjusted = "", section = "results", set = "itt", outcome = "reoffence")
    do.call(put, c(list(outcome, measure, arm, set = set, adjusted = adjusted, section = section), found))
  put2("risk difference", c(risk(all, at), soon))
  put2("survival difference", c(wald(f$s[2] - f$s[1], sqrt(sum(f$e^2))), soon,
      list(result_control = f$s[1], result_treatment = f$s[2])))
  put2("risk ratio", c(ratio(log(r[2] / r[1]), sqrt(sum((f$e / r)^2))), soon,
      list(result_control = r[1], result_treatment = r[2])), section = "sensitivity")
  rm <- list(result_control = m$m[[1]], result_treatment = m$m[[2]])
  put2("restricted mean difference", c(wald(m$m[[2]] - m$m[[1]], sqrt(sum(m$e^2))), soon, rm))
  put2("restricted mean ratio", c(ratio(log(m$m[[2]] / m$m[[1]]), sqrt(sum((m$e / m$m)^2))), soon, rm))
  put2("restricted mean time lost ratio", c(ratio(log(lost[[2]] / lost[[1]]), sqrt(sum((m$e / lost)^2))), soon,
      list(result_control = lost[[1]], result_treatment = lost[[2]])))
  k$po <- pseudo(k, function(x) one_rmean(x, at)); g <- lm(po ~ t + age + priors, k)
  e <- sqrt(diag(vcovHC(g, "HC0")))[["t"]]
  std <- sapply(0:1, function(a) mean(predict(g, transform(k, t = a))))
  put2("restricted mean difference", c(wald(coef(g)[["t"]], e), soon,
      list(result_control = std[1], result_treatment = std[2])), "age, priors")
  for (adj in c("age, priors", "")) {
    g <- coxph(as.formula(paste("Surv(days, reoffended) ~ t +", if (adj != "") "age + priors +",
        "strata(site)")), k, ties = "efron")
    put2("hazard ratio", c(ratio(coef(g)[["t"]], sqrt(vcov(g)["t", "t"])), ever,
        list(changes_p = cox.zph(g, "km", terms = FALSE)$table["t", "p"])), adj,
            if (adj == "") "sensitivity" else "results")
  }
  for (set in c("per-protocol", "as-treated", "agreed")) {
    d <- pair(arm, set)
    put2("risk difference", c(risk(d, at), counts(d, !is.na(d$days), d$days <= at & d$reoffended == 1)),
        section = "sensitivity", set = set)
  }
  # Marginal hazard ratio: Ye, Shao and Yi (2024), written from the equations in the notes of the verb
  x <- scale(as.matrix(k[, c("age", "priors")]), scale = FALSE)
  for (s in unique(k$site)) x[k$site == s, ] <- scale(x[k$site == s, ], scale = FALSE)
  parts <- function(b) {
    o <- numeric(nrow(k)); info <- 0
    for (s in unique(k$site)) { i <- which(k$site == s); tt <- sort(unique(k$days[i][k$reoffended[i] == 1]))
      for (u in tt) { r0 <- sum(k$days[i] >= u & k$t[i] == 0); r1 <- sum(k$days[i] >= u & k$t[i] == 1)
        d <- sum(k$days[i] == u & k$reoffended[i] == 1)
        p <- exp(b) * r1 / (r0 + exp(b) * r1); L <- d / (r0 + exp(b) * r1); info <- info + d * p * (1 - p)
        w <- ifelse(k$t[i] == 1, 1 - p, p)
        o[i] <- o[i] + w * ((k$days[i] == u & k$reoffended[i] == 1) - (k$days[i] >= u) * ifelse(k$t[i] == 1,
            exp(b), 1) * L) } }
    list(o = o, info = info)
  }
  slopes <- function(o) lapply(0:1, function(a) { j <- k$t == a; xx <- x[j, ]; st <- k$site[j]
    for (s in unique(st)) xx[st == s, ] <- scale(xx[st == s, ], scale = FALSE); qr.solve(xx, o[j]) })
  score <- function(b, B) { o <- parts(b)$o
    sum(ifelse(k$t == 1, 1, -1) * (o - ifelse(k$t == 1, x %*% B[[2]], x %*% B[[1]]))) }
  root <- function(B) uniroot(function(b) score(b, B), c(-3, 3), tol = 1e-13)$root
  B <- slopes(parts(root(list(c(0, 0), c(0, 0))))$o); b <- root(B); I <- parts(b)$info; tb <- B[[1]] + B[[2]]
  off <- mean(k$t) * (1 - mean(k$t)) * sum(sapply(unique(k$site),
      function(s) sum(k$site == s) * c(tb %*% var(x[k$site == s, ]) %*% tb)))
  put2("marginal hazard ratio", c(ratio(b, sqrt(I - off) / I), ever), "age, priors")
  # Win ratio and net benefit: pairs within strata
  duel <- function(k, beats, w_fun) {
    st <- unique(k$site); tot <- 0; won <- lost <- decided <- pairs <- 0; inf <- list()
    for (s in st) { T <- k[k$site == s & k$t == 1, ]; C <- k[k$site == s & k$t == 0, ]
      W <- outer(seq_len(nrow(T)), seq_len(nrow(C)), function(i, j) beats(T[i, ], C[j, ]))
      L <- outer(seq_len(nrow(T)), seq_len(nrow(C)), function(i, j) beats(C[j, ], T[i, ]))
      pairs <- pairs + length(W); decided <- decided + sum(W + L)
      w <- nrow(T) * nrow(C) / (nrow(T) + nrow(C)); tot <- tot + w
      won <- won + w * mean(W); lost <- lost + w * mean(L); inf[[s]] <- list(W = W, L = L, w = w) }
    won <- won / tot; lost <- lost / tot
    v <- function(f) sum(sapply(inf, function(g) { M <- f(g$W, g$L)
      (g$w / tot)^2 * (var(rowMeans(M)) / nrow(M) + var(colMeans(M)) / ncol(M)) }))
    list(won = won, lost = lost, benefit = v(function(W, L) W - L), log = v(function(W, L) W / won - L / lost),
        decided = decided / pairs)
  }
  f <- duel(k, function(a,
      b) 1 * (b$reoffended == 1 & (b$days < a$days | b$days == a$days & a$reoffended == 0)))
  put2("win ratio", c(ratio(log(f$won / f$lost), sqrt(f$log)), ever,
      list(result_control = f$lost, result_treatment = f$won)))
  # compliers
  d <- all[!is.na(all$days) & !is.na(all$received), ]
  y <- if (any(d$days < at & d$reoffended == 0)) pseudo(d, function(x) one_risk(x,
      at)) else 1 * (d$days <= at & d$reoffended == 1)
  for (a in 0:1) y[d$t == a] <- y[d$t == a] - mean(y[d$t == a]) + one_risk(d[d$t == a, ], at)
  put2("complier average effect", c(two_stage(d, y), counts(all, !is.na(all$days) & !is.na(all$received), ev)),
      section = "sensitivity")

  # --- custody, with death competing --------------------------------------------------------------------------
  cause <- ifelse(all$custody == 1, 1, ifelse(all$left != "", 2, 0)); at <- 548
  tp <- timepoints(cuminc(all$custody_days, cause, all$t), at)
  F <- tp$est[c("0 1", "1 1"), 1]; V <- tp$var[c("0 1", "1 1"), 1]; here <- rep(TRUE, nrow(all))
  put2("cumulative incidence difference", c(wald(F[[2]] - F[[1]], sqrt(sum(V))),
      counts(all, here, all$custody_days <= at & all$custody), list(result_control = F[[1]],
          result_treatment = F[[2]])), outcome = "custody")
  g <- crr(all$custody_days, cause, cbind(t = all$t, age = all$age))
  put2("subdistribution hazard ratio", c(ratio(g$coef[["t"]], sqrt(g$var[1, 1])),
      counts(all, here, all$custody)), "age", outcome = "custody")
  g <- coxph(Surv(custody_days, custody) ~ t + strata(site), all)
  put2("hazard ratio", c(ratio(coef(g)[["t"]], sqrt(vcov(g)[1, 1])), counts(all, here, all$custody)),
      outcome = "custody")

  # --- harm ---------------------------------------------------------------------------------------------------
  h <- all[!is.na(all$harm), ]; number <- counts(all, !is.na(all$harm)); blocked <- function(d, y) {
    w <- table(d$site) / nrow(d); m <- tapply(y, list(d$site, d$t), mean)
    v <- tapply(y, list(d$site, d$t), function(u) var(u) / length(u))
    f <- student(sum(w * (m[, 2] - m[, 1])), sqrt(sum(w^2 * rowSums(v))), nrow(d) - 2 * length(w))
    d$y <- y; e <- difference_in_means(y ~ t, blocks = site, data = d)
    stopifnot(all.equal(unname(e$coefficients), f$value), all.equal(unname(e$std.error), f$std_error))
    c(f, list(result_control = sum(w * m[, 1]), result_treatment = sum(w * m[, 2]))) }
  put2("mean difference", c(blocked(h, h$harm), number), outcome = "harm")
  X <- model.matrix(~ age + priors + site, h)[, -1]; X <- scale(X, scale = FALSE); g <- lm(h$harm ~ h$t * X)
  n <- nrow(h)
  put2("mean difference", c(student(coef(g)[["h$t"]], sqrt(vcovHC(g, "HC2")["h$t", "h$t"]), g$df.residual),
      number, list(result_control = coef(g)[[1]], result_treatment = coef(g)[[1]] + coef(g)[["h$t"]])),
          "age, priors", outcome = "harm")
  yuen <- function(y) { n <- length(y); c <- floor(.2 * n); s <- sort(y)
    w <- pmin(pmax(y, s[c + 1]), s[n - c]); m <- n - 2 * c
    list(m = mean(s[(c + 1):(n - c)]), v = (n - 1) * var(w) / (m * (m - 1)), h = m) }
  a <- yuen(h$harm[h$t == 0]); b <- yuen(h$harm[h$t == 1])
  df <- (a$v + b$v)^2 / (a$v^2 / (a$h - 1) + b$v^2 / (b$h - 1))
  put2("trimmed mean difference", c(student(b$m - a$m, sqrt(a$v + b$v), df), number,
      list(result_control = a$m, result_treatment = b$m)), outcome = "harm")
  s <- sort(h$harm); c2 <- floor(.2 * length(s)); w <- pmin(pmax(h$harm, s[c2 + 1]), s[length(s) - c2])
  g <- t.test(w[h$t == 1], w[h$t == 0])
  put2("winsorised mean difference",
      c(student(unname(g$estimate[1] - g$estimate[2]), g$stderr, g$parameter[[1]]), number,
          list(result_control = g$estimate[[2]], result_treatment = g$estimate[[1]])), outcome = "harm")
  y0 <- h$harm[h$t == 0]; y1 <- h$harm[h$t == 1]; less <- outer(y1, y0, "<") + .5 * outer(y1, y0, "==")
  p <- mean(less); v1 <- var(rowMeans(less)) / length(y1); v0 <- var(colMeans(less)) / length(y0)
  put2("superiority difference",
      c(student(2 * p - 1, 2 * sqrt(v0 + v1),
          (v0 + v1)^2 / (v0^2 / (length(y0) - 1) + v1^2 / (length(y1) - 1))), number,
              list(result_control = 1 - p, result_treatment = p)), outcome = "harm")
  f <- duel(h, function(a, b) 1 * (a$harm < b$harm))
  put2("net benefit", c(wald(f$won - f$lost, sqrt(f$benefit)), number,
      list(result_control = f$lost, result_treatment = f$won)), outcome = "harm")
  d <- h[!is.na(h$received), ]
  put2("complier average effect", c(two_stage(d, d$harm),
      counts(all, !is.na(all$harm) & !is.na(all$received))), outcome = "harm")

  # --- breach -------------------------------------------------------------------------------------------------
  for (set in c("itt", "per-protocol")) { d <- pair(arm, set); q <- d[!is.na(d$breach), ]
    x <- c(sum(q$breach[q$t == 0]), sum(q$breach[q$t == 1])); n <- c(sum(q$t == 0), sum(q$t == 1))
    of <- counts(d, !is.na(d$breach), d$breach)
    put2("risk difference", c(newcombe(x, n), of,
        list(result_control = x[1] / n[1], result_treatment = x[2] / n[2])), set = set, outcome = "breach")
    if (set == "itt") { N <- sum(n); M <- sum(x)
      ends <- function(z, start) sapply(c(Z, -Z), function(q) uniroot(function(u) z(exp(u)) - q,
          log(start) + c(-4, 4), tol = 1e-13)$root) |> exp()
      zr <- function(phi) { A <- N * phi; B <- -(n[2] * phi + x[2] + n[1] + x[1] * phi)
        p0 <- (-B - sqrt(B^2 - 4 * A * M)) / (2 * A); p1 <- phi * p0
        (x[2] / n[2] - phi * x[1] / n[1]) / sqrt((p1 * (1 - p1) / n[2] + phi^2 * p0 * (1 - p0) / n[1]) * N / (N - 1)) }
      zo <- function(o) { A <- n[1] * (o - 1); B <- n[2] * o + n[1] - M * (o - 1)
        p0 <- if (abs(o - 1) < 1e-12) M / N else (-B + sqrt(B^2 + 4 * A * M)) / (2 * A)
        p1 <- o * p0 / (1 + p0 * (o - 1))
        (n[2] * (x[2] / n[2] - p1)) * sqrt(1 / (n[2] * p1 * (1 - p1)) + 1 / (n[1] * p0 * (1 - p0))) / sqrt(N / (N - 1)) }
      rr <- (x[2] / n[2]) / (x[1] / n[1]); or <- x[2] * (n[1] - x[1]) / (x[1] * (n[2] - x[2]))
      p <- fisher.test(rbind(x, n - x))$p.value
      res <- list(result_control = x[1] / n[1], result_treatment = x[2] / n[2])
      e <- ends(zr, rr)
      put2("risk ratio",
          c(list(value = rr, low = e[1], high = e[2], std_error = sqrt(sum(1 / x - 1 / n)), p_value = p), of,
              res), outcome = "breach")
      e <- ends(zo, or)
      put2("odds ratio",
          c(list(value = or, low = e[1], high = e[2], std_error = sqrt(sum(1 / x + 1 / (n - x))), p_value = p),
              of, res), outcome = "breach")
      g <- glm(breach ~ t + age + priors, binomial, q, control = list(epsilon = 1e-14))
      mu <- lapply(0:1, function(a) predict(g, transform(q, t = a), type = "response"))
      th <- sapply(mu, mean); nn <- nrow(q); y <- q$breach
      V <- matrix(0, 2, 2)
      for (a in 0:1) { j <- q$t == a; u <- mu[[a + 1]]
        V[a + 1, a + 1] <- (var(y[j]) - 2 * cov(y[j], u[j]) + var(u)) / mean(j) + 2 * cov(y[j], u[j]) - var(u) }
      V[1, 2] <- V[2, 1] <- cov(y[q$t == 0], mu[[2]][q$t == 0]) + cov(y[q$t == 1],
          mu[[1]][q$t == 1]) - cov(mu[[1]], mu[[2]])
      V <- V / nn; res <- list(result_control = th[1], result_treatment = th[2])
      put2("risk difference", c(wald(th[2] - th[1], sqrt(V[1, 1] + V[2, 2] - 2 * V[1, 2])), of, res),
          "age, priors", outcome = "breach")
      lo <- qlogis(th); dd <- 1 / (th * (1 - th))
      put2("odds ratio", c(ratio(lo[2] - lo[1], sqrt(c(c(-dd[1], dd[2]) %*% V %*% c(-dd[1], dd[2])))), of,
          res), "age, priors", outcome = "breach")
      d2 <- q[!is.na(q$received), ]
      put2("complier average effect", c(two_stage(d2, d2$breach),
          counts(all, !is.na(all$breach) & !is.na(all$received), all$breach)), outcome = "breach") } }

  # --- stops, grades ------------------------------------------------------------------------------------------
  q <- all[!is.na(all$stops), ]; of <- counts(all, !is.na(all$stops), all$stops)
  per <- sapply(0:1, function(a) sum(q$stops[q$t == a]) / sum(q$risk_days[q$t == a]))
  for (adj in c("",
      "age, priors")) { g <- glm.nb(as.formula(paste("stops ~ t + site", if (adj != "") "+ age + priors",
          "+ offset(log(risk_days))")), q, control = glm.control(epsilon = 1e-14, maxit = 200))
    put2("rate ratio", c(ratio(coef(g)[["t"]], sqrt(vcov(g)["t", "t"])), of,
        list(result_control = per[1], result_treatment = per[2], dispersion = 1 / g$theta)), adj,
            outcome = "stops") }
  put2("mean difference", c(blocked(q, q$stops), of), outcome = "stops")
  for (adj in c("", "age")) { all$g <- factor(abs(all$grade))
    fm <- as.formula(paste("g ~ t + site", if (adj != "") "+ age"))
    g <- polr(fm, all, Hess = TRUE, control = list(reltol = 1e-15, maxit = 1000))
    put2("ordinal odds ratio", c(ratio(coef(g)[["t"]], sqrt(vcov(g)["t", "t"])),
        counts(all, rep(TRUE, nrow(all))), brant(all, fm)), adj, outcome = "grade") }

  # --- repeated events ----------------------------------------------------------------------------------------
  known <- all$id %in% rows$id; e <- merge(rows, all[, c("id", "t", "site", "age")])
  number <- tapply(e$event, factor(e$id, all$id), sum); number[is.na(number)] <- 0
  of <- counts(all, known, number)
  for (adj in c("",
      "age")) { g <- coxph(as.formula(paste("Surv(start, stop, event) ~ t +", if (adj != "") "age +",
          "strata(site)")), e, cluster = id)
    put2("rate ratio", c(ratio(coef(g)[["t"]], sqrt(vcov(g)["t", "t"])), of), adj, outcome = "offences") }
  at <- 548
  course <- lapply(0:1, function(a) { r <- e[e$t == a, ]; ids <- sort(unique(r$id))
    end <- sapply(ids, function(i) max(r$stop[r$id == i]))
    dead <- sapply(ids, function(i) max(r$terminal[r$id == i]))
    u <- sort(unique(c(r$stop[r$event == 1], end[dead == 1]))); u <- u[u <= at]
    Y <- t(sapply(ids,
        function(i) colSums(outer(which(r$id == i), u, function(j, s) r$start[j] < s & s <= r$stop[j]))))
    N <- t(sapply(ids,
        function(i) colSums(outer(which(r$id == i), u, function(j, s) r$event[j] == 1 & s == r$stop[j]))))
    YD <- 1 * outer(end, u, ">="); D <- dead * outer(end, u, "=="); y <- colSums(Y); yd <- colSums(YD)
    S <- cumprod(1 - colSums(D) / yd); before <- c(1, head(S, -1)); rise <- ifelse(y > 0, colSums(N) / y, 0)
    dMR <- sweep(N - sweep(Y, 2, rise, "*"), 2, pmax(y, 1), "/")
    dMD <- sweep(D - sweep(YD, 2, colSums(D) / yd, "*"), 2, yd, "/")
    mcf <- sum(rise); mu <- cumsum(before * rise)
    area <- function(t) { kn <- c(0, u[u < t], t); sum(diff(kn) * c(1, S[u < t])) }
    left <- area(at) - sapply(u, area); gl <- c(dMR %*% before - dMD %*% (mu[length(mu)] - mu))
    live <- -c(dMD %*% left); m <- mu[length(mu)]; rate <- m / area(at)
    list(mcf = mcf, mcf_v = sum(rowSums(dMR)^2), gl = m, gl_v = sum(gl^2), rate = rate,
        rate_v = sum(((gl - rate * live) / area(at))^2)) })
  early <- tapply(e$event * (e$stop <= at), factor(e$id, all$id), sum); early[is.na(early)] <- 0
  of <- counts(all, known, early); c0 <- course[[1]]; c1 <- course[[2]]; of$dummy <- NULL
  put2("mean events difference", c(wald(c1$mcf - c0$mcf, sqrt(c0$mcf_v + c1$mcf_v)), of,
      list(result_control = c0$mcf, result_treatment = c1$mcf)), outcome = "offences")
  put2("mean events with death difference", c(wald(c1$gl - c0$gl, sqrt(c0$gl_v + c1$gl_v)), of,
      list(result_control = c0$gl, result_treatment = c1$gl)), outcome = "offences")
  put2("while-alive rate ratio",
      c(ratio(log(c1$rate / c0$rate), sqrt(c0$rate_v / c0$rate^2 + c1$rate_v / c1$rate^2)), of,
          list(result_control = c0$rate, result_treatment = c1$rate)), outcome = "offences")
}
test <- function(outcome, measure, statistic, df) put(outcome, measure, "caution / contract",
    statistic = statistic, df = df, p_value = pchisq(statistic, df, lower.tail = FALSE))
g <- survdiff(Surv(days, reoffended) ~ arm + strata(site), people)
test("reoffence", "log-rank test", g$chisq, 2)
cause <- ifelse(people$custody == 1, 1, ifelse(people$left != "", 2, 0))
g <- cuminc(people$custody_days, cause, people$arm, people$site)$Tests
test("custody", "Gray's test", g[1, 1], 2)

# --- Holm over the four confirmatory p ---------------------------------------------------------------------------
leads <- which(sapply(pages,
    function(p) p$section == "results" && p$adjusted_for == "" && (p$outcome == "reoffence" && p$measure == "risk difference" || p$outcome == "harm" && p$measure == "mean difference")))
holm <- p.adjust(sapply(pages[leads], `[[`, "p_value"), "holm")
for (i in seq_along(leads)) pages[[leads[i]]]$p_adjusted <- holm[i]

# --- the rest of the page ------------------------------------------------------------------------------------------
wilson <- function(x, n) c(prop.test(x, n, correct = FALSE)$conf.int)
group <- function(d, name) lapply(ARMS, function(a) { o <- d[d$arm == a, ]; u <- sum(is.na(o$received))
  x <- sum(o$received == a, na.rm = TRUE); n <- nrow(o) - u; w <- wilson(x, n)
  list(group = name, arm = a, people = nrow(o), as_assigned = x, otherwise = n - x, unknown = u, share = x / n,
      low = w[1], high = w[2]) })
integrity <- c(group(people, "everyone"), do.call(c,
    lapply(sort(unique(people$site)), function(s) group(people[people$site == s, ], s))))
crossed <- unclass(table(factor(people$arm, ARMS), factor(people$received, ARMS)))
levels_of <- c("high", "low", "medium")
balance <- lapply(ARMS[-1], function(arm) { d <- pair(arm)
  smd <- function(x) { a <- x[d$t == 0]; b <- x[d$t == 1]; (mean(b) - mean(a)) / sqrt((var(a) + var(b)) / 2) }
  share <- function(l) { q <- tapply(d$risk == l, d$t, mean); m <- tapply(d$t, d$t, length)
    (q[[2]] - q[[1]]) / sqrt(sum(q * (1 - q) * m / (m - 1)) / 2) }
  q <- sapply(0:1, function(a) prop.table(table(factor(d$risk[d$t == a], levels_of)))[-1])
  S <- (diag(q[, 1]) - q[, 1] %o% q[, 1] + diag(q[, 2]) - q[, 2] %o% q[, 2]) / 2; gap <- q[, 2] - q[, 1]
  list(treatment = arm, age = smd(d$age), priors = smd(d$priors), risk = as.list(sapply(levels_of, share)),
      overall = sqrt(c(gap %*% solve(S, gap)))) })
n <- table(factor(people$arm, ARMS)); ratio_test <- chisq.test(n)
X <- cbind(people$age, people$priors, sapply(levels_of[-1], function(l) 1 * (people$risk == l))); d <- 0; V <- 0
for (s in unique(people$site)) { i <- people$site == s; x <- scale(X[i, ], scale = FALSE)
  A <- sapply(ARMS[-1], function(a) 1 * (people$arm[i] == a)); p <- colMeans(A)
  d <- d + c(t(x) %*% A)
  V <- V + sum(i) * (if (length(p) == 1) p * (1 - p) else diag(p) - p %o% p) %x% var(X[i, ]) }
omnibus <- c(d %*% solve(V, d))
bounds <- lapply(ARMS[-1], function(arm) { all <- pair(arm); at <- 365
  seen <- !is.na(all$days) & !(all$days < at & all$reoffended == 0)
  y <- ifelse(seen, 1 * (all$days <= at & all$reoffended == 1), NA)
  im <- function(lo, sl, hi, sh) { w <- max(sl, sh)
    c <- uniroot(function(c) pnorm(c + (hi - lo) / w) - pnorm(-c) - .95, c(1, 3), tol = 1e-13)$root
    list(low = lo, high = hi, interval_low = lo - c * sl, interval_high = hi + c * sh) }
  v <- function(u) mean(u) * (1 - mean(u)) / length(u)
  f <- function(a, z) { u <- y[all$t == a]; u[is.na(u)] <- z; u }
  manski <- im(mean(f(1, 0)) - mean(f(0, 1)), sqrt(v(f(1, 0)) + v(f(0, 1))), mean(f(1, 1)) - mean(f(0, 0)),
      sqrt(v(f(1, 1)) + v(f(0, 0))))
  # Lee: the delta method over the four shares; the arm that sees more is trimmed by q = 1 - s_other / s_own
  s <- tapply(seen, all$t, mean); N <- tapply(seen, all$t, length); p <- tapply(y, all$t, mean, na.rm = TRUE)
  big <- which.max(s); small <- 3 - big
  end <- function(z, high) { kept <- z["small"] / z["big"]
    m <- if (high) min(1, z["p"] / kept) else max(0, (z["p"] - (1 - kept)) / kept); unname(m) }
  one <- function(high) { z <- c(small = s[[small]], big = s[[big]], p = p[[big]]); m <- end(z, high)
    step <- 1e-6
    g <- sapply(1:3, function(i) { a <- z; b <- z; a[i] <- a[i] + step; b[i] <- b[i] - step
      (end(a, high) - end(b, high)) / (2 * step) })
    var <- c(s[[small]] * (1 - s[[small]]) / N[[small]], s[[big]] * (1 - s[[big]]) / N[[big]],
        p[[big]] * (1 - p[[big]]) / (N[[big]] * s[[big]]))
    c(m, sqrt(sum(g^2 * var) + p[[small]] * (1 - p[[small]]) / (N[[small]] * s[[small]]))) }
  lo <- one(FALSE); hi <- one(TRUE)
  lee <- if (big == 2) im(lo[1] - p[[1]], lo[2], hi[1] - p[[1]], hi[2]) else im(p[[2]] - hi[1], hi[2],
      p[[2]] - lo[1], lo[2])
  list(treatment = arm, manski = manski, lee = c(lee, list(trimmed = 1 - s[[small]] / s[[big]])),
      missing = as.integer(tapply(!seen, all$t, sum))) })
gini <- function(y) { n <- length(y); s <- sort(y)
  G <- function(s) { n <- length(s); 2 * sum(seq_len(n) * s) / (n * sum(s)) - (n + 1) / n } 
  g <- G(s) * n / (n - 1)
  jk <- sapply(seq_len(n), function(i) G(s[-i]) * (n - 1) / (n - 2))
  v <- (n - 1) / n * sum((jk - mean(jk))^2)
  list(g = g, v = v, top = 1 - approx(0:n / n, c(0, cumsum(s) / sum(s)), .9)$y) }
unequal <- lapply(ARMS, function(a) { f <- gini(na.omit(people$harm[people$arm == a]))
  e <- sqrt(f$v) / (f$g * (1 - f$g))
  list(arm = a, gini = f$g, low = plogis(qlogis(f$g) - Z * e), high = plogis(qlogis(f$g) + Z * e), top = f$top,
      v = f$v) })
spread <- lapply(2:3, function(i) c(list(treatment = ARMS[i]),
    wald(unequal[[i]]$gini - unequal[[1]]$gini, sqrt(unequal[[i]]$v + unequal[[1]]$v))))
people$age_level <- cut(people$age, c(-Inf, 25, 35, Inf), c("below 25", "25 to below 35", "35 and above"),
    right = FALSE)
subgroups <- lapply(ARMS[-1],
    function(arm) { by <- lapply(c("risk", "age_level"),
        function(col) { lev <- if (col == "risk") levels_of else levels(people$age_level)
    f <- lapply(lev, function(l) { d <- pair(arm); d <- d[d[[col]] == l, ]
      c(list(level = l), risk(d, 365), counts(d, !is.na(d$days))) })
    y <- sapply(f, `[[`, "value"); w <- 1 / sapply(f, `[[`, "std_error")^2
    Q <- sum(w * (y - sum(w * y) / sum(w))^2)
    list(levels = f, Q = Q, p_value = pchisq(Q, length(y) - 1, lower.tail = FALSE)) })
  list(treatment = arm, by = by) })
curve <- function(time, event) do.call(rbind, lapply(ARMS,
    function(a) { i <- people$arm == a & !is.na(people[[time]])
  f <- survfit(Surv(people[[time]][i], people[[event]][i]) ~ 1, conf.type = "log-log")
  s <- summary(f, times = c(0, 182, 365, 548, 730), extend = TRUE)
  data.frame(arm = a, time = s$time, at_risk = s$n.risk, survival = s$surv, low = s$lower, high = s$upper) }))
baseline <- lapply(ARMS, function(a) { o <- people[people$arm == a, ]
  list(arm = a, n = nrow(o), site = as.list(table(o$site)), age = c(mean(o$age), sd(o$age)),
      priors = c(mean(o$priors), sd(o$priors)), risk = as.list(table(o$risk))) })
flow <- lapply(ARMS, function(a) { o <- people[people$arm == a, ]
  list(arm = a, randomised = nrow(o), received = sum(o$received == a, na.rm = TRUE), agreed = sum(o$agreed),
  reoffence = sum(!is.na(o$days)), custody = nrow(o), breach = sum(!is.na(o$breach)),
      harm = sum(!is.na(o$harm)), grade = sum(!is.na(o$grade)), stops = sum(!is.na(o$stops)),
          offences = sum(o$id %in% rows$id)) })
found <- list(results = pages, integrity = integrity, crossed = crossed, balance = balance,
  sample_ratio = list(statistic = unname(ratio_test$statistic), p_value = ratio_test$p.value),
      omnibus = list(statistic = omnibus, df = 8, p_value = pchisq(omnibus, 8, lower.tail = FALSE)),
  bounds = bounds, inequality = unequal, gini_difference = spread, subgroups = subgroups,
      curves = list(reoffence = curve("days", "reoffended"), custody = curve("custody_days", "custody")),
          baseline = baseline, flow = flow)
write(toJSON(found, digits = NA, auto_unbox = TRUE, pretty = 1, na = "null"), file.path(folder,
    "whole_page.json"))
