# file: pkg/plan/record.c
# breaks: S15, transitions are lost
s/prepend\(look, history, transition, \(size_t\)LIMIT_HISTORY\)/prepend(look, history, transition, (size_t)3)/
