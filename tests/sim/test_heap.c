/* SPDX-License-Identifier: MIT
 *
 * malloc in a task (sim/heap.c): what is left is a leak with its site and task, the n-th allocation fails, what is
 * freed twice or was never given is misuse, and nothing else about it is different from the C library's.
 *
 * Each mistake is a planted bug: the oracle that names it is the `expect` of the test. */
#include <errno.h>
#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/sim.h>

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

/* What the optimiser may not see through. */
static void *volatile hidden;

/* Called through pointers that the compiler cannot see behind: it may leave out an allocation whose memory nobody
 * uses. */
static void *(*volatile malloc_unseen)(size_t bytes) = malloc;
static void *(*volatile calloc_unseen)(size_t n, size_t bytes) = calloc;
#define malloc(bytes) malloc_unseen(bytes)
#define calloc(n, bytes) calloc_unseen(n, bytes)

static void *hide(void *mem)
{
	hidden = mem;
	return hidden;
}

/* ---- leaks ---- */

static int keep(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	*(void **)arg = malloc(41);
	return *(void **)arg ? 0 : WEIR_ENOMEM;
}

static int leaky(weir_ctx *ctx, weir_err *err, void *arg)
{
	void *kept = NULL;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "keeper", keep, &kept);
	return weir_scope_join(ctx, &s, rc, err);
}

static int tidy(weir_ctx *ctx, weir_err *err, void *arg)
{
	void *kept = NULL;
	weir_scope s;
	(void)arg;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "keeper", keep, &kept);
	rc = weir_scope_join(ctx, &s, rc, err);
	free(kept); /* taken by another task */
	return rc;
}

static void text_drop(void *item, void *arg)
{
	(void)arg;
	free(*(char **)item);
}

static const weir_type text_type = {.name = "text",
				    .size = sizeof(char *),
				    .align = _Alignof(char *),
				    .drop = text_drop};
static const weir_type undropped = {.name = "text", .size = sizeof(char *), .align = _Alignof(char *)};

/* Three payloads into a buffer that nobody reads; arg: the channel's type. */
static int abandon(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int rc = weir_chan_new(weir_ctx_rt(ctx), arg, 3, &tx, &rx);
	(void)err;
	for (int i = 0; i < 3 && rc == 0; i++) {
		char *text = strdup("payload");
		rc = text ? weir_tx_send(ctx, tx, &text) : WEIR_ENOMEM;
		if (rc < 0)
			free(text);
	}
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

/* ---- failing on demand ---- */

/* Each of its allocations may be missing, and it tells so, and nothing leaks: what a sweep wants to see. */
static int careful(weir_ctx *ctx, weir_err *err, void *arg)
{
	char *text = strdup("one"), *more = NULL;
	int *numbers = calloc(10, sizeof(*numbers));
	(void)ctx, (void)err, (void)arg;
	bool fine = text && numbers && (more = realloc(text, 1000));
	free(more ? more : text);
	free(numbers);
	return fine ? 0 : WEIR_ENOMEM;
}

static int careless(weir_ctx *ctx, weir_err *err, void *arg)
{
	int *one = malloc(sizeof(*one)), *two = malloc(sizeof(*two));
	(void)ctx, (void)err, (void)arg;
	if (!one || !two)
		return WEIR_ENOMEM; /* the other one is forgotten */
	free(one);
	free(two);
	return 0;
}

/* What weir_sim_run says of fn. */
static struct weir_sim_result run(weir_task_fn *fn, void *arg, struct weir_sim_opts opts)
{
	static struct weir_sim_result result;
	opts.name = "heap";
	opts.quiet = opts.allow_no_decisions = true;
	if (weir_sim_run(&opts, fn, arg, &result) < 0)
		abort();
	return result;
}

static unsigned passed, failed;

static void check(const char *name, bool ok, const struct weir_sim_result *result)
{
	printf("%-4s %s\n", ok ? "ok" : "FAIL", name);
	if (!ok)
		printf("     %s: %s\n", weir_sim_kind_name(result->kind), result->message);
	passed += ok;
	failed += !ok;
}

static void check_leaks(void)
{
	struct weir_sim_result r = run(leaky, NULL, (struct weir_sim_opts){.schedules = 50});
	check("a leak names bytes and task",
	      r.kind == WEIR_SIM_LEAK && strstr(r.message, "41 bytes that T1 keeper took from malloc"), &r);
	r = run(tidy, NULL, (struct weir_sim_opts){.schedules = 200});
	check("freed by another task is no leak", r.kind == WEIR_SIM_PASS && r.schedules == 200, &r);
	r = run(abandon, (void *)(uintptr_t)&text_type, (struct weir_sim_opts){0});
	check("payloads a close drops are freed", r.kind == WEIR_SIM_PASS, &r);
	r = run(abandon, (void *)(uintptr_t)&undropped, (struct weir_sim_opts){0});
	check("payloads without a drop are left",
	      r.kind == WEIR_SIM_LEAK && strstr(r.message, "8 bytes that T0 main took from malloc") &&
		      strstr(r.message, "2 more blocks, 24 bytes in all"),
	      &r);
}

static void check_site(void)
{
	char path[] = "/tmp/weir-heap-XXXXXX", line[256];
	int fd = mkstemp(path);
	FILE *report = fd >= 0 ? fdopen(fd, "r") : NULL;
	bool found = false;
	struct weir_sim_result r = run(leaky, NULL, (struct weir_sim_opts){.report = path});
	while (report && fgets(line, sizeof(line), report))
		found |= strstr(line, "41 bytes of memory") && strstr(line, "test_heap.c:") &&
			 strstr(line, "T1 keeper");
	check("the report names the line of the leak", found, &r);
	if (report)
		fclose(report);
	remove(path);
}

static void check_faults(void)
{
	struct weir_sim_result r = run(careful, NULL, (struct weir_sim_opts){.fault_sweep = true});
	check("every allocation fails in turn", r.kind == WEIR_SIM_PASS && r.faults == 3, &r);
	r = run(careful, NULL, (struct weir_sim_opts){.fail_alloc = 2, .schedules = 1});
	check("a fault that is told is no failure", r.kind == WEIR_SIM_PASS, &r);
	r = run(careless, NULL, (struct weir_sim_opts){.fault_sweep = true});
	check("a leak on the way out of a failure is found", r.kind == WEIR_SIM_LEAK && strstr(r.replay, ":f"), &r);
	r = run(abandon, (void *)(uintptr_t)&text_type, (struct weir_sim_opts){.fault_sweep = true});
	check("the runtime's allocations count with malloc's", r.kind == WEIR_SIM_PASS && r.faults == 6, &r);
}

/* ---- the family, as the C library has it ---- */

static bool all_are(const unsigned char *mem, size_t n, unsigned char value)
{
	for (size_t i = 0; i < n; i++)
		if (mem[i] != value)
			return false;
	return true;
}

static int family(weir_ctx *ctx, weir_err *err, void *arg)
{
	unsigned char *mem = hide(calloc(3, 5));
	void *aligned = NULL;
	(void)ctx, (void)err, (void)arg;
	WEIR_SIM_ASSERT(mem && all_are(mem, 15, 0) && malloc_usable_size(mem) == 15);
	memset(mem, 7, 15);
	unsigned char *more = realloc(mem, 100);
	WEIR_SIM_ASSERT(more && all_are(more, 15, 7));
	more = realloc(more, 4);
	WEIR_SIM_ASSERT(more && all_are(more, 4, 7));
	WEIR_SIM_ASSERT(!realloc(more, 0));
	errno = 0;
	WEIR_SIM_ASSERT(!calloc((size_t)hide((void *)SIZE_MAX), 2) && errno == ENOMEM);
	WEIR_SIM_ASSERT(!malloc((size_t)hide((void *)SIZE_MAX)));
	for (size_t align = 16; align <= 65536; align *= 4) {
		WEIR_SIM_EQ(posix_memalign(&aligned, align, 10), 0);
		WEIR_SIM_EQ((uintptr_t)aligned % align, 0);
		free(aligned);
		aligned = aligned_alloc(align, align);
		WEIR_SIM_EQ((uintptr_t)aligned % align, 0);
		free(aligned);
	}
	WEIR_SIM_EQ(posix_memalign(&aligned, 3 + (size_t)hide(NULL), 10), EINVAL);
	char *text = strndup("channel", 4), *empty = malloc(0), *other = malloc(0);
	WEIR_SIM_ASSERT(text && strcmp(text, "chan") == 0 && empty && other && empty != other);
	free(text);
	free(empty);
	free(other);
	free(hide(NULL));
	return 0;
}

/* What the C library takes for itself, and memory that changes hands with it. */
static int strangers(weir_ctx *ctx, weir_err *err, void *arg)
{
	void **outside = arg;
	FILE *file = fopen("/dev/null", "w+"); /* its buffer is the library's */
	size_t cap = 4;
	char *line = malloc(cap);
	(void)ctx, (void)err;
	WEIR_SIM_ASSERT(file && line);
	WEIR_SIM_EQ(fprintf(file, "line\n"), 5);
	WEIR_SIM_EQ(getline(&line, &cap, file), -1); /* reallocates what it is given */
	free(line);
	fclose(file);
	WEIR_SIM_ASSERT(outside[1] = realloc(outside[1], 5000));
	free(outside[0]);
	outside[0] = NULL; /* the schedule is run twice */
	return 0;
}

static void check_family(void)
{
	struct weir_sim_result r = run(family, NULL, (struct weir_sim_opts){.schedules = 1});
	check("the family keeps its promises", r.kind == WEIR_SIM_PASS, &r);
	void *outside[2] = {malloc(100), malloc(100)};
	r = run(strangers, outside, (struct weir_sim_opts){.schedules = 1});
	check("memory made outside may be freed inside",
	      r.kind == WEIR_SIM_PASS && !outside[0] && malloc_usable_size(outside[1]) >= 5000, &r);
	free(outside[1]);
}

/* ---- mistakes ---- */

static int x_global;

static int free_twice(weir_ctx *ctx, weir_err *err, void *arg)
{
	void *mem = hide(malloc(8));
	(void)ctx, (void)err, (void)arg;
	free(mem);
	free(hidden);
	return 0;
}

static int free_inside(weir_ctx *ctx, weir_err *err, void *arg)
{
	char *mem = hide(malloc(64));
	(void)ctx, (void)err, (void)arg;
	free(hide(mem + 16));
	return 0;
}

static int free_stack(weir_ctx *ctx, weir_err *err, void *arg)
{
	int local = 0;
	(void)ctx, (void)err, (void)arg;
	free(hide(&local));
	return 0;
}

static int free_global(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	free(hide(&x_global));
	return 0;
}

static int free_runtime(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	free(hide(weir_rt_alloc(weir_ctx_rt(ctx), 8)));
	return 0;
}

static int release_malloc(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	weir_rt_release(weir_ctx_rt(ctx), hide(malloc(8)));
	return 0;
}

static int realloc_freed(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	free(hide(malloc(8)));
	hide(realloc(hidden, 16));
	return 0;
}

static void check_mistakes(void)
{
	static const struct {
		const char *name;
		weir_task_fn *fn;
		const char *says;
	} mistakes[] = {
		{"freed twice", free_twice, "free of a block that was freed before"},
		{"freed in the middle", free_inside, "free of an address that malloc did not give"},
		{"a local variable freed", free_stack, "free of memory on the stack of a task"},
		{"a global variable freed", free_global, "free of an object of the program itself"},
		{"the runtime's memory freed", free_runtime, "free of memory of the runtime"},
		{"malloc's memory released", release_malloc, "memory of malloc was given back to the runtime"},
		{"reallocated after the free", realloc_freed, "realloc of a block that was freed before"},
	};
	for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
		struct weir_sim_result r = run(mistakes[i].fn, NULL, (struct weir_sim_opts){.schedules = 1});
		check(mistakes[i].name, r.kind == WEIR_SIM_MISUSE && strstr(r.message, mistakes[i].says), &r);
	}
}

#if defined(__SANITIZE_ADDRESS__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WATCHED 1
#endif
#endif

#ifndef WATCHED /* ASan would say so itself: tests/sanitize/asan.sh */
static int read_freed(weir_ctx *ctx, weir_err *err, void *arg)
{
	unsigned char *mem = hide(malloc(40));
	memset(mem, 1, 40);
	free(mem);
	unsigned char *next = malloc(40); /* quarantined: not the same place */
	(void)err, (void)arg;
	memset(next, 2, 40);
	weir_rt_yield(weir_ctx_rt(ctx));
	mem = hidden;
	WEIR_SIM_ASSERT(next != mem && all_are(mem, 40, 0xdb));
	free(next);
	return 0;
}
#endif

int main(void)
{
	check_leaks();
	check_site();
	check_faults();
	check_family();
	check_mistakes();
#ifndef WATCHED
	struct weir_sim_result r = run(read_freed, NULL, (struct weir_sim_opts){.schedules = 1});
	check("freed memory is filled and not used again", r.kind == WEIR_SIM_PASS, &r);
#endif
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
