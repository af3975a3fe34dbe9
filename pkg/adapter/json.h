/* Small JSON files of ours: members written and read by name. */
#ifndef LINNET_ADAPTER_JSON_H
#define LINNET_ADAPTER_JSON_H

#include <stdint.h>

#include "base/digest.h"
#include "doc/doc.h"

void json_put_text(struct writer *writer, const char *key, const char *text); /* NULL: left out */
void json_put_int(struct writer *writer, const char *key, int64_t value);
void json_put_number(struct writer *writer, const char *key, double value);
void json_put_bool(struct writer *writer, const char *key, bool value);

/* `fallback` when it is absent or is no number in [min, max]. */
int64_t json_int(const struct node *map, const char *key, int64_t min, int64_t max,
                 int64_t fallback);
double json_number(const struct node *map, const char *key, double min, double max,
                   double fallback);
bool json_bool(const struct node *map, const char *key); /* false when absent */
/* "" (none) when it is absent or no digest. */
struct digest json_digest(const struct node *map, const char *key);

/* Reads a whole JSON file into `arena`. ERR_STALLED when it is absent or no JSON. */
int json_file(const char *path, size_t bytes_max, struct arena *arena, struct node **out,
              struct err *err) must_check;

#endif
