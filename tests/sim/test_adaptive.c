/* SPDX-License-Identifier: MIT
 *
 * The adaptive limit and the client throttle, and their stages, in the simulator: exhaustive where three callers race
 * ("dfs2", "dfs3": every schedule with at most so many preemptions), exact where time counts. A race that can end in
 * two ways has been seen to end in both, or main fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>

enum { SERVED, CANCELED, TURNED_AWAY, FELL, ROSE, HELD_BACK, LET_THROUGH, POLICY_DONE, POLICY_CANCELED, SEEN };
static bool seen[SEEN];

static weir_adaptive limit;

static int64_t now(weir_ctx *ctx)
{
	return weir_rt_now(weir_ctx_rt(ctx));
}

static struct weir_adaptive_snapshot look(weir_ctx *ctx)
{
	struct weir_adaptive_snapshot is;
	weir_adaptive_snapshot_get(ctx, &limit, &is);
	return is;
}

/* Each sample counts: + 1 for a success, half for a drop. */
static void open_limit(weir_ctx *ctx, uint32_t initial, uint32_t max, uint32_t max_waiting, int64_t max_wait_ns)
{
	const struct weir_adaptive_init_opts opts = {.limit = {.rule = WEIR_ADAPTIVE_AIMD,
							       .initial = initial,
							       .min = 1,
							       .max = max,
							       .ratio = 0.5,
							       .each_sample = true},
						     .max_waiting = max_waiting,
						     .max_wait_ns = max_wait_ns};
	WEIR_SIM_EQ(weir_adaptive_init(&limit, ctx, &opts), 0);
}

/* As many as the limit says can be had, and not one more; then it is finished. */
static void close_limit(weir_ctx *ctx)
{
	struct weir_adaptive_permit p[8], more;
	uint32_t n = weir_adaptive_limit(&limit);
	weir_ctx brief;
	struct weir_adaptive_snapshot is = look(ctx);
	WEIR_SIM_EQ(is.line.running + is.line.waiting, 0);
	WEIR_SIM_EQ(is.line.limit, n);
	WEIR_SIM_ASSERT(n <= 8);
	for (uint32_t i = 0; i < n; i++)
		WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &limit, &p[i], NULL), 0);
	WEIR_SIM_EQ(p[n - 1].under_way, n);
	weir_ctx_init(&brief, ctx, now(ctx) + 1);
	int rc = weir_adaptive_acquire(&brief, &limit, &more, NULL);
	WEIR_SIM_ASSERT(rc == WEIR_EOVERLOAD || rc == WEIR_EDEADLINE);
	weir_ctx_fini(&brief);
	for (uint32_t i = 0; i < n; i++)
		weir_adaptive_release(ctx, &limit, &p[i], WEIR_ADAPTIVE_IGNORED);
	weir_adaptive_release(ctx, &limit, &more, WEIR_ADAPTIVE_DROPPED); /* empty: nothing happens */
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), n);
	weir_adaptive_fini(&limit);
}

struct caller {
	enum weir_adaptive_outcome outcome;
	int64_t arrive_ns, stay_ns;
	weir_ctx own;
	int rc;
	int64_t in_at; /* or when it was told no */
};

static int inside, most;

static int caller(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct caller *c = arg;
	struct weir_adaptive_permit p;
	(void)err;
	WEIR_SIM_EQ(weir_sleep(ctx, c->arrive_ns), 0);
	c->rc = weir_adaptive_acquire(&c->own, &limit, &p, NULL);
	c->in_at = now(ctx);
	WEIR_SIM_EQ(p.live, c->rc == 0);
	if (c->rc < 0)
		return 0;
	if (++inside > most)
		most = inside;
	int rc = 0;
	if (c->stay_ns > 0)
		rc = weir_sleep(ctx, c->stay_ns);
	else
		weir_rt_yield(weir_ctx_rt(ctx));
	inside--;
	weir_adaptive_release(ctx, &limit, &p, c->outcome);
	WEIR_SIM_ASSERT(!p.live);
	return rc;
}

static void callers_in(weir_ctx *ctx, weir_scope *s, struct caller *c, int n)
{
	inside = most = 0;
	weir_scope_init(s, ctx);
	for (int i = 0; i < n; i++) {
		c[i].rc = 1;
		weir_ctx_init(&c[i].own, ctx, WEIR_FOREVER);
		WEIR_SIM_EQ(weir_scope_spawn(s, "caller", caller, &c[i]), 0);
	}
}

static void callers_out(weir_ctx *ctx, weir_scope *s, struct caller *c, int n)
{
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
	for (int i = 0; i < n; i++)
		weir_ctx_fini(&c[i].own);
	close_limit(ctx);
}

/* ---- races ---- */

/* One ends well, one is dropped, one says nothing, with a limit of 2 that goes down to 1 or up to 3 while they come and
 * go. There is room for all in line: everybody is served. */
WEIR_SIM_TEST_WITH(three_callers_and_a_limit_that_moves, .strategy = "dfs2")
{
	struct caller c[3] = {{.outcome = WEIR_ADAPTIVE_SUCCESS},
			      {.outcome = WEIR_ADAPTIVE_DROPPED},
			      {.outcome = WEIR_ADAPTIVE_IGNORED}};
	weir_scope s;
	open_limit(ctx, 2, 3, 2, 0);
	callers_in(ctx, &s, c, 3);
	weir_sim_quiesce(ctx);
	WEIR_SIM_ASSERT(c[0].rc == 0 && c[1].rc == 0 && c[2].rc == 0);
	struct weir_adaptive_snapshot is = look(ctx);
	WEIR_SIM_EQ(is.succeeded, 1);
	WEIR_SIM_EQ(is.dropped, 1);
	WEIR_SIM_EQ(is.ignored, 1);
	WEIR_SIM_EQ(is.line.refused + is.line.gave_up, 0);
	WEIR_SIM_ASSERT(is.line.limit == 1 || is.line.limit == 2); /* (2 + 1) / 2, or 2 / 2 + 1 */
	seen[is.line.limit == 1 ? FELL : ROSE] = true;
	callers_out(ctx, &s, c, 3);
}

/* Nobody waits. While the limit is 1 or 2 (it only grows here), three are never inside. */
WEIR_SIM_TEST_WITH(three_callers_and_no_line, .strategy = "dfs2")
{
	struct caller c[3] = {{.outcome = WEIR_ADAPTIVE_SUCCESS},
			      {.outcome = WEIR_ADAPTIVE_IGNORED},
			      {.outcome = WEIR_ADAPTIVE_IGNORED}};
	weir_scope s;
	open_limit(ctx, 1, 2, 0, 0);
	callers_in(ctx, &s, c, 3);
	weir_sim_quiesce(ctx);
	uint64_t refused = 0;
	for (int i = 0; i < 3; i++) {
		WEIR_SIM_ASSERT(c[i].rc == 0 || c[i].rc == WEIR_EOVERLOAD);
		refused += c[i].rc < 0;
	}
	WEIR_SIM_ASSERT(most <= (c[0].rc == 0 ? 2 : 1) && refused < 3);
	WEIR_SIM_EQ(look(ctx).line.refused, refused);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), c[0].rc == 0 ? 2 : 1);
	seen[TURNED_AWAY] |= refused > 0;
	callers_out(ctx, &s, c, 3);
}

/* b comes behind a and is cancelled: before it asks, in line, when its turn comes, when it is inside. A place is never
 * lost, and c behind it is served. */
WEIR_SIM_TEST_WITH(canceled_anywhere_in_line, .strategy = "dfs3")
{
	struct caller c[3] = {{.outcome = WEIR_ADAPTIVE_IGNORED},
			      {.outcome = WEIR_ADAPTIVE_IGNORED},
			      {.outcome = WEIR_ADAPTIVE_DROPPED}};
	weir_scope s;
	open_limit(ctx, 1, 2, 2, 0);
	callers_in(ctx, &s, c, 3);
	weir_ctx_cancel(&c[1].own, "enough");
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(most, 1);
	WEIR_SIM_ASSERT(c[0].rc == 0 && c[2].rc == 0 && (c[1].rc == 0 || c[1].rc == WEIR_ECANCELED));
	seen[c[1].rc == 0 ? SERVED : CANCELED] = true;
	callers_out(ctx, &s, c, 3);
}

/* The same where the limit rises: the place comes by the new limit, and not only by one that leaves. */
WEIR_SIM_TEST_WITH(canceled_when_the_limit_rises, .strategy = "dfs2")
{
	struct caller c[3] = {{.outcome = WEIR_ADAPTIVE_SUCCESS},
			      {.outcome = WEIR_ADAPTIVE_IGNORED},
			      {.outcome = WEIR_ADAPTIVE_IGNORED}};
	weir_scope s;
	open_limit(ctx, 1, 2, 2, 0);
	callers_in(ctx, &s, c, 3);
	weir_ctx_cancel(&c[1].own, "enough");
	weir_sim_quiesce(ctx);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), 2);
	WEIR_SIM_ASSERT(most <= 2 && c[0].rc == 0 && c[2].rc == 0 && (c[1].rc == 0 || c[1].rc == WEIR_ECANCELED));
	callers_out(ctx, &s, c, 3);
}

/* ---- exact ---- */

#define EXACT(test) WEIR_SIM_TEST_WITH(test, .no_early = true, .schedules = 50)

EXACT(the_limit_falls_below_what_is_under_way)
{
	struct caller c[5] = {{.stay_ns = WEIR_MS(10),
			       .outcome = WEIR_ADAPTIVE_DROPPED}, /* 3 / 2 = 1, and two are inside */
			      {.arrive_ns = 1, .stay_ns = WEIR_MS(20), .outcome = WEIR_ADAPTIVE_SUCCESS},
			      {.arrive_ns = 2, .stay_ns = WEIR_MS(30), .outcome = WEIR_ADAPTIVE_SUCCESS},
			      {.arrive_ns = WEIR_MS(1), .stay_ns = WEIR_MS(50), .outcome = WEIR_ADAPTIVE_IGNORED},
			      {.arrive_ns = WEIR_MS(2), .stay_ns = WEIR_MS(50), .outcome = WEIR_ADAPTIVE_IGNORED}};
	weir_scope s;
	open_limit(ctx, 3, 3, 4, 0);
	callers_in(ctx, &s, c, 5);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10) + 1), 0);
	WEIR_SIM_EQ(look(ctx).line.limit, 1);
	WEIR_SIM_EQ(look(ctx).line.running, 2);
	WEIR_SIM_EQ(look(ctx).line.waiting, 2);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
	WEIR_SIM_EQ(c[3].in_at, WEIR_MS(20) + 1); /* 2, and one is inside */
	WEIR_SIM_EQ(c[4].in_at, WEIR_MS(30) + 2);
	WEIR_SIM_EQ(look(ctx).line.limit, 3);
	WEIR_SIM_EQ(look(ctx).took_ns, WEIR_MS(30)); /* not the wait, nor those that say nothing */
	callers_out(ctx, &s, c, 5);
}

/* Those that are too many stand for places in line (bulkhead.h). */
EXACT(the_line_is_shorter_while_too_many_are_inside)
{
	struct caller c[4] = {{.stay_ns = WEIR_MS(10), .outcome = WEIR_ADAPTIVE_DROPPED},
			      {.stay_ns = WEIR_MS(30), .outcome = WEIR_ADAPTIVE_IGNORED},
			      {.stay_ns = WEIR_MS(20), .outcome = WEIR_ADAPTIVE_IGNORED},
			      {.arrive_ns = WEIR_MS(25), .outcome = WEIR_ADAPTIVE_IGNORED}};
	struct weir_adaptive_permit p;
	weir_scope s;
	open_limit(ctx, 3, 3, 1, 0);
	callers_in(ctx, &s, c, 4);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(10) + 1), 0); /* limit 1, a line of 1, two inside */
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &limit, &p, NULL), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(10) + 1);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
	WEIR_SIM_EQ(c[3].rc, 0);
	WEIR_SIM_EQ(c[3].in_at, WEIR_MS(30));
	callers_out(ctx, &s, c, 4);
}

static struct {
	int n, code;
	char name[16];
} told;

static void tell(const struct weir_probe_event *event, void *arg)
{
	(void)arg;
	if (event->kind != WEIR_PROBE_REJECTED)
		return;
	told.n++;
	told.code = event->code;
	snprintf(told.name, sizeof(told.name), "%s", event->name);
}

/* In line no longer than max_wait; what is told then, and to whom. */
WEIR_SIM_TEST_WITH(refused_with_the_time_a_call_takes, .no_early = true, .schedules = 1, .allow_no_decisions = true)
{
	weir_probe probe = {.fn = tell};
	struct weir_adaptive_permit p, no;
	struct weir_err_info info;
	weir_err err = {0};
	told.n = 0;
	WEIR_SIM_EQ(weir_probe_attach(weir_ctx_rt(ctx), &probe), 0);
	open_limit(ctx, 1, 1, 1, WEIR_MS(5));
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &limit, &p, NULL), 0);
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &limit, &no, &err), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(5));
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EOVERLOAD, &info));
	WEIR_SIM_EQ(info.value, 0); /* not known yet */
	weir_adaptive_release(ctx, &limit, &p, WEIR_ADAPTIVE_SUCCESS);
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &limit, &p, NULL), 0);
	WEIR_SIM_EQ(weir_adaptive_acquire(ctx, &limit, &no, &err), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(now(ctx), WEIR_MS(10));
	WEIR_SIM_ASSERT(weir_err_as(&err, WEIR_EOVERLOAD, &info));
	WEIR_SIM_EQ(info.value, WEIR_MS(5)); /* the first call */
	weir_err_fini(&err);
	WEIR_SIM_EQ(told.n, 2);
	WEIR_SIM_EQ(told.code, WEIR_EOVERLOAD);
	WEIR_SIM_EQ(strcmp(told.name, "adaptive"), 0);
	WEIR_SIM_EQ(look(ctx).line.gave_up, 2);
	weir_adaptive_release(ctx, &limit, &p, WEIR_ADAPTIVE_IGNORED);
	close_limit(ctx);
	weir_probe_detach(weir_ctx_rt(ctx));
}

/* ---- a service whose latency grows with load ---- */

enum { CLIENTS = 24 };

static struct service {
	weir_sem servers; /* each value needs one for 10 ms */
	bool down;
} service;

static const weir_type number = {.name = "number", .size = sizeof(int), .align = _Alignof(int)};

static int serve(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct service *s = arg;
	(void)err;
	int rc = weir_sem_acquire(ctx, &s->servers, 1);
	if (rc < 0)
		return rc;
	rc = weir_sleep(ctx, s->down ? WEIR_SEC(3600) : WEIR_MS(10));
	weir_sem_release(&s->servers, 1);
	*(int *)out = *(const int *)in;
	return rc;
}

static int client(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_call *call = NULL;
	int out, rc = weir_call_new(weir_scope_of(ctx), arg, &call);
	(void)err;
	WEIR_SIM_EQ(rc, 0);
	while (rc == 0 || rc == WEIR_ETIMEOUT)
		rc = weir_call_process(ctx, call, &(int){1}, &out, NULL);
	weir_call_free(&call);
	return rc == WEIR_ECANCELED ? 0 : rc;
}

static void clients_in(weir_ctx *ctx, weir_scope *s, weir_stage *st)
{
	weir_scope_init(s, ctx);
	WEIR_SIM_EQ(weir_stage_check(st, NULL), 0);
	for (int i = 0; i < CLIENTS; i++)
		WEIR_SIM_EQ(weir_scope_spawn(s, "client", client, st), 0);
}

static void clients_out(weir_ctx *ctx, weir_scope *s, weir_stage **st)
{
	weir_scope_cancel(s, "enough");
	WEIR_SIM_EQ(weir_scope_join(ctx, s, 0, NULL), 0);
	weir_stage_free(st);
	struct weir_adaptive_snapshot is = look(ctx);
	WEIR_SIM_EQ(is.line.running + is.line.waiting, 0);
	weir_adaptive_fini(&limit);
	weir_sem_fini(&service.servers);
}

static weir_stage *open_service(weir_ctx *ctx, uint64_t servers, const struct weir_adaptive_init_opts *opts,
				int64_t timeout_ns)
{
	weir_sem_init_bounded(&service.servers, weir_ctx_rt(ctx), servers, servers);
	service.down = false;
	WEIR_SIM_EQ(weir_adaptive_init(&limit, ctx, opts), 0);
	const struct weir_stage_opts stage = {.in = &number, .out = &number, .process = serve, .arg = &service};
	return weir_adaptive_stage(weir_timeout(weir_stage_new(weir_ctx_rt(ctx), &stage), timeout_ns), &limit);
}

/* Eight servers. Vegas lets three to six stand in front of them: it begins with 4 (nobody waits: + 6), goes on with 10
 * (two do: + 1) and stays at 11, one window each after that in which it learns how fast the service can be. With three
 * servers 11 are eight too many, and with twenty again it finds out that there is room. */
WEIR_SIM_TEST_WITH(vegas_finds_its_place, .no_early = true, .schedules = 5, .steps = 300000)
{
	static const uint32_t expected[] = {4, 10, 11, 11, 11};
	const struct weir_adaptive_init_opts opts = {
		.limit = {.initial = 4, .window_ns = WEIR_MS(100), .no_probe = true}, .max_waiting = CLIENTS};
	weir_stage *st = open_service(ctx, 8, &opts, WEIR_SEC(1));
	weir_scope s;
	clients_in(ctx, &s, st);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(55)), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
		weir_sim_note("window %zu: %u", i, weir_adaptive_limit(&limit));
		WEIR_SIM_EQ(weir_adaptive_limit(&limit), expected[i]);
		WEIR_SIM_EQ(look(ctx).line.running, expected[i]);
	}
	weir_sem_resize(&service.servers, 3);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1)), 0);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), 8); /* five in front of three */
	weir_sem_resize(&service.servers, CLIENTS);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1)), 0);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), 50); /* not more: half of it would not be in use */
	WEIR_SIM_EQ(look(ctx).dropped, 0);
	clients_out(ctx, &s, &st);
}

/* Calls that are not answered in 15 ms are dropped: with eight servers of 10 ms, the ninth. AIMD goes up by one each
 * window, and down by half when it was too much: twice, for some that were let in before end in the next window. And to
 * the least there is when nothing is answered any more. */
WEIR_SIM_TEST_WITH(aimd_goes_up_and_down, .no_early = true, .schedules = 5, .steps = 300000)
{
	static const uint32_t expected[] = {7, 8, 9, 4, 2, 3, 4, 5, 6, 7, 8, 9, 4, 2};
	const struct weir_adaptive_init_opts opts = {.limit = {.rule = WEIR_ADAPTIVE_AIMD,
							       .initial = 6,
							       .min = 1,
							       .ratio = 0.5,
							       .window_ns = WEIR_MS(100),
							       .min_samples = 2},
						     .max_waiting = CLIENTS};
	weir_stage *st = open_service(ctx, 8, &opts, WEIR_MS(15));
	weir_scope s;
	clients_in(ctx, &s, st);
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(55)), 0);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(100)), 0);
		weir_sim_note("window %zu: %u", i, weir_adaptive_limit(&limit));
		WEIR_SIM_EQ(weir_adaptive_limit(&limit), expected[i]);
	}
	service.down = true;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(1)), 0);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), 1);
	clients_out(ctx, &s, &st);
}

static int wait_long(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)in, (void)err, (void)arg;
	*(int *)out = 0;
	return weir_sleep(ctx, WEIR_SEC(1));
}

/* Whose end it was: the caller's says nothing about the service, that of a timeout inside does. */
WEIR_SIM_TEST_WITH(whose_deadline_it_was, .no_early = true, .schedules = 1, .allow_no_decisions = true)
{
	const struct weir_stage_opts opts = {.in = &number, .out = &number, .process = wait_long};
	weir_call *call = NULL;
	weir_scope s;
	weir_ctx own;
	int out;
	open_limit(ctx, 8, 8, 0, 0);
	weir_stage *st = weir_adaptive_stage(weir_timeout(weir_stage_new(weir_ctx_rt(ctx), &opts), WEIR_MS(10)),
					     &limit);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	weir_ctx_init(&own, ctx, WEIR_MS(5));
	WEIR_SIM_EQ(weir_call_process(&own, call, &(int){1}, &out, NULL), WEIR_EDEADLINE);
	weir_ctx_fini(&own);
	WEIR_SIM_EQ(look(ctx).ignored, 1);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), 8);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &(int){1}, &out, NULL), WEIR_ETIMEOUT);
	WEIR_SIM_EQ(look(ctx).dropped, 1);
	WEIR_SIM_EQ(weir_adaptive_limit(&limit), 4);
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	close_limit(ctx);
}

/* ---- the throttle ---- */

static weir_throttle throttle;
static int let_in;

static struct weir_throttle_snapshot glance(weir_ctx *ctx)
{
	struct weir_throttle_snapshot is;
	weir_throttle_snapshot_get(ctx, &throttle, &is);
	return is;
}

static int asks(weir_ctx *ctx, weir_err *err, void *arg)
{
	const bool *good = arg;
	(void)err;
	int rc = weir_throttle_ask(ctx, &throttle, NULL);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_EOVERLOAD);
	seen[rc == 0 ? LET_THROUGH : HELD_BACK] = true;
	if (rc < 0)
		return 0;
	let_in++;
	weir_rt_yield(weir_ctx_rt(ctx));
	if (*good)
		weir_throttle_accepted(ctx, &throttle);
	return 0;
}

WEIR_SIM_TEST_WITH(three_ask_the_throttle, .strategy = "dfs3")
{
	static const bool yes = true, no = false;
	weir_scope s;
	let_in = 0;
	WEIR_SIM_EQ(weir_throttle_init(&throttle, ctx, NULL), 0);
	WEIR_SIM_EQ(weir_throttle_ask(ctx, &throttle, NULL), 0); /* never held back: the first */
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "a", asks, (void *)(uintptr_t)&yes), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", asks, (void *)(uintptr_t)&no), 0);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "c", asks, (void *)(uintptr_t)&no), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	struct weir_throttle_snapshot is = glance(ctx);
	WEIR_SIM_EQ(is.asked, 4);
	WEIR_SIM_EQ(is.asked - is.refused, (uint64_t)let_in + 1);
	WEIR_SIM_ASSERT(is.accepted <= 1);
	WEIR_SIM_ASSERT(is.chance * 1000 > (is.accepted ? 399 : 799) && is.chance * 1000 < (is.accepted ? 401 : 801));
	weir_throttle_fini(&throttle);
}

static int refuse(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	const int *code = arg;
	(void)ctx;
	*(int *)out = *(const int *)in;
	let_in++;
	return *code < 0 ? weir_fail(err, *code, "as told") : 0;
}

/* A service that refuses everything is asked for a tenth; when it is well again, and what was refused is forgotten, for
 * all. */
WEIR_SIM_TEST_WITH(throttle_of_a_service_that_refuses, .schedules = 20, .allow_no_decisions = true)
{
	int code = WEIR_EOVERLOAD, out;
	const struct weir_stage_opts opts = {.in = &number, .out = &number, .process = refuse, .arg = &code};
	weir_probe probe = {.fn = tell};
	weir_call *call = NULL;
	weir_scope s;
	told.n = 0;
	let_in = 0;
	WEIR_SIM_EQ(weir_probe_attach(weir_ctx_rt(ctx), &probe), 0);
	WEIR_SIM_EQ(weir_throttle_init(&throttle, ctx, &(struct weir_throttle_init_opts){.limit.min_requests = 10}), 0);
	weir_stage *st = weir_throttle_stage(weir_stage_new(weir_ctx_rt(ctx), &opts), &throttle);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	for (int i = 0; i < 10; i++)
		WEIR_SIM_EQ(weir_call_process(ctx, call, &i, &out, NULL), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(let_in, 10); /* too few to know */
	for (int i = 0; i < 500; i++)
		WEIR_SIM_EQ(weir_call_process(ctx, call, &i, &out, NULL), WEIR_EOVERLOAD);
	WEIR_SIM_EQ(glance(ctx).asked, 510);
	WEIR_SIM_EQ(glance(ctx).refused, (uint64_t)(510 - let_in));
	WEIR_SIM_EQ(glance(ctx).accepted, 0);
	WEIR_SIM_ASSERT(let_in > 10 + 15 && let_in < 10 + 110); /* 50 of 500: five standard deviations and more */
	WEIR_SIM_EQ(told.n, 510 - let_in);
	WEIR_SIM_EQ(told.code, WEIR_EOVERLOAD);
	WEIR_SIM_EQ(strcmp(told.name, "throttle"), 0);
	code = WEIR_EUSER; /* an answer, if not a good one */
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_SEC(120)), 0);
	let_in = 0;
	for (int i = 0; i < 100; i++)
		WEIR_SIM_EQ(weir_call_process(ctx, call, &i, &out, NULL), WEIR_EUSER);
	WEIR_SIM_EQ(glance(ctx).accepted, 100);
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	weir_throttle_fini(&throttle);
	weir_probe_detach(weir_ctx_rt(ctx));
}

/* ---- in a policy ---- */

static int work(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	*(int *)out = *(const int *)in;
	weir_rt_yield(weir_ctx_rt(ctx));
	return weir_ctx_err(ctx);
}

static int cancels(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "enough");
	return 0;
}

/* Throttle, adaptive limit and timeout, and a cancel at every operation: what was taken is given back. */
WEIR_SIM_TEST_WITH(policy_canceled_anywhere, .strategy = "dfs")
{
	const struct weir_stage_opts opts = {.in = &number, .out = &number, .process = work};
	weir_call *call = NULL;
	weir_scope s;
	weir_ctx own;
	int out = 0;
	open_limit(ctx, 1, 1, 1, 0);
	WEIR_SIM_EQ(weir_throttle_init(&throttle, ctx, NULL), 0);
	weir_stage *st = weir_policy(weir_stage_new(weir_ctx_rt(ctx), &opts),
				     &(struct weir_policy_opts){.throttle = &throttle,
								.adaptive = &limit,
								.attempt_timeout_ns = WEIR_SEC(1)});
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	weir_ctx_init(&own, ctx, WEIR_FOREVER);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "cancels", cancels, &own), 0);
	int rc = weir_call_process(&own, call, &(int){7}, &out, NULL);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	WEIR_SIM_ASSERT((rc == 0 && out == 7) || rc == WEIR_ECANCELED);
	seen[rc == 0 ? POLICY_DONE : POLICY_CANCELED] = true;
	struct weir_adaptive_snapshot is = look(ctx);
	WEIR_SIM_EQ(is.succeeded, rc == 0);
	WEIR_SIM_EQ(is.dropped, 0);
	WEIR_SIM_ASSERT(glance(ctx).asked <= 1);
	weir_ctx_fini(&own);
	weir_call_free(&call);
	weir_stage_free(&st);
	weir_throttle_fini(&throttle);
	close_limit(ctx);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (status || argc > 1 || getenv("WEIR_SIM_SCHEDULES") || getenv("WEIR_SIM_AT_MOST")) /* not all, then */
		return status;
	for (int i = 0; i < SEEN; i++) {
		if (!seen[i]) {
			printf("outcome %d of a race was never seen\n", i);
			return 1;
		}
	}
	return 0;
}
