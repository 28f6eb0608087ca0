/* A link is the public id of the session or key that asked for it, when it ends, and a MAC over
 * both, their numbers and the file. What the reader may see is looked up each time. */
#include "link.h"

#include "expiry.h"
#include "resp.h"
#include "secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID_DIGITS ((size_t)2 * ID_BYTES)
#define TIME_DIGITS 12 /* hexadecimal, of milliseconds: until the year 10889 */
#define MAC_DIGITS ((size_t)2 * SECRET_HASH_BYTES)
#define LINK_DIGITS (ID_DIGITS + TIME_DIGITS + MAC_DIGITS)

_Static_assert(LINK_DIGITS < LINK_BYTES, "room for a link");

static void
make_mac(const struct session *s, int64_t account_id, const uint8_t file_id[static ID_BYTES],
    int64_t expires_at, uint8_t mac[static SECRET_HASH_BYTES])
{
	const int64_t numbers[] = { account_id, s->id, expires_at };
	uint8_t all[sizeof(numbers) + ID_BYTES + ID_BYTES];

	memcpy(all, numbers, sizeof(numbers));
	memcpy(all + sizeof(numbers), s->public_id, ID_BYTES);
	memcpy(all + sizeof(numbers) + ID_BYTES, file_id, ID_BYTES);
	secret_mac("file-link", all, sizeof(all), mac);
}

void
link_make(const struct request *r, const uint8_t file_id[static ID_BYTES], int64_t expires_at,
    char out[static LINK_BYTES])
{
	char id[ID_DIGITS + 1], hex[MAC_DIGITS + 1];
	uint8_t mac[SECRET_HASH_BYTES];

	make_mac(&r->session, r->me.id, file_id, expires_at, mac);
	secret_hex(r->session.public_id, ID_BYTES, id);
	secret_hex(mac, sizeof(mac), hex);
	snprintf(
	    out, LINK_BYTES, "%s%0*llx%s", id, TIME_DIGITS, (unsigned long long)expires_at, hex);
}

/* The parts of a link; false: it is none. */
static bool
read_link(
    const char *link, uint8_t session_id[static ID_BYTES], int64_t *expires_at, const char **mac)
{
	char id[ID_TEXT_BYTES], time[TIME_DIGITS + 1];

	if (strlen(link) != LINK_DIGITS || strspn(link, "0123456789abcdef") != LINK_DIGITS)
		return false;
	snprintf(id, sizeof(id), "ses_%.*s", (int)ID_DIGITS, link);
	snprintf(time, sizeof(time), "%.*s", TIME_DIGITS, link + ID_DIGITS);
	*expires_at = (int64_t)strtoll(time, NULL, 16);
	*mac = link + ID_DIGITS + TIME_DIGITS;
	return id_parse("ses_", id, session_id);
}

static bool
fits(const char *mac, const struct session *s, int64_t account_id,
    const uint8_t file_id[static ID_BYTES], int64_t expires_at)
{
	uint8_t want[SECRET_HASH_BYTES], got_hash[SECRET_HASH_BYTES], want_hash[SECRET_HASH_BYTES];
	char hex[MAC_DIGITS + 1];

	make_mac(s, account_id, file_id, expires_at, want);
	secret_hex(want, sizeof(want), hex);
	/* hashed, so that the time of the comparison says nothing of either */
	secret_hash(mac, got_hash);
	secret_hash(hex, want_hash);
	return secret_equal(got_hash, want_hash);
}

bool
link_reader(struct request *r, const char *link, const uint8_t file_id[static ID_BYTES],
    int64_t *account_id)
{
	struct session s;
	struct account reader;
	uint8_t session_id[ID_BYTES];
	int64_t expires_at;
	const char *mac;
	enum db_result res;

	*account_id = 0;
	if (!read_link(link, session_id, &expires_at, &mac) || expires_at <= r->now)
		return true;
	res = db_session_by_id(r->worker->db, &r->arena, session_id, &s, &reader);
	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_ROW && !reader.blocked && !expiry_passed(s.expires_at, r->now) &&
	    fits(mac, &s, reader.id, file_id, expires_at))
		*account_id = reader.id;
	return true;
}
