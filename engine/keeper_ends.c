#include "engine/keeper_ends.h"

#include "engine/config_keys.h"
#include "engine/io/packets.h"
#include "engine/roster.h"
#include "queue/base/check.h"

static struct err open_pair(int *ours, int *theirs);

static void clear(struct keeper_ends *ends)
{
	*ends = (struct keeper_ends){ .life = -1, .secrets = -1, .passwords = -1 };
}

struct err keeper_ends_open(
        struct keeper_ends *ours, struct keeper_ends *theirs, const struct config *config)
{
	const bool secrets = config_identity_count(config) > 0;
	const bool passwords = roster_is_wanted(config);
	struct config_keys keys;
	size_t signers = 0;

	clear(ours);
	clear(theirs);
	struct err err = config_keys_open(&keys, config);
	if (failed(err))
		return err;
	if (keys.count > 0)
		signers = config->threads.ingest + config->threads.delivery;
	config_keys_close(&keys);
	check(signers <= KEEPER_SIGNERS_MAX);
	if (!secrets && !passwords && signers == 0)
		return err_ok();
	err = open_pair(&ours->life, &theirs->life);
	if (!failed(err) && secrets)
		err = open_pair(&ours->secrets, &theirs->secrets);
	if (!failed(err) && passwords)
		err = open_pair(&ours->passwords, &theirs->passwords);
	for (size_t i = 0; i < signers && !failed(err); i++) {
		err = open_pair(&ours->signers[i], &theirs->signers[i]);
		ours->signer_count = theirs->signer_count = i + 1;
	}
	if (failed(err)) {
		keeper_ends_close(ours);
		keeper_ends_close(theirs);
	}
	return err;
}

static struct err open_pair(int *ours, int *theirs)
{
	int ends[2];
	const struct err err = packets_pair(ends);

	*ours = ends[0];
	*theirs = ends[1];
	return err;
}

bool keeper_ends_are_empty(const struct keeper_ends *ends)
{
	return ends->life < 0;
}

void keeper_ends_close(struct keeper_ends *ends)
{
	packets_close(&ends->life);
	packets_close(&ends->secrets);
	packets_close(&ends->passwords);
	for (size_t i = 0; i < ends->signer_count; i++)
		packets_close(&ends->signers[i]);
	ends->signer_count = 0;
}
