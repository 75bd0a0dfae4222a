#include "bench/mock_interface.h"

#include "queue/base/check.h"

#include <assert.h>

#define SIZE_POLICY 157286400 /* 150 MB, as all but HVE advertise */
#define SIZE_HVE    10485760

static const struct mock_interface_facts interfaces[] = {
	[MOCK_DIRECT] = { "direct", MOCK_HOST_EDGE, false, false, false, 0, SIZE_POLICY },
	[MOCK_CONNECTOR] = { "connector", MOCK_HOST_EDGE, false, false, true, 0, SIZE_POLICY },
	[MOCK_SUBMISSION] = { "submission", MOCK_HOST_FRONT, true, true, true, 0, SIZE_POLICY },
	[MOCK_HVE] = { "hve", MOCK_HOST_FRONT, true, false, false, 50, SIZE_HVE },
};
static_assert(
        sizeof interfaces / sizeof interfaces[0] == MOCK_INTERFACE_COUNT, "one row per interface");

const struct mock_interface_facts *mock_interface_facts(enum mock_interface interface)
{
	check(interface < MOCK_INTERFACE_COUNT);
	return &interfaces[interface];
}

bool mock_interface_from_word(struct view word, enum mock_interface *interface)
{
	if (view_equal_fold(word, VIEW("mx"))) {
		*interface = MOCK_DIRECT;
		return true;
	}
	for (int i = 0; i < MOCK_INTERFACE_COUNT; i++) {
		if (!view_equal_fold(word, view_of(interfaces[i].word)))
			continue;
		*interface = (enum mock_interface)i;
		return true;
	}
	return false;
}
