/* Settings that only make sense together, or need more than their limits. */
#include "conf_internal.h"

#include "email.h"
#include "url.h"

/* The engine that translates: what it needs besides its address. */
static bool
engine_fits(const struct conf *c, char *error)
{
	if (!c->translate_url[0])
		return true;
	if (!c->engine_plain_http && url_is_plain(c->translate_url) &&
	    !url_is_near(c->translate_url))
		return conf_refuse(c, CONF_RELAY_TRANSLATE_URL, error,
		    "texts would go to another machine in the clear; https is allowed, or http "
		    "with RELAY_ENGINE_PLAIN_HTTP=true");
	if (c->translate_kind == TRANSLATE_DEEPL && !c->translate_key[0])
		return conf_refuse(
		    c, CONF_RELAY_TRANSLATE_KIND, error, "deepl needs RELAY_TRANSLATE_KEY");
	if (c->translate_kind == TRANSLATE_OPENAI && !c->translate_model[0])
		return conf_refuse(
		    c, CONF_RELAY_TRANSLATE_KIND, error, "openai needs RELAY_TRANSLATE_MODEL");
	if (c->translate_kind == TRANSLATE_OPENAI && !c->translate_languages[0])
		return conf_refuse(
		    c, CONF_RELAY_TRANSLATE_KIND, error, "openai needs RELAY_TRANSLATE_LANGUAGES");
	return true;
}

bool
conf_together(const struct conf *c, char *error)
{
	char from[EMAIL_BYTES];

	if (c->tls_certificate[0] && !c->tls_key[0])
		return conf_refuse(
		    c, CONF_RELAY_TLS_CERTIFICATE, error, "set RELAY_TLS_KEY as well, or neither");
	if (!c->tls_certificate[0] && c->tls_key[0])
		return conf_refuse(
		    c, CONF_RELAY_TLS_KEY, error, "set RELAY_TLS_CERTIFICATE as well, or neither");
	if (c->metrics_port && c->metrics_port == conf_port(c))
		return conf_refuse(c, CONF_RELAY_METRICS_PORT, error,
		    "the relay itself listens on port %d; another port is allowed", conf_port(c));
	if (c->smtp_tls == SMTP_TLS_OFF && c->smtp_username[0])
		return conf_refuse(c, CONF_SMTP_TLS, error,
		    "with SMTP_USERNAME the password would go in clear text; auto, starttls or tls "
		    "is "
		    "allowed");
	if (c->smtp_host[0] && email_clean(conf_mail_from(c), from))
		return conf_refuse(c, c->smtp_from[0] ? CONF_SMTP_FROM : CONF_SMTP_HOST, error,
		    "SMTP_FROM must be an e-mail address while SMTP_HOST is set");
	return engine_fits(c, error);
}
