# Partially nested mixed models by nlme::lme (random slope of having a navigator, a variance for
# people with and without one, REML) on invented people. The treated without a navigator have a
# level of their own; the effect of assigning weighs both by their shares, which are themselves
# estimated; degrees of freedom of Satterthwaite with n by n matrices at nlme's own estimates,
# as nlme has none: run `Rscript tests/oracles/navigators.R` from the project root.
suppressMessages({library(nlme); library(jsonlite)})

fitted <- function(formula, d) {
  control <- lmeControl(opt = "nlminb", maxIter = 500, msMaxIter = 500, msMaxEval = 2000,
                        tolerance = 1e-12, msTol = 1e-12, niterEM = 200)
  d$slot <- factor(d$slot); d$alone <- as.numeric(d$arm == 1 & d$with == 0)
  if (any(d$alone == 1)) formula <- update(formula, . ~ . + alone)
  fit <- lme(formula, d, random = ~ 0 + with | slot, weights = varIdent(form = ~ 1 | with),
             method = "REML", control = control)
  sigma <- fit$sigma * coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)
  spread <- c(sigma["0"]^2, sigma["1"]^2, as.numeric(VarCorr(fit)[1, 1]))
  own <- ranef(fit)[as.character(unique(d$slot[d$with == 1])), 1]
  share <- sum(d$alone) / sum(d$arm)
  along <- (names(fixef(fit)) == "arm") + share * (names(fixef(fit)) == "alone")
  of_share <- if (share > 0) share * (1 - share) / sum(d$arm) * fixef(fit)[["alone"]]^2 else 0
  list(value = sum(along * fixef(fit)),
       std_error = sqrt((along %*% vcov(fit) %*% along)[1, 1] + of_share),
       spread = unname(spread), df = satterthwaite(formula, d, spread, along),
       navigator = unique(as.character(d$slot[d$with == 1])), shrunken = own,
       log_likelihood = as.numeric(logLik(fit)), mean_control = mean_control(formula, fit, d))
}

# The mean of everybody's covariates under control
mean_control <- function(formula, fit, d)
  mean(model.matrix(formula, transform(d, arm = 0, alone = 0)) %*% fixef(fit))

parts <- function(d)
  list(diag(1 - d$with), diag(d$with), outer(d$slot, d$slot, "==") * outer(d$with, d$with))

# Expected information of the three variances, and how the variance of a contrast follows them
satterthwaite <- function(formula, d, spread, along) {
  X <- model.matrix(formula, d); each <- parts(d)
  W <- solve(Reduce(`+`, Map(`*`, spread, each)))
  C <- solve(t(X) %*% W %*% X); P <- W - W %*% X %*% C %*% t(X) %*% W
  info <- outer(1:3, 1:3, Vectorize(function(a, b) sum(diag(P %*% each[[a]] %*% P %*% each[[b]])) / 2))
  slope <- sapply(each, function(V) along %*% C %*% t(X) %*% W %*% V %*% W %*% X %*% C %*% along)
  unname(2 * (along %*% C %*% along)[1, 1]^2 / (slope %*% solve(info) %*% slope)[1, 1])
}

# Limits of the ICC: F of analysis of variance of transformed rows by lm at each ratio (uniroot)
icc_limits <- function(d, beside = NULL) {
  t <- d[d$with == 1, ]; t$slot <- factor(t$slot)
  inside <- lm(reformulate(c("slot", beside), "y"), t)
  F <- function(ratio) {
    V <- diag(nrow(t)) + ratio * outer(t$slot, t$slot, "==")
    R <- solve(t(chol(V)))
    all <- lm.fit(R %*% model.matrix(reformulate(c("1", beside)), t), R %*% t$y)
    between <- all$df.residual - inside$df.residual
    c((sum(all$residuals^2) - deviance(inside)) / between / (deviance(inside) / inside$df.residual), between)
  }
  limit <- function(p) {
    q <- qf(p, F(0)[2], inside$df.residual)
    if (F(0)[1] <= q) 0 else uniroot(function(icc) F(icc / (1 - icc))[1] - q, c(0, 1 - 1e-9), tol = 1e-13)$root
  }
  c(limit(.975), limit(.025))
}

set.seed(20150401)
people <- function(caseloads, controls, between, alone = 0) {
  j <- length(caseloads)
  treated <- data.frame(arm = 1, navigator = rep(seq_len(j), caseloads))
  d <- rbind(treated, if (alone) data.frame(arm = 1, navigator = rep(NA, alone)),
             data.frame(arm = 0, navigator = rep(NA, controls)))
  n <- nrow(d)
  # each person without a navigator in a slot of their own
  d$slot <- ifelse(is.na(d$navigator), j + seq_len(n), d$navigator)
  d$with <- as.numeric(!is.na(d$navigator))
  d$age <- round(runif(n, 18, 60)); d$suite <- sample(c("east", "north", "south"), n, TRUE)
  u <- rnorm(j, 0, between)
  d$y <- round(10 + .1 * d$age + 2 * (d$suite == "north") - 3 * d$arm +
    ifelse(is.na(d$navigator), 0, u[d$navigator]) + rnorm(n, 0, ifelse(d$arm == 1, 5, 3)), 3)
  d$any <- as.integer(d$y > 13)
  d
}
uneven <- people(c(4, 9, 2, 15, 7, 11, 3, 1), 40, 2.5, alone = 3)
even <- people(rep(6, 7), 35, 5)
many <- people(rep(c(5, 12, 20), 5), 120, 3)
alike <- people(c(3, 8, 5, 12, 6), 30, 0)
write(toJSON(list(
  nlme = as.character(packageVersion("nlme")),
  uneven = list(people = uneven, plain = fitted(y ~ arm, uneven), age = fitted(y ~ arm + age, uneven),
                suites = fitted(y ~ arm + suite + age, uneven), icc = icc_limits(uneven),
                icc_age = icc_limits(uneven, "age")),
  even = list(people = even, plain = fitted(y ~ arm, even), age = fitted(y ~ arm + age, even),
              icc = icc_limits(even)),
  alike = list(people = alike, plain = fitted(y ~ arm, alike), icc = icc_limits(alike)),
  many = list(people = many, plain = fitted(y ~ arm, many), suites = fitted(y ~ arm + suite + age, many),
              any = fitted(any ~ arm, many), icc = icc_limits(many))),
  digits = NA, auto_unbox = TRUE, dataframe = "columns", na = "null"), "tests/oracles/navigators.json")
