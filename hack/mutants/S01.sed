# file: pkg/plan/converge.c
# breaks: S1, a weight vector that does not sum to 1
s/push_share\(look, action, next->candidate, shares.candidate\);/push_share(look, action, next->candidate, shares.candidate \/ 2);/
