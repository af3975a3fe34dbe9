# file: pkg/plan/converge.c
# breaks: S5, weights that are lost are not set again
s/if \(differ && can_set\(look, shares\)\)/if (differ \&\& next->phase != PHASE_STEADY \&\& can_set(look, shares))/
