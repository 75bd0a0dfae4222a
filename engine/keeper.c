#include "engine/keeper.h"

#include "engine/io/crypto.h"
#include "queue/base/check.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void keeper_read(struct keeper_ask *ask);
static size_t keeper_trim(const char *secret, size_t bytes);

struct err keeper_init(struct keeper *keeper, struct depot *depot, struct text *why)
{
	return helper_init(&keeper->helper, depot, keeper_turn, why);
}

void keeper_turn(struct helper *helper)
{
	struct helper_ask *ask;

	helper_turn_begin(helper);
	while ((ask = helper_take(helper)) != NULL) {
		keeper_read(container_of(ask, struct keeper_ask, ask));
		helper_answer(helper, ask);
	}
	helper_turn_end(helper);
}

void keeper_wipe(struct keeper_ask *ask)
{
	check(!ask->ask.in_flight);
	crypto_wipe(ask->secret, sizeof ask->secret);
	ask->bytes = 0;
}

static void keeper_read(struct keeper_ask *ask)
{
	size_t bytes = 0;
	ssize_t more = 1;

	ask->bytes = 0;
	ask->err = err_ok();
	const int fd = open(ask->identity->secret_file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		ask->err = err_make(ERR_SYSTEM, errno);
		return;
	}
	while (more > 0 && bytes < sizeof ask->secret) {
		more = read(fd, ask->secret + bytes, sizeof ask->secret - bytes);
		if (more > 0)
			bytes += (size_t)more;
		else if (more < 0)
			ask->err = err_make(ERR_SYSTEM, errno);
	}
	check(close(fd) == 0);
	if (!failed(ask->err) && bytes == sizeof ask->secret)
		ask->err = err_make(ERR_LIMIT, 0);
	if (failed(ask->err))
		return;
	ask->bytes = keeper_trim(ask->secret, bytes);
	if (ask->bytes == 0)
		ask->err = err_make(ERR_NOT_FOUND, 0);
}

/* The file's last line end is no part of the secret. */
static size_t keeper_trim(const char *secret, size_t bytes)
{
	if (bytes > 0 && secret[bytes - 1] == '\n')
		bytes--;
	if (bytes > 0 && secret[bytes - 1] == '\r')
		bytes--;
	return bytes;
}
