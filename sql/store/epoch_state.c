/* What the table of epochs says, and the slots of this machine. */
#include "epoch_state.h"

#include "db_internal.h"

int64_t
epoch_state_timeout(const struct epoch_plan *p)
{
	return p->length_ms < EPOCH_TIMEOUT_MS ? p->length_ms : EPOCH_TIMEOUT_MS;
}

const uint8_t *
epoch_state_node(const struct db *db)
{
	return slots_node(db->slots);
}

bool
epoch_state_is_in_slots(struct db *db, int64_t number)
{
	uint8_t key[SECRET_SEAL_KEY_BYTES];
	bool is = slots_get(db->slots, number, key);

	secret_wipe(key, sizeof(key));
	return is;
}

const struct epoch_row *
epoch_state_in(const struct epoch_list *l, enum epoch_state state)
{
	for (int i = 0; i < l->count; i++)
		if (l->list[i].state == state)
			return &l->list[i];
	return NULL;
}

const struct epoch_row *
epoch_state_of(const struct epoch_list *l, int64_t number)
{
	for (int i = 0; i < l->count; i++)
		if (l->list[i].number == number)
			return &l->list[i];
	return NULL;
}

enum db_result
epoch_state_list(struct db *db, struct epoch_list *out)
{
	struct db_stmt *st = db_bind(db, ST_EPOCH_LIVING);
	enum db_result r;

	out->count = 0;
	while ((r = db_step(db, st)) == DB_ROW) {
		if (out->count == EPOCHS_MAX) {
			db_reset(st);
			return DB_FAIL;
		}
		out->list[out->count++] = (struct epoch_row){ .number = db_i64(st, 0),
			.state = (enum epoch_state)db_int(st, 1),
			.since = db_i64(st, 2) };
	}
	return r;
}
