# Repeated events with a terminal event: Ghosh and Lin's mean and test, the while-alive rate.
# Run from the project root: Rscript tests/oracles/terminal.R
#
# mets (1.3.2, Debian) has the mean and its standard error; the rest is written out here in base R as
# matrices of people by times, from Ghosh and Lin (2000) and Mao (2023), and must first give what
# mets 1.3.11 prints for its own test and while-alive rates (help pages of test_logrankRecurrent and
# WA_recurrent, on the same data).
suppressMessages({library(mets); library(jsonlite)})

# People by times: at risk of events and events; followed and deaths.
course <- function(rows, people, times) {
  id <- people$id
  here <- function(f) t(sapply(id, f))
  by_row <- function(i, f) colSums(outer(which(rows$id == i), times, f))
  Y <- here(function(i) by_row(i, function(r, t) rows$start[r] < t & t <= rows$stop[r]))
  N <- here(function(i) by_row(i, function(r, t) rows$event[r] == 1 & t == rows$stop[r]))
  YD <- 1 * outer(people$end, times, ">=")
  D <- people$terminal * outer(people$end, times, "==")
  y <- colSums(Y); n <- colSums(N); yd <- colSums(YD); dd <- colSums(D)
  ratio <- function(a, b) ifelse(b > 0, a / b, 0)
  S <- cumprod(1 - ratio(dd, yd))
  before <- c(1, head(S, -1)) # an event on the day of death counts
  list(times = times, S = S, before = before, y = y, n = n,
       dMR = sweep(N - sweep(Y, 2, ratio(n, y), "*"), 2, ratio(1, y), "*"),   # over Y
       dMD = sweep(D - sweep(YD, 2, ratio(dd, yd), "*"), 2, ratio(1, yd), "*"), # over YD
       rise = ratio(n, y))
}

# Mean with jumps times a weight, and what each person adds to it by tau.
mean_by <- function(one, tau, weight = 1) {
  jump <- weight * one$before * one$rise * (one$times <= tau)
  mu <- cumsum(jump)
  upto <- 1 * (one$times <= tau)
  add <- one$dMR %*% (weight * one$before * upto) - one$dMD %*% ((sum(jump) - mu) * upto)
  list(value = sum(jump), add = c(add))
}

# Restricted mean time alive: minus the area after each death.
alive_by <- function(one, tau) {
  area <- function(t) {
    knots <- c(0, one$times[one$times < t], t)
    sum(diff(knots) * c(1, one$S[one$times < t]))
  }
  left <- ifelse(one$times <= tau, area(tau) - sapply(one$times, area), 0)
  list(value = area(tau), add = -c(one$dMD %*% left))
}

at_times <- function(arms, taus) lapply(taus, function(tau) {
  found <- lapply(arms, function(one) {
    m <- mean_by(one, tau); l <- alive_by(one, tau)
    rate <- m$value / l$value
    add <- (m$add - rate * l$add) / l$value
    list(mean = m$value, std_error = sqrt(sum(m$add^2)), alive = l$value, rate = rate,
         alive_error = sqrt(sum(l$add^2)), rate_error = sqrt(sum(add^2)))
  })
  list(tau = tau, control = found[[1]], treatment = found[[2]])
})

# Weight "II": Y1 Y0/(Y1 + Y0). Weight "I": the same of Y/S, at times with more than `least` at risk.
test <- function(arms, weight = "II", least = 0) {
  risk <- lapply(arms, function(one) if (weight == "I") one$y / one$before else one$y)
  total <- risk[[1]] + risk[[2]]
  w <- ifelse(total > 0, risk[[1]] * risk[[2]] / total, 0)
  if (least > 0) w[pmin(arms[[1]]$y, arms[[2]]$y) <= least] <- 0
  m <- lapply(arms, mean_by, tau = Inf, weight = w)
  difference <- m[[2]]$value - m[[1]]$value
  error <- sqrt(sum(m[[1]]$add^2) + sum(m[[2]]$add^2))
  z <- difference / error
  list(difference = difference, std_error = error, z = z, p_value = 2 * pnorm(-abs(z)))
}

both <- function(rows, people) {
  times <- sort(unique(c(rows$stop[rows$event == 1], people$end[people$terminal == 1])))
  lapply(0:1, function(a) {
    own <- people[people$arm == a, ]
    course(rows[rows$id %in% own$id, ], own, times)
  })
}

# HF-ACTION, the cohort of 741 in mets.
d <- read.csv("tests/data/hfactioncpx12.csv")
rows <- data.frame(id = d$id, start = d$entry, stop = d$time, event = 1 * (d$status == 1))
last <- d[!duplicated(d$id, fromLast = TRUE), ]
people <- data.frame(id = last$id, arm = last$treatment, end = last$time,
                     terminal = 1 * (last$status == 2))
arms <- both(rows, people)
xr <- phreg(Surv(entry, time, status == 1) ~ strata(treatment) + cluster(id), data = d)
dr <- phreg(Surv(entry, time, status == 2) ~ strata(treatment) + cluster(id), data = d)
out <- recurrentMarginal(xr, dr)
curves <- lapply(0:1, function(a) {
  own <- which(out$strata == a)
  own <- own[unique(c(seq(1, length(own), 12), length(own)))]
  list(time = out$times[own], mean = out$mu[own], std_error = out$se.mu[own])
})
hf <- at_times(arms, c(.25, 1, 2, 3, 3.9))
for (i in seq_along(hf)) for (a in 1:2) { # base R is mets'
  own <- which(out$strata == a - 1 & out$times <= hf[[i]]$tau)
  k <- own[length(own)]
  stopifnot(abs(hf[[i]][[a + 1]]$mean / out$mu[k] - 1) < 1e-12,
            abs(hf[[i]][[a + 1]]$std_error / out$se.mu[k] - 1) < 1e-12)
}
first <- test(arms, "I", 5)
stopifnot(round(-first$difference, 2) == 37.98, round(first$std_error, 2) == 27.04,
          round(first$p_value, 4) == .1601)
at2 <- hf[[3]]
near <- function(x, y) stopifnot(abs(x / y - 1) < 5e-3) # mets' variances are by weighting
near(at2$control$rate, .8457); near(at2$treatment$rate, .7555)
near(at2$control$rate_error, .05264); near(at2$treatment$rate_error, .05433)
near(at2$control$alive, 1.859); near(at2$treatment$alive, 1.924)
near(at2$control$alive_error, .02108); near(at2$treatment$alive_error, .01502)

# 90 people on whole days, with ties: events on the day of death, deaths of several on a day, days in
# custody between intervals, deaths in custody, some never at liberty.
set.seed(20261122)
seen <- list(); who <- data.frame(id = 1:90, arm = rep(0:1, 45), end = 0, terminal = 0)
for (i in who$id) {
  death <- ceiling(rexp(1, 1 / 60)); stop <- sample(c(40, 40, 40, 25, 15), 1)
  end <- min(death, stop)
  who$end[i] <- end; who$terminal[i] <- 1 * (death <= stop)
  rate <- rgamma(1, 1, 1) * 3.5 / 40 * exp(-.4 * who$arm[i])
  now <- if (i %in% c(7, 12)) end else 0 # in custody all the time
  while (now < end) {
    wait <- if (runif(1) < .2) end - now else ceiling(rexp(1, rate)) # some on their last day
    lock <- if (runif(1) < .3) sample(2:9, 1) else Inf
    upto <- min(now + wait, now + lock, end)
    hit <- 1 * (now + wait <= min(end, now + lock) && runif(1) < .8)
    seen[[length(seen) + 1]] <- data.frame(id = i, start = now, stop = upto, event = hit)
    now <- upto + if (is.finite(lock)) sample(1:6, 1) else 0
  }
}
seen <- do.call(rbind, seen)
dead <- who[who$terminal == 1, ]
lastrow <- tapply(seen$stop, seen$id, max)
stopifnot(any(duplicated(dead$end)), # ties of deaths, events on the day, deaths in custody
          any(paste(dead$id, dead$end) %in% paste(seen$id, seen$stop)[seen$event == 1]),
          any(lastrow[as.character(dead$id)] < dead$end, na.rm = TRUE))
tied <- both(seen, who)
simulated <- list(rows = seen, people = who, at = at_times(tied, c(3, 10, 24.5, 40)),
                  test = test(tied))

write(toJSON(list(R = R.version.string, mets = as.character(packageVersion("mets")),
                  hfaction = list(curves = curves, at = hf, test = test(arms)),
                  simulated = simulated),
             digits = NA, auto_unbox = TRUE, dataframe = "columns"), "tests/oracles/terminal.json")
