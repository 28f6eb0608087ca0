/* Calls between two people: which servers help them to reach each other. The calls themselves are
 * messages of kind call, and the media never comes here. */
#include "expiry.h"
#include "handlers.h"
#include "resp.h"
#include "secret.h"
#include "text.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define GOOD_FOR_MS 600000
#define SHA1_BYTES 20
#define USER_BYTES 48

static bool
add_url(const char *url, void *arg)
{
	json_append(arg, json_new_text(url));
	return true;
}

/* A server of one kind, under the addresses of a setting. */
static struct json_object *
add_server(struct json_object *servers, const char *urls)
{
	struct json_object *server = json_new_object(), *list = json_new_array();

	text_list_each(urls, add_url, list);
	json_add(server, "urls", list);
	json_append(servers, server);
	return server;
}

/* What TURN lets in until `expires_at` (draft-uberti-behave-turn-rest, coturn's use-auth-secret):
 * the name says when it ends and not who it is, the password is HMAC-SHA-1 of it. */
static bool
add_credential(struct json_object *server, const char *secret, int64_t expires_at)
{
	char name[USER_BYTES], word[2 * SHA1_BYTES];
	unsigned char random[8], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	char hex[2 * sizeof(random) + 1];

	/* without its configuration, which the sandbox keeps away */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	secret_random(random, sizeof(random));
	secret_hex(random, sizeof(random), hex);
	snprintf(name, sizeof(name), "%lld:%s", (long long)expires_at / 1000, hex);
	if (!HMAC(EVP_sha1(), secret, (int)strlen(secret), (const unsigned char *)name,
		strlen(name), mac, &len) ||
	    len != SHA1_BYTES)
		return false;
	sodium_bin2base64(word, sizeof(word), mac, len, sodium_base64_VARIANT_ORIGINAL);
	json_add_text(server, "username", name);
	json_add_text(server, "credential", word);
	secret_wipe(mac, sizeof(mac));
	secret_wipe(word, sizeof(word));
	return true;
}

/* GET calls/ice: for one call, whose sides ask for it each. */
void
on_ice_get(struct request *r)
{
	const struct conf *c = r->worker->conf;
	const int64_t expires_at = expiry_at(r->now, GOOD_FOR_MS);
	struct json_object *o, *servers;

	if (!c->stun_urls[0] && !c->turn_urls[0]) {
		resp_error(r, 404, "calls_off", "This relay is not set up for calls.");
		return;
	}
	servers = json_new_array();
	if (c->stun_urls[0] && !c->calls_relay_only)
		add_server(servers, c->stun_urls);
	if (c->turn_urls[0] &&
	    !add_credential(add_server(servers, c->turn_urls), c->turn_secret, expires_at)) {
		/* libcrypto does not come round from a first use that failed */
		r->arena.full = r->arena.gone = true;
		json_object_put(servers);
		return;
	}
	o = resp_ok(r, 200);
	json_add(o, "ice_servers", servers);
	json_add_bool(o, "relay_only", c->calls_relay_only);
	json_add_int(o, "expires_at", expires_at);
}
