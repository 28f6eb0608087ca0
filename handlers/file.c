/* Files: uploading, downloading, listing, deleting. nginx moves the bytes. */
#include "file.h"

#include "download.h"
#include "expiry.h"
#include "filename.h"
#include "handlers.h"
#include "inputs.h"
#include "link.h"
#include "log.h"
#include "multipart.h"
#include "resp.h"
#include "room.h"
#include "show.h"
#include "sweep.h"
#include "upload.h"
#include "uploads.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PART "file" /* of multipart/form-data, as every client names it */
#define CLEAR_AT_ONCE 64
#define UPLOADS_RETRY_MS 5000
#define NO_FOLDER_RETRY_SEC 30
#define LINK_TTL_MS ((int64_t)15 * 60000)

static void
too_large(struct request *r, int64_t used)
{
	const struct conf *c = r->worker->conf;
	bool one = used < 0;

	resp_field_error(r, 413, one ? "too_large" : "quota_exceeded", "file",
	    one ? "The file is larger than one file may be." :
		  "Your files would be larger than you may keep; delete some.");
	json_add_int(r->resp.body, "max_upload_bytes", c->max_upload_bytes);
	json_add_int(r->resp.body, "upload_quota_bytes", c->upload_quota_bytes);
	if (!one)
		json_add_int(r->resp.body, "used_bytes", used);
}

/* Not there, or closed to us: no full disk, and nothing that comes right by waiting. */
static void
no_folder(struct request *r, const char *path)
{
	log_error(
	    "%s: %s; mount or make the folder, give it to %s (mkdir -p, chown), and start the "
	    "relay again",
	    path, strerror(errno), r->worker->conf->user);
	resp_error(r, 503, "storage_unavailable",
	    "The relay's upload folder is not available; its log says why.");
	r->resp.retry_after_sec = NO_FOLDER_RETRY_SEC;
}

/* Can files be written, and moved to where they stay? False: it responded. */
static bool
has_folders(struct request *r)
{
	static const char *const folders[] = { UPLOADS_INCOMING, UPLOADS_FILES };

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char *path =
		    arena_printf(&r->arena, "%s/%s", r->worker->conf->upload_dir, folders[i]);

		if (!path || access(path, W_OK | X_OK) != 0) {
			no_folder(r, path ? path : r->worker->conf->upload_dir);
			return false;
		}
	}
	return true;
}

/* Is one file of `size` bytes, and it with all others of the caller, small enough? False: it
 * responded. */
static bool
may_store(struct request *r, int64_t size, int64_t overhead)
{
	const struct conf *c = r->worker->conf;
	int64_t used = 0;

	if (size > c->max_upload_bytes + overhead) {
		too_large(r, -1);
		return false;
	}
	if (resp_db_failed(r, db_file_used(r->worker->db, r->me.id, &used)))
		return false;
	if (size - overhead > c->upload_quota_bytes - used) {
		too_large(r, used);
		return false;
	}
	return true;
}

static struct json_object *
add_file(struct json_object *o, const struct file *f)
{
	char id[ID_TEXT_BYTES];

	id_format("fil_", f->public_id, id);
	show_file(o, id, f->name, f->mime, f->size);
	json_add_int(o, "created_at", f->created_at);
	json_add_int(o, "expires_at", f->expires_at);
	return o;
}

static void
set(void *flag, bool stored)
{
	*(bool *)flag = stored;
}

/* The first file that a worker stores tells housekeeping which folder is the right one. */
static void
note_folder(struct request *r, const char *path)
{
	static bool noted;
	char *copy = noted ? NULL : arena_strdup(&r->arena, path);
	struct stat st;
	enum db_result res;

	if (!copy || stat(dirname(copy), &st) != 0)
		return;
	res = db_sweep_folder(r->worker->db, (int64_t)st.st_dev, (int64_t)st.st_ino);
	if (res == DB_DONE || res == DB_NONE)
		db_after(r->worker->db, set, &noted);
}

/* What an upload under the client's own key comes to; all zeros without one. */
struct upload_key {
	bool given;
	uint8_t mac[SECRET_HASH_BYTES]; /* by which its file is found again */
	struct file earlier; /* id 0: there is none */
};

/* False: it responded. */
static bool
find_key(struct request *r, const char *key, struct upload_key *out)
{
	char *all;
	enum db_result res;

	*out = (struct upload_key){ .given = key != NULL };
	if (!key)
		return true;
	all = arena_printf(&r->arena, "%lld\n%s", (long long)r->me.id, key);
	if (!all)
		return !resp_db_failed(r, DB_FAIL);
	secret_mac("upload-key", all, strlen(all), out->mac);
	res = db_file_by_key(r->worker->db, &r->arena, r->me.id, out->mac, r->now, &out->earlier);
	if (res == DB_NONE)
		out->earlier.id = 0;
	return !resp_db_failed_but(r, res, RESP_NONE);
}

/* The token of a new file. Only its hash is stored, so where it may have to be returned again it is
 * made from the server's key, the client's and the file. */
static void
make_token(const struct upload_key *k, const uint8_t id[static ID_BYTES],
    char token[static SECRET_TOKEN_BYTES])
{
	uint8_t both[SECRET_HASH_BYTES + ID_BYTES], mac[SECRET_HASH_BYTES];

	if (!k->given) {
		secret_token_make("pcf_", token);
		return;
	}
	memcpy(both, k->mac, sizeof(k->mac));
	memcpy(both + sizeof(k->mac), id, ID_BYTES);
	secret_mac("file-token", both, sizeof(both), mac);
	secret_token_of("pcf_", mac, token);
	secret_wipe(mac, sizeof(mac));
}

static void
show_uploaded(struct request *r, const struct file *f, const char *token)
{
	json_add_text(add_file(resp_ok(r, 200), f), "token", token);
}

/* The file that the first upload under this key made; the bytes that came now are not needed. */
static void
show_earlier(struct request *r, const struct upload_key *k, const struct upload *u)
{
	const struct file *f = &k->earlier;
	char token[SECRET_TOKEN_BYTES];

	unlink(u->path);
	if (f->size != u->size || !f->name || strcmp(f->name, u->name) != 0 || !f->mime ||
	    strcmp(f->mime, u->mime) != 0) {
		resp_field_error(r, 422, "idempotency_key_reused", "key",
		    "This key was used within a day for a file of another size, name or type.");
		return;
	}
	make_token(k, f->public_id, token);
	show_uploaded(r, f, token);
	secret_wipe(token, sizeof(token));
}

/* What became of a new file's row. */
static void
respond_upload(struct request *r, enum file_result result, const struct file *f, const char *token,
    const struct upload *u, struct upload_key *k)
{
	int64_t used = 0;

	if (result == FILE_OVER_QUOTA) {
		db_file_used(r->worker->db, r->me.id, &used);
		too_large(r, used);
	} else if (result == FILE_NOTED) {
		show_uploaded(r, f, token);
	} else if (!resp_db_failed(r,
		       db_file_by_key(
			   r->worker->db, &r->arena, r->me.id, k->mac, r->now, &k->earlier))) {
		show_earlier(r, k, u); /* another upload under the key was faster */
	}
}

/* Makes the row of what was stored; without one the bytes go again. */
static void
keep(struct request *r, struct upload *u, struct upload_key *k)
{
	const struct conf *c = r->worker->conf;
	char token[SECRET_TOKEN_BYTES];
	struct file f = { .name = u->name,
		.mime = u->mime,
		.size = u->size,
		.created_at = r->now,
		.expires_at = expiry_at(r->now, c->upload_ttl_sec * 1000),
		.key_mac = k->given ? k->mac : NULL };
	enum file_result result = FILE_NOTED;
	enum db_result res;

	memcpy(f.public_id, u->id, ID_BYTES);
	make_token(k, f.public_id, token);
	secret_hash(token, f.token_hash);
	res = db_file_add(r->worker->db, &f, r->me.id, c->upload_quota_bytes, &result);
	if (res == DB_DONE && result == FILE_NOTED) {
		upload_keep(r, u);
		note_folder(r, u->path);
	} else {
		unlink(u->path);
	}
	if (!resp_db_failed(r, res))
		respond_upload(r, result, &f, token, u, k);
	secret_wipe(token, sizeof(token));
}

/* Sets aside what the body will take, for it is checked again only when it is on the disk: what
 * others have on their way counts. What comes `again` is not kept. The web server says when it is
 * over, however it ends. False: it responded. */
static bool
claim(struct request *r, bool again)
{
	const struct conf *c = r->worker->conf;
	const int64_t size = r->content_length,
		      overhead = r->method == METHOD_POST ? UPLOADS_OVERHEAD_BYTES : 0;
	int64_t used = 0;
	struct share_claim k = { .id = r->upload_id,
		.account_id = r->me.id,
		.reader =
		    c->own_nginx ? r->reader : 0, /* another one's processes may not be seen */
		.bytes = size < 0 ? c->max_upload_bytes : size,
		.at_most = size < 0 };
	enum share_result result;

	if (resp_db_failed(r, db_file_used(r->worker->db, r->me.id, &used)))
		return false;
	k.own_left = again ? INT64_MAX / 2 : c->upload_quota_bytes - used + overhead;
	k.disk_left = room_left(r, c->upload_dir);
	result = share_upload_claim(r->worker->share, &k);
	if (result == SHARE_NO_QUOTA)
		too_large(r, used + k.own_taken);
	else if (result == SHARE_NO_ROOM)
		resp_db_failed(r, DB_FULL);
	else if (result == SHARE_TOO_MANY)
		resp_limited(r, "Too many uploads are under way at once; wait for some to end.",
		    r->now + UPLOADS_RETRY_MS);
	return result == SHARE_CLAIMED;
}

/* POST upload (multipart/form-data, part "file") and PUT upload?name= (the bytes themselves); under
 * a ?key= that was used within a day the response is the file that it made. nginx asks twice:
 * before it reads the body whether it may, then with the body in a file. */
void
on_upload(struct request *r)
{
	const struct in_upload *in = r->in;
	struct upload_key key;
	struct upload u;
	bool again;

	if (r->method == METHOD_POST && !multipart_is(r->content_type)) {
		resp_error(
		    r, 415, "unsupported_media_type", "The body must be multipart/form-data.");
		return;
	}
	if (!find_key(r, in->key, &key))
		return;
	again = key.earlier.id != 0;
	if (r->content_length >= 0 && !again &&
	    !may_store(r, r->content_length, r->method == METHOD_POST ? UPLOADS_OVERHEAD_BYTES : 0))
		return;
	if (r->body_check) {
		if (has_folders(r) && claim(r, again))
			resp_ok(r, 200);
		return;
	}
	/* from here on the bytes are on the disk */
	if (!upload_take(r, PART, in->name, &u))
		return;
	if (again)
		show_earlier(r, &key, &u);
	else if (may_store(r, u.size, 0) && room_check(r, r->worker->conf->upload_dir, 0))
		keep(r, &u, &key);
	else
		unlink(u.path);
	share_upload_end(r->worker->share, r->upload_id);
}

/* The file of the path, if it is there, as *reader sees it: whose `link` (or NULL) it is, or the
 * caller. False: it responded. */
static bool
find_file(struct request *r, const char *link, struct file *f, int64_t *reader)
{
	uint8_t id[ID_BYTES];
	const bool is_id = id_parse("fil_", r->args[0], id);
	enum db_result res;

	*reader = 0;
	if (is_id && link && !link_reader(r, link, id, reader))
		return false;
	if (!*reader)
		*reader = r->me.id;
	res = is_id ? db_file_get(r->worker->db, &r->arena, id, *reader, r->now, f) : DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return false;
	if (res == DB_NONE)
		*f = (struct file){ .id = 0 };
	return true;
}

static bool
holds_token(const struct file *f, const char *token)
{
	uint8_t hash[SECRET_HASH_BYTES];

	if (!f->id || !token)
		return false;
	secret_hash(token, hash);
	return secret_equal(hash, f->token_hash);
}

static void
unknown_file(struct request *r)
{
	resp_error(r, 404, "unknown_file", "There is no such file, or you may not see it.");
}

/* To `reader`, an account or 0. */
static void
send_file(struct request *r, const struct file *f, int64_t reader)
{
	char *disposition = arena_alloc(&r->arena, DISPOSITION_BYTES);
	char name[2 * ID_BYTES + 1];
	struct resp_file out = { .mime = f->mime, .disposition = disposition };

	secret_hex(f->public_id, ID_BYTES, name);
	out.path = arena_printf(&r->arena, "/_files/%s", name);
	if (reader && f->visible && db_file_hold_ms(r->worker->db))
		out.reader = download_reader(r, f->public_id, reader);
	if (!disposition || !out.path) {
		resp_db_failed(r, DB_FAIL);
		return;
	}
	filename_disposition(f->name, media_type_is_inert(f->mime), disposition);
	resp_file(r, &out);
}

/* GET files/<id>: to its owner, to whoever got a message that names it, to holders of a link that
 * these asked for, and to holders of its token; to everybody only when the operator said so. Nobody
 * else learns whether it exists. */
void
on_file_get(struct request *r)
{
	const struct in_token *in = r->in;
	struct file f;
	int64_t reader;

	if (!find_file(r, in->link, &f, &reader))
		return;
	if (f.id &&
	    (f.visible || holds_token(&f, in->token) || !r->worker->conf->download_requires_token))
		send_file(r, &f, reader);
	else if (r->me.id || !r->worker->conf->download_requires_token)
		unknown_file(r);
	else
		resp_error(r, 401, "credential_required",
		    "This file opens to those who may see it, and to holders of its token or of a "
		    "link that has not ended.");
}

/* POST files/<id>/link: an address that opens the file without a header for a quarter of an hour,
 * while the caller may see it and the session or key that asks does not end. */
void
on_file_link(struct request *r)
{
	char id[ID_TEXT_BYTES], link[LINK_BYTES];
	int64_t expires_at = expiry_at(r->now, LINK_TTL_MS);
	struct json_object *o;
	struct file f;
	int64_t reader;

	if (!find_file(r, NULL, &f, &reader))
		return;
	if (!f.id || !f.visible) {
		unknown_file(r);
		return;
	}
	expires_at = expiry_earlier(expires_at, f.expires_at);
	expires_at = expiry_earlier(expires_at, r->session.expires_at);
	link_make(r, f.public_id, expires_at, link);
	id_format("fil_", f.public_id, id);
	o = resp_ok(r, 200);
	json_add_text(
	    o, "url", arena_printf(&r->arena, "/api/v1/webchat/files/%s?link=%s", id, link));
	json_add_int(o, "expires_at", expires_at);
}

/* GET files: the caller's own, oldest first, and what they add up to. */
void
on_file_list(struct request *r)
{
	const struct in_page *in = r->in;
	struct file *list = arena_alloc(&r->arena, ((size_t)in->limit + 1) * sizeof(*list));
	struct json_object *array, *o;
	int64_t used = 0, after = in->after ? strtoll(in->after, NULL, 10) : 0;
	int count = 0, shown;

	if (!list || resp_db_failed(r, db_file_used(r->worker->db, r->me.id, &used)) ||
	    resp_db_failed(r,
		db_file_list(r->worker->db, &r->arena, r->me.id, after, r->now, (int)in->limit + 1,
		    list, &count)))
		return;
	shown = count > in->limit ? (int)in->limit : count;
	o = resp_ok(r, 200);
	array = json_new_array();
	for (int i = 0; i < shown; i++)
		json_append(array, add_file(json_new_object(), &list[i]));
	json_add(o, "files", array);
	json_add_int(o, "used_bytes", used);
	json_add_int(o, "upload_quota_bytes", r->worker->conf->upload_quota_bytes);
	json_add_bool(o, "has_more", count > shown);
	if (count > shown)
		json_add_text(
		    o, "after", arena_printf(&r->arena, "%lld", (long long)list[shown - 1].id));
}

static void
clear(void *arg, bool stored)
{
	const struct worker *w = arg;
	uint8_t cursor[ID_BYTES] = { 0 };
	int removed;

	if (stored)
		db_file_clear(w->db, w->conf->upload_dir, CLEAR_AT_ONCE, cursor, &removed);
}

void
file_clear(struct request *r)
{
	db_after(r->worker->db, clear, r->worker);
}

/* DELETE files/<id>: by its owner; messages that name it keep the name only. */
void
on_file_delete(struct request *r)
{
	uint8_t id[ID_BYTES];
	enum db_result res = id_parse("fil_", r->args[0], id) ?
	    db_file_delete(r->worker->db, r->me.id, id) :
	    DB_NONE;

	if (resp_db_failed_but(r, res, RESP_NONE))
		return;
	if (res == DB_NONE) {
		resp_error(r, 404, "unknown_file", "You own no such file.");
		return;
	}
	file_clear(r);
	json_add_text(resp_ok(r, 200), "status", "deleted");
}
