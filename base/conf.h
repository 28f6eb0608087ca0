/* The settings: one typed table (conf.def) gives the struct, the parser, the example file and the
 * manual. */
#ifndef BASE_CONF_H
#define BASE_CONF_H

#include "conf_name.h"
#include "retention.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_socket_access { SOCKET_GROUP, SOCKET_EVERYONE };
enum conf_live { LIVE_AUTO, LIVE_TRUE, LIVE_FALSE };
enum conf_smtp_tls { SMTP_TLS_AUTO, SMTP_TLS_STARTTLS, SMTP_TLS_TLS, SMTP_TLS_OFF };
enum conf_translate_kind {
	TRANSLATE_LIBRETRANSLATE,
	TRANSLATE_APERTIUM,
	TRANSLATE_DEEPL,
	TRANSLATE_OPENAI
};
enum conf_durability { DURABILITY_FULL, DURABILITY_NORMAL };
enum conf_epoch_keys { EPOCH_KEYS_FILE, EPOCH_KEYS_MEMORY };

#define CONF_TYPE_BOOL bool
#define CONF_TYPE_INT int64_t
#define CONF_TYPE_ENUM int64_t
#define CONF_TYPE_TEXT char *
#define CONF_TYPE_LIST char *
#define CONF_TYPE_PATH char *

/* Every setting by its field name; texts are never NULL, paths are absolute or empty. */
struct conf {
	char *dir; /* the operator's folder, absolute */
	char *data_dir; /* the database's folder */
	int lines[CONF__MAX]; /* line of .env.local that set it; 0: default, -1: environment */
#define GROUP(title)
#define CONF(name, kind, field, def, min, max, secret, unit, help) CONF_TYPE_##kind field;
#include "conf.def"
#undef CONF
#undef GROUP
};

#define CONF_ERROR_BYTES 1024

/* Reads DIR/.env.local (when it is there) and the environment, which wins, over the defaults.
 * On failure returns false with one line in `error` that names file, line, setting and what is
 * allowed; a file that others can read is refused. The caller frees with conf_free in both cases.
 */
bool conf_load(struct conf *c, const char *dir, char error[static CONF_ERROR_BYTES]);

/* Writes "FILE:LINE: NAME: why" (or where else the value came from) into `error`; returns false. */
bool conf_refuse(const struct conf *c, enum conf_name name, char error[static CONF_ERROR_BYTES],
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Releases what conf_load made and wipes the secrets. */
void conf_free(struct conf *c);

/* The word of a setting that is one of several, for a value of its enum; *len bytes of it. */
const char *conf_word(enum conf_name name, int64_t value, int *len);

/* The port to start from: WEBCHAT_RELAY_PORT when set, else PORT. */
int conf_port(const struct conf *c);

/* The sender address of the relay's mails. */
const char *conf_mail_from(const struct conf *c);

/* True when `email` may sign in, or becomes an admin, by the lists of the settings. */
bool conf_email_allowed(const struct conf *c, const char *email);
bool conf_email_admin(const struct conf *c, const char *email);

/* True when no allow-list is set. */
bool conf_registration_open(const struct conf *c);

/* True when some engine is set, which the workers of the second pool ask. */
bool conf_asks(const struct conf *c);

/* Prints the value in force of a setting and a newline. False: there is no such setting, or it is a
 * secret. */
bool conf_write_value(const struct conf *c, const char *name, FILE *out);

/* Writes .env.example, or docs/settings.md, from the table. */
void conf_write_example(FILE *out);
void conf_write_markdown(FILE *out);

#endif
