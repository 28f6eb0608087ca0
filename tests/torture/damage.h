/* Damaged files, and what a relay makes of them. */
#ifndef TORTURE_DAMAGE_H
#define TORTURE_DAMAGE_H

#include <stdint.h>

/* Spoils one file of the folder a `count` of times, each time from the same state, and starts a
 * relay on it. Prints what came of it; returns how often something came that must never come. */
long damage_run(long count, uint64_t seed);

#endif
