/* The file that a running relay holds locked. */
#include "runfile.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int
runfile_open(const char *dir, bool make)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run/relayd.lock", dir);
	return open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT : 0), 0644);
}

/* Read through a descriptor that may only read: who may not write the file asks too. */
bool
runfile_read(const char *dir, struct runfile *out)
{
	char path[PATH_MAX], word[32];
	auto_file FILE *f = NULL;
	struct stat st;

	*out = (struct runfile){ .written_at = 0 };
	snprintf(path, sizeof(path), "%s/run/relayd.lock", dir);
	f = fopen(path, "re");
	if (!f || fstat(fileno(f), &st) != 0)
		return false;
	out->written_at = (int64_t)st.st_mtim.tv_sec * 1000;
	if (!fgets(out->url, sizeof(out->url), f))
		out->url[0] = '\0';
	out->url[strcspn(out->url, "\n")] = '\0';
	out->has_http = strncmp(out->url, "http", 4) == 0;
	out->by_environment = fgets(word, sizeof(word), f) && strcmp(word, "environment\n") == 0;
	return out->url[0];
}

static pid_t
holder(int fd)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return fcntl(fd, F_GETLK, &f) == 0 && f.l_type != F_UNLCK ? f.l_pid : 0;
}

pid_t
runfile_lock(int fd)
{
	struct flock f = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	if (fcntl(fd, F_SETLK, &f) == 0)
		return 0;
	return errno == EACCES || errno == EAGAIN ? holder(fd) : -1;
}

pid_t
runfile_holder(const char *dir)
{
	auto_close int fd = runfile_open(dir, false);

	return fd >= 0 ? holder(fd) : 0;
}

bool
runfile_write(int fd, const char *url, bool by_environment)
{
	return ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 &&
	    dprintf(fd, "%s\n%s\n", url, by_environment ? "environment" : "settings") > 0;
}
