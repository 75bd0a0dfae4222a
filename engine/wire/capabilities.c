#include "engine/wire/capabilities.h"

/* Takes the first word off the line. */
static struct view capabilities_word(struct view *line)
{
	*line = view_trim(*line);
	size_t end = 0;
	while (end < line->bytes && line->data[end] != ' ' && line->data[end] != '\t')
		end++;
	struct view word = view_first(*line, end);

	*line = view_skip(*line, end);
	return word;
}

static void capabilities_mechanisms(struct view rest, struct capabilities *capabilities)
{
	for (;;) {
		struct view word = capabilities_word(&rest);
		if (word.bytes == 0)
			return;
		enum signin_mechanism mechanism = signin_mechanism_of(word);
		if (mechanism != SIGNIN_NONE)
			capabilities->mechanisms |= SIGNIN_BIT(mechanism);
	}
}

static void capabilities_limits(struct view rest, struct capabilities *capabilities)
{
	const struct {
		struct view name;
		uint64_t *value;
	} limits[] = {
		{ VIEW("MAILMAX="), &capabilities->mail_max },
		{ VIEW("RCPTMAX="), &capabilities->rcpt_max },
		{ VIEW("RCPTDOMAINMAX="), &capabilities->domain_max },
	};

	for (;;) {
		struct view word = capabilities_word(&rest);
		if (word.bytes == 0)
			return;
		for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++)
			if (view_starts_fold(word, limits[i].name))
				(void)view_to_u64(
				        view_skip(word, limits[i].name.bytes), limits[i].value);
	}
}

void capabilities_read(struct view line, struct capabilities *capabilities)
{
	/* Servers older than RFC 2554 wrote AUTH=LOGIN; many write both forms. */
	const struct view old_auth = VIEW_INIT("AUTH=");
	struct view rest = line;
	struct view word = capabilities_word(&rest);

#define X(field, keyword)                                                                          \
	if (view_equal_fold(word, VIEW(keyword)))                                                  \
		capabilities->field = true;
	CAPABILITIES_FLAGS(X)
#undef X
	if (view_equal_fold(word, VIEW("SIZE"))) {
		capabilities->size = true;
		(void)view_to_u64(capabilities_word(&rest), &capabilities->size_max);
	} else if (view_equal_fold(word, VIEW("AUTH"))) {
		capabilities_mechanisms(rest, capabilities);
	} else if (view_starts_fold(word, old_auth)) {
		capabilities_mechanisms(view_skip(view_trim(line), old_auth.bytes), capabilities);
	} else if (view_equal_fold(word, VIEW("LIMITS"))) {
		capabilities_limits(rest, capabilities);
	}
}

void capabilities_parse(struct view whole, struct capabilities *capabilities)
{
	*capabilities = (struct capabilities){ 0 };
	for (bool greeting = true; whole.bytes > 0; greeting = false) {
		size_t end = view_find(whole, '\n');
		struct view line = view_first(whole, end);
		whole = view_skip(whole, end < whole.bytes ? end + 1 : end);
		if (!greeting && line.bytes > 4)
			capabilities_read(view_skip(line, 4), capabilities);
	}
}
