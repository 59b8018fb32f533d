/* SPDX-License-Identifier: MIT
 *
 * examples/crawl.c in the simulator: what is fetched and what is buried, and when, whatever the order; and ended at any
 * moment. */
#define main crawl_main
#include "examples/crawl.c"
#undef main
#include <weir/resilience.h>
#include <weir/sim.h>

#define URLS(...) (char *[]){__VA_ARGS__}, sizeof((char *[]){__VA_ARGS__}) / sizeof(char *)

/* What it said, at most so much of it. */
static char out_text[1024], dead_text[4096];

static int crawl_these(weir_ctx *ctx, weir_err *err, size_t workers, char **urls, size_t n)
{
	struct crawl crawl = {.urls = urls, .n = n, .workers = workers};
	int rc;
	memset(out_text, 0, sizeof(out_text));
	memset(dead_text, 0, sizeof(dead_text));
	crawl.out = fmemopen(out_text, sizeof(out_text), "w");
	crawl.dead = fmemopen(dead_text, sizeof(dead_text), "w");
	rc = crawl.out && crawl.dead ? crawl_run(ctx, err, &crawl) : WEIR_ENOMEM;
	if (crawl.out)
		fclose(crawl.out);
	if (crawl.dead)
		fclose(crawl.dead);
	return rc;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;
	for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
		n++;
	return n;
}

WEIR_SIM_TEST(what_can_be_fetched_is_fetched)
{
	WEIR_SIM_EQ(crawl_these(ctx, NULL, 2, URLS("a.example", "bad.example", "longer.example")), 0);
	WEIR_SIM_EQ(count(out_text, "\n"), 2);
	WEIR_SIM_EQ(count(out_text, "a.example: 9\n"), 1);
	WEIR_SIM_EQ(count(out_text, "longer.example: 14\n"), 1);
	WEIR_SIM_EQ(count(dead_text, "\n"), 1);
	WEIR_SIM_EQ(count(dead_text, "bad.example: retry: WEIR_EEXHAUSTED (3 attempts): breaker attempt 3: timeout: "
				     "fetch: user error -10001: refused\n"),
		    1);
}

/* Good ones wait for nothing but their network: one worker, 9 + 14 ms. */
WEIR_SIM_TEST(in_exactly_the_time_it_takes)
{
	WEIR_SIM_EQ(crawl_these(ctx, NULL, 1, URLS("a.example", "longer.example")), 0);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(9 + 14));
}

/* 201 letters are one millisecond too many, three times; the delays between are at most 10 and 20 ms. */
WEIR_SIM_TEST(too_slow_is_a_timeout)
{
	char slow[202] = {0};
	memset(slow, 's', 201);
	WEIR_SIM_EQ(crawl_these(ctx, NULL, 1, URLS(slow)), 0);
	WEIR_SIM_EQ(out_text[0], 0);
	WEIR_SIM_EQ(count(dead_text, "WEIR_EEXHAUSTED (3 attempts)"), 1);
	WEIR_SIM_EQ(count(dead_text, "WEIR_ETIMEOUT (after 200000 us)"), 1);
	WEIR_SIM_ASSERT(weir_rt_now(weir_ctx_rt(ctx)) >= WEIR_MS(600));
	WEIR_SIM_ASSERT(weir_rt_now(weir_ctx_rt(ctx)) <= WEIR_MS(630));
}

/* Five failed attempts in a row: the breaker opens, and the third bad one is told so, not tried. A url that is good is
 * refused then too, and nobody buries what only came at a bad time. */
WEIR_SIM_TEST(the_breaker_holds_all_of_them_back)
{
	WEIR_SIM_EQ(crawl_these(ctx, NULL, 1, URLS("bad.one", "bad.two", "bad.three", "good")), 0);
	WEIR_SIM_EQ(out_text[0], 0);
	WEIR_SIM_EQ(count(dead_text, "bad.one: "), 1);
	WEIR_SIM_EQ(count(dead_text, "\n"), 1);
}

static int ended_by_a_deadline(weir_ctx *ctx, int64_t at)
{
	weir_ctx limit;
	weir_err err = {0};
	int rc;
	weir_ctx_init(&limit, ctx, at);
	rc = crawl_these(&limit, &err, 3, URLS("a.example", "bad.example", "c.example", "longer.example", "z"));
	weir_err_fini(&err);
	weir_ctx_fini(&limit);
	return rc;
}

/* All of it takes at most 9 + 14 ms, or the bad one's 3 * 11 and 30 of delays: at each millisecond of that. */
WEIR_SIM_TEST_WITH(ended_at_any_moment, .no_early = true)
{
	int64_t ms = weir_sim_choose(70, "ms");
	int rc = ended_by_a_deadline(ctx, WEIR_MS(ms));
	WEIR_SIM_ASSERT(rc == 0 ? ms >= 33 : rc == WEIR_EDEADLINE && ms <= 63);
	WEIR_SIM_ASSERT(weir_rt_now(weir_ctx_rt(ctx)) <= WEIR_MS(ms));
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)) == WEIR_MS(ms), rc != 0);
}

WEIR_SIM_TEST_WITH(with_a_fault_anywhere, .schedules = 2, .fault_sweep = true)
{
	weir_err err = {0};
	int rc = crawl_these(ctx, &err, 2, URLS("a", "bad"));
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
