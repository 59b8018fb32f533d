/* SPDX-License-Identifier: MIT
 *
 * weir_atomic_cas: changes a number only as long as it is what it was when we looked: here a counter with a limit. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static bool add_below(weir_atomic *n, uint64_t limit)
{
	uint64_t now = weir_atomic_load(n);
	while (now < limit)
		if (weir_atomic_cas(n, &now, now + 1))
			return true;
	return false;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_atomic n;
	(void)err, (void)arg;
	weir_atomic_init(&n, weir_ctx_rt(ctx), 0);
	CHECK(add_below(&n, 2) && add_below(&n, 2) && !add_below(&n, 2));
	CHECK(weir_atomic_load(&n) == 2);
	uint64_t expected = 7;
	CHECK(!weir_atomic_cas(&n, &expected, 8) && expected == 2); /* says what it is */
	weir_atomic_fini(&n);
	return 0;
}

int main(void)
{
	return weir_main(app, NULL);
}
