#include "engine/doors.h"

#include "engine/config_report.h"
#include "queue/base/check.h"

#include <stdlib.h>

static struct err door_load_users(struct door *door, struct text *why)
{
	struct config_report report;

	config_report_init(&report);
	struct err err = users_load(&door->users, door->config->users_file, &report);
	const struct config_report_line *line = config_report_first_wrong(&report);
	if (failed(err) && line != NULL) {
		text_format(why, "%s:%u: %s", line->path, line->line, line->text);
	} else if (failed(err)) {
		text_format(why, "%s: %s", door->config->users_file, err_text(err.code));
	}
	config_report_finish(&report);
	return err;
}

static struct err door_open(struct door *door, const struct config *config, struct text *why)
{
	const struct config_listener *listener = door->config;

	door->name = listener->name != NULL ? listener->name : config->name;
	check(door->name != NULL);
	struct text address = TEXT_ON(door->address);
	endpoint_format(&address, &listener->address);
	(void)text_string(&address);
	if (listener->tls.certificate != NULL) {
		const struct tls_server_settings settings = {
			.certificate_file = listener->tls.certificate,
			.key_file = listener->tls.key,
		};
		struct err err = tls_context_server(&door->tls, &settings, why);
		if (failed(err))
			return err;
	}
	if (listener->users_file != NULL)
		return door_load_users(door, why);
	return err_ok();
}

struct err doors_open(struct doors **result, const struct config *config, struct text *why)
{
	const size_t count = config->listeners.count;
	struct err err;

	check(count > 0);
	struct doors *doors = calloc(1, sizeof *doors);
	if (doors == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	doors->config = config;
	doors->at = calloc(count, sizeof *doors->at);
	if (doors->at == NULL) {
		err = err_make(ERR_NO_MEMORY, 0);
		goto fail;
	}
	doors->count = count;
	err = doorman_create(
	        &doors->doorman, config->limits.connections, config->limits.connections_per_client);
	if (failed(err))
		goto fail;
	for (size_t i = 0; i < count; i++) {
		doors->at[i].config = &config->listeners.at[i];
		err = door_open(&doors->at[i], config, why);
		if (failed(err))
			goto fail;
	}
	*result = doors;
	return err_ok();

fail:
	if (why->bytes == 0)
		text_put(why, view_of(err_text(err.code)));
	doors_close(doors);
	return err;
}

void doors_close(struct doors *doors)
{
	if (doors == NULL)
		return;
	for (size_t i = 0; i < doors->count; i++) {
		tls_context_destroy(doors->at[i].tls);
		users_destroy(doors->at[i].users);
	}
	doorman_destroy(doors->doorman);
	free(doors->at);
	free(doors);
}

bool doors_have_users(const struct doors *doors)
{
	for (size_t i = 0; i < doors->count; i++) {
		if (doors->at[i].users != NULL)
			return true;
	}
	return false;
}
