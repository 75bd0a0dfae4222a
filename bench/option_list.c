#include "bench/option_list.h"

#include "queue/base/check.h"

size_t option_list_count(const struct option_list *list)
{
	size_t count = 1;

	for (const char *at = strchr(list->values, ','); at != NULL; at = strchr(at + 1, ','))
		count++;
	return count;
}

bool option_list_at(const struct option_list *list, size_t index, char value[OPTION_VALUE_MAX])
{
	struct view left = view_of(list->values);
	struct text copy = text_on(value, OPTION_VALUE_MAX);

	check(index < option_list_count(list));
	for (; index > 0; index--)
		left = view_skip(left, view_find(left, ',') + 1);
	text_put(&copy, view_first(left, view_find(left, ',')));
	(void)text_string(&copy);
	return !copy.overflow;
}
