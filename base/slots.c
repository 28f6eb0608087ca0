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
	uint8_t node[ID_BYTES];
	struct secret_pair pair;
	struct slot slots[SLOTS_COUNT];
};

_Static_assert(sizeof(struct page) <= 512, "one sector");

struct slots {
	int fd;
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

/* What root makes belongs to the owner of the folder. False: see errno. */
static bool
hand_over(int fd, const char *path)
{
	char copy[PATH_MAX];
	struct stat st;

	if (geteuid() != 0)
		return true;
	snprintf(copy, sizeof(copy), "%s", path);
	return stat(dirname(copy), &st) == 0 && fchown(fd, st.st_uid, st.st_gid) == 0;
}

/* Room that is there: a disk that is full later must not take the mapping away. */
static bool
fill(int fd)
{
	static const uint8_t zeros[PAGE];
	struct stat st;

	return fstat(fd, &st) == 0 &&
	    (st.st_size >= PAGE ||
		(pwrite(fd, zeros, sizeof(zeros), 0) == (ssize_t)sizeof(zeros) && fsync(fd) == 0));
}

static bool
sync_page(const struct slots *s)
{
	if (msync(s->page, PAGE, MS_SYNC) == 0)
		return true;
	log_error("the slots of epoch keys: %s", strerror(errno));
	return false;
}

/* A file that is new, or a copy: its keys are good, its name is somebody else's. */
static bool
identify(struct slots *s)
{
	struct page *p = s->page;
	struct stat st;

	if (fstat(s->fd, &st) != 0)
		return false;
	if (memcmp(p->magic, magic, sizeof(magic)) == 0 && p->inode == st.st_ino)
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
	bool ok;

	if (s->fd < 0 || flock(s->fd, LOCK_EX) != 0)
		return false;
	ok = hand_over(s->fd, path) && fill(s->fd);
	if (ok)
		s->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	ok = ok && s->page != MAP_FAILED && identify(s);
	flock(s->fd, LOCK_UN);
	/* what is in memory alone stays out of swap, where the limit allows it */
	if (ok && in_memory && mlock(s->page, PAGE) != 0)
		log_warn("epoch keys may be swapped out: %s", strerror(errno));
	return ok;
}

struct slots *
slots_open(const char *path, bool in_memory, char error[static SLOTS_ERROR_BYTES])
{
	char name[PATH_MAX];
	struct slots *s = calloc(1, sizeof(*s));
	int why = ENOMEM;

	if (s) {
		s->fd = -1;
		s->page = MAP_FAILED;
		errno = ENAMETOOLONG;
		if (name_of(path, in_memory, name))
			s->fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (map(s, path, in_memory))
			return s;
		why = errno;
		slots_close(s);
	}
	snprintf(error, SLOTS_ERROR_BYTES, "the slots of epoch keys beside %.300s: %s", path,
	    strerror(why));
	return NULL;
}

void
slots_close(struct slots *s)
{
	if (!s)
		return;
	if (s->page != MAP_FAILED)
		munmap(s->page, PAGE);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}

const uint8_t *
slots_node(const struct slots *s)
{
	return s->page->node;
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
