# Allocations listed by R: run `Rscript tests/oracles/design_rules.R` from the project root.
suppressMessages(library(jsonlite))
set.seed(20)

# Everyone who may be treated, as rows of 0 and 1.
ways <- function(n, m) t(apply(combn(n, m), 2, function(who) as.integer(seq_len(n) %in% who)))

# Two strata in mixed order, 1 of 3 and 2 of 4 treated: outer join of the two lists.
stratum <- c("b", "a", "b", "b", "a", "a", "b")
first <- ways(3, 1)
second <- ways(4, 2)
pairs <- expand.grid(first = seq_len(nrow(first)), second = seq_len(nrow(second)))
strata <- t(mapply(function(i, j) {
  row <- integer(7)
  row[stratum == "a"] <- first[i, ]
  row[stratum == "b"] <- second[j, ]
  row
}, pairs$first, pairs$second))

# Morgan and Rubin: mahalanobis() of the difference in means, qchisq() of the share accepted.
x <- cbind(age = c(18, 22, 25, 31, 40, 41, 44, 52, 57), prior = c(0, 3, 1, 0, 5, 2, 9, 4, 1))
rows <- ways(9, 4)
far <- apply(rows, 1, function(w) {
  d <- colMeans(x[w == 1, ]) - colMeans(x[w == 0, ])
  4 * 5 / 9 * mahalanobis(d, c(0, 0), cov(x))
})
kept <- rows[far <= qchisq(0.3, 2), ]

# Binomial and hypergeometric laws of the number treated.
out <- list(
  made_by = R.version.string,
  complete = ways(6, 2),
  stratum = stratum, strata = strata,
  covariates = as.data.frame(x), distance = far, allocations = rows, kept = kept,
  kept_share = colMeans(kept),
  simple_treated = dbinom(0:10, 10, 2 / 3),
  cut_block = dhyper(0:5, 6, 4, 5)
)
write_json(out, "tests/oracles/design_rules.json", digits = NA, dataframe = "columns")
