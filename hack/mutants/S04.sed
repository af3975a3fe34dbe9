# file: pkg/plan/record.c
# breaks: S4, a candidate that is the stable revision
/^void make_stable/,/^}/ s/drop_candidate\(look\);/;/
