#include "engine/ops/desk.h"

#include "engine/io/crypto.h"
#include "queue/base/check.h"

#define MEMORY_BYTES (8 << 20) /* for the loops' chunks, and a connection's */

static void desk_ask(struct desk *desk, struct helper *helper, struct helper_ask *ask);

bool desk_open(struct desk *desk, const struct config *config, bool resolves, struct text *why)
{
	static const struct io_settings io = {
		.entries = 64, .buffer_count = 8, .buffer_bytes = 4096
	};

	desk->config = config;
	if (failed(depot_create(&desk->depot, MEMORY_BYTES)))
		return false;
	const struct keeper_settings settings = {
		.config = config, .depot = desk->depot, .seed = crypto_random_u64()
	};
	shelf_init(&desk->shelf, desk->depot);
	if (failed(loop_init(&desk->loop, &io, &desk->shelf, why)) ||
	        failed(keeper_init(&desk->keeper, &settings, why)))
		return false;
	desk->keeper.loud = true;
	loop_start(&desk->loop);
	if (failed(helper_join(&desk->keeper.helper, 0, &desk->loop, 1)) ||
	        failed(helper_start(&desk->keeper.helper)))
		return false;
	if (!resolves)
		return true;
	if (failed(resolver_init(&desk->resolver, &config->dns, desk->depot, why)))
		return false;
	desk->has_resolver = true;
	return !failed(helper_join(&desk->resolver.helper, 0, &desk->loop, 1)) &&
	       !failed(resolver_start(&desk->resolver));
}

void desk_close(struct desk *desk)
{
	helper_stop(&desk->keeper.helper);
	helper_leave(&desk->keeper.helper, 0, &desk->loop);
	if (desk->has_resolver) {
		helper_stop(&desk->resolver.helper);
		helper_leave(&desk->resolver.helper, 0, &desk->loop);
		resolver_finish(&desk->resolver);
	}
	keeper_finish(&desk->keeper);
	loop_finish(&desk->loop);
	shelf_finish(&desk->shelf);
	depot_destroy(desk->depot);
}

void desk_ask_keeper(struct desk *desk, struct keeper_ask *ask)
{
	desk_ask(desk, &desk->keeper.helper, &ask->ask);
}

void desk_ask_resolver(struct desk *desk, struct resolver_ask *ask)
{
	check(desk->has_resolver);
	desk_ask(desk, &desk->resolver.helper, &ask->ask);
}

static void desk_ask(struct desk *desk, struct helper *helper, struct helper_ask *ask)
{
	struct helper_ask *answered = NULL;

	helper_ask(helper, 0, ask);
	while (answered == NULL) {
		loop_begin(&desk->loop);
		loop_run_completions(&desk->loop, LOOP_COMPLETIONS_PER_TURN);
		answered = helper_answered(helper, 0);
		if (answered == NULL)
			loop_end(&desk->loop);
	}
}
