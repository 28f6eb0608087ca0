/* A relay to be fuzzed: the one of tests/torture, put back to where it began now and then. */
#ifndef FUZZ_RELAY_H
#define FUZZ_RELAY_H

#include "check.h"
#include "log.h"
#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RELAY_SETTINGS \
	"RELAY_API_RATE=0\nRELAY_AUTH_RATE=0\nRELAY_CODES_PER_ADDRESS=0\n" \
	"RELAY_CODES_PER_CLIENT=0\nPCHAT_DEV_EXPOSE_CODES=true\n" \
	"PCHAT_ADMIN_DOMAINS=admins.example\nPCHAT_AUTH_ALLOWED_DOMAINS=example.org\n" \
	"RELAY_PUSH=true\nRELAY_PUSH_CONTACT=mailto:root@example.org\nPCHAT_MIN_FREE_BYTES=0\n" \
	"RELAY_MEMBERS_INVITE=true\nRELAY_TURN_URLS=turn:turn.example.com\n" \
	"RELAY_TURN_SECRET=secret\nSMTP_HOST=127.0.0.1\nSMTP_FROM=relay@example.org\n" \
	"SMTP_TLS=off\nRELAY_LOG_LEVEL=error\nRELAY_DURABILITY=normal\n"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
relay_make(void)
{
	const char *base = getenv("TMPDIR");

	log_setup("fuzz", LOG_LEVEL_NOTICE);
	check_begin();
	world_make(base && base[0] ? base : "/dev/shm", RELAY_SETTINGS);
	world_fill();
	world_close();
	check_keep();
	if (atexit(world_remove) != 0)
		give_up("no memory");
}

static inline void
relay_put_back(void)
{
	char error[DB_ERROR_BYTES];

	world_close();
	check_put_back();
	if (!world_open(error))
		give_up("%s", error);
}

#endif
