# Win ratios in R: run `Rscript tests/oracles/wins.R` from the project root.
# "loops": plain double loops over pairs, the variance from the covariance matrices of the
# projections. "concordance": the same counts, and those of each person, by survival::concordance
# for one time to an event. "roc": DeLong's variance by pROC, for one number or yes-no.
suppressMessages({library(survival); library(pROC); library(jsonlite)})

# 1 when a is better, -1 when b is, 0 when this outcome does not tell.
time_rule <- function(time, event) function(a, b) {
  lost <- function(x, y) event[x] && (time[x] < time[y] || (time[x] == time[y] && !event[y]))
  if (lost(b, a)) 1 else if (lost(a, b)) -1 else 0
}
less_rule <- function(value) function(a, b) sign(value[b] - value[a])

duels <- function(rules, arm, stratum) {
  lapply(sort(unique(stratum)), function(s) {
    treated <- which(arm == 1 & stratum == s)
    control <- which(arm == 0 & stratum == s)
    score <- matrix(0, length(treated), length(control))
    by <- matrix(0L, length(treated), length(control)) # which outcome decided
    for (i in seq_along(treated)) for (j in seq_along(control)) for (k in seq_along(rules)) {
      told <- rules[[k]](treated[i], control[j])
      if (told != 0) {
        score[i, j] <- told
        by[i, j] <- k
        break
      }
    }
    list(score = score, by = by)
  })
}

# Mantel-Haenszel weights n1 n0 / n, made to add up to 1.
measured <- function(found) {
  weight <- sapply(found, function(x) prod(dim(x$score)) / sum(dim(x$score)))
  weight <- weight / sum(weight)
  one <- lapply(found, function(x) {
    won <- 1 * (x$score > 0)
    lost <- 1 * (x$score < 0)
    treated <- cbind(rowMeans(won), rowMeans(lost))
    control <- cbind(colMeans(won), colMeans(lost))
    list(u = c(mean(won), mean(lost)),
         v = cov(treated) / nrow(treated) + cov(control) / nrow(control))
  })
  u <- Reduce(`+`, Map(function(w, x) w * x$u, weight, one))
  v <- Reduce(`+`, Map(function(w, x) w^2 * x$v, weight, one))
  half <- (1 - sum(u)) / 2
  odds <- (u[1] + half) / (u[2] + half)
  g <- c(1, -1)
  ratio_gradient <- c(1, -1) / u
  odds_gradient <- g * (1 / (u[1] + half) + 1 / (u[2] + half)) / 2
  se <- function(gradient) sqrt(drop(gradient %*% v %*% gradient))
  row <- function(value, error, log) {
    at <- if (log) log(value) else value
    limits <- at + c(-1, 1) * qnorm(.975) * error
    list(value = value, std_error = error, low = if (log) exp(limits[1]) else limits[1],
         high = if (log) exp(limits[2]) else limits[2],
         p_value = 2 * pnorm(-abs(at) / error))
  }
  list(share = u,
       wins = sum(sapply(found, function(x) sum(x$score > 0))),
       losses = sum(sapply(found, function(x) sum(x$score < 0))),
       pairs = sum(sapply(found, function(x) length(x$score))),
       decided = as.numeric(table(factor(unlist(lapply(found, `[[`, "by")), 1:9))),
       "win ratio" = row(u[1] / u[2], se(ratio_gradient), TRUE),
       "win odds" = row(odds, se(odds_gradient), TRUE),
       "net benefit" = row(u[1] - u[2], se(g), FALSE))
}

# Leave one person out: the jackknife of the log win ratio, one stratum.
jackknife <- function(found) {
  s <- found[[1]]$score
  log_ratio <- function(x) log(sum(x > 0) / sum(x < 0))
  by_row <- sapply(seq_len(nrow(s)), function(i) log_ratio(s[-i, ]))
  by_col <- sapply(seq_len(ncol(s)), function(j) log_ratio(s[, -j]))
  part <- function(x) (length(x) - 1)^2 / length(x) * var(x)
  sqrt(part(by_row) + part(by_col))
}

agreeing <- function(data, time, event, arm, stratum = NULL) {
  terms <- c(arm, if (!is.null(stratum)) sprintf("strata(%s)", stratum))
  formula <- as.formula(sprintf("Surv(%s, %s) ~ %s", time, event, paste(terms, collapse = " + ")))
  fit <- concordance(formula, data, influence = 3)
  count <- if (is.matrix(fit$count)) fit$count else t(fit$count)
  list(wins = unname(count[, "concordant"]), losses = unname(count[, "discordant"]),
       won_by_person = unname(fit$influence[, "concordant"]),
       lost_by_person = unname(fit$influence[, "discordant"]))
}

all_same <- function(n) rep(1, n)
rossi <- read.csv("tests/data/rossi.csv")
recid <- read.csv("tests/data/recid.csv")
recid$event <- 1 - recid$cens
lung <- read.csv("tests/data/lung.csv")
lung$event <- as.integer(lung$status == 2)
lung$arm <- as.integer(lung$sex == 2)

one_time <- function(data, time, event, arm, stratum = NULL) {
  by <- if (is.null(stratum)) all_same(nrow(data)) else data[[stratum]]
  found <- duels(list(time_rule(data[[time]], data[[event]] == 1)), data[[arm]], by)
  result <- list(loops = measured(found), concordance = agreeing(data, time, event, arm, stratum))
  stopifnot(result$loops$wins == sum(result$concordance$wins),
            result$loops$losses == sum(result$concordance$losses))
  if (is.null(stratum)) result$jackknife <- jackknife(found)
  result
}
real <- list(
  rossi = one_time(rossi, "week", "arrest", "fin"),
  rossi_by_race = one_time(rossi, "week", "arrest", "fin", "race"),
  recid = one_time(recid, "durat", "event", "workprg"),
  lung = one_time(lung, "time", "event", "arm")
)

# Simulated: death, custody and reoffence in whole weeks, harm days and a yes-no; two suites of
# unequal size; some people whose custody or harm is not known.
set.seed(20260212)
n <- 110
suite <- sample(c("north", "south"), n, TRUE, c(.65, .35))
arm <- rbinom(n, 1, .4)
frailty <- rgamma(n, 2, 2)
death <- ceiling(rexp(n, .004 * frailty))
custody <- ceiling(rexp(n, .015 * frailty * ifelse(arm == 1, .7, 1)))
reoffence <- ceiling(rexp(n, .04 * frailty * ifelse(arm == 1, .6, 1)))
end <- sample(26:52, n, TRUE)
seen <- pmin(end, death)
d <- data.frame(
  arm, suite,
  death_time = seen, death = as.integer(death <= end),
  custody_time = pmin(seen, custody), custody = as.integer(custody <= seen),
  reoffence_time = pmin(seen, reoffence), reoffence = as.integer(reoffence <= seen),
  harm = round(rexp(n, .02)) * rbinom(n, 1, .6), injured = rbinom(n, 1, .3)
)
gone <- sample(n, 8)
d[gone[1:5], c("custody_time", "custody")] <- NA
d$harm[gone[4:8]] <- NA

rules <- function(x) list(
  death = time_rule(x$death_time, x$death == 1),
  custody = time_rule(x$custody_time, x$custody == 1),
  reoffence = time_rule(x$reoffence_time, x$reoffence == 1),
  harm = less_rule(x$harm), injured = less_rule(x$injured)
)
orders <- list(c("death", "custody", "reoffence"), c("reoffence", "custody", "death"), "reoffence",
               c("death", "harm", "injured"), c("injured", "reoffence"), "harm", "injured")
known <- function(x, names) {
  columns <- unlist(lapply(names, function(k) intersect(c(k, paste0(k, "_time")), names(x))))
  x[complete.cases(x[, columns, drop = FALSE]), ]
}
simulated <- list(data = d, orders = lapply(orders, function(names) {
  x <- known(d, names)
  one <- duels(rules(x)[names], x$arm, all_same(nrow(x)))
  list(outcomes = I(names), n = c(sum(x$arm == 0), sum(x$arm == 1)),
       unstratified = measured(one), jackknife = jackknife(one),
       stratified = measured(duels(rules(x)[names], x$arm, x$suite)))
}))

# Bootstrap of the hierarchy: people drawn anew within arms.
x <- known(d, orders[[1]])
score <- duels(rules(x)[orders[[1]]], x$arm, all_same(nrow(x)))[[1]]$score
logs <- replicate(4000, {
  s <- score[sample(nrow(score), replace = TRUE), sample(ncol(score), replace = TRUE)]
  log(sum(s > 0) / sum(s < 0))
})
simulated$bootstrap <- list(std_error = sd(logs), draws = 4000)

roc_of <- function(value) {
  kept <- !is.na(value)
  curve <- roc(d$arm[kept], -value[kept], levels = c(0, 1), direction = "<", quiet = TRUE)
  list(area = as.numeric(auc(curve)), variance = var(curve, method = "delong"))
}
simulated$roc <- list(harm = roc_of(d$harm), injured = roc_of(d$injured))

write(toJSON(list(real = real, simulated = simulated), digits = NA, auto_unbox = TRUE, na = "null",
             dataframe = "columns"), "tests/oracles/wins.json")
