# Skewed amounts and counts with many zeros: Yuen, Brunner and Munzel, Gini and two-part models by
# base R, bootstrap by boot, zero-inflated and hurdle models by pscl: run
# `Rscript tests/oracles/harm.R` from the project root.
suppressMessages({library(boot); library(pscl); library(MASS); library(sandwich); library(jsonlite)})
set.seed(20260707)

n <- 140
d <- data.frame(arm = rep(0:1, c(64, 76)), age = round(runif(n, 18, 60)))
weights <- c(1, 2, 10, 182.25, 365, 2555)
some <- runif(n) < plogis(0.9 - 0.5 * d$arm - 0.02 * (d$age - 35))
d$harm <- ifelse(some, sample(weights, n, TRUE, c(.3, .2, .25, .1, .1, .05)) * sample(1:3, n, TRUE), 0)
own <- split(d$harm, d$arm)
welch <- function(m, v, df) {
  se <- sqrt(sum(v)); nu <- sum(v)^2 / sum(v^2 / df); gap <- m[2] - m[1]
  list(value = gap, std_error = se, df = nu, low = gap - qt(.975, nu) * se,
       high = gap + qt(.975, nu) * se, p_value = 2 * pt(-abs(gap / se), nu))
}
yuen <- function(trim) {
  parts <- sapply(own, function(x) {
    g <- floor(trim * length(x)); h <- length(x) - 2 * g; s <- sort(x)
    w <- pmin(pmax(x, s[g + 1]), s[length(x) - g])
    c(mean(x, trim = trim), (length(x) - 1) * var(w) / (h * (h - 1)), h - 1)
  })
  welch(parts[1, ], parts[2, ], parts[3, ])
}
winsorised <- function(trim) {
  s <- sort(d$harm); g <- floor(trim * n)
  test <- t.test(pmin(pmax(d$harm, s[g + 1]), s[n - g])[d$arm == 1],
                 pmin(pmax(d$harm, s[g + 1]), s[n - g])[d$arm == 0])
  list(value = unname(test$estimate[1] - test$estimate[2]), std_error = test$stderr,
       df = unname(test$parameter), low = test$conf.int[1], high = test$conf.int[2],
       p_value = test$p.value)
}

# Brunner and Munzel (2000): ranks of everyone less ranks within the arm
brunner_munzel <- function(x, y) {  # p = P(x < y) + P(x = y) / 2
  r <- rank(c(x, y)); nx <- length(x); ny <- length(y)
  rx <- r[seq_along(x)]; ry <- r[-seq_along(x)]
  p <- (mean(ry) - (ny + 1) / 2) / nx
  vx <- sum((rx - rank(x) - mean(rx) + (nx + 1) / 2)^2) / (nx - 1)
  vy <- sum((ry - rank(y) - mean(ry) + (ny + 1) / 2)^2) / (ny - 1)
  statistic <- nx * ny * (mean(ry) - mean(rx)) / ((nx + ny) * sqrt(nx * vx + ny * vy))
  df <- (nx * vx + ny * vy)^2 / ((nx * vx)^2 / (nx - 1) + (ny * vy)^2 / (ny - 1))
  se <- sqrt(vx / (nx * ny^2) + vy / (ny * nx^2))
  list(p = p, df = df, low = p - qt(.975, df) * se, high = p + qt(.975, df) * se, std_error = se,
       p_value = 2 * pt(-abs(statistic), df))
}

gini <- function(x) sum(abs(outer(x, x, "-"))) / (2 * length(x) * (length(x) - 1) * mean(x))
jack <- function(x) {
  g <- sapply(seq_along(x), function(i) gini(x[-i])); m <- length(x)
  c(gini(x), (m - 1) / m * sum((g - mean(g))^2))
}
ginis <- sapply(own, jack)
logits <- function(g, v) plogis(qlogis(g) + c(-1, 1) * qnorm(.975) * sqrt(v) / (g * (1 - g)))
inequality <- list(gini = ginis[1, ], std_error = sqrt(sum(ginis[2, ])),
                   intervals = list(logits(ginis[1, 1], ginis[2, 1]), logits(ginis[1, 2], ginis[2, 2])))

# Two-part models: everybody's estimating functions stacked, their slope by central differences,
# the variance n / (n - 1) in each arm.
two_part <- function(formula, model) {
  x <- model.matrix(formula, d); k <- ncol(x); any <- d$harm > 0
  at <- function(code) { z <- x; z[, "arm"] <- code; z }
  b <- coef(glm(any ~ x - 1, binomial, control = list(epsilon = 1e-14, maxit = 100)))
  log_amount <- log(ifelse(any, d$harm, 1))
  if (model == "gamma") {
    g <- coef(glm(d$harm[any] ~ x[any, ] - 1, Gamma("log"), control = list(epsilon = 1e-14, maxit = 200)))
    s <- 1
  } else {
    fit <- lm(log_amount[any] ~ x[any, ] - 1); g <- coef(fit); s <- mean(exp(resid(fit)))
  }
  psi <- function(theta) {
    b <- theta[1:k]; g <- theta[k + 1:k]; s <- theta[2 * k + 1]
    e <- exp(log_amount - x %*% g)
    amount <- if (model == "gamma") as.vector(any * (e - 1)) else as.vector(any * log(e))
    smear <- if (model == "gamma") rep(s - 1, n) else as.vector(any * (e - s))
    predicted <- sapply(0:1, function(code) plogis(at(code) %*% b))
    means <- sapply(0:1, function(code) plogis(at(code) %*% b) * s * exp(at(code) %*% g))
    cbind(x * as.vector(any - plogis(x %*% b)), x * amount, smear,
          sweep(predicted, 2, theta[2 * k + 2:3]), sweep(means, 2, theta[2 * k + 4:5]))
  }
  begun <- c(b, g, s, rep(0, 4))
  theta <- c(b, g, s, colMeans(psi(begun))[2 * k + 2:5])
  slope <- sapply(seq_along(theta), function(j) {
    h <- 1e-5 * max(1, abs(theta[j])); up <- down <- theta
    up[j] <- up[j] + h; down[j] <- down[j] - h
    (colMeans(psi(up)) - colMeans(psi(down))) / (2 * h)
  })
  influence <- -t(solve(slope, t(psi(theta))))
  m <- table(d$arm)[as.character(d$arm)]; factor <- as.vector(m / (m - 1))
  error <- function(v) sqrt(sum(factor * v^2)) / n
  last <- influence[, 2 * k + 2:5]; p <- theta[2 * k + 2:3]; mu <- theta[2 * k + 4:5]
  on_log <- sweep(last, 2, c(p, mu), "/")
  list(share = p, mean = mu, value = c(p[2] - p[1], (mu[2] / p[2]) / (mu[1] / p[1]), mu[2] - mu[1], mu[2] / mu[1]),
       std_error = c(error(last[, 2] - last[, 1]),
                     error(on_log[, 4] - on_log[, 2] - on_log[, 3] + on_log[, 1]),
                     error(last[, 4] - last[, 3]), error(on_log[, 4] - on_log[, 3])))
}

draws <- 10000
means <- function(data, who) { m <- tapply(data$harm[who], data$arm[who], mean); c(m[2] - m[1], m[2] / m[1]) }
found <- boot(d, means, R = draws, strata = factor(d$arm))
bootstrapped <- lapply(1:2, function(i) {
  l <- empinf(data = d, statistic = function(data, who) means(data, who)[i], type = "jack", stype = "i",
              strata = factor(d$arm))
  ends <- boot.ci(found, type = c("perc", "bca"), index = i, L = l)
  list(value = unname(found$t0[i]), std_error = sd(if (i == 2) log(found$t[, i]) else found$t[, i]),
       draws = draws, percentile = ends$percent[4:5], bca = ends$bca[4:5])
})
names(bootstrapped) <- c("mean difference", "mean ratio")

m <- 300
z <- data.frame(arm = rep(0:1, m / 2), years = round(runif(m, .3, 2), 2), age = round(runif(m, 18, 60)))
z$events <- rpois(m, exp(.8 - .4 * z$arm - .01 * (z$age - 35)) * z$years * rgamma(m, 2, 2)) * (runif(m) > .3)
z$log_years <- log(z$years)
models <- function(terms) {
  count <- paste("events ~", terms, "+ offset(log_years)")
  settled <- list(reltol = 1e-15)
  took <- function(fit, ratio, error) list(ratio = ratio, std_error = error, log_likelihood = as.numeric(logLik(fit)), aic = AIC(fit))
  of_arm <- function(fit, v) took(fit, unname(exp(coef(fit)["arm"])), sqrt(v["arm", "arm"]))
  p <- glm(as.formula(count), poisson, z, control = list(epsilon = 1e-14))
  b <- glm.nb(as.formula(count), z, control = glm.control(epsilon = 1e-12, maxit = 100))
  out <- list(of_arm(p, vcovHC(p, "HC0")), of_arm(b, vcov(b)))
  for (dist in c("poisson", "negbin")) {
    f <- zeroinfl(as.formula(paste(count, "| arm")), z, dist = dist, control = do.call(zeroinfl.control, settled))
    a <- f$coefficients$zero; share <- plogis(c(a[1], a[1] + a[2]))
    at <- rownames(vcov(f)); g <- setNames(numeric(length(at)), at)
    g["count_arm"] <- 1; g["zero_(Intercept)"] <- share[1] - share[2]; g["zero_arm"] <- -share[2]
    out <- c(out, list(took(f, unname(exp(f$coefficients$count["arm"]) * (1 - share[2]) / (1 - share[1])),
                            sqrt(as.numeric(g %*% vcov(f) %*% g)))))
  }
  for (dist in c("poisson", "negbin")) {
    f <- hurdle(as.formula(paste(count, "| arm + offset(log_years)")), z, dist = dist, zero.dist = "poisson",
                control = do.call(hurdle.control, settled))
    # Derivatives of the ratio of predicted means, by pscl's own predictions; log(theta) comes last
    # of the counts, and vcov leaves it out.
    k <- length(f$coefficients$count); of_count <- seq_len(k + (dist == "negbin"))
    parts <- list(-solve(f$optim$count$hessian), -solve(f$optim$zero$hessian))
    ratio <- function(at) {
      f$coefficients$count[] <- at[1:k]; f$coefficients$zero[] <- tail(at, 2)
      if (dist == "negbin") f$theta["count"] <- exp(at[k + 1])
      log(mean(predict(f, transform(z, arm = 1))) / mean(predict(f, transform(z, arm = 0))))
    }
    at <- c(f$coefficients$count, if (dist == "negbin") log(f$theta["count"]), f$coefficients$zero)
    g <- sapply(seq_along(at), function(j) { e <- replace(0 * at, j, 1e-5); (ratio(at + e) - ratio(at - e)) / 2e-5 })
    error <- sqrt(as.numeric(g[of_count] %*% parts[[1]] %*% g[of_count] + g[-of_count] %*% parts[[2]] %*% g[-of_count]))
    out <- c(out, list(took(f, exp(ratio(at)), error)))
  }
  setNames(out, c("poisson, robust", "negative binomial", "zero-inflated poisson",
                  "zero-inflated negative binomial", "hurdle poisson", "hurdle negative binomial"))
}

out <- list(made_by = R.version.string, pscl = as.character(packageVersion("pscl")),
  boot = as.character(packageVersion("boot")), people = d, counts = z[c("arm", "years", "age", "events")],
  yuen = list("0.2" = yuen(.2), "0.1" = yuen(.1)), winsorised = list("0.2" = winsorised(.2), "0.05" = winsorised(.05)),
  brunner_munzel = brunner_munzel(own[["1"]], own[["0"]]), inequality = inequality,
  two_part = list(gamma = list(two_part(~ arm, "gamma"), two_part(~ arm + age, "gamma")),
                  "log-normal" = list(two_part(~ arm, "log-normal"), two_part(~ arm + age, "log-normal"))),
  bootstrap = bootstrapped, rates = list(models("arm"), models("arm + age")))
write(toJSON(out, digits = NA, auto_unbox = TRUE, dataframe = "columns"), "tests/oracles/harm.json")
