#include "engine/ops/cli.h"

#include "engine/io/io.h"
#include "engine/io/tls.h"
#include "engine/token_http.h"
#include "queue/store.h"

#include <idn2.h>
#include <jansson.h>
#include <sys/utsname.h>
#include <yaml.h>

#define FEATURES_BYTES 1024

static const char usage[] =
        "usage: sluice version\n"
        "\n"
        "Prints the version of Sluice and of the libraries it uses, and which of the kernel's\n"
        "io_uring features were found; for one that is missing, the kernel that has it.\n"
        "\n"
        "  --help   this text\n";

static const struct option options[] = { { "help", no_argument, NULL, 'h' }, { 0 } };

static void print_features(void)
{
	const struct io_settings settings = {
		.entries = 8, .buffer_count = 8, .buffer_bytes = 4096
	};
	char bytes[FEATURES_BYTES];
	struct text text = TEXT_ON(bytes);
	struct io *io;

	if (failed(io_create(&io, &settings, &text))) {
		printf("io_uring: not usable: %s\n", text_string(&text));
		return;
	}
	io_describe(io, &text);
	printf("io_uring: %s\n", text_string(&text));
	io_destroy(io);
}

int cli_version(int argc, char **argv)
{
	struct utsname system = { .release = "unknown" };
	int option = cli_option(argc, argv, options, true);

	/* `sluice --version` comes here as it is. */
	if (option == '?' && strcmp(argv[0], "--version") != 0)
		return CLI_USAGE;
	if (option == 'h') {
		fputs(usage, stdout);
		return CLI_FINE;
	}
	if (!cli_has_no_words(argc, argv))
		return CLI_USAGE;
	uname(&system);
	printf("sluice %s\n", SLUICE_VERSION);
	printf("liburing: %s\n", SLUICE_LIBURING_VERSION);
	printf("OpenSSL: %s\n", tls_library());
	printf("LMDB: %s\n", store_library());
	printf("libyaml: %s\n", yaml_get_version_string());
	printf("jansson: %s\n", jansson_version_str());
	printf("libidn2: %s\n", idn2_check_version(NULL));
	printf("libcurl: %s\n", token_http_library());
	printf("kernel: %s\n", system.release);
	print_features();
	return CLI_FINE;
}
