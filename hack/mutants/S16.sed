# file: pkg/plan/revert.c
# breaks: S16, a proposal is pushed again and again
/^void propose/,/^}/ s/proposal->outcome != PROPOSAL_WANTED/proposal->outcome == PROPOSAL_NONE/
