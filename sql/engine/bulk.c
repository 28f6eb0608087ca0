/* What both engines share of moving whole tables: rows as bytes, and small statements. */
#include "bulk_internal.h"

#include "engine_internal.h"

#include <endian.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct bulk_driver *
driver_of(const struct db_options *o, char *error)
{
	const struct engine_driver *d = engine_driver_of(o, error);

	return d ? d->bulk : NULL;
}

enum bulk_found
bulk_look(const struct db_options *o, const char *id, char error[static DB_ERROR_BYTES])
{
	const struct bulk_driver *d = driver_of(o, error);

	return d ? d->look(o, id, error) : BULK_UNKNOWN;
}

struct bulk *
bulk_open_from(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct bulk_driver *d = driver_of(o, error);

	return d ? d->open(o, false, error) : NULL;
}

struct bulk *
bulk_open_to(const struct db_options *o, char error[static DB_ERROR_BYTES])
{
	const struct bulk_driver *d = driver_of(o, error);

	return d ? d->open(o, true, error) : NULL;
}

void
bulk_close(struct bulk *b)
{
	if (b)
		b->driver->close(b);
}

bool
bulk_commit(struct bulk *b)
{
	return b->driver->commit(b);
}

void
bulk_analyze(const struct db_options *o)
{
	char error[DB_ERROR_BYTES];
	const struct bulk_driver *d = driver_of(o, error);

	if (d)
		d->analyze(o);
}

bool
bulk_tables(struct bulk *from, struct bulk *to, struct bulk_list *out)
{
	struct bulk *file = from->driver->tables ? from : to;

	return file->driver->tables && file->driver->tables(file, out);
}

static bool
ask_number(struct bulk *b, const char *sql, int64_t *out)
{
	char text[BULK_ID_BYTES];

	if (!b->driver->ask(b, sql, text))
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

bool
bulk_count(struct bulk *b, const struct bulk_table *t, int64_t *rows)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", t->name);
	return ask_number(b, sql, rows);
}

bool
bulk_read(struct bulk *b, const struct bulk_table *t)
{
	return b->driver->read(b, t);
}

enum db_result
bulk_next(struct bulk *b, struct bulk_row *row)
{
	return b->driver->next(b, row);
}

bool
bulk_write(struct bulk *b, const struct bulk_table *t)
{
	char sql[128];

	snprintf(sql, sizeof(sql), "DELETE FROM %s", t->name);
	return b->driver->run(b, sql) && b->driver->write(b, t);
}

bool
bulk_put(struct bulk *b, const struct bulk_row *row)
{
	return b->driver->put(b, row);
}

bool
bulk_written(struct bulk *b)
{
	return b->driver->written(b);
}

bool
bulk_last_number(struct bulk *b, const struct bulk_table *t, int64_t *number)
{
	return b->driver->last_number(b, t, number);
}

bool
bulk_set_last_number(struct bulk *b, const struct bulk_table *t, int64_t number)
{
	return b->driver->set_last_number(b, t, number);
}

bool
bulk_left_by(struct bulk *b, char id[static BULK_ID_BYTES])
{
	return b->driver->ask(b, BULK_LEFT_BY, id);
}

/* `id` is hex digits, or NULL. */
static bool
set_move(struct bulk *b, const char *column, const char *id)
{
	char sql[160];

	snprintf(sql, sizeof(sql), "UPDATE this_database SET %s = %s%s%s", column, id ? "'" : "",
	    id ? id : "NULL", id ? "'" : "");
	return b->driver->run(b, sql);
}

bool
bulk_set_left_by(struct bulk *b, const char *id)
{
	return set_move(b, "left_by", id);
}

bool
bulk_set_filled_by(struct bulk *b, const char *id)
{
	return set_move(b, "filled_by", id);
}

/* -- rows -------------------------------------------------------------------------------------- */

static void
append(struct bulk_row *row, const void *data, size_t len)
{
	if (row->len + len > row->room) {
		const size_t room = 2 * (row->len + len) + 256;
		uint8_t *bytes = realloc(row->bytes, room);

		row->full |= !bytes;
		if (!bytes)
			return;
		row->bytes = bytes;
		row->room = room;
	}
	if (len)
		memcpy(row->bytes + row->len, data, len);
	row->len += len;
}

void
bulk_row_begin(struct bulk_row *row, int values)
{
	const uint16_t n = htobe16((uint16_t)values);

	row->len = 0;
	row->full = false;
	append(row, &n, sizeof(n));
}

void
bulk_row_set(struct bulk_row *row, const void *bytes, size_t len)
{
	row->len = 0;
	row->full = false;
	append(row, bytes, len);
}

void
bulk_row_bytes(struct bulk_row *row, const void *data, size_t len)
{
	const uint32_t n = data ? htobe32((uint32_t)len) : UINT32_MAX;

	append(row, &n, sizeof(n));
	if (data)
		append(row, data, len);
}

void
bulk_row_number(struct bulk_row *row, int64_t number)
{
	const uint64_t n = htobe64((uint64_t)number);

	bulk_row_bytes(row, &n, sizeof(n));
}

void
bulk_row_free(struct bulk_row *row)
{
	free(row->bytes);
	*row = (struct bulk_row){ 0 };
}

const uint8_t *
bulk_row_next(const struct bulk_row *row, size_t *at, size_t *len)
{
	const uint8_t *value = row->bytes + *at + sizeof(uint32_t);
	uint32_t n = UINT32_MAX;

	*len = 0;
	if (*at + sizeof(n) > row->len)
		return NULL;
	memcpy(&n, row->bytes + *at, sizeof(n));
	n = be32toh(n);
	*at += sizeof(n);
	if (n == UINT32_MAX || n > row->len - *at)
		return NULL;
	*at += n;
	*len = n;
	return value;
}

uint64_t
bulk_row_hash(const struct bulk_row *row)
{
	static uint8_t key[crypto_shorthash_KEYBYTES];
	static bool made;
	uint64_t out;

	if (!made)
		crypto_shorthash_keygen(key);
	made = true;
	crypto_shorthash((uint8_t *)&out, row->bytes, row->len, key);
	return out;
}
