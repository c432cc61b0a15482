# Ordinal odds ratios by MASS polr, VGAM vglm and glm, and Brant's test by his formulas, on Rossi's
# men graded by when they were arrested and on people simulated in suites:
# run `Rscript tests/oracles/ordinal.R` from the project root.
suppressMessages({library(MASS); library(VGAM); library(jsonlite)})

# polr stops early by default; its standard errors are of a numerical Hessian.
by_polr <- function(f, d) {
  m <- polr(f, d, Hess = TRUE, control = list(reltol = 1e-15, maxit = 10000))
  list(log_ratio = unname(coef(m)["arm"]), std_error = unname(sqrt(diag(vcov(m)))["arm"]))
}
# vglm's standard errors are of the expected information, so only its coefficients are kept.
by_vglm <- function(f, d) {
  m <- vglm(f, propodds(reverse = TRUE), d, epsilon = 1e-14, maxit = 200)
  unname(coef(m)["arm"])
}
brant <- function(f, d) {
  x <- model.matrix(update(f, NULL ~ .), d); y <- as.integer(d$grade); k <- max(y) - 1
  fits <- lapply(1:k, function(j) glm.fit(x, y > j, family = binomial(),
                                          control = list(epsilon = 1e-14, maxit = 100)))
  p <- sapply(fits, function(m) fitted(structure(m, class = "glm")))
  solved <- lapply(1:k, function(j) solve(t(x) %*% (x * p[, j] * (1 - p[, j]))))
  v <- matrix(0, k, k); at <- which(colnames(x) == "arm")
  for (j in 1:k) for (l in j:k) {  # above the later threshold is above the earlier
    v[j, l] <- v[l, j] <- (solved[[j]] %*% t(x) %*% (x * (p[, l] - p[, j] * p[, l])) %*% solved[[l]])[at, at]
  }
  b <- sapply(fits, function(m) coef(m)[at]); D <- cbind(-1, diag(k - 1))
  q <- drop(t(D %*% b) %*% solve(D %*% v %*% t(D)) %*% (D %*% b))
  list(ratios = unname(exp(b)), statistic = q, df = k - 1, p_value = pchisq(q, k - 1, lower.tail = FALSE))
}
all_of <- function(f, d) list(polr = by_polr(f, d), vglm = by_vglm(f, d), brant = brant(f, d))

r <- read.csv("tests/data/rossi.csv")
r$arm <- r$fin
r$grade <- factor(ifelse(r$arrest == 0, 0, ifelse(r$week > 26, 1, 2)), ordered = TRUE)
rossi <- list(plain = all_of(grade ~ arm, r), adjusted = all_of(grade ~ arm + age + prio, r),
              by_race = all_of(grade ~ arm + factor(race) + age, r))

set.seed(20161207)
n <- 240
s <- data.frame(arm = rep(0:1, n / 2), suite = sample(c("east", "north", "south"), n, TRUE),
                age = round(runif(n, 18, 60)))
s$harm <- findInterval(-0.7 * s$arm + 0.04 * (s$age - 40) + 0.8 * (s$suite == "north") + rlogis(n), c(-0.5, 0.5, 1.5, 3))
s$grade <- factor(s$harm, ordered = TRUE)
s$any <- as.numeric(s$harm > 0)
logistic <- glm(any ~ arm + suite, binomial(), s, control = list(epsilon = 1e-14, maxit = 100))
simulated <- list(people = s[c("arm", "suite", "age", "harm")],
                  plain = all_of(grade ~ arm, s), by_suite = all_of(grade ~ arm + suite + age, s),
                  two_grades = list(log_ratio = unname(coef(logistic)["arm"]),
                                    std_error = unname(sqrt(diag(vcov(logistic)))["arm"])))
write(toJSON(list(r = R.version.string, mass = as.character(packageVersion("MASS")),
                  vgam = as.character(packageVersion("VGAM")), rossi = rossi, simulated = simulated),
             digits = NA, auto_unbox = TRUE, pretty = TRUE), "tests/oracles/ordinal.json")
