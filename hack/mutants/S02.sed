# file: pkg/plan/rollout.c
# breaks: S2, traffic before the check
s/if \(!checked \|\| checked->state != WORK_DONE\) \{/if (false) {/
