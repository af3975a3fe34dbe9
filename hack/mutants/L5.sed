# file: pkg/controller/execute.c
# breaks: L5, a proposal that cannot be pushed at once is forgotten
s/^\tif \(push_proposal\(c, action->proposal, &result, err\)\)/\tif (push_proposal(c, action->proposal, \&result, err)) {\n\t\tif (find_proposal(task, action->proposal->digest))\n\t\t\tfind_proposal(task, action->proposal->digest)->outcome = PROPOSAL_DROPPED;\n\t\ttask->noted = true;\n\t\treturn 0;\n\t}\n\tif (result.state == PROPOSE_NONE && false)/
