# Repeated events by R survival: bladder2, bladder and a simulated trial with gaps and ties:
# run `Rscript tests/oracles/recurrent.R` from the project root.
suppressMessages({library(survival); library(jsonlite)})

tight <- coxph.control(eps = 1e-14, toler.chol = 1e-15, iter.max = 200)
fit <- function(data, response, terms, ties) {
  formula <- as.formula(sprintf("%s ~ %s + cluster(id)", response, paste(terms, collapse = " + ")))
  m <- coxph(formula, data, ties = ties, control = tight)
  s <- summary(m)
  list(coef = unname(coef(m)), std_error = unname(s$coefficients[, "robust se"]),
       low = unname(s$conf.int[1, 3]), high = unname(s$conf.int[1, 4]),
       p_value = unname(s$coefficients[1, "Pr(>|z|)"]), terms = names(coef(m)))
}

# One row per method, ties, adjustment and strata; `layout` gives the rows and the response.
grid <- function(layouts, arm, adjust, stratum) {
  found <- list()
  for (method in names(layouts)) for (ties in c("breslow", "efron"))
    for (adjusted in c(FALSE, TRUE)) for (stratified in c(FALSE, TRUE)) {
      one <- layouts[[method]]
      by <- c(one$by, if (stratified) stratum)
      terms <- c(arm, if (adjusted) adjust,
                 if (length(by)) sprintf("strata(%s)", paste(by, collapse = ", ")))
      found[[length(found) + 1]] <- c(
        list(method = method, ties = ties, adjusted = adjusted, stratified = stratified),
        fit(one$data, one$response, terms, ties))
    }
  found
}

curve <- function(data, arm) {
  lapply(sort(unique(data[[arm]])), function(a) {
    one <- data[data[[arm]] == a, ]
    f <- survfit(Surv(start, stop, event) ~ 1, one, id = id, robust = TRUE)
    list(arm = a, time = f$time, at_risk = f$n.risk, events = f$n.event, mean = f$cumhaz,
         std_error = f$std.chaz)
  })
}

# Numerator of the test: the score of Andersen-Gill at a ratio of 1, with ties as Breslow.
score <- function(data, arm) {
  m <- coxph(as.formula(sprintf("Surv(start, stop, event) ~ %s", arm)), data, ties = "breslow",
             init = 0, control = coxph.control(iter.max = 0))
  sum(residuals(m, type = "score"))
}

b2 <- read.csv("tests/data/bladder2.csv")
b2$big <- as.integer(b2$size > 1)
b2$gap <- b2$stop - b2$start
wide <- read.csv("tests/data/bladder.csv")
wide$big <- as.integer(wide$size > 1)
bladder <- list(
  models = grid(list(
    "andersen-gill" = list(data = b2, response = "Surv(start, stop, event)", by = NULL),
    "pwp-total" = list(data = b2, response = "Surv(start, stop, event)", by = "enum"),
    "pwp-gap" = list(data = b2, response = "Surv(gap, event)", by = "enum"),
    "wlw" = list(data = wide, response = "Surv(stop, event)", by = "enum")
  ), "rx", c("number", "size"), "big"),
  curves = curve(b2, "rx"), score = score(b2, "rx"))

# 120 people on whole days: frail to different degrees, some in custody after an event or between
# two, some entering late, some last seen at an event, some never.
set.seed(20240601)
rows <- list()
people <- data.frame(id = 1:120, arm = rep(0:1, 60), age = round(runif(120, 18, 50)),
                     suite = sample(0:1, 120, TRUE, c(.6, .4)))
for (i in people$id) {
  rate <- rgamma(1, .8, .8) * 3.5 / 60 * exp(-.4 * people$arm[i] - .02 * (people$age[i] - 30))
  end <- sample(c(60, 60, 45, 30, 12), 1)
  now <- if (runif(1) < .1) sample(1:6, 1) else 0
  count <- 0
  while (now < end) {
    wait <- ceiling(rexp(1, rate))
    lock <- if (runif(1) < .25) sample(1:6, 1) else Inf # days until custody without an event
    if (lock < wait && now + lock < end) { # a gap between two intervals without an event
      rows[[length(rows) + 1]] <- data.frame(id = i, start = now, stop = now + lock, event = 0)
      now <- now + lock + sample(2:9, 1)
      next
    }
    stop <- min(now + wait, end)
    hit <- as.integer(now + wait <= end && count < 8)
    rows[[length(rows) + 1]] <- data.frame(id = i, start = now, stop = stop, event = hit)
    count <- count + hit
    now <- stop + if (hit && runif(1) < .3) sample(1:8, 1) else 0 # straight into custody
  }
}
d <- merge(do.call(rbind, rows), people, by = "id")
d <- d[order(d$id, d$start), ]
stopifnot(max(tapply(d$event, d$id, sum)) == 8)
analysed <- function(d) {
  one <- split(d, d$id)
  before <- function(x) c(0, head(cumsum(x$event), -1))
  d$enum <- unlist(lapply(one, before)) + 1
  # The gap clock starts at the last event, or at randomisation, and runs on through custody.
  d$last <- unlist(lapply(one, function(x) {
    sapply(x$start, function(s) max(0, x$stop[x$event == 1 & x$stop <= s]))
  }))
  d$gap_start <- d$start - d$last
  d$gap_stop <- d$stop - d$last
  # Of event k everybody is at risk, in their intervals, until they have it.
  marginal <- do.call(rbind, lapply(seq_len(max(tapply(d$event, d$id, sum))), function(k) {
    kept <- d[d$enum <= k, ]
    transform(kept, event = as.integer(event == 1 & enum == k), enum = k)
  }))
  list(
    rows = d[, c("id", "start", "stop", "event")],
    models = grid(list(
      "andersen-gill" = list(data = d, response = "Surv(start, stop, event)", by = NULL),
      "pwp-total" = list(data = d, response = "Surv(start, stop, event)", by = "enum"),
      "pwp-gap" = list(data = d, response = "Surv(gap_start, gap_stop, event)", by = "enum"),
      "wlw" = list(data = marginal, response = "Surv(start, stop, event)", by = "enum")
    ), "arm", "age", "suite"),
    curves = curve(d, "arm"), score = score(d, "arm"))
}

# The same people with every gap and late start closed by an interval without an event.
closed <- do.call(rbind, lapply(split(d, d$id), function(x) {
  from <- c(0, head(x$stop, -1))
  open <- from < x$start
  fill <- transform(x[open, ], stop = start, start = from[open], event = rep(0, sum(open)))
  both <- rbind(x, fill)
  both[order(both$start), ]
}))
rownames(d) <- rownames(closed) <- NULL

simulated <- c(list(people = people), analysed(d))
ungapped <- c(list(people = people), analysed(closed))

write(toJSON(list(bladder = bladder, simulated = simulated, ungapped = ungapped),
             digits = NA, auto_unbox = TRUE, dataframe = "columns"), "tests/oracles/recurrent.json")
