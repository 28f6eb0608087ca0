/* Which downloads were whole. */
#include "download.h"

#include "db.h"
#include "file.h"
#include "log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

char *
download_reader(struct request *r, const uint8_t file_id[static ID_BYTES], int64_t account_id)
{
	char id[ID_TEXT_BYTES];

	id_format("fil_", file_id, id);
	return arena_printf(&r->arena, "%s.%" PRId64, id, account_id);
}

/* A range that is all there is counts as well. */
static bool
is_whole(const char *sent)
{
	static const char from_start[] = "bytes 0-";
	char *end;
	long long last;

	if (strcmp(sent, "whole") == 0)
		return true;
	if (strncmp(sent, from_start, strlen(from_start)) != 0)
		return false;
	last = strtoll(sent + strlen(from_start), &end, 10);
	return *end == '/' && last + 1 == strtoll(end + 1, NULL, 10);
}

void
download_end(struct request *r)
{
	const char *dot = strchr(r->file_reader, '.');
	char id_text[ID_TEXT_BYTES] = "";
	uint8_t id[ID_BYTES];
	enum db_result res;

	if (!dot || (size_t)(dot - r->file_reader) >= sizeof(id_text) || !is_whole(r->file_sent))
		return;
	memcpy(id_text, r->file_reader, (size_t)(dot - r->file_reader));
	if (!id_parse("fil_", id_text, id))
		return;
	res = db_file_fetched(r->worker->db, id, (int64_t)strtoll(dot + 1, NULL, 10));
	if (res != DB_DONE && res != DB_NONE)
		log_warn("a fetched file could not be noted; it stays until its time is over");
}
