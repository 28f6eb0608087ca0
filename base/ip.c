/* The special-purpose registries of IANA (RFC 6890), as tables. */
#include "ip.h"

#include "cleanup.h"

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct net4 {
	uint32_t address;
	int bits;
};

struct net6 {
	uint8_t head[16];
	int bits;
};

#define V4(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))

static const struct net4 special4[] = {
	{ V4(0, 0, 0, 0), 8 }, { V4(10, 0, 0, 0), 8 }, { V4(100, 64, 0, 0), 10 },
	{ V4(127, 0, 0, 0), 8 }, { V4(169, 254, 0, 0), 16 }, { V4(172, 16, 0, 0), 12 },
	{ V4(192, 0, 0, 0), 24 }, { V4(192, 0, 2, 0), 24 }, { V4(192, 88, 99, 0), 24 },
	{ V4(192, 168, 0, 0), 16 }, { V4(198, 18, 0, 0), 15 }, { V4(198, 51, 100, 0), 24 },
	{ V4(203, 0, 113, 0), 24 }, { V4(224, 0, 0, 0), 3 }, /* multicast, and what is kept back */
};

/* Only 2000::/3 is given out; of it not these: Teredo and other protocols, documentation. */
static const struct net6 special6[] = {
	{ { 0x20, 0x01, 0x00 }, 23 },
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 },
	{ { 0x3f, 0xff }, 20 },
};

static bool
is_public4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_LEN(special4); i++)
		if ((address ^ special4[i].address) >> (32 - special4[i].bits) == 0)
			return false;
	return true;
}

static bool
starts_with(const uint8_t *address, const uint8_t *head, int bits)
{
	const int whole = bits / 8, rest = bits % 8;

	return memcmp(address, head, (size_t)whole) == 0 &&
	    (rest == 0 || (address[whole] ^ head[whole]) >> (8 - rest) == 0);
}

/* The v4 address that stands in a v6 one from byte `at` on. */
static uint32_t
v4_at(const uint8_t *address, int at)
{
	return V4(address[at], address[at + 1], address[at + 2], address[at + 3]);
}

static bool
is_public6(const uint8_t *address)
{
	static const uint8_t mapped[16] = { [10] = 0xff, [11] = 0xff };
	static const uint8_t nat64[16] = { 0x00, 0x64, 0xff, 0x9b };
	static const uint8_t given_out[1] = { 0x20 }, six_to_four[2] = { 0x20, 0x02 };

	if (starts_with(address, mapped, 96) || starts_with(address, nat64, 96))
		return is_public4(v4_at(address, 12));
	if (starts_with(address, six_to_four, 16))
		return is_public4(v4_at(address, 2));
	for (size_t i = 0; i < ARRAY_LEN(special6); i++)
		if (starts_with(address, special6[i].head, special6[i].bits))
			return false;
	return starts_with(address, given_out, 3);
}

bool
ip_is_public(const struct sockaddr *address)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		return is_public4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family != AF_INET6)
		return false;
	memcpy(&v6, address, sizeof(v6));
	return is_public6(v6.sin6_addr.s6_addr);
}
