/* The small phrases inside manifests: the condition of an alert, "2 of 3". */
#include <string.h>

#include "api/check.h"

static bool is_subject(const char *text, size_t len)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "0123456789_.-";

	return len > 0 && strspn(text, allowed) >= len && (text[0] < '0' || text[0] > '9');
}

/* A number of any size, or a percentage. */
static bool parse_threshold(const char *text, double *out)
{
	struct err err = {0};

	return parse_number(text, -1e12, 1e12, out, &err) == 0 || parse_share(text, out, &err) == 0;
}

bool alert_parse(const char *when, struct alert_condition *out)
{
	struct alert_condition condition = {.sign = ALERT_HOLDS};
	size_t len;

	if (!when)
		return false;
	len = strcspn(when, " ");
	if (len >= sizeof(condition.subject) || !is_subject(when, len))
		return false;
	memcpy(condition.subject, when, len);
	when += len;
	if (*when != '\0') {
		if (strncmp(when, " < ", 3) != 0 && strncmp(when, " > ", 3) != 0)
			return false;
		condition.sign = when[1] == '<' ? ALERT_BELOW : ALERT_ABOVE;
		if (!parse_threshold(when + 3, &condition.threshold))
			return false;
	}
	*out = condition;
	return true;
}

bool persist_parse(const char *text, int64_t *k, int64_t *of)
{
	const char *middle = strstr(text, " of ");
	char first[8] = {0};
	struct err err = {0};
	int64_t n, some;

	if (!middle || (size_t)(middle - text) >= sizeof(first))
		return false;
	memcpy(first, text, (size_t)(middle - text));
	if (parse_int(middle + 4, 1, 100, &n, &err) < 0 || parse_int(first, 1, n, &some, &err) < 0)
		return false;
	*k = some;
	*of = n;
	return true;
}
