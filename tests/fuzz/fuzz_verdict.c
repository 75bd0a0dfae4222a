/* Any bytes at any stage get a verdict whose every field is in range. The first byte says the
 * stage. */
#include "queue/base/check.h"
#include "queue/verdict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	if (bytes == 0)
		return 0;
	enum stage stage = (enum stage)(data[0] % STAGE_COUNT);
	struct view reply = view_from(data + 1, bytes - 1);
	struct verdict verdict = verdict_judge(stage, reply);

	check(cause_word(verdict.cause) != NULL);
	check(scope_word(verdict.scope) != NULL);
	check(permanence_word(verdict.permanence) != NULL);
	check(outcome_word(verdict.outcome) != NULL);
	check(fate_word(verdict_fate(&verdict, stage)) != NULL);
	check(verdict.advice != NULL);
	check(verdict.code == 0 || (verdict.code >= 200 && verdict.code <= 599));
	check(verdict.enhanced.class <= 5);
	check(verdict.enhanced.subject <= 999);
	check(verdict.enhanced.detail <= 999);
	check(verdict.wait_s >= VERDICT_NO_WAIT);
	check(verdict_wait_s(&verdict) >= 0);
	check(verdict_wait_s(&verdict) <= 7 * 86400);
	/* Success is success: no text makes 2yz or 3yz anything else. */
	bool success = verdict.code > 0 && verdict.code < 400;
	check(success == (verdict.outcome == OUTCOME_PROCEED));
	return 0;
}
