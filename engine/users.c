#include "engine/users.h"

#include "engine/config_arena.h"
#include "engine/config_file.h"
#include "engine/config_report.h"
#include "engine/io/crypto.h"
#include "queue/base/check.h"
#include "queue/base/siphash.h"

#include <crypt.h>
#include <stdlib.h>

#define PASSWORD_BYTES_MAX 256 /* crypt(3) takes 512; nobody types that */
#define DES_HASH_BYTES     13
#define WHY_BYTES          1024

struct user {
	struct view name;
	const char *hash;
};

struct users {
	struct config_arena *arena;
	struct user *at;
	size_t count;
	uint64_t seed; /* of whose hash an unknown name is checked against */
};

/* A hash that no password has: costs what a good one costs, and never is right. */
static const char nobody[] = "$6$rounds=5000$nobodysignsinhere$";

/* crypt(3)'s oldest method takes any two letters for a salt: only its length tells its hash from
 * a password that somebody wrote down as it is. */
static bool is_hash(const char *hash)
{
	int verdict = crypt_checksalt(hash);

	if (hash[0] != '$' && strlen(hash) != DES_HASH_BYTES)
		return false;
	return verdict == CRYPT_SALT_OK || verdict == CRYPT_SALT_METHOD_LEGACY ||
	       verdict == CRYPT_SALT_TOO_CHEAP;
}

static const struct user *find(const struct users *users, struct view name)
{
	for (size_t i = 0; i < users->count; i++)
		if (view_equal_fold(name, users->at[i].name))
			return &users->at[i];
	return NULL;
}

static void read_line(struct users *users, struct view line, const char *path, unsigned number,
        struct config_report *report)
{
	size_t colon = view_find(line, ':');

	if (colon == 0 || colon == line.bytes) {
		config_report_add(report, CONFIG_WRONG, path, number,
		        "no NAME:HASH; right is a line such as scanner:$y$..., made by mkpasswd");
		return;
	}
	struct view name = view_trim(view_first(line, colon));
	const char *hash = config_arena_copy(users->arena, view_trim(view_skip(line, colon + 1)));
	if (!is_hash(hash)) {
		config_report_add(report, CONFIG_WRONG, path, number,
		        "user %.*s: not a crypt(3) hash; right is what mkpasswd prints",
		        VIEW_ARGS(name));
		return;
	}
	if (find(users, name) != NULL) {
		config_report_add(report, CONFIG_WRONG, path, number,
		        "user %.*s stands here twice; right is once", VIEW_ARGS(name));
		return;
	}
	const int verdict = crypt_checksalt(hash);
	if (verdict == CRYPT_SALT_METHOD_LEGACY || verdict == CRYPT_SALT_TOO_CHEAP)
		config_report_add(report, CONFIG_NOTE, path, number,
		        "user %.*s: who gets hold of this hash soon has the password; better is "
		        "yescrypt, which mkpasswd makes",
		        VIEW_ARGS(name));
	users->at[users->count++] = (struct user){ name, hash };
}

static size_t count_lines(struct view text)
{
	size_t lines = 1;

	for (size_t i = 0; i < text.bytes; i++)
		lines += text.data[i] == '\n';
	return lines;
}

static void read_text(
        struct users *users, struct view text, const char *path, struct config_report *report)
{
	users->at = config_arena_take(users->arena, count_lines(text) * sizeof *users->at);
	for (unsigned number = 1; text.bytes > 0; number++) {
		size_t end = view_find(text, '\n');
		struct view line = view_first(text, end);

		text = view_skip(text, end < text.bytes ? end + 1 : end);
		if (line.bytes > 0 && line.data[line.bytes - 1] == '\r')
			line.bytes--;
		line = view_trim(line);
		if (line.bytes > 0 && line.data[0] != '#')
			read_line(users, line, path, number, report);
	}
}

struct err users_load(struct users **result, const char *path, struct config_report *report)
{
	struct config_arena *arena = config_arena_create();
	struct users *users = config_arena_take(arena, sizeof *users);
	char why_bytes[WHY_BYTES];
	struct text why = TEXT_ON(why_bytes);
	size_t wrong_count = report->wrong_count;
	struct view text;

	users->arena = arena;
	users->seed = crypto_random_u64();
	if (!config_file_read(path, arena, &text, &why)) {
		config_report_add(report, CONFIG_WRONG, path, 1, "%s", text_string(&why));
		users_destroy(users);
		return err_make(ERR_NOT_FOUND, 0);
	}
	read_text(users, text, path, report);
	if (report->wrong_count > wrong_count) {
		users_destroy(users);
		return err_make(ERR_FORMAT, 0);
	}
	*result = users;
	return err_ok();
}

void users_destroy(struct users *users)
{
	/* The users themselves live in their arena. */
	if (users != NULL)
		config_arena_destroy(users->arena);
}

size_t users_count(const struct users *users)
{
	return users->count;
}

/* Reads all of both, whatever is found where. */
static bool equal_in_constant_time(const char *a, const char *b)
{
	size_t bytes = strlen(a);
	unsigned char difference = bytes != strlen(b);

	for (size_t i = 0; i < bytes && b[i] != '\0'; i++)
		difference |= (unsigned char)(a[i] ^ b[i]);
	return difference == 0;
}

/* What an unknown name is checked against: users' hashes may differ in cost, and of the first
 * user's alone an unknown name would be told by what it doesn't cost. */
static const char *stranger_hash(const struct users *users, struct view name)
{
	struct siphash hash;

	if (users->count == 0)
		return nobody;
	siphash_init(&hash, users->seed, 0);
	for (size_t i = 0; i < name.bytes; i++) {
		const char folded = byte_lower(name.data[i]);
		siphash_feed(&hash, view_from(&folded, 1));
	}
	return users->at[siphash_end(&hash) % users->count].hash;
}

bool users_verify(const struct users *users, struct view name, struct view password)
{
	const struct user *user = find(users, name);
	const char *hash = user != NULL ? user->hash : stranger_hash(users, name);
	char secret[PASSWORD_BYTES_MAX + 1] = { 0 };
	bool usable = password.bytes > 0 && password.bytes <= PASSWORD_BYTES_MAX &&
	              view_find(password, '\0') == password.bytes;
	struct crypt_data data = { .initialized = 0 };

	/* Too long or holding a NUL: crypt(3) would check something else. */
	if (usable)
		memcpy(secret, password.data, password.bytes);
	const char *made = crypt_r(secret, hash, &data);
	bool right = made != NULL && equal_in_constant_time(made, hash);
	explicit_bzero(secret, sizeof secret);
	explicit_bzero(&data, sizeof data);
	return right && usable && user != NULL;
}
