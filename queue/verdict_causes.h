/*
 * What is wrong: the causes of a verdict, in groups by whose it is. The words are those of
 * replies.tsv; a reply never seen before gets the nearest of them.
 *
 * Thread:  any; constants only.
 */
#ifndef SLUICE_VERDICT_CAUSES_H
#define SLUICE_VERDICT_CAUSES_H

#define CAUSES_SESSION(X)                                                                          \
	X(OK, "ok")                                                                                \
	X(SERVER_BUSY, "server_busy")                                                              \
	X(PROXY_TEMPORARILY_UNAVAILABLE, "proxy_temporarily_unavailable")                          \
	X(CONNECTION_DROPPED, "connection_dropped")                                                \
	X(SESSION_TIMEOUT, "session_timeout")                                                      \
	X(IDLE_TIMEOUT, "idle_timeout")                                                            \
	X(SESSION_VOLUME, "session_volume")                                                        \
	X(MESSAGES_PER_CONNECTION, "messages_per_connection")                                      \
	X(CONCURRENT_CONNECTIONS, "concurrent_connections")                                        \
	X(TOO_MANY_PROTOCOL_ERRORS, "too_many_protocol_errors")                                    \
	X(PROTOCOL_ERROR, "protocol_error")                                                        \
	X(BAD_HELO, "bad_helo")                                                                    \
	X(INVALID_HELO, "invalid_helo")

#define CAUSES_TLS(X)                                                                              \
	X(TLS_RATE, "tls_rate")                                                                    \
	X(TLS_SERVER_ERROR, "tls_server_error")                                                    \
	X(TLS_VERSION, "tls_version")                                                              \
	X(TLS_REQUIRED, "tls_required")

#define CAUSES_AUTH(X)                                                                             \
	X(AUTH_FAILED, "auth_failed")                                                              \
	X(AUTH_DISABLED, "auth_disabled")                                                          \
	X(BASIC_AUTH_DISABLED, "basic_auth_disabled")                                              \
	X(SECURITY_DEFAULTS, "security_defaults")                                                  \
	X(CONDITIONAL_ACCESS, "conditional_access")                                                \
	X(FEDERATION_UNREACHABLE, "federation_unreachable")                                        \
	X(FEDERATION_CONFIG, "federation_config")                                                  \
	X(TENANT_LOCKED, "tenant_locked")                                                          \
	X(AUTH_TEMPORARY, "auth_temporary")                                                        \
	X(AUTH_MECHANISM, "auth_mechanism")                                                        \
	X(AUTH_CANCELLED, "auth_cancelled")                                                        \
	X(TOKEN_EXPIRED, "token_expired")                                                          \
	X(TOKEN_MALFORMED, "token_malformed")                                                      \
	X(AUTH_PERMISSION, "auth_permission")                                                      \
	X(NOT_AUTHENTICATED, "not_authenticated")

#define CAUSES_SENDER(X)                                                                           \
	X(SEND_AS_DENIED, "send_as_denied")                                                        \
	X(SENDER_BLOCKED, "sender_blocked")                                                        \
	X(SENDER_RATE, "sender_rate")                                                              \
	X(SENDER_MAILBOX_FULL, "sender_mailbox_full")                                              \
	X(SENDER_MAILBOX_QUARANTINED, "sender_mailbox_quarantined")                                \
	X(MAILBOX_LOGON, "mailbox_logon")                                                          \
	X(RECIPIENT_RATE_DAILY, "recipient_rate_daily")                                            \
	X(CONTINUOUS_ERRORS, "continuous_errors")                                                  \
	X(OUTBOUND_SPAM_QUOTA, "outbound_spam_quota")                                              \
	X(ACCOUNT_SUSPENDED, "account_suspended")                                                  \
	X(ACCOUNT_VERIFICATION, "account_verification")                                            \
	X(SENT_ITEMS_COPY, "sent_items_copy")

#define CAUSES_TENANT(X)                                                                           \
	X(TENANT_RATE, "tenant_rate")                                                              \
	X(MOERA_RATE, "moera_rate")                                                                \
	X(TENANT_BLOCKED, "tenant_blocked")                                                        \
	X(UNREGISTERED_DOMAIN, "unregistered_domain")                                              \
	X(DIRECT_SEND_REJECTED, "direct_send_rejected")                                            \
	X(UNPATCHED_EXCHANGE, "unpatched_exchange")                                                \
	X(CONNECTOR_BLOCKED, "connector_blocked")                                                  \
	X(ATTRIBUTION_TEMPORARY, "attribution_temporary")                                          \
	X(RELAY_DENIED, "relay_denied")                                                            \
	X(WRONG_REGION, "wrong_region")                                                            \
	X(PARTNER_CONNECTOR_RESTRICTED, "partner_connector_restricted")

#define CAUSES_SOURCE(X)                                                                           \
	X(IP_RATE_LIMITED, "ip_rate_limited")                                                      \
	X(SOURCE_IP_THROTTLED, "source_ip_throttled")                                              \
	X(IP_BLOCKED, "ip_blocked")                                                                \
	X(IPV6_REFUSED, "ipv6_refused")                                                            \
	X(IPV6_NO_PTR, "ipv6_no_ptr")

#define CAUSES_RECIPIENT(X)                                                                        \
	X(RECIPIENT_UNKNOWN, "recipient_unknown")                                                  \
	X(RECIPIENT_TENANT_UNLICENSED, "recipient_tenant_unlicensed")                              \
	X(RECIPIENT_OTHER_TENANT, "recipient_other_tenant")                                        \
	X(RECIPIENT_BLOCKED, "recipient_blocked")                                                  \
	X(RECIPIENT_RESTRICTED, "recipient_restricted")                                            \
	X(RECIPIENT_RATE, "recipient_rate")                                                        \
	X(RECIPIENT_MAILBOX_FULL, "recipient_mailbox_full")                                        \
	X(REMOTE_UNREACHABLE, "remote_unreachable")                                                \
	X(TOO_MANY_RECIPIENTS, "too_many_recipients")                                              \
	X(INVALID_ADDRESS, "invalid_address")

#define CAUSES_MESSAGE(X)                                                                          \
	X(AUTH_POLICY, "auth_policy")                                                              \
	X(BAD_CONTENT, "bad_content")                                                              \
	X(MESSAGE_TOO_LARGE, "message_too_large")                                                  \
	X(MAIL_LOOP, "mail_loop")                                                                  \
	X(POLICY_REJECTED, "policy_rejected")                                                      \
	X(FORWARDING_BLOCKED, "forwarding_blocked")                                                \
	X(QUEUE_EXPIRED, "queue_expired")

#define CAUSES(X)                                                                                  \
	CAUSES_SESSION(X)                                                                          \
	CAUSES_TLS(X)                                                                              \
	CAUSES_AUTH(X)                                                                             \
	CAUSES_SENDER(X)                                                                           \
	CAUSES_TENANT(X)                                                                           \
	CAUSES_SOURCE(X)                                                                           \
	CAUSES_RECIPIENT(X)                                                                        \
	CAUSES_MESSAGE(X)

enum cause {
#define X(name, word) CAUSE_##name,
	CAUSES(X)
#undef X
	        CAUSE_COUNT
};

#endif
