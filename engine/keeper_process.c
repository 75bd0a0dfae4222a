#include "engine/keeper_process.h"

#include "engine/io/packets.h"
#include "queue/base/check.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS      3000 /* a token command is killed, the log written, memory wiped by then */
#define END_LOOK_MS 2

static struct err await(struct keeper_process *process);

struct err keeper_process_start(struct keeper_process *process, const struct config *config,
        const struct keeper_options *options, struct text *why)
{
	struct keeper_ends theirs;
	struct err err = keeper_ends_open(&process->ends, &theirs, config);

	process->id = 0;
	if (!failed(err) && keeper_ends_are_empty(&theirs))
		return err_ok();
	if (!failed(err)) {
		/* What is in these would be written twice. */
		(void)fflush(stdout);
		(void)fflush(stderr);
		process->id = fork();
		if (process->id == 0) {
			keeper_ends_close(&process->ends);
			handed_close(options->handed);
			exit(keeper_main(&theirs, config, options));
		}
		if (process->id < 0)
			err = err_make(ERR_SYSTEM, errno);
		keeper_ends_close(&theirs);
	}
	if (!failed(err))
		return await(process);
	process->id = 0;
	keeper_ends_close(&process->ends);
	text_format(why, "the keeper's process can't be started: %s",
	        err.code == ERR_SYSTEM ? strerrordesc_np(err.detail) : err_text(err.code));
	return err;
}

static struct err await(struct keeper_process *process)
{
	char word;
	size_t bytes;
	const struct err err = packets_receive(
	        process->ends.life, (struct span){ &word, 1 }, PACKETS_FOR_EVER, &bytes);

	if (failed(err))
		keeper_process_end(process);
	return err;
}

void keeper_process_end(struct keeper_process *process)
{
	keeper_ends_close(&process->ends);
	if (process->id == 0)
		return;
	/* It ends at once, unless nobody reads what it logs: then it is left to that. */
	for (int waited_ms = 0; waited_ms < END_MS; waited_ms += END_LOOK_MS) {
		if (waitpid(process->id, NULL, WNOHANG) != 0)
			break;
		(void)poll(NULL, 0, END_LOOK_MS);
	}
	process->id = 0;
}
