/* SPDX-License-Identifier: MIT
 *
 * What a probe hears of stages and pipelines, event by event on virtual time: first in one task, where the whole
 * sequence is known, then under every interleaving, where the spans must make a tree: a span that has begun ends once,
 * within the one around it, and what it took is what lies between.
 *
 * An event is written as "ms kind name/index #span<parent =value of other !code", without what is not there; a duration
 * is in ms too. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <weir/sim.h>
#include <weir/stage.h>

WEIR_TYPE_PLAIN(num, int);
WEIR_ARRAY_DECLARE(nums, num);
WEIR_PIPELINE_DECLARE(line, num, num);

/* ---- what was heard ---- */

#define MOST 128

static struct weir_probe_event heard[MOST];
static int n_heard;
static char last_text[200]; /* of the last failure that was told with one, if somebody reads it */
static bool reads_text;     /* else workers that fail would write over one another's, which is a race */
static weir_probe probe;

static void hear(const struct weir_probe_event *event, void *arg)
{
	char text[sizeof(last_text)];
	WEIR_SIM_ASSERT(arg == heard && n_heard < MOST);
	if (event->err) { /* it is the event's, and says what the code says */
		WEIR_SIM_EQ(event->err->code, event->code);
		weir_err_format(event->err, text, sizeof(text));
		if (reads_text)
			memcpy(last_text, text, sizeof(text));
	}
	heard[n_heard] = *event;
	heard[n_heard++].err = NULL;
}

static void listen(weir_ctx *ctx)
{
	n_heard = 0;
	reads_text = false;
	probe = (weir_probe){.fn = hear, .arg = heard};
	WEIR_SIM_EQ(weir_probe_attach(weir_ctx_rt(ctx), &probe), 0);
}

static bool is_start(enum weir_probe_kind kind)
{
	return kind == WEIR_PROBE_STAGE_STARTED || kind == WEIR_PROBE_JOB_STARTED ||
	       kind == WEIR_PROBE_PIPELINE_STARTED;
}

static bool is_end(enum weir_probe_kind kind)
{
	return (kind >= WEIR_PROBE_STAGE_DONE && kind <= WEIR_PROBE_STAGE_FILTERED) ||
	       kind == WEIR_PROBE_PIPELINE_DONE || (kind >= WEIR_PROBE_JOB_DONE && kind <= WEIR_PROBE_JOB_CANCELED);
}

static bool is_time(enum weir_probe_kind kind)
{
	return is_end(kind) || kind == WEIR_PROBE_ITEM_DONE || kind == WEIR_PROBE_ITEM_FAILED;
}

static void write_event(const struct weir_probe_event *e, char *text, size_t cap)
{
	int n = snprintf(text, cap, "%" PRId64 " %s %s", e->at / WEIR_MS(1), weir_probe_kind_name(e->kind), e->name);
	if (e->index != WEIR_PROBE_NO_INDEX)
		n += snprintf(text + n, cap - (size_t)n, "/%" PRIu32, e->index);
	if (e->id)
		n += snprintf(text + n, cap - (size_t)n, " job %" PRIu64, e->id);
	n += snprintf(text + n, cap - (size_t)n, " #%" PRIu64 "<%" PRIu64, e->span, e->parent);
	if (e->value)
		n += snprintf(text + n, cap - (size_t)n, " =%" PRId64,
			      is_time(e->kind) ? e->value / WEIR_MS(1) : e->value);
	if (e->other)
		n += snprintf(text + n, cap - (size_t)n, " of %" PRId64, e->other);
	if (e->code)
		snprintf(text + n, cap - (size_t)n, " !%d", e->code);
}

/* What was heard is this, in this order. */
static void expect(const char *const *lines, int n)
{
	char text[128];
	for (int i = 0; i < n_heard; i++) {
		write_event(&heard[i], text, sizeof(text));
		if (i >= n || strcmp(text, lines[i]) != 0)
			weir_sim_fail(__FILE__, __LINE__, "event %d: \"%s\", not \"%s\"", i, text,
				      i < n ? lines[i] : "(the end)");
	}
	WEIR_SIM_EQ(n_heard, n);
}

#define EXPECT(...)                                                        \
	do {                                                               \
		static const char *const lines_[] = {__VA_ARGS__};         \
		expect(lines_, (int)(sizeof(lines_) / sizeof(lines_[0]))); \
	} while (0)

/* Where span began and where it ended. */
static void find_span(uint64_t span, int *from, int *to)
{
	*from = *to = -1;
	for (int i = 0; i < n_heard; i++) {
		if (heard[i].span != span)
			continue;
		if (is_start(heard[i].kind)) {
			WEIR_SIM_EQ(*from, -1);
			*from = i;
		} else if (is_end(heard[i].kind)) {
			WEIR_SIM_EQ(*to, -1);
			*to = i;
		}
	}
	WEIR_SIM_ASSERT(*from >= 0 && *from < *to);
}

/* Everything that was heard fits together. */
static void expect_tree(void)
{
	for (int i = 0, from, to; i < n_heard; i++) {
		const struct weir_probe_event *e = &heard[i];
		WEIR_SIM_ASSERT(i == 0 || heard[i - 1].at <= e->at);
		if (e->parent) {
			find_span(e->parent, &from, &to);
			WEIR_SIM_ASSERT(from < i && i < to);
		}
		if (e->span) {
			find_span(e->span, &from, &to);
			WEIR_SIM_ASSERT(from <= i && i <= to);
			WEIR_SIM_EQ(e->parent, heard[from].parent);
			WEIR_SIM_ASSERT(strcmp(e->name, heard[from].name) == 0);
			WEIR_SIM_EQ(e->index, heard[from].index);
			if (is_end(e->kind))
				WEIR_SIM_EQ(e->value, e->at - heard[from].at);
		}
	}
}

static int count(enum weir_probe_kind kind)
{
	int n = 0;
	for (int i = 0; i < n_heard; i++)
		n += heard[i].kind == kind;
	return n;
}

/* ---- stages ---- */

/* Sleeps as many ms as it is given, and makes it one more; 9 fails, 7 is filtered. */
static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)arg;
	int rc = weir_sleep(ctx, WEIR_MS(*in));
	if (rc == 0 && *in == 7)
		return WEIR_EFILTERED;
	if (rc == 0 && *in == 9)
		return weir_fail(err, WEIR_EUSER, "nine");
	*out = *in + 1;
	return rc;
}
WEIR_STAGE_DECLARE(plus, num, num);

static int add_up(weir_ctx *ctx, const weir_array *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	int sum = 0;
	for (size_t i = 0; i < in->n; i++)
		sum += *(int *)weir_array_at(in, i);
	*(int *)out = sum;
	return 0;
}

static weir_stage *adding(weir_ctx *ctx)
{
	return weir_fan_in(weir_ctx_rt(ctx), num_type(), num_type(), add_up, NULL);
}

static weir_stage *step(weir_ctx *ctx)
{
	return plus_stage(weir_ctx_rt(ctx), NULL);
}

/* Runs st, which it frees, on a number. */
static int run_number(weir_ctx *ctx, weir_stage *st, int in, int *out)
{
	weir_call *call = NULL;
	weir_scope s;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	int rc = weir_call_process(ctx, call, &in, out, NULL);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc;
}

/* The same on an array of 0 .. n - 1; what it makes is dropped, and n sleepers of `from` ms and more are in it. */
static int run_array(weir_ctx *ctx, weir_stage *st, int from, int n)
{
	weir_call *call = NULL;
	weir_scope s;
	nums_t in, out;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	WEIR_SIM_EQ(nums_new(weir_ctx_rt(ctx), (size_t)n, &in), 0);
	for (int i = 0; i < n; i++)
		WEIR_SIM_EQ(nums_put(&in, (size_t)i, &(int){from + i}), 0);
	int rc = weir_call_process(ctx, call, &in, &out, NULL);
	if (rc == 0)
		nums_drop(&out);
	nums_drop(&in);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	return rc;
}

/* One task, no choice: the events are what they are. */
#define IN_ONE_TASK .allow_no_decisions = true, .no_early = true, .schedules = 2

WEIR_SIM_TEST_WITH(a_chain, IN_ONE_TASK)
{
	int out;
	listen(ctx);
	WEIR_SIM_EQ(run_number(ctx, weir_then(step(ctx), step(ctx)), 3, &out), 0);
	WEIR_SIM_EQ(out, 5);
	EXPECT("0 stage_started chain #1<0", "0 stage_started plus/0 #2<1", "3 stage_done plus/0 #2<1 =3",
	       "3 stage_started plus/1 #3<1", "7 stage_done plus/1 #3<1 =4", "7 stage_done chain #1<0 =7");
	expect_tree();
}

WEIR_SIM_TEST_WITH(a_chain_that_fails, IN_ONE_TASK)
{
	int out;
	listen(ctx);
	WEIR_SIM_EQ(run_number(ctx, weir_then(step(ctx), step(ctx)), 8, &out), WEIR_EUSER);
	EXPECT("0 stage_started chain #1<0", "0 stage_started plus/0 #2<1", "8 stage_done plus/0 #2<1 =8",
	       "8 stage_started plus/1 #3<1", "17 stage_failed plus/1 #3<1 =9 !-10000",
	       "17 stage_failed chain #1<0 =17 !-10000");
	expect_tree();
}

WEIR_SIM_TEST_WITH(a_filter, IN_ONE_TASK)
{
	int out;
	listen(ctx);
	WEIR_SIM_EQ(run_number(ctx, weir_then(step(ctx), step(ctx)), 7, &out), WEIR_EFILTERED);
	EXPECT("0 stage_started chain #1<0", "0 stage_started plus/0 #2<1", "7 stage_filtered plus/0 #2<1 =7 !-1004",
	       "7 stage_filtered chain #1<0 =7 !-1004");
}

WEIR_SIM_TEST_WITH(a_span_from_outside, IN_ONE_TASK)
{
	weir_ctx own;
	int out;
	listen(ctx);
	weir_probe_enter(&own, ctx, 77);
	WEIR_SIM_EQ(run_number(&own, step(ctx), 1, &out), 0);
	weir_ctx_fini(&own);
	EXPECT("0 stage_started plus #1<77", "1 stage_done plus #1<77 =1");
}

WEIR_SIM_TEST_WITH(a_fan_out_in_one_task, IN_ONE_TASK)
{
	int out;
	listen(ctx);
	weir_stage *st = weir_parallel((weir_stage *const[]){step(ctx), step(ctx)}, 2, 1, adding(ctx));
	WEIR_SIM_EQ(run_number(ctx, st, 2, &out), 0);
	WEIR_SIM_EQ(out, 6);
	EXPECT("0 stage_started parallel #1<0", "0 stage_started fan_out/0 #2<1", "0 fan_out fan_out/0 #2<1 =2 of 1",
	       "0 stage_started plus/0 #3<2", "2 stage_done plus/0 #3<2 =2", "2 stage_started plus/1 #4<2",
	       "4 stage_done plus/1 #4<2 =2", "4 stage_done fan_out/0 #2<1 =4", "4 stage_started fan_in/1 #5<1",
	       "4 fan_in fan_in/1 #5<1 =2", "4 stage_done fan_in/1 #5<1", "4 stage_done parallel #1<0 =4");
	expect_tree();
}

WEIR_SIM_TEST_WITH(a_map_in_one_task, IN_ONE_TASK)
{
	listen(ctx);
	WEIR_SIM_EQ(run_array(ctx, weir_map(step(ctx), &(struct weir_map_opts){.concurrency = 1}), 8, 3), WEIR_EUSER);
	EXPECT("0 stage_started map #1<0", "0 map map #1<0 =3 of 1", "0 stage_started plus/0 #2<1",
	       "8 stage_done plus/0 #2<1 =8", "8 item_done map/0 #0<1 =8", "8 stage_started plus/0 #3<1",
	       "17 stage_failed plus/0 #3<1 =9 !-10000", "17 item_failed map/1 #0<1 =9 !-10000",
	       "17 stage_failed map #1<0 =17 !-10000");
	expect_tree();
}

static int by_value(const void *a, const void *b, void *arg)
{
	(void)arg;
	return *(const int *)a - *(const int *)b;
}

WEIR_SIM_TEST_WITH(a_map_reduce_in_one_task, IN_ONE_TASK)
{
	listen(ctx);
	weir_stage *st =
		weir_map_reduce(step(ctx), adding(ctx),
				&(struct weir_reduce_opts){.order = by_value, .concurrency = 1, .map_concurrency = 1});
	WEIR_SIM_EQ(run_array(ctx, st, 1, 1), 0);
	EXPECT("0 stage_started map_reduce #1<0", "0 stage_started map/0 #2<1", "0 map map/0 #2<1 =1 of 1",
	       "0 stage_started plus/0 #3<2", "1 stage_done plus/0 #3<2 =1", "1 item_done map/0 #0<2 =1",
	       "1 stage_done map/0 #2<1 =1", "1 stage_started reduce/1 #4<1", "1 reduce reduce/1 #4<1 =1 of 1",
	       "1 grouped reduce/1 #4<1 =1 of 1", "1 group reduce/0 #0<4 =1", "1 stage_started fan_in/0 #5<4",
	       "1 fan_in fan_in/0 #5<4 =1", "1 stage_done fan_in/0 #5<4", "1 item_done reduce/0 #0<4",
	       "1 stage_done reduce/1 #4<1", "1 stage_done map_reduce #1<0 =1");
	expect_tree();
}

static int select_some(weir_ctx *ctx, const void *in, size_t *picks, size_t cap, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	WEIR_SIM_EQ(cap, 2);
	picks[0] = picks[1] = 1;
	return *(const int *)in;
}

WEIR_SIM_TEST_WITH(a_router_in_one_task, IN_ONE_TASK)
{
	for (int picks = 0; picks < 2; picks++) {
		struct weir_router_opts opts = {.selector = select_some, .concurrency = 1};
		int out;
		if (picks)
			weir_probe_detach(weir_ctx_rt(ctx));
		listen(ctx);
		weir_stage *st = weir_then(weir_router((weir_stage *const[]){step(ctx), step(ctx)}, 2, &opts),
					   adding(ctx));
		WEIR_SIM_EQ(run_number(ctx, st, picks, &out), picks ? 0 : WEIR_ENOROUTE);
		if (picks)
			EXPECT("0 stage_started chain #1<0", "0 stage_started router/0 #2<1",
			       "0 routed router/0 #2<1 =1 of 2", "0 stage_started plus/1 #3<2",
			       "1 stage_done plus/1 #3<2 =1", "1 stage_done router/0 #2<1 =1",
			       "1 stage_started fan_in/1 #4<1", "1 fan_in fan_in/1 #4<1 =1",
			       "1 stage_done fan_in/1 #4<1", "1 stage_done chain #1<0 =1");
		else
			EXPECT("0 stage_started chain #1<0", "0 stage_started router/0 #2<1",
			       "0 stage_failed router/0 #2<1 !-1005", "0 stage_failed chain #1<0 !-1005");
	}
}

/* What was made without it is not heard, even as a part of what is; what was made with it is, also afterwards. */
WEIR_SIM_TEST_WITH(made_before_and_after, IN_ONE_TASK)
{
	int out;
	weir_stage *before = weir_then(step(ctx), step(ctx));
	listen(ctx);
	weir_stage *around = weir_then(before, step(ctx));
	weir_probe_detach(weir_ctx_rt(ctx));
	weir_stage *after = weir_then(around, step(ctx));
	WEIR_SIM_EQ(run_number(ctx, after, 1, &out), 0);
	WEIR_SIM_EQ(out, 5);
	EXPECT("0 stage_started chain #1<0", "3 stage_started plus/1 #2<1", "6 stage_done plus/1 #2<1 =3",
	       "6 stage_done chain #1<0 =6");
}

/* ---- stages, several tasks ---- */

WEIR_SIM_TEST_WITH(fan_outs_make_a_tree, .strategy = "portfolio", .no_early = true, .schedules = 500)
{
	int out;
	listen(ctx);
	weir_stage *inner = weir_parallel((weir_stage *const[]){step(ctx), step(ctx)}, 2, 0, adding(ctx));
	weir_stage *st = weir_parallel((weir_stage *const[]){inner, step(ctx)}, 2, 0, adding(ctx));
	WEIR_SIM_EQ(run_number(ctx, st, 2, &out), 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(2));
	expect_tree();
	WEIR_SIM_EQ(count(WEIR_PROBE_STAGE_STARTED), 9);
	WEIR_SIM_EQ(count(WEIR_PROBE_STAGE_DONE), 9);
	WEIR_SIM_EQ(count(WEIR_PROBE_FAN_OUT), 2);
	WEIR_SIM_EQ(count(WEIR_PROBE_FAN_IN), 2);
	WEIR_SIM_EQ(n_heard, 22);
}

/* What a stage tells itself belongs to its span. */
static int custom(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)arg;
	weir_probe_emit(&probe, &(struct weir_probe_event){.kind = WEIR_PROBE_CUSTOM,
							   .name = "query",
							   .parent = weir_probe_current(ctx),
							   .value = *in,
							   .index = WEIR_PROBE_NO_INDEX});
	*out = *in;
	return *in == 9 ? weir_fail(err, WEIR_EUSER, "not nine") : 0;
}
WEIR_STAGE_DECLARE(custom, num, num);

WEIR_SIM_TEST_WITH(a_stage_tells_of_itself, IN_ONE_TASK)
{
	int out;
	listen(ctx);
	WEIR_SIM_EQ(run_number(ctx, weir_then(custom_stage(weir_ctx_rt(ctx), NULL), step(ctx)), 2, &out), 0);
	EXPECT("0 stage_started chain #1<0", "0 stage_started custom/0 #2<1", "0 custom query #0<2 =2",
	       "0 stage_done custom/0 #2<1", "0 stage_started plus/1 #3<1", "2 stage_done plus/1 #3<1 =2",
	       "2 stage_done chain #1<0 =2");
	expect_tree();
	WEIR_SIM_EQ(weir_probe_current(ctx), 0); /* and to nothing else */
}

/* What failed is told with its detail, by each stage that it passes through. */
WEIR_SIM_TEST_WITH(a_failure_is_told_in_full, IN_ONE_TASK)
{
	weir_call *call = NULL;
	weir_err err = {0};
	weir_scope s;
	int out;
	listen(ctx);
	last_text[0] = '\0';
	reads_text = true;
	weir_stage *st = weir_then(step(ctx), custom_stage(weir_ctx_rt(ctx), NULL));
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &(int){8}, &out, &err), WEIR_EUSER);
	WEIR_SIM_ASSERT(strstr(last_text, "custom[1]") != NULL);
	WEIR_SIM_ASSERT(strstr(last_text, "not nine") != NULL);
	weir_err_fini(&err);
	last_text[0] = '\0';
	WEIR_SIM_EQ(weir_call_process(ctx, call, &(int){8}, &out, NULL), WEIR_EUSER);
	WEIR_SIM_EQ(last_text[0], '\0'); /* nobody wanted one: there is none */
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

/* ---- arrays ---- */

static int compact(weir_ctx *ctx, const nums_t *in, nums_t *out, weir_err *err, void *arg)
{
	(void)arg;
	if (*nums_at(in, 0) == 9)
		return weir_fail(err, WEIR_EUSER, "nine");
	int rc = nums_new(weir_ctx_rt(ctx), 1, out);
	return rc < 0 ? rc : nums_put(out, 0, nums_at(in, 0));
}
WEIR_STAGE_DECLARE(compact, nums, nums);

WEIR_SIM_TEST_WITH(a_batch_tells_each_batch, IN_ONE_TASK)
{
	listen(ctx);
	weir_rt *rt = weir_ctx_rt(ctx);
	WEIR_SIM_EQ(run_array(ctx, weir_batch(compact_stage(rt, NULL), &(struct weir_batch_opts){.size = 2}), 0, 3), 0);
	EXPECT("0 stage_started batch #1<0", "0 stage_started compact/0 #2<1", "0 stage_done compact/0 #2<1",
	       "0 batch batch/0 #0<1 =2 of 1", "0 stage_started compact/0 #3<1", "0 stage_done compact/0 #3<1",
	       "0 batch batch/1 #0<1 =1 of 1", "0 stage_done batch #1<0");
	n_heard = 0;
	weir_stage *st = weir_batch(compact_stage(rt, NULL), &(struct weir_batch_opts){.size = 1, .whole = true});
	WEIR_SIM_EQ(run_array(ctx, st, 8, 2), WEIR_EUSER); /* one that failed is none */
	WEIR_SIM_EQ(count(WEIR_PROBE_BATCH), 1);
	WEIR_SIM_EQ(count(WEIR_PROBE_STAGE_FAILED), 2);
}

static int parity(weir_ctx *ctx, const void *value, void *key, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)key = *(const int *)value % 2;
	return 0;
}

WEIR_ARRAY_DECLARE(rows, nums);

WEIR_SIM_TEST_WITH(a_join_tells_its_groups, IN_ONE_TASK)
{
	weir_call *call = NULL;
	weir_scope s;
	nums_t in;
	rows_t out;
	weir_rt *rt = weir_ctx_rt(ctx);
	listen(ctx);
	weir_stage *st = weir_join_by_key(rt, num_type(),
					  &(struct weir_join_opts){.key_of = parity, .key = num_type()});
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	WEIR_SIM_EQ(nums_new(rt, 3, &in), 0);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(nums_put(&in, (size_t)i, &(int){i}), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &in, &out, NULL), 0);
	rows_drop(&out);
	nums_drop(&in);
	weir_call_free(&call);
	weir_stage_free(&st);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	EXPECT("0 stage_started join_by_key #1<0", "0 grouped join_by_key #1<0 =2 of 3",
	       "0 group join_by_key/0 #0<1 =2", "0 group join_by_key/1 #0<1 =1", "0 stage_done join_by_key #1<0");
	expect_tree();
}

WEIR_CHAN_DECLARE(num);
WEIR_CHAN_DECLARE(nums);

/* Under a span of its own, as anything that is no stage. */
WEIR_SIM_TEST_WITH(a_batcher_tells_what_it_sent, .no_early = true, .schedules = 200)
{
	num_tx numbers;
	num_rx from;
	nums_tx to;
	nums_rx arrays;
	weir_ctx own;
	weir_scope s;
	nums_t out;
	listen(ctx);
	WEIR_SIM_EQ(num_chan_new(weir_ctx_rt(ctx), 3, &numbers, &from), 0);
	WEIR_SIM_EQ(nums_chan_new(weir_ctx_rt(ctx), 1, &to, &arrays), 0);
	struct weir_batcher b = {.in = from.end, .out = to.end, .of = num_type(), .items = 2};
	weir_probe_enter(&own, ctx, 77);
	weir_scope_init(&s, &own);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "batcher", weir_batcher_run, &b), 0);
	for (int i = 0; i < 3; i++)
		WEIR_SIM_EQ(num_send(ctx, numbers, &i), 0);
	num_tx_close(&numbers);
	while (nums_recv(ctx, arrays, &out) == 1)
		nums_drop(&out);
	nums_rx_close(&arrays);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&own);
	EXPECT("0 batch batcher #0<77 =2", "0 batch batcher #0<77 =1");
}

WEIR_SIM_TEST_WITH(a_recycler_tells_hits_and_misses, IN_ONE_TASK)
{
	weir_recycler *r = NULL;
	weir_recycler_cache *c = NULL;
	void *block;
	listen(ctx);
	WEIR_SIM_EQ(weir_recycler_new(weir_ctx_rt(ctx),
				      &(struct weir_recycler_opts){.name = "rows", .bytes = 64, .classes = 2}, &r),
		    0);
	weir_probe_detach(weir_ctx_rt(ctx)); /* it was asked once, and goes on telling */
	WEIR_SIM_EQ(weir_recycler_cache_new(r, &c), 0);
	for (int i = 0; i < 2; i++) {
		WEIR_SIM_EQ(weir_recycler_get(c, 65, &block), 0);
		weir_recycler_put(c, block);
	}
	weir_recycler_cache_free(&c);
	weir_recycler_free(&r);
	EXPECT("0 pool_miss rows #0<0 =128", "0 pool_hit rows #0<0 =128");
}

static unsigned seen_items;

WEIR_SIM_TEST_WITH(maps_make_a_tree, .strategy = "dfs1", .no_early = true)
{
	listen(ctx);
	WEIR_SIM_EQ(run_array(ctx, weir_map(step(ctx), &(struct weir_map_opts){.concurrency = 2}), 8, 3), WEIR_EUSER);
	expect_tree();
	int items = count(WEIR_PROBE_ITEM_DONE) + count(WEIR_PROBE_ITEM_FAILED);
	WEIR_SIM_EQ(count(WEIR_PROBE_STAGE_STARTED), items + 1);
	seen_items |= 1u << items; /* the third was not begun, or was cancelled */
}

WEIR_SIM_TEST_WITH(maps_saw_everything, .allow_no_decisions = true, .schedules = 1)
{
	WEIR_SIM_EQ(seen_items & 8, 8);
}

/* ---- pipelines ---- */

static int send_numbers(weir_ctx *ctx, line_jobs *jobs, const int *in, int n)
{
	int rc = 0;
	for (int i = 0; i < n && rc == 0; i++)
		rc = line_send(ctx, *jobs, &(struct line_job){.head.id = (uint64_t)i + 1, .in = in[i]});
	line_jobs_close(jobs);
	return rc;
}

/* Runs jobs through the pipeline and reads `most` results. */
static void run_line(weir_ctx *ctx, const struct weir_pipeline_opts *opts, const int *in, int n, int most)
{
	line_jobs jobs;
	line_results results;
	struct line_result r;
	weir_scope s;
	int rc = 1;
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(line_start(&s, opts, &jobs, &results, NULL), 0);
	WEIR_SIM_EQ(send_numbers(ctx, &jobs, in, n), 0);
	for (int i = 0; i < most && (rc = line_recv(ctx, results, &r)) == 1; i++)
		line_result_drop(&r);
	line_results_close(&results);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

/* One worker: jobs that succeed, fail, and run out of time. */
WEIR_SIM_TEST_WITH(a_pipeline_with_a_stage, .no_early = true, .schedules = 200)
{
	weir_ctx own;
	listen(ctx);
	weir_stage *st = weir_then(step(ctx), step(ctx));
	struct weir_pipeline_opts opts = {
		.stage = st, .name = "line", .job_buffer = 3, .result_buffer = 3, .job_timeout_ns = WEIR_MS(18)};
	weir_probe_enter(&own, ctx, weir_probe_span(&probe));
	run_line(&own, &opts, (const int[]){1, 8, 20}, 3, 4);
	weir_ctx_fini(&own);
	weir_stage_free(&st);
	EXPECT("0 pipeline_started line #2<1 =1", "0 job_started line/0 job 1 #3<2", "0 stage_started chain #4<3",
	       "0 stage_started plus/0 #5<4", "1 stage_done plus/0 #5<4 =1", "1 stage_started plus/1 #6<4",
	       "3 stage_done plus/1 #6<4 =2", "3 stage_done chain #4<3 =3", "3 job_done line/0 job 1 #3<2 =3",
	       "3 job_started line/0 job 2 #7<2", "3 stage_started chain #8<7", "3 stage_started plus/0 #9<8",
	       "11 stage_done plus/0 #9<8 =8", "11 stage_started plus/1 #10<8",
	       "20 stage_failed plus/1 #10<8 =9 !-10000", "20 stage_failed chain #8<7 =17 !-10000",
	       "20 job_failed line/0 job 2 #7<2 =17 !-10000", "20 job_started line/0 job 3 #11<2",
	       "20 stage_started chain #12<11", "20 stage_started plus/0 #13<12",
	       "38 stage_failed plus/0 #13<12 =18 !-1000", "38 stage_failed chain #12<11 =18 !-1000",
	       "38 job_canceled line/0 job 3 #11<2 =18 !-1000", "38 pipeline_done line #2<1 =38");
}

/* The same events for a handler; nobody takes the second result. */
WEIR_SIM_TEST_WITH(a_pipeline_whose_consumer_leaves, .no_early = true, .schedules = 200)
{
	struct weir_pipeline_opts opts = {.handler = plus_handler, .job_buffer = 2};
	listen(ctx);
	run_line(ctx, &opts, (const int[]){1, 2}, 2, 1);
	expect_tree();
	WEIR_SIM_EQ(count(WEIR_PROBE_PIPELINE_STARTED), 1);
	WEIR_SIM_EQ(heard[n_heard - 1].kind, WEIR_PROBE_PIPELINE_DONE);
	WEIR_SIM_EQ(heard[n_heard - 1].code, WEIR_ECANCELED);
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_DONE), 1);
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_UNDELIVERED), count(WEIR_PROBE_JOB_CANCELED));
}

/* However it ends, and with any number of workers: a tree, and as many jobs as the account says. */
WEIR_SIM_TEST_WITH(pipelines_make_a_tree, .no_early = true, .schedules = 1000)
{
	static const int in[] = {1, 8, 7};
	weir_pipeline *p;
	weir_pipeline_report r;
	line_jobs jobs;
	line_results results;
	struct line_result result;
	weir_scope s;
	listen(ctx);
	weir_stage *st = weir_parallel((weir_stage *const[]){step(ctx), step(ctx)}, 2, 0, adding(ctx));
	struct weir_pipeline_opts opts = {.stage = st, .workers = 2, .job_buffer = 3, .ordered = true};
	unsigned most = weir_sim_choose(4, "results");
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(line_start(&s, &opts, &jobs, &results, &p), 0);
	WEIR_SIM_EQ(send_numbers(ctx, &jobs, in, 3), 0);
	for (unsigned i = 0; i < most; i++) {
		WEIR_SIM_EQ(line_recv(ctx, results, &result), 1);
		line_result_drop(&result);
	}
	weir_pipeline_cancel(p, "enough");
	line_results_close(&results);
	WEIR_SIM_EQ(weir_pipeline_stop(ctx, p, WEIR_SEC(9), &r), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	expect_tree();
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_STARTED), r.received);
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_DONE), r.succeeded);
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_FAILED), r.failed);
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_CANCELED), r.canceled);
	WEIR_SIM_EQ(count(WEIR_PROBE_JOB_UNDELIVERED), r.undelivered);
	WEIR_SIM_EQ(count(WEIR_PROBE_PIPELINE_DONE), 1);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
