# file: pkg/plan/block.c
# breaks: S10, one approval counts twice
s/has_text\(&people, approval->by\)/false/
