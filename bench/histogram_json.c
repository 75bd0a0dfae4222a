#include "bench/histogram_json.h"

#include "queue/base/check.h"

#include <jansson.h>

json_t *histogram_json(const struct histogram *histogram)
{
	json_t *buckets = json_array();

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		if (histogram->counts[i] > 0)
			json_array_append_new(
			        buckets, json_pack("[I, I]", (json_int_t)histogram_bucket_most(i),
			                         (json_int_t)histogram->counts[i]));
	json_t *json = json_pack("{sI sI so}", "count", (json_int_t)histogram->count, "most_ns",
	        (json_int_t)histogram->most_ns, "buckets", buckets);
	check(json != NULL);
	return json;
}

bool histogram_json_read(struct histogram *histogram, const json_t *json)
{
	const json_t *buckets = json_object_get(json, "buckets");
	json_int_t ns;
	json_int_t count;
	json_int_t most_ns;
	size_t i;
	json_t *bucket;

	if (json_unpack((json_t *)(uintptr_t)json, "{s:I}", "most_ns", &most_ns) != 0 ||
	        !json_is_array(buckets))
		return false;
	json_array_foreach(buckets, i, bucket)
	{
		if (json_unpack(bucket, "[I, I]", &ns, &count) != 0 || ns < 0 || count < 0)
			return false;
		histogram_add_many(histogram, ns, (uint64_t)count);
	}
	/* The buckets' own limits lie beyond what was seen. */
	histogram->most_ns = most_ns > 0 ? most_ns : 0;
	return true;
}
