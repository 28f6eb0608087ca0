/* The calls of the C library that may fail, each in front of the real one. Loaded before a program,
 * FAULT says what: "CLASS WAY NUMBER once|lasting", and FAULT_NOTE names a file to which a byte is
 * written once it has happened. */
#include "faults.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

const struct fault_way fault_ways[] = {
	{ FAULT_MEMORY, "memory", "ENOMEM", ENOMEM, true },
	{ FAULT_LIBFCGI, "libfcgi", "ENOMEM", ENOMEM, false },
	{ FAULT_JSON_C, "json-c", "ENOMEM", ENOMEM, false },
	{ FAULT_OPEN, "open", "EMFILE", EMFILE, true },
	{ FAULT_OPEN, "open", "EIO", EIO, true },
	{ FAULT_OPEN, "open", "ENOSPC", ENOSPC, true },
	{ FAULT_OPEN, "open", "EINTR", EINTR, false },
	{ FAULT_READ, "read", "EIO", EIO, true },
	{ FAULT_READ, "read", "EINTR", EINTR, false },
	{ FAULT_READ, "read", "short", FAULT_SHORT, false },
	{ FAULT_WRITE, "write", "ENOSPC", ENOSPC, true },
	{ FAULT_WRITE, "write", "EIO", EIO, true },
	{ FAULT_WRITE, "write", "EINTR", EINTR, false },
	{ FAULT_WRITE, "write", "short", FAULT_SHORT, false },
	{ FAULT_SYNC, "sync", "EIO", EIO, true },
	{ FAULT_SYNC, "sync", "ENOSPC", ENOSPC, true },
	{ FAULT_SYNC, "sync", "EINTR", EINTR, false },
	{ FAULT_TRUNCATE, "truncate", "EIO", EIO, true },
	{ FAULT_TRUNCATE, "truncate", "EINTR", EINTR, false },
	{ FAULT_NAME, "name", "EIO", EIO, true },
	{ FAULT_NAME, "name", "ENOSPC", ENOSPC, true },
	{ FAULT_UNLINK, "unlink", "EIO", EIO, true },
	{ FAULT_LOCK, "lock", "EINTR", EINTR, false },
	{ FAULT_LOCK, "lock", "ENOLCK", ENOLCK, true },
	{ FAULT_MAP, "map", "ENOMEM", ENOMEM, true },
	{ FAULT_TALK, "talk", "EPIPE", EPIPE, true },
	{ FAULT_TALK, "talk", "EINTR", EINTR, false },
	{ FAULT_TALK, "talk", "short", FAULT_SHORT, false },
	{ FAULT__MAX, NULL, NULL, 0, false },
};

static struct {
	bool armed, happened;
	struct fault fault;
	long counted[FAULT__MAX];
	int depth;
	void *trace[FAULT_DEPTH];
	int note_fd; /* 0: none */
	void (*failed)(void);
} state;

/* Where the code of a library lies. */
struct library {
	const char *file;
	uintptr_t from, to;
};
static struct library libfcgi = { .file = "libfcgi.so" }, json_c = { .file = "libjson-c.so" };

#define REAL(type, name, ...) \
	static type (*real)(__VA_ARGS__); \
	if (!real) \
	real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

static int
find(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct library *library = arg;

	(void)size;
	if (!strstr(info->dlpi_name, library->file))
		return 0;
	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_LOAD && (info->dlpi_phdr[i].p_flags & PF_X)) {
			library->from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
			library->to = library->from + info->dlpi_phdr[i].p_memsz;
		}
	return 1;
}

void
faults_arm(const struct fault *f)
{
	void *once[1];

	backtrace(once, 1); /* it loads a library the first time */
	if (!libfcgi.from)
		dl_iterate_phdr(find, &libfcgi);
	if (!json_c.from)
		dl_iterate_phdr(find, &json_c);
	state.fault = *f;
	state.happened = false;
	state.depth = 0;
	memset(state.counted, 0, sizeof(state.counted));
	state.armed = true;
}

void
faults_on(void (*failed)(void))
{
	state.failed = failed;
}

void
faults_disarm(void)
{
	state.armed = false;
}

bool
faults_happened(void)
{
	return state.happened;
}

long faults_counted(enum fault_class class)
{
	return state.counted[class];
}

const void *const *
faults_trace(int *depth)
{
	*depth = state.depth;
	return (const void *const *)state.trace;
}

/* Is it this one's turn? Sets errno, unless bytes are only cut short. */
static bool
fails(enum fault_class class, bool *cut)
{
	const struct fault_way *way = state.fault.way;
	long n;

	if (!state.armed)
		return false;
	n = ++state.counted[class];
	if (!way || way->class != class || n < state.fault.at ||
	    (n > state.fault.at && !state.fault.lasting) || (way->error == FAULT_SHORT && !cut))
		return false;
	if (!state.happened) {
		state.armed = false;
		state.happened = true;
		state.depth = backtrace(state.trace, FAULT_DEPTH);
		if (state.failed)
			state.failed();
		if (state.note_fd > 0)
			syscall(SYS_write, state.note_fd, "!", 1);
		state.armed = true;
	}
	if (way->error == FAULT_SHORT)
		*cut = true;
	else
		errno = way->error;
	return true;
}

/* Loaded before a program. */
__attribute__((constructor)) static void
begin(void)
{
	const char *text = getenv("FAULT"), *note = getenv("FAULT_NOTE");
	char class[16], name[16], mode[16];
	struct fault f = { NULL };

	if (!text || sscanf(text, "%15s %15s %ld %15s", class, name, &f.at, mode) != 4)
		return;
	for (const struct fault_way *w = fault_ways; w->name; w++)
		if (strcmp(w->class_name, class) == 0 && strcmp(w->name, name) == 0)
			f.way = w;
	f.lasting = strcmp(mode, "lasting") == 0;
	if (note) {
		int fd = (int)syscall(SYS_openat, AT_FDCWD, note, O_WRONLY | O_APPEND | O_CLOEXEC);

		state.note_fd = fd < 0 ? 0 : (int)syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, 800);
		syscall(SYS_close, fd);
	}
	faults_arm(&f);
}

/* -- memory ------------------------------------------------------------------------------------ */

static bool
is_of(const struct library *library, const void *caller)
{
	return (uintptr_t)caller >= library->from && (uintptr_t)caller < library->to;
}

#define CALLER (is_of(&libfcgi, __builtin_return_address(0)) ? FAULT_LIBFCGI : FAULT_MEMORY)

void *
malloc(size_t size)
{
	REAL(void *, malloc, size_t);

	return state.armed && fails(CALLER, NULL) ? NULL : real(size);
}

/* dlsym itself may ask for it before it is found. */
void *
calloc(size_t n, size_t size)
{
	static bool looking;
	static max_align_t early[64];
	static void *(*real)(size_t, size_t);

	if (!real && looking)
		return n * size <= sizeof(early) ? early : NULL;
	if (!real) {
		looking = true;
		real = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	}
	return state.armed && fails(CALLER, NULL) ? NULL : real(n, size);
}

void *
realloc(void *p, size_t size)
{
	REAL(void *, realloc, void *, size_t);

	return state.armed && fails(CALLER, NULL) ? NULL : real(p, size);
}

char *
strdup(const char *text)
{
	const enum fault_class class =
	    is_of(&json_c, __builtin_return_address(0)) ? FAULT_JSON_C : FAULT_MEMORY;
	const bool armed = state.armed;
	const size_t size = strlen(text) + 1;
	char *copy;

	if (armed && fails(class, NULL))
		return NULL;
	state.armed = false; /* it was counted as this call */
	copy = malloc(size);
	state.armed = armed;
	return copy ? memcpy(copy, text, size) : NULL;
}

/* -- files ------------------------------------------------------------------------------------- */

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
}

#define OPEN(name) \
	int name(const char *path, int flags, ...) \
	{ \
		REAL(int, name, const char *, int, ...); \
		va_list ap; \
		mode_t mode; \
		va_start(ap, flags); \
		mode = mode_of(flags, ap); \
		va_end(ap); \
		return fails(FAULT_OPEN, NULL) ? -1 : real(path, flags, mode); \
	}
OPEN(open)
OPEN(open64)

#define OPENAT(name) \
	int name(int dir, const char *path, int flags, ...) \
	{ \
		REAL(int, name, int, const char *, int, ...); \
		va_list ap; \
		mode_t mode; \
		va_start(ap, flags); \
		mode = mode_of(flags, ap); \
		va_end(ap); \
		return fails(FAULT_OPEN, NULL) ? -1 : real(dir, path, flags, mode); \
	}
OPENAT(openat)
OPENAT(openat64)

#define FOPEN(name) \
	FILE *name(const char *path, const char *mode) \
	{ \
		REAL(FILE *, name, const char *, const char *); \
		return fails(FAULT_OPEN, NULL) ? NULL : real(path, mode); \
	}
FOPEN(fopen)
FOPEN(fopen64)

DIR *
opendir(const char *path)
{
	REAL(DIR *, opendir, const char *);

	return fails(FAULT_OPEN, NULL) ? NULL : real(path);
}

static enum fault_class
class_of(int fd, enum fault_class file)
{
	struct stat st;

	return !state.armed || (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) ? file : FAULT_TALK;
}

/* A whole transfer, half of one, or none. */
#define MOVE(result, class, len, call_with_len) \
	bool cut = false; \
	if (fails(class, &cut)) { \
		if (!cut) \
			return -1; \
		len = len > 1 ? len / 2 : len; \
	} \
	return call_with_len

ssize_t
read(int fd, void *data, size_t len)
{
	REAL(ssize_t, read, int, void *, size_t);
	MOVE(ssize_t, class_of(fd, FAULT_READ), len, real(fd, data, len));
}

ssize_t __read_chk(int fd, void *data, size_t len, size_t room);

ssize_t
__read_chk(int fd, void *data, size_t len, size_t room)
{
	if (len > room)
		abort();
	return read(fd, data, len);
}

#define PREAD(name, type) \
	ssize_t name(int fd, void *data, size_t len, type at) \
	{ \
		REAL(ssize_t, name, int, void *, size_t, type); \
		MOVE(ssize_t, FAULT_READ, len, real(fd, data, len, at)); \
	}
PREAD(pread, off_t)
PREAD(pread64, off64_t)

ssize_t
write(int fd, const void *data, size_t len)
{
	REAL(ssize_t, write, int, const void *, size_t);
	MOVE(ssize_t, class_of(fd, FAULT_WRITE), len, real(fd, data, len));
}

#define PWRITE(name, type) \
	ssize_t name(int fd, const void *data, size_t len, type at) \
	{ \
		REAL(ssize_t, name, int, const void *, size_t, type); \
		MOVE(ssize_t, FAULT_WRITE, len, real(fd, data, len, at)); \
	}
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)

ssize_t
copy_file_range(int in, off64_t *in_at, int out, off64_t *out_at, size_t len, unsigned flags)
{
	REAL(ssize_t, copy_file_range, int, off64_t *, int, off64_t *, size_t, unsigned);
	MOVE(ssize_t, FAULT_WRITE, len, real(in, in_at, out, out_at, len, flags));
}

#define ONE_FD(class, name) \
	int name(int fd) \
	{ \
		REAL(int, name, int); \
		return fails(class, NULL) ? -1 : real(fd); \
	}
ONE_FD(FAULT_SYNC, fsync)
ONE_FD(FAULT_SYNC, fdatasync)

#define TRUNCATE(name, type) \
	int name(int fd, type size) \
	{ \
		REAL(int, name, int, type); \
		return fails(FAULT_TRUNCATE, NULL) ? -1 : real(fd, size); \
	}
TRUNCATE(ftruncate, off_t)
TRUNCATE(ftruncate64, off64_t)

/* -- names ------------------------------------------------------------------------------------- */

int
rename(const char *from, const char *to)
{
	REAL(int, rename, const char *, const char *);

	return fails(FAULT_NAME, NULL) ? -1 : real(from, to);
}

int
renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	REAL(int, renameat2, int, const char *, int, const char *, unsigned);

	return fails(FAULT_NAME, NULL) ? -1 : real(from_dir, from, to_dir, to, flags);
}

int
link(const char *from, const char *to)
{
	REAL(int, link, const char *, const char *);

	return fails(FAULT_NAME, NULL) ? -1 : real(from, to);
}

int
unlink(const char *path)
{
	REAL(int, unlink, const char *);

	return fails(FAULT_UNLINK, NULL) ? -1 : real(path);
}

int
unlinkat(int dir, const char *path, int flags)
{
	REAL(int, unlinkat, int, const char *, int);

	return fails(FAULT_UNLINK, NULL) ? -1 : real(dir, path, flags);
}

int
mkdir(const char *path, mode_t mode)
{
	REAL(int, mkdir, const char *, mode_t);

	return fails(FAULT_NAME, NULL) ? -1 : real(path, mode);
}

/* -- locks and maps ---------------------------------------------------------------------------- */

int
flock(int fd, int how)
{
	REAL(int, flock, int, int);

	return how != LOCK_UN && fails(FAULT_LOCK, NULL) ? -1 : real(fd, how);
}

/* Letting go never fails. */
static bool
takes_lock(int command, const void *arg)
{
	return (command == F_SETLK || command == F_SETLKW) &&
	    ((const struct flock *)arg)->l_type != F_UNLCK;
}

#define FCNTL(name) \
	int name(int fd, int command, ...) \
	{ \
		REAL(int, name, int, int, ...); \
		va_list ap; \
		void *arg; \
		va_start(ap, command); \
		arg = va_arg(ap, void *); \
		va_end(ap); \
		if (takes_lock(command, arg) && fails(FAULT_LOCK, NULL)) \
			return -1; \
		return real(fd, command, arg); \
	}
FCNTL(fcntl)
FCNTL(fcntl64)

#define MMAP(name, type) \
	void *name(void *at, size_t len, int access, int flags, int fd, type from) \
	{ \
		REAL(void *, name, void *, size_t, int, int, int, type); \
		return fails(FAULT_MAP, NULL) ? MAP_FAILED : \
						real(at, len, access, flags, fd, from); \
	}
MMAP(mmap, off_t)
MMAP(mmap64, off64_t)

/* -- sockets ----------------------------------------------------------------------------------- */

ssize_t
send(int fd, const void *data, size_t len, int flags)
{
	REAL(ssize_t, send, int, const void *, size_t, int);
	MOVE(ssize_t, FAULT_TALK, len, real(fd, data, len, flags));
}

ssize_t
recv(int fd, void *data, size_t len, int flags)
{
	REAL(ssize_t, recv, int, void *, size_t, int);
	MOVE(ssize_t, FAULT_TALK, len, real(fd, data, len, flags));
}

ssize_t
sendmsg(int fd, const struct msghdr *m, int flags)
{
	REAL(ssize_t, sendmsg, int, const struct msghdr *, int);

	return fails(FAULT_TALK, NULL) ? -1 : real(fd, m, flags);
}
