/* Taking the body of an upload into the folder of files: what the kernel may refuse, and what must
 * be left behind then. */
#include "scratch.h"

#include "file.h"
#include "log.h"
#include "resp.h"
#include "upload.h"
#include "uploads.h"

#include <dirent.h>
#include <sys/syscall.h>

#define FORM \
	"--B\r\nContent-Disposition: form-data; name=\"file\"; " \
	"filename=\"a.txt\"\r\n\r\nhello\r\n--B--"

static char dir[SCRATCH_BYTES];
static struct conf conf;
static struct worker worker;
static struct request request;
static struct upload up;
static bool armed, shrinks; /* during the call under test; the body is shorter than it was */
static int write_errno, write_errors; /* how often writing fails, and how */

/* In the place of the C library's. */
ssize_t
pwrite(int fd, const void *data, size_t len, off_t at)
{
	if (armed && write_errors > 0) {
		write_errors--;
		errno = write_errno;
		return -1;
	}
	/* two bytes at a time: a short write is no failure */
	return syscall(SYS_pwrite64, fd, data, armed && len > 2 ? 2 : len, at);
}

ssize_t
pread(int fd, void *data, size_t len, off_t at)
{
	return armed && shrinks && len == strlen("hello") ? 0 :
							    syscall(SYS_pread64, fd, data, len, at);
}

static bool
take(void)
{
	bool taken;

	armed = true;
	taken = upload_take(&request, "file", NULL, &up);
	armed = false;
	return taken;
}

static int
set_up(void **state)
{
	(void)state;
	log_setup("unit", LOG_LEVEL_NOTICE);
	scratch_make(dir);
	assert_int_equal(mkdir(scratch_path(dir, UPLOADS_INCOMING), 0700), 0);
	assert_int_equal(mkdir(scratch_path(dir, UPLOADS_FILES), 0700), 0);
	conf = (struct conf){ .upload_dir = dir, .max_upload_bytes = 1000 };
	worker = (struct worker){ .conf = &conf };
	request = (struct request){ .worker = &worker,
		.method = METHOD_POST,
		.content_type = "multipart/form-data; boundary=B",
		.body_file = "anything/0000000001",
		.content_length = -1 };
	write_errors = 0;
	shrinks = false;
	scratch_write(dir, UPLOADS_INCOMING "/0000000001", FORM);
	return secret_init() ? 0 : -1;
}

static int
tear_down(void **state)
{
	(void)state;
	json_object_put(request.resp.body);
	scratch_remove(dir);
	return 0;
}

static int
count(const char *folder)
{
	DIR *d = opendir(scratch_path(dir, folder));
	int n = -2; /* . and .. */

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void
takes(const char *want)
{
	char data[4096];
	int fd;

	assert_true(take());
	assert_int_equal(up.size, strlen(want));
	fd = open(up.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, data, sizeof(data)), strlen(want));
	assert_memory_equal(data, want, strlen(want));
	close(fd);
	assert_int_equal(count(UPLOADS_FILES), 1);
	assert_int_equal(count(UPLOADS_INCOMING), 0);
}

static void
refuses(int status)
{
	assert_false(take());
	assert_int_equal(request.resp.status, status);
	assert_int_equal(count(UPLOADS_FILES), 0);
}

TEST(part_becomes_a_file_and_the_body_goes)
{
	takes("hello");
	assert_string_equal(up.name, "a.txt");
}

TEST(raw_body_is_the_file)
{
	request.method = METHOD_PUT;
	takes(FORM);
}

TEST(shifting_goes_on_after_an_interruption)
{
	write_errno = EINTR;
	write_errors = 3;
	takes("hello");
}

TEST(full_disk_is_a_503_and_leaves_nothing)
{
	write_errno = ENOSPC;
	write_errors = 1;
	refuses(503);
	assert_int_equal(count(UPLOADS_INCOMING), 0);
}

TEST(body_that_shrinks_is_an_error_and_leaves_nothing)
{
	shrinks = true;
	refuses(500);
	assert_int_equal(count(UPLOADS_INCOMING), 0);
}

TEST(body_that_the_web_server_took_back_is_nobodys_fault)
{
	unlink(scratch_path(dir, UPLOADS_INCOMING "/0000000001"));
	refuses(400);
	request.method = METHOD_PUT;
	refuses(400);
}

TEST(missing_folder_of_files_is_the_relays_fault)
{
	assert_int_equal(rmdir(scratch_path(dir, UPLOADS_FILES)), 0);
	assert_false(take());
	assert_int_equal(request.resp.status, 500);
	assert_int_equal(count(UPLOADS_INCOMING), 0);
}

TEST(only_a_name_of_digits_in_the_folder_is_taken)
{
	static const char *const names[] = { "../0000000001/", "x", "/x", "/", "/1x", "/..",
		"/0000000001.txt", "0000000001" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		request.body_file = names[i];
		refuses(500);
	}
	assert_int_equal(count(UPLOADS_INCOMING), 1);
}

TEST(link_instead_of_a_body_is_not_followed)
{
	scratch_write(dir, "secret", FORM);
	unlink(scratch_path(dir, UPLOADS_INCOMING "/0000000001"));
	assert_int_equal(
	    symlink(scratch_path(dir, "secret"), scratch_path(dir, UPLOADS_INCOMING "/0000000001")),
	    0);
	refuses(500);
	assert_true(scratch_has(dir, "secret"));
}

TEST(file_is_readable_to_whoever_may_enter_the_folder)
{
	static const mode_t modes[][2] = { { 0700, 0600 }, { 0750, 0640 }, { 0755, 0644 } };
	struct stat st;

	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(chmod(dir, modes[i][0]), 0);
		takes("hello");
		assert_int_equal(stat(up.path, &st), 0);
		assert_int_equal(st.st_mode & 07777, modes[i][1]);
		unlink(up.path);
		scratch_write(dir, UPLOADS_INCOMING "/0000000001", FORM);
	}
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(part_becomes_a_file_and_the_body_goes),
		EACH(raw_body_is_the_file),
		EACH(shifting_goes_on_after_an_interruption),
		EACH(full_disk_is_a_503_and_leaves_nothing),
		EACH(body_that_shrinks_is_an_error_and_leaves_nothing),
		EACH(body_that_the_web_server_took_back_is_nobodys_fault),
		EACH(missing_folder_of_files_is_the_relays_fault),
		EACH(only_a_name_of_digits_in_the_folder_is_taken),
		EACH(link_instead_of_a_body_is_not_followed),
		EACH(file_is_readable_to_whoever_may_enter_the_folder),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
