/* Lengths of recordings: WebM (RFC 9559), MP4 (ISO 14496-12), Ogg (RFC 3533), WAV, FLAC (RFC 9639)
 * and MP3. Nothing is decoded. */
#include "audio.h"

#include "cleanup.h"

#include <string.h>
#include <unistd.h>

#define USUAL_BYTES_A_SECOND 4000 /* of speech: 32 kbit/s */
#define MOST_BYTES_A_SECOND 192000 /* of WAV: 48,000 samples of 16 bits, twice */
#define ELEMENTS_MOST 40000 /* five minutes are 30,000 blocks of 10 ms */
#define OGG_TAIL 65536 /* a page has at most 65,307 bytes */

/* A file through a window: it may be made of elements of two bytes, and a read each would keep a
 * worker busy. What was in it is a recording: whoever opens one wipes it. */
struct source {
	int fd;
	int64_t size;
	int64_t from; /* what is in the window */
	ssize_t have;
	uint8_t window[OGG_TAIL];
};

/* `len` bytes, at most a window; valid until the next view. NULL: the file has not that many. */
static const uint8_t *
view(struct source *s, int64_t at, size_t len)
{
	if (at < 0 || len > sizeof(s->window) || at + (int64_t)len > s->size)
		return NULL;
	if (at < s->from || at + (int64_t)len > s->from + s->have) {
		s->from = at;
		s->have = pread(s->fd, s->window, sizeof(s->window), (off_t)at);
	}
	return s->have < (ssize_t)len ? NULL : s->window + (at - s->from);
}

static uint64_t
big(const uint8_t *p, int len)
{
	uint64_t value = 0;

	for (int i = 0; i < len; i++)
		value = value << 8 | p[i];
	return value;
}

static uint64_t
little(const uint8_t *p, int len)
{
	uint64_t value = 0;

	for (int i = len - 1; i >= 0; i--)
		value = value << 8 | p[i];
	return value;
}

/* Milliseconds of `units` where a second has `rate`; -1: that cannot be. */
static double
ms_of(double units, double rate)
{
	return rate > 0 && units > 0 ? units * 1000 / rate : -1;
}

static double
wav_ms(struct source *s)
{
	const uint8_t *chunk, *format;
	double rate = 0;
	int64_t at = 12;

	for (int i = 0; i < 64 && (chunk = view(s, at, 8)); i++) {
		const uint32_t len = (uint32_t)little(chunk + 4, 4);
		const bool is_format = memcmp(chunk, "fmt ", 4) == 0,
			   is_sound = memcmp(chunk, "data", 4) == 0;

		at += 8;
		if (is_format && (format = view(s, at, 12)))
			rate = (double)little(format + 8, 4);
		if (is_sound) /* whoever streams does not know it yet */
			return ms_of(
			    (double)(len && at + len <= s->size ? len : s->size - at), rate);
		at += len + (len & 1);
	}
	return -1;
}

static double
flac_ms(struct source *s)
{
	const uint8_t *info = view(s, 18, 8); /* rate in 20 bits, samples in the last 36 */

	if (!info)
		return -1;
	return ms_of((double)(big(info, 8) & 0xfffffffff), (double)(big(info, 3) >> 4));
}

/* What a second is in positions of the pages. */
static double
ogg_rate(const uint8_t *page, size_t len)
{
	static const struct {
		const char *name;
		size_t len, at; /* of the rate; 0: it is 48,000 */
	} codecs[] = { { "OpusHead", 8, 0 }, { "\1vorbis", 7, 12 }, { "Speex   ", 8, 36 } };
	const uint8_t *packet = page + 27 + page[26];

	for (size_t i = 0; i < ARRAY_LEN(codecs); i++)
		if (packet + codecs[i].at + 8 <= page + len &&
		    memcmp(packet, codecs[i].name, codecs[i].len) == 0)
			return codecs[i].at ? (double)little(packet + codecs[i].at, 4) : 48000;
	return 0;
}

/* The position of the last page. */
static double
ogg_ms(struct source *s)
{
	const size_t head_len = s->size < 512 ? (size_t)s->size : 512,
		     len = s->size < OGG_TAIL ? (size_t)s->size : OGG_TAIL;
	const uint8_t *head = view(s, 0, head_len);
	const double rate = head && head_len >= 64 ? ogg_rate(head, head_len) : 0;
	const uint8_t *tail = rate > 0 ? view(s, s->size - (int64_t)len, len) : NULL;

	if (!tail)
		return -1;
	for (size_t at = len - 27; at > 0; at--)
		if (memcmp(tail + at, "OggS", 4) == 0 && little(tail + at + 6, 8) != UINT64_MAX)
			return ms_of((double)little(tail + at + 6, 8), rate);
	return -1;
}

/* By the rate of the first frame: exact only where all are alike. */
static double
mp3_ms(struct source *s)
{
	static const uint16_t kbits[2][16] = { { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192,
						   224, 256, 320, 0 },
		{ 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0 } };
	const uint8_t *tag = view(s, 0, 10), *frame;
	int64_t at = 0;

	if (tag && memcmp(tag, "ID3", 3) == 0)
		at = 10 + (tag[6] << 21 | tag[7] << 14 | tag[8] << 7 | tag[9]);
	if (!(frame = view(s, at, 4)) || frame[0] != 0xff ||
	    (frame[1] & 0xe6) != 0xe2) /* layer III */
		return -1;
	return ms_of(
	    8.0 * (double)(s->size - at), 1000.0 * kbits[(frame[1] & 0x18) != 0x18][frame[2] >> 4]);
}

/* One element or box. */
struct element {
	uint64_t id;
	int64_t body, len; /* len -1: it is not said */
};

/* A number of EBML, with its marker or without; its bytes, or 0. */
static int
read_vint(struct source *s, int64_t at, bool marked, uint64_t *out)
{
	const uint8_t *bytes = view(s, at, 1);
	int len = 1;

	if (!bytes || bytes[0] == 0)
		return 0;
	while (!(bytes[0] & (0x100 >> len)))
		len++;
	if (!(bytes = view(s, at, (size_t)len)))
		return 0;
	*out = big(bytes, len);
	if (!marked)
		*out &= ((uint64_t)1 << 7 * len) - 1;
	return len;
}

static bool
read_element(struct source *s, int64_t at, struct element *e)
{
	uint64_t len;
	const int id_bytes = read_vint(s, at, true, &e->id),
		  len_bytes = id_bytes ? read_vint(s, at + id_bytes, false, &len) : 0;

	if (!len_bytes)
		return false;
	e->body = at + id_bytes + len_bytes;
	e->len = len == ((uint64_t)1 << 7 * len_bytes) - 1 ? -1 : (int64_t)len;
	return true;
}

/* `len` bytes of an element's body as a number; 0: it has not that many. */
static uint64_t
number_at(struct source *s, const struct element *e, int64_t at, int len)
{
	const uint8_t *p = at + len <= e->len ? view(s, e->body + at, (size_t)len) : NULL;

	return p ? big(p, len) : 0;
}

static double
to_float(uint64_t bits, int len)
{
	const uint32_t half = (uint32_t)bits;
	double wide = 0;
	float narrow = 0;

	memcpy(&wide, &bits, sizeof(wide));
	memcpy(&narrow, &half, sizeof(narrow));
	return len == 8 ? wide : (double)narrow;
}

#define WEBM_SEGMENT 0x18538067
#define WEBM_INFO 0x1549a966
#define WEBM_CLUSTER 0x1f43b675
#define WEBM_BLOCK_GROUP 0xa0
#define WEBM_SCALE 0x2ad7b1
#define WEBM_DURATION 0x4489
#define WEBM_TIME 0xe7
#define WEBM_SIMPLE_BLOCK 0xa3
#define WEBM_BLOCK 0xa1

struct webm {
	double scale; /* nanoseconds of a tick */
	double duration, cluster, last; /* ticks */
};

static void
take_value(struct webm *w, struct source *s, const struct element *e)
{
	const int len = e->len >= 1 && e->len <= 8 ? (int)e->len : 0;

	if (e->id == WEBM_SCALE && len)
		w->scale = (double)number_at(s, e, 0, len);
	else if (e->id == WEBM_DURATION && (len == 4 || len == 8))
		w->duration = to_float(number_at(s, e, 0, len), len);
	else if (e->id == WEBM_TIME && len)
		w->cluster = (double)number_at(s, e, 0, len);
}

/* A block: its track in one byte, and when it begins, counted from its cluster. */
static void
take_block(struct webm *w, struct source *s, const struct element *e)
{
	const uint64_t head = number_at(s, e, 0, 3);
	const double block = w->cluster + (double)(int16_t)head;

	if (head & 0x800000 && block > w->last)
		w->last = block;
}

/* Browsers write no length at the beginning, and lists without ends: what is in them is read as if
 * it stood side by side. */
static double
webm_ms(struct source *s)
{
	struct webm w = { .scale = 1000000 };
	struct element e;
	int64_t at = 0;

	for (int i = 0; i < ELEMENTS_MOST && at < s->size; i++) {
		if (!read_element(s, at, &e))
			return -1;
		if (e.id == WEBM_SEGMENT || e.id == WEBM_INFO || e.id == WEBM_CLUSTER ||
		    e.id == WEBM_BLOCK_GROUP) {
			at = e.body;
			continue;
		}
		if (e.id == WEBM_SIMPLE_BLOCK || e.id == WEBM_BLOCK)
			take_block(&w, s, &e);
		else
			take_value(&w, s, &e);
		if (e.len < 0)
			return -1;
		at = e.len < s->size - e.body ? e.body + e.len : s->size;
	}
	if (at < s->size)
		return -1;
	return ms_of((w.duration > w.last ? w.duration : w.last) * w.scale, 1e9);
}

static bool
read_box(struct source *s, int64_t at, struct element *e)
{
	const uint8_t *head = view(s, at, 8);
	int64_t len;

	if (!head)
		return false;
	len = (int64_t)big(head, 4);
	e->id = big(head + 4, 4);
	e->body = at + 8;
	if (len == 1 && (head = view(s, at, 16))) {
		len = (int64_t)(big(head + 8, 8) & INT64_MAX);
		e->body = at + 16;
	} else if (len == 0) {
		len = s->size - at;
	}
	e->len = len - (e->body - at);
	return e->len >= 0;
}

#define MP4_NAME(a, b, c, d) ((uint64_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

struct mp4 {
	double movie_ms; /* by mvhd */
	double rate; /* of the track */
	double fragment; /* when the last one begins */
	int64_t fragment_at, moof_at;
};

static void
take_box(struct mp4 *m, struct source *s, const struct element *e)
{
	const bool wide = number_at(s, e, 0, 1) == 1;

	if (e->id == MP4_NAME('m', 'v', 'h', 'd')) {
		m->movie_ms =
		    ms_of((double)(wide ? number_at(s, e, 24, 8) : number_at(s, e, 16, 4)),
			(double)number_at(s, e, wide ? 20 : 12, 4));
	} else if (e->id == MP4_NAME('m', 'd', 'h', 'd')) {
		m->rate = (double)number_at(s, e, wide ? 20 : 12, 4);
	} else if (e->id == MP4_NAME('t', 'f', 'd', 't')) {
		m->fragment = (double)number_at(s, e, 4, wide ? 8 : 4);
		m->fragment_at = m->moof_at;
	}
}

/* Fragments tell when they begin: the last one is taken to be as dense as those before it. Sets
 * *exact to whether the file said it. */
static double
mp4_ms(struct source *s, bool *exact)
{
	static const uint64_t lists[] = { MP4_NAME('m', 'o', 'o', 'v'),
		MP4_NAME('t', 'r', 'a', 'k'), MP4_NAME('m', 'd', 'i', 'a'),
		MP4_NAME('m', 'o', 'o', 'f'), MP4_NAME('t', 'r', 'a', 'f') };
	struct mp4 m = { .movie_ms = -1 };
	struct element e;
	int64_t at = 0;

	for (int i = 0; i < ELEMENTS_MOST && at < s->size && read_box(s, at, &e); i++) {
		bool is_list = false;

		for (size_t k = 0; k < ARRAY_LEN(lists); k++)
			is_list |= e.id == lists[k];
		if (e.id == MP4_NAME('m', 'o', 'o', 'f'))
			m.moof_at = at;
		if (!is_list)
			take_box(&m, s, &e);
		at = is_list || e.len > s->size - e.body ? e.body : e.body + e.len;
		if (!is_list && at == e.body)
			break; /* cut */
	}
	*exact = m.movie_ms > 0;
	if (*exact || m.fragment_at == 0)
		return m.movie_ms;
	return ms_of(m.fragment * (double)s->size / (double)m.fragment_at, m.rate);
}

/* By the first bytes; the media type is what somebody said. */
static double
find_ms(struct source *s, bool *exact)
{
	const uint8_t *head = view(s, 0, 12);

	*exact = true;
	if (!head)
		return -1;
	if (memcmp(head, "\x1a\x45\xdf\xa3", 4) == 0)
		return webm_ms(s);
	if (memcmp(head, "OggS", 4) == 0)
		return ogg_ms(s);
	if (memcmp(head, "RIFF", 4) == 0 && memcmp(head + 8, "WAVE", 4) == 0)
		return wav_ms(s);
	if (memcmp(head, "fLaC", 4) == 0)
		return flac_ms(s);
	if (memcmp(head + 4, "ftyp", 4) == 0)
		return mp4_ms(s, exact);
	*exact = false;
	return mp3_ms(s);
}

struct audio_length
audio_length(int fd, int64_t size)
{
	struct source s = { .fd = fd, .size = size };
	const int64_t least = size * 1000 / MOST_BYTES_A_SECOND;
	bool exact = false;
	const double ms = find_ms(&s, &exact);

	explicit_bzero(&s, sizeof(s));
	if (!(ms >= 0 && ms < 1e12))
		return (struct audio_length){ size * 1000 / USUAL_BYTES_A_SECOND, false };
	if (ms < (double)least) /* it lies */
		return (struct audio_length){ least, false };
	return (struct audio_length){ (int64_t)ms, exact };
}
