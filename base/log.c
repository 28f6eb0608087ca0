/* Log lines on standard error, one write each so that lines of several processes never mix. */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 2048

static const char *program_name = "relay";
static enum log_level max_level = LOG_LEVEL_INFO;

void
log_setup(const char *program, enum log_level level)
{
	program_name = program;
	max_level = level;
}

/* Copies `in` to `out`, control bytes as \xNN; returns the length. `size` leaves room for a
 * newline. */
static size_t
escape(char *out, size_t size, const char *in)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0;

	for (; *in && n + 5 < size; in++) {
		unsigned char c = (unsigned char)*in;

		if (c >= 0x20 && c != 0x7f) {
			out[n++] = *in;
			continue;
		}
		out[n++] = '\\';
		out[n++] = 'x';
		out[n++] = hex[c >> 4];
		out[n++] = hex[c & 15];
	}
	return n;
}

void
log_line(enum log_level level, const char *fmt, ...)
{
	static const char *const names[] = { "notice", "error", "warn", "info", "debug" };
	char raw[LINE_BYTES], line[LINE_BYTES + 128];
	int saved = errno, head;
	struct timespec ts;
	struct tm tm;
	va_list ap;
	size_t n;

	if (level != LOG_LEVEL_NOTICE && level > max_level)
		return;
	va_start(ap, fmt);
	vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	head = snprintf(line, 128, "%04d-%02d-%02dT%02d:%02d:%02dZ %s %s[%d]: ", tm.tm_year + 1900,
	    tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, names[level + 1],
	    program_name, (int)getpid());
	n = (size_t)head;
	n += escape(line + n, sizeof(line) - n, raw);
	line[n++] = '\n';
	if (write(STDERR_FILENO, line, n) < 0) {
		/* nowhere left to say it */
	}
	errno = saved;
}
