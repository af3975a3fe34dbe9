/* Every bound of the product in one place. */
#ifndef LINNET_BASE_LIMITS_H
#define LINNET_BASE_LIMITS_H

enum {
	LIMIT_NAME = 63,               /* bytes of a metadata name */
	LIMIT_PATH = 1024,             /* bytes of a path in a repository */
	LIMIT_FILE_PATH = 4096,        /* bytes of a path on this machine, with its NUL */
	LIMIT_MANIFEST_BYTES = 256 << 10,
	LIMIT_DOC_DEPTH = 32,
	LIMIT_DOC_NODES = 100 << 10,   /* nodes of one document tree */
	LIMIT_DOC_SCALAR = 64 << 10,   /* bytes of one scalar */
	LIMIT_STATUS_BYTES = 1 << 20,  /* bytes of one file on the status branch */
	LIMIT_TREE_ENTRIES = 1 << 20,  /* files under the fleet path */
	LIMIT_STEPS = 20,
	LIMIT_REPLICAS = 64,
	LIMIT_HISTORY = 20,            /* transitions kept in a status file */
	LIMIT_DIAGNOSTICS = 1000,
};

#endif
