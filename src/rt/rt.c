/* SPDX-License-Identifier: MIT
 *
 * The functions of weir/rt.h: each one calls the vtable, so that a runtime is all there is behind it. */
#include <weir/rt.h>

#include <assert.h>

#include "duty.h"
#include "lock.h"

#define SITE() __builtin_return_address(0)

int64_t weir_rt_now(weir_rt *rt)
{
	return rt->vt->now(rt);
}

int64_t weir_rt_wall(weir_rt *rt)
{
	return rt->vt->wall(rt);
}

uint64_t weir_rt_random(weir_rt *rt, uint64_t bound)
{
	return rt->vt->random(rt, bound);
}

void *weir_rt_alloc(weir_rt *rt, size_t bytes)
{
	assert(weir__locks_held() == 0);
	return rt->vt->alloc(rt, bytes, SITE());
}

void weir_rt_release(weir_rt *rt, void *mem)
{
	assert(weir__locks_held() == 0);
	if (mem)
		rt->vt->release(rt, mem);
}

void weir_rt_yield(weir_rt *rt)
{
	assert(weir__locks_held() == 0);
	weir__duties_do(rt->vt->self(rt)); /* it may be a loop that waits for another task */
	rt->vt->yield(rt, SITE());
}

void weir_rt_free(weir_rt **rt)
{
	if (rt && *rt) {
		weir_rt *gone = *rt;
		*rt = NULL;
		gone->vt->free(gone);
	}
}
