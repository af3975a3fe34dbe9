/* Where data comes from, as a Model names it. */
#ifndef LINNET_API_URI_H
#define LINNET_API_URI_H

#include <stddef.h>

#include "base/digest.h"

/* What a '#' in the URI or path of data sets apart; the texts lie in it. */
struct uri_parts {
	size_t len;           /* of it that names the file */
	const char *output;   /* of `dvc.lock#output`, or NULL */
	size_t output_len;
	struct digest pin;    /* of a `#sha256:<64 hex>` at its end */
};

/* Any other '#' is part of a file's name. ERR_STALLED says what a pin looks like where a '#' seems
 * to begin one and does not, and for every other '#' of a URL or behind a .dvc file: a pin that
 * nobody checks would be worse than none. */
int uri_parse(const char *uri, struct uri_parts *out, struct err *err) must_check;

#endif
