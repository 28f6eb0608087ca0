/* E-mail addresses and domain names in the one form that the relay keeps. */
#include "email.h"

#include "oom.h"
#include "text.h"

#include <ctype.h>
#include <idn2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOCAL_PART_BYTES 64
#define LABEL_BYTES 63
#define TYPED_BYTES 1024

static bool
is_ascii(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s >= 0x80)
			return false;
	return true;
}

/* RFC 5321 Dot-string. */
static bool
is_dot_atom(const char *s)
{
	if (!*s || strlen(s) > LOCAL_PART_BYTES || *s == '.' || s[strlen(s) - 1] == '.')
		return false;
	for (; *s; s++)
		if ((!isalnum((unsigned char)*s) && !strchr(".!#$%&'*+/=?^_`{|}~-", *s)) ||
		    (*s == '.' && s[1] == '.'))
			return false;
	return true;
}

/* Letters, digits and inner hyphens, 1 to 63 of them, between dots (RFC 1123). */
static bool
is_host_name(const char *s)
{
	while (*s) {
		size_t len = strcspn(s, ".");

		if (len == 0 || len > LABEL_BYTES || s[0] == '-' || s[len - 1] == '-' ||
		    strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-") < len)
			return false;
		s += len;
		if (*s == '.' && !*++s)
			return false;
	}
	return true;
}

bool
email_domain_clean(const char *typed, char *out, size_t size)
{
	char *ascii = NULL;
	int result;
	bool ok;

	if (!*typed || !text_is_utf8(typed, strlen(typed)))
		return false;
	result = idn2_to_ascii_8z(typed, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (result == IDN2_MALLOC)
		oom_note();
	if (result != IDN2_OK)
		return false;
	text_lower_ascii(ascii);
	ok = is_host_name(ascii) && snprintf(out, size, "%s", ascii) < (int)size;
	idn2_free(ascii);
	return ok;
}

const char *
email_clean(const char *typed, char out[static EMAIL_BYTES])
{
	char copy[TYPED_BYTES], domain[EMAIL_BYTES], *at;

	if (snprintf(copy, sizeof(copy), "%s", typed) >= (int)sizeof(copy))
		return EMAIL_RULE;
	text_trim(copy);
	at = strrchr(copy, '@');
	if (!at)
		return EMAIL_RULE;
	*at = '\0';
	if (!is_ascii(copy))
		return "an address whose part before the @ is made of plain letters and digits: "
		       "few mail servers take others";
	text_lower_ascii(copy);
	if (!is_dot_atom(copy) || !email_domain_clean(at + 1, domain, sizeof(domain)) ||
	    snprintf(out, EMAIL_BYTES, "%s@%s", copy, domain) >= EMAIL_BYTES)
		return EMAIL_RULE;
	return NULL;
}
