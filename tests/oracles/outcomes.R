# Proven reoffending by a non-equi join. Run `Rscript tests/oracles/outcomes.R` from the project root.
# The extract (outcomes_*.csv) is made up: 60 people, days on and beside every edge, month ends.
suppressMessages({library(data.table); library(jsonlite)})
csv <- function(name) fread(sprintf("tests/oracles/outcomes_%s.csv", name), colClasses = list(character = c("id", "person")))
suppressWarnings({
  cohort <- csv("cohort"); offences <- csv("offences"); disposals <- csv("disposals")
})
for (table in list(cohort, offences, disposals)) for (name in intersect(c("index", "date"), names(table))) set(table, j = name, value = as.IDate(table[[name]]))
cohort[, id := sprintf("%03d", as.integer(id))]; offences[, person := sprintf("%03d", as.integer(person))]
# the same day of a later month, or the last of a month that has no such day
later <- function(day, months) {
  at <- as.POSIXlt(day); month <- at$year * 12 + at$mon + months
  first <- as.IDate(sprintf("%04d-%02d-01", 1900 + month %/% 12, month %% 12 + 1))
  after <- month + 1
  last <- as.IDate(sprintf("%04d-%02d-01", 1900 + after %/% 12, after %% 12 + 1)) - 1L
  pmin(first + at$mday - 1L, last)
}
proving <- c("conviction", "caution", "reprimand", "warning")
proof <- disposals[disposal %in% proving, .(proven = min(date)), by = offence]
offences <- proof[offences, on = "offence"]
answer <- function(months, wait = 6, codes = unique(offences$code), recorded = FALSE) {
  windows <- cohort[, .(id, index, last = later(index, months), decided = later(index, months + wait))]
  rows <- offences[code %in% codes]
  hits <- rows[windows, on = .(person = id, date > index, date <= last), nomatch = NULL,
               .(id = i.id, proven = x.proven, date = x.date, index = i.index, decided = i.decided)]
  if (!recorded) hits <- hits[!is.na(proven) & proven <= decided]
  found <- hits[, .(n = .N, first = as.integer(min(date - index))), by = id][cohort, on = "id"]
  list(counts = fifelse(is.na(found$n), 0L, found$n), first = found$first,
       rate = mean(!is.na(found$n)), per_reoffender = sum(found$n, na.rm = TRUE) / sum(!is.na(found$n)))
}
R <- list(source = paste("R", getRversion(), "data.table", packageVersion("data.table")),
  `proven 12` = answer(12), `proven 24` = answer(24), `proven 1` = answer(1),
  `recorded 12` = answer(12, recorded = TRUE), `theft 12` = answer(12, codes = "theft"),
  `no wait 12` = answer(12, wait = 0))
writeLines(toJSON(R, auto_unbox = TRUE, digits = NA, null = "null", na = "string"), "tests/oracles/outcomes.json")
