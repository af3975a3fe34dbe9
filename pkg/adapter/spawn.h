/* A new process between vfork and exec. */
#ifndef LINNET_ADAPTER_SPAWN_H
#define LINNET_ADAPTER_SPAWN_H

#include <sys/types.h>

/* Starts a process in which `become(self)` runs, with signals as a program expects them. It runs in
 * our memory while we are suspended, makes system calls only, and ends in exec; when it returns,
 * the process ends with 127 and `errnum` says why (errno). -1 without a process: said there too. */
pid_t spawn(void (*become)(void *self), void *self, volatile int *errnum);

#endif
