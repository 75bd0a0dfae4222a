/* Sign-in: a server fed any lines gives users and passwords without control characters; a client
 * with any credentials that a server takes is understood by it. */
#include "engine/wire/base64.h"
#include "engine/wire/signin.h"
#include "tests/fuzz/fuzz.h"

#define FUZZ_MAX 2048

static char server_memory[2 * FUZZ_MAX];

static struct view next_line(struct view *input)
{
	size_t end = view_find(*input, '\n');
	struct view line = view_first(*input, end);

	*input = view_skip(*input, end < input->bytes ? end + 1 : end);
	return line;
}

static void check_agreement(
        enum signin_mechanism mechanism, bool initial, const struct signin_server *known)
{
	static char memory[8 * FUZZ_MAX];
	static char again_memory[2 * FUZZ_MAX];
	const struct span span = { again_memory, sizeof again_memory };
	static char argument_memory[4 * FUZZ_MAX];
	struct text line = TEXT_ON(memory);
	struct text argument = TEXT_ON(argument_memory);
	struct signin_server server;
	struct signin_client client;

	signin_put_argument(&argument, mechanism, known->user, known->password);
	check(!argument.overflow);
	check(signin_client_start(
	        &client, mechanism, known->user, text_view(&argument), initial, &line));
	struct view sent = view_first(text_view(&line), line.bytes - 2);
	sent = view_skip(sent, strlen("AUTH ") + strlen(signin_mechanism_name(mechanism)));
	enum signin_news news =
	        signin_server_start(&server, mechanism, span, initial, view_trim(sent));
	while (news == SIGNIN_CHALLENGE) {
		line.bytes = 0;
		check(signin_client_feed(&client, 334, &line) == SIGNIN_SEND);
		news = signin_server_feed(&server, view_first(text_view(&line), line.bytes - 2));
	}
	check(news == SIGNIN_DONE);
	check(view_equal(server.user, known->user));
	check(view_equal(server.password, known->password));
}

static void check_base64(struct view encoded)
{
	char plain_memory[FUZZ_MAX];
	char again_memory[FUZZ_MAX + 4];
	struct text plain = TEXT_ON(plain_memory);
	struct text again = TEXT_ON(again_memory);

	if (!base64_decode(&plain, encoded))
		return;
	base64_encode(&again, text_view(&plain));
	check(view_equal(text_view(&again), encoded));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes < FUZZ_MAX ? bytes : FUZZ_MAX);
	enum signin_mechanism mechanism = (enum signin_mechanism)(
	        SIGNIN_NONE + 1 + fuzz_choice(&input) % (SIGNIN_MECHANISM_COUNT - 1));
	unsigned choices = fuzz_choice(&input);
	struct signin_server server;

	check_base64(input);
	/* The fuzzer may write plain text: finding base64 is not what is tested. */
	static char encoded_memory[2 * FUZZ_MAX];
	struct text encoded = TEXT_ON(encoded_memory);
	struct view line = next_line(&input);
	if ((choices & 2) != 0)
		base64_encode(&encoded, line);
	else
		text_put(&encoded, line);
	enum signin_news news = signin_server_start(&server, mechanism,
	        (struct span){ server_memory, sizeof server_memory }, (choices & 1) != 0,
	        text_view(&encoded));
	while (news == SIGNIN_CHALLENGE && input.bytes > 0) {
		encoded.bytes = 0;
		base64_encode(&encoded, next_line(&input));
		news = signin_server_feed(&server, text_view(&encoded));
	}
	if (news != SIGNIN_DONE)
		return 0;
	check(server.user.bytes > 0);
	fuzz_check_safe(server.user);
	fuzz_check_safe(server.password);
	fuzz_check_safe(server.authzid);
	check_agreement(mechanism, (choices & 4) != 0, &server);
	return 0;
}
