/* SPDX-License-Identifier: MIT
 *
 * For asan.sh: `memory WHAT` does one thing with memory in a task.
 *   overflow   recurses until the stack ends            the simulator reports a crash, and the program prints its kind
 *   release    reads memory given back to the runtime   AddressSanitizer ends the program
 *   freed      reads memory given back to malloc        likewise
 *   behind     writes one byte behind a block           likewise
 *   held       a parked task holds the only pointer     a leak check in another task finds nothing
 *   clean      allocates, parks, frees, in 200 schedules */
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

static void *volatile hidden;
static volatile int sink;
static int lost;

static int deeper(volatile char *above)
{
	volatile char here[512];
	here[0] = *above;
	return deeper(here) + here[0];
}

static int overflow(weir_ctx *ctx, weir_err *err, void *arg)
{
	volatile char start = 1;
	(void)ctx, (void)err, (void)arg;
	return deeper(&start);
}

static int release(weir_ctx *ctx, weir_err *err, void *arg)
{
	char *mem = weir_rt_alloc(weir_ctx_rt(ctx), 24);
	(void)err, (void)arg;
	hidden = mem;
	mem[3] = 1;
	weir_rt_release(weir_ctx_rt(ctx), mem);
	sink = ((char *)hidden)[3];
	return 0;
}

static int freed(weir_ctx *ctx, weir_err *err, void *arg)
{
	char *mem = malloc(24);
	(void)ctx, (void)err, (void)arg;
	hidden = mem;
	free(mem);
	sink = ((char *)hidden)[3];
	return 0;
}

static int behind(weir_ctx *ctx, weir_err *err, void *arg)
{
	hidden = weir_rt_alloc(weir_ctx_rt(ctx), 21);
	(void)err, (void)arg;
	((char *)hidden)[21] = 1;
	return 0;
}

/* The block was made outside: what malloc gives to a task itself is not ASan's to know. */
static int hold(weir_ctx *ctx, weir_err *err, void *arg)
{
	void *volatile mine = *(void **)arg;
	(void)err;
	*(void **)arg = NULL;
	int rc = weir_sleep(ctx, WEIR_MS(5));
	memset(mine, 1, 100);
	free(mine);
	return rc;
}

static int held(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	void *block = realloc(hidden, 200);
	hidden = NULL;
	int rc = weir_scope_spawn(&s, "holder", hold, &block);
	if (rc == 0)
		rc = weir_sleep(ctx, WEIR_MS(1));
	if (!block)
		lost |= __lsan_do_recoverable_leak_check();
	return weir_scope_join(ctx, &s, rc, err);
}

static int clean_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	char *mem = malloc(100);
	(void)err, (void)arg;
	int rc = mem ? weir_sleep(ctx, WEIR_MS(1)) : WEIR_ENOMEM;
	free(mem);
	return rc;
}

static int clean(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "one", clean_task, NULL);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "two", clean_task, NULL);
	return weir_scope_join(ctx, &s, rc, err);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		weir_task_fn *fn;
	} all[] = {{"overflow", overflow}, {"release", release}, {"freed", freed},
		   {"behind", behind},     {"held", held},       {"clean", clean}};
	struct weir_sim_opts opts = {.name = "memory", .schedules = 200, .allow_no_decisions = true, .quiet = true};
	struct weir_sim_result result;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && argc > 1; i++) {
		if (strcmp(argv[1], all[i].name) != 0)
			continue;
		if (all[i].fn == held) {
			opts.schedules = 1;
			hidden = malloc(100);
		}
		int rc = weir_sim_run(&opts, all[i].fn, NULL, &result);
		printf("%s: %s\n", weir_sim_kind_name(result.kind), result.message);
		return rc != 0 || lost;
	}
	return 2;
}
