/* The sender of channel `file`: writes each message to data/sent/NAME. */
#include "carrier.h"
#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void *
start(const struct conf *c)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/sent", c->data_dir);
	mkdir(path, 0700);
	return strdup(path);
}

static enum mail_result
send_file(void *folder, const struct outbox_mail *mail, struct mail_reason *why, int64_t *wait_ms)
{
	auto_close int dir = open(folder, O_PATH | O_CLOEXEC),
		       fd = openat(dir, mail->recipient, O_WRONLY | O_CREAT | O_EXCL, 0600);
	const size_t len = strlen(mail->body);

	*wait_ms = 0;
	if (fd >= 0 && write(fd, mail->body, len) == (ssize_t)len)
		return MAIL_SENT;
	snprintf(why->own, sizeof(why->own), "%s", strerror(errno));
	return errno == EEXIST || errno == ENOENT ? MAIL_REFUSED : MAIL_LATER;
}

const struct carrier file_carrier = {
	.what = "file", .open = start, .close = free, .send = send_file
};
