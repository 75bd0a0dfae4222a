#include "bench/mock_saying.h"

#include "queue/base/check.h"

#include <assert.h>

#define SAYING_TEXTS_MAX 6
/* Groups of {diagnostics} in a line: few, or so many that it passes 1.5 KB, as real ones do. */
#define SAYING_GROUPS_FEW  4
#define SAYING_GROUPS_MANY 72

#define TEMPORARY  "Temporary server error. Please try again later"
#define UNACTIVE   "421 4.3.2 Service not active [{host}]"
#define SUBMISSION "STOREDRV.Submission.Exception:"
#define PERMANENT  "Failed to process message due to a permanent exception with message "
#define VERDICT_SUSPEND                                                                            \
	"WASCL UserAction verdict is not None. Actual verdict is Suspend, ShowTierUpgrade."
#define SEND_DENIED SUBMISSION "SendAsDeniedException.MapiExceptionSendAsDenied; " PERMANENT
#define DIAGNOSTICS "[BeginDiagnosticData]Cannot submit message. {diagnostics}[EndDiagnosticData] "

static const struct {
	const char *word;
	const char *texts[SAYING_TEXTS_MAX];
} sayings[] = {
#define X(name, spelled) [MOCK_SAYS_##name].word = (spelled),
	MOCK_SAYINGS(X)
#undef X
	        [MOCK_SAYS_NOTHING]
	                .texts = { "250 2.0.0 OK" },
	[MOCK_SAYS_BUSY_CONNECT].texts = { "421 4.3.2 Service not available",
	        "421 4.3.2 System not accepting network messages",
	        "421 4.3.2 The maximum number of concurrent server connections has "
	        "exceeded a "
	        "limit, closing transmission channel" },
	[MOCK_SAYS_BUSY_AUTH].texts = { "454 4.7.0 Temporary authorization failure",
	        "451 4.7.3 Authentication unsuccessful due to temporary server error. "
	        "Please try "
	        "again later. {stamp}",
	        UNACTIVE },
	[MOCK_SAYS_BUSY_MAIL].texts = { "421 4.3.2 System not accepting network messages", UNACTIVE,
	        "451 4.7.0 " TEMPORARY ". PRX6 {stamp}" },
	[MOCK_SAYS_BUSY_RCPT].texts = { "451 4.4.3 " TEMPORARY " ATTR6",
	        "451 4.3.2 " TEMPORARY " ATTR17 {stamp}",
	        "421 4.3.2 System not accepting network messages" },
	[MOCK_SAYS_BUSY_EOD].texts = { "451 4.4.0 Message failed to be made redundant",
	        "451 4.4.25 Message failed to be replicated: no healthy secondary server "
	        "available to accept replica at this time.",
	        "451 4.4.28 Message failed to be replicated: the operation was canceled",
	        "430 4.3.0 STOREDRV; mailbox database IO error [{backend}]",
	        "432 4.3.2 STOREDRV.Storage; max threads per mdb exceeded {hostname}",
	        "432 4.3.2 STOREDRV; mailbox server is offline" },
	[MOCK_SAYS_FAULT_PROXY].texts = { "451 4.7.0 " TEMPORARY ". PRX2",
	        "451 4.7.0 " TEMPORARY ". PRX5 {stamp}", "451 4.7.0 " TEMPORARY ". CPRX1",
	        "451 4.7.0 " TEMPORARY ". PRX4 nextHop: BN3PR0101MB1234",
	        "451 4.7.0 " TEMPORARY ". PRX9 RemoteHost: PH7P222CA0012. ErrorCode 10054 {stamp}",
	        UNACTIVE },
	[MOCK_SAYS_FAULT_ATTRIBUTION].texts = { "451 4.4.3 " TEMPORARY " ATTR2 {stamp}",
	        "451 4.4.3 " TEMPORARY " ATTR1", "451 4.3.2 " TEMPORARY " ATTR17 {stamp}",
	        "450 4.7.1 Unable to fetch attribution data. ATTR11" },
	[MOCK_SAYS_FAULT_REPLICATION].texts = { "451 4.3.111 " TEMPORARY " MRH1 {hostname}" },
	[MOCK_SAYS_AUTH_FAILED].texts = { "535 5.7.3 Authentication unsuccessful {stamp}",
	        "535 5.7.3 Authentication unsuccessful" },
	[MOCK_SAYS_PASSWORD_WRONG].texts = { "535 5.7.3 Authentication unsuccessful {stamp}",
	        "535 5.7.139 Authentication unsuccessful, the user credentials were "
	        "incorrect. "
	        "[{host}]" },
	[MOCK_SAYS_TOKEN_EXPIRED].texts = { "535 5.7.143 Expired token",
	        "501 5.5.127 Invalid XOAUTH2 auth data - Token will expire soon" },
	[MOCK_SAYS_AUTH_DISABLED].texts = { "535 5.7.139 Authentication unsuccessful, "
	                                    "SmtpClientAuthentication is disabled for the Mailbox. "
	                                    "Visit https://aka.ms/smtp_auth_disabled for more "
	                                    "information. [{host}]" },
	[MOCK_SAYS_BASIC_DISABLED].texts = { "535 5.7.139 Authentication unsuccessful, basic "
	                                     "authentication is disabled. {stamp}" },
	[MOCK_SAYS_BASIC_RETIRED].texts = { "550 5.7.30 Basic authentication is not supported for "
	                                    "Client Submission. {stamp}" },
	[MOCK_SAYS_TENANT_BLOCKED].texts = { "550 5.7.705 Access denied, tenant has exceeded "
	                                     "threshold" },
	[MOCK_SAYS_DIRECT_REJECTED].texts = { "550 5.7.68 TenantInboundAttribution; Direct Send "
	                                      "not allowed for this organization from unauthorized "
	                                      "sources" },
	[MOCK_SAYS_NOT_ACCEPTED].texts = { "550 5.7.54 SMTP; Unable to relay recipient in "
	                                   "non-accepted domain" },
	[MOCK_SAYS_RELAY_DENIED].texts = { "550 5.7.64 TenantAttribution; Relay Access Denied "
	                                   "{stamp}" },
	[MOCK_SAYS_ADDRESS_BUSY].texts = { "451 4.7.500 Server busy. Please try again later from "
	                                   "[{address}]. (S77714) {stamp}",
	        "451 4.7.500 Server busy. Please try again later from [{address}]. "
	        "(S77719) "
	        "[{host}]" },
	[MOCK_SAYS_RECIPIENT_UNKNOWN].texts = { "550 5.4.1 Recipient address rejected: Access "
	                                        "denied. For more information see "
	                                        "https://aka.ms/EXOSmtpErrors {stamp}",
	        "550 5.4.1 [{recipient}]: Recipient address rejected: Access denied "
	        "[{host}]" },
	[MOCK_SAYS_RECIPIENTS_MANY].texts = { "452 4.5.3 Too many recipients" },
	[MOCK_SAYS_CONCURRENT].texts = { "432 4.3.2 Concurrent connections limit exceeded. Visit "
	                                 "https://aka.ms/concurrent_sending for more information. "
	                                 "{hostname}",
	        "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded "
	        "{hostname}" },
	[MOCK_SAYS_RATE].texts = { "450 4.5.127 Message rejected. Excessive message rate from "
	                           "sender. For more information see "
	                           "https://aka.ms/EXOSmtpErrors." },
	[MOCK_SAYS_DAILY].texts = { "554 5.2.0 " SUBMISSION
	                            "SubmissionQuotaExceededException; " PERMANENT
	                            "The message can't be submitted because the sender's "
	                            "submission quota was exceeded. {hostname}",
	        "554 5.2.0 " SUBMISSION "SubmissionQuotaExceededException; " PERMANENT
	        "The message can't be submitted because the sender's submission quota was "
	        "exceeded. " DIAGNOSTICS "{hostname}",
	        "550 5.1.90 Your message can't be sent because you've reached your daily "
	        "limit "
	        "for message recipients" },
	[MOCK_SAYS_SEND_AS].texts = { "554 5.2.252 SendAsDenied; {mailbox} not allowed to send as "
	                              "{sender}; " SEND_DENIED DIAGNOSTICS "{hostname}",
	        "550 5.7.60 SMTP; Client does not have permissions to send as this sender "
	        "[{backend}]" },
	[MOCK_SAYS_BARRED_FULL].texts = { "550 5.2.251 Sender throttled due to continuous mailbox "
	                                  "full errors." },
	[MOCK_SAYS_BARRED_SEND_AS].texts = { "550 5.2.252 Sender throttled due to continuous send "
	                                     "as denied errors." },
	[MOCK_SAYS_BARRED_LICENCE].texts = { "550 5.2.253 Sender throttled due to continuous "
	                                     "license errors." },
	[MOCK_SAYS_BARRED_MANY].texts = { "550 5.2.254 Sender throttled due to continuous too many "
	                                  "recipients errors." },
	[MOCK_SAYS_BARRED_INVALID].texts = { "550 5.2.255 Sender throttled due to continuous "
	                                     "invalid recipients errors." },
	[MOCK_SAYS_MAILBOX_FULL]
	        .texts = { "554 5.2.2 mailbox full; " SUBMISSION "QuotaExceededException."
	                   "MapiExceptionShutoffQuotaExceeded; " PERMANENT DIAGNOSTICS
	                   "{hostname}" },
	[MOCK_SAYS_LOGON_FAILED].texts = { "430 4.2.0 STOREDRV; mailbox logon failure; " SUBMISSION
	                                   "ConnectionFailedTransientException."
	                                   "MapiExceptionLogonFailed; Failed to process message "
	                                   "due to a transient exception with message "
	                                   "[BeginDiagnosticData]Cannot open mailbox. Server = "
	                                   "{backend}[EndDiagnosticData]" },
	[MOCK_SAYS_SUSPENDED].texts = { "554 5.2.0 " SUBMISSION "OutboundSpamException; " PERMANENT
	                                "[BeginDiagnosticData]" VERDICT_SUSPEND
	                                " OutboundSpamException: " VERDICT_SUSPEND
	                                "[EndDiagnosticData] {hostname}" },
	[MOCK_SAYS_SENDER_BANNED].texts = { "550 5.1.8 Access denied, bad outbound sender.",
	        "550 5.1.8 Access denied, bad outbound sender AS(42004)" },
	[MOCK_SAYS_EXTERNAL_QUOTA].texts = { "550 5.7.233 - Your message can't be sent because "
	                                     "your tenant has exceeded its daily limit for sending "
	                                     "email to external recipients (tenant external "
	                                     "recipient rate limit). For more information see "
	                                     "https://aka.ms/EXONdrs." },
	[MOCK_SAYS_ONMICROSOFT_QUOTA].texts = { "550 5.7.236" }, /* its text is not known */
	[MOCK_SAYS_IDLE].texts = { "451 4.7.0 Timeout waiting for client input",
	        "451 4.7.0 Timeout waiting for client input {stamp}" },
	[MOCK_SAYS_SESSION_OVER].texts = { "421 4.4.1 Connection timed out. Total session "
	                                   "duration: {duration}" },
};
static_assert(sizeof sayings / sizeof sayings[0] == MOCK_SAYING_COUNT, "one row per saying");

static void saying_put_field(struct text *text, struct view field, const struct mock_words *words,
        struct random *random);
static void saying_put_duration(struct text *text, int64_t ns);
static void saying_put_diagnostics(struct text *text, struct random *random);

const char *mock_saying_word(enum mock_saying saying)
{
	check(saying < MOCK_SAYING_COUNT);
	return sayings[saying].word;
}

size_t mock_saying_count(enum mock_saying saying)
{
	size_t count = 0;

	check(saying < MOCK_SAYING_COUNT);
	while (count < SAYING_TEXTS_MAX && sayings[saying].texts[count] != NULL)
		count++;
	check(count > 0);
	return count;
}

void mock_saying_put(struct text *text, enum mock_saying saying, const struct mock_words *words,
        struct random *random)
{
	const size_t chosen = (size_t)random_below(random, mock_saying_count(saying));
	struct view left = view_of(sayings[saying].texts[chosen]);

	for (size_t open = view_find(left, '{'); open < left.bytes; open = view_find(left, '{')) {
		text_put(text, view_first(left, open));
		left = view_skip(left, open + 1);
		const size_t close = view_find(left, '}');
		check(close < left.bytes);
		saying_put_field(text, view_first(left, close), words, random);
		left = view_skip(left, close + 1);
	}
	text_put(text, left);
}

static void saying_put_field(
        struct text *text, struct view field, const struct mock_words *words, struct random *random)
{
	if (view_equal(field, VIEW("host"))) {
		mock_host_put(text, words->front);
	} else if (view_equal(field, VIEW("stamp"))) {
		mock_host_put_stamp(text, words->front, words->now);
	} else if (view_equal(field, VIEW("backend"))) {
		mock_host_put(text, words->back);
	} else if (view_equal(field, VIEW("hostname"))) {
		text_put(text, VIEW("[Hostname="));
		mock_host_put(text, words->back);
		text_put_byte(text, ']');
	} else if (view_equal(field, VIEW("address"))) {
		text_put(text, words->address);
	} else if (view_equal(field, VIEW("mailbox"))) {
		text_put(text, words->mailbox);
	} else if (view_equal(field, VIEW("sender"))) {
		text_put(text, words->sender);
	} else if (view_equal(field, VIEW("recipient"))) {
		text_put(text, words->recipient);
	} else if (view_equal(field, VIEW("duration"))) {
		saying_put_duration(text, words->session_ns);
	} else {
		check(view_equal(field, VIEW("diagnostics")));
		saying_put_diagnostics(text, random);
	}
}

/* "00:20:55.2872355": .NET counts in 100 ns. */
static void saying_put_duration(struct text *text, int64_t ns)
{
	const int64_t seconds = ns / NS_PER_S;

	text_format(text, "%02lld:%02lld:%02lld.%07lld", (long long)(seconds / 3600),
	        (long long)(seconds / 60 % 60), (long long)(seconds % 60),
	        (long long)(ns % NS_PER_S / 100));
}

/* "1.84300:0A000000, 1.84300:0F000000, 0.62184:00000000" */
static void saying_put_diagnostics(struct text *text, struct random *random)
{
	const size_t groups = random_below(random, 2) == 0 ? SAYING_GROUPS_FEW : SAYING_GROUPS_MANY;

	for (size_t i = 0; i < groups; i++)
		text_format(text, "%s%u.%05u:%08X", i == 0 ? "" : ", ", i + 1 < groups,
		        (unsigned)random_below(random, 100000),
		        (unsigned)(random_u64(random) >> 32));
}
