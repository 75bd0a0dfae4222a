#include "engine/config_check_rehearsal.h"

#include "engine/config_check_rules.h"
#include "engine/rehearsal.h"
#include "engine/rulebook.h"

#include <string.h>

#define complain(places, section, field, ...)                                                      \
	config_places_complain((places), CONFIG_WRONG, (section), (field), __VA_ARGS__)

/* A list that is there and has nothing in it would match nothing. */
static void check_empty(const struct config_rehearsal *rehearsal, const void *field, size_t count,
        const char *name, size_t index, struct config_places *places)
{
	if (count == 0 && config_places_wrote(places, field))
		complain(places, rehearsal, field,
		        "rehearsal[%zu].%s: empty; right is at least one, or to leave it out",
		        index, name);
}

static void check_lists(
        const struct config_rehearsal *rehearsal, size_t index, struct config_places *places)
{
	check_empty(rehearsal, &rehearsal->listener, rehearsal->listener.count, "listener", index,
	        places);
	check_empty(
	        rehearsal, &rehearsal->client, rehearsal->client.count, "client", index, places);
	check_empty(rehearsal, &rehearsal->user, rehearsal->user.count, "user", index, places);
	check_empty(
	        rehearsal, &rehearsal->stream, rehearsal->stream.count, "stream", index, places);
	check_empty(
	        rehearsal, &rehearsal->sender, rehearsal->sender.count, "sender", index, places);
	check_empty(
	        rehearsal, &rehearsal->header, rehearsal->header.count, "header", index, places);
}

static void check_streams(const struct config *config, const struct config_rehearsal *rehearsal,
        size_t index, struct config_places *places)
{
	for (size_t i = 0; i < rehearsal->stream.count; i++) {
		bool found = false;

		for (size_t j = 0; j < config->streams.count && !found; j++)
			found = config->streams.at[j].name != NULL &&
			        strcmp(rehearsal->stream.at[i], config->streams.at[j].name) == 0;
		if (!found)
			complain(places, rehearsal, &rehearsal->stream,
			        "rehearsal[%zu].stream: no stream is named \"%s\"; right is one of "
			        "streams",
			        index, rehearsal->stream.at[i]);
	}
}

/* `late`: this entry or one before it hangs on the header, which comes after the recipients. */
static void check_target(const struct config_rehearsal *rehearsal, size_t index, bool late,
        struct config_places *places)
{
	if (rehearsal->to == NULL)
		return;
	if (rehearsal->only.count > 0)
		complain(places, rehearsal, &rehearsal->only,
		        "rehearsal[%zu].only: all mail goes to \"%s\" already; right is one of the "
		        "two",
		        index, rehearsal->to);
	if (late)
		complain(places, rehearsal, &rehearsal->to,
		        "rehearsal[%zu].to: this entry or one before it has header or stream, "
		        "which are known after the recipients; right is to name those last",
		        index);
}

void config_check_rehearsal(struct config *config, struct config_places *places)
{
	size_t headers = 0;
	bool late = false;

	for (size_t i = 0; i < config->rehearsal.count; i++) {
		const struct config_rehearsal *rehearsal = &config->rehearsal.at[i];
		char memory[CONFIG_NAME_BYTES_MAX];
		struct text where = TEXT_ON(memory);

		text_format(&where, "rehearsal[%zu]", i);
		check_lists(rehearsal, i, places);
		config_check_listener_words(
		        config, &rehearsal->listener, rehearsal, text_string(&where), places);
		check_streams(config, rehearsal, i, places);
		late |= rehearsal->header.count + rehearsal->stream.count > 0;
		check_target(rehearsal, i, late, places);
		headers += rehearsal->header.count;
	}
	if (headers > RULEBOOK_HEADERS_MAX)
		complain(places, config, &config->rehearsal,
		        "rehearsal: more than %d headers in all entries; right is fewer",
		        RULEBOOK_HEADERS_MAX);
	if (places->report->wrong_count == 0)
		rehearsal_make(config);
}
