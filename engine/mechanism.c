#include "engine/mechanism.h"

enum signin_mechanism mechanism_choose(enum identity_auth auth, unsigned offered)
{
	static const struct {
		enum identity_auth auth;
		enum signin_mechanism mechanism;
	} ways[] = {
		{ IDENTITY_AUTH_PASSWORD, SIGNIN_PLAIN },
		{ IDENTITY_AUTH_PASSWORD, SIGNIN_LOGIN },
		{ IDENTITY_AUTH_PLAIN, SIGNIN_PLAIN },
		{ IDENTITY_AUTH_LOGIN, SIGNIN_LOGIN },
		{ IDENTITY_AUTH_XOAUTH2, SIGNIN_XOAUTH2 },
	};

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++)
		if (ways[i].auth == auth && (offered & SIGNIN_BIT(ways[i].mechanism)) != 0)
			return ways[i].mechanism;
	return SIGNIN_NONE;
}

void mechanism_put_lack(struct text *text, enum identity_auth auth, unsigned offered)
{
	size_t named = 0;

	text_put(text, VIEW("the server offers "));
	for (enum signin_mechanism each = SIGNIN_NONE + 1; each < SIGNIN_MECHANISM_COUNT; each++)
		if ((offered & SIGNIN_BIT(each)) != 0) {
			text_put(text, named++ > 0 ? VIEW(", ") : VIEW(""));
			text_put(text, view_of(signin_mechanism_name(each)));
		}
	text_put(text, named > 0 ? VIEW("") : VIEW("no way to sign in that we know"));
	text_put(text, VIEW(", and the identity's `auth` is "));
	text_put(text, view_of(config_auth_word(auth)));
}
