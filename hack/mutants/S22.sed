# file: pkg/controller/controller.c
# breaks: S22, a busy loop
s/key->due_ms = c->now_ms \+ \(wake_ms > c->wall_ms .*;/key->due_ms = c->now_ms;/
