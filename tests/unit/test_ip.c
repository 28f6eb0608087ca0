/* Which addresses are out in the internet, as a socket is about to be opened to them. */
#include "scratch.h"

#include "ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static bool
is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return ip_is_public((struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return ip_is_public((struct sockaddr *)&v6);
}

static void
each(bool want, const char *const *list)
{
	for (; *list; list++)
		if (is_public(*list) != want)
			fail_msg("%s should be %s", *list, want ? "public" : "kept out");
}

TEST(addresses_of_the_internet_are_public)
{
	each(true,
	    (const char *const[]){ "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255",
		"100.128.0.0", "126.255.255.255", "128.0.0.1", "169.253.255.255", "172.15.255.255",
		"172.32.0.0", "192.0.1.0", "192.167.255.255", "192.169.0.0", "198.17.255.255",
		"198.20.0.0", "223.255.255.255", "2606:4700::1111", "2001:4860::8888",
		"2001:200::1", "2a00::1", "3ffe::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1",
		"2002:101:101::1", NULL });
}

TEST(all_others_are_kept_out)
{
	each(false,
	    (const char *const[]){ "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.0",
		"100.127.255.255", "127.0.0.1", "127.255.255.255", "169.254.169.254", "172.16.0.1",
		"172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.0.1",
		"198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1",
		"239.1.1.1", "240.0.0.1", "255.255.255.255", NULL });
	each(false,
	    (const char *const[]){ "::", "::1", "::7f00:1", "fc00::1", "fd12::1", "fe80::1",
		"fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::127.0.0.1",
		"64:ff9b:1::1", "2002:7f00:1::1", "2002:a00:1::1", "2001::1", "2001:db8::1",
		"2001:1ff::1", "3fff::1", "100::1", "4000::1", "1fff::1", NULL });
}

TEST(other_families_are_kept_out)
{
	const struct sockaddr unix_socket = { .sa_family = AF_UNIX };

	assert_false(ip_is_public(&unix_socket));
}

#define EACH(name) cmocka_unit_test(name)

static const struct CMUnitTest tests[] = {
	EACH(addresses_of_the_internet_are_public),
	EACH(all_others_are_kept_out),
	EACH(other_families_are_kept_out),
};

int
main(void)
{
	return cmocka_run_group_tests_name("ip", tests, NULL, NULL);
}
