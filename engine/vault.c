#include "engine/vault.h"

#include "queue/base/check.h"

#include <sys/mman.h>

struct err vault_create(struct span *result, size_t bytes)
{
	*result = (struct span){ NULL, 0 };
	void *pages = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		return err_make(ERR_NO_MEMORY, 0);
	check(madvise(pages, bytes, MADV_DONTDUMP) == 0);
	(void)mlock2(pages, bytes, MLOCK_ONFAULT); /* as far as we may */
	*result = (struct span){ pages, bytes };
	return err_ok();
}

void vault_destroy(struct span vault)
{
	if (vault.bytes == 0)
		return;
	check(munmap(vault.data, vault.bytes) == 0);
}
