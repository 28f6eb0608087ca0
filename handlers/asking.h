/* Calls that wait for an engine: whether one may be made, and what an engine's failure is to the
 * client. */
#ifndef HANDLERS_ASKING_H
#define HANDLERS_ASKING_H

#include "adapter.h"
#include "ask.h"
#include "request.h"

/* The code of a failure, for one of several results. */
const char *asking_code(enum engine_result result);

/* Responds with what an engine's failure is to the client; wait_ms 0: the usual pause. */
void
asking_fail(struct request *r, enum ask_engine which, enum engine_result result, int64_t wait_ms);

/* Counts a call against the budget of the caller, which ask_release gives back. False: it
 * responded. */
bool asking_claim(struct request *r, struct ask_claim *claim);

/* One call, unless the engine is to be left alone. In *wait_ms how long, with ENGINE_LATER. */
typedef enum engine_result asking_call(void *arg, int64_t *wait_ms);
enum engine_result asking_run(struct request *r, enum ask_engine which, int64_t longest_ms,
    asking_call *call, void *arg, int64_t *wait_ms);

/* Adds where words of users go: `engine` is local or remote, `name` has the host of a remote one.
 */
void asking_show(struct json_object *o, const char *url, const char *title);

#endif
