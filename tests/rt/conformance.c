/* SPDX-License-Identifier: MIT
 *
 * The promises R1 to R11 of weir/rt.h as scenarios. Each runs as the first task of a fresh runtime.
 *
 * How they are written, so that the same file runs on threads and on a simulator with one OS thread:
 *  - nobody waits in a loop without weir_rt_yield, and nobody waits for time to pass except where deadlines are the
 *    subject;
 *  - memory that a promise says is published is plain memory: a race detector then checks the promise. Only flags
 *    that two tasks touch without an order between them are atomic, and relaxed where they must not create one;
 *  - park and wait_fd may return WEIR_EINTR for no reason, so they are called through helpers that look again;
 *  - a check that fails is recorded and the scenario goes on where it can, since it has tasks to join;
 *  - no scenario leaves a token behind: on threads, a thread's token would outlive the runtime. */
#include "conformance.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <weir/core/err.h>

/* Of the scenario that is running: checks may fail in any of its tasks. */
static const struct rt_scenario *running;
static atomic_int failures;

static bool expect(bool ok, const char *file, int line, const char *text)
{
	if (!ok) {
		(void)fprintf(stderr, "%s:%d: %s: promise %s: %s\n", file, line, running->name, running->promise, text);
		(void)atomic_fetch_add(&failures, 1);
	}
	return ok;
}

#define EXPECT(expr) expect((expr), __FILE__, __LINE__, #expr)

static int park(weir_rt *rt, int64_t deadline_at)
{
	int rc;

	do
		rc = rt->vt->park(rt, deadline_at);
	while (rc == WEIR_EINTR);
	return rc;
}

static int wait_fd(weir_rt *rt, int fd, short events, int64_t deadline_at)
{
	int rc;

	do
		rc = rt->vt->wait_fd(rt, fd, events, deadline_at);
	while (rc == WEIR_EINTR);
	return rc;
}

static void unpark(weir_rt *rt, weir_task *task)
{
	rt->vt->unpark(rt, task);
}

static weir_task *self(weir_rt *rt)
{
	return rt->vt->self(rt);
}

/* NULL if it could not be started, which is a failed check and which finish() accepts. */
static weir_task *start(weir_rt *rt, const char *name, void (*fn)(void *arg), void *arg)
{
	weir_task *task = NULL;

	EXPECT(rt->vt->spawn(rt, name, fn, arg, NULL, &task) == 0);
	EXPECT(task != NULL);
	return task;
}

static void finish(weir_rt *rt, weir_task *task)
{
	if (task)
		rt->vt->join(rt, task);
}

static void yields(weir_rt *rt, int n)
{
	for (int i = 0; i < n; i++)
		weir_rt_yield(rt);
}

/* What most tasks below are given. */
struct box {
	weir_rt *rt;
	weir_task *peer;
	int value;
	atomic_int flag;
};

/* R1: time */

static void now_is_monotonic(weir_rt *rt)
{
	int64_t before = weir_rt_now(rt), now;

	EXPECT(before >= 0);
	for (int i = 0; i < 200; i++) {
		now = weir_rt_now(rt);
		EXPECT(now >= before);
		before = now;
		if (i % 20 == 0)
			weir_rt_yield(rt);
	}
}

static void deadline_is_reached(weir_rt *rt)
{
	for (int i = 0; i < 3; i++) {
		int64_t at = weir_rt_now(rt) + WEIR_MS(1);
		EXPECT(park(rt, at) == WEIR_ETIMEOUT);
		EXPECT(weir_rt_now(rt) >= at);
	}
}

/* R2: tokens */

static void unpark_before_park(weir_rt *rt)
{
	unpark(rt, self(rt));
	EXPECT(park(rt, WEIR_FOREVER) == 0);
	EXPECT(park(rt, 0) == WEIR_ETIMEOUT); /* the token was taken */
}

static void two_unparks_are_one_token(weir_rt *rt)
{
	unpark(rt, self(rt));
	unpark(rt, self(rt));
	EXPECT(park(rt, WEIR_FOREVER) == 0);
	EXPECT(park(rt, 0) == WEIR_ETIMEOUT);
	unpark(rt, self(rt)); /* and it can be set again */
	EXPECT(park(rt, 0) == 0);
}

#ifdef WEIR_SHORT /* under Valgrind */
#define ROUNDS 100
#else
#define ROUNDS 1000
#endif

static void pong(void *arg)
{
	struct box *b = arg;

	for (int i = 0; i < ROUNDS; i++) {
		EXPECT(park(b->rt, WEIR_FOREVER) == 0);
		EXPECT(b->value == 2 * i + 1);
		b->value++;
		unpark(b->rt, b->peer);
	}
}

/* Exact: each unpark answers one park, so a token lost hangs and a token too many is seen in the value. */
static void ping_pong(weir_rt *rt)
{
	struct box b = {.rt = rt, .peer = self(rt)};
	weir_task *other = start(rt, "pong", pong, &b);

	for (int i = 0; other && i < ROUNDS; i++) {
		EXPECT(b.value == 2 * i);
		b.value++;
		unpark(rt, other);
		EXPECT(park(rt, WEIR_FOREVER) == 0);
	}
	finish(rt, other);
	EXPECT(b.value == 2 * ROUNDS);
	EXPECT(park(rt, 0) == WEIR_ETIMEOUT);
}

static void raise_flag(void *arg)
{
	struct box *b = arg;

	b->value = 7;
	atomic_store(&b->flag, 1);
	unpark(b->rt, b->peer);
}

static void many_unpark_one(weir_rt *rt)
{
	enum { N = 4 };
	struct box b[N];
	weir_task *task[N];
	int raised = 0, started = 0;

	for (int i = 0; i < N; i++) {
		b[i] = (struct box){.rt = rt, .peer = self(rt)};
		task[i] = start(rt, "raiser", raise_flag, &b[i]);
		started += task[i] != NULL;
	}
	while (raised < started) {
		EXPECT(park(rt, WEIR_FOREVER) == 0);
		raised = 0;
		for (int i = 0; i < N; i++)
			raised += atomic_load(&b[i].flag);
	}
	for (int i = 0; i < N; i++) {
		finish(rt, task[i]);
		EXPECT(b[i].value == 7);
	}
	(void)park(rt, 0); /* the last flag may have been seen before its unpark */
	EXPECT(park(rt, 0) == WEIR_ETIMEOUT);
}

/* R3: deadlines */

static void deadline_in_the_past(weir_rt *rt)
{
	const int64_t past[] = {INT64_MIN, INT64_MIN + 1, -1, 0, weir_rt_now(rt)};

	for (size_t i = 0; i < sizeof(past) / sizeof(past[0]); i++) {
		EXPECT(park(rt, past[i]) == WEIR_ETIMEOUT);
		unpark(rt, self(rt));
		EXPECT(park(rt, past[i]) == 0);
		EXPECT(park(rt, past[i]) == WEIR_ETIMEOUT);
	}
}

#define TOKENS 300

struct tokens {
	weir_rt *rt;
	weir_task *taker;
	weir_task *sender;
	int fd; /* -1: park */
};

/* Deadlines that pass at once, so that most tokens come while one is being reported. */
static void take_tokens(void *arg)
{
	struct tokens *t = arg;
	int taken = 1;

	EXPECT(park(t->rt, WEIR_FOREVER) == 0); /* the first one says who the sender is */
	unpark(t->rt, t->sender);
	for (int tries = 0; taken < TOKENS; tries++) {
		int64_t at = weir_rt_now(t->rt);
		int rc = t->fd < 0 ? park(t->rt, at) : wait_fd(t->rt, t->fd, POLLIN, at);
		if (rc == 0) {
			taken++;
			unpark(t->rt, t->sender);
		} else if (EXPECT(rc == WEIR_ETIMEOUT) && tries % 16 == 0) {
			weir_rt_yield(t->rt); /* not each time: it would be the only place where the sender runs */
		}
	}
}

/* Each token is answered before the next is sent, so one that is lost to a deadline hangs. */
static void send_tokens(void *arg)
{
	struct tokens *t = arg;

	t->sender = self(t->rt);
	for (int i = 0; i < TOKENS; i++) {
		unpark(t->rt, t->taker);
		EXPECT(park(t->rt, WEIR_FOREVER) == 0);
	}
}

/* Several pairs at a time, for the sake of runtimes with more than one processor. */
static void tokens_against_deadlines(weir_rt *rt, int fd)
{
	enum { N = 3 };
	struct tokens t[N];
	weir_task *sender[N];

	for (int i = 0; i < N; i++) {
		t[i] = (struct tokens){.rt = rt, .fd = fd};
		t[i].taker = start(rt, "taker", take_tokens, &t[i]);
		sender[i] = t[i].taker ? start(rt, "sender", send_tokens, &t[i]) : NULL;
	}
	for (int i = 0; i < N; i++) {
		finish(rt, sender[i]);
		finish(rt, t[i].taker);
	}
}

static void deadline_loses_no_token(weir_rt *rt)
{
	tokens_against_deadlines(rt, -1);
}

static void unpark_me(void *arg)
{
	struct box *b = arg;

	yields(b->rt, b->value);
	unpark(b->rt, b->peer);
}

/* The last moment before WEIR_FOREVER is a deadline like any other: it must not wrap into the past. */
static void deadline_far_away(weir_rt *rt)
{
	const int64_t far[] = {WEIR_FOREVER, WEIR_FOREVER - 1, weir_time_add(weir_rt_now(rt), WEIR_SEC(3600))};

	for (size_t i = 0; i < sizeof(far) / sizeof(far[0]); i++) {
		struct box b = {.rt = rt, .peer = self(rt), .value = 3};
		unpark(rt, self(rt));
		EXPECT(park(rt, far[i]) == 0);
		weir_task *waker = start(rt, "waker", unpark_me, &b);
		if (waker)
			EXPECT(park(rt, far[i]) == 0);
		finish(rt, waker);
	}
}

/* R4: what is published */

static void answer(void *arg)
{
	struct box *b = arg;

	EXPECT(park(b->rt, WEIR_FOREVER) == 0);
	EXPECT(b->value == 11);
	b->value = 12;
	unpark(b->rt, b->peer);
}

static void unpark_publishes(weir_rt *rt)
{
	for (int i = 0; i < 20; i++) {
		struct box b = {.rt = rt, .peer = self(rt)};
		weir_task *other = start(rt, "answer", answer, &b);
		if (!other)
			return;
		b.value = 11;
		unpark(rt, other);
		EXPECT(park(rt, WEIR_FOREVER) == 0);
		EXPECT(b.value == 12);
		finish(rt, other);
	}
}

struct merge {
	weir_rt *rt;
	weir_task *reader;
	int first, second;
	atomic_int turn; /* relaxed: an order in time that publishes nothing */
};

static void wait_turn(struct merge *m, int turn)
{
	while (atomic_load_explicit(&m->turn, memory_order_relaxed) != turn)
		weir_rt_yield(m->rt);
}

static void merge_first(void *arg)
{
	struct merge *m = arg;

	m->first = 1;
	unpark(m->rt, m->reader);
	atomic_store_explicit(&m->turn, 1, memory_order_relaxed);
}

static void merge_second(void *arg)
{
	struct merge *m = arg;

	wait_turn(m, 1);
	m->second = 2;
	unpark(m->rt, m->reader);
	atomic_store_explicit(&m->turn, 2, memory_order_relaxed);
}

/* The token is there already when the second task sets it: what that one wrote must be seen all the same. */
static void merged_tokens_publish_both(weir_rt *rt)
{
	struct merge m = {.rt = rt, .reader = self(rt)};
	weir_task *a = start(rt, "first", merge_first, &m);
	weir_task *b = a ? start(rt, "second", merge_second, &m) : NULL;

	if (b) {
		wait_turn(&m, 2);
		EXPECT(park(rt, WEIR_FOREVER) == 0);
		EXPECT(m.first == 1);
		EXPECT(m.second == 2);
	}
	finish(rt, a);
	finish(rt, b);
}

static void double_it(void *arg)
{
	struct box *b = arg;

	b->value *= 2;
}

static void spawn_and_join_publish(weir_rt *rt)
{
	struct box b = {.rt = rt, .value = 1};

	for (int i = 1; i <= 10; i++) {
		finish(rt, start(rt, "doubler", double_it, &b));
		EXPECT(b.value == 1 << i);
	}
}

/* R5: the task that is woken may be gone before unpark returns */

struct vanish {
	weir_rt *rt;
	weir_task *target;
	int fd; /* -1: park */
	int delay;
};

/* Every other round with deadlines so short that they pass while the unpark is under way: the token must still come. */
static void vanish_target(void *arg)
{
	struct vanish *v = arg;
	int rc;

	do {
		int64_t at = v->delay % 2 ? weir_rt_now(v->rt) + WEIR_US(20) : WEIR_FOREVER;
		rc = v->fd < 0 ? park(v->rt, at) : wait_fd(v->rt, v->fd, POLLIN, at);
	} while (rc == WEIR_ETIMEOUT);
	EXPECT(rc == 0);
}

static void vanish_waker(void *arg)
{
	struct vanish *v = arg;

	yields(v->rt, v->delay);
	unpark(v->rt, v->target);
}

/* Joins the target, which gives its memory back, while the waker may still be inside unpark. */
static void vanish(weir_rt *rt, int fd)
{
	for (int i = 0; i < 100; i++) {
		struct vanish v = {.rt = rt, .fd = fd, .delay = i % 8};
		v.target = start(rt, "target", vanish_target, &v);
		weir_task *waker = v.target ? start(rt, "waker", vanish_waker, &v) : NULL;
		if (v.target && !waker)
			unpark(rt, v.target);
		finish(rt, v.target);
		finish(rt, waker);
	}
}

static void unpark_is_the_last_touch(weir_rt *rt)
{
	vanish(rt, -1);
}

/* R6: spawn */

struct named {
	weir_rt *rt;
	char name[32];
	weir_task *self;
	bool core_clean;
};

static void say_name(void *arg)
{
	struct named *n = arg;
	static void *const none[4];

	n->self = self(n->rt);
	memcpy(n->name, n->self->name, sizeof(n->name));
	n->core_clean = memcmp(n->self->core_, none, sizeof(none)) == 0;
	memset(n->self->core_, 0xff, sizeof(none)); /* whoever gets this memory next must not see it */
}

static void names_are_copied_and_cut(weir_rt *rt)
{
	static const struct {
		const char *given, *want;
	} cases[] = {
		{"short", "short"},
		{NULL, ""},
		{"", ""},
		{"exactly thirty-one bytes long..", "exactly thirty-one bytes long.."},
		{"thirty-two bytes and one too many", "thirty-two bytes and one too ma"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct named n = {.rt = rt};
		char given[64] = "";
		if (cases[i].given)
			memcpy(given, cases[i].given, strlen(cases[i].given) + 1);
		weir_task *task = start(rt, cases[i].given ? given : NULL, say_name, &n);
		memset(given, '#', sizeof(given) - 1);
		if (task)
			EXPECT(strcmp(task->name, cases[i].want) == 0);
		finish(rt, task);
		EXPECT(strcmp(n.name, cases[i].want) == 0);
	}
}

static void spawn_returns_self(weir_rt *rt)
{
	for (int i = 0; i < 5; i++) {
		struct named n = {.rt = rt};
		weir_task *task = start(rt, "me", say_name, &n);
		finish(rt, task);
		EXPECT(n.self == task);
		EXPECT(n.core_clean);
	}
}

static void count(void *arg)
{
	(void)atomic_fetch_add((atomic_int *)arg, 1);
}

static void spawn_failure_does_nothing(weir_rt *rt)
{
	atomic_int runs = 0;
	weir_task *first = start(rt, "first", count, &runs), *second = NULL;

	for (int i = 0; i < 3; i++) {
		int rc = rt->vt->spawn(rt, "second", count, &runs, NULL, &second);
		if (!EXPECT(rc < 0))
			finish(rt, second);
		EXPECT(rc == WEIR_EAGAIN || rc == WEIR_ENOMEM);
		EXPECT(second == NULL);
	}
	finish(rt, first);
	EXPECT(atomic_load(&runs) == 1);
	finish(rt, start(rt, "third", count, &runs)); /* failures have used nothing up */
	EXPECT(atomic_load(&runs) == 2);
}

static void hundred_tasks(weir_rt *rt)
{
	enum { N = 100 };
	weir_task *task[N];
	atomic_int runs = 0;

	for (int i = 0; i < N; i++)
		task[i] = start(rt, "one of many", count, &runs);
	for (int i = 0; i < N; i++) /* in another order than they were made */
		finish(rt, task[i * 37 % N]);
	EXPECT(atomic_load(&runs) == N);
	for (int i = 0; i < N; i++)
		finish(rt, start(rt, "one after the other", count, &runs));
	EXPECT(atomic_load(&runs) == 2 * N);
}

/* R7: join */

static void set_flag(void *arg)
{
	struct box *b = arg;

	b->value = 5;
	atomic_store(&b->flag, 1);
}

static void join_of_a_task_long_gone(weir_rt *rt)
{
	struct box b = {.rt = rt};
	weir_task *task = start(rt, "quick", set_flag, &b);

	while (task && atomic_load(&b.flag) == 0)
		weir_rt_yield(rt);
	yields(rt, 100);
	finish(rt, task);
	EXPECT(b.value == 5);
}

static void run_on(void *arg)
{
	struct box *b = arg;

	EXPECT(park(b->rt, WEIR_FOREVER) == 0);
	yields(b->rt, 10);
	b->value = 6;
}

static void join_of_a_running_task(weir_rt *rt)
{
	struct box running_box = {.rt = rt}, waker_box = {.rt = rt, .value = 20};
	weir_task *task = start(rt, "running", run_on, &running_box);
	weir_task *waker = NULL;

	if (task) {
		waker_box.peer = task;
		waker = start(rt, "waker", unpark_me, &waker_box);
		if (!waker)
			unpark(rt, task);
	}
	finish(rt, task); /* it cannot have returned before the other task has woken it */
	EXPECT(running_box.value == 6);
	finish(rt, waker);
}

/* R8: self */

struct who {
	weir_rt *rt;
	weir_task *seen;
	bool stable;
};

static void who_am_i(void *arg)
{
	struct who *w = arg;

	w->seen = self(w->rt);
	w->stable = w->seen != NULL && w->seen->rt == w->rt;
	for (int i = 0; i < 10; i++) {
		weir_rt_yield(w->rt);
		w->stable = w->stable && self(w->rt) == w->seen;
	}
	EXPECT(park(w->rt, WEIR_FOREVER) == 0); /* all live at the same time, so the addresses must differ */
	w->stable = w->stable && self(w->rt) == w->seen;
}

static void self_is_one_per_task(weir_rt *rt)
{
	struct who w[3] = {{.rt = rt}, {.rt = rt}, {.rt = rt}};
	weir_task *me = self(rt), *task[3];

	if (!EXPECT(me != NULL))
		return;
	EXPECT(me->rt == rt);
	for (int i = 0; i < 3; i++)
		task[i] = start(rt, "who", who_am_i, &w[i]);
	for (int i = 0; i < 3; i++) {
		if (task[i])
			unpark(rt, task[i]);
		finish(rt, task[i]);
		EXPECT(w[i].stable);
		EXPECT(w[i].seen == task[i]);
		EXPECT(w[i].seen != me);
	}
	EXPECT(task[0] != task[1] && task[1] != task[2] && task[0] != task[2]);
	EXPECT(self(rt) == me);
}

/* R9: memory */

static void alloc_is_aligned(weir_rt *rt)
{
	static const size_t sizes[] = {1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100, 1000, 4096, 70000};
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	unsigned char *mem[N];

	for (size_t i = 0; i < N; i++) {
		mem[i] = weir_rt_alloc(rt, sizes[i]);
		if (EXPECT(mem[i] != NULL)) {
			EXPECT((uintptr_t)mem[i] % alignof(max_align_t) == 0);
			memset(mem[i], (int)i + 1, sizes[i]);
		}
	}
	for (size_t i = 0; i < N; i++) { /* blocks do not overlap */
		if (mem[i])
			EXPECT(mem[i][0] == i + 1 && mem[i][sizes[i] - 1] == i + 1);
		weir_rt_release(rt, mem[i]);
	}
	weir_rt_release(rt, NULL);
	rt->vt->release(rt, NULL);
}

/* R10: random numbers */

static void random_is_in_bounds(weir_rt *rt)
{
	static const uint64_t bounds[] = {1, 2, 3, 7, 64, 1000, UINT64_C(1) << 33, (UINT64_C(1) << 63) + 1, UINT64_MAX};

	for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++)
		for (int k = 0; k < 50; k++)
			EXPECT(weir_rt_random(rt, bounds[i]) < bounds[i]);
	(void)weir_rt_random(rt, 0); /* returns; how the bits are spread is the business of each runtime's own tests */
}

/* R11: run, yield */

static void yield_to(void *arg)
{
	struct box *b = arg;

	for (int i = 0; i < 50; i++) {
		while (atomic_load(&b->flag) != 2 * i + 1)
			weir_rt_yield(b->rt);
		atomic_store(&b->flag, 2 * i + 2);
	}
}

static void yield_lets_others_run(weir_rt *rt)
{
	struct box b = {.rt = rt};
	weir_task *other = start(rt, "other", yield_to, &b);

	for (int i = 0; other && i < 50; i++) {
		atomic_store(&b.flag, 2 * i + 1);
		while (atomic_load(&b.flag) != 2 * i + 2)
			weir_rt_yield(rt);
	}
	finish(rt, other);
}

static void spawn_one_more(void *arg)
{
	struct box *b = arg;

	if (b->value > 0) {
		struct box next = {.rt = b->rt, .value = b->value - 1};
		finish(b->rt, start(b->rt, "deeper", spawn_one_more, &next));
		b->value += next.value;
	}
}

/* Tasks that spawn and join tasks. That run then returns, and has called the scenario once, run_inside checks. */
static void run_returns_after_joins(weir_rt *rt)
{
	struct box b = {.rt = rt, .value = 4};

	finish(rt, start(rt, "outermost", spawn_one_more, &b));
	EXPECT(b.value == 4 + 3 + 2 + 1);
}

static weir_task *left_over;
static int left_over_value;

static void do_nothing(void *arg)
{
	*(int *)arg = 1;
}

static void leave_a_task(weir_rt *rt)
{
	left_over = start(rt, "left over", do_nothing, &left_over_value);
}

static void tidy_up(weir_rt *rt)
{
	finish(rt, left_over);
}

/* wait_fd */

struct pair {
	int r, w;
};

static bool pair_open(struct pair *p)
{
	int fds[2];

	if (!EXPECT(pipe(fds) == 0))
		return false;
	*p = (struct pair){fds[0], fds[1]};
	return true;
}

static void pair_close(struct pair *p)
{
	if (p->r >= 0)
		EXPECT(close(p->r) == 0);
	if (p->w >= 0)
		EXPECT(close(p->w) == 0);
}

static void fd_events(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	EXPECT(wait_fd(rt, p.w, POLLOUT, WEIR_FOREVER) == POLLOUT);
	EXPECT(write(p.w, "x", 1) == 1);
	EXPECT(wait_fd(rt, p.r, POLLIN, WEIR_FOREVER) == POLLIN);
	EXPECT(wait_fd(rt, p.r, POLLIN, 0) == POLLIN); /* ready wins over a deadline in the past */
	EXPECT(close(p.w) == 0);
	p.w = -1;
	EXPECT(wait_fd(rt, p.r, POLLIN, WEIR_FOREVER) == (POLLIN | POLLHUP));
	pair_close(&p);
}

static void fd_refuses(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	EXPECT(wait_fd(rt, -1, POLLIN, 0) == WEIR_EBADF);
	EXPECT(wait_fd(rt, p.r, 0, 0) == WEIR_EINVAL);
	/* A runtime that opens a descriptor for itself does so now, so that it cannot get the number closed next. */
	EXPECT(wait_fd(rt, p.r, POLLIN, 0) == WEIR_ETIMEOUT);
	pair_close(&p);
	EXPECT(wait_fd(rt, p.r, POLLIN, WEIR_FOREVER) == WEIR_EBADF); /* closed */
}

static void fd_deadline(weir_rt *rt)
{
	struct pair p;
	int64_t at = weir_rt_now(rt) + WEIR_MS(1);

	if (!pair_open(&p))
		return;
	EXPECT(wait_fd(rt, p.r, POLLIN, INT64_MIN) == WEIR_ETIMEOUT);
	EXPECT(wait_fd(rt, p.r, POLLIN, 0) == WEIR_ETIMEOUT);
	EXPECT(wait_fd(rt, p.r, POLLIN, at) == WEIR_ETIMEOUT);
	EXPECT(weir_rt_now(rt) >= at);
	pair_close(&p);
}

static void fd_token_before(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	unpark(rt, self(rt));
	EXPECT(wait_fd(rt, p.r, POLLIN, WEIR_FOREVER) == 0);
	EXPECT(wait_fd(rt, p.r, POLLIN, 0) == WEIR_ETIMEOUT); /* the token was taken */
	unpark(rt, self(rt));
	EXPECT(wait_fd(rt, p.r, POLLIN, 0) == 0);
	EXPECT(park(rt, 0) == WEIR_ETIMEOUT);
	pair_close(&p);
}

static void fd_unpark_during(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	for (int i = 0; i < 20; i++) {
		struct box b = {.rt = rt, .peer = self(rt), .value = 2 * i};
		weir_task *waker = start(rt, "waker", unpark_me, &b);
		if (waker)
			EXPECT(wait_fd(rt, p.r, POLLIN, i % 2 ? WEIR_FOREVER : WEIR_FOREVER - 1) == 0);
		finish(rt, waker);
		EXPECT(park(rt, 0) == WEIR_ETIMEOUT); /* and a later wait is not woken by what is left of this one */
		EXPECT(wait_fd(rt, p.r, POLLIN, 0) == WEIR_ETIMEOUT);
	}
	pair_close(&p);
}

static void fd_deadline_loses_no_token(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	tokens_against_deadlines(rt, p.r);
	pair_close(&p);
}

struct writer {
	weir_rt *rt;
	int fd;
};

static void write_byte(void *arg)
{
	struct writer *w = arg;

	yields(w->rt, 20);
	EXPECT(write(w->fd, "x", 1) == 1);
}

static void fd_ready_during(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	struct writer w = {.rt = rt, .fd = p.w};
	weir_task *task = start(rt, "writer", write_byte, &w);
	if (task)
		EXPECT(wait_fd(rt, p.r, POLLIN, WEIR_FOREVER) == POLLIN);
	finish(rt, task);
	pair_close(&p);
}

static void fd_unpark_is_the_last_touch(weir_rt *rt)
{
	struct pair p;

	if (!pair_open(&p))
		return;
	vanish(rt, p.r);
	pair_close(&p);
}

/* A pair of sockets: both ends read and write, and a write without a reader is no signal. */
static bool sockets_open(int two[2])
{
	return EXPECT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two) == 0);
}

static void fd_moves_bytes(weir_rt *rt)
{
	const struct weir_rt_vtable *vt = rt->vt;
	char buf[4096] = {0};
	int two[2], rc;

	if (!sockets_open(two))
		return;
	EXPECT(vt->fd_read(rt, two[0], buf, sizeof(buf)) == WEIR_EAGAIN);
	EXPECT(vt->fd_write(rt, two[1], "abc", 3) == 3);
	EXPECT(vt->fd_read(rt, two[0], buf, 2) == 2 && memcmp(buf, "ab", 2) == 0);
	EXPECT(vt->fd_read(rt, two[0], buf, 2) == 1 && buf[0] == 'c');
	do
		rc = vt->fd_write(rt, two[1], buf, sizeof(buf));
	while (rc > 0);
	EXPECT(rc == WEIR_EAGAIN); /* full */
	do
		rc = vt->fd_read(rt, two[0], buf, sizeof(buf));
	while (rc > 0);
	EXPECT(rc == WEIR_EAGAIN);
	EXPECT(vt->fd_shut(rt, two[1]) == 0);
	EXPECT(vt->fd_read(rt, two[0], buf, sizeof(buf)) == 0);
	EXPECT(vt->fd_write(rt, two[0], "abc", 3) == 3); /* the other way still works */
	EXPECT(vt->fd_read(rt, two[1], buf, sizeof(buf)) == 3);
	vt->fd_close(rt, two[0]);
	EXPECT(vt->fd_read(rt, two[0], buf, sizeof(buf)) == WEIR_EBADF);
	EXPECT(vt->fd_write(rt, two[1], "x", 1) == WEIR_EPIPE);
	vt->fd_close(rt, two[1]);
}

static void fd_accepts(weir_rt *rt)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX}; /* without a path: the system makes up a name */
	struct sockaddr *name = (struct sockaddr *)&at;
	socklen_t length = sizeof(at);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), got = -1;
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (EXPECT(bind(listener, name, sizeof(at.sun_family)) == 0 && listen(listener, 1) == 0) &&
	    EXPECT(getsockname(listener, name, &length) == 0)) {
		EXPECT(rt->vt->fd_accept(rt, listener, &got) == WEIR_EAGAIN && got == -1);
		EXPECT(connect(client, name, length) == 0);
		EXPECT(wait_fd(rt, listener, POLLIN, WEIR_FOREVER) == POLLIN);
		EXPECT(rt->vt->fd_accept(rt, listener, &got) == 0 && got >= 0);
		EXPECT(rt->vt->fd_write(rt, client, "x", 1) == 1);
		EXPECT(wait_fd(rt, got, POLLIN, WEIR_FOREVER) == POLLIN);
		rt->vt->fd_close(rt, got);
	}
	rt->vt->fd_close(rt, client);
	rt->vt->fd_close(rt, listener);
}

static void fd_takes_signals(weir_rt *rt)
{
	const int number = SIGUSR1;
	sigset_t set, before;
	int fd = -1;

	(void)sigemptyset(&set);
	(void)sigaddset(&set, number);
	EXPECT(rt->vt->signals_open(rt, &number, 1, &fd) == WEIR_EINVAL && fd == -1); /* not blocked */
	EXPECT(pthread_sigmask(SIG_BLOCK, &set, &before) == 0);
	if (EXPECT(rt->vt->signals_open(rt, &number, 1, &fd) == 0)) {
		EXPECT(rt->vt->signals_next(rt, fd) == WEIR_EAGAIN);
		EXPECT(pthread_kill(pthread_self(), number) == 0);
		EXPECT(wait_fd(rt, fd, POLLIN, WEIR_FOREVER) == POLLIN);
		EXPECT(rt->vt->signals_next(rt, fd) == number);
		EXPECT(rt->vt->signals_next(rt, fd) == WEIR_EAGAIN);
		rt->vt->fd_close(rt, fd);
	}
	EXPECT(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

const struct rt_scenario rt_scenarios[] = {
	{"now_is_monotonic", "R1", RT_PLAIN, now_is_monotonic},
	{"deadline_is_reached", "R1", RT_PLAIN, deadline_is_reached},
	{"unpark_before_park", "R2", RT_PLAIN, unpark_before_park},
	{"two_unparks_are_one_token", "R2", RT_PLAIN, two_unparks_are_one_token},
	{"ping_pong", "R2", RT_PLAIN, ping_pong},
	{"many_unpark_one", "R2", RT_PLAIN, many_unpark_one},
	{"deadline_in_the_past", "R3", RT_PLAIN, deadline_in_the_past},
	{"deadline_far_away", "R3", RT_PLAIN, deadline_far_away},
	{"deadline_loses_no_token", "R3", RT_PLAIN, deadline_loses_no_token},
	{"unpark_publishes", "R4", RT_PLAIN, unpark_publishes},
	{"merged_tokens_publish_both", "R4", RT_PLAIN, merged_tokens_publish_both},
	{"spawn_and_join_publish", "R4", RT_PLAIN, spawn_and_join_publish},
	{"unpark_is_the_last_touch", "R5", RT_PLAIN, unpark_is_the_last_touch},
	{"names_are_copied_and_cut", "R6", RT_PLAIN, names_are_copied_and_cut},
	{"spawn_returns_self", "R6", RT_PLAIN, spawn_returns_self},
	{"spawn_failure_does_nothing", "R6", RT_FAILING, spawn_failure_does_nothing},
	{"hundred_tasks", "R7", RT_PLAIN, hundred_tasks},
	{"join_of_a_task_long_gone", "R7", RT_PLAIN, join_of_a_task_long_gone},
	{"join_of_a_running_task", "R7", RT_PLAIN, join_of_a_running_task},
	{"self_is_one_per_task", "R8", RT_PLAIN, self_is_one_per_task},
	{"alloc_is_aligned", "R9", RT_PLAIN, alloc_is_aligned},
	{"random_is_in_bounds", "R10", RT_PLAIN, random_is_in_bounds},
	{"yield_lets_others_run", "R11", RT_PLAIN, yield_lets_others_run},
	{"run_returns_after_joins", "R11", RT_PLAIN, run_returns_after_joins},
	{"unjoined_task_is_misuse", "R11", RT_MISUSE, leave_a_task},
	{"fd_events", "wait_fd", RT_FD, fd_events},
	{"fd_refuses", "wait_fd", RT_FD, fd_refuses},
	{"fd_deadline", "wait_fd, R1", RT_FD, fd_deadline},
	{"fd_token_before", "wait_fd, R2", RT_FD, fd_token_before},
	{"fd_deadline_loses_no_token", "wait_fd, R3", RT_FD, fd_deadline_loses_no_token},
	{"fd_unpark_during", "wait_fd, R2", RT_FD, fd_unpark_during},
	{"fd_ready_during", "wait_fd", RT_FD, fd_ready_during},
	{"fd_unpark_is_the_last_touch", "wait_fd, R5", RT_FD, fd_unpark_is_the_last_touch},
	{"fd_moves_bytes", "fd_read, fd_write, fd_shut", RT_FD, fd_moves_bytes},
	{"fd_accepts", "fd_accept", RT_FD, fd_accepts},
	{"fd_takes_signals", "signals_open, signals_next", RT_FD, fd_takes_signals},
};

const size_t rt_n_scenarios = sizeof(rt_scenarios) / sizeof(rt_scenarios[0]);

struct entry {
	weir_rt *rt;
	void (*fn)(weir_rt *rt);
	int calls;
};

static void enter(void *arg)
{
	struct entry *e = arg;

	e->calls++;
	EXPECT(self(e->rt) != NULL);
	e->fn(e->rt);
}

/* It has none, or none of the system's. */
static bool refused(int rc)
{
	return rc == WEIR_ENOSYS || rc == WEIR_EBADF;
}

static void no_descriptors(weir_rt *rt)
{
	char c = 0;
	int fd = -1;

	EXPECT(refused(wait_fd(rt, 0, POLLIN, 0)));
	EXPECT(refused(rt->vt->fd_read(rt, 0, &c, 1)));
	EXPECT(refused(rt->vt->fd_write(rt, 0, &c, 1)));
	EXPECT(refused(rt->vt->fd_accept(rt, 0, &fd)));
	EXPECT(refused(rt->vt->fd_shut(rt, 0)));
}

static void run_inside(const struct rt_fixture *fixture, const struct rt_scenario *scenario)
{
	int (*make)(weir_rt **) = scenario->setting == RT_FAILING ? fixture->make_failing : fixture->make;
	struct entry e = {.fn = scenario->setting == RT_FD && !fixture->has_fd ? no_descriptors : scenario->fn};

	if (!EXPECT(make(&e.rt) == 0))
		return;
	EXPECT(e.rt->vt->version == WEIR_RT_VERSION);
	EXPECT(e.rt->vt->run(e.rt, enter, &e) == 0);
	EXPECT(e.calls == 1);
	weir_rt_free(&e.rt);
	EXPECT(e.rt == NULL);
}

int rt_scenario_run(const struct rt_fixture *fixture, const struct rt_scenario *scenario)
{
	char text[256] = "";

	running = scenario;
	atomic_store(&failures, 0);
	if (scenario->setting == RT_MISUSE) {
		EXPECT(fixture->run_misused(scenario->fn, tidy_up, text, sizeof(text)) == 1);
		EXPECT(strstr(text, "join") != NULL); /* it says what would be right */
	} else {
		run_inside(fixture, scenario);
	}
	if (atomic_load(&failures) != 0)
		(void)fprintf(stderr, "%s: %s fails on %s\n", scenario->promise, scenario->name, fixture->name);
	return atomic_load(&failures);
}
