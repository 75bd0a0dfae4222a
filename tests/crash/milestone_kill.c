/* Ends the process as kill -9 does, at a milestone: SLUICE_DIE_AT=WORD:COUNT, the how-manieth. */
#include "queue/base/check.h"
#include "queue/base/milestone.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const words[] = {
#define X(name, word, text) [MILESTONE_##name] = (word),
	MILESTONES(X)
#undef X
};

static long times_wanted(enum milestone milestone)
{
	const char *wish = getenv("SLUICE_DIE_AT");
	const size_t bytes = strlen(words[milestone]);

	if (wish == NULL || strncmp(wish, words[milestone], bytes) != 0 || wish[bytes] != ':')
		return 0;
	return strtol(wish + bytes + 1, NULL, 10);
}

void milestone_reached(enum milestone milestone)
{
	static atomic_long reached[MILESTONE_COUNT];
	const long wanted = times_wanted(milestone);

	if (wanted > 0 && atomic_fetch_add(&reached[milestone], 1) + 1 == wanted) {
		(void)kill(getpid(), SIGKILL);
		for (;;)
			pause();
	}
}
