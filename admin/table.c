/* Lists with a header, aligned by the width that characters have on a terminal. */
#include "table.h"

#include "json_write.h"
#include "oom.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wchar.h>

#define CELL_BYTES 512
#define COLUMNS_MAX 12
#define GAP 2

struct table {
	const char *const *columns;
	struct json_object *rows, *row; /* what programs get */
	struct json_object *shown; /* what people get: an array of arrays of texts */
	struct json_object *cells;
	int column;
};

struct table *
table_new(const char *const *columns)
{
	struct table *t = calloc(1, sizeof(*t));

	if (t)
		*t = (struct table){
			.columns = columns, .rows = json_new_array(), .shown = json_new_array()
		};
	return t;
}

void
table_row(struct table *t)
{
	t->row = json_new_object();
	t->cells = json_new_array();
	t->column = 0;
	json_append(t->rows, t->row);
	json_append(t->shown, t->cells);
}

static void
add(struct table *t, struct json_object *value, const char *text)
{
	json_add(t->row, t->columns[t->column++], value);
	json_append(t->cells, json_new_text(text));
}

/* What could steer a terminal becomes a question mark. */
void
table_text(struct table *t, const char *value)
{
	char safe[CELL_BYTES];
	size_t n = 0;

	for (const unsigned char *p = (const unsigned char *)value; *p && n + 1 < sizeof(safe);
	     p++) {
		if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) /* U+0080 to U+009F */
			p++, safe[n++] = '?';
		else
			safe[n++] = (char)(*p < 0x20 || *p == 0x7f ? '?' : *p);
	}
	safe[n] = '\0';
	add(t, json_new_text(value), safe);
}

void
table_int(struct table *t, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	add(t, json_new_int(value), text);
}

void
table_time(struct table *t, int64_t ms)
{
	const time_t at = (time_t)(ms / 1000);
	char text[32] = "-";
	struct tm tm;

	if (ms > 0 && gmtime_r(&at, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm);
	add(t, json_new_int(ms), text);
}

void
table_bytes(struct table *t, int64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double n = (double)bytes;
	char text[32];
	int unit = 0;

	for (; n >= 1024 && unit < 4; unit++)
		n /= 1024;
	snprintf(text, sizeof(text), unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
	add(t, json_new_int(bytes), text);
}

/* Columns that a text takes on a terminal. */
static int
width_of(const char *text)
{
	wchar_t wide[CELL_BYTES];
	size_t n = mbstowcs(wide, text, CELL_BYTES);
	int width = n == (size_t)-1 ? -1 : wcswidth(wide, n);

	return width >= 0 ? width : (int)strlen(text);
}

static const char *
cell(const struct table *t, size_t row, int column)
{
	return json_object_get_string(
	    json_object_array_get_idx(json_object_array_get_idx(t->shown, row), (size_t)column));
}

static void
print_cell(const char *text, int width, bool last)
{
	printf("%s%*s", text, last ? 0 : width - width_of(text) + GAP, "");
}

static void
print_columns(const struct table *t)
{
	size_t rows = json_object_array_length(t->shown);
	int widths[COLUMNS_MAX] = { 0 }, columns = 0;

	for (; columns < COLUMNS_MAX && t->columns[columns]; columns++) {
		widths[columns] = width_of(t->columns[columns]);
		for (size_t i = 0; i < rows; i++)
			if (width_of(cell(t, i, columns)) > widths[columns])
				widths[columns] = width_of(cell(t, i, columns));
	}
	for (int k = 0; k < columns; k++) {
		char name[64];
		size_t n = 0;

		for (const char *p = t->columns[k]; *p && n + 1 < sizeof(name); p++)
			name[n++] = (char)(*p == '_'   ? ' ' :
				*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' :
							 *p);
		name[n] = '\0';
		print_cell(name, widths[k], k + 1 == columns);
	}
	putchar('\n');
	for (size_t i = 0; i < rows; i++) {
		for (int k = 0; k < columns; k++)
			print_cell(cell(t, i, k), widths[k], k + 1 == columns);
		putchar('\n');
	}
}

void
table_print(struct table *t, bool as_json, const char *nothing)
{
	if (oom_take()) {
		fputs("relayctl: out of memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	if (as_json)
		puts(json_object_to_json_string_ext(
		    t->rows, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	else if (json_object_array_length(t->rows) == 0)
		puts(nothing);
	else
		print_columns(t);
	json_object_put(t->rows);
	json_object_put(t->shown);
	free(t);
}
