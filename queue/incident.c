#include "queue/incident.h"

#include "queue/base/check.h"
#include "queue/record.h"

#include <assert.h>
#include <strings.h>

#define RECORD_VERSION 1

static_assert(1 + 6 * 8 + 7 * 2 + 2 * 64 + INCIDENT_ROUTE_MAX + 2 * INCIDENT_WHO_MAX +
                              INCIDENT_REPLY_MAX + INCIDENT_ADVICE_MAX <=
                      INCIDENT_RECORD_MAX,
        "the largest record: numbers, lengths, the words of cause and scope, texts");

/* What ends it: $M is the mailbox, $S the sender. */
struct command_row {
	enum cause cause;
	int scope; /* ANY_SCOPE: any */
	const char *command;
};

#define ANY_SCOPE (-1)

#define CONNECTOR                                                                                  \
	"New-InboundConnector -Name Sluice -ConnectorType OnPremises -SenderDomains * "            \
	"-RequireTls $true -TlsSenderCertificateName CERTIFICATE_NAME"

static const struct command_row command_rows[] = {
	{ CAUSE_SEND_AS_DENIED, ANY_SCOPE,
	        "Add-RecipientPermission $S -Trustee $M -AccessRights SendAs" },
	{ CAUSE_AUTH_DISABLED, SCOPE_IDENTITY,
	        "Set-CASMailbox -Identity $M -SmtpClientAuthenticationDisabled $false" },
	{ CAUSE_AUTH_DISABLED, SCOPE_TENANT,
	        "Set-TransportConfig -SmtpClientAuthenticationDisabled $false" },
	{ CAUSE_AUTH_PERMISSION, ANY_SCOPE,
	        "Add-MailboxPermission -Identity $M -User SERVICE_PRINCIPAL -AccessRights "
	        "FullAccess" },
	{ CAUSE_MAILBOX_LOGON, ANY_SCOPE,
	        "Add-MailboxPermission -Identity $M -User SERVICE_PRINCIPAL -AccessRights "
	        "FullAccess" },
	{ CAUSE_SENDER_BLOCKED, SCOPE_IDENTITY, "Remove-BlockedSenderAddress -SenderAddress $M" },
	{ CAUSE_ACCOUNT_SUSPENDED, SCOPE_IDENTITY,
	        "Remove-BlockedSenderAddress -SenderAddress $M" },
	{ CAUSE_SENDER_MAILBOX_FULL, ANY_SCOPE, "Get-MailboxStatistics -Identity $M" },
	{ CAUSE_TENANT_RATE, ANY_SCOPE, "Get-LimitsEnforcementStatus" },
	{ CAUSE_FEDERATION_CONFIG, ANY_SCOPE, "Get-MgDomainFederationConfiguration" },
	{ CAUSE_DIRECT_SEND_REJECTED, ANY_SCOPE, CONNECTOR },
	{ CAUSE_RELAY_DENIED, ANY_SCOPE, CONNECTOR },
	{ CAUSE_PARTNER_CONNECTOR_RESTRICTED, ANY_SCOPE,
	        "Get-InboundConnector | Format-List Name,SenderIPAddresses,"
	        "TlsSenderCertificateName,RestrictDomains*" },
};

void incident_set(char *into, size_t size, struct view text)
{
	const struct view kept = view_first(text, size - 1);

	check(size > 0);
	if (kept.bytes > 0)
		memcpy(into, kept.data, kept.bytes);
	into[kept.bytes] = '\0';
}

bool incident_is_same(const struct incident *a, const struct incident *b)
{
	return a->cause == b->cause && a->scope == b->scope && strcmp(a->route, b->route) == 0 &&
	       strcasecmp(a->identity, b->identity) == 0 && strcasecmp(a->sender, b->sender) == 0;
}

void incident_add(struct incident *incident, const struct incident *news)
{
	check(incident_is_same(incident, news));
	incident->count += news->count;
	if (news->last.ms > incident->last.ms)
		incident->last = news->last;
	memcpy(incident->reply, news->reply, sizeof incident->reply);
	memcpy(incident->advice, news->advice, sizeof incident->advice);
	incident->until = news->until;
	incident->setbacks = news->setbacks;
}

bool incident_put_command(const struct incident *incident, struct text *text)
{
	const struct command_row *row = NULL;

	for (size_t i = 0; i < sizeof command_rows / sizeof command_rows[0] && row == NULL; i++) {
		const struct command_row *at = &command_rows[i];
		const bool fits = at->scope == ANY_SCOPE || at->scope == (int)incident->scope;
		if (at->cause == incident->cause && fits)
			row = at;
	}
	if (row == NULL)
		return false;
	for (const char *at = row->command; *at != '\0'; at++) {
		if (at[0] == '$' && at[1] == 'M')
			text_put(text, view_of(incident->identity));
		else if (at[0] == '$' && at[1] == 'S')
			text_put(text, view_of(incident->sender));
		else
			text_put_byte(text, *at);
		at += at[0] == '$' && (at[1] == 'M' || at[1] == 'S');
	}
	return true;
}

struct view incident_refused_name(struct view reply)
{
	static const struct view words = VIEW_INIT("not allowed to send as ");
	const size_t at = view_find_fold(reply, words);
	size_t bytes = 0;

	if (at == reply.bytes)
		return VIEW("");
	const struct view rest = view_skip(reply, at + words.bytes);
	while (bytes < rest.bytes && strchr(" ;,\t\r\n<>", rest.data[bytes]) == NULL)
		bytes++;
	const struct view name = view_first(rest, bytes);
	return view_find(name, '@') < name.bytes ? name : VIEW("");
}

/* The record. Words, not numbers: those may change with a version. */

size_t incident_encode(const struct incident *incident, struct span into)
{
	struct record_writer writer = record_write(into);

	check(into.bytes >= INCIDENT_RECORD_MAX);
	record_put_u8(&writer, RECORD_VERSION);
	record_put_u64(&writer, (uint64_t)incident->first.ms);
	record_put_u64(&writer, (uint64_t)incident->last.ms);
	record_put_u64(&writer, (uint64_t)incident->closed.ms);
	record_put_u64(&writer, incident->count);
	record_put_u64(&writer, (uint64_t)incident->until.ms);
	record_put_u32(&writer, incident->setbacks);
	record_put_string(&writer, cause_word(incident->cause));
	record_put_string(&writer, scope_word(incident->scope));
	record_put_string(&writer, incident->route);
	record_put_string(&writer, incident->identity);
	record_put_string(&writer, incident->sender);
	record_put_string(&writer, incident->reply);
	record_put_string(&writer, incident->advice);
	return writer.bytes;
}

static bool get_cause(struct record_reader *reader, enum cause *cause)
{
	char word[64];

	if (!record_get_string(reader, word, sizeof word))
		return false;
	for (int i = 0; i < CAUSE_COUNT; i++)
		if (strcmp(cause_word((enum cause)i), word) == 0) {
			*cause = (enum cause)i;
			return true;
		}
	return false;
}

static bool get_scope(struct record_reader *reader, enum scope *scope)
{
	char word[64];

	if (!record_get_string(reader, word, sizeof word))
		return false;
	for (int i = 0; i < SCOPE_COUNT; i++)
		if (strcmp(scope_word((enum scope)i), word) == 0) {
			*scope = (enum scope)i;
			return true;
		}
	return false;
}

struct err incident_decode(struct incident *incident, struct view record)
{
	struct record_reader reader = record_read(record);
	struct incident read = { 0 };

	if (record_get_u8(&reader) != RECORD_VERSION)
		return err_make(ERR_FORMAT, 0);
	read.first.ms = (int64_t)record_get_u64(&reader);
	read.last.ms = (int64_t)record_get_u64(&reader);
	read.closed.ms = (int64_t)record_get_u64(&reader);
	read.count = record_get_u64(&reader);
	read.until.ms = (int64_t)record_get_u64(&reader);
	read.setbacks = record_get_u32(&reader);
	const bool whole = get_cause(&reader, &read.cause) && get_scope(&reader, &read.scope) &&
	                   record_get_string(&reader, read.route, sizeof read.route) &&
	                   record_get_string(&reader, read.identity, sizeof read.identity) &&
	                   record_get_string(&reader, read.sender, sizeof read.sender) &&
	                   record_get_string(&reader, read.reply, sizeof read.reply) &&
	                   record_get_string(&reader, read.advice, sizeof read.advice);
	if (!whole || !record_is_read(&reader))
		return err_make(ERR_FORMAT, 0);
	*incident = read;
	return err_ok();
}
