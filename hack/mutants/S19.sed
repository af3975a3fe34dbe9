# file: pkg/plan/training.c
# breaks: S19, a run that is replaced runs on
s/add_run_action\(cycle, ACTION_CANCEL_RUN, .*\);/;/
