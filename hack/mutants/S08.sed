# file: pkg/plan/training.c
# breaks: S8, a test without its ledger entry
s/^\t\tadd_ledger\(cycle, run\);/\t\t;/
