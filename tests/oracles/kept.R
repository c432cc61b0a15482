# Limits of shares, tests of losses, distances of distributions, in base R:
# run `Rscript tests/oracles/kept.R` from the project root.
suppressMessages(library(jsonlite))

wilson <- function(x, n, level) {
  limits <- suppressWarnings(prop.test(x, n, conf.level = level, correct = FALSE))$conf.int
  list(x = x, n = n, level = level, low = limits[1], high = limits[2])
}
shares <- list(
  wilson(0, 7, 0.95), wilson(7, 7, 0.95), wilson(1, 1, 0.95), wilson(3, 8, 0.95),
  wilson(171, 259, 0.95), wilson(171, 259, 0.9), wilson(185, 260, 0.99)
)

two <- function(a, n, b, m) {
  table <- matrix(c(a, n - a, b, m - b), 2)
  list(lost = c(a, b), people = c(n, m), p = fisher.test(table)$p.value)
}
fishers <- list(two(0, 4, 3, 4), two(2, 11, 9, 12), two(9, 12, 2, 11), two(5, 40, 5, 30), two(17, 261, 31, 260))

more <- function(lost, people) {
  test <- suppressWarnings(chisq.test(rbind(lost, people - lost), correct = FALSE))
  list(lost = lost, people = people, statistic = unname(test$statistic), df = unname(test$parameter),
       p = test$p.value)
}
pearsons <- list(more(c(9, 8, 2), c(20, 20, 20)), more(c(1, 5, 3), c(11, 17, 9)), more(c(4, 4, 9, 3), c(20, 30, 25, 15)))

distance <- function(control, treatment) {
  list(control = control, treatment = treatment,
       ks = unname(suppressWarnings(ks.test(treatment, control))$statistic))
}
distances <- list(
  distance(c(1, 2, 3), c(2, 4, 6)),
  distance(c(19, 44, 31, 52, 23, 38, 27), c(61, 35, 29, 40, 22)),
  distance(c(0, 0, 1, 1, 1, 2, 5), c(0, 1, 1, 4, 4, 7, 7, 8)),
  distance(c(3, 1, 2), c(9, 7, 8))
)

write(toJSON(list(shares = shares, fishers = fishers, pearsons = pearsons, distances = distances),
             digits = NA, auto_unbox = TRUE, pretty = TRUE), "tests/oracles/kept.json")
