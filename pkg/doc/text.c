#include "doc/text.h"

#include <string.h>

enum { JSON_NUMBER_BYTES = 60, RESERVED_WORD_BYTES = 5 };

size_t utf8_char(const unsigned char *s, size_t len, uint32_t *out)
{
	uint32_t least, c;
	size_t n;

	if (s[0] < 0x80) {
		*out = s[0];
		return 1;
	}
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	least = n == 2 ? 0x80 : n == 3 ? 0x800 : 0x10000;
	if (n > len)
		return 0;
	c = s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fu);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return 0;
	*out = c;
	return n;
}

size_t utf8_bad(const char *text, size_t len)
{
	const unsigned char *s = (const unsigned char *)text;
	uint32_t c;
	size_t i = 0;

	while (i < len) {
		size_t n = utf8_char(s + i, len - i, &c);

		if (n == 0 || c == 0)
			return i;
		i += n;
	}
	return len;
}

bool is_printable(uint32_t c)
{
	return (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0xfffe && c != 0x2028 && c != 0x2029 &&
	       c != 0xfeff) || c >= 0x10000;
}

struct place place_of(const char *text, size_t byte)
{
	struct place place = {1, 1};

	for (size_t i = 0; i < byte; i++) {
		if (text[i] == '\n') {
			place.line++;
			place.column = 1;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) {
			place.column++;
		}
	}
	return place;
}

/* ---- what needs quotes ---- */

bool is_null_word(const char *text)
{
	return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0 ||
	       strcmp(text, "Null") == 0 || strcmp(text, "NULL") == 0;
}

bool is_reserved_word(const char *text)
{
	static const char *const words[] = {
		"true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", "=", "<<",
		".inf", "-.inf", "+.inf", ".nan",
	};

	if (strnlen(text, RESERVED_WORD_BYTES + 1) > RESERVED_WORD_BYTES)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(text, words[i]) == 0)
			return true;
	}
	return false;
}

bool is_like_number(const char *text)
{
	static const char digits[] = "0123456789";
	const char *first = text + (*text == '-' || *text == '+');

	first += *first == '.';
	if (!*first || !strchr(digits, *first))
		return false;
	if (first[0] == '0' && first[1] && strchr("xXoObB", first[1]))
		return first[strspn(first, "0123456789abcdefABCDEFxXoO_")] == '\0';
	return text[strspn(text, "0123456789+-._:eE")] == '\0';
}

static bool is_plain_start(const char *text, bool flow)
{
	if (strncmp(text, "---", 3) == 0 || strncmp(text, "...", 3) == 0)
		return false;
	if (strchr("-?:", text[0]))
		return text[1] && text[1] != ' ' && !(flow && strchr(",[]{}", text[1]));
	return !strchr(",[]{}#&*!|>'\"%@` ", text[0]);
}

bool is_plain_yaml(const char *text, bool flow)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = strlen(text), n;
	uint32_t c;

	if (len == 0 || !is_plain_start(text, flow) || text[len - 1] == ' ' || text[len - 1] == ':' ||
	    strstr(text, ": ") || strstr(text, " #") || (flow && strpbrk(text, ",[]{}")) ||
	    is_reserved_word(text) || is_like_number(text))
		return false;
	for (size_t i = 0; i < len; i += n) {
		n = utf8_char(s + i, len - i, &c);
		if (n == 0 || !is_printable(c))
			return false;
	}
	return true;
}

static size_t digits_len(const char *text, size_t len)
{
	size_t n = 0;

	while (n < len && text[n] >= '0' && text[n] <= '9')
		n++;
	return n;
}

bool is_json_number(const char *text, size_t len)
{
	size_t i = len > 0 && text[0] == '-', n = digits_len(text + i, len - i);

	if (len > JSON_NUMBER_BYTES || n == 0 || (n > 1 && text[i] == '0'))
		return false;
	i += n;
	if (i < len && text[i] == '.') {
		n = digits_len(text + i + 1, len - i - 1);
		if (n == 0)
			return false;
		i += n + 1;
	}
	if (i < len && (text[i] == 'e' || text[i] == 'E')) {
		i++;
		i += i < len && (text[i] == '+' || text[i] == '-');
		n = digits_len(text + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return i == len;
}

static void add_escape(struct buf *out, uint32_t c, bool json)
{
	static const struct {
		uint32_t c;
		const char *text;
	} short_escapes[] = {
		{'"', "\\\""}, {'\\', "\\\\"}, {'\n', "\\n"}, {'\t', "\\t"}, {'\r', "\\r"},
	};

	for (size_t i = 0; i < ARRAY_LEN(short_escapes); i++) {
		if (c == short_escapes[i].c) {
			buf_puts(out, short_escapes[i].text);
			return;
		}
	}
	buf_printf(out, !json && c < 0x100 ? "\\x%02x" : "\\u%04x", (unsigned)c);
}

/* How many bytes stand for themselves, whatever follows. */
static size_t plain_run(const unsigned char *s)
{
	size_t n = 0;

	while (s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

void add_quoted(struct buf *out, const char *text, bool json)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = strlen(text), n;
	uint32_t c = 0;

	buf_putc(out, '"');
	for (size_t i = 0; i < len; i += n) {
		n = plain_run(s + i);
		if (n > 0) {
			buf_add(out, text + i, n);
			continue;
		}
		n = utf8_char(s + i, len - i, &c);
		if (n == 0) {
			buf_putc(out, '?');
			n = 1;
		} else if (c == '"' || c == '\\' || !is_printable(c)) {
			add_escape(out, c, json);
		} else {
			buf_add(out, text + i, n);
		}
	}
	buf_putc(out, '"');
}
