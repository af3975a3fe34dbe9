/* The data port on files: rows are counted as they are appended; a digest is of all of a file. */
#ifndef LINNET_ADAPTER_DATA_FILES_H
#define LINNET_ADAPTER_DATA_FILES_H

#include "port/port.h"

/* So much of a file is counted in one look, and so much more read for its digest. */
#define DATA_LOOK_BYTES (16 << 20)
/* The digest of a file that was touched less long ago is not taken: it may be half-way written. */
#define DATA_SETTLE_MS 10000

struct data_files; /* heap; owned by who made it */
struct data_files *data_files_new(int64_t settle_ms);
void data_files_free(struct data_files *files); /* accepts NULL */
struct port_data data_files_port(struct data_files *files);

#endif
