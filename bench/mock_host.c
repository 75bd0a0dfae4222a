#include "bench/mock_host.h"

#include "queue/base/check.h"
#include "queue/base/date.h"

/* Where machines were seen to stand (reference.md, replies.tsv). */
static const struct {
	const char *site;
	const char *place;
	bool loud;
} places[] = {
	{ "AM0PR02", "eurprd02", false },
	{ "VI1PR04", "eurprd04", false },
	{ "DB9PR04", "eurprd04", false },
	{ "BN6PR11", "namprd11", false },
	{ "SN4PR07", "namprd07", false },
	{ "CH0PR08", "namprd08", false },
	{ "TYAPR01", "jpnprd01", false },
	{ "SY5P282", "AUSP282", true },
	{ "FR3P281", "DEUP281", true },
	{ "LO4P123", "GBRP123", true },
};

#define PLACE_COUNT (sizeof places / sizeof places[0])

void mock_host_pick(struct mock_host *host, enum mock_host_kind kind, struct random *random)
{
	const size_t at = (size_t)random_below(random, PLACE_COUNT);
	const uint64_t number = random_u64(random);

	*host = (struct mock_host){ .kind = kind,
		.loud = places[at].loud,
		.session = 0x08de000000000000u | random_u64(random) >> 16 };
	struct text machine = TEXT_ON(host->machine);
	struct text place = TEXT_ON(host->place);
	switch (kind) {
	case MOCK_HOST_FRONT:
		text_format(&machine, "%sCA%04u", places[at].site, (unsigned)(number % 10000));
		break;
	case MOCK_HOST_EDGE:
		text_format(&machine, "%.3sPEPF%08X", places[at].site, (unsigned)(number % 65536));
		break;
	default:
		text_format(&machine, "%sMB%04u", places[at].site, (unsigned)(number % 10000));
		break;
	}
	text_put(&place, view_of(places[at].place));
	(void)text_string(&machine);
	(void)text_string(&place);
	check(!machine.overflow);
	check(!place.overflow);
}

void mock_host_put_public(struct text *text, const struct mock_host *host)
{
	text_format(text, "%s.%s", host->machine,
	        host->kind == MOCK_HOST_EDGE ? "mail.protection.outlook.com"
	                                     : "outlook.office365.com");
}

void mock_host_put(struct text *text, const struct mock_host *host)
{
	text_format(text, "%s.%s.%s", host->machine, host->place,
	        host->loud ? "PROD.OUTLOOK.COM" : "prod.outlook.com");
}

void mock_host_put_stamp(struct text *text, const struct mock_host *host, struct wall now)
{
	text_put_byte(text, '[');
	mock_host_put(text, host);
	text_put_byte(text, ' ');
	date_put_iso(text, now);
	text_format(text, " %016llX]", (unsigned long long)host->session);
}
