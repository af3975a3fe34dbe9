# file: pkg/controller/controller.c
# breaks: S3, exposure before its record is durable
s/execute\(c, &tasks\[i\], true\);/execute(c, \&tasks[i], true), execute(c, \&tasks[i], false);/
