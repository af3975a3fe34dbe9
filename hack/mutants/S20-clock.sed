# file: pkg/controller/controller.c
# breaks: S20, a clock that jumped is believed
s/c->steady_from_ms = c->now_ms \+ CLOCK_SETTLE_MS;/;/
