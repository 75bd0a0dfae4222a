#include "tests/sim/checker.h"

static void checker_judge(struct checker *checker, struct password_check *question);

struct err checker_init(struct checker *checker, const struct config_limits *limits,
        struct depot *depot, struct text *why)
{
	*checker = (struct checker){ 0 };
	struct err err = guesses_init(&checker->guesses, limits);
	if (failed(err))
		return err;
	err = helper_init(&checker->helper, depot, NULL, checker_turn, why);
	if (failed(err))
		guesses_finish(&checker->guesses);
	return err;
}

void checker_finish(struct checker *checker)
{
	helper_finish(&checker->helper);
	guesses_finish(&checker->guesses);
}

void checker_turn(struct helper *helper)
{
	struct checker *checker = container_of(helper, struct checker, helper);
	struct helper_ask *ask;

	helper_turn_begin(helper);
	while ((ask = helper_take(helper)) != NULL) {
		checker_judge(checker, container_of(ask, struct password_check, ask));
		helper_answer(helper, ask);
	}
	helper_turn_end(helper);
}

static void checker_judge(struct checker *checker, struct password_check *question)
{
	const struct mono now = loop_now(&checker->helper.loop);
	const struct guesses_who who = {
		.users = checker,
		.user = question->user,
		.client = question->client,
		.may_relay = question->may_relay,
	};

	question->ruling = guesses_ask(&checker->guesses, &who, now);
	if (question->ruling.bar != GUESSES_BAR_NONE) {
		question->answer = PASSWORD_UNSEEN;
		checker->unseen++;
	} else if (view_equal_fold(question->user, VIEW(CHECKER_USER)) &&
	           view_equal(question->password, VIEW(CHECKER_PASSWORD))) {
		question->answer = PASSWORD_RIGHT;
		guesses_right(&checker->guesses, &who, now);
		checker->right++;
	} else {
		question->answer = checker->plant ? PASSWORD_RIGHT : PASSWORD_WRONG;
		question->ruling = guesses_wrong(&checker->guesses, &who, now);
		checker->wrong++;
	}
}
