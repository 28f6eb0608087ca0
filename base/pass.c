/* Writing and reading passes: three numbers and a code over them. */
#include "pass.h"

#include "secret.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(PASS_KEY_BYTES == crypto_auth_KEYBYTES, "the key is one of crypto_auth");

void
pass_write(const uint8_t key[static PASS_KEY_BYTES], const struct pass *p,
    char out[static PASS_TEXT_BYTES])
{
	uint8_t mac[crypto_auth_BYTES];
	int n = snprintf(out, PASS_TEXT_BYTES, "%lld %lld %lld ", (long long)p->account,
	    (long long)p->checked_ms, (long long)p->after);

	crypto_auth(mac, (const uint8_t *)out, (size_t)n, key);
	secret_hex(mac, sizeof(mac), out + n);
}

bool
pass_read(const uint8_t key[static PASS_KEY_BYTES], const char *text, struct pass *p)
{
	char again[PASS_TEXT_BYTES], *end;
	size_t len = strlen(text);

	errno = 0;
	p->account = strtoll(text, &end, 10);
	p->checked_ms = strtoll(end, &end, 10);
	p->after = strtoll(end, &end, 10);
	if (errno)
		return false;
	pass_write(key, p, again);
	return len == strlen(again) && sodium_memcmp(text, again, len) == 0;
}
