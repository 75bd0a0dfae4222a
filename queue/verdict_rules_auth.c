/* Signing in: passwords, tokens, and the switches that forbid either. The features are matched at
 * any stage, since a client that goes on after a refused AUTH gets the refusal again at MAIL. */
#include "queue/verdict_rules.h"

#define BASIC_ADVICE                                                                               \
	"Exchange Online no longer takes a password for SMTP here. Move the identity to OAuth: "   \
	"`auth: xoauth2` with an app registration that has SMTP.SendAsApp, or have an "            \
	"administrator allow basic authentication again (New-AuthenticationPolicy "                \
	"-AllowBasicAuthSmtp) while that is still possible."
#define PASSWORD_ADVICE                                                                            \
	"User name or password is wrong. Sluice stops signing in as this identity, since repeats " \
	"lock the account: correct the identity's secret_file; Sluice tries again by itself."
#define TOKEN_ADVICE                                                                               \
	"Exchange Online did not accept the token or password. Sluice gets a fresh token and "     \
	"tries once more. If it stays: `user` must be the mailbox the token is for, the service "  \
	"principal made with the enterprise application's object id (New-ServicePrincipal), and "  \
	"hold FullAccess (Add-MailboxPermission); a grant takes up to an hour to work."
#define FRESH_TOKEN_ADVICE                                                                         \
	"The token has run out or is about to. Nothing to do: Sluice gets a fresh one and signs "  \
	"in again."
#define MALFORMED_ADVICE                                                                           \
	"The server could not read the token. Sluice gets a fresh one and tries once more; if it " \
	"stays, check the identity's token endpoint and scope, and that `user` is the plain "      \
	"address of the mailbox."
#define PERMISSION_ADVICE                                                                          \
	"The application may not send as this mailbox. Give the app registration the role "        \
	"SMTP.SendAsApp of Office 365 Exchange Online with admin consent, and let the service "    \
	"principal reach the mailbox (Add-MailboxPermission, or an RBAC role assignment)."
#define HIGH_VOLUME_ADVICE                                                                         \
	"This application may not use the High Volume Email account. Allow it in the "             \
	"account's settings (Exchange admin centre, Mail flow, High Volume Email)."
#define SUBMIT_ADVICE                                                                              \
	"This account may not submit mail to this server at all. Sign in as a mailbox with an "    \
	"Exchange Online licence and SMTP AUTH switched on, at the host that its kind of account " \
	"uses (smtp.office365.com; for High Volume Email smtp.hve.mx.microsoft)."
#define TEMPORARY_ADVICE                                                                           \
	"The server could not check the sign-in just now; nothing is said about the password or "  \
	"token. Nothing to do: Sluice tries again over another connection."
#define SIGN_IN_ADVICE                                                                             \
	"The server wants a sign-in before mail, and this session had none that it accepts. "      \
	"Sluice signs in again. If it stays, check the route: identities on smtp.office365.com "   \
	"port 587, none on the tenant's MX host."
#define SMTP_AUTH_ADVICE                                                                           \
	"SMTP AUTH is switched off for this mailbox. An administrator can switch it on: "          \
	"Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled $false, or in the "    \
	"admin centre under Mail, Manage email apps; it takes up to an hour. See "                 \
	"https://aka.ms/smtp_auth_disabled."
#define SMTP_AUTH_TENANT_ADVICE                                                                    \
	"SMTP AUTH is switched off for the whole organization. An administrator can switch it on " \
	"for one mailbox (Set-CASMailbox -Identity MAILBOX -SmtpClientAuthenticationDisabled "     \
	"$false) or for all (Set-TransportConfig -SmtpClientAuthenticationDisabled $false); it "   \
	"takes up to an hour. See https://aka.ms/smtp_auth_disabled."

static const struct verdict_rule rows[] = {
	/* The bar for repeated errors, whatever it answers. 554 5.2.252 is another thing. */
	RULE(ANY_STAGE, 0, ANY_STATUS, "throttled due to continuous|due to continuous*errors",
	        CONTINUOUS_ERRORS, IDENTITY, TRANSIENT, PAUSE_IDENTITY, 3600,
	        VERDICT_BARRED_ADVICE),
	RULE(ANY_STAGE, 53, STATUSES(5, 2, 251, 259), NULL, CONTINUOUS_ERRORS, IDENTITY, TRANSIENT,
	        PAUSE_IDENTITY, 3600, VERDICT_BARRED_ADVICE),

	/* No mechanism, but TLS is what it asks for. */
	RULE(ANY_STAGE, 538, ANY_STATUS, NULL, TLS_REQUIRED, ROUTE, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The server takes a sign-in only over TLS, and the session had none that it "
	        "accepts. Set `tls` on the route, and check that nothing between here and Exchange "
	        "Online strips STARTTLS."),

	/* Switches, from widest to narrowest. */
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "smtpclientauth*tenant|smtp client auth*tenant|smtp auth*tenant", AUTH_DISABLED,
	        TENANT, PERMANENT, FAIL_CONFIG, NO_WAIT, SMTP_AUTH_TENANT_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "smtpclientauth*disabled|smtp client auth*disabled|smtp auth*disabled",
	        AUTH_DISABLED, IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT, SMTP_AUTH_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "basic auth*disabled|basic auth*not supported|basic auth*not allowed|"
	        "basic auth*blocked|basic auth*turned off|basic authentication is|basic auth is",
	        BASIC_AUTH_DISABLED, TENANT, PERMANENT, FAIL_CONFIG, NO_WAIT, BASIC_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 30), "basic|client submission|authentication",
	        BASIC_AUTH_DISABLED, TENANT, PERMANENT, FAIL_CONFIG, NO_WAIT, BASIC_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "security defaults", SECURITY_DEFAULTS, TENANT, PERMANENT,
	        FAIL_CONFIG, NO_WAIT,
	        "Security Defaults of the organization forbid signing in with a password alone. "
	        "Move the identity to OAuth (`auth: xoauth2`), or have an administrator replace "
	        "Security Defaults by Conditional Access policies that leave this account out "
	        "(Entra admin centre, Properties)."),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "organization configuration|organization's configuration|"
	        "organisation configuration",
	        AUTH_DISABLED, TENANT, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The organization's settings forbid this way of signing in. For High Volume Email "
	        "allow basic authentication or use OAuth; else look at the organization's "
	        "authentication policy (Get-AuthenticationPolicy)."),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "meet the criteria|meet criteria|conditional access|multi-factor|multi factor|"
	        "multifactor|<mfa>|second factor|two-factor|application-specific password|web "
	        "browser|web login|"
	        "sign-in*blocked|sign in*blocked",
	        CONDITIONAL_ACCESS, IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "A policy refused the sign-in: Conditional Access, required multi-factor sign-in, "
	        "or a blocked account. Look at the account's sign-in log in the Entra admin "
	        "centre, leave the account out of the policy, or move it to OAuth (`auth: "
	        "xoauth2`)."),

	/* Federation. */
	RULE(ANY_STAGE, 0, ANY_STATUS,
	        "federated*unreachable|federation*unreachable|federated*timed out|"
	        "federated*unavailable",
	        FEDERATION_UNREACHABLE, TENANT, TRANSIENT, BACKOFF_TENANT, 300,
	        "The organization's own sign-in server (AD FS) did not answer Microsoft. Have its "
	        "administrator look at it; Sluice tries again later."),
	RULE(ANY_STAGE, 0, ANY_STATUS, "<federated|<federation", FEDERATION_CONFIG, TENANT,
	        PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The organization's own sign-in server (AD FS) is set up in a way that Microsoft "
	        "can't use (its address must be HTTPS). Correct the domain's federation settings "
	        "(Get-MgDomainFederationConfiguration)."),

	/* Locks, and checks of locks that failed. */
	RULE(ANY_STAGE, 4, ANY_STATUS, "tenant locked", AUTH_TEMPORARY, TENANT, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, TEMPORARY_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "tenant locked|tenant is locked", TENANT_LOCKED, TENANT,
	        PERMANENT, PAUSE_IDENTITY, 3600,
	        "Microsoft has locked the organization's sign-in. An administrator must find out "
	        "why in the Microsoft 365 admin centre, or with support; Sluice tries once an "
	        "hour."),

	/* Mechanisms. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "authentication cancel|auth cancel|authentication abort|"
	        "auth abort",
	        AUTH_CANCELLED, CONNECTION, PERMANENT, REAUTH, NO_WAIT,
	        "The sign-in was broken off half-way. Nothing to do: Sluice signs in again on a "
	        "new connection."),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "unrecognized authentication type|unsupported authentication|"
	        "authentication mechanism|authentication type|authentication not enabled|"
	        "authentication not supported|authentication is not supported|mechanism not "
	        "supported|"
	        "mechanism is not supported|unsupported*mechanism|auth command used when not|"
	        "auth not supported|invalid authentication mechanism",
	        AUTH_MECHANISM, CONNECTION, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The server does not offer this way of signing in here. smtp.office365.com takes "
	        "LOGIN and XOAUTH2, after STARTTLS, and not PLAIN; the tenant's MX host takes no "
	        "sign-in at all. Correct `auth` of the identity or the route's host."),
	RULE(ANY_STAGE, 504, STATUS(5, 7, 4), NULL, AUTH_MECHANISM, CONNECTION, PERMANENT,
	        FAIL_CONFIG, NO_WAIT,
	        "The server does not offer this way of signing in here. Correct `auth` of the "
	        "identity (LOGIN and XOAUTH2 on smtp.office365.com) or the route's host."),
	RULE(ANY_STAGE, 45, ANY_STATUS, "exchange server authentication|require xoorg",
	        AUTH_MECHANISM, CONNECTION, PERMANENT, FAIL_CONFIG, NO_WAIT,
	        "The receive connector of this Exchange server wants a sign-in of its own kind. "
	        "Send to a connector that takes anonymous or basic sign-in."),

	/* Tokens. */
	RULE(ANY_STAGE, 0, STATUS(5, 5, 127), NULL, TOKEN_EXPIRED, IDENTITY, TRANSIENT,
	        REFRESH_TOKEN, 0, FRESH_TOKEN_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 7, 142, 143), NULL, TOKEN_EXPIRED, IDENTITY, TRANSIENT,
	        REFRESH_TOKEN, 0, FRESH_TOKEN_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "token*expire|expired*token", TOKEN_EXPIRED, IDENTITY,
	        TRANSIENT, REFRESH_TOKEN, 0, FRESH_TOKEN_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 5, 121, 129), NULL, TOKEN_MALFORMED, IDENTITY, PERMANENT,
	        REFRESH_TOKEN, 5, MALFORMED_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 144), NULL, AUTH_PERMISSION, IDENTITY, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, PERMISSION_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "api permission|permissions*xoauth2", AUTH_PERMISSION,
	        IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT, PERMISSION_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS, "application*high volume email account", AUTH_PERMISSION,
	        IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT, HIGH_VOLUME_ADVICE),
	RULE(ANY_STAGE, 0, ANY_STATUS, "permission to submit|permissions to submit",
	        AUTH_PERMISSION, IDENTITY, PERMANENT, FAIL_CONFIG, NO_WAIT, SUBMIT_ADVICE),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 58), NULL, AUTH_PERMISSION, IDENTITY, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, SUBMIT_ADVICE),
	RULE(ANY_STAGE, 0, STATUSES(5, 7, 240, 249), NULL, AUTH_PERMISSION, IDENTITY, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, HIGH_VOLUME_ADVICE),
	RULE(ANY_STAGE, 50, ANY_STATUS, "xoauth2|oauth|bearer", TOKEN_MALFORMED, IDENTITY,
	        PERMANENT, REFRESH_TOKEN, 5, MALFORMED_ADVICE),
	RULE(ANY_STAGE, 53, STATUSES(5, 7, 140, 149), "token", TOKEN_MALFORMED, IDENTITY, PERMANENT,
	        REFRESH_TOKEN, 5, MALFORMED_ADVICE),

	/* Passwords and accounts. */
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "user credentials|credentials were incorrect|credentials are incorrect|credentials "
	        "are invalid|"
	        "credentials invalid|invalid credentials|incorrect authentication data|"
	        "username and password not accepted|bad username|password incorrect|"
	        "incorrect password|wrong password|invalid password|password has expired|"
	        "password expired|invalid user",
	        AUTH_FAILED, IDENTITY, PERMANENT, PAUSE_IDENTITY, 300, PASSWORD_ADVICE),
	RULE(ANY_STAGE, 53, ANY_STATUS, "user not found|permanent server error", AUTH_FAILED,
	        IDENTITY, PERMANENT, PAUSE_IDENTITY, 300,
	        "Exchange Online does not know this account. `user` must be the mailbox's sign-in "
	        "name (UserPrincipalName); correct the identity."),
	RULE(ANY_STAGE, 535, STATUS(5, 7, 139), "<locked", AUTH_FAILED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, 3600,
	        "The account is locked after failed sign-ins. Stop whatever signs in with a wrong "
	        "password, correct the identity's secret_file, and wait or unlock the account."),
	RULE(ANY_STAGE, 0, STATUS(5, 7, 139), NULL, AUTH_DISABLED, IDENTITY, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "A policy refused the sign-in for the reason in the reply. Look at the account's "
	        "sign-in log in the Entra admin centre and at Get-CASMailbox MAILBOX | fl Smtp*."),
	RULE(ANY_STAGE, 525, ANY_STATUS, NULL, AUTH_DISABLED, IDENTITY, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "The account is disabled. Have its administrator enable it, or sign in as "
	        "another."),

	/* For the moment only. */
	RULE(ANY_STAGE, 4, ANY_STATUS, "cipher*weak", TLS_VERSION, ROUTE, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "The server wants a stronger cipher before it lets anyone sign in. Allow TLS 1.2 "
	        "and modern ciphers on this machine, and check for a proxy that ends TLS on the "
	        "way."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "too many login|too many*authentication failures|"
	        "too many failed",
	        AUTH_TEMPORARY, IDENTITY, TRANSIENT, BACKOFF_IDENTITY, 300,
	        "This account signed in too often. Sluice waits; let it keep its sessions open, "
	        "and see whether another program signs in with the same account."),
	RULE(ANY_STAGE, 4, ANY_STATUS,
	        "temporary auth|authentication unsuccessful*temporary|authentication*temporar|"
	        "temporar*authentication",
	        AUTH_TEMPORARY, IDENTITY, TRANSIENT, RETRY_OTHER_SESSION, 30, TEMPORARY_ADVICE),
	RULE(AT(AUTH), 4, STATUS(4, 7, 3), NULL, AUTH_TEMPORARY, IDENTITY, TRANSIENT,
	        RETRY_OTHER_SESSION, 30, TEMPORARY_ADVICE),
	RULE(ANY_STAGE, 432, STATUS(4, 7, 12), NULL, AUTH_FAILED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, 300,
	        "The account's password must be changed before it can sign in this way. Change it, "
	        "correct the identity's secret_file; Sluice tries again by itself."),

	/* No sign-in at all, or one that failed and was passed over. */
	RULE(ANY_STAGE, 0, STATUS(5, 7, 57), NULL, NOT_AUTHENTICATED, IDENTITY, PERMANENT, REAUTH,
	        5, SIGN_IN_ADVICE),
	RULE(ANY_STAGE, 4, ANY_STATUS, "require basic authentication", NOT_AUTHENTICATED, IDENTITY,
	        PERMANENT, REAUTH, 5, SIGN_IN_ADVICE),
	RULE(ANY_STAGE, 530, ANY_STATUS,
	        "authentication required|not authenticated|"
	        "authenticate|authentication is required|sign in|log in|login",
	        NOT_AUTHENTICATED, IDENTITY, PERMANENT, REAUTH, 5, SIGN_IN_ADVICE),
	RULE(ANY_STAGE, 5, ANY_STATUS,
	        "client was not authenticated|client not authenticated|"
	        "smtp authentication is required|authentication is required for relay|"
	        "authentication required for relay",
	        NOT_AUTHENTICATED, IDENTITY, PERMANENT, REAUTH, 5, SIGN_IN_ADVICE),

	/* Every other refusal of a sign-in. */
	RULE(ANY_STAGE, 535, STATUS(5, 7, 8), NULL, AUTH_FAILED, IDENTITY, PERMANENT,
	        PAUSE_IDENTITY, 300, PASSWORD_ADVICE),
	RULE(ANY_STAGE, 535, STATUSES(5, 7, 140, 149), NULL, AUTH_PERMISSION, IDENTITY, PERMANENT,
	        FAIL_CONFIG, NO_WAIT, PERMISSION_ADVICE),
	RULE(ANY_STAGE, 535, ANY_STATUS, NULL, AUTH_FAILED, IDENTITY, PERMANENT, REFRESH_TOKEN, 5,
	        TOKEN_ADVICE),
	RULE(ANY_STAGE, 5, STATUS(5, 7, 3), "authentication unsuccessful", AUTH_FAILED, IDENTITY,
	        PERMANENT, REFRESH_TOKEN, 5, TOKEN_ADVICE),
	RULE(ANY_STAGE, 534, ANY_STATUS, NULL, CONDITIONAL_ACCESS, IDENTITY, PERMANENT, FAIL_CONFIG,
	        NO_WAIT,
	        "The account may not sign in this way (a stronger mechanism or a further step is "
	        "asked for). Move the identity to OAuth, or make an application password."),
};

const struct verdict_rules verdict_rules_auth = RULES(rows);
