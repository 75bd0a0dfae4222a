/* The unit tests of a build in one program, which is linked once: `units NAME` runs the one. */
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

int main(int argc, char **argv)
{
	const size_t count = sizeof units / sizeof units[0];

	for (size_t i = 0; argc == 2 && i < count; i++) {
		if (strcmp(units[i].name, argv[1]) == 0)
			return units[i].body();
	}
	fprintf(stderr, "usage: %s NAME, one of:\n", argv[0]);
	for (size_t i = 0; i < count; i++)
		fprintf(stderr, "%s\n", units[i].name);
	return 2;
}
