# Critical pathways: adjusted differences (estimatr), re-randomised families (coin, and R's own
# loops), O'Brien's rank sums, phi, interactions (estimatr, survival) and shrunken effects on
# simulated people and Rossi: run `Rscript tests/oracles/pathways.R` from the project root.
suppressMessages({library(estimatr); library(survival); library(coin); library(jsonlite)})
took <- function(fit, term) { i <- which(fit$term == term)
  list(value=unname(fit$coefficients[i]), std_error=unname(fit$std.error[i]), low=unname(fit$conf.low[i]),
       high=unname(fit$conf.high[i]), p_value=unname(fit$p.value[i])) }
set.seed(417)
n <- 160; P <- c("alcohol", "drugs", "housing", "finances")
suite <- rep(c("Durham", "Peterlee"), c(100, 60))
arm <- c(sample(rep(0:1, 50)), sample(rep(0:1, 30)))
risk <- rnorm(n)
before <- sapply(P, function(p) pmin(3, pmax(0, round(.8*risk + rnorm(n) + .5))))
after <- sapply(P, function(p) { gone <- runif(n) < .25 + .2*arm*(p != "housing")
  ifelse(gone, pmax(before[, p] - 2, 0), pmin(3, before[, p] + (runif(n) < .15))) })
before[sample(n, 6), 1] <- NA; after[sample(n, 15), ] <- NA; after[sample(n, 9), 2] <- NA
day <- pmin(365, ceiling(rexp(n, .003*exp(.4*risk - .5*arm))) ); event <- as.integer(day < 365)
people <- data.frame(arm, suite, day, event, before=before, after=after, check.names=FALSE)

effects <- function(strata, need_only) lapply(P, function(p) {
  d <- data.frame(arm, suite, b=before[, p], a=after[, p]); d <- d[!is.na(d$b) & !is.na(d$a), ]
  if (need_only) d <- d[d$b > 0, ]
  list(ancova=took(lm_robust(if (strata) a ~ arm + b + suite else a ~ arm + b, d, se_type="HC2"), "arm"),
       lin=took(lm_lin(a ~ arm, if (strata) ~ b + suite else ~ b, d, se_type="HC2"), "arm")) })
left <- function(strata, need_only) sapply(P, function(p) {
  b <- before[, p]; a <- after[, p]; use <- !is.na(b) & !is.na(a); if (need_only) use <- use & b > 0
  r <- rep(NA, n); r[use] <- resid(if (strata) lm(a[use] ~ b[use] + suite[use]) else lm(a[use] ~ b[use])); r })
welch <- function(x, z) unname(t.test(x[z == 1], x[z == 0])$statistic)
ranks <- function(r) { s <- apply(r, 2, function(x) { m <- sum(!is.na(x)); x <- signif(x, 10)
  (rank(x, na.last="keep") - (m + 1)/2)/m }); ifelse(rowSums(!is.na(s)) > 0, rowSums(s, na.rm=TRUE), NA) }
DRAWS <- 4000
redraw <- function(strata) if (strata) ave(arm, suite, FUN=sample) else sample(arm)
family <- function(strata, need_only) {
  r <- left(strata, need_only); all <- cbind(r, ranks(r)); k <- ncol(r)
  seen <- apply(all, 2, welch, arm)
  drawn <- t(replicate(DRAWS, { z <- redraw(strata); apply(all, 2, welch, z) }))
  o <- order(-abs(seen[1:k])); p <- numeric(k); least <- 0
  for (i in seq_len(k)) { rest <- o[i:k]
    least <- max(least, (sum(apply(abs(drawn[, rest, drop=FALSE]), 1, max) >= abs(seen[o[i]]) - 1e-9) + 1)/(DRAWS + 1))
    p[o[i]] <- least }
  list(statistic=unname(seen), raw=unname(sapply(seq_len(k + 1), function(j) (sum(abs(drawn[, j]) >= abs(seen[j]) - 1e-9) + 1)/(DRAWS + 1))),
       step_down=p, effects=effects(strata, need_only)) }
need <- before > 0 & !is.na(before)
lost <- apply(need & is.na(after), 1, any)
gone <- rowSums(need & !is.na(after) & after == 0)
d <- data.frame(arm, gone, needs=rowSums(need))[!lost & rowSums(need) > 0, ]
whole <- !apply(is.na(before), 1, any)
combos <- table(apply(need[whole, ], 1, function(x) if (any(x)) paste(P[x], collapse=", ") else "none"))
interactions <- lapply(P, function(p) {
  d <- data.frame(arm, day, event, need=as.integer(before[, p] > 0)); d <- d[!is.na(d$need), ]
  b <- lm_robust(event ~ arm*need, d, se_type="HC2")
  h <- summary(coxph(Surv(day, event) ~ arm + arm:need + strata(need), d, ties="efron"))$coefficients
  list(difference=c(value=unname(b$coefficients["arm:need"]), std_error=unname(b$std.error["arm:need"])),
       log_ratio=c(value=h["arm:need", "coef"], std_error=h["arm:need", "se(coef)"])) })

# maxT of coin on Rossi's six columns, (seed 1, 200,000 draws)
rossi <- read.csv("tests/data/rossi.csv"); set.seed(1)
it <- independence_test(arrest + wexp + mar + paro + prio + age ~ factor(fin), data=rossi,
  teststat="maximum", distribution=approximate(nresample=200000))
max_t <- list(columns=c("arrest", "wexp", "mar", "paro", "prio", "age"),
  statistic=as.numeric(statistic(it, "standardized")), single_step=as.numeric(pvalue(it, "single-step")),
  step_down=as.numeric(pvalue(it, "step-down")), draws=200000)

# Random effects with known variances: the restricted likelihood by matrices, its highest point by
# optimise. (nlme's lme with sigma fixed at 1 maximises something else: 0.3376, where Viechtbauer
# 2010 prints 0.3132.) BCG trials as in Viechtbauer (2010), table 1.
bcg <- data.frame(tpos=c(4,6,3,62,33,180,8,505,29,17,186,5,27), tneg=c(119,300,228,13536,5036,1361,2537,87886,7470,1699,50448,2493,16886),
  cpos=c(11,29,11,248,47,372,10,499,45,65,141,3,29), cneg=c(128,274,209,12619,5761,1079,619,87892,7232,1600,27197,2338,17825))
y <- with(bcg, log(tpos/(tpos+tneg)) - log(cpos/(cpos+cneg)))
v <- with(bcg, 1/tpos - 1/(tpos+tneg) + 1/cpos - 1/(cpos+cneg))
X <- matrix(1, length(y), 1); logdet <- function(M) as.numeric(determinant(M)$modulus)
gls <- function(t2) { W <- solve(diag(v + t2)); V <- solve(t(X) %*% W %*% X); b <- V %*% t(X) %*% W %*% y
  list(W=W, V=V, b=b, r=y - X %*% b) }
reml <- function(t2) with(gls(t2), (logdet(W) - logdet(solve(V)) - t(r) %*% W %*% r)/2)
tau2 <- optimise(reml, c(0, 3), maximum=TRUE, tol=1e-12)$maximum
g <- gls(tau2); m <- length(y); mu <- as.numeric(g$b) # Morris (1983), section 5
B <- (m - 3)/(m - 1)*v/(v + tau2); vbar <- weighted.mean(v, 1/(v + tau2))
se <- sqrt(v*(1 - B*(m - 1)/m) + 2/(m - 3)*B^2*(vbar + tau2)/(v + tau2)*(y - mu)^2)
blup <- (1 - B)*y + B*mu
shrunk <- list(y=y, v=v, tau2=tau2, mean=as.numeric(g$b), std_error=sqrt(as.numeric(g$V)), value=blup, of_value=se)

out <- list(source="R 4.2.2; estimatr, coin, survival", pathways=P, people=people, draws=DRAWS,
  unstratified=list(need=family(FALSE, TRUE), everyone=family(FALSE, FALSE)),
  stratified=list(need=family(TRUE, TRUE), everyone=family(TRUE, FALSE)),
  resolved=took(lm_robust(gone ~ arm + needs, d, se_type="HC2"), "arm"),
  phi=cor(ifelse(is.na(before), NA, need), use="pairwise.complete.obs"),
  combinations=as.list(combos), interactions=interactions, max_t=max_t, shrunk=shrunk)
write(toJSON(out, digits=NA, auto_unbox=TRUE, na="null"), "tests/oracles/pathways.json")
