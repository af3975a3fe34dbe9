# file: pkg/controller/desired.c
# breaks: S20, a higher epoch is not looked at
s/if \(c->started && \(record.epoch > c->epoch/if (false \&\& (record.epoch > c->epoch/
