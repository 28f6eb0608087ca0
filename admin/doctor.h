/* What the checks of the doctor share. */
#ifndef ADMIN_DOCTOR_H
#define ADMIN_DOCTOR_H

#include "checkup.h"
#include "relayctl.h"

#define DOCTOR_URL_BYTES 512

struct doctor {
	const struct conf *conf;
	struct db *db; /* NULL: it cannot be opened */
	char url[DOCTOR_URL_BYTES]; /* where the relay listens; empty: nobody knows */
	char
	    running[DOCTOR_URL_BYTES]; /* where the running relay says it listens; empty: nowhere */
	bool by_environment; /* HOST or PORT came from the environment of its start */
	bool address_given; /* the address was given: it is what people use */
	bool responds; /* GET /health was responded to */
	bool live_responds; /* relay-live does */
	int64_t started_at; /* of the relay, Unix milliseconds; 0: nobody knows */
	char message[CHECKUP_MESSAGE_BYTES]; /* of the check that runs */
	char open_error[DB_ERROR_BYTES];
};

/* Puts the check's message; returns `ok`. */
bool
doctor_say(struct doctor *d, bool ok, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Makes a check that workers make, too. */
bool doctor_shared(struct doctor *d, checkup_run *run);

/* The checks on this machine. Each returns whether all is well, with its message put. */
bool doctor_local_settings(struct doctor *d);
bool doctor_local_data(struct doctor *d);
bool doctor_local_uploads(struct doctor *d);
bool doctor_local_database(struct doctor *d);
bool doctor_local_sandbox(struct doctor *d);
bool doctor_local_socket(struct doctor *d);
bool doctor_local_live(struct doctor *d);

/* The checks that ask over the network. */
bool doctor_net_health(struct doctor *d);
bool doctor_net_downloads(struct doctor *d);
bool doctor_net_private(struct doctor *d);
bool doctor_net_forwarding(struct doctor *d);
bool doctor_net_tls(struct doctor *d);
bool doctor_net_mail(struct doctor *d);
bool doctor_net_translation(struct doctor *d);
bool doctor_net_transcription(struct doctor *d);

#endif
