# file: pkg/plan/revert.c
# breaks: S16, a proposal is pushed again and again
/^void propose/,/^}/ s/\.outcome != PROPOSAL_WANTED/.outcome == PROPOSAL_NONE/
