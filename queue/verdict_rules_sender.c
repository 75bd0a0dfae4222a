/* The sending mailbox and its organization: permission, quotas, bars. */
#include "queue/verdict_rules.h"

#define SEND_AS_ADVICE                                                                             \
	"The mailbox we sign in as may not send with this sender address. Either let the sender "  \
	"use the mailbox's own address or an alias, or grant it: Add-RecipientPermission ADDRESS " \
	"-AccessRights SendAs -Trustee MAILBOX. Repeated refusals get the whole mailbox barred."
#define LICENCE_ADVICE                                                                             \
	"The mailbox we sign in as has no licence that lets it send. Assign one in the Microsoft " \
	"365 admin centre, then `sluice queue retry`; repeated errors get the mailbox barred."
#define DAILY_ADVICE                                                                               \
	"The mailbox has used up its recipients of the last 24 hours (10,000). Nothing is lost: "  \
	"Sluice holds the mail and goes on as the window slides. For more, add identities, send "  \
	"to groups, or use High Volume Email for internal mail. If you did not send that much, "   \
	"the account may be misused."
#define BLOCKED_SENDER_ADVICE                                                                      \
	"Microsoft has blocked this account from sending, for spam. An administrator must secure " \
	"the account (password, sessions, rules) and lift the block on the Restricted entities "   \
	"page: https://security.microsoft.com/restrictedentities."
#define COPY_ADVICE                                                                                \
	"The copy for Sent Items could not be stored. Look at the mailbox's space and its "        \
	"MessageCopyForSentAsEnabled setting (Get-Mailbox), then send again."
#define ONMICROSOFT_ADVICE                                                                         \
	"Senders at onmicrosoft.com may reach only 100 external recipients in 24 hours. Add a "    \
	"domain of your own to the organization and send from it."
#define STORE_ADVICE                                                                               \
	"The mailbox server in Exchange Online is busy or being moved. Nothing to do: Sluice "     \
	"sends the message again a little later."
#define DELIVER_ADVICE                                                                             \
	"The recipient's mailbox takes no more at the moment. Nothing to do: Sluice sends the "    \
	"message again a little later; others go on."
#define RECIPIENT_HOUR_ADVICE                                                                      \
	"The recipient's mailbox has taken as many messages as it may in an hour (3,600, a third " \
	"of them from one sender). Sluice holds mail for this recipient; send fewer, or to "       \
	"several mailboxes."
#define TENANT_RATE_ADVICE                                                                         \
	"The organization has used up its external recipients of the last 24 hours. Nothing is "   \
	"lost: Sluice goes on as the window slides. See the Tenant Outbound External Recipients "  \
	"report or Get-LimitsEnforcementStatus; more licences or Azure Communication Services "    \
	"Email give more."
#define SENDER_RATE_ADVICE                                                                         \
	"The account sends faster than it may. Sluice holds its mail; lower "                      \
	"`messages_per_minute` of the identity, or ask for a higher limit."
#define QUARANTINED_ADVICE                                                                         \
	"Exchange Online has set the sending mailbox aside because it troubled its server. "       \
	"It comes back by itself within about six hours; if not, open a support case."
#define SENDER_FULL_ADVICE                                                                         \
	"The mailbox we send from is full, most often of its own Sent Items. Empty it or "         \
	"give it more space; a retention policy for Sent Items keeps it so."

static const struct verdict_rule rows[] = {
	/* Send As. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "sendasdenied|not allowed to send as|permission*send as|permission*on behalf|"
	        "not owned by user|sender address rejected: not logged in",
	        SEND_AS_DENIED, IDENTITY, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, SEND_AS_ADVICE),
	/* The bar for repeated errors, in words that verdict_rules_auth.c does not know. */
	RULE(ANY_STAGE, 550, STATUSES(5, 2, 251, 259), NULL, CONTINUOUS_ERRORS, IDENTITY, TRANSIENT,
	        PAUSE_IDENTITY, 3600, VERDICT_BARRED_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 60), NULL, SEND_AS_DENIED, IDENTITY, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SEND_AS_ADVICE),
	RULE(ANY_STAGE, 554, STATUSES(5, 2, 252, 252), NULL, SEND_AS_DENIED, IDENTITY, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SEND_AS_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "license missing|licence missing|missing license|not licensed|no license|"
	        "without a license|requires a license|license is required",
	        AUTH_PERMISSION, IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT, LICENCE_ADVICE),
	RULE(ANY_STAGE, 554, STATUS(5, 2, 253), NULL, AUTH_PERMISSION, IDENTITY, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, LICENCE_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 103), NULL, SENT_ITEMS_COPY, IDENTITY, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, COPY_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "sentitemsagent|sent items copy", SENT_ITEMS_COPY, IDENTITY,
	        PERMANENT, BOUNCE_MESSAGE, NO_WAIT, COPY_ADVICE),

	/* Quotas of recipients. */
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "submissionquotaexceeded|submission quota|submission has been disabled|"
	        "daily limit for message recipients|recipient rate limit*mailbox|"
	        "daily*sending limit|daily*sending quota|daily smtp relay|daily send limit",
	        RECIPIENT_RATE_DAILY, IDENTITY, TRANSIENT, PAUSE_IDENTITY, 3600, DAILY_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 1, 90), NULL, RECIPIENT_RATE_DAILY, IDENTITY, TRANSIENT,
	        PAUSE_IDENTITY, 3600, DAILY_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 7, 236, 239), NULL, MOERA_RATE, TENANT, TRANSIENT,
	        BACKOFF_TENANT, 3600, ONMICROSOFT_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "limit*onmicrosoft", MOERA_RATE, TENANT, TRANSIENT,
	        BACKOFF_TENANT, 3600, ONMICROSOFT_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 7, 231, 235), NULL, TENANT_RATE, TENANT, TRANSIENT,
	        BACKOFF_TENANT, 3600, TENANT_RATE_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "tenant external recipient|tenant*daily limit", TENANT_RATE,
	        TENANT, TRANSIENT, BACKOFF_TENANT, 3600, TENANT_RATE_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "organization queue quota", TENANT_RATE, TENANT, TRANSIENT,
	        BACKOFF_TENANT, 300,
	        "Too much of the organization's mail waits inside Exchange Online. Nothing to do: "
	        "Sluice sends more slowly for a while."),

	/* Rates. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "rate from sender to recipient", SENDER_RATE, RECIPIENT,
	        TRANSIENT, BACKOFF_RECIPIENT, 300,
	        "Too much mail from this sender to this recipient. Sluice holds it for a while; "
	        "send fewer messages, or to several mailboxes."),
	RULE(ANY_STAGE, 0, STATUS(4, 5, 127), NULL, SENDER_RATE, IDENTITY, TRANSIENT,
	        BACKOFF_IDENTITY, 3600, SENDER_RATE_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "excessive message rate|message rate from sender",
	        SENDER_RATE, IDENTITY, TRANSIENT, BACKOFF_IDENTITY, 3600, SENDER_RATE_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "submission rate|message rate limit|sending rate",
	        SENDER_RATE, IDENTITY, TRANSIENT, BACKOFF_IDENTITY, 60,
	        "We submit faster than the server allows this client. Sluice slows down; lower "
	        "`messages_per_minute` of the identity."),
	RULE(ANY_STAGE, 0, STATUSES(5, 2, 121, 122), NULL, RECIPIENT_RATE, RECIPIENT, TRANSIENT,
	        BACKOFF_RECIPIENT, 3600, RECIPIENT_HOUR_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "per hour message receive limit|exceeded their limit for",
	        RECIPIENT_RATE, RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT, 3600,
	        RECIPIENT_HOUR_ADVICE),

	/* What the spam filter for outgoing mail thinks of the account. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "outboundspam*refusequota|wascl*refusequota",
	        OUTBOUND_SPAM_QUOTA, IDENTITY, TRANSIENT, PAUSE_IDENTITY, 86400,
	        "The account has sent what it may for now in the eyes of Microsoft's outbound spam "
	        "filter. It heals within a day or so; find out whether the account is misused, and "
	        "send less from it."),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "outboundspam*hipnotify|outboundspam*hip|wascl*hip|sign in to your account|"
	        "verify your account",
	        ACCOUNT_VERIFICATION, IDENTITY, PERMANENT, PAUSE_IDENTITY, NO_WAIT,
	        "Microsoft wants a person to verify this account. Sign in to the mailbox with a "
	        "browser and pass the check; Sluice tries again by itself."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "outboundspam*suspend|wascl*suspend", ACCOUNT_SUSPENDED,
	        IDENTITY, PERMANENT, PAUSE_IDENTITY, NO_WAIT,
	        "Microsoft has suspended sending from this account, for spam. Secure the account, "
	        "then lift the block at https://security.microsoft.com/restrictedentities or with "
	        "support."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "outboundspamexception|<wascl>", SENDER_BLOCKED, IDENTITY,
	        PERMANENT, PAUSE_IDENTITY, NO_WAIT, BLOCKED_SENDER_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "bad outbound sender", SENDER_BLOCKED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, NO_WAIT, BLOCKED_SENDER_ADVICE),
	RULE(ANY_STAGE, 550, STATUS(5, 1, 8), "access denied", SENDER_BLOCKED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, NO_WAIT, BLOCKED_SENDER_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "content identified as spam", POLICY_REJECTED, MESSAGE,
	        PERMANENT, BOUNCE_MESSAGE, NO_WAIT,
	        "Microsoft's outbound spam filter takes this message for spam. Look at its content "
	        "and links; repeated ones get the account blocked."),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 501, 503), NULL, SENDER_BLOCKED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, NO_WAIT, BLOCKED_SENDER_ADVICE),
	/* Of MAIL and the data's end the account is ours; of RCPT it would be the recipient's. */
	RULE(AT(MAIL) | AT(DATA) | AT(EOD), 5, ANY_STATUS,
	        "<your account|<this account|<sender account|<sending account", SENDER_BLOCKED,
	        IDENTITY, PERMANENT, PAUSE_IDENTITY, NO_WAIT, BLOCKED_SENDER_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "storedrv.submi*disabledexception|storedrv.submi*mailboxdisabled", AUTH_DISABLED,
	        IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The mailbox we sign in as is disabled. Have its administrator enable it, or sign "
	        "in as another."),
	RULE(ANY_STAGE, 5, ANY_STATUS, "storedrv.submi*accessdenied|storedrv.submi*noaccess",
	        AUTH_PERMISSION, IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The mailbox we sign in as may not be opened with this sign-in. Give the service "
	        "principal FullAccess (Add-MailboxPermission)."),

	/* The store: first the sender's mailbox by name, then 43x by who is being served. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "sender mailbox quarantined|storedrv.submi*quarantined",
	        SENDER_MAILBOX_QUARANTINED, IDENTITY, TRANSIENT, PAUSE_IDENTITY, 21600,
	        QUARANTINED_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 10), "mailbox|storedrv", SENDER_MAILBOX_QUARANTINED,
	        IDENTITY, TRANSIENT, PAUSE_IDENTITY, 21600, QUARANTINED_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "storedrv.submi*quotaexceeded|storedrv.submi*mailbox full|"
	        "mailbox full*storedrv.submi|sender*mailbox is full|sender's mailbox is full",
	        SENDER_MAILBOX_FULL, IDENTITY, PERMANENT, PAUSE_IDENTITY, 3600, SENDER_FULL_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "storedrv.deliver*quotaexceeded|storedrv.deliver*mailbox full|"
	        "mailbox full*storedrv.deliver",
	        RECIPIENT_MAILBOX_FULL, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        "The recipient's mailbox is full. The recipient has to make room; send again "
	        "then."),
	RULE(ANY_STAGE, 554, STATUS(5, 2, 2), "mailbox full", SENDER_MAILBOX_FULL, IDENTITY,
	        PERMANENT, PAUSE_IDENTITY, 3600, SENDER_FULL_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "mailbox logon failure|logonfailed|cannot open mailbox",
	        MAILBOX_LOGON, IDENTITY, TRANSIENT, BACKOFF_IDENTITY, 300,
	        "The sign-in was fine, but the mailbox would not open. A grant that is new needs "
	        "up to an hour; if it lasts longer, the service principal lacks FullAccess "
	        "(Add-MailboxPermission) or was made with the wrong object id."),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "concurrent connections limit|sender thread limit|"
	        "concurrent_sending|concurrent submission",
	        CONCURRENT_CONNECTIONS, IDENTITY, TRANSIENT, BACKOFF_IDENTITY, 2,
	        "A mailbox may submit three messages at once, and more were on the way. Sluice "
	        "slows down for a moment. If it comes often, something else sends with the same "
	        "mailbox: give each program its own."),
	RULE(ANY_STAGE, 4, ANY_STATUS, "recipient thread", RECIPIENT_RATE, RECIPIENT, TRANSIENT,
	        BACKOFF_RECIPIENT, 60, DELIVER_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "storedrv.deliver", SERVER_BUSY, RECIPIENT, TRANSIENT,
	        BACKOFF_RECIPIENT, 60, DELIVER_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "storedrv.storage", SERVER_BUSY, IDENTITY, TRANSIENT,
	        BACKOFF_IDENTITY, 30, STORE_ADVICE),
	RULE(ANY_STAGE, 431, ANY_STATUS, NULL, SERVER_BUSY, IDENTITY, TRANSIENT, BACKOFF_IDENTITY,
	        300,
	        "A disk of the mailbox server in Exchange Online is full. Nothing to do: Microsoft "
	        "moves mailboxes away; Sluice tries again later."),
	RULE(ANY_STAGE, 4, ANY_STATUS, "storedrv|mailbox database|mailbox server", SERVER_BUSY,
	        IDENTITY, TRANSIENT, BACKOFF_IDENTITY, 60, STORE_ADVICE),
	RULE(ANY_STAGE, 432, STATUS(4, 3, 2), NULL, CONCURRENT_CONNECTIONS, IDENTITY, TRANSIENT,
	        BACKOFF_IDENTITY, 2,
	        "The mailbox submits more at once than it may. Sluice slows down for a moment."),
	RULE(ANY_STAGE, 43, ANY_STATUS, NULL, SERVER_BUSY, IDENTITY, TRANSIENT, BACKOFF_IDENTITY,
	        60, STORE_ADVICE),
};

const struct verdict_rules verdict_rules_sender = RULES(rows);
