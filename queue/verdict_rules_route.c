/* The way in: the tenant, its connectors, and what Microsoft thinks of this relay's address. */
#include "queue/verdict_rules.h"

#define RELAY_ADVICE                                                                               \
	"Exchange Online does not know this relay as part of the organization, so it carries no "  \
	"mail to others for it. Compare Get-InboundConnector (SenderIPAddresses, "                 \
	"TlsSenderCertificateName) with this relay's public address and certificate; send the "    \
	"whole certificate chain, and use a sender in an accepted domain."
#define IP_BLOCKED_ADVICE                                                                          \
	"This relay's public address is on a block list. Look for what sent spam from it, then "   \
	"ask for removal at https://sender.office.com (or the list named in the reply); a fixed "  \
	"address with an inbound connector avoids this."
#define THROTTLED_ADVICE                                                                           \
	"Microsoft slows mail from this relay's public address, as it does with addresses that "   \
	"are new or suddenly busy. An inbound connector for the address ends it; else it fades "   \
	"over some days. Sluice keeps to a slow pace meanwhile."
#define TENANT_BLOCKED_ADVICE                                                                      \
	"Microsoft has blocked sending for the whole organization (spam from it, or a new or "     \
	"trial tenant). Secure the accounts and connectors, then have an administrator open a "    \
	"support case with Microsoft; nothing done here lifts it."
#define AUTH_POLICY_ADVICE                                                                         \
	"The message did not pass the checks that the recipient's side or the sender's own DMARC " \
	"policy demands. Put this relay (or Exchange Online, for mail that leaves through it) "    \
	"into the domain's SPF record, sign with DKIM, and let the From domain align; then send "  \
	"again."
#define UNPATCHED_ADVICE                                                                           \
	"An Exchange server upstream is out of date, and Exchange Online holds back or blocks "    \
	"what passes through it. Update that server; see https://aka.ms/BlockUnsafeExchange."
#define CONNECTOR_BLOCKED_ADVICE                                                                   \
	"Microsoft has blocked this inbound connector because it looks misused. Find what "        \
	"sent spam through it, then release it on the Restricted entities page: "                  \
	"https://security.microsoft.com/restrictedentities."
#define TENANT_LIST_ADVICE                                                                         \
	"Our own organization blocks mail to this address or domain. An administrator can "        \
	"change that in the Tenant Allow/Block List: "                                             \
	"https://security.microsoft.com/tenantAllowBlockList."
#define UNREGISTERED_ADVICE                                                                        \
	"Too much mail comes from sender domains that the organization has not registered. "       \
	"Add them as accepted domains (Microsoft 365 admin centre, Settings, Domains) or "         \
	"stop their source, then have support lift the block."
#define IPV6_ADVICE                                                                                \
	"The recipient's domain takes no mail over IPv6. Sluice tries again over another "         \
	"connection; if it stays, keep the route to IPv4."
#define NO_NAME_ADVICE                                                                             \
	"This relay's public address has no name in the DNS. Have its provider set a PTR "         \
	"record that matches the relay's host name, or keep the route to IPv4."
#define RECIPIENT_BLOCKS_ADVICE                                                                    \
	"The recipient's organization blocks this relay's address. Only its administrator "        \
	"can change that: ask by another way."
#define DIRECT_SEND_ADVICE                                                                         \
	"The organization refuses direct send from sources it does not know "                      \
	"(RejectDirectSend). Make an inbound connector for this relay's address or "               \
	"certificate, use a submission route, or have an administrator set "                       \
	"Set-OrganizationConfig -RejectDirectSend $false."
#define REGION_ADVICE                                                                              \
	"The mail went to a host of another region than the organization's. Use the name "         \
	"in the domain's MX record as the route's host, not an address or an old name; it "        \
	"does not heal by waiting."
#define PARTNER_ADVICE                                                                             \
	"A partner connector of the organization takes mail only from certain addresses or "       \
	"certificates, and this relay is not among them. Add it to the connector "                 \
	"(Get-InboundConnector: RestrictDomainsToIPAddresses, "                                    \
	"RestrictDomainsToCertificate) or make an OnPremises connector for it."

static const struct verdict_rule rows[] = {
	/* Attribution that will not heal. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "direct send not allowed|directsend", DIRECT_SEND_REJECTED,
	        ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT, DIRECT_SEND_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 68), NULL, DIRECT_SEND_REJECTED, ROUTE, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, DIRECT_SEND_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "bad inbound connector", CONNECTOR_BLOCKED, ROUTE, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, CONNECTOR_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 711), NULL, CONNECTOR_BLOCKED, ROUTE, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, CONNECTOR_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "wrong office 365 region|wrong*region|<attr35>",
	        WRONG_REGION, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT, REGION_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(0, 4, 62), NULL, WRONG_REGION, ROUTE, PERMANENT, FAIL_CONFIG,
	        NO_WAIT, REGION_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "no mail-enabled subscription", RECIPIENT_TENANT_UNLICENSED,
	        RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        "The recipient's domain belongs to an organization without a mail licence, so "
	        "nobody there can get mail. Its administrator has to see to it (or its MX record "
	        "is wrong)."),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 51), NULL, PARTNER_CONNECTOR_RESTRICTED, ROUTE, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, PARTNER_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "restrictdomainsto|partner connector",
	        PARTNER_CONNECTOR_RESTRICTED, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        PARTNER_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "unauthorized message over ipv6", IPV6_REFUSED, SOURCE_IP,
	        PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "Exchange Online takes this mail over IPv6 only from a source that it knows. Send "
	        "over IPv4, or match a connector by certificate."),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "tenantattribution|tenantinboundattribution|unable to relay*<attr#|"
	        "relay access denied*<attr#",
	        RELAY_DENIED, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT, RELAY_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 7, 64, 67), NULL, RELAY_DENIED, ROUTE, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, RELAY_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 0), "relay access denied", RELAY_DENIED, ROUTE, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, RELAY_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "unable to relay|relay access denied|relaying denied|relaying not permitted|"
	        "relay not permitted|relay denied|relaying not allowed|relaying prohibited|"
	        "not permitted to relay|not allowed to relay|relaying is not|we do not relay|"
	        "relay is not allowed|cannot relay|unauthenticated relay|relaying disallowed",
	        RELAY_DENIED, RECIPIENT, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The server does not carry mail from this relay to this recipient's domain. On the "
	        "tenant's MX host that takes an inbound connector (New-InboundConnector "
	        "-ConnectorType OnPremises) that matches this relay; direct send reaches the "
	        "organization's own mailboxes only."),
	RULE(ANY_STAGE, 4, STATUS(4, 7, 230), NULL, UNPATCHED_EXCHANGE, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 300, UNPATCHED_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 230), NULL, UNPATCHED_EXCHANGE, SOURCE_IP, PERMANENT,
	        FAIL_CONFIG, 600, UNPATCHED_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "exchange server version*out-of-date", UNPATCHED_EXCHANGE,
	        SOURCE_IP, PERMANENT, FAIL_CONFIG, 600, UNPATCHED_ADVICE),

	/* Blocks on the tenant: 5.7.700 to 749, with a few that mean something else. */
	RULE(ANY_STAGE, 0, STATUS(5, 7, 703), NULL, RECIPIENT_BLOCKED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, TENANT_LIST_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "tenant allow*block list|recipient block policy",
	        RECIPIENT_BLOCKED, RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT,
	        TENANT_LIST_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 700, 749), NULL, TENANT_BLOCKED, TENANT, PERMANENT,
	        PAUSE_TENANT, 3600, TENANT_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "tenant has exceeded threshold|traffic not accepted from this ip", TENANT_BLOCKED,
	        TENANT, PERMANENT, PAUSE_TENANT, 3600, TENANT_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "unregistered domain|unprovisioned domain",
	        UNREGISTERED_DOMAIN, TENANT, PERMANENT, PAUSE_TENANT, 3600, UNREGISTERED_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 7, 750, 759), NULL, UNREGISTERED_DOMAIN, TENANT, PERMANENT,
	        PAUSE_TENANT, 3600, UNREGISTERED_ADVICE),

	/* IPv6. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "not accept*over ipv6", IPV6_REFUSED, RECIPIENT, PERMANENT,
	        RETRY_OTHER_SESSION, NO_WAIT, IPV6_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 510), NULL, IPV6_REFUSED, RECIPIENT, PERMANENT,
	        RETRY_OTHER_SESSION, NO_WAIT, IPV6_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "must have a reverse dns|fix reverse dns|reverse dns*record|<ptr> record|reverse "
	        "hostname|"
	        "find your hostname|no reverse dns|missing reverse dns|without reverse dns|"
	        "invalid reverse dns|lookup of reverse|<rdns>|ptr record",
	        IPV6_NO_PTR, SOURCE_IP, PERMANENT, FAIL_CONFIG, NO_WAIT, NO_NAME_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(0, 7, 25), NULL, IPV6_NO_PTR, SOURCE_IP, PERMANENT, FAIL_CONFIG,
	        NO_WAIT, NO_NAME_ADVICE),

	/* Checks of the sender's domain. The 4yz form heals when the records are right. */
	RULE(ANY_STAGE, 4, STATUSES(4, 7, 20, 29),
	        "<spf>|<dkim>|<dmarc>|sender policy framework|"
	        "unauthenticated|authentication",
	        AUTH_POLICY, MESSAGE, TRANSIENT, FAIL_CONFIG, 3600, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "must pass*<spf>|must pass*<dkim>", AUTH_POLICY, MESSAGE,
	        TRANSIENT, FAIL_CONFIG, 3600, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 4, STATUS(4, 7, 26), NULL, AUTH_POLICY, MESSAGE, TRANSIENT, FAIL_CONFIG,
	        3600, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "dmarc|<spf>|<dkim>|sender policy framework|required authentication level|"
	        "authentication requirements|mail is unauthenticated|message is unauthenticated|"
	        "<arc> validation",
	        AUTH_POLICY, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 20, 24), NULL, AUTH_POLICY, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 26, 27), NULL, AUTH_POLICY, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 509), NULL, AUTH_POLICY, MESSAGE, PERMANENT, BOUNCE_MESSAGE,
	        NO_WAIT, AUTH_POLICY_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 514, 516), NULL, AUTH_POLICY, MESSAGE, PERMANENT,
	        BOUNCE_MESSAGE, NO_WAIT, AUTH_POLICY_ADVICE),

	/* The relay's address: blocked by a recipient, blocked by Microsoft, slowed. */
	RULE(ANY_STAGE, 0, STATUS(5, 7, 513), NULL, IP_BLOCKED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT,
	        "The recipient's organization has put this relay's address on its own block list. "
	        "Only its administrator can take it off: ask by another way."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "customer block list|rejected by recipient", IP_BLOCKED,
	        RECIPIENT, PERMANENT, BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_BLOCKS_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 507), NULL, IP_BLOCKED, RECIPIENT, PERMANENT,
	        BOUNCE_RECIPIENT, NO_WAIT, RECIPIENT_BLOCKS_ADVICE),
	RULE(ANY_STAGE, 5, STATUSES(5, 7, 606, 649), NULL, IP_BLOCKED, SOURCE_IP, PERMANENT,
	        PAUSE_ROUTE, 3600, IP_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 511), NULL, IP_BLOCKED, SOURCE_IP, PERMANENT, PAUSE_ROUTE,
	        3600, IP_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "mailfrom domain*listed|sender domain*listed|sending domain*listed|<dbl>",
	        SENDER_BLOCKED, MESSAGE, PERMANENT, BOUNCE_MESSAGE, NO_WAIT,
	        "The domain of the sender's address is on a block list; this relay's address is "
	        "not meant. Look it up at the list named in the reply and ask for removal, or "
	        "send from another domain."),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "banned sending ip|dynamic ip|banned sender[|our block list|blocked "
	        "using|blocklist|blacklist|"
	        "spamhaus|spamcop|barracudacentral|<rbl>|<dnsbl>|denylist|block list|"
	        "sender.office.com|delist|client host rejected|ip address*blocked|"
	        "<ip>*<blocked>|listed in|listed at|permanently deferred",
	        IP_BLOCKED, SOURCE_IP, PERMANENT, PAUSE_ROUTE, 3600, IP_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "permanently deferred", IP_BLOCKED, SOURCE_IP, PERMANENT,
	        PAUSE_ROUTE, 3600, IP_BLOCKED_ADVICE),
	/* The old words of Outlook.com: RP-001, SC-001, DY-001, OU-001. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "exceeded the connection limit", CONCURRENT_CONNECTIONS,
	        SOURCE_IP, TRANSIENT, BACKOFF_ROUTE, 60,
	        "The server allows this relay's address fewer connections than it has open. Sluice "
	        "opens fewer for a while; lower `sessions` of the route."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "exceeded the rate limit|limits for how many|<rp-#|<pr(ct#|<pr(dt#",
	        IP_RATE_LIMITED, SOURCE_IP, TRANSIENT, BACKOFF_ROUTE, 1800,
	        "Outlook.com slows mail from this relay's public address. Keep the flow even, and "
	        "see https://postmaster.live.com."),
	RULE(ANY_STAGE, 5, ANY_STATUS, "weren't sent|<sc-#|<dy-#|<ou-#", IP_BLOCKED, SOURCE_IP,
	        PERMANENT, PAUSE_ROUTE, 3600, IP_BLOCKED_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "ip reputation|unusual rate|user complaints|temporarily rate "
	        "limited|"
	        "reputation of the ip|low reputation",
	        IP_RATE_LIMITED, SOURCE_IP, TRANSIENT, BACKOFF_ROUTE, 1800,
	        "The server slows mail from this relay's public address because of its reputation. "
	        "Find out whether something sends spam from it, keep the flow even, and see the "
	        "server's postmaster page (for Outlook.com https://postmaster.live.com)."),
	RULE(ANY_STAGE, 4, STATUSES(4, 7, 650, 651), NULL, IP_RATE_LIMITED, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 1800,
	        "Outlook.com slows mail from this relay's public address because of its "
	        "reputation. Find out whether something sends spam from it; see "
	        "https://postmaster.live.com."),
	RULE(ANY_STAGE, 4, STATUSES(0, 7, 500, 699), "busy", SERVER_BUSY, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 900, THROTTLED_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(0, 7, 500, 699), NULL, SOURCE_IP_THROTTLED, SOURCE_IP,
	        TRANSIENT, BACKOFF_ROUTE, 1800, THROTTLED_ADVICE),
	RULE(ANY_STAGE, 4, STATUSES(0, 7, 850, 899), NULL, SOURCE_IP_THROTTLED, SOURCE_IP,
	        TRANSIENT, BACKOFF_ROUTE, 1800, THROTTLED_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "server busy*from [", SERVER_BUSY, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 900, THROTTLED_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "exceeded permitted limits|access denied, please try again later",
	        SOURCE_IP_THROTTLED, SOURCE_IP, TRANSIENT, BACKOFF_ROUTE, 1800, THROTTLED_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 508), NULL, SOURCE_IP_THROTTLED, SOURCE_IP, TRANSIENT,
	        BACKOFF_ROUTE, 1800, THROTTLED_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "connection rate|too much mail from|rate limit|too fast|throttl|too many messages",
	        SOURCE_IP_THROTTLED, SOURCE_IP, TRANSIENT, BACKOFF_ROUTE, 300,
	        "The server takes less from this relay's address than it gets. Sluice slows down; "
	        "lower the route's `sessions` or the rates of its identities."),
};

const struct verdict_rules verdict_rules_route = RULES(rows);
