# Differences of means by estimatr: lm_robust, lm_lin and difference_in_means on Rossi, Lin's data
# (alo_star_men, which estimatr ships) and people simulated in strata, pairs and clusters:
# run `Rscript tests/oracles/means.R` from the project root.
suppressMessages({library(estimatr); library(jsonlite)})

took <- function(fit, term) {
  i <- if (length(fit$coefficients) > 1) which(fit$term == term) else 1
  list(value = unname(fit$coefficients[i]), std_error = unname(fit$std.error[i]),
       df = unname(fit$df[i]), low = unname(fit$conf.low[i]), high = unname(fit$conf.high[i]),
       p_value = unname(fit$p.value[i]))
}
HC <- c("HC0", "HC1", "HC2", "HC3")
by_type <- function(fitted, types = HC) sapply(types, fitted, simplify = FALSE)

r <- read.csv("tests/data/rossi.csv")
six <- ~ age + race + wexp + mar + paro + prio
rossi <- list(
  neyman = took(difference_in_means(arrest ~ fin, r), "fin"),
  plain = by_type(function(t) took(lm_robust(arrest ~ fin, r, se_type = t), "fin")),
  lin = by_type(function(t) took(lm_lin(arrest ~ fin, six, r, se_type = t), "fin")),
  ancova = by_type(function(t) took(
    lm_robust(arrest ~ fin + age + race + wexp + mar + paro + prio, r, se_type = t), "fin")),
  blocked = took(difference_in_means(arrest ~ fin, r, blocks = race), "fin"),
  # race as the stratum: its indicator is one more centred and crossed covariate
  lin_stratified = took(lm_lin(arrest ~ fin, ~ race + age + prio, r, se_type = "HC2"), "fin"),
  ancova_stratified = took(lm_robust(arrest ~ fin + race + age + prio, r, se_type = "HC3"), "fin"))

# Clusters that were not allocated together: the ages of Rossi's men
r$born <- r$age
by_age <- list(
  neyman = took(lm_robust(arrest ~ fin, r, clusters = born, se_type = "CR2"), "fin"),
  lin = took(lm_lin(arrest ~ fin, ~ prio + wexp, r, clusters = born, se_type = "CR2"), "fin"),
  ancova = took(lm_robust(arrest ~ fin + prio + wexp, r, clusters = born, se_type = "CR2"), "fin"))

a <- read.csv("tests/data/alo_star_men.csv")
a <- a[a$sfsp == 1 | a$ssp == 1, ]
lin2013 <- list(
  n = nrow(a),
  plain = by_type(function(t) took(lm_robust(GPA_year1 ~ sfsp, a, se_type = t), "sfsp")),
  ancova = by_type(function(t) took(lm_robust(GPA_year1 ~ sfsp + gpa0, a, se_type = t), "sfsp")),
  lin = by_type(function(t) took(lm_lin(GPA_year1 ~ sfsp, ~ gpa0, a, se_type = t), "sfsp")))

set.seed(20161031)
skewed <- function(n) round(rlnorm(n, 3, 1.5), 2)
n <- 72
strata <- data.frame(arm = rep(c(0, 1, 1), n / 3), suite = sample(c("east", "north", "south"), n, TRUE),
                     age = round(runif(n, 18, 60)), pathway = sample(c("drugs", "home", "money"), n, TRUE))
strata$harm <- skewed(n) + 20 * (strata$suite == "north")
simulated <- list(
  people = strata,
  blocked = took(difference_in_means(harm ~ arm, strata, blocks = suite), "arm"),
  lin = by_type(function(t) took(lm_lin(harm ~ arm, ~ suite + age + pathway, strata, se_type = t), "arm")),
  ancova = by_type(function(t) took(
    lm_robust(harm ~ arm + suite + age + pathway, strata, se_type = t), "arm")))

pairs <- data.frame(pair = rep(1:9, each = 2), arm = rep(0:1, 9), harm = skewed(18))
paired <- list(people = pairs,
               blocked = took(difference_in_means(harm ~ arm, pairs, blocks = pair), "arm"))

# 14 officers, each with one arm and of one suite; then whole pairs of officers
sizes <- c(3, 5, 2, 6, 4, 4, 7, 3, 5, 5, 2, 8, 3, 4)
officers <- data.frame(officer = rep(1:14, sizes), arm = rep(rep(0:1, 7), sizes),
                       suite = rep(rep(c("east", "north"), c(6, 8)), sizes),
                       age = round(runif(sum(sizes), 18, 60)))
officers$harm <- skewed(sum(sizes)) + rep(rnorm(14, 0, 10), sizes)
officers$couple <- (officers$officer + 1) %/% 2
clustered <- list(
  people = officers,
  neyman = took(difference_in_means(harm ~ arm, officers, clusters = officer), "arm"),
  blocked = took(difference_in_means(harm ~ arm, officers, blocks = suite, clusters = officer), "arm"),
  pairs = took(difference_in_means(harm ~ arm, officers, blocks = couple, clusters = officer), "arm"),
  lin = took(lm_lin(harm ~ arm, ~ suite + age, officers, clusters = officer, se_type = "CR2"), "arm"),
  ancova = took(lm_robust(harm ~ arm + suite + age, officers, clusters = officer, se_type = "CR2"), "arm"),
  # an indicator of each pair of officers: fitted exactly within, so that roots need an inverse of Moore and Penrose
  couples = took(lm_robust(harm ~ arm + age + factor(couple), officers, clusters = couple, se_type = "CR2"), "arm"))

# Blocked clusters of ri2's tests: two, three and four clusters of two (design of Gerber and Green)
ri2 <- data.frame(y = c(8, 6, 2, 0, 3, 1, 1, 1, 2, 2, 0, 1, 0, 2, 2, 4, 1, 1), cluster = rep(1:9, each = 2),
                  block = rep(1:3, c(4, 6, 8)))
ri2$arm <- as.integer(ri2$cluster %in% c(1, 3, 5, 6, 8))
village <- data.frame(y = c(15, 15, 20, 20, 10, 15, 30), arm = c(1, 0, 0, 0, 0, 0, 1))

# Someone alone in a category is fitted exactly: the same as without them
alone <- rbind(strata[, c("arm", "age", "pathway", "harm")],
               data.frame(arm = 1, age = 77, pathway = "alcohol", harm = 5000))
one_alone <- list(people = alone,
                  without = took(lm_robust(harm ~ arm + age + pathway, alone[-nrow(alone), ], se_type = "HC2"), "arm"))

write(toJSON(list(
  estimatr = as.character(packageVersion("estimatr")), rossi = rossi, by_age = by_age, lin2013 = lin2013,
  simulated = simulated, paired = paired, clustered = clustered, one_alone = one_alone,
  ri2 = list(people = ri2, blocked = suppressWarnings(took(
    difference_in_means(y ~ arm, ri2, blocks = block, clusters = cluster), "arm"))),
  village = list(people = village, neyman = took(difference_in_means(y ~ arm, village), "arm"))),
  digits = NA, auto_unbox = TRUE, dataframe = "columns"), "tests/oracles/means.json")
