#include "engine/token_error.h"

#include "queue/base/check.h"

#include <stddef.h>

#define PORTAL     "Entra admin center > App registrations > the app > "
#define ENTERPRISE "Entra admin center > Enterprise applications > the app > "
#define CONSENT                                                                                    \
	PORTAL "API permissions > Add a permission > APIs my organization uses > Office 365 "      \
	       "Exchange Online > Application permissions > SMTP.SendAsApp, then Grant admin "     \
	       "consent; a person's token needs the delegated SMTP.Send instead."
#define SIGN_IN_AGAIN                                                                              \
	"Let the mailbox's owner sign in and consent again, and put the new refresh token into "   \
	"refresh_token_file."
#define POLICY                                                                                     \
	"Entra admin center > Protection > Conditional Access: exclude the account or this "       \
	"machine's address from the policy, or use client_credentials, which no policy for "       \
	"people stops; Sign-in logs name the policy."
#define SECRET                                                                                     \
	PORTAL "Certificates & secrets > New client secret; put its Value (not its Secret ID) "    \
	       "into client_secret_file."
#define CERTIFICATE                                                                                \
	PORTAL "Certificates & secrets > Certificates > Upload certificate: the one that "         \
	       "`certificate` names, and compare the thumbprints."
#define WAIT "Nothing is to be done: it is asked again by itself."

/* X(code, whose, transient, meaning, advice) */
#define APP_ERRORS(X)                                                                              \
	X(7000215, ADMINISTRATOR, false, "the client secret is wrong", SECRET)                     \
	X(7000222, ADMINISTRATOR, false, "the client secret has expired", SECRET)                  \
	X(7000216, OPERATOR, false, "the app's credential is missing",                             \
	        "Set client_secret_file, or certificate and key.")                                 \
	X(7000218, OPERATOR, false, "the app is confidential, and no credential was sent",         \
	        "Set client_secret_file, or certificate and key; or " PORTAL                       \
	        "Authentication > Allow public client flows.")                                     \
	X(700025, OPERATOR, false, "the app is public, and a credential was sent",                 \
	        "Set client_id beside refresh_token_file, without secret or certificate; "         \
	        "or " PORTAL "Authentication > Allow public client flows: No.")                    \
	X(700016, OPERATOR, false, "the app is not known in this tenant",                          \
	        "Compare client_id with " PORTAL "Overview > Application (client) ID, and the "    \
	        "tenant's id with Directory (tenant) ID; an app of another tenant needs its "      \
	        "consent first.")                                                                  \
	X(7000229, ADMINISTRATOR, false, "the app has no service principal in this tenant",        \
	        "Let an administrator consent: https://login.microsoftonline.com/TENANT/"          \
	        "adminconsent?client_id=CLIENT_ID")                                                \
	X(7000112, ADMINISTRATOR, false, "the app is disabled",                                    \
	        ENTERPRISE "Properties > Enabled for users to sign-in: Yes.")                      \
	X(700027, ADMINISTRATOR, false, "the app does not know the certificate or its signature",  \
	        CERTIFICATE)                                                                       \
	X(700030, ADMINISTRATOR, false, "the certificate is not one that the app trusts",          \
	        CERTIFICATE)                                                                       \
	X(700023, OPERATOR, false, "the client assertion is meant for another endpoint",           \
	        "Leave token_url unset, or set it to the tenant's own.")                           \
	X(700024, OPERATOR, false, "the client assertion's time is not now",                       \
	        "Set this machine's clock: `timedatectl set-ntp true`.")                           \
	X(50194, OPERATOR, false, "the app belongs to one tenant, and `common` was asked",         \
	        "Set the tenant's id to the directory's GUID or domain.")                          \
	X(90002, OPERATOR, false, "there is no such tenant",                                       \
	        "Compare the tenant's id with Entra admin center > Overview > Tenant ID, and its " \
	        "cloud.")                                                                          \
	X(900023, OPERATOR, false, "the tenant's id is neither a GUID nor a domain",               \
	        "Set the tenant's id as Entra admin center > Overview > Tenant ID shows it.")      \
	X(90014, OPERATOR, false, "a field of the request is missing",                             \
	        "Compare client_id, scope and the credential with the flow.")                      \
	X(900144, OPERATOR, false, "a parameter of the request is missing",                        \
	        "Compare client_id, scope and the credential with the flow.")                      \
	X(9002313, OPERATOR, false, "the request is malformed",                                    \
	        "Look for stray characters in client_id, scope, the secret's and the refresh "     \
	        "token's file.")

#define SCOPE_ERRORS(X)                                                                            \
	X(65001, ADMINISTRATOR, false, "nobody consented to what the app asks for", CONSENT)       \
	X(65004, PERSON, false, "the person declined to consent", SIGN_IN_AGAIN)                   \
	X(70011, OPERATOR, false, "the scope is wrong",                                            \
	        "Leave scope unset; else client_credentials wants RESOURCE/.default, and a "       \
	        "person's token RESOURCE/SMTP.Send offline_access.")                               \
	X(650052, ADMINISTRATOR, false, "the tenant has no Exchange Online to give tokens for",    \
	        "Compare the tenant and its cloud; the tenant needs an Exchange Online licence.")  \
	X(650057, ADMINISTRATOR, false, "the app may not ask for this resource", CONSENT)          \
	X(500011, OPERATOR, false, "the resource in scope is not known in this tenant",            \
	        "Leave scope unset, and set the tenant's cloud.")                                  \
	X(501481, OPERATOR, false, "the code verifier does not match: the consent was cut short",  \
	        SIGN_IN_AGAIN)

#define GRANT_ERRORS(X)                                                                            \
	X(700082, PERSON, false, "the refresh token died: it was not used for 90 days",            \
	        SIGN_IN_AGAIN)                                                                     \
	X(700084, PERSON, false, "the refresh token was a single-page app's, good for a day",      \
	        "Register the redirect address as Web or Mobile and desktop. " SIGN_IN_AGAIN)      \
	X(70000, PERSON, false, "the refresh token is not valid", SIGN_IN_AGAIN)                   \
	X(70008, PERSON, false, "the refresh token expired or was revoked", SIGN_IN_AGAIN)         \
	X(50173, PERSON, false, "the password was changed, which revoked the refresh token",       \
	        SIGN_IN_AGAIN)                                                                     \
	X(50126, PERSON, false, "user name or password is wrong", SIGN_IN_AGAIN)                   \
	X(50053, ADMINISTRATOR, false, "the account is locked after too many failed sign-ins",     \
	        "Wait until the lock ends, find who else signs in wrongly (Sign-in logs), then "   \
	        "`sluice queue retry --all`.")                                                     \
	X(50055, PERSON, false, "the password has expired",                                        \
	        "Change the account's password. " SIGN_IN_AGAIN)                                   \
	X(50057, ADMINISTRATOR, false, "the account is disabled",                                  \
	        "Entra admin center > Users > the account > Properties > Account enabled.")        \
	X(50034, OPERATOR, false, "there is no such account in the tenant",                        \
	        "Compare the identity's user and the tenant's id.")                                \
	X(500341, ADMINISTRATOR, false, "the account was deleted",                                 \
	        "Restore it (Entra admin center > Users > Deleted users), or use another.")        \
	X(50105, ADMINISTRATOR, false, "the account is not assigned to the app",                   \
	        ENTERPRISE                                                                         \
	        "Users and groups > Add user, or Properties > Assignment required: No.")

#define POLICY_ERRORS(X)                                                                           \
	X(50076, PERSON, false, "a second factor is wanted", SIGN_IN_AGAIN " " POLICY)             \
	X(50078, PERSON, false, "the second factor has expired", SIGN_IN_AGAIN " " POLICY)         \
	X(50079, PERSON, false, "the account must register a second factor first",                 \
	        "Sign in at https://aka.ms/mfasetup. " SIGN_IN_AGAIN)                              \
	X(50158, PERSON, false, "another sign-in challenge is wanted", SIGN_IN_AGAIN " " POLICY)   \
	X(53000, ADMINISTRATOR, false, "a policy wants a compliant device", POLICY)                \
	X(53001, ADMINISTRATOR, false, "a policy wants a joined device", POLICY)                   \
	X(53003, ADMINISTRATOR, false, "a Conditional Access policy forbids it", POLICY)           \
	X(530032, ADMINISTRATOR, false, "the tenant's security policy forbids it", POLICY)         \
	X(530035, ADMINISTRATOR, false, "security defaults forbid it", POLICY)

#define SERVICE_ERRORS(X)                                                                          \
	X(50196, SERVICE, false, "the app asked too often for the same: a loop is suspected",      \
	        "Look for another program with this client_id; we wait longer by ourselves.")      \
	X(90055, SERVICE, true, "the tenant asks for too many tokens", WAIT)                       \
	X(90033, SERVICE, true, "the endpoint has a passing fault", WAIT)                          \
	X(90012, SERVICE, true, "the endpoint timed out", WAIT)                                    \
	X(90025, SERVICE, true, "the endpoint gave up after tries of its own", WAIT)               \
	X(50000, SERVICE, true, "the endpoint could not make a token", WAIT)                       \
	X(1002016, OPERATOR, false, "the connection's TLS is too old",                             \
	        "Let no proxy or crypto policy of this machine stand in the way of TLS 1.2.")

#define WORD_ERRORS(X)                                                                             \
	X("invalid_client", ADMINISTRATOR, false, "the app's credential is wrong",                 \
	        "Compare client_id and the client secret's Value or the certificate with " PORTAL  \
	        "Certificates & secrets.")                                                         \
	X("invalid_grant", PERSON, false, "the refresh token is not valid any more",               \
	        SIGN_IN_AGAIN)                                                                     \
	X("invalid_scope", OPERATOR, false, "the scope is wrong",                                  \
	        "Leave scope unset: the tenant's cloud and the flow give the right one.")          \
	X("invalid_resource", OPERATOR, false, "the resource in scope is not known",               \
	        "Leave scope unset, and set the tenant's cloud.")                                  \
	X("invalid_request", OPERATOR, false, "the endpoint does not understand the request",      \
	        "Compare token_url, client_id and scope with the flow.")                           \
	X("unauthorized_client", ADMINISTRATOR, false, "the app may not get tokens this way",      \
	        "Compare client_id and tenant. " CONSENT)                                          \
	X("unsupported_grant_type", OPERATOR, false, "the endpoint does not know the flow",        \
	        "Compare token_url with the tenant's.")                                            \
	X("interaction_required", PERSON, false, "the person has to sign in", SIGN_IN_AGAIN)       \
	X("consent_required", PERSON, false, "the person has to consent", SIGN_IN_AGAIN)           \
	X("temporarily_unavailable", SERVICE, true, "the endpoint is busy", WAIT)                  \
	X("server_error", SERVICE, true, "the endpoint has a fault", WAIT)

static const struct token_error errors[] = {
#define X(code, whose, transient, meaning, advice)                                                 \
	{ code, NULL, TOKEN_PARTY_##whose, transient, meaning, advice },
	APP_ERRORS(X) SCOPE_ERRORS(X) GRANT_ERRORS(X) POLICY_ERRORS(X) SERVICE_ERRORS(X)
#undef X
#define X(word, whose, transient, meaning, advice)                                                 \
	{ 0, word, TOKEN_PARTY_##whose, transient, meaning, advice },
	        WORD_ERRORS(X)
#undef X
};

#define ERRORS_COUNT (sizeof errors / sizeof errors[0])

/* What no row knows goes by the status. */
static const struct token_error unknown_busy = { 0, NULL, TOKEN_PARTY_SERVICE, true,
	"the token endpoint asks us to wait", WAIT };
static const struct token_error unknown_fault = { 0, NULL, TOKEN_PARTY_SERVICE, true,
	"the token endpoint has a fault", WAIT };
static const struct token_error unknown_refusal = { 0, NULL, TOKEN_PARTY_OPERATOR, false,
	"the token endpoint refuses",
	"Look the code up at https://login.microsoftonline.com/error, and compare tenant, "
	"client_id "
	"and credential." };
static const struct token_error unknown_answer = { 0, NULL, TOKEN_PARTY_OPERATOR, true,
	"what answers is no token endpoint",
	"Compare token_url with the tenant's; look for a proxy or portal in between." };

#define HTTP_TOO_MANY 429
#define HTTP_FAULT    500
#define HTTP_REFUSAL  400

const struct token_error *token_error_find(uint32_t code, struct view word, int http_status)
{
	for (size_t i = 0; i < ERRORS_COUNT; i++)
		if (code != 0 && errors[i].code == code)
			return &errors[i];
	if (http_status == HTTP_TOO_MANY)
		return &unknown_busy;
	for (size_t i = 0; i < ERRORS_COUNT; i++)
		if (errors[i].word != NULL && view_equal(word, view_of(errors[i].word)))
			return &errors[i];
	if (http_status >= HTTP_FAULT)
		return &unknown_fault;
	return http_status >= HTTP_REFUSAL && word.bytes > 0 ? &unknown_refusal : &unknown_answer;
}

const struct token_error *token_error_at(size_t index)
{
	return index < ERRORS_COUNT ? &errors[index] : NULL;
}

const char *token_party_word(enum token_party party)
{
	static const char *const words[] = {
#define X(name, word) [TOKEN_PARTY_##name] = word,
		TOKEN_PARTIES(X)
#undef X
	};

	check((size_t)party < sizeof words / sizeof words[0]);
	return words[party];
}
