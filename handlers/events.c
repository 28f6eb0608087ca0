/* Live wake-ups: who may listen. What they then get is relay-live's. */
#include "handlers.h"
#include "inputs.h"
#include "pass.h"
#include "resp.h"
#include "wake.h"

#include <stdlib.h>

/* GET events: nginx asks before it lets the caller through to relay-live, and takes the pass along.
 * Whoever else comes here found no relay-live. */
void
on_events_get(struct request *r)
{
	const struct in_events *in = r->in;
	const struct pass p = { .account = r->me.id,
		.checked_ms = r->now,
		.after = in->after ? strtoll(in->after, NULL, 10) : -1 };
	char *text;

	if (!r->live_check || !r->worker->wake->share) {
		resp_error(r, 404, "push_off", "Live wake-ups are off on this relay; poll.");
		return;
	}
	text = arena_alloc(&r->arena, PASS_TEXT_BYTES);
	if (!text)
		return;
	pass_write(r->worker->wake->share->key, &p, text);
	resp_ok(r, 200);
	r->resp.pass = text;
}
