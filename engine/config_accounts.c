#include "engine/config_accounts.h"

#include "engine/config_arena.h"
#include "queue/base/check.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct account {
	const char *user;
	uint32_t *number; /* of the identity */
};

/* By name, and in the file's order where that is the same. */
static int account_compare(const void *left, const void *right)
{
	const struct account *a = left;
	const struct account *b = right;
	const int order = strcasecmp(a->user, b->user);

	if (order != 0)
		return order;
	return a->number < b->number ? -1 : a->number > b->number;
}

void config_accounts_number(struct config *config)
{
	size_t count = 0;
	size_t next = 0;

	for (size_t i = 0; i < config->routes.count; i++)
		count += config->routes.at[i].identities.count;
	struct account *accounts = config_arena_take(config->arena, (count + 1) * sizeof *accounts);
	uint32_t *numbers = config_arena_take(config->arena, (count + 1) * sizeof *numbers);
	for (size_t i = 0; i < config->routes.count; i++) {
		struct config_route *route = (struct config_route *)&config->routes.at[i];
		route->accounts = &numbers[next];
		for (size_t j = 0; j < route->identities.count; j++, next++) {
			const char *user = route->identities.at[j].user;
			accounts[next] =
			        (struct account){ user == NULL ? "" : user, &numbers[next] };
		}
	}
	qsort(accounts, count, sizeof *accounts, account_compare);
	config->account_count = 0;
	for (size_t i = 0; i < count; i++) {
		const bool again = i > 0 && accounts[i].user[0] != '\0' &&
		                   strcasecmp(accounts[i].user, accounts[i - 1].user) == 0;
		*accounts[i].number = again ? *accounts[i - 1].number : config->account_count++;
	}
}
