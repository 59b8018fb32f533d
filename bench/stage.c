/* SPDX-License-Identifier: MIT
 *
 * What stages cost: the benchmarks that go-fluxus v1 has of what weir does too, as the same work.
 *
 * Output: one line for each: name, ns for one value, allocations for one value, and the ns that go-fluxus publishes for
 * its own (BENCHMARK.md of v1.0.0: AMD Ryzen 5 5600H, 12 threads, so not to be compared with this machine; "-": none).
 * bench/stage.sh puts the same work of go-fluxus itself, on this machine, beside it.
 *
 * Arguments: what the names of the rows begin with that are wanted; none: all.
 *
 * A row is run with twice as many values each time until it takes WINDOW; that last time is what is shown. What it made
 * is looked at. Only rows that build stages for each value may allocate: the program fails where another one does.
 *
 * Different from the original: the breaker has been closed from the beginning (there, its first calls fail, and the
 * time until it has closed again is part of the figure), the parts of ComplexPipeline are a fan-out in the calling task
 * (there, a loop), what Buffer does to a batch is a map in the calling task (there, a loop over a slice), Retry fails
 * by a counter outside of the stage, and texts are places of 64 bytes (there, each is allocated). Not in the original:
 * Retry-kept (the stage is built once), RetrySuccess, GuardedSuccess and AllowGranted (what the wrapper alone costs),
 * BreakerWindow (a permit and its report), and Clock, which these two rows read once for each value.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/resilience.h>
#include <weir/weir.h>

#define WINDOW 0.03
#define WORDS 4
#define NUMBERS 1000

struct text {
	size_t n;
	char bytes[56];
};

struct slice {
	const char *at;
	size_t n;
};

/* They point into the text they were made of, which lives as long as the call. */
struct words {
	size_t n;
	struct slice at[WORDS];
};

/* What one of two stages makes: upper-case words, or a length. */
struct part {
	size_t n;
	struct text upper[WORDS];
	int length;
};

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};
static const weir_type text = {.name = "text", .size = sizeof(struct text), .align = _Alignof(struct text)};
static const weir_type words = {.name = "words", .size = sizeof(struct words), .align = _Alignof(struct words)};
static const weir_type part = {.name = "part", .size = sizeof(struct part), .align = _Alignof(struct part)};

enum makes { NUMBER, TEXT, ARRAY_OF_NUMBERS, ARRAY_OF_TEXTS };

struct bench {
	weir_ctx *ctx;
	weir_err *err;
	const struct row *row;
	weir_call *call;
	union {
		int number;
		struct text text;
		weir_array array;
	} out;
};

struct row {
	const char *name;
	double published;
	weir_stage *(*make)(weir_rt *rt, int n);
	int (*run)(struct bench *b, long loops); /* NULL: calls of what make made */
	const void *in;
	const char *want; /* what it makes; of an array: its last */
	int n;
	enum makes makes;
	bool heard;  /* by a probe that does nothing */
	bool builds; /* for each value */
};

/* What rows share. */
static weir_breaker breaker, of_calls, of_time;
static weir_mutex service;
static weir_bucket unlimited_1, unlimited_10, unlimited_100, full;
static weir_array thousand;
static int tries, served;

/* ---- memory that counts ---- */

static unsigned long allocated;

static void *count_alloc(size_t bytes, void *arg)
{
	(void)arg;
	__atomic_fetch_add(&allocated, 1, __ATOMIC_RELAXED);
	return malloc(bytes);
}

static void count_release(void *mem, void *arg)
{
	(void)arg;
	free(mem);
}

/* ---- the work ---- */

static void upper(struct text *to, const char *from, size_t n)
{
	to->n = n;
	for (size_t i = 0; i < n; i++)
		to->bytes[i] = (char)(from[i] >= 'a' && from[i] <= 'z' ? from[i] - 'a' + 'A' : from[i]);
}

static void shown(struct text *to, int n)
{
	to->n = n < 0 ? 0 : (size_t)n;
}

#define PRINT(to, ...) shown(to, snprintf((to)->bytes, sizeof((to)->bytes), __VA_ARGS__))

static int to_upper(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct text *t = in;
	(void)ctx, (void)err, (void)arg;
	upper(out, t->bytes, t->n);
	return 0;
}

static int split(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct text *t = in;
	struct words *w = out;
	const char *at = t->bytes, *end = at + t->n;
	(void)ctx;
	for (w->n = 0; w->n < WORDS; at++) {
		const char *to = memchr(at, *(const char *)arg, (size_t)(end - at));
		to = to ? to : end;
		w->at[w->n++] = (struct slice){at, (size_t)(to - at)};
		at = to;
		if (at == end)
			return 0;
	}
	return weir_fail(err, WEIR_EOVERFLOW, "more than %d words", WORDS);
}

static int count_words(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = (int)((const struct words *)in)->n;
	return 0;
}

static int length(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = (int)((const struct text *)in)->n;
	return 0;
}

static int print_number(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	PRINT((struct text *)out, "%s: %d", (const char *)arg, *(const int *)in);
	return 0;
}

static int times(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	*(int *)out = *(const int *)in * *(const int *)arg;
	return 0;
}

static int sum(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	int n = 0;
	(void)ctx, (void)err, (void)arg;
	for (size_t i = 0; i < in->n; i++)
		n += *(const int *)weir_array_at(in, i);
	*(int *)out = n;
	return 0;
}

static int dashed(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct text *t = in;
	(void)ctx, (void)err;
	PRINT((struct text *)out, "%.*s-%d", (int)t->n, t->bytes, *(const int *)arg);
	return 0;
}

static int dashed_steps(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int x = *(const int *)arg;
	for (int i = 0; i < 1000; i++)
		x = x * 31 % 997;
	return dashed(ctx, in, out, err, &x);
}

static int steps(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int x = *(const int *)in;
	(void)ctx, (void)err, (void)arg;
	for (int i = 0; i < 1000; i++)
		x = x * 17 % 987;
	*(int *)out = x;
	return 0;
}

static int add_one(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in + 1;
	return 0;
}

/* Fails twice, and then does not. */
static int third_time(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct text *t = in;
	struct text *made = out;
	(void)ctx, (void)arg;
	if (++tries <= 2)
		return weir_fail(err, WEIR_EIO, "simulated error");
	tries = 0;
	memcpy(made->bytes, t->bytes, t->n);
	memcpy(made->bytes + t->n, "-success", 8);
	made->n = t->n + 8;
	return 0;
}

static int serve(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct text *t = in;
	(void)err, (void)arg;
	weir_mutex_lock(ctx, &service);
	served++;
	PRINT((struct text *)out, "processed: %.*s", (int)t->n, t->bytes);
	weir_mutex_unlock(&service);
	return 0;
}

static int upper_words(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct words *w = in;
	struct part *p = out;
	(void)ctx, (void)err, (void)arg;
	p->n = w->n;
	for (size_t i = 0; i < w->n; i++)
		upper(&p->upper[i], w->at[i].at, w->at[i].n);
	return 0;
}

static int total_length(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const struct words *w = in;
	struct part *p = out;
	(void)ctx, (void)err, (void)arg;
	p->length = 0;
	for (size_t i = 0; i < w->n; i++)
		p->length += (int)w->at[i].n;
	return 0;
}

static int join(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	const struct part *of_words = weir_array_at(in, 0), *of_length = weir_array_at(in, 1);
	struct text joined = {0};
	(void)ctx, (void)err, (void)arg;
	for (size_t i = 0; i < of_words->n; i++) {
		const struct text *t = &of_words->upper[i];
		if (i)
			joined.bytes[joined.n++] = '+';
		memcpy(joined.bytes + joined.n, t->bytes, t->n);
		joined.n += t->n;
	}
	PRINT((struct text *)out, "Upper: %.*s, Total: %d", (int)joined.n, joined.bytes, of_length->length);
	return 0;
}

/* ---- the stages ---- */

static weir_stage *stage(weir_rt *rt, const weir_type *in, const weir_type *out, weir_handler_fn *fn, const void *arg)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = "stage",
							    .in = in,
							    .out = out,
							    .process = fn,
							    .arg = (void *)(uintptr_t)arg});
}

static const int upto[101] = {
#define TEN(n) n, n + 1, n + 2, n + 3, n + 4, n + 5, n + 6, n + 7, n + 8, n + 9
	TEN(0), TEN(10), TEN(20), TEN(30), TEN(40), TEN(50), TEN(60), TEN(70), TEN(80), TEN(90), 100};

static weir_stage *make_upper(weir_rt *rt, int n)
{
	(void)n;
	return stage(rt, &text, &text, to_upper, NULL);
}

static weir_stage *make_pipeline(weir_rt *rt, int n)
{
	return weir_chain((weir_stage *[]){make_upper(rt, n)}, 1);
}

static weir_stage *make_chained(weir_rt *rt, int n)
{
	weir_stage *count = stage(rt, &words, &number, count_words, NULL);
	(void)n;
	return weir_chain((weir_stage *[]){stage(rt, &text, &words, split, " "), count,
					   stage(rt, &number, &text, print_number, "Count")},
			  3);
}

static weir_stage *make_parallel(weir_rt *rt, int n)
{
	weir_stage *children[3];
	for (int i = 0; i < 3; i++)
		children[i] = stage(rt, &number, &number, times, &upto[i + 2]);
	return weir_parallel(children, 3, (size_t)n, weir_fan_in(rt, &number, &number, sum, NULL));
}

static weir_stage *make_fan_out(weir_rt *rt, int n)
{
	weir_stage *children[10];
	for (int i = 0; i < 10; i++)
		children[i] = stage(rt, &text, &text, dashed, &upto[i]);
	return weir_fan_out(children, 10, (size_t)n);
}

static weir_stage *make_limited(weir_rt *rt, int n)
{
	weir_stage *children[100];
	for (int i = 0; i < 100; i++)
		children[i] = stage(rt, &text, &text, dashed_steps, &upto[i]);
	return weir_fan_out(children, 100, (size_t)n);
}

static weir_stage *make_scaling(weir_rt *rt, int n)
{
	weir_stage *children[100];
	for (int i = 0; i < 100; i++)
		children[i] = stage(rt, &number, &number, steps, NULL);
	return weir_fan_out(children, 100, (size_t)n);
}

static weir_stage *make_retry(weir_rt *rt, int n)
{
	(void)n;
	return weir_retry(stage(rt, &text, &text, third_time, NULL), &(struct weir_retry_opts){.max_attempts = 3});
}

static weir_stage *make_buffer(weir_rt *rt, int n)
{
	weir_stage *twice = weir_map(stage(rt, &number, &number, times, &upto[2]),
				     &(struct weir_map_opts){.concurrency = 1});
	return weir_batch(twice, &(struct weir_batch_opts){.size = (size_t)n});
}

static weir_stage *make_complex(weir_rt *rt, int n)
{
	weir_stage *both[] = {stage(rt, &words, &part, upper_words, NULL),
			      stage(rt, &words, &part, total_length, NULL)};
	return weir_then(stage(rt, &text, &words, split, ","),
			 weir_parallel(both, 2, (size_t)n, weir_fan_in(rt, &part, &text, join, NULL)));
}

static weir_stage *make_length(weir_rt *rt, int n)
{
	(void)n;
	return weir_then(stage(rt, &text, &number, length, NULL), stage(rt, &number, &text, print_number, "Length"));
}

static weir_stage *make_chain(weir_rt *rt, int n)
{
	weir_stage *children[50];
	for (int i = 0; i < n; i++)
		children[i] = stage(rt, &number, &number, add_one, NULL);
	return weir_chain(children, (size_t)n);
}

static weir_stage *make_add(weir_rt *rt, int n)
{
	(void)n;
	return stage(rt, &number, &number, add_one, NULL);
}

static weir_stage *make_retried(weir_rt *rt, int n)
{
	return weir_retry(make_add(rt, n), NULL);
}

static weir_stage *make_guarded(weir_rt *rt, int n)
{
	return weir_guard(make_add(rt, n), &breaker);
}

static weir_stage *make_breaker(weir_rt *rt, int n)
{
	(void)n;
	return weir_guard(stage(rt, &text, &text, serve, NULL), &breaker);
}

static weir_stage *make_rate(weir_rt *rt, int n)
{
	return weir_limit_stage(make_upper(rt, n), n == 1 ? &unlimited_1 : n == 10 ? &unlimited_10 : &unlimited_100);
}

/* ---- what is no call of a stage that is there ---- */

static int run_direct(struct bench *b, long loops)
{
	int n = 0, rc = 0;
	for (long i = 0; rc == 0 && i < loops; i++) {
		rc = length(b->ctx, b->row->in, &n, b->err, NULL);
		if (rc == 0)
			rc = print_number(b->ctx, &n, &b->out.text, b->err, (void *)(uintptr_t) "Length");
	}
	return rc;
}

static int run_allow(struct bench *b, long loops)
{
	weir_bucket *bucket = b->row->n == 1 ? &unlimited_1 : b->row->n == 100 ? &unlimited_100 : &full;
	long allowed = 0;
	for (long i = 0; i < loops; i++)
		allowed += weir_bucket_allow(bucket) == 0;
	b->out.number = allowed == loops;
	return 0;
}

/* What allow and a breaker with a window cannot do without. */
static int run_clock(struct bench *b, long loops)
{
	int64_t least = INT64_MAX;
	for (long i = 0; i < loops; i++) {
		int64_t now = weir_rt_now(weir_ctx_rt(b->ctx));
		least = now < least ? now : least;
	}
	b->out.number = least >= 0;
	return 0;
}

static int run_breaker(struct bench *b, long loops)
{
	weir_breaker *windowed = b->row->n == 1 ? &of_calls : &of_time;
	int rc = 0;
	for (long i = 0; rc == 0 && i < loops; i++) {
		struct weir_breaker_permit permit;
		rc = weir_breaker_acquire(b->ctx, windowed, &permit, NULL);
		if (rc == 0)
			weir_breaker_report(b->ctx, windowed, &permit, WEIR_OUTCOME_SUCCESS);
	}
	b->out.number = rc == 0;
	return rc;
}

static int run_built(struct bench *b, long loops)
{
	int rc = 0;
	weir_scope s; /* where calls have their helpers: this one has none */
	weir_scope_init(&s, b->ctx);
	for (long i = 0; rc == 0 && i < loops; i++) {
		weir_stage *st = make_retry(weir_ctx_rt(b->ctx), 0);
		weir_call *call = NULL;
		rc = weir_call_new(&s, st, &call);
		if (rc == 0)
			rc = weir_call_process(b->ctx, call, b->row->in, &b->out, b->err);
		weir_call_free(&call);
		weir_stage_free(&st);
	}
	return weir_scope_join(b->ctx, &s, rc, b->err);
}

/* ---- the rows ---- */

#define IN_TEXT(s)                             \
	&(const struct text)                   \
	{                                      \
		.n = sizeof(s) - 1, .bytes = s \
	}
#define IN_NUMBER(n) \
	&(const int) \
	{            \
		n    \
	}
#define FOUR "hello,world,pipeline,benchmark"
#define TWENTY IN_TEXT("benchmark test input")
#define WORD IN_TEXT("benchmark")

static const struct row rows[] = {
	{"SimplePipeline", 50.60, make_pipeline, NULL, IN_TEXT("hello world"), "HELLO WORLD", 0, TEXT, 0, 0},
	{"ChainedPipeline", 142.4, make_chained, NULL, IN_TEXT("hello world benchmark test"), "Count: 4", 0, TEXT, 0,
	 0},
	{"ParallelProcessing", 3060, make_parallel, NULL, IN_NUMBER(42), "378", 0, NUMBER, 0, 0},
	{"FanOut", 5911, make_fan_out, NULL, IN_TEXT("test"), "test-9", 0, ARRAY_OF_TEXTS, 0, 0},
	{"FanOutConcurrencyLimited", 89991, make_limited, NULL, IN_TEXT("test"), "test-688", 4, ARRAY_OF_TEXTS, 0, 0},
	{"Retry", 428.4, NULL, run_built, IN_TEXT("test"), "test-success", 0, TEXT, 0, 1},
	{"Retry-kept", 0, make_retry, NULL, IN_TEXT("test"), "test-success", 0, TEXT, 0, 0},
	{"RetrySuccess-bare", 0, make_add, NULL, IN_NUMBER(0), "1", 0, NUMBER, 0, 0},
	{"RetrySuccess-retry", 0, make_retried, NULL, IN_NUMBER(0), "1", 0, NUMBER, 0, 0},
	{"Buffer", 3575, make_buffer, NULL, &thousand, "1998", 100, ARRAY_OF_NUMBERS, 0, 0},
	{"ComplexPipeline", 531.8, make_complex, NULL, IN_TEXT(FOUR),
	 "Upper: HELLO+WORLD+PIPELINE+BENCHMARK, Total: 27", 1, TEXT, 0, 0},
	{"ChainVsDirectCalls-direct", 63.21, NULL, run_direct, TWENTY, "Length: 20", 0, TEXT, 0, 0},
	{"ChainVsDirectCalls-chained", 70.94, make_length, NULL, TWENTY, "Length: 20", 0, TEXT, 0, 0},
	{"ConcurrencyScaling-1", 319876, make_scaling, NULL, IN_NUMBER(42), "252", 1, ARRAY_OF_NUMBERS, 0, 0},
	{"ConcurrencyScaling-2", 170881, make_scaling, NULL, IN_NUMBER(42), "252", 2, ARRAY_OF_NUMBERS, 0, 0},
	{"ConcurrencyScaling-4", 91488, make_scaling, NULL, IN_NUMBER(42), "252", 4, ARRAY_OF_NUMBERS, 0, 0},
	{"ConcurrencyScaling-8", 67781, make_scaling, NULL, IN_NUMBER(42), "252", 8, ARRAY_OF_NUMBERS, 0, 0},
	{"ConcurrencyScaling-16", 68519, make_scaling, NULL, IN_NUMBER(42), "252", 16, ARRAY_OF_NUMBERS, 0, 0},
	{"ConcurrencyScaling-32", 69543, make_scaling, NULL, IN_NUMBER(42), "252", 32, ARRAY_OF_NUMBERS, 0, 0},
	{"ConcurrencyScaling-all", 82260, make_scaling, NULL, IN_NUMBER(42), "252", 0, ARRAY_OF_NUMBERS, 0, 0},
	{"ChainDepth-1", 5.171, make_chain, NULL, IN_NUMBER(0), "1", 1, NUMBER, 0, 0},
	{"ChainDepth-5", 26.21, make_chain, NULL, IN_NUMBER(0), "5", 5, NUMBER, 0, 0},
	{"ChainDepth-10", 56.83, make_chain, NULL, IN_NUMBER(0), "10", 10, NUMBER, 0, 0},
	{"ChainDepth-20", 152.6, make_chain, NULL, IN_NUMBER(0), "20", 20, NUMBER, 0, 0},
	{"ChainDepth-50", 510.9, make_chain, NULL, IN_NUMBER(0), "50", 50, NUMBER, 0, 0},
	{"MetricatedStage-without", 40.90, make_upper, NULL, WORD, "BENCHMARK", 0, TEXT, 0, 0},
	{"MetricatedStage-with", 57.36, make_upper, NULL, WORD, "BENCHMARK", 0, TEXT, 1, 0},
	{"RateLimiter-none", 44.72, make_upper, NULL, WORD, "BENCHMARK", 0, TEXT, 0, 0},
	{"RateLimiter-unlimited-1", 550.0, make_rate, NULL, WORD, "BENCHMARK", 1, TEXT, 0, 0},
	{"RateLimiter-unlimited-100", 499.6, make_rate, NULL, WORD, "BENCHMARK", 100, TEXT, 0, 0},
	{"AllowCheck-1", 19.71, NULL, run_allow, NULL, "1", 1, NUMBER, 0, 0},
	{"AllowCheck-100", 19.69, NULL, run_allow, NULL, "1", 100, NUMBER, 0, 0},
	{"AllowGranted", 0, NULL, run_allow, NULL, "1", 0, NUMBER, 0, 0},
	{"Clock", 0, NULL, run_clock, NULL, "1", 0, NUMBER, 0, 0},
	{"BreakerWindow-calls", 0, NULL, run_breaker, NULL, "1", 1, NUMBER, 0, 0},
	{"BreakerWindow-time", 0, NULL, run_breaker, NULL, "1", 0, NUMBER, 0, 0},
	{"CircuitBreaker-closed", 100.1, make_breaker, NULL, IN_TEXT("benchmark-input"), "processed: benchmark-input",
	 0, TEXT, 0, 0},
	{"GuardedSuccess", 0, make_guarded, NULL, IN_NUMBER(0), "1", 0, NUMBER, 0, 0},
	{"ComponentComparison-base", 75.16, make_upper, NULL, TWENTY, "BENCHMARK TEST INPUT", 0, TEXT, 0, 0},
	{"ComponentComparison-metric", 89.06, make_upper, NULL, TWENTY, "BENCHMARK TEST INPUT", 0, TEXT, 1, 0},
	{"ComponentComparison-limit", 581.4, make_rate, NULL, TWENTY, "BENCHMARK TEST INPUT", 10, TEXT, 0, 0},
	{"ComponentComparison-pipeline", 89.45, make_pipeline, NULL, TWENTY, "BENCHMARK TEST INPUT", 0, TEXT, 0, 0},
	{"ComponentComparison-both", 595.6, make_rate, NULL, TWENTY, "BENCHMARK TEST INPUT", 10, TEXT, 1, 0},
};

/* ---- measuring ---- */

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run_calls(struct bench *b, long loops)
{
	bool array = b->row->makes >= ARRAY_OF_NUMBERS;
	int rc = 0;
	for (long i = 0; rc == 0 && i < loops; i++) {
		if (array)
			weir_array_drop(&b->out.array);
		rc = weir_call_process(b->ctx, b->call, b->row->in, &b->out, b->err);
	}
	return rc;
}

/* What was made is what was wanted. */
static int look(struct bench *b)
{
	struct text is = b->out.text;
	if (b->row->makes == NUMBER)
		PRINT(&is, "%d", b->out.number);
	else if (b->row->makes == ARRAY_OF_NUMBERS)
		PRINT(&is, "%d", *(const int *)weir_array_at(&b->out.array, b->out.array.n - 1));
	else if (b->row->makes == ARRAY_OF_TEXTS)
		is = *(const struct text *)weir_array_at(&b->out.array, b->out.array.n - 1);
	if (is.n == strlen(b->row->want) && memcmp(is.bytes, b->row->want, is.n) == 0)
		return 0;
	return weir_fail(b->err, WEIR_EIO, "%s makes \"%.*s\", not \"%s\"", b->row->name, (int)is.n, is.bytes,
			 b->row->want);
}

static int measure(struct bench *b)
{
	const struct row *row = b->row;
	unsigned long before = 0;
	double took = 0;
	long loops = 1;
	int rc = 0;
	for (; rc == 0 && took < WINDOW; loops *= 2) {
		before = allocated;
		double from = seconds();
		rc = row->run ? row->run(b, loops) : run_calls(b, loops);
		took = seconds() - from;
	}
	loops /= 2;
	unsigned long allocs = allocated - before;
	if (rc == 0)
		rc = look(b);
	if (rc < 0)
		return rc;
	printf("%-28s %10.1f %8.2f ", row->name, took * 1e9 / (double)loops, (double)allocs / (double)loops);
	if (row->published > 0)
		printf("%10.1f\n", row->published);
	else
		printf("%10s\n", "-");
	if (allocs && !row->builds)
		return weir_fail(b->err, WEIR_EIO, "%s allocates %lu times", row->name, allocs);
	return 0;
}

static int measure_row(weir_ctx *ctx, const struct row *row, weir_err *err)
{
	struct bench b = {.ctx = ctx, .err = err, .row = row};
	weir_stage *st = row->make ? row->make(weir_ctx_rt(ctx), row->n) : NULL;
	int rc = row->make ? weir_stage_check(st, err) : 0;
	weir_scope s;
	weir_scope_init(&s, ctx);
	if (rc == 0 && st)
		rc = weir_call_new(&s, st, &b.call);
	if (rc == 0)
		rc = measure(&b);
	if (rc == 0 && row->makes >= ARRAY_OF_NUMBERS)
		weir_array_drop(&b.out.array);
	weir_call_free(&b.call);
	weir_stage_free(&st);
	return weir_scope_join(ctx, &s, rc, err);
}

static void hear(const struct weir_probe_event *event, void *arg)
{
	(void)event, (void)arg;
}

/* The row's name begins with one of the words that the program was given, if it was given any. */
static bool wanted(const struct row *row, char *const *names)
{
	bool any = !names || !*names;
	for (; names && *names && !any; names++)
		any = strncmp(row->name, *names, strlen(*names)) == 0;
	return any;
}

static int measure_all(weir_ctx *ctx, char *const *names, weir_err *err)
{
	weir_probe probe = {.fn = hear};
	int rc = 0;
	printf("%-28s %10s %8s %10s\n", "stage", "ns", "allocs", "published");
	for (size_t i = 0; rc == 0 && i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (!wanted(&rows[i], names))
			continue;
		if (rows[i].heard)
			rc = weir_probe_attach(weir_ctx_rt(ctx), &probe);
		if (rc == 0)
			rc = measure_row(ctx, &rows[i], err);
		weir_probe_detach(weir_ctx_rt(ctx));
	}
	return rc;
}

static int app(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir_bucket_opts unlimited = {.unlimited = true, .burst = 1};
	struct weir_bucket_opts limited = {.tokens = 1000000000, .burst = UINT64_C(1) << 32};
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_mutex_init(&service, rt);
	int rc = weir_breaker_init(&breaker, ctx, &(struct weir_breaker_opts){.failures = 3, .open_ns = WEIR_MS(50)});
	if (rc == 0)
		rc = weir_breaker_init(&of_calls, ctx, &(struct weir_breaker_opts){.window_calls = 100});
	if (rc == 0)
		rc = weir_breaker_init(&of_time, ctx, &(struct weir_breaker_opts){.window_ns = WEIR_SEC(10)});
	if (rc == 0)
		rc = weir_bucket_init(&unlimited_1, rt, &unlimited);
	unlimited.burst = 10;
	if (rc == 0)
		rc = weir_bucket_init(&unlimited_10, rt, &unlimited);
	unlimited.burst = 100;
	if (rc == 0)
		rc = weir_bucket_init(&unlimited_100, rt, &unlimited);
	if (rc == 0)
		rc = weir_bucket_init(&full, rt, &limited);
	if (rc == 0)
		rc = weir_array_new(rt, &number, NUMBERS, &thousand);
	for (int i = 0; rc == 0 && i < NUMBERS; i++)
		rc = weir_array_put(&thousand, (size_t)i, &i);
	if (rc == 0)
		rc = measure_all(ctx, arg, err);
	weir_array_drop(&thousand);
	weir_bucket_fini(&full);
	weir_bucket_fini(&unlimited_100);
	weir_bucket_fini(&unlimited_10);
	weir_bucket_fini(&unlimited_1);
	weir_breaker_fini(&of_time);
	weir_breaker_fini(&of_calls);
	weir_breaker_fini(&breaker);
	weir_mutex_fini(&service);
	return rc;
}

int main(int argc, char **argv)
{
	struct weir_rt_opts opts = {.alloc = count_alloc, .release = count_release};
	weir_err err = {0};
	char why[512];
	weir_rt *rt = NULL;
	int rc = weir_rt_threads_new(&opts, &rt);
	if (rc == 0)
		rc = weir_rt_run(rt, app, argc > 0 ? argv + 1 : NULL, &err);
	if (rc < 0) {
		weir_err_format(&err, why, sizeof(why));
		fprintf(stderr, "%s\n", why);
	}
	weir_err_fini(&err);
	weir_rt_free(&rt);
	return rc == 0 ? 0 : 1;
}
