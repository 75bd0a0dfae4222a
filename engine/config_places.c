#include "engine/config_places.h"

#include "queue/base/check.h"

#include <stdarg.h>
#include <stdlib.h>

struct config_place {
	const void *at;
	bool is_section;
	unsigned line;
};

void config_places_init(
        struct config_places *places, const char *path, struct config_report *report)
{
	*places = (struct config_places){ .path = path, .report = report };
}

void config_places_finish(struct config_places *places)
{
	free(places->at);
	*places = (struct config_places){ .at = NULL };
}

/* Grows by doubling: the table is full whenever its count is a power of two. */
static void add(struct config_places *places, struct config_place place)
{
	if ((places->count & (places->count - 1)) == 0) {
		size_t room = places->count == 0 ? 1 : places->count * 2;
		struct config_place *at = reallocarray(places->at, room, sizeof *at);

		check(at != NULL);
		places->at = at;
	}
	places->at[places->count++] = place;
}

void config_places_add_section(struct config_places *places, const void *section, unsigned line)
{
	add(places, (struct config_place){ section, true, line });
}

void config_places_add_field(struct config_places *places, const void *field, unsigned line)
{
	add(places, (struct config_place){ field, false, line });
}

static const struct config_place *find(
        const struct config_places *places, const void *at, bool is_section)
{
	for (size_t i = 0; i < places->count; i++)
		if (places->at[i].at == at && places->at[i].is_section == is_section)
			return &places->at[i];
	return NULL;
}

bool config_places_wrote(const struct config_places *places, const void *field)
{
	return find(places, field, false) != NULL;
}

void config_places_complain(struct config_places *places, enum config_remark remark,
        const void *section, const void *field, const char *format, ...)
{
	const struct config_place *place = find(places, field, false);
	char *text;
	va_list args;

	if (place == NULL)
		place = find(places, section, true);
	va_start(args, format);
	int written = vasprintf(&text, format, args);
	va_end(args);
	check(written >= 0);
	config_report_add(
	        places->report, remark, places->path, place != NULL ? place->line : 1, "%s", text);
	free(text);
}
