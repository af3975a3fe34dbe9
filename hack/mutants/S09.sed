# file: pkg/plan/rollout.c
# breaks: S9, a step without a verdict
s/if \(judgement->not_worse != VERDICT_PASS && !promote\)/if (false)/
