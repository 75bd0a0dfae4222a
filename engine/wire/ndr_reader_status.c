#include "engine/wire/ndr_reader.h"

static struct ndr_recipient *status_recipient(struct ndr_reader *reader);

/* name in the report, what is done with its value */
enum status_field {
	STATUS_OTHER,
	STATUS_ENVELOPE,
	STATUS_REPORTER,
	STATUS_FINAL,
	STATUS_ORIGINAL,
	STATUS_ACTION,
	STATUS_STATUS,
	STATUS_REMOTE,
	STATUS_DIAGNOSTIC,
};

static const struct {
	struct view name;
	enum status_field field;
} status_fields[] = {
	{ VIEW_INIT("Original-Envelope-Id"), STATUS_ENVELOPE },
	{ VIEW_INIT("Reporting-MTA"), STATUS_REPORTER },
	{ VIEW_INIT("Final-Recipient"), STATUS_FINAL },
	{ VIEW_INIT("Original-Recipient"), STATUS_ORIGINAL },
	{ VIEW_INIT("Action"), STATUS_ACTION },
	{ VIEW_INIT("Status"), STATUS_STATUS },
	{ VIEW_INIT("Remote-MTA"), STATUS_REMOTE },
	{ VIEW_INIT("Diagnostic-Code"), STATUS_DIAGNOSTIC },
};

/* Behind "rfc822;" or "dns;"; without <> and a comment. */
static struct view status_value(struct view value)
{
	const size_t at = view_find(value, ';');

	if (at < value.bytes)
		value = view_trim(view_skip(value, at + 1));
	if (value.bytes > 1 && value.data[0] == '<' && value.data[value.bytes - 1] == '>')
		value = view_from(value.data + 1, value.bytes - 2);
	return value;
}

static struct view status_host(struct view value)
{
	const struct view host = status_value(value);

	return view_first(host, view_find(host, ' '));
}

void ndr_reader_status_field(struct ndr_reader *reader, struct view name, struct view value)
{
	enum status_field field = STATUS_OTHER;
	struct ndr *ndr = reader->ndr;

	for (size_t i = 0; i < sizeof status_fields / sizeof status_fields[0]; i++)
		if (view_equal_fold(name, status_fields[i].name))
			field = status_fields[i].field;
	if (field == STATUS_OTHER)
		return;
	if (field == STATUS_ENVELOPE || field == STATUS_REPORTER) {
		if (field == STATUS_ENVELOPE)
			ndr_set(ndr->envelope_id, sizeof ndr->envelope_id, value);
		else
			ndr_set(ndr->reporter, sizeof ndr->reporter, status_host(value));
		return;
	}
	struct ndr_recipient *recipient = status_recipient(reader);
	if (recipient == NULL)
		return;
	switch (field) {
	case STATUS_FINAL:
		ndr_set(recipient->address, sizeof recipient->address, status_value(value));
		break;
	case STATUS_ORIGINAL:
		ndr_set(recipient->original, sizeof recipient->original, status_value(value));
		break;
	case STATUS_ACTION:
		recipient->action = ndr_action_of(view_first(value, view_find(value, ' ')));
		break;
	case STATUS_STATUS:
		ndr_set(recipient->status, sizeof recipient->status, ndr_status_of(value));
		break;
	case STATUS_REMOTE:
		ndr_set(recipient->remote, sizeof recipient->remote, status_host(value));
		break;
	default:
		ndr_set_reply(recipient, value, view_of(recipient->status));
		break;
	}
}

/* The group's; a field of one begins it. NULL: there is no room. */
static struct ndr_recipient *status_recipient(struct ndr_reader *reader)
{
	if (reader->recipient == NULL && !reader->group_full) {
		reader->recipient = ndr_add_recipient(reader->ndr);
		reader->group_full = reader->recipient == NULL;
	}
	return reader->recipient;
}

void ndr_reader_status_blank(struct ndr_reader *reader)
{
	reader->recipient = NULL;
	reader->group_full = false;
}
