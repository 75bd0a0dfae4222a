#include "bench/mock_token.h"

#include "bench/mock_token_issue.h"
#include "engine/json_write.h"
#include "queue/base/check.h"

#include <stdio.h>

#define LIFETIME_S 3600

static bool set_pair(struct view value, char *first, char *second);
static bool set_word(char *into, struct view value);
static bool set_certificate(struct mock_token *token, const char *path);
static bool set_fault(struct mock_token *token, struct view form);
static void control(struct mock_token *token, struct view action, struct view form,
        struct mock_token_answer *answer);
static void account(struct mock_token *token, struct mock_token_answer *answer);
static bool strike(struct mock_token *token, struct view form, struct mock_token_answer *answer);

void mock_token_init(struct mock_token *token)
{
	*token = (struct mock_token){ .lifetime_s = LIFETIME_S, .generation = 1 };
	check(pthread_mutex_init(&token->lock, NULL) == 0);
	crypto_random((struct span){ (char *)token->key, sizeof token->key });
}

void mock_token_finish(struct mock_token *token)
{
	check(pthread_mutex_destroy(&token->lock) == 0);
}

bool mock_token_set(struct mock_token *token, enum mock_token_option option, const char *value)
{
	const struct view text = view_of(value);
	uint64_t number;

	switch (option) {
	case MOCK_TOKEN_OPTION_LISTEN:
		token->wanted = true;
		return endpoint_parse(text, &token->listen);
	case MOCK_TOKEN_OPTION_TENANT:
		return set_word(token->tenant, text);
	case MOCK_TOKEN_OPTION_APP: {
		struct mock_token_app *app = &token->apps[token->app_count];
		return token->app_count++ < MOCK_TOKEN_APPS_MAX &&
		       set_pair(text, app->id, app->secret);
	}
	case MOCK_TOKEN_OPTION_PERSON: {
		struct mock_token_person *person = &token->people[token->person_count];
		return token->person_count++ < MOCK_TOKEN_PEOPLE_MAX &&
		       set_pair(text, person->user, person->initial) && person->initial[0] != '\0';
	}
	case MOCK_TOKEN_OPTION_CERTIFICATE:
		return set_certificate(token, value);
	case MOCK_TOKEN_OPTION_LIFETIME:
		if (!view_to_u64(text, &number) || number == 0 || number > INT32_MAX)
			return false;
		token->lifetime_s = (int64_t)number;
		return true;
	case MOCK_TOKEN_OPTION_FAULT:
		return set_fault(token, text);
	}
	return false;
}

static bool set_pair(struct view value, char *first, char *second)
{
	const size_t colon = view_find(value, ':');

	return set_word(first, view_first(value, colon)) &&
	       set_word(second, view_skip(value, colon < value.bytes ? colon + 1 : colon));
}

static bool set_word(char *into, struct view value)
{
	if (value.bytes >= MOCK_TOKEN_WORD_BYTES)
		return false;
	if (value.data != NULL)
		memcpy(into, value.data, value.bytes);
	into[value.bytes] = '\0';
	return true;
}

static bool set_certificate(struct mock_token *token, const char *path)
{
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return false;
	token->certificate_bytes = fread(token->certificate, 1, sizeof token->certificate, file);
	check(fclose(file) == 0);
	return token->certificate_bytes > 0;
}

/* "kind=hang&times=2&client=ID" */
static bool set_fault(struct mock_token *token, struct view form)
{
	static const struct view words[] = {
#define X(name, word) [MOCK_TOKEN_##name] = VIEW_INIT(word),
		MOCK_TOKEN_FAULTS(X)
#undef X
	};
	struct mock_token_fault fault = { .kind = MOCK_TOKEN_FAULT_COUNT };
	char memory[MOCK_TOKEN_WORD_BYTES];
	struct text kind = TEXT_ON(memory);
	struct text client = text_on(fault.client, sizeof fault.client - 1);

	if (!mock_token_field(form, "kind", &kind))
		return false;
	for (int i = 0; i < MOCK_TOKEN_FAULT_COUNT; i++)
		if (view_equal(text_view(&kind), words[i]))
			fault.kind = (enum mock_token_fault_kind)i;
	(void)mock_token_field(form, "client", &client); /* any */
	fault.times = mock_token_number(form, "times");
	fault.code = mock_token_number(form, "code");
	fault.retry_after_s = mock_token_number(form, "retry_after");
	if (fault.kind == MOCK_TOKEN_NONE) {
		token->fault_count = 0;
		return true;
	}
	if (fault.kind == MOCK_TOKEN_FAULT_COUNT || token->fault_count == MOCK_TOKEN_FAULTS_MAX)
		return false;
	token->faults[token->fault_count++] = fault;
	return true;
}

void mock_token_answer(struct mock_token *token, struct view method, struct view path,
        struct view form, int64_t now_s, struct mock_token_answer *answer)
{
	static const struct view controls = VIEW_INIT("/mock/");
	const bool posted = view_equal(method, VIEW("POST"));

	*answer = (struct mock_token_answer){ .status = 404 };
	check(pthread_mutex_lock(&token->lock) == 0);
	if (view_starts_fold(path, controls)) {
		if (view_equal(path, VIEW("/mock/account")))
			account(token, answer);
		else if (posted)
			control(token, view_skip(path, controls.bytes), form, answer);
	} else if (posted) {
		token->requests++;
		if (!strike(token, form, answer))
			mock_token_issue(token, path, form, now_s, answer);
	}
	check(pthread_mutex_unlock(&token->lock) == 0);
}

static void control(struct mock_token *token, struct view action, struct view form,
        struct mock_token_answer *answer)
{
	bool right = true;

	if (view_equal(action, VIEW("fault"))) {
		right = set_fault(token, form);
	} else if (view_equal(action, VIEW("revoke"))) {
		token->generation++;
	} else if (view_equal(action, VIEW("forget"))) {
		for (size_t i = 0; i < token->person_count; i++)
			token->people[i].forgotten = true;
	} else if (view_equal(action, VIEW("lifetime"))) {
		token->lifetime_s = (int64_t)mock_token_number(form, "seconds");
		right = token->lifetime_s > 0;
	} else if (view_equal(action, VIEW("rotate"))) {
		for (size_t i = 0; i < token->app_count && right; i++) {
			struct text secret =
			        text_on(token->apps[i].secret, sizeof token->apps[i].secret - 1);
			memset(token->apps[i].secret, 0, sizeof token->apps[i].secret);
			right = mock_token_field(form, "secret", &secret);
		}
	} else {
		return;
	}
	answer->status = right ? 200 : 400;
}

static void account(struct mock_token *token, struct mock_token_answer *answer)
{
	struct text text = TEXT_ON(answer->body);

	text_format(&text,
	        "{\"requests\":%llu,\"granted\":%llu,\"accepted\":%llu,\"refused\":%llu,"
	        "\"apps\":{",
	        (unsigned long long)token->requests, (unsigned long long)token->granted,
	        (unsigned long long)token->accepted, (unsigned long long)token->refused);
	for (size_t i = 0; i < token->app_count; i++) {
		text_put(&text, i > 0 ? VIEW(",") : VIEW(""));
		json_write_text(&text, view_of(token->apps[i].id));
		text_format(&text, ":%llu", (unsigned long long)token->apps[i].requests);
	}
	text_put(&text, VIEW("},\"people\":{"));
	for (size_t i = 0; i < token->person_count; i++) {
		text_put(&text, i > 0 ? VIEW(",") : VIEW(""));
		json_write_text(&text, view_of(token->people[i].user));
		text_format(&text, ":%llu", (unsigned long long)token->people[i].issued);
	}
	text_put(&text, VIEW("}}\n"));
	answer->status = 200;
	answer->bytes = text.bytes;
}

/* True: a fault struck, and its answer stands for the real one. */
static bool strike(struct mock_token *token, struct view form, struct mock_token_answer *answer)
{
	char memory[MOCK_TOKEN_WORD_BYTES];
	struct text client = TEXT_ON(memory);
	struct text text = TEXT_ON(answer->body);
	size_t at = 0;

	(void)mock_token_field(form, "client_id", &client); /* none: faults of any app strike */
	while (at < token->fault_count && token->faults[at].client[0] != '\0' &&
	        !view_equal(view_of(token->faults[at].client), text_view(&client)))
		at++;
	if (at == token->fault_count)
		return false;
	const struct mock_token_fault fault = token->faults[at];
	if (fault.times > 0 && --token->faults[at].times == 0)
		memmove(&token->faults[at], &token->faults[at + 1],
		        (--token->fault_count - at) * sizeof token->faults[0]);
	answer->status = 200;
	answer->hang = fault.kind == MOCK_TOKEN_HANG;
	answer->retry_after_s = fault.retry_after_s;
	switch (fault.kind) {
	case MOCK_TOKEN_GARBAGE:
		text_put(&text, VIEW("<html>this is no token</html>"));
		break;
	case MOCK_TOKEN_HUGE:
		memset(answer->body, ' ', sizeof answer->body);
		text.bytes = sizeof answer->body;
		break;
	case MOCK_TOKEN_BUSY:
		answer->status = 429;
		break;
	case MOCK_TOKEN_REFUSE:
		mock_token_refuse(
		        answer, 400, "invalid_request", (uint32_t)fault.code, "As it was told to.");
		return true;
	case MOCK_TOKEN_REDIRECT:
		answer->status = 302;
		break;
	default:
		answer->status = 503;
		break;
	}
	answer->bytes = text.bytes;
	return true;
}

bool mock_token_hangs(struct mock_token *token)
{
	bool hangs = false;

	check(pthread_mutex_lock(&token->lock) == 0);
	for (size_t i = 0; i < token->fault_count; i++)
		hangs |= token->faults[i].kind == MOCK_TOKEN_HANG;
	check(pthread_mutex_unlock(&token->lock) == 0);
	return hangs;
}

bool mock_token_accepts(
        struct mock_token *token, struct view user, struct view access_token, int64_t now_s)
{
	check(pthread_mutex_lock(&token->lock) == 0);
	const bool right = mock_token_is_good(token, user, access_token, now_s);
	if (right)
		token->accepted++;
	else
		token->refused++;
	check(pthread_mutex_unlock(&token->lock) == 0);
	return right;
}
