/* SPDX-License-Identifier: MIT
 *
 * Values that are counted: `alive` goes up when one is copied and down when one is dropped. Who makes one adds
 * to it. */
#ifndef WEIR_TESTS_FAULT_ITEM_H
#define WEIR_TESTS_FAULT_ITEM_H

#include <weir/core.h>

static int alive;

static void item_free(int *item)
{
	(void)item;
	alive--;
}

static int item_dup(const int *from, int *to)
{
	alive++;
	*to = *from;
	return 0;
}

WEIR_TYPE_OWNED_COPY(item, int, item_free, item_dup);

#endif
