#include "engine/spooler_inner.h"

#include "queue/base/check.h"

#define CLAIMS_LOOK_NS (1 * NS_PER_S)  /* so much may be more than is to be kept */
#define CLAIMS_TOLD_NS (60 * NS_PER_S) /* between two warnings */

static void spooler_answer_claim(struct spooler *spooler, const struct spooler_echo *echo,
        enum put_result result, const struct spool_claim *known);

bool spooler_take_claim(struct spooler *spooler, const struct letter *letter, size_t shard)
{
	const struct shard *own = &spooler->shard;
	const struct wall now = loop_wall(&own->loop);
	const struct spooler_echo echo = {
		.claim = letter->claim,
		.ticket = letter->ticket,
		.shard = (uint16_t)shard,
	};

	if (letter->claim == NULL)
		return false;
	struct spool_claim known = *letter->claim;
	const struct batch_put *first = batch_find_claim(&spooler->batch, &known);
	if (first != NULL) {
		check(!spooler_echoes_full(spooler));
		spooler->echoes[spooler->echo_count] = echo;
		spooler->echoes[spooler->echo_count++].put =
		        (uint16_t)(first - spooler->batch.puts);
		return true;
	}
	const struct err err = spool_find_claim(spooler->spool, now, &known);
	if (err.code == ERR_NOT_FOUND) {
		letter->claim->until.ms = now.ms + own->config->idempotency.window_ns / NS_PER_MS;
		return false;
	}
	/* The spool can't be read: nothing is known, and nothing may be acknowledged (I7). */
	spooler_answer_claim(spooler, &echo, failed(err) ? PUT_FAILED : PUT_COMMITTED, &known);
	return true;
}

/* `result`: of the message that the claim is known by. */
static void spooler_answer_claim(struct spooler *spooler, const struct spooler_echo *echo,
        enum put_result result, const struct spool_claim *known)
{
	struct letter letter = {
		.kind = LETTER_PUT_DONE,
		.result = result,
		.ticket = echo->ticket,
	};

	if (result == PUT_COMMITTED) {
		letter.result = known->print == echo->claim->print ? PUT_KNOWN : PUT_CLASH;
		echo->claim->id = known->id;
	}
	check(mailbox_put(spooler->ingest[echo->shard].out, &letter));
}

void spooler_answer_echoes(struct spooler *spooler)
{
	for (size_t i = 0; i < spooler->echo_count; i++) {
		const struct spooler_echo *echo = &spooler->echoes[i];
		const struct batch_put *put = &spooler->batch.puts[echo->put];

		spooler_answer_claim(spooler, echo, put->result, put->claim);
	}
	spooler->echo_count = 0;
}

static void spooler_log_early(struct spooler *spooler, uint64_t early)
{
	const struct mono now = loop_now(&spooler->shard.loop);

	if (!mono_reached(now, spooler->claims_told))
		return;
	spooler->claims_told = mono_after(now, CLAIMS_TOLD_NS);
	struct log_line line = log_begin(spooler->shard.log, LOG_WARNING, "keys_forgotten");
	log_number(&line, "early", early);
	log_word(&line, "advice",
	        "Messages with keys came faster than idempotency.most allows for the window: the "
	        "oldest keys are forgotten before their time.");
	log_end(&line);
}

void spooler_forget_claims(struct spooler *spooler)
{
	const struct loop *loop = &spooler->shard.loop;
	uint64_t early;

	if (!spooler->forgetting && !mono_reached(loop_now(loop), spooler->claims_look))
		return;
	spooler->forgetting = false;
	spooler->claims_look = mono_after(loop_now(loop), CLAIMS_LOOK_NS);
	if (!spool_claims_are_due(spooler->spool, loop_wall(loop),
	            spooler->shard.config->idempotency.most, &early))
		return;
	if (early > 0)
		spooler_log_early(spooler, early);
	batch_forget_claims(&spooler->batch, loop_wall(loop), early);
}
