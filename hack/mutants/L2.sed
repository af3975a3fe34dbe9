# file: pkg/plan/record.c
# breaks: L2, commits that say nothing new
s/return rollout_differs\(a, b\) \|\|/return true || rollout_differs(a, b) ||/
