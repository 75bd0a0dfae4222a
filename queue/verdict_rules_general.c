/* Texts of other servers (Postfix, Exim, Sendmail, Gmail, Yahoo and their kin), which a connector
 * or a test bench may put where Exchange Online is expected. Last: the features are vague. */
#include "queue/verdict_rules.h"

#define GREYLIST_ADVICE                                                                            \
	"The server puts off mail that it sees for the first time. Nothing to do: Sluice sends "   \
	"the message again after the wait."
#define SPAM_ADVICE                                                                                \
	"The server takes the message for spam or dangerous. Look at its content, links and "      \
	"attachments, and at SPF, DKIM and DMARC of the sender's domain; sending it again as it "  \
	"is gives the same answer."
#define FULL_DISK_ADVICE                                                                           \
	"The server is short of disk or memory. Nothing to do here: Sluice tries again over "      \
	"another connection; if the server is yours, make room."
#define BUSY_ADVICE                                                                                \
	"The server takes no mail at the moment. Nothing to do: Sluice tries again over another "  \
	"connection."
#define SENDER_ADVICE                                                                              \
	"The server does not accept the sender's address: its domain has no mail or it may not "   \
	"be used here. Correct the address that the device or program sends with, or the DNS of "  \
	"its domain."

static const struct verdict_rule rows[] = {
	/* RFC 4954: a sign-in is missing, whatever the words. 530 5.3.x is another thing. */
	RULE(ANY_STAGE, 530, STATUSES(5, 7, 0, 9), NULL, NOT_AUTHENTICATED, IDENTITY, PERMANENT,
	        REAUTH, 5,
	        "The server wants a sign-in before mail. Check the route's identities and host."),

	/* Put off. */
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "greylist|graylist|grey list|gray list|postgrey|first contact", SERVER_BUSY,
	        RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT, 300, GREYLIST_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "receiving mail at a rate|receiving mail too quickly|recipient*rate|"
	        "too many messages*recipient",
	        RECIPIENT_RATE, RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT, 600,
	        "The recipient gets mail faster than the server allows. Sluice holds mail for this "
	        "recipient for a while; send fewer messages."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "sending limit|sending quota|user-rate limit",
	        RECIPIENT_RATE_DAILY, IDENTITY, TRANSIENT, PAUSE_IDENTITY, 3600,
	        "The account has sent as much as it may for now. Sluice holds its mail and tries "
	        "again later; use more accounts, or ask for a higher limit."),
	RULE(ANY_STAGE, 4, STATUS(4, 7, 28), NULL, IP_RATE_LIMITED, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 1800,
	        "The server slows mail from this relay's address: too much of it looks unwanted. "
	        "Find its source and keep the flow even."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "insufficient system|insufficient disk|insufficient storage|disk full|disk is full|"
	        "out of memory|space shortage|not enough space|no space left|low on disk|"
	        "queue file write|server local problem|local problem|server configuration|"
	        "local error|internal error|resources temporarily unavailable",
	        SERVER_BUSY, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 60, FULL_DISK_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "unverified address|verification in progress|address verification",
	        RECIPIENT_UNKNOWN, RECIPIENT, TRANSIENT, BACKOFF_RECIPIENT, 300,
	        "The server is still finding out whether the recipient exists. Nothing to do: "
	        "Sluice tries again."),
	RULE(ANY_STAGE, 421, ANY_STATUS,
	        "busy|try again|closing|overload|load average|maintenance|"
	        "shutting down|not available|unavailable|unexpected failure",
	        SERVER_BUSY, CONNECTION, TRANSIENT, RETRY_OTHER_SESSION, 30, BUSY_ADVICE),

	/* The sender. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "sender address rejected|sender rejected|sender verify failed|sender denied|"
	        "domain of sender|sender domain|verification failed for <|sender not allowed",
	        INVALID_ADDRESS, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, SENDER_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "sender address rejected|domain of sender|sender verify",
	        INVALID_ADDRESS, MESSAGE, TRANSIENT, RETRY_OTHER_SESSION, 600, SENDER_ADVICE),

	RULE(ANY_STAGE, 5, ANY_STATUS, "banned sender|spam abuse|blocked from sending",
	        SENDER_BLOCKED, IDENTITY, PERMANENT, PAUSE_IDENTITY, NO_WAIT,
	        "The server has banned the sending account, for spam. Secure the account, then "
	        "ask its administrator or the server's to lift the ban."),

	/* Content. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "<spam>|<spammy>|unsolicited|<virus>|malware|phishing|content rejected|"
	        "blocked because its content|potential security issue|policy reasons|"
	        "policy violation|suspicious|content restrictions|blacklisted url|bulk mail|"
	        "attachment|policy rejection|against our policy|local policy|site policy",
	        POLICY_REJECTED, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, SPAM_ADVICE),

	RULE(ANY_STAGE, 5, ANY_STATUS, "storedrv.submi", POLICY_REJECTED, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT,
	        "The mailbox server in Exchange Online could not take this message and says that "
	        "another try won't help. Read the exception's name in the reply."),

	RULE(ANY_STAGE, 5, ANY_STATUS, "storedrv.deliver|resolver.", RECIPIENT_UNKNOWN, RECIPIENT,
	        PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        "The mailbox server of this recipient could not take the message and says that "
	        "another try won't help. The recipient's administrator must look at the mailbox "
	        "or its directory entry: the exception's name in the reply says where."),

	/* Recipients, in words too plain to stand further up. */
	RULE(AT(RCPT), 5, ANY_STATUS,
	        "not found|unknown|does not exist|doesn't exist|no mailbox|not exist|invalid|"
	        "no account|not a local|unavailable|disabled|inactive|user not local",
	        RECIPIENT_UNKNOWN, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        "There is no such mailbox on that server. The sender has to correct the address."),
	RULE(AT(RCPT), 5, ANY_STATUS, "recipient address rejected|access denied",
	        RECIPIENT_RESTRICTED, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        "The server does not take mail for this recipient from here. Ask the recipient's "
	        "administrator by another way."),
};

const struct verdict_rules verdict_rules_general = RULES(rows);
