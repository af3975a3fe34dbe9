#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/heap.h"
#include "base/parse.h"

enum {
	SECRETS_MAX = 64,
	SECRET_BYTES_LEAST = 6,
	EVENT_BYTES_MAX = 1 << 20, /* scrubbed whole; a longer one is not shown at all */
	LINE_BYTES_MAX = 8 << 10,  /* shown */
};

static const struct {
	const char *name, *colour;
} levels[] = {
	[LOG_DEBUG] = {"debug", "\033[2m"},
	[LOG_INFO] = {"info", "\033[32m"},
	[LOG_WARN] = {"warn", "\033[33m"},
	[LOG_ERROR] = {"error", "\033[31m"},
};
static_assert(ARRAY_LEN(levels) == LOG_ERROR + 1, "a name for each level");

/* The log of the process. `secrets` is a ring: a value past the limit takes the oldest place. */
static struct {
	int fd;
	enum log_level least;
	bool json, colour;
	char *secrets[SECRETS_MAX];
	size_t next_secret;
} logger = {.fd = STDERR_FILENO, .least = LOG_INFO};

void log_open(int fd, enum log_level least, bool json)
{
	const char *no_colour = getenv("NO_COLOR");

	logger.fd = fd;
	logger.least = least;
	logger.json = json;
	logger.colour = !json && !(no_colour && no_colour[0]) && isatty(fd);
}

void log_hide(const char *secret)
{
	size_t len = strlen(secret);
	char *copy;

	while (len > 0 && strchr("\r\n", secret[len - 1]))
		len--;
	if (len < SECRET_BYTES_LEAST)
		return;
	copy = heap_alloc(len + 1, 1);
	memcpy(copy, secret, len);
	for (size_t i = 0; i < SECRETS_MAX; i++) {
		if (logger.secrets[i] && strcmp(logger.secrets[i], copy) == 0) {
			free(copy);
			return;
		}
	}
	free(logger.secrets[logger.next_secret]);
	logger.secrets[logger.next_secret] = copy;
	logger.next_secret = (logger.next_secret + 1) % SECRETS_MAX;
}

/* A '?' may stand for any byte that text_clean took out. */
static bool is_shown(char shown, char secret)
{
	return shown == secret || (shown == '?' && (secret < ' ' || secret > '~'));
}

/* Bytes at `text` that show `secret`: all of it, or a beginning of it that text_cut cut off. */
static size_t shown_len(const char *text, const char *secret)
{
	size_t i = 0;

	while (secret[i] && is_shown(text[i], secret[i]))
		i++;
	if (!secret[i] || (i >= SECRET_BYTES_LEAST && strcmp(text + i, "...") == 0))
		return i;
	return 0;
}

void log_scrub(char *text)
{
	static const char mask[] = {'*', '*', '*'};
	char *to = text;

	for (const char *from = text; *from;) {
		size_t longest = 0;

		for (size_t i = 0; i < SECRETS_MAX && logger.secrets[i]; i++) {
			size_t len = shown_len(from, logger.secrets[i]);

			longest = len > longest ? len : longest;
		}
		if (longest == 0) {
			*to++ = *from++;
			continue;
		}
		memcpy(to, mask, sizeof(mask));
		to += sizeof(mask);
		from += longest;
	}
	*to = '\0';
}

static void add_json_text(struct buf *line, const char *text)
{
	buf_putc(line, '"');
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			buf_putc(line, '\\');
		buf_putc(line, *text);
	}
	buf_putc(line, '"');
}

static void add_line(struct buf *line, enum log_level level, const char *text)
{
	char now[TIME_TEXT];
	struct timespec wall;

	clock_gettime(CLOCK_REALTIME, &wall);
	format_time((int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000, now);
	if (logger.json) {
		buf_printf(line, "{\"time\":\"%s\",\"level\":\"%s\",\"message\":", now,
		           levels[level].name);
		add_json_text(line, text);
		buf_puts(line, "}\n");
	} else {
		buf_printf(line, "%s %s%-5s%s %s\n", now, logger.colour ? levels[level].colour : "",
		           levels[level].name, logger.colour ? "\033[0m" : "", text);
	}
}

/* A log that cannot be written is not worth a failure. */
static void write_line(const char *text, size_t len)
{
	while (len > 0) {
		ssize_t put = write(logger.fd, text, len);

		if (put < 0 && errno != EINTR)
			return;
		if (put > 0) {
			text += put;
			len -= (size_t)put;
		}
	}
}

void log_event(enum log_level level, const char *fmt, ...)
{
	struct buf text, line;
	int errnum = errno;
	va_list args;

	assert((unsigned)level < ARRAY_LEN(levels));
	if (level < logger.least)
		return;
	buf_init(&text, EVENT_BYTES_MAX);
	buf_init(&line, 2 * LINE_BYTES_MAX + 256);
	va_start(args, fmt);
	buf_vprintf(&text, fmt, args);
	va_end(args);
	if (text.full) {
		buf_clear(&text);
		buf_puts(&text, "(an event too long to show)");
	}
	log_scrub(text.text);
	text_clean(text.text);
	text_cut(text.text, LINE_BYTES_MAX);
	add_line(&line, level, text.text);
	write_line(line.text, line.len);
	buf_deinit(&line);
	buf_deinit(&text);
	errno = errnum;
}
