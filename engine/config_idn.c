#include "engine/config_idn.h"

#include "engine/config_arena.h"
#include "queue/address.h"
#include "queue/base/utf8.h"

#include <idn2.h>

/* A domain and what stands around it: "a@", or "*.", and a mapping's ": b@contoso.com". */
struct split {
	struct view before;
	struct view domain;
	struct view behind;
};

static bool is_among(struct view text, const struct view *items, size_t count);
static const char *idn_other(
        enum config_kind kind, struct view text, bool in_dns, struct config_arena *arena);
static struct split split_of(enum config_kind kind, struct view text);
static bool idn_form(struct view domain, bool in_dns, struct text *result);

const char *config_idn_in_dns(struct config_arena *arena, struct view domain)
{
	char room[ADDRESS_DOMAIN_MAX + 1];
	struct text form = TEXT_ON(room);

	return idn_form(domain, true, &form) ? config_arena_copy(arena, text_view(&form)) : NULL;
}

bool config_idn_concerns(enum config_kind kind)
{
	return kind == CONFIG_KIND_DOMAINS || kind == CONFIG_KIND_DOMAIN_GLOBS ||
	       kind == CONFIG_KIND_SENDERS || kind == CONFIG_KIND_RULE_SENDERS ||
	       kind == CONFIG_KIND_RECIPIENTS || kind == CONFIG_KIND_MAPPINGS;
}

bool config_idn_is_known(enum config_kind kind, struct view text)
{
	const struct split split = split_of(kind, text);
	char room[ADDRESS_DOMAIN_MAX + 1];
	struct text form = TEXT_ON(room);

	return utf8_is_ascii(split.domain) || idn_form(split.domain, true, &form);
}

size_t config_idn_add_forms(enum config_kind kind, const struct view *items, size_t count,
        struct config_arena *arena, const char **words)
{
	size_t all = count;

	for (size_t i = 0; i < count; i++) {
		for (int j = 0; j < CONFIG_IDN_FORMS; j++) {
			const char *form = idn_other(kind, items[i], j == 0, arena);
			if (form != NULL && !is_among(view_of(form), items, count))
				words[all++] = form;
		}
	}
	return all;
}

static bool is_among(struct view text, const struct view *items, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (view_equal_fold(text, items[i]))
			return true;
	return false;
}

/* NULL: the text is in this form, or has none. */
static const char *idn_other(
        enum config_kind kind, struct view text, bool in_dns, struct config_arena *arena)
{
	const struct split split = split_of(kind, text);
	char room[ADDRESS_DOMAIN_MAX + 1];
	struct text form = TEXT_ON(room);

	if (!idn_form(split.domain, in_dns, &form) ||
	        view_equal_fold(text_view(&form), split.domain))
		return NULL;
	const size_t bytes = split.before.bytes + form.bytes + split.behind.bytes;
	struct text whole = text_on(config_arena_take(arena, bytes + 1), bytes + 1);
	text_put(&whole, split.before);
	text_put(&whole, text_view(&form));
	text_put(&whole, split.behind);
	return text_string(&whole);
}

static struct split split_of(enum config_kind kind, struct view text)
{
	const struct view wildcard = VIEW_INIT("*.");
	const size_t end = kind == CONFIG_KIND_MAPPINGS ? view_find(text, ':') : text.bytes;
	size_t at = end;

	while (at > 0 && text.data[at - 1] != '@')
		at--;
	if (at == 0 && view_starts_fold(text, wildcard))
		at = wildcard.bytes;
	return (struct split){
		.before = view_first(text, at),
		.domain = view_skip(view_first(text, end), at),
		.behind = view_skip(text, end),
	};
}

/* False: IDNA knows no such name, or an address can't hold it. */
static bool idn_form(struct view domain, bool in_dns, struct text *result)
{
	char room[ADDRESS_DOMAIN_MAX + 1];
	struct text name = TEXT_ON(room);
	char *ascii = NULL;
	char *words = NULL;

	text_put(&name, domain);
	if (name.overflow)
		return false;
	if (idn2_to_ascii_8z(text_string(&name), &ascii, IDN2_NONTRANSITIONAL) == IDN2_OK &&
	        (in_dns || idn2_to_unicode_8z8z(ascii, &words, 0) == IDN2_OK))
		text_put(result, view_of(in_dns ? ascii : words));
	idn2_free(ascii);
	idn2_free(words);
	return !result->overflow && address_is_domain(text_view(result), true);
}
