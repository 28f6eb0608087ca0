/* Appending tombstones. Every writer holds the store's lock. */
#include "tombstone.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
tombstone_open(const char *path)
{
	char name[4200];
	struct stat st;
	int fd;

	if (snprintf(name, sizeof(name), "%s.tombstones", path) >= (int)sizeof(name)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	fd = open(name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* what root makes belongs to the database's owner */
	if (fd >= 0 && geteuid() == 0 && stat(path, &st) == 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		log_warn("%s: %s", name, strerror(errno));
	return fd;
}

/* What a full disk or the end of a process left of the last one goes first: all that follow would
 * be read in the wrong place. */
static bool
append(struct db *db, const uint8_t tombstone[static TOMBSTONE_BYTES])
{
	const int fd = db->tombstone_fd;
	struct stat st = { 0 };
	ssize_t n = -1;

	if (db->replaying)
		return true; /* there is one */
	if (fstat(fd, &st) == 0 &&
	    (st.st_size % TOMBSTONE_BYTES == 0 ||
		ftruncate(fd, st.st_size - st.st_size % TOMBSTONE_BYTES) == 0))
		n = write(fd, tombstone, TOMBSTONE_BYTES);
	db->tombstone_due = true;
	db->tombstone_bytes = st.st_size - st.st_size % TOMBSTONE_BYTES + TOMBSTONE_BYTES;
	if (n == TOMBSTONE_BYTES)
		return true;
	log_error("tombstones: %s", n < 0 ? strerror(errno) : "the disk is full");
	return false;
}

bool
tombstone_sync(struct db *db)
{
	bool due = db->tombstone_due && db->full_durability;

	db->tombstone_due = false;
	if (!due || fdatasync(db->tombstone_fd) == 0)
		return true;
	log_error("tombstones: %s", strerror(errno));
	return false;
}

int64_t
tombstone_end(const struct db *db)
{
	struct stat st;

	return fstat(db->tombstone_fd, &st) == 0 ? st.st_size - st.st_size % TOMBSTONE_BYTES : 0;
}

enum db_result
tombstone_noted(struct db *db, int64_t *bytes)
{
	const struct db_blob me = { slots_node(db->slots), ID_BYTES };
	enum db_result r = db_number(db, db_bind(db, ST_TOMBSTONE_FILE_GET, &me), bytes);

	if (r == DB_NONE)
		*bytes = 0;
	return r == DB_ROW || r == DB_NONE ? DB_DONE : r;
}

enum db_result
tombstone_note(struct db *db, int64_t bytes)
{
	const struct db_blob me = { slots_node(db->slots), ID_BYTES };

	return db_exec_async(db, ST_TOMBSTONE_FILE_PUT, &me, bytes);
}

enum db_result
tombstone_note_all(struct db *db)
{
	const int64_t end = tombstone_end(db);
	enum db_result r = db_begin(db);

	if (r == DB_DONE)
		r = db_end(db, tombstone_note(db, end));
	if (r == DB_DONE)
		slots_note_tombstones(db->slots, end);
	return r;
}

void
tombstone_before_commit(struct db *db)
{
	if (db->slots && db->tombstone_bytes)
		tombstone_note(db, db->tombstone_bytes);
}

void
tombstone_after_commit(struct db *db, bool stored)
{
	if (db->slots && db->tombstone_bytes && stored)
		slots_note_tombstones(db->slots, db->tombstone_bytes);
	db->tombstone_bytes = 0;
}

bool
tombstone_message(struct db *db, const uint8_t public_id[static ID_BYTES])
{
	uint8_t tombstone[TOMBSTONE_BYTES] = { 'm' };

	memcpy(tombstone + 1, public_id, ID_BYTES);
	return append(db, tombstone);
}

static void
put_number(uint8_t at[static 8], int64_t n)
{
	for (int i = 0; i < 8; i++)
		at[7 - i] = (uint8_t)((uint64_t)n >> (8 * i));
}

static int64_t
get_number(const uint8_t at[static 8])
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | at[i];
	return (int64_t)n;
}

bool
tombstone_account(struct db *db, int64_t created_at, int64_t account_id,
    const uint8_t account_address_mac[static TOMBSTONE_MAC_BYTES])
{
	uint8_t account[TOMBSTONE_BYTES] = { 'a' }, address[TOMBSTONE_BYTES] = { 'r' };

	put_number(account + 1, created_at);
	put_number(account + 9, account_id);
	memcpy(address + 1, account_address_mac, TOMBSTONE_MAC_BYTES);
	return append(db, address) && append(db, account);
}

void
tombstone_read_account(const uint8_t id[static ID_BYTES], int64_t *created_at, int64_t *account_id)
{
	*created_at = get_number(id);
	*account_id = get_number(id + 8);
}
