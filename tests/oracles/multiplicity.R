# Adjusted p-values in base R:
# run `Rscript tests/oracles/multiplicity.R` from the project root.
suppressMessages(library(jsonlite))

families <- list(
  # Benjamini and Hochberg (1995), their 15 p-values
  published = c(.0001, .0004, .0019, .0095, .0201, .0278, .0298, .0344, .0459, .3240, .4262, .5719, .6528, .7590, 1),
  tied = c(.04, .01, .01, .04, .03),
  unordered = c(.5, .011, .049, .012, .9, .0499, .001),
  pair = c(.04, .05),
  single = .03
)
methods <- c(holm = "holm", hochberg = "hochberg", hommel = "hommel", bonferroni = "bonferroni", bh = "BH")
out <- lapply(families, function(p) list(p = I(p), adjusted = lapply(methods, function(how) I(p.adjust(p, how)))))
out$source <- paste("p.adjust of", R.version.string)
write(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE), "tests/oracles/multiplicity.json")
