# file: pkg/plan/training.c
# breaks: S19, the next run does not wait for the end of the one that it replaces
s/if \(cycle->in->run.train == RUN_ACTIVE \|\| .*\) \{/if (false) {/
