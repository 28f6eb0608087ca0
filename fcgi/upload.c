/* Taking uploads: a rename; where the file is a part of the body, what stands around it goes first.
 */
#include "upload.h"

#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "multipart.h"
#include "resp.h"
#include "uploads.h"

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES 131072

/* Disk trouble is the relay's, not the client's. */
static bool
storage_failed(struct request *r, const char *what)
{
	bool full = errno == ENOSPC || errno == EDQUOT;

	log_line(full ? LOG_LEVEL_WARN : LOG_LEVEL_ERROR, "upload: %s: %s", what, strerror(errno));
	resp_db_failed(r, full ? DB_FULL : DB_FAIL);
	return false;
}

static bool
bad_body(struct request *r, const char *why)
{
	resp_field_error(r, 400, "invalid_body", "file", why);
	return false;
}

/* nginx removes the body of a client that went away; then nobody waits, and nothing is wrong. */
static bool
body_failed(struct request *r, const struct upload *u, const char *what)
{
	int saved = errno;

	if (saved == ENOENT && *r->body_file && access(u->path, F_OK) != 0)
		return bad_body(r, "The upload was abandoned.");
	errno = saved;
	return storage_failed(r, what);
}

/* The path of what nginx wrote: of what it says only the name counts, and that is digits. */
static bool
find_incoming(const struct request *r, char *path, size_t size)
{
	const char *name = strrchr(r->body_file, '/');

	return name && name[1] && strspn(name + 1, "0123456789") == strlen(name + 1) &&
	    snprintf(path, size, "%s/" UPLOADS_INCOMING "%s", r->worker->conf->upload_dir, name) <
	    (int)size;
}

/* Whoever may enter the upload folder may read what is in it: nginx, when it runs as another user.
 */
static mode_t
file_mode(const struct request *r)
{
	struct stat st;

	if (stat(r->worker->conf->upload_dir, &st) != 0)
		return 0600;
	return 0600 | (st.st_mode & S_IXGRP ? 0040 : 0) | (st.st_mode & S_IXOTH ? 0004 : 0);
}

/* A file of our own among what arrives. -1: see errno. */
static int
make_incoming(const struct request *r, char *path, size_t size)
{
	char name[2 * ID_BYTES + 1];
	uint8_t id[ID_BYTES];

	id_make(id);
	secret_hex(id, ID_BYTES, name);
	snprintf(path, size, "%s/" UPLOADS_INCOMING "/%s", r->worker->conf->upload_dir, name);
	return open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static bool
write_at(int fd, const char *data, size_t len, off_t at)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, at);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0) {
			data += n;
			at += n;
			len -= (size_t)n;
		}
	}
	return true;
}

/* The body as it comes through the socket, for an nginx whose files we cannot read. nginx has all
 * of it before it asks us, so nobody waits for a slow client. */
static bool
receive(struct request *r, int fd)
{
	char buffer[COPY_BYTES];
	int64_t most = r->worker->conf->max_upload_bytes + UPLOADS_OVERHEAD_BYTES, had = 0;
	int n;

	while ((n = FCGX_GetStr(buffer, sizeof(buffer), r->fcgx->in)) > 0) {
		if (had + n > most)
			return bad_body(r, "The body is longer than its Content-Length.");
		if (!write_at(fd, buffer, (size_t)n, had))
			return storage_failed(r, "write");
		had += n;
	}
	if (r->content_length >= 0 && had != r->content_length)
		return bad_body(r, "The body ended early.");
	return true;
}

/* Moves what begins at `start` to the beginning of the file. A part never starts at a block, so no
 * file system can share it; but what was just written is still in memory and is written there anew,
 * where a copy would take other pages and other blocks. */
static bool
shift(int fd, off_t start, off_t len)
{
	char buffer[COPY_BYTES];
	off_t at = 0;

	while (len > 0) {
		size_t want = len < (off_t)sizeof(buffer) ? (size_t)len : sizeof(buffer);
		ssize_t n = pread(fd, buffer, want, start + at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0 || !write_at(fd, buffer, (size_t)n, at))
			return false;
		at += n;
		len -= n;
	}
	return ftruncate(fd, at) == 0;
}

/* The one part of the body at `fd` in the place of all of it. */
static bool
extract(struct request *r, int fd, off_t size, const char *part, struct upload *u)
{
	struct multipart_part found;
	const char *why = NULL;

	if (!multipart_find(fd, size, r->content_type, part, &found, &why))
		return why ? bad_body(r, why) : storage_failed(r, "read");
	if (!shift(fd, found.start, found.len))
		return storage_failed(r, "shift");
	memcpy(u->name, found.name, sizeof(u->name));
	memcpy(u->mime, found.mime, sizeof(u->mime));
	u->size = found.len;
	return true;
}

/* Opens what nginx wrote, or writes it. u->path is set once there is a file that is ours to remove.
 */
static int
open_body(struct request *r, struct upload *u)
{
	int fd;

	if (*r->body_file) {
		if (!find_incoming(r, u->path, sizeof(u->path))) {
			u->path[0] = '\0';
			errno = EINVAL;
			return -1;
		}
		return open(u->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	}
	fd = make_incoming(r, u->path, sizeof(u->path));
	if (fd < 0)
		u->path[0] = '\0';
	return fd;
}

static bool
take(struct request *r, const char *part, const char *name, struct upload *u)
{
	auto_close int fd = open_body(r, u);
	char final[sizeof(u->path)];
	struct stat st;

	if (fd < 0)
		return body_failed(r, u, "open");
	if (!*r->body_file && !receive(r, fd))
		return false;
	if (fstat(fd, &st) != 0)
		return storage_failed(r, "stat");
	u->size = st.st_size;
	filename_clean(name ? name : "", name ? strlen(name) : 0, u->name);
	media_type_clean(r->content_type, u->mime);
	if (r->method == METHOD_POST && !extract(r, fd, st.st_size, part, u))
		return false;
	id_make(u->id);
	if (chmod(u->path, file_mode(r)) != 0 ||
	    !uploads_path(r->worker->conf->upload_dir, u->id, final, sizeof(final)) ||
	    rename(u->path, final) != 0)
		return body_failed(r, u, "rename");
	snprintf(u->path, sizeof(u->path), "%s", final);
	return true;
}

bool
upload_take(struct request *r, const char *part, const char *name, struct upload *out)
{
	*out = (struct upload){ .size = 0 };
	if (take(r, part, name, out))
		return true;
	if (out->path[0])
		unlink(out->path);
	return false;
}

static void
drop(void *path, bool stored)
{
	if (!stored)
		unlink(path);
}

void
upload_keep(struct request *r, const struct upload *u)
{
	char *path = arena_strdup(&r->arena, u->path);

	if (path)
		db_after(r->worker->db, drop, path);
}
