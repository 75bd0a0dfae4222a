#include "queue/base/check.h"

#include <stdio.h>
#include <stdlib.h>

void check_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "event=bug file=%s line=%d check=\"%s\"\n", file, line, condition);
	abort();
}
