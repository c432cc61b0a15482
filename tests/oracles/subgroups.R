# Interactions on Rossi as joint Wald tests in one model: coxph with a baseline hazard for each
# level, logistic regression, and a linear model whose variance differs by arm and level:
# run `Rscript tests/oracles/subgroups.R` from the project root.
suppressMessages({library(survival); library(jsonlite); library(sandwich)})
r <- read.csv("tests/data/rossi.csv")
r$band <- cut(r$age, c(0, 20, 25, 100), right = FALSE, labels = c("young", "middle", "older"))
wald <- function(b, v) {
  v <- as.matrix(v)
  q <- drop(t(b) %*% solve(v) %*% b)
  list(statistic = q, df = length(b), p_value = pchisq(q, length(b), lower.tail = FALSE))
}
interaction <- function(m, v = vcov(m)) {
  at <- grep("^fin:|:fin$", names(coef(m))); wald(coef(m)[at], v[at, at])
}
tight <- coxph.control(eps = 1e-14, toler.chol = 1e-16, iter.max = 100)
cox <- function(level) {
  r$level <- factor(r[[level]])
  interaction(coxph(Surv(week, arrest) ~ fin + fin:level + strata(level), r, control = tight))
}
logit <- function(level) {
  r$level <- factor(r[[level]])
  interaction(glm(arrest ~ fin * level, binomial(), r, control = list(epsilon = 1e-14)))
}
means <- function(level) {
  r$level <- factor(r[[level]]); m <- lm(arrest ~ fin * level, r)
  interaction(m, vcovHC(m, type = "HC2"))
}
levels <- c("wexp", "race", "band")
out <- sapply(list(cox = cox, logit = logit, means = means),
              function(f) sapply(levels, f, simplify = FALSE), simplify = FALSE)
out$holm <- p.adjust(sapply(out$cox, function(each) each$p_value), "holm")
out$r <- R.version.string
write(toJSON(out, digits = NA, auto_unbox = TRUE, pretty = TRUE), "tests/oracles/subgroups.json")
