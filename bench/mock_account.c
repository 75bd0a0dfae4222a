#include "bench/mock_account.h"

#include "bench/histogram_json.h"
#include "bench/mock_tenant_account.h"
#include "bench/stamp.h"
#include "queue/base/check.h"

#include <jansson.h>
#include <stdlib.h>

#define IDS_SIZE_FIRST (1 << 16) /* a power of two; doubled at half full */
#define NS_PER_MINUTE  (60 * NS_PER_S)

static uint64_t id_hash(struct view id);
static bool ids_add(struct mock_account *account, uint64_t hash);
static void ids_grow(struct mock_account *account);
static void account_duplicate(struct mock_account *account, struct view id);
static json_t *identities_json(const struct mock_account *account);
static json_t *duplicates_json(const struct mock_account *account);

struct err mock_account_init(struct mock_account *account)
{
	*account = (struct mock_account){ .ids_size = IDS_SIZE_FIRST };
	account->ids = calloc(account->ids_size, sizeof *account->ids);
	account->duplicate_ids = calloc(MOCK_DUPLICATES_KEPT, sizeof *account->duplicate_ids);
	/* Zero pages, until somebody signs in. */
	account->identities = calloc(MOCK_IDENTITIES_MAX, sizeof *account->identities);
	if (account->ids != NULL && account->duplicate_ids != NULL && account->identities != NULL)
		return err_ok();
	mock_account_finish(account);
	return err_make(ERR_NO_MEMORY, 0);
}

void mock_account_finish(struct mock_account *account)
{
	for (size_t i = 0; account->duplicate_ids != NULL && i < account->duplicate_ids_count; i++)
		free(account->duplicate_ids[i]);
	free(account->duplicate_ids);
	free(account->identities);
	free(account->ids);
	*account = (struct mock_account){ 0 };
}

void mock_account_joined(struct mock_account *account)
{
	account->connections++;
	account->connections_open++;
	if (account->connections_open > account->connections_open_max)
		account->connections_open_max = account->connections_open;
}

void mock_account_left(struct mock_account *account)
{
	check(account->connections_open > 0);
	account->connections_open--;
}

struct mock_identity *mock_account_identity(struct mock_account *account, struct view name)
{
	name = view_first(name, MOCK_NAME_MAX - 1);
	for (size_t i = 0; i < account->identity_count; i++)
		if (view_equal_fold(view_of(account->identities[i].name), name))
			return &account->identities[i];
	if (account->identity_count == MOCK_IDENTITIES_MAX)
		return &account->identities[MOCK_IDENTITIES_MAX - 1];
	struct mock_identity *identity = &account->identities[account->identity_count++];
	struct text copy = TEXT_ON(identity->name);
	text_put(&copy, name);
	(void)text_string(&copy);
	return identity;
}

void mock_account_take(struct mock_account *account, struct mock_identity *identity, struct view id,
        uint64_t recipients, uint64_t bytes, struct mono now)
{
	struct mono sent;

	if (account->messages == 0)
		account->first = now;
	account->last = now;
	account->messages++;
	account->recipients += recipients;
	account->bytes += bytes;
	identity->messages++;
	identity->recipients += recipients;
	if (now.ns - identity->minute.ns >= NS_PER_MINUTE) {
		identity->minute = now;
		identity->minute_messages = 0;
	}
	identity->minute_messages++;
	if (identity->minute_messages > identity->minute_messages_max)
		identity->minute_messages_max = identity->minute_messages;
	if (id.bytes == 0)
		account->without_id++;
	else if (!ids_add(account, id_hash(id)))
		account_duplicate(account, id);
	else if (stamp_read(id, &sent) && sent.ns <= now.ns)
		histogram_add(&account->latency, now.ns - sent.ns);
}

/* FNV-1a, 64 bit, mixed once more: two of a million ids meet with a chance of 1 in 40 million. */
static uint64_t id_hash(struct view id)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < id.bytes; i++)
		hash = (hash ^ (unsigned char)id.data[i]) * 0x100000001b3u;
	hash = (hash ^ (hash >> 31)) * 0x9e3779b97f4a7c15u;
	hash ^= hash >> 29;
	return hash == 0 ? 1 : hash;
}

/* False: it was there. */
static bool ids_add(struct mock_account *account, uint64_t hash)
{
	const size_t mask = account->ids_size - 1;
	size_t at = hash & mask;

	while (account->ids[at] != 0 && account->ids[at] != hash)
		at = (at + 1) & mask;
	if (account->ids[at] == hash)
		return false;
	account->ids[at] = hash;
	if (++account->ids_count > account->ids_size / 2)
		ids_grow(account);
	return true;
}

static void ids_grow(struct mock_account *account)
{
	const size_t size = account->ids_size * 2;
	uint64_t *ids = calloc(size, sizeof *ids);

	check(ids != NULL); /* a measuring tool without memory measures nothing */
	for (size_t i = 0; i < account->ids_size; i++) {
		if (account->ids[i] == 0)
			continue;
		size_t at = account->ids[i] & (size - 1);
		while (ids[at] != 0)
			at = (at + 1) & (size - 1);
		ids[at] = account->ids[i];
	}
	free(account->ids);
	account->ids = ids;
	account->ids_size = size;
}

static void account_duplicate(struct mock_account *account, struct view id)
{
	account->duplicates++;
	if (account->duplicate_ids_count == MOCK_DUPLICATES_KEPT)
		return;
	char *copy = strndup(id.data, id.bytes);
	check(copy != NULL);
	account->duplicate_ids[account->duplicate_ids_count++] = copy;
}

bool mock_account_write(
        const struct mock_account *account, const struct mock_tenant *tenant, FILE *file)
{
	const double seconds = (double)(account->last.ns - account->first.ns) / (double)NS_PER_S;
	json_t *root = json_pack("{sI sI sI sI sI sI sI sI sI sI sI sf sf}", "messages",
	        (json_int_t)account->messages, "distinct",
	        (json_int_t)(account->ids_count + account->without_id), "duplicates",
	        (json_int_t)account->duplicates, "without_id", (json_int_t)account->without_id,
	        "recipients", (json_int_t)account->recipients, "bytes", (json_int_t)account->bytes,
	        "connections", (json_int_t)account->connections, "tls_connections",
	        (json_int_t)account->tls_connections, "refused", (json_int_t)account->refused,
	        "drops_before", (json_int_t)account->drops_before, "drops_after",
	        (json_int_t)account->drops_after, "seconds", seconds, "messages_per_second",
	        seconds > 0 ? (double)account->messages / seconds : 0.0);

	if (root == NULL)
		return false;
	/* Of the machine's monotonic clock, which all processes share. */
	json_object_set_new(root, "first_ns", json_integer((json_int_t)account->first.ns));
	json_object_set_new(root, "last_ns", json_integer((json_int_t)account->last.ns));
	json_object_set_new(root, "latency", histogram_json(&account->latency));
	json_object_set_new(root, "tls_resumed", json_integer((json_int_t)account->tls_resumed));
	json_object_set_new(root, "connections_open_max",
	        json_integer((json_int_t)account->connections_open_max));
	json_object_set_new(root, "closed", json_integer((json_int_t)account->closed));
	json_object_set_new(root, "lies", json_integer((json_int_t)account->lies));
	json_object_set_new(root, "identities", identities_json(account));
	json_object_set_new(root, "duplicate_ids", duplicates_json(account));
	if (tenant != NULL)
		json_object_set_new(root, "tenant", mock_tenant_account(tenant));
	bool written = json_dumpf(root, file, JSON_INDENT(2)) == 0;
	written = fputc('\n', file) != EOF && written;
	json_decref(root);
	return written && fflush(file) == 0;
}

static json_t *identities_json(const struct mock_account *account)
{
	json_t *all = json_object();

	for (size_t i = 0; i < account->identity_count; i++) {
		const struct mock_identity *identity = &account->identities[i];
		json_object_set_new(all, identity->name,
		        json_pack("{sI sI sI sI sI sI}", "signins", (json_int_t)identity->signins,
		                "messages", (json_int_t)identity->messages, "recipients",
		                (json_int_t)identity->recipients, "refused",
		                (json_int_t)identity->refused, "in_flight_max",
		                (json_int_t)identity->in_flight_max, "minute_messages_max",
		                (json_int_t)identity->minute_messages_max));
	}
	return all;
}

static json_t *duplicates_json(const struct mock_account *account)
{
	json_t *all = json_array();

	for (size_t i = 0; i < account->duplicate_ids_count; i++)
		json_array_append_new(all, json_string(account->duplicate_ids[i]));
	return all;
}
