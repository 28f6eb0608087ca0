/* splitmix64, by Sebastiano Vigna: numbers that are the same for the same seed. */
#ifndef TORTURE_SPLITMIX_H
#define TORTURE_SPLITMIX_H

#include <stdint.h>

static inline uint64_t
splitmix(uint64_t *seed)
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

#endif
