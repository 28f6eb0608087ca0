/* The file of slots. It is smaller than a sector and written in place. */
#include "slots.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PAGE 4096

static const uint8_t magic[8] = "epochs1";

/* As it lies in the file. The number is written last and taken away first. */
struct slot {
	_Atomic int64_t epoch; /* 0: free */
	uint8_t key[SECRET_SEAL_KEY_BYTES];
};
struct page {
	uint8_t magic[sizeof(magic)];
	uint64_t inode; /* of the file: a copy has another one */
	uint8_t node[ID_BYTES], database[ID_BYTES];
	struct secret_pair pair;
	struct slot slots[SLOTS_COUNT];
	_Atomic int64_t tombstones; /* bytes of them that were seen committed */
};

_Static_assert(sizeof(struct page) <= 512, "one sector");

struct slots {
	int fd;
	uint8_t node[ID_BYTES];
	struct page *page;
};

/* False: the name is too long. */
static bool
name_of(const char *path, bool in_memory, char out[static PATH_MAX])
{
	uint8_t hash[SECRET_HASH_BYTES];
	char hex[2 * ID_BYTES + 1];

	if (!in_memory)
		return snprintf(out, PATH_MAX, "%s.epochs", path) < PATH_MAX;
	secret_hash(path, hash);
	secret_hex(hash, ID_BYTES, hex);
	snprintf(out, PATH_MAX, "/dev/shm/webchat-relay-%s", hex);
	return true;
}

/* Room that is there: a disk that is full later must not take the mapping away. */
static bool
fill(int fd)
{
	static const uint8_t zeros[PAGE];

	return pwrite(fd, zeros, sizeof(zeros), 0) == (ssize_t)sizeof(zeros) && fsync(fd) == 0;
}

/* A file that is new is made whole, and what root makes belongs to the owner of the folder. One
 * that anybody else made or may read is none of ours: /dev/shm is open to all. False: see errno. */
static bool
adopt(int fd, const char *path)
{
	char copy[PATH_MAX];
	struct stat st, folder;

	snprintf(copy, sizeof(copy), "%s", path);
	if (fstat(fd, &st) != 0 || stat(dirname(copy), &folder) != 0)
		return false;
	if ((st.st_uid != geteuid() && st.st_uid != folder.st_uid) || !S_ISREG(st.st_mode) ||
	    st.st_nlink != 1 || (st.st_mode & (S_IRWXG | S_IRWXO)) ||
	    (st.st_size != 0 && st.st_size != PAGE)) {
		errno = EPERM;
		return false;
	}
	if (st.st_size == 0 && !fill(fd))
		return false;
	return geteuid() != 0 || st.st_uid != 0 || fchown(fd, folder.st_uid, folder.st_gid) == 0;
}

static bool
sync_page(const struct slots *s)
{
	if (msync(s->page, PAGE, MS_SYNC) == 0)
		return true;
	log_error("the slots of epoch keys: %s", strerror(errno));
	return false;
}

/* A file that is new, or a copy: its keys are good, its name is somebody else's. False: it is no
 * file of slots. */
static bool
identify(struct slots *s)
{
	static const uint8_t none[sizeof(magic)];
	struct page *p = s->page;
	const bool is_new = memcmp(p->magic, none, sizeof(none)) == 0;
	struct stat st;

	errno = EINVAL;
	if ((!is_new && memcmp(p->magic, magic, sizeof(magic)) != 0) || fstat(s->fd, &st) != 0)
		return false;
	if (!is_new && p->inode == st.st_ino)
		return true;
	id_make(p->node);
	secret_pair_make(&p->pair);
	p->inode = st.st_ino;
	memcpy(p->magic, magic, sizeof(magic));
	return sync_page(s);
}

static bool
map(struct slots *s, const char *path, bool in_memory)
{
	char name[PATH_MAX];
	bool ok;

	errno = ENAMETOOLONG;
	if (name_of(path, in_memory, name))
		s->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd < 0 || flock(s->fd, LOCK_EX) != 0)
		return false;
	ok = adopt(s->fd, path);
	if (ok)
		s->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	ok = ok && s->page != MAP_FAILED && identify(s);
	flock(s->fd, LOCK_UN);
	if (ok)
		memcpy(s->node, s->page->node, ID_BYTES);
	return ok;
}

static void
unmap(struct slots *s)
{
	if (s->page != MAP_FAILED)
		munmap(s->page, PAGE);
	if (s->fd >= 0)
		close(s->fd);
	s->page = MAP_FAILED;
	s->fd = -1;
}

/* The file on the disk says which machine this is, also where the keys are elsewhere: after a power
 * cut it is the same one, without them. */
static bool
map_both(struct slots *s, const char *path)
{
	uint8_t node[ID_BYTES];
	bool ok = map(s, path, false);

	memcpy(node, s->node, ID_BYTES);
	unmap(s);
	ok = ok && map(s, path, true);
	memcpy(s->node, node, ID_BYTES);
	/* they stay out of swap, where the limit allows it */
	if (ok && mlock(s->page, PAGE) != 0)
		log_warn("epoch keys may be swapped out: %s", strerror(errno));
	return ok;
}

struct slots *
slots_open(const char *path, bool in_memory, char error[static SLOTS_ERROR_BYTES])
{
	struct slots *s = calloc(1, sizeof(*s));
	int why = ENOMEM;

	if (s) {
		s->fd = -1;
		s->page = MAP_FAILED;
		if (in_memory ? map_both(s, path) : map(s, path, false))
			return s;
		why = errno;
		slots_close(s);
	}
	snprintf(error, SLOTS_ERROR_BYTES, "the slots of epoch keys beside %.300s: %s", path,
	    why == EPERM ? "they must be a file of the relay's user that nobody else may read" :
			   strerror(why));
	return NULL;
}

void
slots_close(struct slots *s)
{
	if (s)
		unmap(s);
	free(s);
}

const uint8_t *
slots_node(const struct slots *s)
{
	return s->node;
}

void
slots_lock(struct slots *s)
{
	while (flock(s->fd, LOCK_EX) != 0 && errno == EINTR)
		;
}

void
slots_unlock(struct slots *s)
{
	flock(s->fd, LOCK_UN);
}

bool
slots_belong(struct slots *s, const uint8_t database[static ID_BYTES])
{
	static const uint8_t none[ID_BYTES];

	if (memcmp(s->page->database, none, ID_BYTES) == 0) {
		memcpy(s->page->database, database, ID_BYTES);
		return sync_page(s);
	}
	return memcmp(s->page->database, database, ID_BYTES) == 0;
}

/* The slot of an epoch, 0: a free one; or NULL. */
static struct slot *
find(const struct slots *s, int64_t epoch)
{
	for (int i = 0; i < SLOTS_COUNT; i++)
		if (atomic_load(&s->page->slots[i].epoch) == epoch)
			return &s->page->slots[i];
	return NULL;
}

bool
slots_get(const struct slots *s, int64_t epoch, uint8_t key[static SECRET_SEAL_KEY_BYTES])
{
	const struct slot *slot = epoch ? find(s, epoch) : NULL;

	if (!slot)
		return false;
	memcpy(key, slot->key, SECRET_SEAL_KEY_BYTES);
	return atomic_load(&slot->epoch) == epoch; /* it was not overwritten meanwhile */
}

int
slots_list(const struct slots *s, int64_t epochs[static SLOTS_COUNT])
{
	int count = 0;

	for (int i = 0; i < SLOTS_COUNT; i++) {
		epochs[count] = atomic_load(&s->page->slots[i].epoch);
		count += epochs[count] != 0;
	}
	return count;
}

bool
slots_put(struct slots *s, int64_t epoch, const uint8_t key[static SECRET_SEAL_KEY_BYTES])
{
	struct slot *slot = find(s, epoch) ? NULL : find(s, 0);

	if (slot) {
		memcpy(slot->key, key, SECRET_SEAL_KEY_BYTES);
		atomic_store(&slot->epoch, epoch);
	}
	return find(s, epoch) && sync_page(s);
}

bool
slots_destroy(struct slots *s, int64_t epoch)
{
	struct slot *slot = find(s, epoch);

	if (slot) {
		atomic_store(&slot->epoch, 0);
		secret_wipe(slot->key, sizeof(slot->key));
	}
	return sync_page(s);
}

const struct secret_pair *
slots_pair(const struct slots *s)
{
	return &s->page->pair;
}

bool
slots_renew(struct slots *s)
{
	secret_pair_make(&s->page->pair);
	return sync_page(s);
}

int64_t
slots_tombstones(const struct slots *s)
{
	return atomic_load(&s->page->tombstones);
}

/* Not synced: what a power cut takes of it is noted again when the database says so. */
void
slots_note_tombstones(struct slots *s, int64_t bytes)
{
	atomic_store(&s->page->tombstones, bytes);
}
