/* SPDX-License-Identifier: MIT
 *
 * weir_rt_release: every block goes back to the runtime that gave it; here a runtime that counts them. */
#include <stdio.h>
#include <stdlib.h>
#include <weir/weir.h>

#define CHECK(cond) ((cond) ? (void)0 : (fprintf(stderr, "line %d: %s\n", __LINE__, #cond), exit(1)))

static int blocks;

static void *take(size_t bytes, void *arg)
{
	(void)arg, blocks++;
	return malloc(bytes);
}

static void give(void *mem, void *arg)
{
	(void)arg, blocks--;
	free(mem);
}

int main(void)
{
	weir_rt *rt = NULL;
	CHECK(weir_rt_threads_new(&(struct weir_rt_opts){.alloc = take, .release = give}, &rt) == 0);
	int before = blocks;
	void *mem = weir_rt_alloc(rt, 64);
	CHECK(mem && blocks == before + 1);
	weir_rt_release(rt, mem);
	CHECK(blocks == before);
	weir_rt_release(rt, NULL); /* as free: nothing */
	weir_rt_free(&rt);
	CHECK(blocks == 0);
	return 0;
}
