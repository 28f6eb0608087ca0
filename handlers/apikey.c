/* The caller's API keys. Sessions only: a key never makes another. */
#include "apikey.h"

#include "handlers.h"
#include "inputs.h"
#include "resp.h"
#include "show.h"

static void
unknown_key(struct request *r)
{
	resp_error(r, 404, "unknown_key", "You have no such key.");
}

/* The key and its token, which is not kept: nobody sees it again. */
static void
respond_token(struct request *r, const struct session *key, const char *token)
{
	struct json_object *o = resp_ok(r, 200);

	json_add_text(o, "token", token);
	json_add(o, "key", show_key(key));
}

/* GET keys: the caller's own, oldest first, without their tokens. */
void
on_key_list(struct request *r)
{
	struct session *list = arena_alloc(&r->arena, APIKEY_MOST * sizeof(*list));
	struct json_object *array;
	int count = 0;

	if (!list ||
	    resp_db_failed(r, db_apikey_list(r->worker->db, &r->arena, r->me.id, list, &count)))
		return;
	array = json_new_array();
	for (int i = 0; i < count; i++)
		json_append(array, show_key(&list[i]));
	json_add(resp_ok(r, 200), "keys", array);
}

/* The bits of the named scopes; 0: it responded. */
static unsigned
read_scopes(struct request *r, const struct field_texts *names)
{
	unsigned scopes = 0;

	for (int i = 0; i < names->count; i++) {
		unsigned bit = scope_parse(names->items[i]);

		if (!bit) {
			resp_field_error(r, 400, "invalid_field", "scopes",
			    "scopes must hold send, receive, phone or admin.");
			return 0;
		}
		scopes |= bit;
	}
	if ((scopes & SCOPE_ADMIN) && r->me.role != ROLE_ADMIN) {
		resp_field_error(
		    r, 403, "forbidden", "scopes", "Only a relay admin may grant the admin scope.");
		return 0;
	}
	return scopes;
}

/* POST keys: a new key; 409 when the caller has as many as one may have. */
void
on_key_post(struct request *r)
{
	const struct in_key *in = r->in;
	struct session key = { .session_name = arena_strdup(&r->arena, in->name),
		.phone_id = arena_strdup(&r->arena, in->phone_id ? in->phone_id : ""),
		.scopes = read_scopes(r, &in->scopes),
		.created_at = r->now };
	char token[SECRET_TOKEN_BYTES];
	uint8_t hash[SECRET_HASH_BYTES];
	enum apikey_result result;
	enum db_result res;

	if (!key.scopes || !key.session_name || !key.phone_id)
		return;
	secret_token_make("pck_", token);
	secret_hash(token, hash);
	res = db_apikey_insert(r->worker->db, &r->arena, r->me.id, hash, &key, &result);
	if (res == DB_DONE && result == APIKEY_TOO_MANY)
		resp_error(
		    r, 409, "too_many_keys", "You have as many keys as one account may have.");
	else if (!resp_db_failed(r, res))
		respond_token(r, &key, token);
	secret_wipe(token, sizeof(token));
}

/* POST keys/<id>/rotate: another token for the same key; the older one ends at once. */
void
on_key_rotate(struct request *r)
{
	char token[SECRET_TOKEN_BYTES];
	uint8_t id[ID_BYTES], hash[SECRET_HASH_BYTES];
	struct session key = { 0 };
	enum db_result res = DB_NONE;

	secret_token_make("pck_", token);
	secret_hash(token, hash);
	if (id_parse("key_", r->args[0], id))
		res = db_apikey_rotate(r->worker->db, &r->arena, r->me.id, id, hash, &key);
	if (res == DB_NONE)
		unknown_key(r);
	else if (!resp_db_failed(r, res))
		respond_token(r, &key, token);
	secret_wipe(token, sizeof(token));
}

/* DELETE keys/<id>: it ends at once. */
void
on_key_delete(struct request *r)
{
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("key_", r->args[0], id) ?
	    db_apikey_delete(r->worker->db, r->me.id, id) :
	    DB_NONE;

	if (res == DB_NONE)
		unknown_key(r);
	else if (!resp_db_failed(r, res))
		json_add_text(resp_ok(r, 200), "status", "revoked");
}
