/* Settings that only make sense together, or need more than their limits. */
#include "conf_internal.h"

#include "email.h"
#include "url.h"

/* What goes to another machine is encrypted, unless the operator says otherwise. */
static bool
is_private(const struct conf *c, enum conf_name name, const char *url, char *error)
{
	return c->engine_plain_http || !url_is_plain(url) || url_is_near(url) ||
	    conf_refuse(c, name, error,
		"texts would go to another machine in the clear; https is allowed, or http "
		"with RELAY_ENGINE_PLAIN_HTTP=true");
}

/* The engine that translates: what it needs besides its address. */
static bool
translation_fits(const struct conf *c, char *error)
{
	if (!c->translate_url[0])
		return true;
	if (!is_private(c, CONF_RELAY_TRANSLATE_URL, c->translate_url, error))
		return false;
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

/* A transcript takes a worker for long. */
static bool
transcription_fits(const struct conf *c, char *error)
{
	if (!c->transcribe_url[0])
		return true;
	if (c->translate_url[0] && c->ask_workers < 2)
		return conf_refuse(c, CONF_RELAY_ASK_WORKERS, error,
		    "with RELAY_TRANSLATE_URL and RELAY_TRANSCRIBE_URL at least 2 are needed");
	return is_private(c, CONF_RELAY_TRANSCRIBE_URL, c->transcribe_url, error);
}

static bool
calls_fit(const struct conf *c, char *error)
{
	if (c->turn_urls[0] && !c->turn_secret[0])
		return conf_refuse(
		    c, CONF_RELAY_TURN_URLS, error, "they need RELAY_TURN_SECRET as well");
	if (c->calls_relay_only && !c->turn_urls[0])
		return conf_refuse(c, CONF_RELAY_CALLS_RELAY_ONLY, error,
		    "without RELAY_TURN_URLS there would be no calls at all");
	return true;
}

/* A push service may refuse who does not say how to reach them. */
static bool
push_fits(const struct conf *c, char *error)
{
	char from[EMAIL_BYTES];

	return !c->push || c->push_contact[0] || !email_clean(conf_mail_from(c), from) ||
	    conf_refuse(c, CONF_RELAY_PUSH, error,
		"it needs RELAY_PUSH_CONTACT, such as mailto:you@example.com, or SMTP_FROM");
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
	return translation_fits(c, error) && transcription_fits(c, error) && calls_fit(c, error) &&
	    push_fits(c, error);
}
