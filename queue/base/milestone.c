#include "queue/base/milestone.h"

void milestone_reached(enum milestone milestone)
{
	(void)milestone;
}
