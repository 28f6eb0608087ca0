/* One log: lines on standard error, each with time, level and program. Never secrets, never message
 * text. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

/* A notice is always written. */
enum log_level {
	LOG_LEVEL_NOTICE = -1,
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARN,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG
};

/* Sets what is written (this level and the graver ones) and the program's name (kept, not copied).
 */
void log_setup(const char *program, enum log_level level);

/* Writes one line. Control bytes are escaped, so nobody can forge a line; longer than 2 KiB is cut.
 */
void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define log_notice(...) log_line(LOG_LEVEL_NOTICE, __VA_ARGS__)
#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
