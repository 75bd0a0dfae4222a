#include "engine/late.h"

static const struct {
	const char *word;
	const char *text;
} fates[] = {
#define X(name, word, text) { word, text },
	LATE_FATES(X)
#undef X
};

/* Names of Exchange Online's servers, of all clouds (reference.md, 1). */
static const struct view own_domains[] = {
	VIEW_INIT(".outlook.com"),
	VIEW_INIT(".office365.com"),
	VIEW_INIT(".mx.microsoft"),
	VIEW_INIT(".office365.us"),
	VIEW_INIT(".outlook.cn"),
	VIEW_INIT(".exchangelabs.com"),
};

const char *late_word(enum late_fate fate)
{
	return fates[fate].word;
}

const char *late_text(enum late_fate fate)
{
	return fates[fate].text;
}

bool late_is_own(const struct ndr *ndr, const struct ndr_recipient *recipient, struct view host)
{
	const struct view remote = view_of(recipient->remote);
	const struct view said_by = remote.bytes > 0 ? remote : view_of(ndr->reporter);

	if (said_by.bytes == 0 || view_equal_fold(said_by, host))
		return true;
	for (size_t i = 0; i < sizeof own_domains / sizeof own_domains[0]; i++)
		if (view_ends_fold(said_by, own_domains[i]))
			return true;
	return false;
}
