#include "bench/compare_row.h"

#include "queue/base/check.h"

void compare_table_begin(struct compare_table *table, FILE *file, double tolerance_percent)
{
	*table = (struct compare_table){ .file = file, .tolerance_percent = tolerance_percent };
	table->fell_text = text_on(table->fell_names, sizeof table->fell_names);
}

void compare_table_title(struct compare_table *table, const char *title)
{
	(void)snprintf(table->title, sizeof table->title, "%s", title);
	if (title[0] != '\0')
		fprintf(table->file, "# %s\n", title);
	fprintf(table->file, "# %-26s %9s %9s %-11s %9s\n", "figure", "was", "is", "unit",
	        "change");
}

enum compare_verdict compare_row_judge(
        enum figure_better better, double base, double now, double tolerance_percent)
{
	const double share = tolerance_percent / 100;

	if (better == FIGURE_TOLD)
		return COMPARE_SAME;
	const bool is_more = now > base * (1 + share);
	const bool is_less = now < base * (1 - share);
	if (is_more)
		return better == FIGURE_BIGGER ? COMPARE_ROSE : COMPARE_FELL;
	if (is_less)
		return better == FIGURE_BIGGER ? COMPARE_FELL : COMPARE_ROSE;
	return COMPARE_SAME;
}

void compare_table_row(struct compare_table *table, const struct compare_row *row)
{
	const enum figure_better better = figure_better(row->name, row->unit);
	const double now = row->pairs > 0 ? row->base * row->ratio : row->now;
	const enum compare_verdict verdict =
	        compare_row_judge(better, row->base, now, table->tolerance_percent);

	table->rows++;
	fprintf(table->file, "%-28s %9.*f %9.*f %-11s ", row->name, figure_digits(row->base),
	        row->base, figure_digits(row->now), row->now, row->unit);
	if (row->base > 0)
		fprintf(table->file, "%+8.1f%%", 100 * (now / row->base - 1));
	else
		fprintf(table->file, "%9s", row->now > 0 ? "from 0" : "+0.0%");
	if (row->pairs > 0 && better != FIGURE_TOLD)
		fprintf(table->file, "  worse in %zu of %zu pairs", row->worse, row->pairs);
	if (verdict == COMPARE_ROSE)
		fputs("  better", table->file);
	if (verdict == COMPARE_FELL)
		fputs("  fell", table->file);
	fputc('\n', table->file);
	if (verdict != COMPARE_FELL)
		return;
	table->fell++;
	text_format(&table->fell_text, "%s%s", table->fell > 1 ? ", " : "", row->name);
	if (table->title[0] != '\0')
		text_format(&table->fell_text, " (%s)", table->title);
}

void compare_table_pairs(
        struct compare_table *table, const struct figure *base, const struct figure *now)
{
	struct figure ratios = { .count = 0 };
	const enum figure_better better = figure_better(now->name, now->unit);
	struct compare_row row = { .name = now->name,
		.unit = now->unit,
		.base = figure_spread(base).median,
		.now = figure_spread(now).median,
		.pairs = now->count };

	check(base->count == now->count);
	for (size_t i = 0; i < now->count; i++) {
		const double before = base->values[i];
		const double after = now->values[i];
		if (before > 0)
			ratios.values[ratios.count++] = after / before;
		if (better == FIGURE_BIGGER ? after < before : after > before)
			row.worse++;
	}
	/* From nothing there is no ratio: the medians themselves are judged. */
	if (ratios.count < now->count || row.base <= 0)
		row.pairs = 0;
	else
		row.ratio = figure_spread(&ratios).median;
	compare_table_row(table, &row);
}

size_t compare_table_end(struct compare_table *table)
{
	if (table->fell > 0)
		fprintf(table->file, "# fell by more than %g %%: %s\n", table->tolerance_percent,
		        text_string(&table->fell_text));
	else if (table->rows > 0)
		fprintf(table->file, "# nothing fell by more than %g %%\n",
		        table->tolerance_percent);
	fflush(table->file);
	return table->fell;
}
