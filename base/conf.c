/* Reads the settings: defaults, then DIR/.env.local, then the environment. Refuses what it does not
 * understand. */
#include "conf.h"

#include "cleanup.h"
#include "conf_internal.h"
#include "conf_rules.h"
#include "log.h"
#include "text.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define LINE_BYTES 70000
#define FILE_NAME ".env.local"

enum kind { KIND_BOOL, KIND_INT, KIND_ENUM, KIND_TEXT, KIND_LIST, KIND_PATH };

struct setting {
	const char *name, *fallback, *help;
	enum kind kind;
	size_t offset;
	int64_t min, max;
	bool secret;
};

static const struct setting settings[] = {
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) \
	{ #name, def, help, KIND_##kind, offsetof(struct conf, field), min, max, secret },
#include "conf.def"
#undef CONF
#undef GROUP
};

/* Where a value came from, for the error line. */
struct origin {
	const char *file;
	int line; /* 0: the environment or the default */
};

static bool refuse(char *error, const struct origin *from, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

static bool
refuse(char *error, const struct origin *from, const char *name, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	for (char *p = why; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (from->line)
		snprintf(
		    error, CONF_ERROR_BYTES, "%s:%d: %s: %s", from->file, from->line, name, why);
	else
		snprintf(error, CONF_ERROR_BYTES, "%s: %s: %s", from->file, name, why);
	return false;
}

static bool
set_bool(bool *field, const char *value)
{
	static const char *const words[] = { "false", "true", "0", "1", "no", "yes", "off", "on" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(value, words[i]) == 0) {
			*field = i % 2;
			return true;
		}
	}
	return false;
}

static bool
set_int(int64_t *field, const char *value, int64_t min, int64_t max)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (errno || end == value || *end || n < min || n > max)
		return false;
	*field = n;
	return true;
}

/* The allowed words stand at the start of the help, separated by '|', ended by ';' or the end. */
static bool
set_enum(int64_t *field, const char *value, const char *words)
{
	size_t len = strlen(value);

	for (int64_t i = 0; len > 0; i++) {
		size_t n = strcspn(words, "|;");

		if (n == len && strncmp(words, value, n) == 0) {
			*field = i;
			return true;
		}
		if (words[n] != '|')
			return false;
		words += n + 1;
	}
	return false;
}

static bool
set_text(char **field, const char *value, const struct setting *s)
{
	size_t len = strlen(value);

	if ((int64_t)len < s->min || (int64_t)len > s->max)
		return false;
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return false;
	free(*field);
	*field = strdup(value);
	return *field != NULL;
}

/* A path below the operator's folder, whose own name may hold anything. */
static bool
set_path(char **field, const char *value, const struct setting *s, const char *dir)
{
	char full[PATH_MAX];

	while (value[0] == '.' && value[1] == '/')
		value += 2;
	if (!set_text(field, value, s))
		return false;
	if (!value[0] || value[0] == '/')
		return true;
	if (snprintf(full, sizeof(full), "%s/%s", dir, value) >= (int)sizeof(full))
		return false;
	free(*field);
	*field = strdup(full);
	return *field != NULL;
}

/* What is compared with the value later has one form only; the value gets it as well. */
static bool
clean_text(char **field, const struct setting *s, const struct origin *from, char *error)
{
	size_t size = 2 * strlen(*field) + 256;
	auto_free char *kept = malloc(2 * size);
	const char *allowed;

	if (!kept)
		return refuse(error, from, s->name, "no memory");
	allowed = conf_rule_clean(
	    (enum conf_name)(s - settings), s->kind == KIND_LIST, *field, kept, kept + size, size);
	if (allowed)
		return refuse(
		    error, from, s->name, "'%s' is not allowed; %s", kept + size, allowed);
	free(*field);
	*field = strdup(kept);
	return *field || refuse(error, from, s->name, "no memory");
}

static bool
set_value(struct conf *c, const struct setting *s, const char *value, const struct origin *from,
    char *error)
{
	char *at = (char *)c + s->offset;

	switch (s->kind) {
	case KIND_BOOL:
		return set_bool((bool *)at, value) ||
		    refuse(error, from, s->name, "'%s' is not allowed; true or false is", value);
	case KIND_INT:
		return set_int((int64_t *)(void *)at, value, s->min, s->max) ||
		    refuse(error, from, s->name,
			"'%s' is not allowed; a whole number from %lld to %lld is", value,
			(long long)s->min, (long long)s->max);
	case KIND_ENUM:
		return set_enum((int64_t *)(void *)at, value, s->help) ||
		    refuse(error, from, s->name, "'%s' is not allowed; one of %.*s is", value,
			(int)strcspn(s->help, ";"), s->help);
	case KIND_PATH:
		return set_path((char **)(void *)at, value, s, c->dir) ||
		    refuse(error, from, s->name,
			"not a path of %lld to %lld bytes without control characters",
			(long long)s->min, (long long)s->max);
	case KIND_TEXT:
	case KIND_LIST:
		break;
	}
	if (!set_text((char **)(void *)at, value, s))
		return refuse(error, from, s->name,
		    "a text of %lld to %lld bytes without control characters is allowed",
		    (long long)s->min, (long long)s->max);
	return clean_text((char **)(void *)at, s, from, error);
}

static const struct setting *
setting_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

/* Takes the quotes off "value" or 'value'; a comment may follow after a blank and a #. False:
 * quotes do not match. */
static bool
unquote(char *value)
{
	size_t len = strlen(value);
	char *comment;

	if (value[0] == '"' || value[0] == '\'') {
		if (len < 2 || value[len - 1] != value[0])
			return false;
		memmove(value, value + 1, len - 2);
		value[len - 2] = '\0';
		return true;
	}
	comment = value[0] == '#' ? value : strstr(value, " #");
	if (comment)
		*comment = '\0';
	text_trim(value);
	return true;
}

static bool
read_line(struct conf *c, char *line, const struct origin *from, char *error)
{
	const struct setting *s;
	char *value, *name = line;

	text_trim(line);
	if (strncmp(name, "export ", 7) == 0)
		name += 7;
	if (!line[0] || line[0] == '#')
		return true;
	value = strchr(name, '=');
	if (!value)
		return refuse(error, from, setting_find(name) ? name : "line",
		    "a line is NAME=VALUE, or a comment after #");
	*value++ = '\0';
	text_trim(name);
	text_trim(value);
	s = setting_find(name);
	if (!s)
		return refuse(error, from, name,
		    "unknown setting; docs/settings.md lists those that are allowed");
	if (!unquote(value))
		return refuse(error, from, name, "the quotes around the value do not match");
	c->lines[s - settings] = from->line;
	return set_value(c, s, value, from, error);
}

/* Passwords are in it. False: others can read it, and that is not ours to change. */
static bool
close_to_others(int fd, const char *path, mode_t mode)
{
	if (!(mode & (S_IRWXG | S_IRWXO)))
		return true;
	if (fchmod(fd, mode & S_IRWXU) != 0)
		return false;
	log_warn("%s: others could read it (mode %03o); it is closed to them now", path, mode);
	return true;
}

/* Some editors put a byte order mark before the first line. */
static char *
skip_bom(char *line)
{
	return strncmp(line, "\xef\xbb\xbf", 3) == 0 ? line + 3 : line;
}

static bool
read_file(struct conf *c, char *error)
{
	char path[PATH_MAX];
	auto_free char *line = malloc(LINE_BYTES);
	auto_file FILE *f = NULL;
	struct origin from = { path, 0 };
	struct stat st;

	if (!line || snprintf(path, sizeof(path), "%s/" FILE_NAME, c->dir) >= (int)sizeof(path))
		return refuse(error, &(struct origin){ c->dir, 0 }, FILE_NAME,
		    "the folder's name is too long");
	f = fopen(path, "re");
	if (!f && errno == ENOENT)
		return true;
	if (!f || fstat(fileno(f), &st) != 0)
		return refuse(error, &from, "file", "cannot be read: %s", strerror(errno));
	if (!close_to_others(fileno(f), path, st.st_mode & 0777U))
		return refuse(error, &from, "file",
		    "others can read it (mode %03o), and it is not yours to close; its owner or "
		    "root has to: chmod 600 it",
		    st.st_mode & 0777U);
	while (fgets(line, LINE_BYTES, f)) {
		from.line++;
		if (!strchr(line, '\n') && !feof(f))
			return refuse(error, &from, "line", "longer than %d bytes", LINE_BYTES - 2);
		if (!read_line(c, from.line == 1 ? skip_bom(line) : line, &from, error))
			return false;
	}
	return ferror(f) == 0 ||
	    refuse(error, &from, "file", "cannot be read: %s", strerror(errno));
}

static bool
read_all(struct conf *c, char *error)
{
	const struct origin defaults = { "default", 0 }, environment = { "environment", 0 };

	for (size_t i = 0; i < ARRAY_LEN(settings); i++)
		if (!set_value(c, &settings[i], settings[i].fallback, &defaults, error))
			return false;
	if (!read_file(c, error))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const char *value = getenv(settings[i].name);

		if (value && !set_value(c, &settings[i], value, &environment, error))
			return false;
		if (value)
			c->lines[i] = -1;
	}
	return true;
}

bool
conf_refuse(const struct conf *c, enum conf_name name, char error[static CONF_ERROR_BYTES],
    const char *fmt, ...)
{
	char path[PATH_MAX], why[512];
	struct origin from = { c->lines[name] < 0 ? "environment" : "default", 0 };
	va_list ap;

	if (c->lines[name] > 0) {
		snprintf(path, sizeof(path), "%s/" FILE_NAME, c->dir);
		from = (struct origin){ path, c->lines[name] };
	}
	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return refuse(error, &from, settings[name].name, "%s", why);
}

static bool
find_data_dir(struct conf *c, char *error)
{
	auto_free char *copy = strdup(c->db_path);

	c->data_dir = copy ? strdup(dirname(copy)) : NULL;
	return c->data_dir ||
	    refuse(error, &(struct origin){ c->dir, 0 }, FILE_NAME, "out of memory");
}

bool
conf_load(struct conf *c, const char *dir, char error[static CONF_ERROR_BYTES])
{
	*c = (struct conf){ 0 };
	c->dir = realpath(dir, NULL);
	if (!c->dir)
		return refuse(error, &(struct origin){ dir, 0 }, "folder", "cannot be opened: %s",
		    strerror(errno));
	return read_all(c, error) && find_data_dir(c, error) && conf_together(c, error);
}

void
conf_free(struct conf *c)
{
	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		const struct setting *s = &settings[i];
		char **field = (char **)(void *)((char *)c + s->offset);

		if (s->kind < KIND_TEXT || !*field)
			continue;
		if (s->secret)
			explicit_bzero(*field, strlen(*field));
		free(*field);
		*field = NULL;
	}
	free(c->dir);
	free(c->data_dir);
	c->dir = c->data_dir = NULL;
}

const char *
conf_word(enum conf_name name, int64_t value, int *len)
{
	const char *words = settings[name].help; /* begins with them */

	while (value-- > 0)
		words += strcspn(words, "|") + 1;
	*len = (int)strcspn(words, "|;");
	return words;
}

bool
conf_write_value(const struct conf *c, const char *name, FILE *out)
{
	const struct setting *s = setting_find(name);
	const char *at = s ? (const char *)c + s->offset : NULL, *word;
	int len;

	if (!s || s->secret)
		return false;
	switch (s->kind) {
	case KIND_BOOL:
		fprintf(out, "%s\n", *(const bool *)at ? "true" : "false");
		break;
	case KIND_INT:
		fprintf(out, "%lld\n", (long long)*(const int64_t *)(const void *)at);
		break;
	case KIND_ENUM:
		word = conf_word(
		    (enum conf_name)(s - settings), *(const int64_t *)(const void *)at, &len);
		fprintf(out, "%.*s\n", len, word);
		break;
	default:
		fprintf(out, "%s\n", *(char *const *)(const void *)at);
	}
	return true;
}

int
conf_port(const struct conf *c)
{
	return (int)(c->relay_port ? c->relay_port : c->port);
}

const char *
conf_mail_from(const struct conf *c)
{
	return c->smtp_from[0] ? c->smtp_from : c->smtp_username;
}

static bool
listed(const char *emails, const char *domains, const char *email)
{
	const char *at = strrchr(email, '@');

	return text_list_has(emails, email) || (at && text_list_has(domains, at + 1));
}

bool
conf_email_admin(const struct conf *c, const char *email)
{
	return listed(c->admin_emails, c->admin_domains, email);
}

bool
conf_asks(const struct conf *c)
{
	return c->translate_url[0] || c->transcribe_url[0];
}

bool
conf_registration_open(const struct conf *c)
{
	return !c->allowed_emails[0] && !c->allowed_domains[0];
}

bool
conf_email_allowed(const struct conf *c, const char *email)
{
	return conf_registration_open(c) || listed(c->allowed_emails, c->allowed_domains, email) ||
	    conf_email_admin(c, email);
}
