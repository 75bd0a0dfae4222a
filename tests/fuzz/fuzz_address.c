/* Addresses: what parses is safe to write, and is the address that was written. */
#include "engine/wire/write.h"
#include "queue/address.h"
#include "queue/base/utf8.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
	struct view input = view_from(data, bytes);
	char memory[1024];
	struct text line = TEXT_ON(memory);
	struct address address;
	struct address again;

	(void)address_is_domain(input, true);
	if (address_parse(input, true, &address) != ADDRESS_OK)
		return 0;
	fuzz_check_safe(address.whole);
	check(utf8_is_valid(address.whole));
	check(address.utf8 == !utf8_is_ascii(address.whole));
	check(address.local.bytes + 1 + address.domain.bytes == address.whole.bytes);
	check(address.local.bytes > 0 && address.local.bytes <= ADDRESS_LOCAL_MAX);
	check(address.domain.bytes > 0 && address.domain.bytes <= ADDRESS_DOMAIN_MAX);
	check(address.whole.bytes <= ADDRESS_BYTES_MAX);
	check(address_equal(&address, &address));
	check(write_rcpt(&line, &(struct write_rcpt){ .recipient = address.whole }));
	enum address_fault fault = address_parse(input, false, &again);
	check(fault == (address.utf8 ? ADDRESS_UTF8 : ADDRESS_OK));
	return 0;
}
