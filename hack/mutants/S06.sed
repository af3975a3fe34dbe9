# file: pkg/plan/converge.c
# breaks: S6, stopped while it carries weight
s/live_weight\(look, revision\) > 0 \|\|/false ||/
s/share_of\(look, effective_shares\(look\), revision\) > 0\)/false)/
s/^\tconverge_weights\(look\);/\tstop_unwanted(look);\n&/
