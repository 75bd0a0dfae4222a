/* DNS records: whatever a name server sends, a host's name is one, and fits. */
#include "engine/wire/rdata.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	const struct view rdata = view_from(data, bytes);
	struct rdata_mx mx;

	if (rdata_read_mx(rdata, &mx)) {
		const struct view host = view_of(mx.host);
		check(host.bytes <= RDATA_NAME_MAX);
		check(host.bytes + 2 <= rdata.bytes + 1);
		fuzz_check_safe(host);
		check(host.bytes == 0 || host.data[host.bytes - 1] != '.');
	}
	if (rdata_tlsa_is_usable(rdata))
		check(rdata.bytes > 3);
	return 0;
}
