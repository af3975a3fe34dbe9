# file: pkg/controller/desired.c
# breaks: S13, what was seen long ago is desired
s/c->now_ms - c->heads.seen_ms < age_max_ms/true/
