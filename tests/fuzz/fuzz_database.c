/* Fuzzing of the database file. An input is a list of changes to a true one: two bytes of where (in
 * steps of its size), a byte of how many, and as many bytes. The start says no, or people are
 * served, with errors or without; every request has a response, and everybody reads their own words
 * alone. */
#include "fuzz_relay.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc, (void)argv;
	relay_make();
	return 0;
}

static void
change(const uint8_t *data, size_t size)
{
	int fd = open(world.conf.db_path, O_RDWR | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		give_up("%s", world.conf.db_path);
	while (size > 3) {
		const off_t at =
		    (off_t)((data[0] << 8 | data[1]) * (st.st_size / 65536 + 1)) % st.st_size;
		const size_t len = data[2] % 32 < size - 3 ? data[2] % 32 : size - 3;

		if (pwrite(fd, data + 3, len, at) != (ssize_t)len)
			give_up("%s", world.conf.db_path);
		data += 3 + len;
		size -= 3 + len;
	}
	close(fd);
}

static void
ask(const char *who, const char *method, const char *path, const char *body)
{
	static struct reply reply;

	world_call(&(struct asked){ method, path, world_text(who), body, "" }, NULL, &reply);
	if (reply.status == 0)
		abort();
	if (strcmp(who, "{carol}") == 0 &&
	    (strstr(reply.text, "once more") || strstr(reply.text, "to all")))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct db_options o = db_options_of(&world.conf);
	char error[DB_ERROR_BYTES] = "";

	check_put_back();
	change(data, size);
	if (!db_recover(&o, error) || !db_migrate(&o, error) || !world_open(error)) {
		if (!error[0])
			abort();
		return 0;
	}
	ask("{ann}", "GET", "/api/v1/pchat/auth/export", "");
	ask("{bob}", "POST", "/api/v1/webchat/poll", "{\"chat_address\":\"bob\",\"cursor\":\"\"}");
	ask("{carol}", "GET", "/api/v1/pchat/auth/export", "");
	ask("{carol}", "POST", "/api/v1/webchat/poll",
	    "{\"chat_address\":\"carol\",\"cursor\":\"\"}");
	ask("{root}", "GET", "/api/v1/webchat/admin/users", "");
	world_close();
	return 0;
}
