# file: pkg/plan/look.c
# breaks: S7, the stable revision goes as soon as the candidate has all traffic
/^static int64_t stable_wanted/,/^}/ s/return next->replicas;/return next->phase == PHASE_PROMOTING ? 0 : next->replicas;/
