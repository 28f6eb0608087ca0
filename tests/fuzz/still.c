/* What the relay of tests/torture wants of its program: no faults, and true time and chance. */
#include "torture.h"
#include "world.h"

#include <sys/mman.h>

void
world_chance(uint64_t number)
{
	(void)number;
}

void
world_later(long sec)
{
	(void)sec;
}

void
faults_arm(const struct fault *f)
{
	(void)f;
}

void
faults_disarm(void)
{
}

void *
torture_shared(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		give_up("no memory");
	return p;
}
