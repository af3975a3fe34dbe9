/* A ModelVersion file, as a proposal adds it. */
#include "manifest/manifest.h"

void version_encode(struct buf *out, const struct model_version *version)
{
	struct writer writer;

	write_begin(&writer, out, false);
	record_encode(&writer, kind_records[KIND_MODEL_VERSION], version);
}
