#include "engine/dispatch.h"
#include "engine/judge_inner.h"

void dispatch_hear_late(struct dispatch *dispatch, const struct late_sheet *sheet)
{
	const struct dispatch_route *route = &dispatch->routes[sheet->route];

	for (uint32_t i = 0; i < route->lane_count; i++) {
		struct lane *lane = route->lanes[i].lane;

		if (sheet->signed_in && lane->identity != sheet->identity)
			continue;
		judge_late(dispatch->judge, lane, sheet);
		/* Slices of a route are told by the first: it stops its peers where need be. */
		if (!sheet->signed_in)
			break;
	}
}
