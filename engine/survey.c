#include "engine/survey.h"

#include <stdlib.h>

struct err survey_open(struct survey *survey, const struct config *config)
{
	const size_t count = config->routes.count;

	*survey = (struct survey){ .routes = calloc(count, sizeof *survey->routes) };
	if (survey->routes == NULL)
		return err_make(ERR_NO_MEMORY, 0);
	survey->route_count = count;
	for (size_t i = 0; i < count; i++)
		survey->routes[i].name = config->routes.at[i].name;
	return err_ok();
}

void survey_close(struct survey *survey)
{
	free(survey->routes);
	*survey = (struct survey){ 0 };
}
