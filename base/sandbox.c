/* Giving up rights: user, privileges, memory and files, and by Landlock (kernel 5.13 and later) the
 * file system. */
#include "sandbox.h"

#include "cleanup.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#define READ_RIGHTS (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_RIGHTS \
	(READ_RIGHTS | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | RIGHT_TRUNCATE)
#define ALL_RIGHTS (((uint64_t)LANDLOCK_ACCESS_FS_REFER << 2) - 1)
/* Named by later kernel headers than Debian 12's; exists from ABI 3. */
#define RIGHT_TRUNCATE ((uint64_t)LANDLOCK_ACCESS_FS_REFER << 1)

bool
sandbox_user(const char *name, uid_t *uid, gid_t *gid)
{
	const struct passwd *pw;

	*uid = geteuid();
	*gid = getegid();
	if (*uid != 0)
		return true;
	pw = getpwnam(name);
	if (!pw || pw->pw_uid == 0)
		return false;
	*uid = pw->pw_uid;
	*gid = pw->pw_gid;
	return true;
}

bool
sandbox_drop(uid_t uid, gid_t gid)
{
	if (geteuid() != 0)
		return true;
	errno = EPERM;
	return uid != 0 && setgroups(1, &gid) == 0 && setresgid(gid, gid, gid) == 0 &&
	    setresuid(uid, uid, uid) == 0;
}

static void
limit_to(__rlimit_resource_t what, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) != 0 || limit.rlim_max <= most)
		return;
	limit.rlim_cur = limit.rlim_max = most;
	setrlimit(what, &limit);
}

/* How many the process opens; what the machine allows stays, for that is looked at in checkup/.
 * Nobody gets back to it, since no limit can be set by what syscalls.def lists. */
static void
limit_files(rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur <= most)
		return;
	limit.rlim_cur = most;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void
sandbox_limit(enum syscalls_program p)
{
	static const struct {
		int memory_mib, files;
		bool threads;
	} limits[SYSCALLS__MAX] = {
#define PROGRAM(name, roles, memory, files, threads) [SYSCALLS_##name] = { memory, files, threads },
#include "syscalls.def"
	};

	limit_to(RLIMIT_CORE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (limits[p].files)
		limit_files((rlim_t)limits[p].files);
#ifndef __SANITIZE_ADDRESS__ /* which maps terabytes, and starts a process at its end */
	if (limits[p].memory_mib)
		limit_to(RLIMIT_AS, (rlim_t)limits[p].memory_mib << 20);
	if (!limits[p].threads)
		limit_to(RLIMIT_NPROC, 0);
#endif
}

static void
allow(int ruleset, const char *const dirs[], uint64_t rights)
{
	for (; *dirs; dirs++) {
		auto_close int fd = open(*dirs, O_PATH | O_CLOEXEC);
		struct landlock_path_beneath_attr rule = { .allowed_access = rights,
			.parent_fd = fd };

		if (fd >= 0)
			syscall(
			    SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
}

static int
landlock_abi(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* The Landlock ABI in force; 0: none. */
static int
restrict_files(const char *const writable[], const char *const readable[])
{
	/* Rights known to each ABI: 1 has 13, 2 adds REFER, 3 adds TRUNCATE; later ones add nothing
	 * for files here. */
	int abi = landlock_abi();
	uint64_t known = abi >= 3 ? ALL_RIGHTS : abi == 2 ? ALL_RIGHTS >> 1 : ALL_RIGHTS >> 2;
	struct landlock_ruleset_attr attr = { .handled_access_fs = known };
	auto_close int fd = -1;

	if (abi < 1)
		return 0;
	fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (fd < 0)
		return 0;
	allow(fd, writable, WRITE_RIGHTS & known);
	if (readable)
		allow(fd, readable, READ_RIGHTS & known);
	return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? abi : 0;
}

void
sandbox_enter(const char *const writable[], const char *const readable[])
{
#ifndef __SANITIZE_ADDRESS__ /* the leak checker reads /proc at exit */
	int abi = restrict_files(writable, readable);

	log_debug("sandbox: Landlock ABI %d%s", abi, abi ? "" : " (this kernel has none)");
#else
	(void)restrict_files, (void)writable, (void)readable;
#endif
}

const char *
sandbox_lacks(void)
{
	const bool calls = syscalls_are_filtered();

	if (landlock_abi() < 1)
		return calls ?
		    "this kernel has no Landlock: processes see all files of their user" :
		    "this kernel has neither Landlock nor seccomp: processes may do what their "
		    "user may";
	return calls ? NULL :
		       "this kernel does not filter system calls (seccomp): processes may make any";
}

/* One folder's search permission for the user, by its mode bits. */
static bool
searchable(const char *dir, uid_t uid, gid_t gid)
{
	struct stat st;

	if (stat(dir, &st) != 0)
		return false;
	if (st.st_uid == uid)
		return st.st_mode & S_IXUSR;
	return st.st_gid == gid ? st.st_mode & S_IXGRP : st.st_mode & S_IXOTH;
}

bool
sandbox_reachable(const char *dir, uid_t uid, gid_t gid)
{
	auto_free char *path = strdup(dir);
	char *slash;

	if (!path)
		return false;
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (!searchable(path, uid, gid))
			return false;
		*slash = '/';
	}
	return searchable(path, uid, gid);
}

bool
sandbox_admit(const char *dir, uid_t uid, gid_t gid)
{
	struct stat st;

	if (searchable(dir, uid, gid))
		return true;
	return stat(dir, &st) == 0 && chown(dir, (uid_t)-1, gid) == 0 &&
	    chmod(dir, (st.st_mode & 07777 & ~(mode_t)S_IRWXG) | S_IXGRP) == 0;
}

bool
sandbox_view(const char *dir, const char *at)
{
	if (mkdir(at, 0755) != 0 && errno != EEXIST)
		return false;
	return unshare(CLONE_NEWNS) == 0 &&
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	    mount(dir, at, NULL, MS_BIND | MS_REC, NULL) == 0;
}
