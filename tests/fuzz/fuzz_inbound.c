/* Whole conversations of a client with the relay: what it is told is queued is on the disk, what is
 * on the disk it was told of, no more messages come of it than it ended, a stranger gets nothing
 * queued unless he signed in, nobody signs in but with the right password, and all is given back.
 */
#include "queue/row_key.h"
#include "tests/fuzz/guest.h"

static struct guest guest;
static char sent[SCENE_INPUT_MAX];

/* Listeners for the usual client, for one behind TLS, for old devices, for a proxy, and for who
 * signs in, in the clear too. Mail goes nowhere: there is no server. */
static struct config *inbound_config(void)
{
	static struct config *config;
	char yaml[4096];
	struct text text = TEXT_ON(yaml);

	if (config != NULL)
		return config;
	text_format(&text,
	        "name: relay.sim.test\n"
	        "spool: {path: sim}\n"
	        "limits: {memory: 8MiB, message: 64KiB, recipients: 5, connections: 4, "
	        "hops: 3,\n"
	        "  auth_failures: 4, auth_failures_per_client: 2/30m}\n"
	        "drain: 1s\n"
	        "accepted_domains: [sim.test]\n"
	        "listeners:\n"
	        "  - {address: \"127.0.0.1:2525\"}\n"
	        "  - address: \"127.0.0.1:2526\"\n"
	        "    bare_lf: repair\n"
	        "    tls: {certificate: %s, key: %s}\n"
	        "    users_file: %s\n"
	        "  - address: \"127.0.0.1:2527\"\n"
	        "    tls: {certificate: %s, key: %s, implicit: true}\n"
	        "  - address: \"127.0.0.1:2528\"\n"
	        "    old_devices:\n"
	        "      - {name: old, networks: [127.0.0.1], bare_lf: repair, tolerant: "
	        "true}\n"
	        "  - {address: \"127.0.0.1:2529\", proxy: [127.0.0.1]}\n"
	        "  - address: \"127.0.0.1:2530\"\n"
	        "    allow: []\n"
	        "    users_file: %s\n"
	        "    allow_plaintext_auth: true\n"
	        "names: [{sender: '<>'}, {sender: '@r.test', policy: rewrite, address: "
	        "a@sim.test},\n"
	        "  {policy: as_is, default_from: d@sim.test}]\n"
	        "rules: [{header: ['X-Way: b*'], route: away}]\n"
	        "streams: [{name: urgent, urgent: true, header: ['Priority: urgent']}]\n"
	        "routes:\n"
	        "  - {name: far, interface: connector, host: 127.0.0.1, port: 9, tls: {mode: "
	        "none}}\n"
	        "  - {name: away, interface: connector, host: 127.0.0.1, port: 9, tls: {mode: "
	        "none}}\n"
	        "idempotency: {by: message_id}\n"
	        "retry: {give_up_after: 30d}\n"
	        "threads: {ingest: 1, delivery: 1}\n",
	        scene_file(), scene_file(), scene_users_file(), scene_file(), scene_file(),
	        scene_users_file());
	check(!text.overflow);
	config = scene_config(text_view(&text));
	return config;
}

static void inbound_work(struct scene *scene)
{
	(void)scene;
	guest_work(&guest);
}

static size_t count_fold(struct view bytes, struct view what)
{
	size_t count = 0;

	for (size_t at = view_find_fold(bytes, what); at < bytes.bytes;
	        at = view_find_fold(bytes, what)) {
		bytes = view_skip(bytes, at + 1);
		count++;
	}
	return count;
}

/* Ends of messages that the client sent, and a few that only look like them: CR LF . CR LF; the
 * same where data begins, whatever ends the line of DATA; BDAT LAST. */
static size_t count_ends(struct view bytes)
{
	return count_fold(bytes, VIEW("\r\n.\r\n")) + count_fold(bytes, VIEW("data")) +
	       count_fold(bytes, VIEW("last"));
}

static void judge(const struct checker *checker, bool stranger)
{
	const struct disk_table *rows = &sim_disk.durable.tables[TABLE_MESSAGES];

	check(guest.signed_in <= checker->right);
	check(!stranger || checker->right > 0 || rows->count == 0);
	for (size_t i = 0; i < rows->count; i++) {
		uint64_t id = 0;
		check(row_key_parse_message(rows->rows[i]->key, &id));
		check(guest.deaf || guest_was_told(&guest, id));
	}
	/* And still there: nothing was delivered, and nothing is given up so early. */
	for (size_t i = 0; i < guest.queued_count; i++)
		check(scene_has_message(guest.queued[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	static const struct view doors[] = { VIEW_INIT("127.0.0.1:2525"),
		VIEW_INIT("127.0.0.1:2526"), VIEW_INIT("127.0.0.1:2527"),
		VIEW_INIT("127.0.0.1:2528"), VIEW_INIT("127.0.0.1:2529"),
		VIEW_INIT("127.0.0.1:2530") };
	const size_t door_count = sizeof doors / sizeof doors[0];
	struct view input =
	        view_from((const char *)data, bytes < SCENE_INPUT_MAX ? bytes : SCENE_INPUT_MAX);
	struct text all = TEXT_ON(sent);
	struct scene scene;
	struct view piece;
	unsigned act;
	const unsigned door = fuzz_choice(&input);
	const unsigned seed = fuzz_choice(&input);
	const bool stranger = door / 8 % 8 == 7;
	const bool signs_in = door % 8 % door_count == door_count - 1; /* or gets nothing */

	scene_open(&scene, inbound_config(), seed, inbound_work);
	guest_open(&guest, &scene, doors[door % 8 % door_count],
	        stranger ? VIEW("10.9.9.9:0") : VIEW("127.0.0.1:0"));
	while (scene_next(&input, seed, &piece, &act)) {
		if (act != 0) {
			guest_act(&guest, &scene, (enum scene_act)act);
			continue;
		}
		text_put(&all, piece);
		guest_send(&guest, &scene, piece);
		/* Sometimes the rest comes right behind it. */
		if (random_below(&scene.random, 2) == 0)
			scene_settle(&scene);
	}
	guest_close(&guest, &scene);
	judge(&scene.machine->checker, stranger || signs_in);
	check(guest.queued_count <= count_ends(text_view(&all)));
	scene_close(&scene);
	return 0;
}
