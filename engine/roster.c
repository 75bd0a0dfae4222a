#include "engine/roster.h"

#include "engine/config_report.h"

#include <stdlib.h>

static struct err load_users(struct users **users, const char *path, struct text *why)
{
	struct config_report report;

	config_report_init(&report);
	struct err err = users_load(users, path, &report);
	const struct config_report_line *line = config_report_first_wrong(&report);
	if (failed(err) && line != NULL) {
		text_format(why, "%s:%u: %s", line->path, line->line, line->text);
	} else if (failed(err)) {
		text_format(why, "%s: %s", path, err_text(err.code));
	}
	config_report_finish(&report);
	return err;
}

struct err roster_open(struct roster *roster, const struct config *config, struct text *why)
{
	const size_t count = config->listeners.count;
	struct err err = err_ok();

	*roster = (struct roster){ .at = calloc(count, sizeof(struct users *)), .count = count };
	if (roster->at == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	for (size_t i = 0; i < count && !failed(err); i++)
		if (config->listeners.at[i].users_file != NULL)
			err = load_users(&roster->at[i], config->listeners.at[i].users_file, why);
	if (failed(err))
		roster_close(roster);
	return err;
}

void roster_close(struct roster *roster)
{
	for (size_t i = 0; i < roster->count && roster->at != NULL; i++)
		users_destroy(roster->at[i]);
	free(roster->at);
	*roster = (struct roster){ .at = NULL };
}

bool roster_is_wanted(const struct config *config)
{
	for (size_t i = 0; i < config->listeners.count; i++)
		if (config->listeners.at[i].users_file != NULL)
			return true;
	return false;
}
