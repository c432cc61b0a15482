# Rates by R glm with sandwich, and MASS::glm.nb: bladder2 (recurrences of each person over their
# follow-up), recid (prior convictions over months served) and 90 simulated people with strata:
# run `Rscript tests/oracles/rates.R` from the project root.
suppressMessages({library(MASS); library(sandwich); library(jsonlite)})

tight <- glm.control(epsilon = 1e-15, maxit = 500)
limits <- function(coef, error) list(
  coef = coef, std_error = error, low = coef - qnorm(.975) * error,
  high = coef + qnorm(.975) * error, p_value = 2 * pnorm(-abs(coef / error)))

# The coefficient of the arm: Poisson with HC0 and with the model's error; negative binomial.
fits <- function(data, arm, adjust, stratum) {
  found <- list()
  for (adjusted in c(FALSE, TRUE)) for (stratified in c(FALSE, TRUE)) {
    terms <- c(arm, if (adjusted) adjust, if (stratified) sprintf("factor(%s)", stratum))
    formula <- as.formula(sprintf("count ~ %s + offset(log(time))", paste(terms, collapse = " + ")))
    p <- glm(formula, poisson, data, control = tight)
    robust <- sqrt(vcovHC(p, type = "HC0")[arm, arm])
    model <- summary(p)$coefficients[arm, "Std. Error"]
    nb <- suppressWarnings(glm.nb(formula, data, control = tight))
    # theta of glm.nb stops early: once more, each given the other
    for (i in 1:60) {
      theta <- suppressWarnings(as.numeric(theta.ml(data$count, fitted(nb), limit = 200, eps = 1e-14)))
      nb <- glm(formula, negative.binomial(theta), data, control = tight, mustart = fitted(nb))
    }
    error <- summary(nb, dispersion = 1)$coefficients[arm, "Std. Error"]
    printed <- suppressWarnings(glm.nb(formula, data))
    found[[length(found) + 1]] <- list(
      adjusted = adjusted, stratified = stratified,
      robust = limits(unname(coef(p)[arm]), robust), model = limits(unname(coef(p)[arm]), model),
      nb = c(limits(unname(coef(nb)[arm]), error), theta = theta),
      as_printed = list(coef = unname(coef(printed)[arm]), theta = printed$theta,
                        std_error = summary(printed)$coefficients[arm, "Std. Error"]))
  }
  found
}

rows <- read.csv("tests/data/bladder2.csv")
first <- rows[!duplicated(rows$id), ]
bladder <- data.frame(id = first$id, arm = first$rx - 1, number = first$number, size = first$size,
                      big = as.integer(first$size > 1),
                      count = as.numeric(tapply(rows$event, rows$id, sum)[as.character(first$id)]),
                      time = as.numeric(tapply(rows$stop, rows$id, max)[as.character(first$id)]))

r <- read.csv("tests/data/recid.csv")
recid <- data.frame(arm = r$workprg, age = r$age, married = r$married, count = r$priors, time = r$tserved)
recid <- recid[recid$time > 0, ]

set.seed(20240917)
n <- 90
simulated <- data.frame(id = 1:n, arm = rep(0:1, n / 2), age = round(runif(n, 18, 50)),
                        suite = sample(c("east", "north", "south"), n, TRUE))
simulated$time <- sample(c(365, 365, 200, 31, 7), n, TRUE)
simulated$count <- rpois(n, rgamma(n, .9, .9) * simulated$time / 200 *
                           exp(-.4 * simulated$arm - .03 * (simulated$age - 30) +
                                 .5 * (simulated$suite == "north")))
stopifnot(all(tapply(simulated$count, simulated$suite, sum) > 0))

# Counts that vary less than Poisson's: glm with the model's variance is the limit of glm.nb.
even <- data.frame(arm = rep(0:1, each = 6), count = c(2, 2, 3, 3, 2, 4, 1, 1, 2, 1, 1, 2),
                   time = rep(c(10, 12, 11), 4))
e <- glm(count ~ arm + offset(log(time)), poisson, even, control = tight)

write(toJSON(list(
  bladder = list(people = bladder, fits = fits(bladder, "arm", c("number", "size"), "big")),
  recid = list(fits = fits(recid, "arm", "age", "married")),
  simulated = list(people = simulated, fits = fits(simulated, "arm", "age", "suite")),
  even = list(people = even, model = limits(unname(coef(e)["arm"]), unname(summary(e)$coefficients["arm", 2])))),
  digits = NA, auto_unbox = TRUE, dataframe = "columns"), "tests/oracles/rates.json")
