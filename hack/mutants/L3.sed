# file: pkg/plan/rollout.c
# breaks: L3, it waits and does not say for what
s/enter\(look, PHASE_WAITING, reason, blocker\)/enter(look, PHASE_WAITING, NULL, blocker)/
