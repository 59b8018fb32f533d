/* SPDX-License-Identifier: MIT
 *
 * Faults as choices: each kind is found in a program that cannot bear it, replayed from its string alone, and shrunk to
 * the fault and little else; without a budget, or with faults of other kinds only, the same program passes. How many
 * schedules an exhaustive search has is worked out by hand. And core bears all of them: channels, selects, scopes,
 * pipelines, locks, descriptors, deadlines, with two faults per schedule.
 *
 * A main of its own, as in test_engine.c. A few seconds. */
#include <stdio.h>
#include <string.h>
#include <weir/sim.h>

#include "expect.h"

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

/* ---- programs that cannot bear a fault ---- */

SCENARIO(two_blocks)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	void *one = weir_rt_alloc(rt, 8), *two = one ? weir_rt_alloc(rt, 8) : NULL;
	if (!two)
		return WEIR_ENOMEM; /* the first one stays */
	weir_rt_yield(rt);
	weir_rt_release(rt, one);
	weir_rt_release(rt, two);
	return 0;
}

static void nothing(void *arg)
{
	weir_rt_yield(arg);
}

SCENARIO(owner_of_an_end)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_task *task = NULL;
	int rc = weir_chan_new(rt, &num, 1, &tx, &rx);
	if (rc < 0)
		return rc;
	rc = rt->vt->spawn(rt, "worker", nothing, rt, NULL, &task);
	weir_rx_close(&rx);
	if (rc < 0)
		return rc; /* and tx? */
	weir_tx_close(&tx);
	rt->vt->join(rt, task);
	return 0;
}

SCENARIO(whole_reads)
{
	weir_fd r, w;
	char buf[4] = "";
	int rc = weir_sim_pipe("p", 16, &r, &w);
	if (rc < 0)
		return rc;
	WEIR_SIM_EQ(weir_fd_write(ctx, w, "abcd", 1), 1);
	WEIR_SIM_EQ(weir_fd_write(ctx, w, "bcd", 3) > 0, 1);
	weir_fd_close(weir_ctx_rt(ctx), &w);
	WEIR_SIM_EQ(weir_fd_read(ctx, r, buf, 4), 4);
	weir_fd_close(weir_ctx_rt(ctx), &r);
	return 0;
}

SCENARIO(no_reset)
{
	weir_fd two[2];
	char buf[4];
	int rc = weir_sim_socketpair("s", 16, two);
	if (rc < 0)
		return rc;
	rc = weir_fd_write(ctx, two[0], "a", 1);
	if (rc > 0) {
		rc = weir_fd_read(ctx, two[1], buf, 1);
		weir_fd_close(weir_ctx_rt(ctx), &two[0]);
	}
	weir_fd_close(weir_ctx_rt(ctx), &two[1]);
	return rc < 0 ? rc : 0;
}

SCENARIO(accepts_once)
{
	weir_fd listener = WEIR_FD_NONE, client = WEIR_FD_NONE, server = WEIR_FD_NONE;
	WEIR_SIM_EQ(weir_sim_listen("l", 16, &listener), 0);
	WEIR_SIM_EQ(weir_sim_connect("c", listener, &client), 0);
	int rc = weir_fd_accept(ctx, listener, &server);
	if (rc < 0) {
		WEIR_SIM_EQ(rc, -24); /* EMFILE */
		WEIR_SIM_EQ(weir_fd_accept(ctx, listener, &server), 0);
		WEIR_SIM_ASSERT(server == WEIR_FD_NONE); /* planted: it is there now */
	}
	weir_fd_close(weir_ctx_rt(ctx), &server);
	weir_fd_close(weir_ctx_rt(ctx), &client);
	weir_fd_close(weir_ctx_rt(ctx), &listener);
	return rc;
}

struct flag {
	weir_rt *rt;
	weir_task *waiter;
	bool set;
};

static void raise_flag(void *arg)
{
	struct flag *f = arg;
	f->set = true;
	f->rt->vt->unpark(f->rt, f->waiter);
}

/* A port of the runtime below core that does not look again. */
SCENARIO(parks_once)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	struct flag f = {.rt = rt, .waiter = rt->vt->self(rt)};
	weir_task *task = NULL;
	if (rt->vt->spawn(rt, "raises", raise_flag, &f, NULL, &task) < 0)
		return WEIR_EAGAIN;
	(void)rt->vt->park(rt, WEIR_FOREVER);
	bool seen = f.set;
	rt->vt->join(rt, task);
	WEIR_SIM_ASSERT(seen);
	return 0;
}

SCENARIO(full_disk)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	void *mem = weir_rt_alloc(rt, 8);
	if (!mem)
		return WEIR_ENOMEM;
	for (int i = 0; i < 3; i++)
		if (weir_sim_fault("the disk is full"))
			return WEIR_EIO;
	weir_rt_release(rt, mem);
	return 0;
}

SCENARIO(two_things_wrong)
{
	bool one = weir_sim_fault("one"), two = weir_sim_fault("two"), three = weir_sim_fault("three");
	(void)two;
	weir_rt_yield(weir_ctx_rt(ctx));
	WEIR_SIM_ASSERT(!(one && three));
	return 0;
}

/* An interrupted wait is no excuse for an error. */
SCENARIO(tells_a_wake_up)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	return rt->vt->park(rt, WEIR_MS(1)) == WEIR_EINTR ? WEIR_EIO : 0;
}

static const struct planted {
	const char *name;
	weir_task_fn *fn;
	unsigned kind, faults;
	enum weir_sim_kind found;
	char letter;
} planted[] = {
	{"two_blocks", two_blocks, WEIR_SIM_FAULT_ALLOC, 1, WEIR_SIM_LEAK, 'f'},
	{"owner_of_an_end", owner_of_an_end, WEIR_SIM_FAULT_SPAWN, 1, WEIR_SIM_LEAK, 'p'},
	{"whole_reads", whole_reads, WEIR_SIM_FAULT_IO, 1, WEIR_SIM_ASSERTION, 'i'},
	{"no_reset", no_reset, WEIR_SIM_FAULT_IO, 1, WEIR_SIM_LEAK, 'i'},
	{"accepts_once", accepts_once, WEIR_SIM_FAULT_IO, 1, WEIR_SIM_ASSERTION, 'i'},
	{"parks_once", parks_once, WEIR_SIM_FAULT_WAKE, 1, WEIR_SIM_ASSERTION, 'w'},
	{"tells_a_wake_up", tells_a_wake_up, WEIR_SIM_FAULT_WAKE, 1, WEIR_SIM_ASSERTION, 'w'},
	{"full_disk", full_disk, WEIR_SIM_FAULT_USER, 1, WEIR_SIM_LEAK, 'u'},
	{"two_things_wrong", two_things_wrong, WEIR_SIM_FAULT_USER, 2, WEIR_SIM_ASSERTION, 'u'},
};

static struct weir_sim_opts opts_of(const struct planted *p, const char *strategy)
{
	return (struct weir_sim_opts){.name = p->name,
				      .strategy = strategy,
				      .schedules = 3000,
				      .faults = p->faults,
				      .allow_no_decisions = true,
				      .quiet = true};
}

static size_t count(const char *text, char c)
{
	size_t n = 0;
	for (; *text; text++)
		n += *text == c;
	return n;
}

/* The string alone shows it again: no budget, no seed. And its faults are what was needed, no more. */
static void check_replay(const struct planted *p, const struct weir_sim_result *r)
{
	struct weir_sim_result again;
	struct weir_sim_opts opts = opts_of(p, NULL);
	const char *list = strrchr(r->replay, ':');
	EXPECT(list && count(list, p->letter) == p->faults);
	EXPECT(list && count(list, ',') < 4);
	opts.faults = 0;
	opts.replay = r->replay;
	EXPECT(weir_sim_run(&opts, p->fn, NULL, &again) == 1);
	EXPECT(again.kind == r->kind && again.hash == r->hash && strcmp(again.message, r->message) == 0);
	EXPECT(strcmp(again.replay, r->replay) == 0);
	/* as a beginning, it has its faults whatever is allowed after it */
	opts.replay = NULL;
	opts.from = r->replay;
	opts.strategy = "random";
	EXPECT(weir_sim_run(&opts, p->fn, NULL, &again) == 1);
	EXPECT(again.kind == r->kind && again.faults == p->faults);
}

static void is_found(const struct planted *p, const char *strategy)
{
	struct weir_sim_result r;
	struct weir_sim_opts opts = opts_of(p, strategy);
	int before = broken;
	EXPECT(weir_sim_run(&opts, p->fn, NULL, &r) == 1);
	EXPECT(r.kind == p->found && r.faults > 0);
	if (r.kind == p->found)
		check_replay(p, &r);
	opts.fault_kinds = ~p->kind;
	EXPECT(weir_sim_run(&opts, p->fn, NULL, &r) == 0);
	opts.fault_kinds = 0;
	opts.faults = p->faults - 1;
	EXPECT(weir_sim_run(&opts, p->fn, NULL, &r) == 0);
	EXPECT(opts.faults > 0 || r.faults == 0);
	if (broken > before)
		fprintf(stderr, "  in %s with %s: %s %s\n", p->name, strategy, r.message, r.replay);
}

static void planted_faults_are_found(void)
{
	static const char *const strategies[] = {"dfs",       "random", "pos",  "surw", "pct3",
						 "portfolio", "ipb",    "dpor", "sdpor"};
	for (size_t i = 0; i < sizeof(planted) / sizeof(planted[0]); i++)
		for (size_t k = 0; k < sizeof(strategies) / sizeof(strategies[0]); k++)
			is_found(&planted[i], strategies[k]);
}

/* ---- what is searched ---- */

static uint64_t hit[24], several, none;

SCENARIO(many_places)
{
	unsigned n = 0;
	for (size_t i = 0; i < *(size_t *)arg; i++) {
		if (!weir_sim_fault("place"))
			continue;
		hit[i]++;
		n++;
	}
	several += n > 1;
	none += n == 0;
	return n ? WEIR_EIO : 0;
}

static uint64_t exhaust(weir_task_fn *fn, void *arg, unsigned faults)
{
	const struct weir_sim_opts opts = {.strategy = "dfs", .faults = faults, .allow_no_decisions = true};
	struct weir_sim_result r;
	EXPECT(weir_sim_run(&opts, fn, arg, &r) == 0);
	EXPECT(r.exhausted);
	return r.schedules;
}

/* The bytes that a read may give, by how it can go wrong: 4, not now (and then 4), 1, or a reset. */
SCENARIO(one_read)
{
	weir_fd two[2];
	char buf[8];
	WEIR_SIM_EQ(weir_sim_socketpair("s", 16, two), 0);
	int rc = weir_fd_write(ctx, two[0], "abcd", 4);
	if (rc == 4) {
		rc = weir_fd_read(ctx, two[1], buf, 4);
		hit[rc == 4 ? 0 : rc == 1 ? 1 : rc == WEIR_ECONNRESET ? 2 : 3]++;
		if (rc == WEIR_ECONNRESET) {
			WEIR_SIM_EQ(weir_fd_read(ctx, two[1], buf, 4), 0);
			WEIR_SIM_EQ(weir_fd_write(ctx, two[1], "a", 1), WEIR_EPIPE);
			WEIR_SIM_EQ(weir_fd_write(ctx, two[0], "a", 1), WEIR_ECONNRESET);
			WEIR_SIM_EQ(weir_fd_write(ctx, two[0], "a", 1), WEIR_EPIPE);
			WEIR_SIM_EQ(weir_fd_read(ctx, two[0], buf, 4), 0);
		}
	}
	weir_fd_close(weir_ctx_rt(ctx), &two[0]);
	weir_fd_close(weir_ctx_rt(ctx), &two[1]);
	return rc < 0 ? rc : 0;
}

static void an_exhaustive_search_tries_each_place_once(void)
{
	size_t places = 5;
	memset(hit, 0, sizeof(hit));
	EXPECT(exhaust(many_places, &places, 0) == 1);
	EXPECT(exhaust(many_places, &places, 1) == 1 + 5);
	EXPECT(exhaust(many_places, &places, 2) == 1 + 5 + 10);
	EXPECT(exhaust(many_places, &places, 5) == 32);
	EXPECT(exhaust(many_places, &places, 9) == 32);
	memset(hit, 0, sizeof(hit));
	/* write: as ever, reset, not now, one byte; read: one of three more after a write that went well */
	EXPECT(exhaust(one_read, NULL, 1) == 1 + 3 + 3);
	/* the runs that are done twice (the first two) count twice; a write that had to wait is a write all the same */
	EXPECT(hit[0] >= 3 && hit[1] == 1 && hit[2] >= 1 && hit[3] == 0);
}

/* Every place has its turn, most schedules have one fault or none, and the same seed gives the same search. */
static void a_random_search_reaches_every_place(void)
{
	const struct weir_sim_opts opts = {.strategy = "random",
					   .schedules = 2000,
					   .faults = 2,
					   .allow_no_decisions = true};
	struct weir_sim_result r, again;
	size_t places = 24;
	memset(hit, 0, sizeof(hit));
	several = none = 0;
	EXPECT(weir_sim_run(&opts, many_places, &places, &r) == 0);
	for (size_t i = 0; i < places; i++)
		EXPECT(hit[i] > 20 && hit[i] < 500);
	EXPECT(several > 100 && none > 100 && several + none < 2000);
	EXPECT(r.faults > 1000 && r.faults < 3000);
	EXPECT(weir_sim_run(&opts, many_places, &places, &again) == 0);
	EXPECT(again.faults == r.faults && again.hash == r.hash);
}

/* ---- core ---- */

SCENARIO(send_two)
{
	int rc = weir_tx_send(ctx, arg, &(int){1});
	return rc < 0 ? rc : weir_tx_send(ctx, arg, &(int){2});
}

SCENARIO(recv_all)
{
	int value, rc, sum = 0;
	while ((rc = weir_rx_recv(ctx, arg, &value)) == 1)
		sum += value;
	WEIR_SIM_ASSERT(rc < 0 || sum == 0 || sum == 1 || sum == 3);
	return rc;
}

/* The two in a scope with what they use closed by the owner in the end: for tasks that end by themselves. */
static int pair(weir_ctx *ctx, weir_task_fn *one, void *arg_one, weir_task_fn *two, void *arg_two, weir_err *err)
{
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_scope_spawn(&s, "one", one, arg_one);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "two", two, arg_two);
	if (rc < 0)
		weir_ctx_cancel(weir_scope_ctx(&s), "half a pair");
	return weir_scope_join(ctx, &s, rc, err);
}

SCENARIO(close_after_two)
{
	weir_tx **tx = arg;
	int rc = send_two(ctx, err, *tx);
	weir_tx_close(tx);
	return rc;
}

static int channel_of(weir_ctx *ctx, weir_err *err, size_t capacity)
{
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int rc = weir_chan_new(weir_ctx_rt(ctx), &num, capacity, &tx, &rx);
	if (rc == 0)
		rc = pair(ctx, close_after_two, &tx, recv_all, rx, err);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc;
}

SCENARIO(channel_0)
{
	return channel_of(ctx, err, 0);
}

SCENARIO(channel_1)
{
	return channel_of(ctx, err, 1);
}

struct ends {
	weir_tx *tx[2];
	weir_rx *rx[2];
};

SCENARIO(select_both)
{
	struct ends *e = arg;
	int in[2] = {0}, got = 0;
	for (int k = 0; k < 2; k++) {
		weir_case cases[] = {weir_case_recv(e->rx[0], &in[0]), weir_case_recv(e->rx[1], &in[1])};
		int i = weir_select(ctx, cases, 2);
		if (i < 0)
			return i;
		got += cases[i].rc == 1;
		if (cases[i].rc == 1)
			WEIR_SIM_EQ(in[i], i + 1);
	}
	WEIR_SIM_EQ(got, 2);
	return 0;
}

SCENARIO(send_each)
{
	struct ends *e = arg;
	int rc = weir_tx_send(ctx, e->tx[0], &(int){1});
	return rc < 0 ? rc : weir_tx_send(ctx, e->tx[1], &(int){2});
}

SCENARIO(selects)
{
	struct ends e = {{NULL}, {NULL}};
	int rc = weir_chan_new(weir_ctx_rt(ctx), &num, 0, &e.tx[0], &e.rx[0]);
	if (rc == 0)
		rc = weir_chan_new(weir_ctx_rt(ctx), &num, 1, &e.tx[1], &e.rx[1]);
	if (rc == 0)
		rc = pair(ctx, select_both, &e, send_each, &e, err);
	for (int i = 0; i < 2; i++) {
		weir_tx_close(&e.tx[i]);
		weir_rx_close(&e.rx[i]);
	}
	return rc;
}

struct locked {
	weir_mutex m;
	weir_cond c;
	weir_sem sem;
	weir_wg wg;
	int turn;
	bool done;
};

SCENARIO(takes_turn)
{
	struct locked *l = arg;
	int rc = 0;
	weir_mutex_lock(ctx, &l->m);
	while (l->turn == 0 && rc == 0)
		rc = weir_cond_wait(ctx, &l->c, &l->m);
	l->turn--;
	weir_mutex_unlock(&l->m);
	if (rc == 0)
		rc = weir_sem_acquire(ctx, &l->sem, 1);
	return rc == 0 ? weir_wg_wait(ctx, &l->wg) : rc;
}

SCENARIO(gives_turn)
{
	struct locked *l = arg;
	weir_mutex_lock(ctx, &l->m);
	l->turn++;
	weir_cond_signal(&l->c);
	weir_mutex_unlock(&l->m);
	weir_sem_release(&l->sem, 1);
	weir_wg_done(&l->wg);
	l->done = true;
	return 0;
}

SCENARIO(locks)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	struct locked l = {.turn = 0};
	weir_mutex_init(&l.m, rt);
	weir_cond_init(&l.c, rt);
	weir_sem_init(&l.sem, rt, 0);
	weir_wg_init(&l.wg, rt);
	weir_wg_add(&l.wg, 1);
	int rc = pair(ctx, takes_turn, &l, gives_turn, &l, err);
	if (!l.done) /* it was never started */
		weir_wg_done(&l.wg);
	weir_wg_fini(&l.wg);
	weir_sem_fini(&l.sem);
	weir_cond_fini(&l.c);
	weir_mutex_fini(&l.m);
	return rc;
}

SCENARIO(sleeps_on)
{
	int rc = weir_sleep(ctx, WEIR_MS(10));
	WEIR_SIM_ASSERT(rc < 0);
	return rc;
}

/* The deadline ends the wait at its time and not before, however often it was woken. */
SCENARIO(deadlines)
{
	weir_ctx c;
	weir_tx *tx = NULL;
	weir_rx *rx = NULL;
	int value, rc = weir_chan_new(weir_ctx_rt(ctx), &num, 0, &tx, &rx);
	if (rc < 0)
		return rc;
	weir_ctx_init(&c, ctx, WEIR_MS(5));
	WEIR_SIM_EQ(weir_rx_recv(&c, rx, &value), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(5));
	weir_ctx_fini(&c);
	weir_ctx_init(&c, ctx, WEIR_MS(10));
	rc = pair(&c, sleeps_on, NULL, recv_all, rx, err);
	WEIR_SIM_ASSERT(rc != WEIR_EDEADLINE || weir_rt_now(weir_ctx_rt(ctx)) == WEIR_MS(10));
	WEIR_SIM_ASSERT(rc < 0);
	weir_ctx_fini(&c);
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	return rc == WEIR_EDEADLINE ? 0 : rc;
}

static int twice(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	*(int *)out = *(const int *)in * 2;
	return 0;
}

struct job {
	struct weir_job_head head;
	int in;
};

struct result {
	struct weir_result_head head;
	int value;
};

SCENARIO(feed)
{
	weir_tx **jobs = arg;
	int rc = 0;
	for (uint64_t i = 0; i < 2 && rc == 0; i++)
		rc = weir_tx_send(ctx, *jobs, &(struct job){.head.id = i, .in = 4});
	weir_tx_close(jobs);
	return rc;
}

SCENARIO(pipeline)
{
	const struct weir_pipeline_opts opts = {
		.handler = twice, .workers = 2, .ordered = true, .job_buffer = 1, .result_buffer = 1};
	weir_tx *jobs = NULL;
	weir_rx *results = NULL;
	weir_pipeline *p = NULL;
	struct result r;
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_pipeline_start(&s, &num, &num, &opts, &jobs, &results, &p);
	if (rc == 0) {
		rc = weir_scope_spawn(&s, "feed", feed, &jobs);
		if (rc < 0)
			weir_tx_close(&jobs);
		while (weir_rx_recv(ctx, results, &r) == 1) {
			WEIR_SIM_ASSERT(r.head.rc < 0 || r.value == 8);
			weir_err_fini(&r.head.err);
		}
		weir_rx_close(&results);
	}
	return weir_scope_join(ctx, &s, rc, err);
}

SCENARIO(answer)
{
	weir_fd *fd = arg;
	char c = 0;
	int rc = weir_fd_read(ctx, *fd, &c, 1);
	if (rc > 0)
		rc = weir_fd_write(ctx, *fd, &c, 1);
	weir_fd_close(weir_ctx_rt(ctx), fd);
	return rc < 0 ? rc : 0;
}

SCENARIO(ask)
{
	weir_fd *fd = arg;
	char c = 'q', back = 'q';
	int rc = weir_fd_write(ctx, *fd, &c, 1);
	if (rc > 0)
		rc = weir_fd_read(ctx, *fd, &back, 1);
	WEIR_SIM_EQ(back, 'q');
	return rc < 0 ? rc : 0;
}

SCENARIO(sockets)
{
	weir_fd two[2];
	WEIR_SIM_EQ(weir_sim_socketpair("s", 4, two), 0);
	int rc = pair(ctx, answer, &two[1], ask, &two[0], err);
	weir_fd_close(weir_ctx_rt(ctx), &two[0]);
	weir_fd_close(weir_ctx_rt(ctx), &two[1]);
	return rc;
}

static const struct {
	const char *name;
	weir_task_fn *fn;
} core[] = {
	{"channel_0", channel_0}, {"channel_1", channel_1}, {"selects", selects}, {"locks", locks},
	{"deadlines", deadlines}, {"pipeline", pipeline},   {"sockets", sockets},
};

static void core_bears_two_faults(void)
{
	static const char *const strategies[] = {"dfs2", "portfolio"};
	for (size_t i = 0; i < sizeof(core) / sizeof(core[0]); i++) {
		for (size_t k = 0; k < 2; k++) {
			const struct weir_sim_opts opts = {.name = core[i].name,
							   .strategy = strategies[k],
							   .schedules = 20000,
							   .faults = 2};
			struct weir_sim_result r;
			EXPECT(weir_sim_run(&opts, core[i].fn, NULL, &r) == 0);
			EXPECT(r.faults > 1000);
		}
	}
}

int main(void)
{
	RUN(planted_faults_are_found);
	RUN(an_exhaustive_search_tries_each_place_once);
	RUN(a_random_search_reaches_every_place);
	RUN(core_bears_two_faults);
	return summary();
}
