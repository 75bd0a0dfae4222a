#include "queue/rota.h"

#include "queue/base/check.h"

static void rota_forget(struct rota *rota, struct mono now);
static bool rota_is_first(const struct rota *rota, unsigned who, unsigned count);

bool rota_serve(struct rota *rota, struct mono now, unsigned who, unsigned count, uint64_t room)
{
	const uint64_t bit = UINT64_C(1) << who;

	check(who < count);
	check(count <= ROTA_MAX);
	if (mono_reached(now, rota->forget_at))
		rota_forget(rota, now);
	/* Where there is enough for all of them nobody has to come first. */
	const unsigned others = (unsigned)__builtin_popcountll(rota->starving & ~bit);
	const bool served = room > others || (room > 0 && rota_is_first(rota, who, count));
	if (served) {
		rota->starving &= ~bit;
		rota->from = (who + 1) % count;
		return true;
	}
	rota->starving |= bit;
	rota->asked |= bit;
	return false;
}

/* Those who asked since the last time wait still. */
static void rota_forget(struct rota *rota, struct mono now)
{
	const bool recent = !mono_reached(now, mono_after(rota->forget_at, ROTA_FORGET_NS));

	rota->starving &= recent ? rota->asked : 0;
	rota->asked = 0;
	rota->forget_at = mono_after(now, ROTA_FORGET_NS);
}

static bool rota_is_first(const struct rota *rota, unsigned who, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		const unsigned at = (rota->from + i) % count;
		if ((rota->starving >> at & 1) != 0)
			return at == who;
	}
	return false;
}
