/* The data port on files: rows are counted as they are appended. */
#ifndef LINNET_ADAPTER_DATA_FILES_H
#define LINNET_ADAPTER_DATA_FILES_H

#include "port/port.h"

/* So much of a file is read in one look. */
#define DATA_LOOK_BYTES (16 << 20)

struct data_files; /* heap; owned by who made it */
struct data_files *data_files_new(void);
void data_files_free(struct data_files *files); /* accepts NULL */
struct port_data data_files_port(struct data_files *files);

#endif
