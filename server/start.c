/* Folders, lock and database before the pool runs. */
#include "start.h"

#include "cleanup.h"
#include "epochs.h"
#include "log.h"
#include "runfile.h"
#include "sandbox.h"
#include "secret.h"
#include "vapid.h"
#include "db.h"
#include "uploads.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int lock_fd = -1;

static bool
refuse(char *error, const char *path, const char *why)
{
	snprintf(error, CONF_ERROR_BYTES, "%s: %s", path, why);
	return false;
}

/* Below the operator's folder, so ours to give away. */
static bool
is_inside(const char *dir, const char *path)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && path[len] == '/' && path[len + 1];
}

/* Makes a folder that is missing and sees to it that the user can write there. One that was there
 * before and lies elsewhere is never given away. 0, or an errno. */
static int
folder(const char *dir, const char *path, mode_t mode, uid_t uid, gid_t gid)
{
	bool ours = mkdir(path, mode) == 0 || is_inside(dir, path);
	struct stat st;

	if (stat(path, &st) != 0)
		return errno;
	if (!S_ISDIR(st.st_mode))
		return ENOTDIR;
	if (geteuid() != 0)
		return access(path, R_OK | W_OK | X_OK) == 0 ? 0 : errno;
	if (st.st_uid == uid)
		return 0;
	if (!ours)
		return EACCES;
	return chown(path, uid, gid) == 0 ? 0 : errno;
}

static bool
run_folder(const char *dir, const char *path, char *error)
{
	int why = folder(dir, path, 0755, geteuid(), getegid());

	return why == 0 || refuse(error, path, strerror(why));
}

/* The folder of uploads and what is in it. What is in it is closed to nobody who may enter the
 * folder itself. 0, or an errno. */
static int
upload_folders(const struct conf *c, uid_t uid, gid_t gid)
{
	static const char *const names[] = { UPLOADS_INCOMING, UPLOADS_FILES };
	/* a web server of another user has to get at the files, by names that nobody can guess */
	mode_t mode = c->own_nginx ? 0700 : 0711;
	int why = folder(c->dir, c->upload_dir, mode, uid, gid);
	char path[PATH_MAX + 16];

	if (why == 0 && !c->own_nginx && chmod(c->upload_dir, mode) != 0)
		why = errno;
	for (size_t i = 0; i < ARRAY_LEN(names) && why == 0; i++) {
		snprintf(path, sizeof(path), "%s/%s", c->upload_dir, names[i]);
		why = folder(c->dir, path, 0711, uid, gid);
	}
	return why;
}

bool
start_folders(const struct conf *c, uid_t uid, gid_t gid, char error[static CONF_ERROR_BYTES])
{
	char run[PATH_MAX], tmp[PATH_MAX + 8];
	int why;

	snprintf(run, sizeof(run), "%s/run", c->dir);
	snprintf(tmp, sizeof(tmp), "%s/tmp", run);
	why = folder(c->dir, c->data_dir, 0700, uid, gid);
	if (why)
		return conf_refuse(c, CONF_BRIDGE_DB_PATH, error,
		    "the folder of %s cannot be used: %s; a file in a folder that belongs to %s "
		    "is allowed",
		    c->db_path, strerror(why), geteuid() == 0 ? c->user : "you");
	why = upload_folders(c, uid, gid);
	if (why)
		return conf_refuse(c, CONF_PCHAT_UPLOAD_DIR, error,
		    "%s cannot be used: %s; a folder that belongs to %s is allowed", c->upload_dir,
		    strerror(why), geteuid() == 0 ? c->user : "you");
	return run_folder(c->dir, run, error) && run_folder(c->dir, tmp, error);
}

/* Of the database: beside it, and in its folder. */
static const char *const endings[] = { "", ".ready", "-wal", "-shm", ".lock", ".tombstones",
	".epochs" };
static const char *const keys[] = { "server.key", "vapid.key" };

/* What root put there (a restored backup, say) is given to the user of the relay. */
static void
adopt_files(const struct conf *c, uid_t uid, gid_t gid)
{
	char path[PATH_MAX + 16];
	struct stat st;

	if (geteuid() != 0)
		return;
	for (size_t i = 0; i < ARRAY_LEN(endings) + ARRAY_LEN(keys); i++) {
		if (i < ARRAY_LEN(endings))
			snprintf(path, sizeof(path), "%s%s", c->db_path, endings[i]);
		else
			snprintf(
			    path, sizeof(path), "%s/%s", c->data_dir, keys[i - ARRAY_LEN(endings)]);
		if (lstat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 &&
		    lchown(path, uid, gid) != 0 && errno != ENOENT)
			log_warn("%s: %s", path, strerror(errno));
	}
}

pid_t
start_lock(const char *dir)
{
	pid_t holder;

	if (lock_fd < 0)
		lock_fd = runfile_open(dir, true);
	holder = lock_fd < 0 ? -1 : runfile_lock(lock_fd);
	return holder == 0 ? ftruncate(lock_fd, 0) : holder;
}

void
start_publish(const struct conf *c, const char *url)
{
	enum conf_name port = c->relay_port ? CONF_WEBCHAT_RELAY_PORT : CONF_PORT;

	if (lock_fd >= 0)
		runfile_write(lock_fd, url, c->lines[CONF_HOST] < 0 || c->lines[port] < 0);
}

/* The name of a user, in `out`: or their number. */
static const char *
user_name(uid_t uid, char out[static LOGIN_NAME_MAX])
{
	const struct passwd *found = getpwuid(uid);

	if (found)
		snprintf(out, LOGIN_NAME_MAX, "%s", found->pw_name);
	else
		snprintf(out, LOGIN_NAME_MAX, "%u", (unsigned)uid);
	return out;
}

/* False for a file that is there but closed to the user that we are: who owns it, and the line that
 * mends it. */
static bool
is_ours(const char *path, int mode, char *error)
{
	char me[LOGIN_NAME_MAX], owner[LOGIN_NAME_MAX], why[PATH_MAX];
	struct stat st;
	int code;

	if (access(path, mode) == 0)
		return true;
	code = errno;
	/* what is not there, or goes as we look (a worker of a killed relay closes the database) */
	if (code == ENOENT || stat(path, &st) != 0)
		return true;
	user_name(geteuid(), me);
	snprintf(why, sizeof(why),
	    "%s; it belongs to %s, and the relay runs as %s: chown -R %s '%s' as root mends it",
	    strerror(code), user_name(st.st_uid, owner), me, me, path);
	return refuse(error, path, why);
}

static bool
check_database_files(const struct conf *c, char *error)
{
	char path[PATH_MAX + 16];

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		snprintf(path, sizeof(path), "%s%s", c->db_path, endings[i]);
		if (!is_ours(path, R_OK | W_OK, error))
			return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->data_dir, keys[i]);
		if (!is_ours(path, R_OK, error))
			return false;
	}
	snprintf(path, sizeof(path), "%s/backups", c->data_dir);
	return is_ours(path, R_OK | W_OK | X_OK, error);
}

/* Files of people that cannot be read do not stop the chat, but somebody should hear of it: the
 * first one is named. */
static void
check_uploads(const struct conf *c)
{
	char folder[PATH_MAX], path[PATH_MAX], error[CONF_ERROR_BYTES];
	struct dirent *e;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%s/" UPLOADS_FILES, c->upload_dir);
	dir = opendir(folder);
	while (dir && (e = readdir(dir))) {
		if (e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", folder, e->d_name) >= (int)sizeof(path))
			continue;
		if (!is_ours(path, R_OK, error)) {
			log_error("%s; there may be more in %s", error, folder);
			break;
		}
	}
	if (dir)
		closedir(dir);
}

static bool
prepare_database(const struct conf *c, char *error)
{
	const struct db_options o = db_options_of(c);
	char why[DB_ERROR_BYTES], no_key[SECRET_ERROR_BYTES];

	umask(0077);
	if (c->smtp_ca_file[0] && access(c->smtp_ca_file, R_OK) != 0)
		return conf_refuse(c, CONF_SMTP_CA_FILE, error,
		    "%s cannot be read by the user of the relay: %s; a readable file is allowed",
		    c->smtp_ca_file, strerror(errno));
	if (c->push_ca_file[0] && access(c->push_ca_file, R_OK) != 0)
		return conf_refuse(c, CONF_RELAY_PUSH_CA_FILE, error,
		    "%s cannot be read by the user of the relay: %s; a readable file is allowed",
		    c->push_ca_file, strerror(errno));
	if (!check_database_files(c, error))
		return false;
	check_uploads(c);
	if (!db_recover(&o, why))
		return refuse(error, "database", why);
	if (!secret_key_load(c->data_dir, !db_is_keyed(&o), no_key))
		return refuse(error, "server key", no_key);
	if (c->push && !vapid_load(c->data_dir, no_key))
		return refuse(error, "key of pushes", no_key);
	if (!db_migrate(&o, why) || !db_note_keyed(&o, why))
		return refuse(error, "database", why);
	return epochs_begin(c, error);
}

/* In a child of its own that becomes the unprivileged user, so that every file belongs to it from
 * the start. */
bool
start_database(const struct conf *c, uid_t uid, gid_t gid, char error[static CONF_ERROR_BYTES])
{
	int fds[2], status = -1;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) != 0)
		return refuse(error, "pipe", strerror(errno));
	adopt_files(c, uid, gid);
	pid = fork();
	if (pid == 0) {
		bool ok = sandbox_drop(uid, gid) ? prepare_database(c, error) :
						   refuse(error, "user", strerror(errno));

		if (!ok && write(fds[1], error, strlen(error)) < 0)
			_exit(2);
		_exit(!ok);
	}
	close(fds[1]);
	n = read(fds[0], error, CONF_ERROR_BYTES - 1);
	close(fds[0]);
	error[n > 0 ? n : 0] = '\0';
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status == 0;
}
