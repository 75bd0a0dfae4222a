#include "bench/mock_tenant_file.h"

#include "bench/mock_tenant_reader.h"
#include "queue/address.h"
#include "queue/base/check.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#define FILE_PATH_BYTES  4096
#define SECONDS_MAX      (366 * 86400.0)
#define SPEED_MAX        100000.0
#define CONNECTIONS_MAX  1000000
#define MESSAGES_MAX     1e9
#define TOKEN_BYTES_MAX  8192
#define SECRET_BYTES_MAX 1024

static_assert(sizeof(enum mock_counts) == sizeof(int), "words are stored as int");

#define SETTING(key, kind, field, least, most, ...)                                                \
	{                                                                                          \
		(key), (kind), offsetof(struct mock_tenant_settings, field), (least), (most),      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define OTHER(key)                                                                                 \
	{                                                                                          \
		(key), MOCK_READ_OTHER                                                             \
	}
#define COUNT_OF(table) (sizeof(table) / sizeof(table)[0])

static const struct mock_reader_field root_fields[] = {
	SETTING("speed", MOCK_READ_NUMBER, speed, 0.001, SPEED_MAX),
	SETTING("counts", MOCK_READ_WORD, counts, 0, 0, "data", "mail"),
	SETTING("rate", MOCK_READ_WORD, rate, 0, 0, "refuse", "delay"),
	SETTING("external_refusal", MOCK_READ_WORD, external_refusal, 0, 0, "late", "session"),
	SETTING("banned_refusal", MOCK_READ_WORD, banned_refusal, 0, 0, "late", "session"),
	SETTING("basic_auth", MOCK_READ_WORD, basic_auth, 0, 0, "on", "disabled", "retired"),
	SETTING("blocked", MOCK_READ_SWITCH, blocked, 0, 0),
	SETTING("reject_direct_send", MOCK_READ_SWITCH, reject_direct_send, 0, 0),
	SETTING("licences", MOCK_READ_COUNT, licences, 1, 1e7),
	SETTING("external_recipients_per_day", MOCK_READ_LIMIT, external_per_day, 1, MESSAGES_MAX),
	SETTING("onmicrosoft_recipients_per_day", MOCK_READ_LIMIT, onmicrosoft_per_day, 1,
	        MESSAGES_MAX),
	SETTING("recipients_per_message", MOCK_READ_COUNT, recipients_message, 1, 1000),
	SETTING("recipients_per_domain", MOCK_READ_COUNT, recipients_domain, 1, 1000),
	SETTING("tarpit", MOCK_READ_NUMBER, tarpit_s, 0, 600),
	SETTING("idle", MOCK_READ_NUMBER, idle_s, 0, SECONDS_MAX),
	SETTING("session", MOCK_READ_NUMBER, session_s, 0, SECONDS_MAX),
	SETTING("report", MOCK_READ_NUMBER, report_s, 0, SECONDS_MAX),
	SETTING("seed", MOCK_READ_COUNT, seed, 0, 9e15),
	SETTING("ndr_folder", MOCK_READ_STRING, ndr_folder, 1, FILE_PATH_BYTES),
	OTHER("accepted_domains"),
	OTHER("banned_senders"),
	OTHER("unknown_recipients"),
	OTHER("faults"),
	OTHER("errors"),
	OTHER("source"),
	OTHER("mailbox"),
	OTHER("mailboxes"),
	OTHER("connectors"),
	OTHER("spells"),
	OTHER("schedule"),
};

static const struct mock_reader_field fault_fields[] = {
	SETTING("proxy", MOCK_READ_NUMBER, fault_proxy, 0, 1),
	SETTING("attribution", MOCK_READ_NUMBER, fault_attribution, 0, 1),
	SETTING("replication", MOCK_READ_NUMBER, fault_replication, 0, 1),
};

static const struct mock_reader_field error_fields[] = {
	SETTING("count", MOCK_READ_COUNT, strikes, 0, 1e6),
	SETTING("within", MOCK_READ_NUMBER, strikes_s, 0.001, SECONDS_MAX),
	SETTING("bar", MOCK_READ_NUMBER, bar_s, 0, SECONDS_MAX),
	SETTING("at", MOCK_READ_WORD, bar, 0, 0, "eod", "auth"),
};

static const struct mock_reader_field source_fields[] = {
	SETTING("messages_per_minute", MOCK_READ_NUMBER, source_minute, 0, 1e6),
	SETTING("burst", MOCK_READ_NUMBER, source_burst, 1, 1e6),
};

struct wish {
	const char *name;
	const char *password;
	const char *token;
	uint64_t limits[MOCK_LIMITS_MAILBOX];
	int state;
	int barred; /* 0, or one more than a strike */
	uint64_t count;
};

#define WISH(key, kind, field, least, most, ...)                                                   \
	{                                                                                          \
		(key), (kind), offsetof(struct wish, field), (least), (most),                      \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define WISH_LIMITS                                                                                \
	WISH("connections", MOCK_READ_LIMIT, limits[MOCK_LIMIT_CONNECTIONS], 0, CONNECTIONS_MAX),  \
	        WISH("messages_per_minute", MOCK_READ_LIMIT, limits[MOCK_LIMIT_MESSAGES], 0,       \
	                MESSAGES_MAX),                                                             \
	        WISH("recipients_per_day", MOCK_READ_LIMIT, limits[MOCK_LIMIT_RECIPIENTS], 0,      \
	                MESSAGES_MAX)
#define STATE_WORD(name, word) word,

static const struct mock_reader_field default_fields[] = { WISH_LIMITS };
static const struct mock_reader_field mailbox_fields[] = {
	WISH_LIMITS,
	WISH("name", MOCK_READ_STRING, name, 1, MOCK_MAILBOX_NAME_MAX - 1 - 6),
	WISH("password", MOCK_READ_STRING, password, 1, SECRET_BYTES_MAX),
	WISH("token", MOCK_READ_STRING, token, 1, TOKEN_BYTES_MAX),
	WISH("state", MOCK_READ_WORD, state, 0, 0, MOCK_MAILBOX_STATES(STATE_WORD)),
	WISH("barred", MOCK_READ_WORD, barred, 0, 0, "no", "251", "252", "253", "254", "255"),
	WISH("count", MOCK_READ_COUNT, count, 1, MOCK_MAILBOXES_MAX),
	OTHER("send_as"),
};

static const char *const spell_stages[] = { "connect", "auth", "mail", "rcpt", "eod" };

struct loading {
	struct mock_tenant *tenant;
	struct wish defaults;
	struct mock_mailbox *mailbox; /* the one being read */
};

typedef bool reading(struct mock_reader *reader, json_t *item, void *owner);

static bool file_read_root(
        struct mock_reader *reader, json_t *root, const char *folder, struct loading *loading);
static bool file_read_group(struct mock_reader *reader, json_t *root, const char *key,
        const struct mock_reader_field *fields, size_t count, void *into);
static bool file_folder(struct mock_reader *reader, const char *folder,
        struct mock_tenant_settings *settings, struct text *path);
static bool file_read_lists(struct mock_reader *reader, json_t *root, struct loading *loading);
static reading file_read_domain, file_read_banned, file_read_unknown, file_read_mailbox,
        file_read_send_as, file_read_connector, file_read_network, file_read_spell,
        file_read_change;
static bool file_make_mailbox(struct mock_reader *reader, json_t *item, const struct wish *wish,
        uint64_t number, struct loading *loading);

bool mock_tenant_file_load(struct mock_tenant **result, const char *path, struct text *why)
{
	char room[FILE_PATH_BYTES];
	struct text folder = TEXT_ON(room);
	const char *slash = strrchr(path, '/');
	char *text = malloc(MOCK_TENANT_FILE_BYTES_MAX + 1);
	FILE *file = fopen(path, "r");
	bool loaded = false;

	check(text != NULL);
	text_format(why, "%s: ", path);
	if (slash != NULL)
		text_put(&folder, view_from(path, (size_t)(slash - path) + 1));
	const size_t bytes =
	        file == NULL ? 0 : fread(text, 1, MOCK_TENANT_FILE_BYTES_MAX + 1, file);
	if (file == NULL || ferror(file) != 0)
		text_put(why, view_of(strerror(errno)));
	else if (bytes > MOCK_TENANT_FILE_BYTES_MAX)
		text_format(why, "more than %d bytes", MOCK_TENANT_FILE_BYTES_MAX);
	else
		loaded = mock_tenant_file_read(
		        result, view_from(text, bytes), text_string(&folder), why);
	if (file != NULL)
		(void)fclose(file); /* read only */
	free(text);
	return loaded;
}

bool mock_tenant_file_read(
        struct mock_tenant **result, struct view text, const char *folder, struct text *why)
{
	struct loading loading = { 0 };
	struct mock_reader reader;
	json_error_t error;
	json_t *root = json_loadb(text.data, text.bytes, JSON_REJECT_DUPLICATES, &error);

	*result = NULL;
	if (root == NULL) {
		text_format(why, "line %d: %s", error.line, error.text);
		return false;
	}
	mock_reader_init(&reader, why);
	const bool fine = file_read_root(&reader, root, folder, &loading);
	json_decref(root);
	if (fine)
		*result = loading.tenant;
	else
		mock_tenant_destroy(loading.tenant);
	return fine;
}

static bool file_read_root(
        struct mock_reader *reader, json_t *root, const char *folder, struct loading *loading)
{
	struct mock_tenant_settings settings = MOCK_TENANT_SETTINGS_DEFAULT;
	char room[FILE_PATH_BYTES];
	struct text path = TEXT_ON(room);

	for (int i = 0; i < MOCK_LIMITS_MAILBOX; i++)
		loading->defaults.limits[i] = mock_limit_default((enum mock_limit)i);
	loading->defaults.count = 1;
	if (!mock_reader_fields(reader, root, root_fields, COUNT_OF(root_fields), &settings) ||
	        !file_read_group(
	                reader, root, "faults", fault_fields, COUNT_OF(fault_fields), &settings) ||
	        !file_read_group(
	                reader, root, "errors", error_fields, COUNT_OF(error_fields), &settings) ||
	        !file_read_group(reader, root, "source", source_fields, COUNT_OF(source_fields),
	                &settings) ||
	        !file_read_group(reader, root, "mailbox", default_fields, COUNT_OF(default_fields),
	                &loading->defaults) ||
	        !file_folder(reader, folder, &settings, &path))
		return false;
	mock_tenant_create(&loading->tenant, &settings);
	return file_read_lists(reader, root, loading);
}

static bool file_read_group(struct mock_reader *reader, json_t *root, const char *key,
        const struct mock_reader_field *fields, size_t count, void *into)
{
	json_t *group = json_object_get(root, key);

	if (group == NULL)
		return true;
	const size_t back = mock_reader_enter(reader, key);
	if (!mock_reader_fields(reader, group, fields, count, into))
		return false;
	mock_reader_leave(reader, back);
	return true;
}

/* It must be there: where reports go is nothing to guess. */
static bool file_folder(struct mock_reader *reader, const char *folder,
        struct mock_tenant_settings *settings, struct text *path)
{
	if (settings->ndr_folder == NULL)
		return true;
	const size_t back = mock_reader_enter(reader, "ndr_folder");
	text_format(
	        path, "%s%s", settings->ndr_folder[0] == '/' ? "" : folder, settings->ndr_folder);
	if (path->overflow)
		return mock_reader_refuse(reader, "a shorter path is wanted");
	settings->ndr_folder = text_string(path);
	DIR *there = opendir(settings->ndr_folder);
	if (there == NULL)
		return mock_reader_refuse(
		        reader, "%.200s: %s", settings->ndr_folder, strerror(errno));
	(void)closedir(there);
	mock_reader_leave(reader, back);
	return true;
}

static bool file_read_lists(struct mock_reader *reader, json_t *root, struct loading *loading)
{
	static const struct {
		const char *key;
		reading *read;
	} lists[] = {
		{ "accepted_domains", file_read_domain }, { "banned_senders", file_read_banned },
		{ "unknown_recipients", file_read_unknown }, { "mailboxes", file_read_mailbox },
		{ "connectors", file_read_connector }, { "spells", file_read_spell },
		{ "schedule", file_read_change }, /* behind the mailboxes, which it names */
	};

	for (size_t i = 0; i < COUNT_OF(lists); i++)
		if (!mock_reader_each(reader, json_object_get(root, lists[i].key), lists[i].key,
		            lists[i].read, loading))
			return false;
	return true;
}

static bool file_read_domain(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct view domain;

	if (!mock_reader_string(reader, item, ADDRESS_DOMAIN_MAX, &domain))
		return false;
	if (!address_is_domain(domain, false))
		return mock_reader_refuse(reader, "a domain name is wanted");
	mock_tenant_add_domain(loading->tenant, domain);
	return true;
}

static bool file_read_address(struct mock_reader *reader, json_t *item, struct view *result)
{
	struct address address;

	if (!mock_reader_string(reader, item, ADDRESS_BYTES_MAX, result))
		return false;
	return address_parse(*result, true, &address) == ADDRESS_OK ||
	       mock_reader_refuse(reader, "a mail address is wanted");
}

static bool file_read_banned(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct view address;

	if (!file_read_address(reader, item, &address))
		return false;
	mock_tenant_ban(loading->tenant, address);
	return true;
}

static bool file_read_unknown(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct view address;

	if (!file_read_address(reader, item, &address))
		return false;
	mock_tenant_add_unknown(loading->tenant, address);
	return true;
}

static bool file_read_mailbox(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct wish wish = loading->defaults;

	if (!mock_reader_fields(reader, item, mailbox_fields, COUNT_OF(mailbox_fields), &wish))
		return false;
	if (wish.name == NULL)
		return mock_reader_refuse(reader, "name is missing");
	if (wish.password == NULL && wish.token == NULL)
		return mock_reader_refuse(reader, "password or token is missing");
	if (wish.count > 1 && strchr(wish.name, '#') == NULL)
		return mock_reader_refuse(
		        reader, "with a count, name needs a \"#\", where the number goes");
	for (uint64_t i = 1; i <= wish.count; i++)
		if (!file_make_mailbox(reader, item, &wish, i, loading))
			return false;
	return true;
}

static bool file_make_mailbox(struct mock_reader *reader, json_t *item, const struct wish *wish,
        uint64_t number, struct loading *loading)
{
	char room[MOCK_MAILBOX_NAME_MAX];
	struct text name = TEXT_ON(room);
	struct view left = view_of(wish->name);
	const size_t mark = view_find(left, '#');

	text_put(&name, view_first(left, mark));
	if (mark < left.bytes) {
		text_put_u64(&name, number);
		text_put(&name, view_skip(left, mark + 1));
	}
	if (loading->tenant->mailbox_count == MOCK_MAILBOXES_MAX)
		return mock_reader_refuse(reader, "more than %d mailboxes", MOCK_MAILBOXES_MAX);
	loading->mailbox = mock_tenant_add_mailbox(
	        loading->tenant, text_view(&name), view_of(wish->password), view_of(wish->token));
	if (loading->mailbox == NULL)
		return mock_reader_refuse(reader, "name %s is taken", text_string(&name));
	for (int i = 0; i < MOCK_LIMITS_MAILBOX; i++)
		mock_mailbox_first_limit(loading->mailbox, (enum mock_limit)i, wish->limits[i]);
	loading->mailbox->state = (enum mock_mailbox_state)wish->state;
	if (wish->barred > 0)
		mock_mailbox_set_bar(
		        loading->mailbox, (enum mock_strike)(wish->barred - 1), MONO_NEVER);
	return mock_reader_each(
	        reader, json_object_get(item, "send_as"), "send_as", file_read_send_as, loading);
}

static bool file_read_send_as(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct view sender;

	if (!mock_reader_string(reader, item, ADDRESS_BYTES_MAX, &sender))
		return false;
	mock_mailbox_allow(loading->mailbox, sender);
	return true;
}

static bool file_read_connector(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct mock_connector connector = { 0 };
	struct text certificate = TEXT_ON(connector.certificate);
	const char *name = NULL;
	const struct mock_reader_field fields[] = {
		{ "certificate", MOCK_READ_STRING, 0, 1, MOCK_CERTIFICATE_MAX - 1 },
		OTHER("addresses"),
	};
	json_t *addresses = json_object_get(item, "addresses");

	if (!mock_reader_fields(reader, item, fields, COUNT_OF(fields), &name) ||
	        !mock_reader_each(reader, addresses, "addresses", file_read_network, &connector))
		return false;
	if (name == NULL && connector.network_count == 0)
		return mock_reader_refuse(reader, "certificate or addresses is missing");
	text_put(&certificate, view_of(name));
	(void)text_string(&certificate);
	mock_tenant_add_connector(loading->tenant, &connector);
	return true;
}

/* "192.0.2.0/24", or one address. */
static bool file_read_network(struct mock_reader *reader, json_t *item, void *owner)
{
	struct mock_connector *connector = owner;
	struct endpoint address;
	struct view text;
	uint64_t bits = 0;

	if (!mock_reader_string(reader, item, ENDPOINT_TEXT_BYTES, &text))
		return false;
	if (connector->network_count == MOCK_NETWORKS_MAX)
		return mock_reader_refuse(reader, "more than %d addresses", MOCK_NETWORKS_MAX);
	const size_t slash = view_find(text, '/');
	if (!endpoint_parse_address(view_first(text, slash), &address))
		return mock_reader_refuse(reader, "an IP address, or ADDRESS/BITS, is wanted");
	const uint64_t most = endpoint_is_ipv4(&address) ? 32 : 128;
	if (slash == text.bytes)
		bits = most;
	else if (!view_to_u64(view_skip(text, slash + 1), &bits) || bits > most)
		return mock_reader_refuse(reader, "0 to %u bits are wanted", (unsigned)most);
	struct mock_network *network = &connector->networks[connector->network_count++];
	memcpy(network->address, address.address, sizeof network->address);
	network->bits = (unsigned)(bits + 128 - most);
	return true;
}

static bool file_read_spell(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct {
		struct mock_spell spell;
		int stage;
	} read = { .spell = { .to_s = -1, .probability = 1 }, .stage = COUNT_OF(spell_stages) - 1 };
#define SPELL(key, kind, field, least, most)                                                       \
	{                                                                                          \
		(key), (kind), offsetof(__typeof__(read), field), (least), (most)                  \
	}
	const struct mock_reader_field fields[] = {
		SPELL("from", MOCK_READ_NUMBER, spell.from_s, 0, SECONDS_MAX),
		SPELL("to", MOCK_READ_NUMBER, spell.to_s, 0, SECONDS_MAX),
		SPELL("probability", MOCK_READ_NUMBER, spell.probability, 0, 1),
		SPELL("in_flight", MOCK_READ_COUNT, spell.in_flight, 1, 1e6),
		{ "stage", MOCK_READ_WORD, offsetof(__typeof__(read), stage), 0, 0,
		        { "connect", "auth", "mail", "rcpt", "eod" } },
	};

	if (!mock_reader_fields(reader, item, fields, COUNT_OF(fields), &read))
		return false;
	if (read.spell.to_s <= read.spell.from_s)
		return mock_reader_refuse(reader, "from and, later, to are wanted");
	const bool known = stage_from_word(view_of(spell_stages[read.stage]), &read.spell.stage);
	check(known);
	mock_tenant_add_spell(loading->tenant, &read.spell);
	return true;
}

static bool file_read_change(struct mock_reader *reader, json_t *item, void *owner)
{
	struct loading *loading = owner;
	struct mock_change change = { .at_s = -1, .factor = -1 };
	struct {
		double at_s;
		double factor;
		uint64_t value;
		const char *mailbox;
		const char *limit;
	} read = { .at_s = -1, .factor = -1, .value = UINT64_MAX - 1 };
#define CHANGE(key, kind, field, least, most)                                                      \
	{                                                                                          \
		(key), (kind), offsetof(__typeof__(read), field), (least), (most)                  \
	}
	const struct mock_reader_field fields[] = {
		CHANGE("at", MOCK_READ_NUMBER, at_s, 0, SECONDS_MAX),
		CHANGE("factor", MOCK_READ_NUMBER, factor, 0, 1000),
		CHANGE("value", MOCK_READ_LIMIT, value, 0, MESSAGES_MAX),
		CHANGE("mailbox", MOCK_READ_STRING, mailbox, 1, MOCK_MAILBOX_NAME_MAX),
		CHANGE("limit", MOCK_READ_STRING, limit, 1, 64),
	};

	if (!mock_reader_fields(reader, item, fields, COUNT_OF(fields), &read))
		return false;
	const bool has_value = read.value != UINT64_MAX - 1;
	if (read.at_s < 0 || read.limit == NULL || has_value == (read.factor >= 0))
		return mock_reader_refuse(reader, "at, limit, and factor or value are wanted");
	change.at_s = read.at_s;
	change.is_factor = !has_value;
	change.factor = read.factor;
	change.value = read.value;
	if (!mock_limit_from_word(view_of(read.limit), &change.limit))
		return mock_reader_refuse(reader, "there is no limit %s", read.limit);
	if (read.mailbox != NULL) {
		change.mailbox = mock_tenant_mailbox(loading->tenant, view_of(read.mailbox));
		if (change.mailbox == NULL)
			return mock_reader_refuse(reader, "there is no mailbox %s", read.mailbox);
	}
	mock_tenant_add_change(loading->tenant, &change);
	return true;
}
