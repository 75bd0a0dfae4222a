#include "tests/engine/office.h"

#include <sys/stat.h>

int office_open(void **state)
{
	static const struct certificate_wish wish = {
		.file = "leaf.pem",
		.name = "mail.example",
		.address = "127.0.0.1",
		.valid_from_days = -1,
		.valid_until_days = 1,
	};
	struct office *office = calloc(1, sizeof *office);
	char sentence[256];
	struct text why = TEXT_ON(sentence);

	assert_non_null(office);
	certificates_init(&office->certificates);
	certificates_make(&office->certificates, &wish, office->leaf);
	(void)snprintf(
	        office->secret, sizeof office->secret, "%s/secret", office->certificates.folder);
	FILE *file = fopen(office->secret, "w");
	assert_non_null(file);
	assert_true(fputs("s3cret\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(office->secret, 0600), 0);
	assert_false(failed(depot_create(&office->depot, 1 << 20)));
	const struct keeper_settings settings = { .config = &office->none, .depot = office->depot };
	assert_false(failed(keeper_init(&office->keeper, &settings, &why)));
	office->rig = rig_create();
	office->rig->server.certificate = office->leaf;
	office->rig->server.key = office->certificates.key;
	*state = office;
	return 0;
}

int office_close(void **state)
{
	struct office *office = *state;

	rig_stop(office->rig);
	helper_stop(&office->keeper.helper);
	rig_destroy(office->rig);
	keeper_finish(&office->keeper);
	depot_destroy(office->depot);
	assert_int_equal(remove(office->secret), 0);
	certificates_finish(&office->certificates);
	free(office);
	return 0;
}
