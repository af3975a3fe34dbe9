# file: pkg/plan/converge.c
# breaks: S6, a restart stops the last ready replica
/^static bool is_next_to_restart/,/^}/ {
	s/ready_below\(look, replica->revision, n\) < n/false/
}
