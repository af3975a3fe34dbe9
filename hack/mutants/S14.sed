# file: pkg/controller/desired.c
# breaks: S14, everything at once is retired
s/c->emptied = empty &&/c->emptied = false \&\& empty \&\&/
