/* SPDX-License-Identifier: MIT
 *
 * The tables of tests/data: one row per line, columns between tabs, the first two lines say what they are. A reader
 * asks for a column by its name; `a=1;b=2` inside a column is asked for by key. */
#ifndef WEIR_TESTS_UNIT_LIMIT_TSV_H
#define WEIR_TESTS_UNIT_LIMIT_TSV_H

#include <check.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TSV_COLUMNS = 16, TSV_LINE = 1024 };

struct tsv {
	FILE *file;
	char head[TSV_LINE], line[TSV_LINE];
	char *names[TSV_COLUMNS], *cells[TSV_COLUMNS];
	size_t columns;
	size_t rows; /* read so far */
};

/* llround, which is in a library of its own that programs for other machines are not linked with. */
static inline int64_t nearest(double x)
{
	return (int64_t)(x < 0 ? x - 0.5 : x + 0.5);
}

static size_t tsv_split(char *line, char **cells)
{
	size_t n = 0;
	line[strcspn(line, "\r\n")] = '\0';
	for (char *next = line; next; n++) {
		ck_assert_uint_lt(n, TSV_COLUMNS);
		cells[n] = next;
		next = strchr(next, '\t');
		if (next)
			*next++ = '\0';
	}
	return n;
}

static struct tsv tsv_open(const char *path)
{
	struct tsv t = {.file = fopen(path, "r")};
	ck_assert_msg(t.file != NULL, "%s: run from the top of the tree", path);
	ck_assert_ptr_nonnull(fgets(t.head, sizeof(t.head), t.file));
	ck_assert_int_eq(t.head[0], '#');
	ck_assert_ptr_nonnull(fgets(t.head, sizeof(t.head), t.file));
	return t;
}

static bool tsv_next(struct tsv *t)
{
	if (t->columns == 0)
		t->columns = tsv_split(t->head, t->names);
	if (!fgets(t->line, sizeof(t->line), t->file)) {
		fclose(t->file);
		return false;
	}
	ck_assert_uint_eq(tsv_split(t->line, t->cells), t->columns);
	t->rows++;
	return true;
}

static const char *tsv_cell(const struct tsv *t, const char *name)
{
	for (size_t i = 0; i < t->columns; i++)
		if (strcmp(t->names[i], name) == 0)
			return t->cells[i];
	ck_abort_msg("no column %s", name);
}

static __attribute__((unused)) bool tsv_is(const struct tsv *t, const char *name, const char *text)
{
	return strcmp(tsv_cell(t, name), text) == 0;
}

static __attribute__((unused)) int64_t tsv_int(const struct tsv *t, const char *name)
{
	return strtoll(tsv_cell(t, name), NULL, 10);
}

static __attribute__((unused)) double tsv_num(const struct tsv *t, const char *name)
{
	return strtod(tsv_cell(t, name), NULL);
}

/* The text behind `key=` in a column; NULL: it is not there. */
static __attribute__((unused)) const char *tsv_find(const struct tsv *t, const char *name, const char *key)
{
	size_t length = strlen(key);
	for (const char *at = tsv_cell(t, name); at; at = strchr(at, ';') ? strchr(at, ';') + 1 : NULL)
		if (strncmp(at, key, length) == 0 && at[length] == '=')
			return at + length + 1;
	return NULL;
}

static __attribute__((unused)) double tsv_key(const struct tsv *t, const char *name, const char *key)
{
	const char *text = tsv_find(t, name, key);
	ck_assert_msg(text != NULL, "no %s in %s", key, tsv_cell(t, name));
	return strtod(text, NULL);
}

static __attribute__((unused)) int64_t tsv_key_int(const struct tsv *t, const char *name, const char *key)
{
	const char *text = tsv_find(t, name, key);
	ck_assert_msg(text != NULL, "no %s in %s", key, tsv_cell(t, name));
	return strtoll(text, NULL, 10);
}

#endif
