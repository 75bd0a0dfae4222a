/* Recipients and messages: what ends in a bounce, and what only one mailbox refuses. */
#include "queue/verdict_rules.h"

#define UNKNOWN_ADVICE                                                                             \
	"There is no such mailbox. The sender has to correct the address; if it is right, the "    \
	"recipient's administrator must look for the mailbox, its proxy addresses, or directory "  \
	"synchronization."
#define ADDRESS_ADVICE                                                                             \
	"The recipient's address is not one that can exist. The sender has to correct it and "     \
	"send again."
#define SENDER_ADDRESS_ADVICE                                                                      \
	"The sender's address is not one that the server accepts. Correct the address that the "   \
	"device or program sends with: a full one, in a domain that exists."
#define RESTRICTED_ADVICE                                                                          \
	"The recipient takes mail only from certain senders, or only from signed-in ones. Ask "    \
	"its "                                                                                     \
	"owner, or an administrator: Set-DistributionGroup or Set-Mailbox "                        \
	"-RequireSenderAuthenticationEnabled $false, or -AcceptMessagesOnlyFrom with the sender "  \
	"added."
#define POLICY_ADVICE                                                                              \
	"A rule of the organization refused the message. Read the reason in the reply; an "        \
	"administrator finds the rule under Mail flow, Rules (Get-TransportRule)."
#define CONTENT_ADVICE                                                                             \
	"The message itself is malformed (line ends, addresses in the header, MIME). The program " \
	"that made it has to be corrected; sending it again as it is gives the same answer."
#define SIZE_ADVICE                                                                                \
	"The message is too large. Send it smaller, or as a link; an administrator may raise the " \
	"limit (Set-Mailbox -MaxSendSize, -MaxReceiveSize, at most 150 MB)."
#define LOOP_ADVICE                                                                                \
	"The message went round in a circle. Look at forwarding rules of sender and recipient, "   \
	"at connectors on both sides, and that this relay does not deliver to itself."
#define EXPIRED_ADVICE                                                                             \
	"Exchange Online kept the message as long as it keeps one and could not deliver it. The "  \
	"recipient's server did not answer; check the address and send again later."
#define SPLIT_ADVICE                                                                               \
	"The server takes fewer recipients in one message. Nothing to do: Sluice sends the rest "  \
	"as further copies."
#define FULL_ADVICE                                                                                \
	"The recipient's mailbox is full. The recipient has to make room; send again then."
#define BANNED_ADVICE                                                                              \
	"Microsoft lets no mail go to this recipient. If that is wrong, the recipient's "          \
	"administrator must ask Microsoft support."
#define FORWARDING_ADVICE                                                                          \
	"The organization does not let mail be forwarded outside by itself. An "                   \
	"administrator can allow it in the outbound spam policy "                                  \
	"(Set-HostedOutboundSpamFilterPolicy -AutoForwardingMode On); else send to the "           \
	"outside address directly."

static const struct verdict_rule rows[] = {
	/* Numbers of recipients. 4.5.3 also means: this one is another tenant's. */
	RULE(ANY_STAGE, 4, STATUS(4, 5, 3), NULL, RECIPIENT_OTHER_TENANT, MESSAGE, TRANSIENT,
	        SPLIT_RECIPIENTS, 0, SPLIT_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "too many recipients|too many rcpt", TOO_MANY_RECIPIENTS,
	        MESSAGE, TRANSIENT, SPLIT_RECIPIENTS, 0, SPLIT_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 5, 3), NULL, TOO_MANY_RECIPIENTS, MESSAGE, PERMANENT,
	        SPLIT_RECIPIENTS, NO_WAIT, SPLIT_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "too many recipients|reciplimit|too many rcpt",
	        TOO_MANY_RECIPIENTS, MESSAGE, PERMANENT, SPLIT_RECIPIENTS, NO_WAIT, SPLIT_ADVICE),

	/* Loops and time. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "hop count exceeded|mail loop|routing loop|too many hops|forwarding loop|"
	        "loops back|message looping|depth exceeded|too many received",
	        MAIL_LOOP, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, LOOP_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "hop count exceeded|mail loop|routing loop|too many hops",
	        MAIL_LOOP, MESSAGE, TRANSIENT, RETRY_OTHER_SESSION, 600, LOOP_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(0, 4, 14, 20), NULL, MAIL_LOOP, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, LOOP_ADVICE),
	/* The Exchange documentation: the connector's name is that of another server. */
	RULE(ANY_STAGE, 5, STATUS(5, 3, 5), "incorrectly configured", MAIL_LOOP, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, LOOP_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "queue.expired", QUEUE_EXPIRED, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, EXPIRED_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(0, 4, 7), NULL, QUEUE_EXPIRED, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT, EXPIRED_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(0, 4, 300, 309), NULL, QUEUE_EXPIRED, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, EXPIRED_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "message expired|message too old", QUEUE_EXPIRED, MESSAGE,
	        PERMANENT, BOUNCE_MESSAGE, NO_WAIT, EXPIRED_ADVICE),

	/* Size: whose limit is it. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "recipsizelimit|too large for this recipient|too large for recipient|"
	        "storedrv.deliver*messagetoobig|storedrv.deliver*messagetoolarge",
	        MESSAGE_TOO_LARGE, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, SIZE_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "sendsizelimit|routing.sizelimit|size exceeds|too large for|too large to be "
	        "sent|message too large|"
	        "message too big|messagetoobig|messagetoolarge|size "
	        "limit|exceeds*size|exceeded*size|maxsubmissionexceeded|message is too large|"
	        "message is too big|too big for system|overadvertisedsize",
	        MESSAGE_TOO_LARGE, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, SIZE_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 2, 3), NULL, MESSAGE_TOO_LARGE, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, SIZE_ADVICE),

	/* Space of the recipient. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "mailbox full|mailbox is full|over quota|overquota|quota exceeded|exceeded*quota|"
	        "quotaexceeded|out of storage|inbox is full|exceeded storage|insufficient storage",
	        RECIPIENT_MAILBOX_FULL, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        FULL_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "mailbox full|mailbox is full|over quota|overquota|out of storage|inbox is full|"
	        "exceeded*quota|mailbox*quota",
	        RECIPIENT_MAILBOX_FULL, RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT, 3600, FULL_ADVICE),

	/* Before the words of restrictions: the administrator of a rule chooses them. */
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 900, 999), NULL, POLICY_REJECTED, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, POLICY_ADVICE),

	/* Restrictions that the recipient set. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "resolver.rst.auth|resolver.rst.notauth|resolver.rst.sender|resolver.rst.|"
	        "not authenticated for|not authenticated by|delivery restriction|allowed-senders|"
	        "allowed senders|sender was not authenticated|not authorized to send to|"
	        "approval.|resolver.grp.blocked|resolver.fwd.blocked|permission on public folder|"
	        "isn't allowed to send|not allowed to send to|"
	        "only accepts mail from|only accepts messages from|doesn't accept mail from|"
	        "accepts messages only from|isn't a group member|not a member of the group|"
	        "external senders aren't|unifiedgroupagent|"
	        "delivery not authorized",
	        RECIPIENT_RESTRICTED, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        RESTRICTED_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 12, 13), NULL, RECIPIENT_RESTRICTED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RESTRICTED_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 120, 138), NULL, RECIPIENT_RESTRICTED, RECIPIENT,
	        PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, RESTRICTED_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 190, 199), NULL, RECIPIENT_RESTRICTED, RECIPIENT,
	        PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, RESTRICTED_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 505), NULL, RECIPIENT_BLOCKED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, BANNED_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "banned recipient", RECIPIENT_BLOCKED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, BANNED_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 9), "recipient mailbox quarantined|storedrv",
	        RECIPIENT_RESTRICTED, RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT, 21600,
	        "Exchange Online has set the recipient's mailbox aside because it troubled its "
	        "server. It comes back by itself within about six hours."),

	/* Addresses that can't be, before those that merely are not. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "storedrv.submit; invalid recipient|invalidrecipients",
	        INVALID_ADDRESS, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, ADDRESS_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 1, 3), NULL, INVALID_ADDRESS, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, ADDRESS_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 1, 7), NULL, INVALID_ADDRESS, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SENDER_ADDRESS_ADVICE),
	RULE(AT(RCPT), 501, ANY_STATUS, "<invalid address|<long addresses", INVALID_ADDRESS,
	        RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, ADDRESS_ADVICE),

	/* Unknown recipients. */
	RULE(ANY_STAGE, 5, STATUS(5, 4, 1), "recipient|<attr#|address rejected|access denied",
	        RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_ADVICE),
	RULE(AT(RCPT), 5, STATUS(5, 4, 1), NULL, RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 504), NULL, RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 0, 9), "recipient address rejected*access denied",
	        RECIPIENT_RESTRICTED, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        RESTRICTED_ADVICE),
	RULE(ANY_STAGE, 550, ANY_STATUS, "recipient address rejected*access denied",
	        RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "utf-8 sender|utf8sender|long sender address|longsenderaddress|unknown sender "
	        "address",
	        INVALID_ADDRESS, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT,
	        SENDER_ADDRESS_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "recipientnotfound|recipnotfound|recipient not found|user unknown|unknown user|"
	        "no such user|no such recipient|no such mailbox|unknown recipient|recipient "
	        "unknown|"
	        "unknown local part|unknown address|unknown or illegal alias|"
	        "mailbox unavailable|mailbox not found|user not found|does not exist here|"
	        "account*does not exist|user doesn't exist|user does not exist|"
	        "address does not exist|mailbox does not exist|recipient does not exist|"
	        "invalid recipient|unrouteable address|unroutable address|not a valid mailbox|"
	        "address unknown|account has been disabled|mailbox disabled|mailbox cannot be "
	        "accessed|"
	        "account*inactive|account is disabled|unable to route",
	        RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 1, 10), NULL, RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, UNKNOWN_ADVICE),

	/* Senders, and addresses in UTF-8. */
	RULE(ANY_STAGE, 5, STATUS(5, 1, 20), NULL, BAD_CONTENT, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT,
	        "The message has more than one From header or address. The program that made it "
	        "has to be corrected."),
	RULE(AT(RCPT), 5, STATUS(5, 1, 6), "smtputf8", INVALID_ADDRESS, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, ADDRESS_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 1, 6), "smtputf8", INVALID_ADDRESS, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SENDER_ADDRESS_ADVICE),
	RULE(AT(MAIL), 5, STATUSES(5, 1, 6, 9), "address", INVALID_ADDRESS, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SENDER_ADDRESS_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 1, 8), "utf-8|utf8", INVALID_ADDRESS, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, ADDRESS_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 1, 7, 9), "utf-8|utf8", INVALID_ADDRESS, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, SENDER_ADDRESS_ADVICE),

	/* Policy. */
	RULE(ANY_STAGE, 5, STATUS(5, 7, 520), NULL, FORWARDING_BLOCKED, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, FORWARDING_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "external forwarding|automatic forwarding|auto-forward",
	        FORWARDING_BLOCKED, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, FORWARDING_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "transport.rules|policy processing failed|organization policy|"
	        "administrative action|administrative prohibition|prohibited by administrator|"
	        "deleted by transport agent|quarantined this message|content filter",
	        POLICY_REJECTED, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, POLICY_ADVICE),

	/* Content. */
	RULE(ANY_STAGE, 5, STATUS(5, 7, 512), NULL, BAD_CONTENT, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT,
	        "The message has no valid From header. The program or device that made it must set "
	        "one full address there."),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 5), NULL, BAD_CONTENT, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT,
	        "The server could not check or undo the message's encryption or signature. The "
	        "program that made it has to be corrected."),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "bare linefeed|bare lf|bare line feed|invalid message content|invalid content|"
	        "invalidcontent|rfc 5322|rfc 2822|rfc822|multiple from|too many related errors|"
	        "treated as poison|poison message|poisonforremote|conversion|line length|"
	        "line too long|bad header|malformed|invalid header|missing header|"
	        "invalid characters|cryptographic failure|header x-|headers are "
	        "not|8bit|non-ascii|null byte|nul character",
	        BAD_CONTENT, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, CONTENT_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 0, 350), "header is too long", BAD_CONTENT, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, CONTENT_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 0, 350), NULL, POLICY_REJECTED, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT,
	        "The recipient's organization refused the message for a reason of its own: read "
	        "the reply, and ask the recipient by another way."),
	RULE(ANY_STAGE, 5, STATUSES(5, 6, 6, 10), NULL, BAD_CONTENT, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT,
	        "The server does not take internationalized mail (SMTPUTF8). Send with addresses "
	        "and header fields in ASCII, encoded as MIME has it."),
	RULE(ANY_STAGE, 5, STATUSES(5, 6, 0, 99), NULL, BAD_CONTENT, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, CONTENT_ADVICE),
};

const struct verdict_rules verdict_rules_recipient = RULES(rows);
