#include "engine/token_claims.h"

#include "engine/io/crypto.h"
#include "engine/json_read.h"
#include "engine/wire/base64.h"

#define PAYLOAD_BYTES 8192 /* a token has 2 to 3 KB, its payload the most of it */

#define GRAPH_ADVICE                                                                               \
	"This token is for Microsoft Graph, not for Exchange Online: leave scope unset, or set "   \
	"it to https://outlook.office365.com/.default (a person's: "                               \
	"https://outlook.office.com/SMTP.Send offline_access)."
#define OTHER_ADVICE                                                                               \
	"This token is for another service than Exchange Online: leave scope unset, and set the "  \
	"tenant's cloud."

/* Audiences by address or by the app's id; the ids are Microsoft's, the same in every tenant. */
static const struct {
	struct view name;
	const char *fault;
} audiences[] = {
	{ VIEW_INIT("https://graph.microsoft.com"), GRAPH_ADVICE },
	{ VIEW_INIT("https://graph.microsoft.us"), GRAPH_ADVICE },
	{ VIEW_INIT("https://dod-graph.microsoft.us"), GRAPH_ADVICE },
	{ VIEW_INIT("https://microsoftgraph.chinacloudapi.cn"), GRAPH_ADVICE },
	{ VIEW_INIT("00000003-0000-0000-c000-000000000000"), GRAPH_ADVICE },
	{ VIEW_INIT("https://graph.windows.net"), OTHER_ADVICE },
	{ VIEW_INIT("00000002-0000-0000-c000-000000000000"), OTHER_ADVICE },
	{ VIEW_INIT("https://management.azure.com"), OTHER_ADVICE },
	{ VIEW_INIT("https://management.core.windows.net"), OTHER_ADVICE },
	{ VIEW_INIT("https://vault.azure.net"), OTHER_ADVICE },
};

static bool decode(struct text *payload, struct view token);
static void read_claim(struct token_claims *claims, struct view key, struct view value);
static void read_text(struct view value, char *into, size_t bytes);
static void read_roles(struct view value, char *into, size_t bytes);
static bool has_right(const struct token_claims *claims, struct view right);

void token_claims_read(struct token_claims *claims, struct view token)
{
	char memory[PAYLOAD_BYTES];
	struct text payload = TEXT_ON(memory);
	struct view key;
	struct view value;

	*claims = (struct token_claims){ 0 };
	if (decode(&payload, token)) {
		struct json_reader reader = json_read_object(text_view(&payload));
		while (json_read_next(&reader, &key, &value))
			read_claim(claims, key, value);
		claims->readable = !reader.bad;
	}
	if (!claims->readable)
		*claims = (struct token_claims){ 0 };
	crypto_wipe(memory, sizeof memory);
}

/* HEADER.PAYLOAD.SIGNATURE (RFC 7519 3) */
static bool decode(struct text *payload, struct view token)
{
	const size_t first = view_find(token, '.');

	if (first == token.bytes)
		return false;
	const struct view rest = view_skip(token, first + 1);
	const size_t second = view_find(rest, '.');
	return second < rest.bytes && base64_url_decode(payload, view_first(rest, second));
}

static void read_claim(struct token_claims *claims, struct view key, struct view value)
{
	uint64_t number;

	if (view_equal(key, VIEW("aud"))) {
		read_text(value, claims->audience, sizeof claims->audience);
	} else if (view_equal(key, VIEW("roles"))) {
		read_roles(value, claims->rights, sizeof claims->rights);
		claims->of_app = true;
	} else if (view_equal(key, VIEW("scp"))) {
		read_text(value, claims->rights, sizeof claims->rights);
		claims->of_app = false;
	} else if (view_equal(key, VIEW("exp")) && json_read_u64(value, &number)) {
		claims->expires_s = number > INT64_MAX / 1000 ? 0 : (int64_t)number;
	} else if (view_equal(key, VIEW("tid"))) {
		read_text(value, claims->tenant, sizeof claims->tenant);
	} else if (view_equal(key, VIEW("appid")) || view_equal(key, VIEW("azp"))) {
		read_text(value, claims->app, sizeof claims->app);
	} else if (view_equal(key, VIEW("upn")) || view_equal(key, VIEW("preferred_username"))) {
		read_text(value, claims->user, sizeof claims->user);
	}
}

static void read_text(struct view value, char *into, size_t bytes)
{
	struct text text = text_on(into, bytes - 1);

	if (!json_read_text(value, &text))
		text.bytes = 0;
	into[text.bytes] = '\0';
}

static void read_roles(struct view value, char *into, size_t bytes)
{
	struct json_reader reader = json_read_array(value);
	struct text text = text_on(into, bytes - 1);
	struct view key;
	struct view role;

	while (json_read_next(&reader, &key, &role)) {
		struct text longer = text;

		if (longer.bytes > 0)
			text_put_byte(&longer, ' ');
		/* One that does not fit is left out; the next may fit. */
		if (json_read_text(role, &longer))
			text = longer;
	}
	into[text.bytes] = '\0';
}

const char *token_claims_fault(const struct token_claims *claims)
{
	struct view audience = view_of(claims->audience);

	if (audience.bytes > 0 && audience.data[audience.bytes - 1] == '/')
		audience.bytes--;
	for (size_t i = 0; i < sizeof audiences / sizeof audiences[0]; i++)
		if (view_equal_fold(audience, audiences[i].name))
			return audiences[i].fault;
	return NULL;
}

const char *token_claims_hint(const struct token_claims *claims, enum oauth_flow flow)
{
	const char *fault = token_claims_fault(claims);

	if (fault != NULL || !claims->readable)
		return fault;
	if (flow == FLOW_CLIENT_CREDENTIALS && !has_right(claims, VIEW("SMTP.SendAsApp")))
		return "The token has no role SMTP.SendAsApp: add that application permission of "
		       "Office 365 Exchange Online to the app and grant admin consent; where the "
		       "app has its rights by RBAC for Applications instead, check the mailbox "
		       "with "
		       "`Test-ServicePrincipalAuthorization`.";
	if (flow == FLOW_CLIENT_CREDENTIALS)
		return "The token is right as far as it says: register the app in Exchange with "
		       "`New-ServicePrincipal -AppId CLIENT_ID -ObjectId OBJECT_ID`, the object id "
		       "of the enterprise application (not of the app registration), and "
		       "`Add-MailboxPermission -Identity MAILBOX -User OBJECT_ID -AccessRights "
		       "FullAccess`; grants take up to an hour.";
	if (!claims->of_app && claims->rights[0] != '\0' && !has_right(claims, VIEW("SMTP.Send")))
		return "The token has no scope SMTP.Send: leave scope unset, and consent again.";
	return NULL;
}

static bool has_right(const struct token_claims *claims, struct view right)
{
	struct view rest = view_of(claims->rights);

	while (rest.bytes > 0) {
		const size_t space = view_find(rest, ' ');
		if (view_equal_fold(view_first(rest, space), right))
			return true;
		rest = view_skip(rest, space < rest.bytes ? space + 1 : space);
	}
	return false;
}
