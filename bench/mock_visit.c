#include "bench/mock_visit.h"

#include "bench/mock_visit_inner.h"
#include "queue/base/check.h"

static enum mock_saying visit_judge_signin(struct mock_visit *visit,
        enum signin_mechanism mechanism, struct view secret, struct mono now);
static enum mock_saying visit_judge_secret(const struct mock_mailbox *mailbox,
        enum signin_mechanism mechanism, struct view secret, struct mono now);
static enum mock_saying visit_judge_mail(struct mock_visit *visit, struct mono now);
static enum mock_saying visit_judge_rcpt(
        struct mock_visit *visit, const struct address *recipient, struct mono now);
static enum mock_saying visit_judge_outside(const struct mock_visit *visit);
static enum mock_saying visit_judge_inside(struct mock_visit *visit, struct mono now);
static enum mock_saying visit_judge_edge(
        struct mock_visit *visit, const struct address *recipient, struct mono now);
static struct mock_visit_domain *visit_domain(struct mock_visit *visit, struct view domain);
static void visit_list_add(struct mock_visit_list *list, struct view address);
static struct view visit_name(const struct mock_visit *visit);

const struct mock_interface_facts *mock_visit_facts(const struct mock_visit *visit)
{
	return mock_interface_facts(visit->interface);
}

void mock_visit_open(struct mock_visit *visit, struct mock_tenant *tenant,
        enum mock_interface interface, const struct endpoint *peer, struct mono now)
{
	visit->tenant = tenant;
	visit->interface = interface;
	visit->peer = *peer;
	visit->began = now;
	visit->heard = now;
	mock_host_pick(&visit->front, mock_visit_facts(visit)->host, &tenant->random);
	visit->by_address =
	        !mock_visit_facts(visit)->signs_in && mock_tenant_knows_address(tenant, peer);
}

/* Counts a refusal. */
enum mock_saying mock_visit_say(struct mock_visit *visit, enum mock_saying saying)
{
	if (saying == MOCK_SAYS_NOTHING)
		return saying;
	visit->tenant->refused[saying]++;
	if (visit->mailbox != NULL)
		visit->mailbox->refused[saying]++;
	return saying;
}

enum mock_saying mock_visit_connect(struct mock_visit *visit, struct mono now)
{
	mock_tenant_advance(visit->tenant, now);
	return mock_visit_say(visit, mock_tenant_is_busy(visit->tenant, STAGE_CONNECT, now)
	                                     ? MOCK_SAYS_BUSY_CONNECT
	                                     : MOCK_SAYS_NOTHING);
}

/* Who it is */

void mock_visit_certified(struct mock_visit *visit, struct view name)
{
	const struct mock_tenant *tenant = visit->tenant;

	if (mock_visit_facts(visit)->signs_in)
		return;
	if (mock_tenant_knows_certificate(tenant, name))
		visit->by_certificate = true;
	/* It is of an accepted domain, or under one. */
	for (struct view left = name; left.bytes > 0;) {
		if (mock_tenant_accepts(tenant, left))
			visit->certificate_accepted = true;
		const size_t dot = view_find(left, '.');
		left = view_skip(left, dot < left.bytes ? dot + 1 : dot);
	}
}

enum mock_saying mock_visit_signin(struct mock_visit *visit, enum signin_mechanism mechanism,
        struct view user, struct view secret, struct mono now)
{
	mock_tenant_advance(visit->tenant, now);
	visit->mailbox = mock_tenant_mailbox(visit->tenant, user);
	const enum mock_saying saying =
	        mock_visit_say(visit, visit_judge_signin(visit, mechanism, secret, now));
	if (saying != MOCK_SAYS_NOTHING)
		visit->mailbox = NULL;
	else
		visit->mailbox->signins++;
	return saying;
}

static enum mock_saying visit_judge_signin(struct mock_visit *visit,
        enum signin_mechanism mechanism, struct view secret, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;
	struct mock_mailbox *mailbox = visit->mailbox;
	const bool basic = mechanism != SIGNIN_XOAUTH2;

	if (mock_tenant_roll(tenant, tenant->settings.fault_proxy))
		return MOCK_SAYS_FAULT_PROXY;
	if (mock_tenant_is_busy(tenant, STAGE_AUTH, now))
		return MOCK_SAYS_BUSY_AUTH;
	if (basic && tenant->settings.basic_auth == MOCK_BASIC_DISABLED)
		return MOCK_SAYS_BASIC_DISABLED;
	if (basic && tenant->settings.basic_auth == MOCK_BASIC_RETIRED)
		return MOCK_SAYS_BASIC_RETIRED;
	if (mailbox == NULL)
		return basic ? MOCK_SAYS_PASSWORD_WRONG : MOCK_SAYS_AUTH_FAILED;
	const enum mock_saying saying = visit_judge_secret(mailbox, mechanism, secret, now);
	if (saying != MOCK_SAYS_NOTHING)
		return saying == MOCK_SAYS_TOKEN_EXPIRED && visit->interface != MOCK_HVE
		               ? MOCK_SAYS_AUTH_FAILED /* client submission doesn't say why */
		               : saying;
	if (mailbox->state == MOCK_MAILBOX_DISABLED)
		return MOCK_SAYS_AUTH_DISABLED;
	return tenant->settings.bar == MOCK_BAR_AUTH ? mock_mailbox_bar(mailbox, now)
	                                             : MOCK_SAYS_NOTHING;
}

static enum mock_saying visit_judge_secret(const struct mock_mailbox *mailbox,
        enum signin_mechanism mechanism, struct view secret, struct mono now)
{
	const bool basic = mechanism != SIGNIN_XOAUTH2;
	const char *right = basic || mailbox->token == NULL ? mailbox->password : mailbox->token;

	if (right == NULL || !view_equal(view_of(right), secret))
		return basic ? MOCK_SAYS_PASSWORD_WRONG : MOCK_SAYS_AUTH_FAILED;
	return !basic && mock_mailbox_token_expired(mailbox, now) ? MOCK_SAYS_TOKEN_EXPIRED
	                                                          : MOCK_SAYS_NOTHING;
}

/* MAIL */

enum mock_saying mock_visit_mail(
        struct mock_visit *visit, const struct command_mail *mail, struct mono now)
{
	struct text sender = TEXT_ON(visit->sender);
	struct mock_mailbox *mailbox = visit->mailbox;

	mock_tenant_advance(visit->tenant, now);
	check(!visit->open);
	text_put(&sender, mail->sender.whole);
	(void)text_string(&sender);
	visit->sender_accepted =
	        !mail->is_null && mock_tenant_accepts(visit->tenant, mail->sender.domain);
	visit->tenant->tried++;
	if (mailbox != NULL) {
		mailbox->tried++;
		if (mock_visit_facts(visit)->limits_mailboxes)
			mock_meter_try(&mailbox->messages, now, 1);
	}
	const enum mock_saying saying = mock_visit_say(visit, visit_judge_mail(visit, now));
	if (saying != MOCK_SAYS_NOTHING)
		return saying;
	visit->open = true;
	if (mailbox == NULL || !mock_visit_facts(visit)->limits_mailboxes)
		return saying;
	mock_mailbox_opened(mailbox);
	if (visit->tenant->settings.counts == MOCK_COUNTS_MAIL) {
		visit->slot = mock_mailbox_take_slot(mailbox);
		visit->over = !visit->slot;
	}
	return saying;
}

static enum mock_saying visit_judge_mail(struct mock_visit *visit, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;

	if (mock_visit_facts(visit)->signs_in &&
	        mock_tenant_roll(tenant, tenant->settings.fault_proxy))
		return MOCK_SAYS_FAULT_PROXY;
	if (mock_tenant_is_busy(tenant, STAGE_MAIL, now))
		return MOCK_SAYS_BUSY_MAIL;
	if (tenant->settings.blocked)
		return MOCK_SAYS_TENANT_BLOCKED;
	/* Anonymous mail in the tenant's own name that no connector knows. */
	if (!mock_visit_facts(visit)->signs_in && tenant->settings.reject_direct_send &&
	        visit->sender_accepted && !visit->by_certificate && !visit->by_address)
		return MOCK_SAYS_DIRECT_REJECTED;
	return MOCK_SAYS_NOTHING;
}

/* RCPT */

enum mock_saying mock_visit_rcpt(
        struct mock_visit *visit, const struct address *recipient, struct mono now)
{
	struct text latest = TEXT_ON(visit->recipient);

	mock_tenant_advance(visit->tenant, now);
	text_put(&latest, recipient->whole);
	(void)text_string(&latest);
	return mock_visit_say(visit, visit_judge_rcpt(visit, recipient, now));
}

static enum mock_saying visit_judge_rcpt(
        struct mock_visit *visit, const struct address *recipient, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;
	const struct mock_interface_facts *facts = mock_visit_facts(visit);
	const bool inside = mock_tenant_accepts(tenant, recipient->domain);
	const uint64_t most =
	        facts->recipients_max > 0 &&
	                        facts->recipients_max < tenant->settings.recipients_message
	                ? facts->recipients_max
	                : tenant->settings.recipients_message;

	if (mock_tenant_is_busy(tenant, STAGE_RCPT, now))
		return MOCK_SAYS_BUSY_RCPT;
	if (!facts->signs_in) {
		const enum mock_saying saying = visit_judge_edge(visit, recipient, now);
		if (saying != MOCK_SAYS_NOTHING)
			return saying;
	}
	if (!inside) {
		const enum mock_saying saying = visit_judge_outside(visit);
		if (saying != MOCK_SAYS_NOTHING)
			return saying;
	}
	if (visit->recipients >= most) {
		if (!visit->struck_many)
			mock_visit_strike(visit, MOCK_STRIKE_MANY, now);
		visit->struck_many = true;
		return MOCK_SAYS_RECIPIENTS_MANY;
	}
	return inside ? visit_judge_inside(visit, now) : MOCK_SAYS_NOTHING;
}

/* May it leave the tenant by this interface? */
static enum mock_saying visit_judge_outside(const struct mock_visit *visit)
{
	if (!mock_visit_facts(visit)->external)
		return MOCK_SAYS_NOT_ACCEPTED;
	if (visit->interface != MOCK_CONNECTOR)
		return MOCK_SAYS_NOTHING;
	const bool known = visit->by_certificate || visit->by_address;
	/* Since Nov 2023; so the null sender needs a certificate. */
	const bool ours = visit->certificate_accepted || visit->sender_accepted;
	return known && ours ? MOCK_SAYS_NOTHING : MOCK_SAYS_RELAY_DENIED;
}

static enum mock_saying visit_judge_inside(struct mock_visit *visit, struct mono now)
{
	if (!mock_tenant_lacks(visit->tenant, view_of(visit->recipient)))
		return MOCK_SAYS_NOTHING;
	mock_visit_strike(visit, MOCK_STRIKE_INVALID, now);
	return MOCK_SAYS_RECIPIENT_UNKNOWN;
}

/* What the MX path looks at besides. */
static enum mock_saying visit_judge_edge(
        struct mock_visit *visit, const struct address *recipient, struct mono now)
{
	struct mock_tenant *tenant = visit->tenant;
	const struct mock_visit_domain *domain = visit_domain(visit, recipient->domain);

	if (!visit->weighed && !visit->by_certificate && !visit->by_address) {
		visit->weighed = true;
		visit->source_busy = !mock_sources_admit(&tenant->sources, &visit->peer, now);
	}
	if (visit->source_busy)
		return MOCK_SAYS_ADDRESS_BUSY;
	if (mock_tenant_roll(tenant, tenant->settings.fault_attribution))
		return MOCK_SAYS_FAULT_ATTRIBUTION;
	return domain == NULL || domain->recipients >= tenant->settings.recipients_domain
	               ? MOCK_SAYS_RECIPIENTS_MANY
	               : MOCK_SAYS_NOTHING;
}

/* NULL: there is no room for a domain more. */
static struct mock_visit_domain *visit_domain(struct mock_visit *visit, struct view domain)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (size_t i = 0; i < domain.bytes; i++)
		hash = (hash ^ (unsigned char)byte_lower(domain.data[i])) * 0x100000001b3u;
	for (size_t i = 0; i < visit->domain_count; i++)
		if (visit->domains[i].hash == hash)
			return &visit->domains[i];
	if (visit->domain_count == MOCK_VISIT_DOMAINS_MAX)
		return NULL;
	struct mock_visit_domain *made = &visit->domains[visit->domain_count++];
	*made = (struct mock_visit_domain){ .hash = hash };
	return made;
}

void mock_visit_rcpt_take(
        struct mock_visit *visit, const struct address *recipient, struct mono now)
{
	const bool inside = mock_tenant_accepts(visit->tenant, recipient->domain);

	visit->recipients++;
	visit_list_add(inside ? &visit->inside : &visit->outside, recipient->whole);
	if (!mock_visit_facts(visit)->signs_in) {
		struct mock_visit_domain *domain = visit_domain(visit, recipient->domain);
		check(domain != NULL);
		domain->recipients++;
	}
	if (visit->mailbox != NULL && mock_visit_facts(visit)->limits_mailboxes)
		mock_meter_try(&visit->mailbox->recipients, now, 1);
	if (inside)
		return;
	visit->external++;
	if (mock_visit_facts(visit)->external)
		mock_tenant_external_try(visit->tenant, view_of(visit->sender), now, 1);
}

static void visit_list_add(struct mock_visit_list *list, struct view address)
{
	struct text text = text_on(list->data + list->bytes, sizeof list->data - list->bytes);

	text_put(&text, address);
	text_put_byte(&text, '\n');
	if (!text.overflow)
		list->bytes += text.bytes;
}

void mock_visit_strike(struct mock_visit *visit, enum mock_strike strike, struct mono now)
{
	const struct mock_tenant *tenant = visit->tenant;

	if (visit->mailbox != NULL && tenant->settings.strikes > 0)
		mock_mailbox_strike(visit->mailbox, strike, now, tenant->settings.strikes,
		        mono_after(now, mock_tenant_ns(tenant, tenant->settings.bar_s)));
}

void mock_visit_reset(struct mock_visit *visit)
{
	if (visit->slot)
		mock_mailbox_give_slot(visit->mailbox);
	if (visit->open && visit->mailbox != NULL && mock_visit_facts(visit)->limits_mailboxes)
		mock_mailbox_gave_up(visit->mailbox);
	visit->open = false;
	visit->slot = false;
	visit->over = false;
	visit->weighed = false;
	visit->source_busy = false;
	visit->struck_many = false;
	visit->recipients = 0;
	visit->external = 0;
	visit->domain_count = 0;
	visit->inside.bytes = 0;
	visit->outside.bytes = 0;
	mock_letter_begin(&visit->letter);
}

/* Time */

void mock_visit_hear(struct mock_visit *visit, struct mono now)
{
	visit->heard = now;
}

enum mock_saying mock_visit_clock(struct mock_visit *visit, struct mono now)
{
	const struct mock_tenant_settings *settings = &visit->tenant->settings;

	if (settings->session_s > 0 &&
	        now.ns - visit->began.ns >= mock_tenant_ns(visit->tenant, settings->session_s))
		return mock_visit_say(visit, MOCK_SAYS_SESSION_OVER);
	if (settings->idle_s > 0 &&
	        now.ns - visit->heard.ns >= mock_tenant_ns(visit->tenant, settings->idle_s))
		return mock_visit_say(visit, MOCK_SAYS_IDLE);
	return MOCK_SAYS_NOTHING;
}

struct mono mock_visit_wanted(const struct mock_visit *visit)
{
	const struct mock_tenant_settings *settings = &visit->tenant->settings;
	struct mono wanted = MONO_NEVER;

	if (settings->session_s > 0)
		wanted = mono_after(
		        visit->began, mock_tenant_ns(visit->tenant, settings->session_s));
	if (settings->idle_s > 0)
		wanted = mono_earlier(wanted,
		        mono_after(visit->heard, mock_tenant_ns(visit->tenant, settings->idle_s)));
	return wanted;
}

/* Words */

void mock_visit_put_host(const struct mock_visit *visit, struct text *text)
{
	mock_host_put(text, visit->mailbox != NULL ? &visit->mailbox->host : &visit->front);
}

/* The name that it may not use. */
static struct view visit_name(const struct mock_visit *visit)
{
	const struct view sender = view_of(visit->sender);
	const struct view from = mock_letter_from(&visit->letter);

	if (visit->mailbox == NULL || !mock_mailbox_may_send_as(visit->mailbox, sender))
		return sender.bytes > 0 ? sender : VIEW("<>");
	return from;
}

void mock_visit_put(struct mock_visit *visit, struct text *text, enum mock_saying saying,
        struct mono now, struct wall wall)
{
	char room[ENDPOINT_TEXT_BYTES];
	struct text address = TEXT_ON(room);
	const bool known = visit->mailbox != NULL;

	endpoint_format_address(&address, &visit->peer);
	const struct mock_words words = {
		.front = &visit->front,
		.back = known ? &visit->mailbox->host : &visit->front,
		.now = wall,
		.address = text_view(&address),
		.mailbox = known ? view_of(visit->mailbox->name) : VIEW(""),
		.sender = saying == MOCK_SAYS_SEND_AS ? visit_name(visit) : VIEW(""),
		.recipient = view_of(visit->recipient),
		/* As the service sees it, whose minutes are longer. */
		.session_ns = (int64_t)((double)(now.ns - visit->began.ns) *
		                        visit->tenant->settings.speed),
	};
	mock_saying_put(text, saying, &words, &visit->tenant->random);
}

int64_t mock_visit_delay_ns(const struct mock_visit *visit, enum mock_saying saying)
{
	switch (saying) {
	case MOCK_SAYS_NOTHING:
		return visit->delay_ns;
	case MOCK_SAYS_BUSY_CONNECT:
	case MOCK_SAYS_IDLE:
	case MOCK_SAYS_SESSION_OVER:
		return 0;
	default:
		return mock_tenant_ns(visit->tenant, visit->tenant->settings.tarpit_s);
	}
}
