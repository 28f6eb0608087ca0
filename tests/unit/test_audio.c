/* Lengths of recordings, from headers written by hand. */
#include "scratch.h"

#include "audio.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int fd = -1;
static int64_t size;

static int
set_up(void **state)
{
	(void)state;
	fd = memfd_create("sound", MFD_CLOEXEC);
	size = 0;
	return fd < 0;
}

static int
tear_down(void **state)
{
	(void)state;
	return close(fd);
}

static void
add(const void *bytes, size_t len)
{
	assert_int_equal(write(fd, bytes, len), len);
	size += (int64_t)len;
}

#define ADD(literal) add(literal, sizeof(literal) - 1)

static void
pad(size_t len)
{
	char zero[1024] = { 0 };

	for (; len > sizeof(zero); len -= sizeof(zero))
		add(zero, sizeof(zero));
	add(zero, len);
}

static void
is(int64_t ms, bool exact)
{
	const struct audio_length got = audio_length(fd, size);

	assert_int_equal(got.ms, ms);
	assert_int_equal(got.exact, exact);
}

/* 8,000 bytes a second. */
#define WAV_HEAD "RIFF\0\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x40\x1f\0\0\x40\x1f\0\0\1\0\x08\0"

TEST(wav_by_its_rate)
{
	ADD(WAV_HEAD "LIST\3\0\0\0abc\0data\x40\x1f\0\0");
	pad(8000);
	is(1000, true);
}

TEST(wav_without_a_length_has_all_that_follows)
{
	ADD(WAV_HEAD "data\xff\xff\xff\xff");
	pad(4000);
	is(500, true);
}

TEST(wav_without_a_rate_is_guessed)
{
	ADD("RIFF\0\0\0\0WAVEdata\0\0\0\0");
	pad(4000);
	is(1005, false);
}

TEST(flac_by_its_samples)
{
	/* 48,000 samples a second in 20 bits, one channel, 16 bits, 96,000 samples */
	ADD("fLaC\0\0\0\x22\x10\0\x10\0\0\0\0\0\0\0\x0b\xb8\0\xf0\0\1\x77\0");
	pad(100);
	is(2000, true);
}

/* A page with one packet. */
#define OGG_PAGE(position, packet) ADD("OggS\0\0" position "\0\0\0\0\0\0\0\0\0\0\0\0\1\x20" packet)

TEST(ogg_by_the_position_of_its_last_page)
{
	OGG_PAGE(
	    "\0\0\0\0\0\0\0\0", "OpusHead\1\1\0\0\x80\xbb\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	pad(2000);
	OGG_PAGE("\x80\xbb\0\0\0\0\0\0", "sound");
	is(1000, true);
	/* a page that only goes on with a packet has none */
	OGG_PAGE("\xff\xff\xff\xff\xff\xff\xff\xff", "sound");
	is(1000, true);
}

TEST(ogg_vorbis_says_its_rate)
{
	OGG_PAGE("\0\0\0\0\0\0\0\0", "\1vorbis\0\0\0\0\1\x44\xac\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
	OGG_PAGE("\x88\x58\1\0\0\0\0\0", "sound");
	is(2000, true);
}

#define WEBM_HEAD \
	"\x1a\x45\xdf\xa3\x84\x42\x86\x81\1" /* EBML */ \
	"\x18\x53\x80\x67\x01\xff\xff\xff\xff\xff\xff\xff" /* a segment without a length */
#define WEBM_CLUSTER "\x1f\x43\xb6\x75\x01\xff\xff\xff\xff\xff\xff\xff"

TEST(webm_without_a_duration_by_its_last_block)
{
	ADD(WEBM_HEAD "\x15\x49\xa9\x66\x87\x2a\xd7\xb1\x83\x0f\x42\x40");
	ADD(WEBM_CLUSTER "\xe7\x81\0\xa3\x85\x81\0\0\x80x");
	ADD(WEBM_CLUSTER "\xe7\x82\x0b\xb8\xa3\x85\x81\0\x64\x80x\xa0\x87\xa1\x85\x81\0\xc8\x80x");
	is(3200, true);
}

TEST(webm_with_a_duration)
{
	/* 2,500 as a float, in ticks of a millisecond */
	ADD(WEBM_HEAD "\x15\x49\xa9\x66\x87\x44\x89\x84\x45\x1c\x40\0");
	ADD(WEBM_CLUSTER "\xe7\x81\0\xa3\x85\x81\0\0\x80x");
	is(2500, true);
}

TEST(webm_that_is_broken_is_guessed)
{
	ADD(WEBM_HEAD WEBM_CLUSTER "\xe7\x81\0\0");
	pad(3950);
	is(size * 1000 / 4000, false);
}

#define MP4_HEAD \
	"\0\0\0\x10" \
	"ftypM4A \0\0\0\0"

TEST(mp4_by_its_movie)
{
	ADD(MP4_HEAD "\0\0\0\x2c"
		     "moov"
		     "\0\0\0\x24"
		     "mvhd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\xe8\0\0\x0f\xa0");
	pad(8);
	pad(1000);
	is(4000, true);
}

TEST(mp4_in_fragments_by_how_dense_the_earlier_ones_are)
{
	ADD(MP4_HEAD "\0\0\0\x38"
		     "moov"
		     "\0\0\0\x30"
		     "trak"
		     "\0\0\0\x28"
		     "mdia"
		     "\0\0\0\x20"
		     "mdhd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x03\xe8\0\0\0\0\0\0\0\0");
	ADD("\0\0\x03\xb8"
	    "mdat");
	pad(944); /* the second fragment begins at byte 1,024 */
	ADD("\0\0\0\x24"
	    "moof"
	    "\0\0\0\x1c"
	    "traf"
	    "\0\0\0\x14"
	    "tfdt\1\0\0\0\0\0\0\0\0\0\x07\xd0");
	ADD("\0\0\x03\xdc"
	    "mdat");
	pad(980);
	assert_int_equal(size, 2048);
	is(4000, false);
}

TEST(mp3_by_its_first_frame)
{
	ADD("ID3\4\0\0\0\0\0\x0a");
	pad(10);
	ADD("\xff\xfb\x90\0"); /* 128 kbit/s */
	pad(15996);
	is(1000, false);
}

TEST(what_is_unknown_is_guessed_by_its_size)
{
	ADD("something else");
	pad(8000 - 14);
	is(2000, false);
}

TEST(little_and_nothing)
{
	is(0, false);
	ADD("RIFF");
	is(1, false);
}

TEST(file_cannot_say_that_it_is_shorter_than_any_is)
{
	ADD("RIFF\0\0\0\0WAVEfmt "
	    "\x10\0\0\0\1\0\1\0\x40\x1f\0\0\xff\xff\xff\x7f\1\0\x08\0data\0\0\0\0");
	pad(192000 - 44);
	is(1000, false);
}

#define EACH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

static const struct CMUnitTest tests[] = {
	EACH(wav_by_its_rate),
	EACH(wav_without_a_length_has_all_that_follows),
	EACH(wav_without_a_rate_is_guessed),
	EACH(flac_by_its_samples),
	EACH(ogg_by_the_position_of_its_last_page),
	EACH(ogg_vorbis_says_its_rate),
	EACH(webm_without_a_duration_by_its_last_block),
	EACH(webm_with_a_duration),
	EACH(webm_that_is_broken_is_guessed),
	EACH(mp4_by_its_movie),
	EACH(mp4_in_fragments_by_how_dense_the_earlier_ones_are),
	EACH(mp3_by_its_first_frame),
	EACH(what_is_unknown_is_guessed_by_its_size),
	EACH(little_and_nothing),
	EACH(file_cannot_say_that_it_is_shorter_than_any_is),
};

int
main(void)
{
	return cmocka_run_group_tests_name("audio", tests, NULL, NULL);
}
