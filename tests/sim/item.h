/* SPDX-License-Identifier: MIT
 *
 * Values that are counted: `alive` goes up when one is made or copied and down when one is dropped; a dropped one is
 * marked, so that a second drop, or a use after it, shows. No atomic: tasks that count are ordered by what they test,
 * and ThreadSanitizer sees where they are not. */
#ifndef WEIR_TESTS_SIM_ITEM_H
#define WEIR_TESTS_SIM_ITEM_H

#include <weir/sim.h>
#include <weir/stage.h>

static int alive;

struct item {
	int id, dropped;
};

static void item_free(struct item *i)
{
	WEIR_SIM_EQ(i->dropped, 0);
	i->dropped = 1;
	alive--;
}

static int item_dup(const struct item *from, struct item *to)
{
	WEIR_SIM_EQ(from->dropped, 0);
	*to = *from;
	alive++;
	return 0;
}

WEIR_TYPE_OWNED_COPY(item, struct item, item_free, item_dup);
WEIR_ARRAY_DECLARE(items, item);

static WEIR_UNUSED struct item item_new(int id)
{
	alive++;
	return (struct item){.id = id};
}

/* 0 .. n - 1 */
static WEIR_UNUSED items_t items_of(weir_ctx *ctx, int n)
{
	items_t a;
	WEIR_SIM_EQ(items_new(weir_ctx_rt(ctx), (size_t)n, &a), 0);
	for (int i = 0; i < n; i++)
		WEIR_SIM_EQ(items_put(&a, (size_t)i, &(const struct item){.id = i}), 0);
	alive += n;
	return a;
}

#endif
