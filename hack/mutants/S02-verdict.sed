# file: pkg/plan/block.c
# breaks: S2, traffic without a verdict of ours
/^static const char \*gate_open/,/^}/ s/switch \(admission.result\)/switch (VERDICT_PASS)/
