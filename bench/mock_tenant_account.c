#include "bench/mock_tenant_account.h"

#include <jansson.h>

static json_t *account_mailboxes(const struct mock_tenant *tenant);
static json_t *account_mailbox(const struct mock_mailbox *mailbox);
static json_t *account_limits(const struct mock_mailbox *mailbox);
static json_t *account_meter(const struct mock_meter *meter);
static json_t *account_limit(uint64_t limit);
static json_t *account_refused(const uint64_t refused[MOCK_SAYING_COUNT]);
static json_t *account_bounces(const struct mock_tenant *tenant);
static json_t *account_lines(struct view lines);

static json_t *account_number(uint64_t number)
{
	return json_integer((json_int_t)number);
}

json_t *mock_tenant_account(const struct mock_tenant *tenant)
{
	json_t *root = json_object();

	json_object_set_new(root, "speed", json_real(tenant->settings.speed));
	json_object_set_new(root, "tried", account_number(tenant->tried));
	json_object_set_new(root, "accepted", account_number(tenant->accepted));
	json_object_set_new(root, "recipients", account_number(tenant->recipients_accepted));
	json_object_set_new(root, "in_flight_max", account_number(tenant->in_flight_max));
	json_object_set_new(root, "over", account_number(mock_tenant_over(tenant)));
	json_object_set_new(root, "refused", account_refused(tenant->refused));
	json_object_set_new(
	        root, mock_limit_word(MOCK_LIMIT_EXTERNAL), account_meter(&tenant->external));
	json_object_set_new(
	        root, mock_limit_word(MOCK_LIMIT_ONMICROSOFT), account_meter(&tenant->onmicrosoft));
	json_object_set_new(root, "late", account_number(tenant->late));
	json_object_set_new(root, "reports_failed", account_number(tenant->reports_failed));
	json_object_set_new(root, "bounces", account_bounces(tenant));
	json_object_set_new(root, "mailboxes", account_mailboxes(tenant));
	return root;
}

static json_t *account_mailboxes(const struct mock_tenant *tenant)
{
	json_t *all = json_object();

	for (size_t i = 0; i < tenant->mailbox_count; i++)
		json_object_set_new(
		        all, tenant->mailboxes[i]->name, account_mailbox(tenant->mailboxes[i]));
	return all;
}

static json_t *account_mailbox(const struct mock_mailbox *mailbox)
{
	json_t *object = json_object();

	json_object_set_new(object, "signins", account_number(mailbox->signins));
	json_object_set_new(object, "tried", account_number(mailbox->tried));
	json_object_set_new(object, "accepted", account_number(mailbox->accepted));
	json_object_set_new(object, "recipients", account_number(mailbox->recipients_accepted));
	json_object_set_new(object, "late", account_number(mailbox->late));
	json_object_set_new(object, "bars", account_number(mailbox->bars));
	json_object_set_new(object, "in_flight_max", account_number(mailbox->in_flight_max));
	json_object_set_new(object, "open_max", account_number(mailbox->open_max));
	json_object_set_new(object, "refused", account_refused(mailbox->refused));
	json_object_set_new(object, "limits", account_limits(mailbox));
	return object;
}

static json_t *account_limits(const struct mock_mailbox *mailbox)
{
	json_t *object = json_object();
	json_t *connections = json_object();

	json_object_set_new(connections, "limit", account_limit(mailbox->connections));
	json_object_set_new(connections, "over", account_number(mailbox->connections_over));
	json_object_set_new(object, mock_limit_word(MOCK_LIMIT_CONNECTIONS), connections);
	json_object_set_new(
	        object, mock_limit_word(MOCK_LIMIT_MESSAGES), account_meter(&mailbox->messages));
	json_object_set_new(object, mock_limit_word(MOCK_LIMIT_RECIPIENTS),
	        account_meter(&mailbox->recipients));
	return object;
}

static json_t *account_meter(const struct mock_meter *meter)
{
	json_t *object = json_object();

	json_object_set_new(object, "limit", account_limit(meter->limit));
	json_object_set_new(object, "tried_max", account_number(meter->tried.count_max));
	json_object_set_new(object, "taken_max", account_number(meter->taken.count_max));
	json_object_set_new(object, "over", account_number(meter->over));
	return object;
}

static json_t *account_limit(uint64_t limit)
{
	return limit == MOCK_NONE ? json_null() : account_number(limit);
}

/* Reasons that were met. */
static json_t *account_refused(const uint64_t refused[MOCK_SAYING_COUNT])
{
	json_t *object = json_object();

	for (int i = 0; i < MOCK_SAYING_COUNT; i++)
		if (refused[i] > 0)
			json_object_set_new(object, mock_saying_word((enum mock_saying)i),
			        account_number(refused[i]));
	return object;
}

static json_t *account_bounces(const struct mock_tenant *tenant)
{
	json_t *all = json_array();

	for (size_t i = 0; i < tenant->bounce_count; i++) {
		const struct mock_bounce *bounce = &tenant->bounces[i];
		json_t *object = json_object();
		json_object_set_new(object, "number", account_number(bounce->number));
		json_object_set_new(object, "sender", json_string(bounce->sender));
		json_object_set_new(object, "message_id", json_string(bounce->message_id));
		json_object_set_new(object, "reply", json_string(bounce->reply));
		json_object_set_new(
		        object, "recipients", account_lines(view_of(bounce->recipients)));
		json_object_set_new(object, "written", json_boolean(bounce->written));
		json_array_append_new(all, object);
	}
	return all;
}

static json_t *account_lines(struct view lines)
{
	json_t *all = json_array();

	while (lines.bytes > 0) {
		const size_t end = view_find(lines, '\n');
		json_array_append_new(all, json_stringn(lines.data, end));
		lines = view_skip(lines, end < lines.bytes ? end + 1 : end);
	}
	return all;
}
