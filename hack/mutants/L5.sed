# file: pkg/controller/execute.c
# breaks: L5, a proposal that cannot be pushed at once is forgotten
/^	if \(push_proposal\(c, action->proposal, &result, err\)\)/ {
	s/.*/	if (push_proposal(c, action->proposal, \&result, err)) {/
	a\		struct proposal *lost = find_proposal(c, task, action->proposal->digest);\n\n\t\tif (lost)\n\t\t\tlost->outcome = PROPOSAL_DROPPED;\n\t\ttask->noted = true;
	n
	s/.*/		return 0;\n	}/
}
