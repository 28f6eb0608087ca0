/* Which downloads were whole. */
#include "download.h"

#include "db.h"
#include "file.h"
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define WORD 16

struct sent {
	char id[ID_TEXT_BYTES];
	int64_t reader;
	char method[WORD], completion[WORD];
	int status;
	const char *range;
};

char *
download_reader(struct request *r, const uint8_t file_id[static ID_BYTES], int64_t account_id)
{
	char id[ID_TEXT_BYTES];

	id_format("fil_", file_id, id);
	return arena_printf(&r->arena, "%s.%" PRId64, id, account_id);
}

/* A number, and what must follow it: moves *at behind that. -1: they are not there. */
static int64_t
take_number(const char **at, char after)
{
	char *end;
	int64_t n;

	if (**at < '0' || **at > '9')
		return -1;
	n = (int64_t)strtoll(*at, &end, 10);
	if (*end != after)
		return -1;
	*at = end + (after != '\0');
	return n;
}

/* A range that is all there is. */
static bool
is_whole(const char *range)
{
	static const char from_start[] = "bytes 0-";
	int64_t last;

	if (strncmp(range, from_start, strlen(from_start)) != 0)
		return false;
	range += strlen(from_start);
	last = take_number(&range, '/');
	return last >= 0 && last + 1 == take_number(&range, '\0');
}

/* A word of at most `room` - 1 bytes, and the blank behind it. */
static bool
take_word(const char **at, char after, char *out, size_t room)
{
	size_t len = strcspn(*at, (char[]){ after, '\0' });

	if (len >= room || (*at)[len] != after)
		return false;
	memcpy(out, *at, len);
	out[len] = '\0';
	*at += len + 1;
	return true;
}

static bool
read_sent(const char *text, struct sent *out)
{
	int64_t status = -1;

	*out = (struct sent){ 0 };
	if (!take_word(&text, '.', out->id, sizeof(out->id)))
		return false;
	out->reader = take_number(&text, ' ');
	if (!take_word(&text, ' ', out->method, sizeof(out->method)))
		return false;
	status = take_number(&text, ' ');
	if (out->reader < 0 || status < 0 ||
	    !take_word(&text, ' ', out->completion, sizeof(out->completion)))
		return false;
	out->status = (int)status;
	out->range = text;
	return true;
}

void
download_end(struct request *r)
{
	uint8_t id[ID_BYTES];
	struct sent s;
	enum db_result res;

	if (!read_sent(r->file_sent, &s) || strcmp(s.method, "GET") != 0 ||
	    strcmp(s.completion, "OK") != 0 || !id_parse("fil_", s.id, id))
		return;
	if (s.status != 200 && (s.status != 206 || !is_whole(s.range)))
		return;
	res = db_file_fetched(r->worker->db, id, s.reader);
	if (res != DB_DONE && res != DB_NONE)
		log_warn("a fetched file could not be noted; it stays until its time is over");
}
