/* Errors as values: set once where they happen, wrapped outward with context, on the stack. */
#ifndef LINNET_BASE_ERR_H
#define LINNET_BASE_ERR_H

#include <stddef.h>

#define must_check __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* What to do about an error, not where it came from. */
enum err_kind {
	ERR_NONE,
	ERR_TRANSIENT, /* known not done; try again with back-off */
	ERR_CONFLICT,  /* somebody else moved; observe again at once */
	ERR_STALLED,   /* will not pass without new input (bad manifest, refused, not found) */
	ERR_UNKNOWN,   /* may have happened; observe before acting */
	ERR_KINDS
};

/* Owns nothing; `{0}` is "no error". The text is one line, without a final newline. */
struct err {
	enum err_kind kind;
	char text[1024];
};

/* Sets kind and text and returns -1, so that a function can `return err_set(...)`. Text that is too
 * long is cut and ends in "...". Control characters are replaced by '?'. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) printf_like(3, 4);

/* As err_set, with ": " and the text of errno value `errnum` behind it. */
int err_errno(struct err *err, enum err_kind kind, int errnum, const char *fmt, ...)
	printf_like(4, 5);

/* The kind of a failure to start or execute a program: ERR_STALLED for what stays so until somebody
 * mends it (no such file, no permission, no program), ERR_TRANSIENT for what may pass by itself (no
 * space, memory, processes or descriptors for now, a disk or a share in trouble). */
enum err_kind err_errno_kind(int errnum);

/* Puts "context: " before the text of an error that is set, keeps the kind, returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) printf_like(2, 3);

/* Replaces each byte of a control character and each that is not UTF-8 by '?', in place. */
void text_clean(char *text);
/* Cuts a text of `size` bytes or more (more than 4) so that it fits with its NUL and ends in "...",
 * never inside of a UTF-8 character. */
void text_cut(char *text, size_t size);

/* Our own broken invariant: prints to stderr and aborts. Input never leads here. */
_Noreturn void panic(const char *fmt, ...) printf_like(1, 2);

#endif
