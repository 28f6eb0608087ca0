/* Records what the processes of a relay do to the files of its data folder, and what they respond:
 * every write, truncation, rename and removal, where each sync begins and ends, and every FastCGI
 * response, in one order for all of them. For LD_PRELOAD, with RECORD_FOLDER, RECORD_LOG (a file to
 * append to) and RECORD_ORDER (a file of zeros, 4096 bytes). */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITE = 1, TRUNCATE, SYNC_BEGIN, SYNC_END, NAME, UNLINK, RENAME, RESPONSE };

struct record {
	uint32_t kind, pid;
	uint64_t file; /* inode */
	uint64_t at; /* offset, or length */
	uint64_t len; /* of the bytes that follow */
};

struct order {
	pthread_mutex_t lock;
	bool ready;
};

#define NAMES 64
#define LOG_FD 900 /* out of everybody's way */

static struct order *order;
static const char *folder;
static uint64_t named[NAMES];
static int named_len;

__attribute__((constructor)) static void
begin(void)
{
	const char *log = getenv("RECORD_LOG"), *name = getenv("RECORD_ORDER");
	int fd = log ? open(log, O_WRONLY | O_APPEND | O_CLOEXEC) : -1;
	int of = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
	pthread_mutexattr_t how;
	void *p;

	folder = getenv("RECORD_FOLDER");
	if (fd < 0 || of < 0 || !folder || dup3(fd, LOG_FD, O_CLOEXEC) < 0)
		return;
	p = mmap(NULL, sizeof(*order), PROT_READ | PROT_WRITE, MAP_SHARED, of, 0);
	close(fd);
	close(of);
	if (p == MAP_FAILED)
		return;
	order = p;
	if (order->ready)
		return;
	pthread_mutexattr_init(&how);
	pthread_mutexattr_setpshared(&how, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&how, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&order->lock, &how);
	order->ready = true;
}

static void
lock(void)
{
	if (pthread_mutex_lock(&order->lock) == EOWNERDEAD)
		pthread_mutex_consistent(&order->lock);
}

static void
unlock(void)
{
	pthread_mutex_unlock(&order->lock);
}

static void
note(enum kind kind, uint64_t file, uint64_t at, const void *data, size_t len)
{
	struct record r = { (uint32_t)kind, (uint32_t)getpid(), file, at, len };
	struct iovec parts[2] = { { &r, sizeof(r) }, { (void *)(uintptr_t)data, len } };

	if (syscall(SYS_writev, LOG_FD, parts, len ? 2 : 1) != (long)(sizeof(r) + len))
		abort();
}

/* The number of a file of the folder, after its name was noted once; 0: another file. */
static uint64_t
tracked(int fd)
{
	char link[64], path[4096];
	struct stat st;
	ssize_t n;

	if (!order || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return 0;
	path[n] = '\0';
	if (strncmp(path, folder, strlen(folder)) != 0 || strstr(path, "-shm"))
		return 0;
	for (int i = 0; i < named_len; i++)
		if (named[i] == st.st_ino)
			return st.st_ino;
	if (named_len < NAMES)
		named[named_len++] = st.st_ino;
	note(NAME, st.st_ino, 0, path, (size_t)n);
	return st.st_ino;
}

static bool
is_response(int fd, const unsigned char *data, size_t len)
{
	struct stat st;

	return order && len > 8 && data[0] == 1 && data[1] == 6 && fstat(fd, &st) == 0 &&
	    S_ISSOCK(st.st_mode);
}

#define REAL(type, name, ...) ((type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name))

static ssize_t
write_at(int fd, const void *data, size_t len, off64_t at)
{
	ssize_t (*real)(int, const void *, size_t, off64_t) =
	    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
	uint64_t file;
	ssize_t n;

	if (!order)
		return real(fd, data, len, at);
	lock();
	file = tracked(fd);
	n = real(fd, data, len, at);
	if (file && n > 0)
		note(WRITE, file, (uint64_t)at, data, (size_t)n);
	unlock();
	return n;
}

ssize_t
pwrite64(int fd, const void *data, size_t len, off64_t at)
{
	return write_at(fd, data, len, at);
}

ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	return write_at(fd, data, len, at);
}

/* Of the files it is the tombstones that are appended to. */
ssize_t
write(int fd, const void *data, size_t len)
{
	ssize_t (*real)(int, const void *, size_t) =
	    REAL(ssize_t, write, int, const void *, size_t);
	struct stat st;
	uint64_t file;
	ssize_t n;

	if (!order)
		return real(fd, data, len);
	lock();
	if (is_response(fd, data, len)) {
		note(RESPONSE, 0, 0, data, len);
		unlock();
		return real(fd, data, len);
	}
	file = tracked(fd);
	if (!file) {
		unlock();
		return real(fd, data, len);
	}
	n = fstat(fd, &st) == 0 ? real(fd, data, len) : -1;
	if (n > 0)
		note(WRITE, file, (uint64_t)st.st_size, data, (size_t)n);
	unlock();
	return n;
}

static int
truncate_to(int fd, off64_t size)
{
	int (*real)(int, off64_t) = REAL(int, ftruncate64, int, off64_t);
	uint64_t file;
	int rc;

	if (!order)
		return real(fd, size);
	lock();
	file = tracked(fd);
	rc = real(fd, size);
	if (file && rc == 0)
		note(TRUNCATE, file, (uint64_t)size, NULL, 0);
	unlock();
	return rc;
}

int
ftruncate64(int fd, off64_t size)
{
	return truncate_to(fd, size);
}

int
ftruncate(int fd, off_t size)
{
	return truncate_to(fd, size);
}

static int
sync_by(int (*real)(int), int fd)
{
	uint64_t file = 0;
	int rc;

	if (order) {
		lock();
		file = tracked(fd);
		if (file)
			note(SYNC_BEGIN, file, 0, NULL, 0);
		unlock();
	}
	rc = real(fd);
	if (file && rc == 0) {
		lock();
		note(SYNC_END, file, 0, NULL, 0);
		unlock();
	}
	return rc;
}

int
fsync(int fd)
{
	return sync_by(REAL(int, fsync, int), fd);
}

int
fdatasync(int fd)
{
	return sync_by(REAL(int, fdatasync, int), fd);
}

int
unlink(const char *path)
{
	int (*real)(const char *) = REAL(int, unlink, const char *);
	int rc;

	if (!order || strncmp(path, folder, strlen(folder)) != 0)
		return real(path);
	lock();
	rc = real(path);
	if (rc == 0)
		note(UNLINK, 0, 0, path, strlen(path));
	unlock();
	return rc;
}

int
rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = REAL(int, rename, const char *, const char *);
	char both[8192];
	int n = snprintf(both, sizeof(both), "%s\n%s", from, to), rc;

	if (!order || strncmp(to, folder, strlen(folder)) != 0)
		return real(from, to);
	lock();
	rc = real(from, to);
	if (rc == 0)
		note(RENAME, 0, 0, both, (size_t)n);
	unlock();
	return rc;
}
