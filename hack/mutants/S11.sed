# file: pkg/plan/look.c
# breaks: S11, quarantine is not looked at
s/if \(status_quarantined\(next, look->want.digest\)\)/if (false)/
