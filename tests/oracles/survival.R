source("tests/oracles/lib.R")
r <- read.csv("tests/data/rossi.csv"); R <- list()
R$source <- "Rossi, Berk & Lenihan 1980: Maryland LIFE experiment, a randomised trial of financial aid (fin) on time to first re-arrest in weeks (432 men, 52 weeks). R 4.2.2, survival 3.5-3, estimatr 1.0.0, coin 1.4-2"
R$km <- km_at(r,"week","arrest","fin",c(10,20,30,40,52))
R$logrank <- lr(r,"week","arrest","fin"); R$logrank_peto <- lr(r,"week","arrest","fin",rho=1); R$logrank_stratified_race <- lr(r,"week","arrest","fin",strata="race"); R$logrank_stratified_prio3 <- {r$prio3<-cut(r$prio,c(-1,0,2,99),labels=FALSE); lr(r,"week","arrest","fin",strata="prio3")}
R$rmst <- rmst(r,"week","arrest","fin",52); R$rmst26 <- rmst(r,"week","arrest","fin",26)
full <- "Surv(week,arrest)~fin+age+race+wexp+mar+paro+prio"
R$cox_fin <- cx(r,"Surv(week,arrest)~fin"); R$cox_full_efron <- cx(r,full); R$cox_full_breslow <- cx(r,full,"breslow"); R$cox_full_exact <- cx(r,full,"exact")
R$cox_stratified <- cx(r,"Surv(week,arrest)~fin+age+prio+strata(race)"); R$cox_robust_cluster_prio <- cx(r,"Surv(week,arrest)~fin+age+cluster(prio)")
R$zph_km <- zph(r,full,"km"); R$zph_rank <- zph(r,full,"rank"); R$zph_identity <- zph(r,full,"identity")
for(dd in c("weibull","exponential","lognormal","loglogistic")) R[[paste0("aft_",dd)]] <- aft(r,full,dd)
R$dim_hc2 <- lmr(lm_robust(arrest~fin,r,se_type="HC2")); R$lin_hc2 <- lmr(lm_lin(arrest~fin,~age+race+wexp+mar+paro+prio,r,se_type="HC2")); R$lin_hc3 <- lmr(lm_lin(arrest~fin,~age+prio,r,se_type="HC3"))
R$blocked_dim <- lmr(difference_in_means(arrest~fin,blocks=prio3,data=r)); R$cr2 <- lmr(lm_robust(arrest~fin+age,r,clusters=prio,se_type="CR2"))
g <- glm(arrest~fin+age+prio+race,binomial,r); R$logit <- list(terms=names(coef(g)),coef=unname(coef(g)),se=unname(sqrt(diag(vcov(g)))))
p1<-mean(predict(g,transform(r,fin=1),type="response")); p0<-mean(predict(g,transform(r,fin=0),type="response")); R$gcomp <- list(p1=p1,p0=p0,risk_difference=p1-p0,risk_ratio=p1/p0,odds_ratio=p1/(1-p1)/(p0/(1-p0)))
ct <- table(r$fin,r$arrest); R$two_by_two <- list(table=unname(unclass(ct)), fisher_p=fisher.test(ct)$p.value, fisher_or=unname(fisher.test(ct)$estimate), chisq=unname(chisq.test(ct,correct=FALSE)$statistic), prop=prop.test(c(ct[2,2],ct[1,2]),c(sum(ct[2,]),sum(ct[1,])),correct=FALSE)$conf.int)
R$permutation_logrank <- {l<-logrank_test(Surv(week,arrest)~factor(fin),data=r,distribution="asymptotic"); list(z=unname(statistic(l)),p=unname(pvalue(l)),note="coin logrank_test: permutation variance, mid-rank log-rank scores")}
# negative binomial style count model with offset on recid-like
q <- read.csv("tests/data/recid.csv"); q$event <- 1-q$cens; Q<-list(source="Chung, Schmidt & Witte 1991: North Carolina releasees, time to return to prison in months (1445)")
Q$km <- km_at(q,"durat","event","workprg",c(12,24,36,48,60,72)); Q$logrank <- lr(q,"durat","event","workprg"); Q$logrank_stratified_black <- lr(q,"durat","event","workprg",strata="black")
fq <- "Surv(durat,event)~workprg+priors+tserved+felon+alcohol+drugs+black+married+educ+age"; Q$cox <- cx(q,fq); for(dd in c("weibull","lognormal","loglogistic")) Q[[paste0("aft_",dd)]] <- aft(q,fq,dd); Q$rmst <- rmst(q,"durat","event","workprg",60); Q$zph <- zph(q,fq)
b <- bladder1; # recurrent
b2 <- bladder2; B <- list(source="Byar 1980 VA bladder trial, recurrent events; survival::bladder2 (AG/PWP layout) and survival::bladder (WLW layout), rx 1/2")
B$ag <- cx(b2,"Surv(start,stop,event)~rx+number+size+cluster(id)"); B$pwp_total <- cx(b2,"Surv(start,stop,event)~rx+number+size+strata(enum)+cluster(id)"); b2$gap<-b2$stop-b2$start; B$pwp_gap <- cx(b2,"Surv(gap,event)~rx+number+size+strata(enum)+cluster(id)"); B$wlw <- cx(bladder,"Surv(stop,event)~rx+number+size+strata(enum)+cluster(id)")
m <- survfit(Surv(start,stop,event)~rx,b2,id=id); s<-summary(m,times=c(6,12,24,36,48),extend=TRUE); B$mcf_nelson_aalen <- data.frame(arm=sub(".*=","",as.character(s$strata)),time=s$time,cumhaz=s$cumhaz,se=s$std.chaz)
# competing risks
mg <- mgus2; mg$et <- with(mg, ifelse(pstat==0,futime,ptime)); mg$ev <- with(mg, ifelse(pstat==0,2*death,1)); 
M <- list(source="survival::mgus2; cause 1 = progression (pcm), 2 = death without; group = sex"); M$aj <- aj(mg$et,mg$ev,mg$sex,c(60,120,180,240)); ok<-complete.cases(mg[,c("age","mspike")]); M$fg <- fg(mg$et[ok],mg$ev[ok],data.frame(age=mg$age[ok],male=as.integer(mg$sex[ok]=="M"),mspike=mg$mspike[ok])); M$csh <- cx(transform(mg[ok,],male=as.integer(sex=="M"),e1=as.integer(ev==1)),"Surv(et,e1)~age+male+mspike")
out(list(rossi=R,recid=Q,bladder=B,mgus2=M),"tests/oracles/survival.json")
