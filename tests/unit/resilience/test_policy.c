/* SPDX-License-Identifier: MIT
 *
 * Retry, timeout, fallback, dead letters, limiter, hedge and policy on threads: what is refused when they are built,
 * types that move, lines of a log and their way back, and that nothing is allocated while values succeed. Times and
 * cancels are in tests/sim/test_policy.c. */
#include <check.h>
#include <stdio.h>
#include <weir/resilience.h>

#include "../stage/kit.h"

/* All that is refused here is an argument. */
#define expect_wrong(st, text) expect_wrong(st, WEIR_EINVAL, text)

WEIR_TYPE_PLAIN(num, int);

static int plus(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0)
		return weir_fail(err, WEIR_EUSER, "%d is negative", *in);
	*out = *in + 1;
	return 0;
}
WEIR_STAGE_DECLARE(plus, num, num);

static weir_stage *child(void)
{
	return plus_stage(rt, NULL);
}

/* An item that owns something, and cannot be copied: passed through, or refused where *arg is set. */
static int pass(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	int *refusals = arg;
	(void)ctx, (void)err;
	if (refusals && (*refusals)-- > 0)
		return WEIR_EUSER;
	*(uint32_t *)out = *(const uint32_t *)in;
	return 0;
}

static weir_stage *taking(int *refusals)
{
	return weir_stage_new(rt, &(struct weir_stage_opts){.name = "pass",
							    .in = &item_type,
							    .out = &item_type,
							    .process = pass,
							    .arg = refusals,
							    .takes = true});
}

static int no_grave(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	(void)ctx, (void)dead, (void)err, (void)arg;
	return 0;
}

/* ---- building ---- */

START_TEST(what_is_wrong_with_each)
{
	weir_stage *taken = child(), *parent = weir_timeout(taken, 1);
	expect_wrong(weir_retry(NULL, NULL), "made of no stages");
	expect_wrong(weir_retry(taken, NULL), "part of another stage");
	expect_wrong(weir_retry(child(), &(struct weir_retry_opts){.total_ns = -1}), "negative time");
	expect_wrong(weir_retry(child(), &(struct weir_retry_opts){.base_ns = 1, .backoff.base_ns = 1}), "two bases");
	expect_wrong(weir_retry(child(), &(struct weir_retry_opts){.backoff.factor = 0.5}), "makes no sense");
	expect_wrong(weir_timeout(child(), 0), "a limit is above 0");
	expect_wrong(weir_timeout_with(child(), NULL), "a limit is above 0");
	expect_wrong(weir_fallback(child(), NULL), "a value or a function");
	expect_wrong(weir_fallback(child(), &(struct weir_fallback_opts){.value = &(int){1}, .fn = plus_handler}),
		     "not both");
	expect_wrong(weir_fallback(child(), &(struct weir_fallback_opts){.fn = plus_handler, .grace_ns = WEIR_FOREVER}),
		     "with an end");
	expect_wrong(weir_fallback(taking(NULL), &(struct weir_fallback_opts){.fn = pass}), "two owners");
	expect_wrong(weir_dead_letter(child(), NULL, NULL), "needs a function");
	expect_wrong(weir_dead_letter_with(child(), &(struct weir_dead_opts){.fn = no_grave, .grace_ns = -1}),
		     "with an end");
	expect_wrong(weir_limit_stage(child(), NULL), "a bucket or bands");
	expect_wrong(weir_hedge(child(), &(struct weir_hedge_opts){.max_attempts = 6}), "at most 5");
	expect_wrong(weir_hedge(child(), &(struct weir_hedge_opts){.delay_ns = -2}), "a delay of -2");
	expect_wrong(weir_hedge(child(), &(struct weir_hedge_opts){.percent = 90}), "nothing that is measured");
	weir_latency measured;
	ck_assert_int_eq(weir_latency_init(&measured, rt, NULL), 0);
	expect_wrong(weir_hedge(child(), &(struct weir_hedge_opts){.measured = &measured, .percent = 101}),
		     "percentage");
	expect_wrong(weir_hedge(child(), &(struct weir_hedge_opts){.measured = &measured, .percent = -1}),
		     "percentage");
	weir_latency_fini(&measured);
	expect_wrong(weir_hedge(taking(NULL), NULL), "cannot be copied");
	weir_stage_free(&parent);
}
END_TEST

START_TEST(what_is_wrong_with_a_policy)
{
	const struct weir_retry_opts retry = {.total_ns = 20};
	expect_wrong(weir_policy(child(), NULL), "no layer at all");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.dead_letter.grace_ns = 1}), "no function");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.limiter.tokens = 1}), "no bucket");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.total_timeout_ns = 9, .attempt_timeout_ns = 9}),
		     "never end first");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.total_timeout_ns = 9, .retry = &retry}),
		     "longer than the total");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.total_timeout_ns = -1}), "a limit is above 0");
	weir_bulkhead bulkhead = {0};
	weir_adaptive adaptive = {0};
	weir_throttle throttle = {0};
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.bulkhead = &bulkhead, .adaptive = &adaptive}),
		     "one of them says how many");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.adaptive = &adaptive}), "weir_adaptive_init");
	expect_wrong(weir_policy(child(), &(struct weir_policy_opts){.throttle = &throttle}), "weir_throttle_init");
	expect_wrong(weir_policy(NULL, NULL), "made of no stages");
}
END_TEST

/* Who is around whom can be read in what a failure says: outermost first. */
START_TEST(layers_of_a_policy_are_in_order)
{
	weir_breaker breaker;
	weir_throttle throttle;
	weir_bucket bucket;
	weir_adaptive adaptive;
	weir_err err = {0};
	char text[400];
	int out;
	ck_assert_int_eq(weir_breaker_init(&breaker, &root, NULL), 0);
	ck_assert_int_eq(weir_throttle_init(&throttle, &root, NULL), 0);
	ck_assert_int_eq(weir_adaptive_init(&adaptive, &root, NULL), 0);
	ck_assert_int_eq(weir_bucket_init(&bucket, rt, &(struct weir_bucket_opts){.burst = 9}), 0);
	weir_stage *st = weir_policy(child(), &(struct weir_policy_opts){.breaker = &breaker,
									 .throttle = &throttle,
									 .limiter.bucket = &bucket,
									 .adaptive = &adaptive,
									 .attempt_timeout_ns = WEIR_SEC(9)});
	weir_call *call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &(int){-1}, &out, &err), WEIR_EUSER);
	weir_err_format(&err, text, sizeof(text));
	const char *at = text;
	static const char *const order[] = {"throttle: ", "limiter: ", "adaptive: ", "attempt: ", "plus: "};
	for (size_t i = 0; i < COUNT_OF(order); i++) {
		at = strstr(at, order[i]);
		ck_assert_msg(at != NULL, "\"%s\" has no place in: %s", order[i], text);
	}
	weir_err_fini(&err);
	done_with(&call, &st);
	weir_bucket_fini(&bucket);
	weir_adaptive_fini(&adaptive);
	weir_throttle_fini(&throttle);
	weir_breaker_fini(&breaker);
}
END_TEST

START_TEST(names_and_types_are_the_childs)
{
	weir_stage *all[] = {weir_retry(child(), NULL), weir_timeout(child(), 1),
			     weir_dead_letter(child(), no_grave, NULL),
			     weir_fallback(child(), &(struct weir_fallback_opts){.fn = plus_handler}),
			     weir_hedge(child(), NULL)};
	static const char *const names[] = {"retry", "timeout", "dead_letter", "fallback", "hedge"};
	for (size_t i = 0; i < COUNT_OF(all); i++) {
		ck_assert_int_eq(weir_stage_check(all[i], NULL), 0);
		ck_assert_str_eq(weir_stage_name(all[i]), names[i]);
		ck_assert(weir_type_equal(weir_stage_in(all[i]), num_type()));
		ck_assert(weir_type_equal(weir_stage_out(all[i]), num_type()));
		ck_assert(!weir_stage_takes(all[i]));
		weir_stage_free(&all[i]);
	}
}
END_TEST

static int never_good(const void *out, weir_err *err, void *arg)
{
	(void)out, (void)err, (void)arg;
	return WEIR_EUSER;
}

/* A value that moves: it is still the caller's between attempts, and moved once. */
START_TEST(a_stage_that_takes)
{
	int refusals = 2;
	uint32_t in = 5, out = 0;
	weir_stage *st = weir_dead_letter(weir_retry(weir_timeout(taking(&refusals), WEIR_SEC(60)), NULL), no_grave,
					  NULL);
	weir_call *call = call_of(st);
	ck_assert(weir_stage_takes(st));
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), 0);
	ck_assert_uint_eq(out, 5);
	ck_assert_uint_eq(drops_in_all(), 0);
	done_with(&call, &st);
	st = weir_retry(taking(NULL), &(struct weir_retry_opts){.reject = never_good});
	call = call_of(st);
	ck_assert_int_eq(weir_call_process(&root, call, &in, &out, NULL), WEIR_EEXHAUSTED);
	ck_assert_uint_eq(drops_in_all(), 0); /* it is the caller's again */
	done_with(&call, &st);
}
END_TEST

/* All layers but hedges, a thousand values: no memory is asked for. */
START_TEST(success_allocates_nothing)
{
	weir_breaker breaker = {0};
	weir_bucket bucket;
	weir_bulkhead bulkhead = {0};
	int out = 0;
	ck_assert_int_eq(weir_breaker_init(&breaker, &root, NULL), 0);
	ck_assert_int_eq(weir_bulkhead_init(&bulkhead, &root, NULL), 0);
	ck_assert_int_eq(weir_bucket_init(&bucket, rt, &(struct weir_bucket_opts){.unlimited = true}), 0);
	weir_stage *st = weir_fallback(weir_policy(weir_hedge(child(), NULL),
						   &(struct weir_policy_opts){.dead_letter.fn = no_grave,
									      .total_timeout_ns = WEIR_SEC(120),
									      .retry = &(struct weir_retry_opts){0},
									      .breaker = &breaker,
									      .limiter.bucket = &bucket,
									      .bulkhead = &bulkhead,
									      .attempt_timeout_ns = WEIR_SEC(60)}),
				       &(struct weir_fallback_opts){.value = &(int){0}});
	weir_call *call = call_of(st);
	memory_refuse(1);
	for (int i = 0; i < 1000; i++) {
		ck_assert_int_eq(weir_call_process(&root, call, &i, &out, NULL), 0);
		ck_assert_int_eq(out, i + 1);
	}
	ck_assert(!memory_was_refused());
	memory_refuse(0);
	done_with(&call, &st);
	weir_bulkhead_fini(&bulkhead);
	weir_bucket_fini(&bucket);
	weir_breaker_fini(&breaker);
}
END_TEST

START_TEST(timeout_stats_are_of_a_stage_with_a_gauge)
{
	struct weir_timeout_stats stats;
	weir_stage *plain = weir_timeout(child(), 1), *other = child();
	weir_stage *st = weir_timeout_with(child(),
					   &(struct weir_timeout_opts){.limit_ns = WEIR_SEC(1), .gauge = true});
	weir_call *call = call_of(st);
	ck_assert_int_eq(weir_timeout_stats_read(&root, plain, &stats), WEIR_EINVAL);
	ck_assert_int_eq(weir_timeout_stats_read(&root, other, &stats), WEIR_EINVAL);
	ck_assert_int_eq(weir_timeout_stats_read(&root, st, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_timeout_stats_read(&root, st, &stats), 0);
	ck_assert_uint_eq(stats.running + stats.overdue, 0);
	done_with(&call, &st);
	weir_stage_free(&plain);
	weir_stage_free(&other);
}
END_TEST

/* ---- a log ---- */

struct paper {
	char text[2000];
	size_t len, at;
	int rc;
};

static int write_paper(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg)
{
	struct paper *p = arg;
	(void)ctx, (void)err;
	if (p->rc == 0) {
		memcpy(p->text + p->len, line, len);
		p->len += len;
	}
	return p->rc;
}

static int read_paper(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg)
{
	struct paper *p = arg;
	(void)ctx, (void)err;
	if (p->at == p->len)
		return 0;
	const char *end = memchr(p->text + p->at, '\n', p->len - p->at);
	*len = (size_t)(end - (p->text + p->at)) + 1;
	ck_assert_uint_le(*len, cap);
	memcpy(line, p->text + p->at, *len);
	p->at += *len;
	return 1;
}

static void letter(struct weir_dead_log *log, const void *item, const weir_type *type, int rc)
{
	weir_err failure = {0}, err = {0};
	(void)weir_fail(&failure, WEIR_EUSER, "say \"no\"\n\t\\ %c", 0xff);
	const struct weir_dead dead = {.item = item,
				       .type = type,
				       .code = WEIR_EUSER,
				       .err = &failure,
				       .attempts = 3,
				       .first_utc = 1000,
				       .last_utc = 2000,
				       .stage = "fetch"};
	ck_assert_int_eq(weir_dead_log_write(&root, &dead, &err, log), rc);
	ck_assert_int_eq(err.code, rc == WEIR_EIO ? 0 : rc);
}

START_TEST(a_line_of_bytes)
{
	struct paper p = {.len = 0};
	struct weir_dead_log log = {.write = write_paper, .arg = &p};
	unsigned char item[4] = {0, 0xab, '"', 0x10}, back[4];
	const weir_type type = {.name = "four", .size = 4, .align = 1};
	size_t len = 0;
	letter(&log, item, &type, 0);
	p.text[p.len] = '\0';
	ck_assert_msg(strstr(p.text, "{\"first_utc\":1000,\"last_utc\":2000,\"attempts\":3,\"code\":-10000,") == p.text,
		      "%s", p.text);
	ck_assert_msg(strstr(p.text, "\"stage\":\"fetch\",\"error\":\"") != NULL, "%s", p.text);
	ck_assert_msg(strstr(p.text, "say \\\"no\\\"\\u000a\\u0009\\\\ \\u00ff\"") != NULL, "%s", p.text);
	ck_assert_msg(strstr(p.text, ",\"item_hex\":\"00ab2210\"}\n") != NULL, "%s", p.text);
	ck_assert_int_eq(weir_dead_log_item(p.text, p.len, back, sizeof(back), &len), 0);
	ck_assert_uint_eq(len, 4);
	ck_assert_mem_eq(item, back, 4);
	ck_assert_int_eq(weir_dead_log_item(p.text, p.len, back, 3, &len), WEIR_EOVERFLOW);
}
END_TEST

static int encode(const void *item, char *buf, size_t cap, void *arg)
{
	(void)arg;
	return snprintf(buf, cap, "%s", (const char *)item);
}

START_TEST(a_line_of_text)
{
	static const char *const texts[] = {"",
					    "plain",
					    "\"item\":\"",
					    ",\"item_hex\":\"",
					    "\\",
					    "a\nb\x7f",
					    "gr\xc3\xbc\xc3\x9f",
					    "\xff\xfe",
					    "\xe2\x82\xac\xf0\x9f\x98\x80",
					    "\xc0\xaf",
					    "\xed\xa0\x80",
					    "\xe0\x9f\xbf",
					    "\xf0\x8f\xbf\xbf",
					    "\xf4\x90\x80\x80",
					    "\xf5\x80\x80\x80",
					    "\xe2\x82"};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct paper p = {.len = 0};
		struct weir_dead_log log = {.write = write_paper, .encode = encode, .arg = &p};
		char back[64];
		size_t len = 0;
		letter(&log, texts[i], &item_type, 0);
		ck_assert_int_eq(weir_dead_log_item(p.text, p.len, back, sizeof(back), &len), 0);
		ck_assert_uint_eq(len, strlen(texts[i]));
		ck_assert_mem_eq(back, texts[i], len);
		bool raw = false;
		for (size_t k = 0; k + 1 < p.len; k++) {
			ck_assert_uint_ge((unsigned char)p.text[k], 0x20);
			raw |= (unsigned char)p.text[k] > 0x7e;
		}
		ck_assert_int_eq(raw, i == 6 || i == 8); /* what is UTF-8 stands there as it is, and nothing else */
	}
}
END_TEST

START_TEST(letters_that_cannot_be_written)
{
	struct paper p = {.rc = WEIR_EIO};
	struct weir_dead_log log = {.arg = &p};
	int item = 1;
	letter(&log, &item, num_type(), WEIR_EINVAL);
	letter(NULL, &item, num_type(), WEIR_EINVAL);
	log.write = write_paper;
	letter(&log, &item, &item_type, WEIR_EINVAL); /* owns something */
	letter(&log, &item, num_type(), WEIR_EIO);
	log.line_bytes = 60;
	letter(&log, &item, num_type(), WEIR_EOVERFLOW);
	log.encode = encode;
	log.line_bytes = 8;
	letter(&log, "longer than eight", num_type(), WEIR_EOVERFLOW);
	ck_assert_uint_eq(p.len, 0);
}
END_TEST

START_TEST(lines_that_are_none)
{
	static const char *const lines[] = {"",
					    "}",
					    "{}",
					    "{,\"item\":\"",
					    "{,\"item\":\"a",
					    "{,\"item\":\"a\"",
					    "{,\"item\":}",
					    "{,\"item\":\"\\x\"}",
					    "{,\"item\":\"\\u0\"}",
					    "{,\"item\":\"\\u0100\"}",
					    "{,\"item\":\"a\"b\"}",
					    "{,\"item_hex\":\"0\"}",
					    "{,\"item_hex\":\"0g\"}",
					    "{,\"item\":\"\\\"}"};
	for (size_t i = 0; i < COUNT_OF(lines); i++) {
		char buf[16];
		size_t len = 77;
		ck_assert_int_eq(weir_dead_log_item(lines[i], strlen(lines[i]), buf, sizeof(buf), &len), WEIR_EINVAL);
		ck_assert_uint_eq(len, 77);
	}
}
END_TEST

struct told {
	struct paper paper;
	int rcs[4], made[4];
	size_t n;
};

static int next_of(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg)
{
	return read_paper(ctx, line, cap, len, err, &((struct told *)arg)->paper);
}

static void tell(const char *line, size_t len, int rc, const void *out, const weir_err *err, void *arg)
{
	struct told *t = arg;
	(void)line, (void)len, (void)err;
	t->made[t->n] = out ? *(const int *)out : 0;
	t->rcs[t->n++] = rc;
}

START_TEST(a_log_is_replayed)
{
	struct told t = {.n = 0};
	struct weir_dead_log log = {.write = write_paper, .arg = &t.paper};
	struct weir_dead_replay_opts replay = {.next = next_of, .done = tell, .arg = &t};
	struct weir_dead_report report;
	weir_stage *st = child();
	weir_call *call = call_of(st);
	letter(&log, &(int){41}, num_type(), 0);
	t.paper.len += (size_t)sprintf(t.paper.text + t.paper.len, "no line of a log\n");
	letter(&log, &(int){-1}, num_type(), 0);
	letter(&log, &(int){1}, &(weir_type){.name = "half", .size = 2, .align = 1}, 0);
	ck_assert_int_eq(weir_dead_replay(&root, call, st, &replay, &report, NULL), 0);
	ck_assert_uint_eq(report.done, 1);
	ck_assert_uint_eq(report.failed, 1);
	ck_assert_uint_eq(report.unreadable, 2);
	ck_assert_int_eq(t.rcs[0], 0);
	ck_assert_int_eq(t.made[0], 42);
	ck_assert_int_eq(t.rcs[1], WEIR_EINVAL);
	ck_assert_int_eq(t.rcs[2], WEIR_EUSER);
	ck_assert_int_eq(t.rcs[3], WEIR_EINVAL);
	ck_assert_int_eq(weir_dead_replay(&root, call, st, NULL, &report, NULL), WEIR_EINVAL);
	weir_ctx own;
	weir_ctx_init(&own, &root, WEIR_FOREVER);
	weir_ctx_cancel(&own, NULL);
	t.paper.at = 0;
	ck_assert_int_eq(weir_dead_replay(&own, call, st, &replay, &report, NULL), WEIR_ECANCELED);
	ck_assert_uint_eq(t.paper.at, 0);
	weir_ctx_fini(&own);
	done_with(&call, &st);
}
END_TEST

static int decode(const char *text, size_t len, void *item, void *arg)
{
	uint32_t id = 0;
	(void)arg;
	for (size_t i = 0; i < len; i++)
		id = id * 10 + (uint32_t)(text[i] - '0');
	*(uint32_t *)item = id;
	return 0;
}

static int encode_id(const void *item, char *buf, size_t cap, void *arg)
{
	(void)arg;
	return snprintf(buf, cap, "%u", *(const uint32_t *)item);
}

/* Values that own something, of a stage that takes them: each is dropped once, whether it moved or failed. */
START_TEST(what_is_replayed_is_dropped_once)
{
	struct told t = {.n = 0};
	struct weir_dead_log log = {.write = write_paper, .encode = encode_id, .arg = &t.paper};
	struct weir_dead_replay_opts replay = {.next = next_of, .decode = decode, .done = tell, .arg = &t};
	struct weir_dead_report report;
	int refusals = 1;
	weir_stage *st = taking(&refusals);
	weir_call *call = call_of(st);
	letter(&log, &(uint32_t){3}, &item_type, 0);
	letter(&log, &(uint32_t){4}, &item_type, 0);
	ck_assert_int_eq(weir_dead_replay(&root, call, st, &replay, &report, NULL), 0);
	ck_assert_uint_eq(report.failed, 1);
	ck_assert_uint_eq(report.done, 1);
	ck_assert_int_eq(t.rcs[0], WEIR_EUSER);
	ck_assert_int_eq(t.rcs[1], 0);
	ck_assert_int_eq(t.made[1], 4);
	ck_assert_uint_eq(drops_of(3), 1);
	ck_assert_uint_eq(drops_of(4), 1);
	done_with(&call, &st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("policy");
	TCase *building = world_case(suite, "building");
	tcase_add_test(building, what_is_wrong_with_each);
	tcase_add_test(building, what_is_wrong_with_a_policy);
	tcase_add_test(building, layers_of_a_policy_are_in_order);
	tcase_add_test(building, names_and_types_are_the_childs);
	TCase *running = world_case(suite, "running");
	tcase_add_test(running, a_stage_that_takes);
	tcase_add_test(running, success_allocates_nothing);
	tcase_add_test(running, timeout_stats_are_of_a_stage_with_a_gauge);
	TCase *log = world_case(suite, "log");
	tcase_add_test(log, a_line_of_bytes);
	tcase_add_test(log, a_line_of_text);
	tcase_add_test(log, letters_that_cannot_be_written);
	tcase_add_test(log, lines_that_are_none);
	tcase_add_test(log, a_log_is_replayed);
	tcase_add_test(log, what_is_replayed_is_dropped_once);
	return run_suite(suite);
}
