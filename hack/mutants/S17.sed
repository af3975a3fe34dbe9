# file: pkg/plan/converge.c
# breaks: S17, weights are claimed that no look has shown
s/shares_live\(look, record\) && look->in->observed.router/look->in->observed.router/
