# file: pkg/controller/execute.c
# breaks: L4, a failing key delays all others
s/^\tkey->due_ms = c->now_ms \+ wait_ms;/\tfor (size_t i = 0; i < c->keys.n; i++)\n\t\t((struct key *)c->keys.entries[i].value)->due_ms = c->now_ms + wait_ms + 86400000;/
