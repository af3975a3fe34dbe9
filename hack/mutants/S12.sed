# file: pkg/controller/desired.c
# breaks: S12, every commit is accepted as a rewind
s/accept\(c->ports.git.self, c->applied, false\)/accept(c->ports.git.self, c->applied, true)/
