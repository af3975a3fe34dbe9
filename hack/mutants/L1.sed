# file: pkg/plan/rollout.c
# breaks: L1, rolling back never ends
s/if \(live_replicas\(look, next->candidate\) > 0 \|\|/if (true ||/
