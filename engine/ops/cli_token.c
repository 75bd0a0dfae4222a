#include "engine/ops/cli.h"

#include "engine/json_write.h"
#include "engine/ops/desk.h"
#include "queue/base/check.h"

#include <stdlib.h>
#include <time.h>

#define WHY_BYTES  1024
#define LINE_BYTES 4096

static const char usage[] =
        "usage: sluice token [--config FILE] [--identity USER] [--route NAME] [--json]\n"
        "\n"
        "Gets the token that an identity signs in with, as the relay does, and prints what it\n"
        "says of itself: whom it is for, whose it is, its rights, when it ends. Never the token.\n"
        "A refresh token that comes with it is stored, as the relay does. What a command says on\n"
        "standard error is shown.\n"
        "\n"
        "  --identity USER  by default the first that signs in with a token\n"
        "  --route NAME     the identity's route, where several have it\n"
        "  --json           one JSON object instead of lines\n"
        "  --config FILE    the configuration (default: " CLI_CONFIG_DEFAULT ")\n"
        "  --help           this text\n"
        "\n"
        "Exit status: 0 there is a token and it may do, 1 there is none, or it is for another\n"
        "service, and why; 2 wrong usage.\n";

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "identity", required_argument, NULL, 'i' },
	{ "route", required_argument, NULL, 'r' },
	{ "json", no_argument, NULL, 'j' },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

struct wish {
	const char *path;
	const char *user;
	const char *route;
	bool json;
	bool help;
};

static bool read_wish(int argc, char **argv, struct wish *wish)
{
	int option = cli_option(argc, argv, options, true);

	for (; option != -1; option = cli_option(argc, argv, options, false)) {
		switch (option) {
		case 'c':
			wish->path = optarg;
			break;
		case 'i':
			wish->user = optarg;
			break;
		case 'r':
			wish->route = optarg;
			break;
		case 'j':
			wish->json = true;
			break;
		case 'h':
			wish->help = true;
			return true;
		default:
			return false;
		}
	}
	return cli_has_no_words(argc, argv);
}

static const struct config_identity *find(const struct config *config, const struct wish *wish)
{
	for (size_t i = 0; i < config->routes.count; i++) {
		const struct config_route *route = &config->routes.at[i];

		if (wish->route != NULL && strcmp(route->name, wish->route) != 0)
			continue;
		for (size_t j = 0; j < route->identities.count; j++) {
			const struct config_identity *identity = &route->identities.at[j];
			if (identity->auth == IDENTITY_AUTH_XOAUTH2 &&
			        (wish->user == NULL || strcasecmp(identity->user, wish->user) == 0))
				return identity;
		}
	}
	return NULL;
}

/* Telling. */

static void put(struct text *text, bool json, const char *key, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	if (!json) {
		text_format(text, "%s: %s\n", key, value);
		return;
	}
	text_format(text, "%s\"%s\":", text->bytes > 1 ? "," : "", key);
	json_write_text(text, view_of(value));
}

static void put_end(struct text *text, bool json, const struct token_claims *claims)
{
	char memory[64];
	const time_t end = (time_t)claims->expires_s;
	struct tm moment;

	if (claims->expires_s == 0 || gmtime_r(&end, &moment) == NULL ||
	        strftime(memory, sizeof memory, "%Y-%m-%dT%H:%M:%SZ", &moment) == 0)
		return;
	put(text, json, "expires", memory);
}

static int tell(const struct config_identity *identity, const struct keeper_ask *ask, bool json)
{
	const struct config_oauth *oauth = &identity->oauth;
	char memory[LINE_BYTES];
	struct text text = TEXT_ON(memory);
	struct token_claims claims = { 0 };
	const char *advice = ask->advice;

	if (!failed(ask->err)) {
		token_claims_read(&claims, view_from(ask->secret, ask->bytes));
		advice = token_claims_fault(&claims);
	}
	const bool wrong = failed(ask->err) || advice != NULL;
	text_put(&text, json ? VIEW("{") : VIEW(""));
	put(&text, json, "identity", identity->user);
	put(&text, json, "tenant", oauth->tenancy == NULL ? NULL : oauth->tenancy->name);
	put(&text, json, "flow", config_flow_word(oauth->flow));
	put(&text, json, "result", failed(ask->err) ? "no token" : "token");
	put(&text, json, "error", ask->why);
	if (!failed(ask->err) && !claims.readable)
		put(&text, json, "claims", "none: the token is opaque");
	put(&text, json, "audience", claims.audience);
	put(&text, json, "rights", claims.rights);
	put(&text, json, "directory", claims.tenant);
	put(&text, json, "app", claims.app);
	put(&text, json, "user", claims.user);
	put_end(&text, json, &claims);
	put(&text, json, "advice", advice);
	/* Of use once the server has refused it; before that it is one more thing to check. */
	if (!wrong && !json)
		put(&text, json, "if the server refuses it", ask->hint);
	else if (!wrong)
		put(&text, json, "hint", ask->hint);
	text_put(&text, json ? VIEW("}\n") : VIEW(""));
	fputs(text_string(&text), failed(ask->err) && !json ? stderr : stdout);
	return wrong ? CLI_WRONG : CLI_FINE;
}

static int run(const struct config *config, const struct config_identity *identity, bool json)
{
	struct desk *desk = calloc(1, sizeof *desk);
	struct keeper_ask *ask = calloc(1, sizeof *ask);
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);
	int status = CLI_WRONG;

	check(desk != NULL);
	check(ask != NULL);
	/* What can't be opened ends with the program. */
	if (!desk_open(desk, config, false, &why)) {
		fprintf(stderr, "sluice token: %s\n",
		        why.bytes > 0 ? text_string(&why) : "out of memory");
		free(ask);
		return CLI_WRONG;
	}
	ask->identity = identity;
	desk_ask_keeper(desk, ask);
	status = tell(identity, ask, json);
	keeper_wipe(ask);
	desk_close(desk);
	free(ask);
	free(desk);
	return status;
}

int cli_token(int argc, char **argv)
{
	struct wish wish = { .path = CLI_CONFIG_DEFAULT };

	if (!read_wish(argc, argv, &wish))
		return CLI_USAGE;
	if (wish.help) {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	struct config *config = cli_load(wish.path);
	if (config == NULL)
		return CLI_WRONG;
	const struct config_identity *identity = find(config, &wish);
	int status = CLI_WRONG;
	if (identity != NULL)
		status = run(config, identity, wish.json);
	else
		fprintf(stderr,
		        "sluice token: no identity%s%s signs in with a token; right is one "
		        "with auth: xoauth2\n",
		        wish.user != NULL ? " " : "", wish.user != NULL ? wish.user : "");
	config_destroy(config);
	return status;
}
