/*
 * The unit tests of a build in one program, which is linked once: `units NAME...` runs those. Exits
 * with 1 where any failed.
 */
#include <stdio.h>
#include <string.h>

/* tests/CMakeLists.txt gives each test's main a name of its own, and writes the list. */
#define UNIT(name, body) int body(void);
#include "units.list"
#undef UNIT

struct unit {
	const char *name;
	int (*body)(void);
};

#define UNIT(name, body) { name, body },
static const struct unit units[] = {
#include "units.list"
};
#undef UNIT

static const struct unit *unit_find(const char *name)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		if (strcmp(units[i].name, name) == 0)
			return &units[i];
	return NULL;
}

static int usage(const char *program)
{
	fprintf(stderr, "usage: %s NAME..., of:\n", program);
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
		fprintf(stderr, "%s\n", units[i].name);
	return 2;
}

int main(int argc, char **argv)
{
	int failed = 0;

	if (argc < 2)
		return usage(argv[0]);
	for (int i = 1; i < argc; i++)
		if (unit_find(argv[i]) == NULL)
			return usage(argv[0]);
	for (int i = 1; i < argc; i++)
		failed |= unit_find(argv[i])->body();
	return failed != 0;
}
