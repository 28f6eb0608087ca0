/* Which downloads were whole. */
#include "download.h"

#include "db.h"
#include "file.h"
#include "log.h"

#include <inttypes.h>
#include <stdio.h>
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

/* A range that is all there is. */
static bool
is_whole(const char *range)
{
	int64_t last, size;

	return sscanf(range, "bytes 0-%" SCNd64 "/%" SCNd64, &last, &size) == 2 && last == size - 1;
}

static bool
read_sent(const char *text, struct sent *out)
{
	int end = 0;

	*out = (struct sent){ 0 };
	if (sscanf(text, "%36[a-z0-9_].%" SCNd64 " %15s %d %15s %n", out->id, &out->reader,
		out->method, &out->status, out->completion, &end) != 5)
		return false;
	out->range = text + end;
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
