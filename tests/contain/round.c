/* SPDX-License-Identifier: MIT
 *
 * One run of a program: the roles meet, and say what came of it.
 *
 * In the simulator the roles are tasks of a scope, started one after the other; every choice between their operations
 * is the search's. On real threads they are a crew of tasks that stay alive from run to run: a run costs two messages
 * per role instead of a thread, so that a hundred thousand take seconds.
 *
 *  M1  A channel of weir hands each role to its task, and another one tells when it has ended: these order everything a
 *      role touches, as spawn and join do in the simulator.
 *  M2  Being handed a role takes as long as it takes to wake a thread, which is longer than a role. So the roles of a
 *      run also wait for each other at a start line, and then each for a random little while. The line is a plain
 *      atomic counter: it adds no operation of weir that the simulated side would not have.
 *      Which task plays which role is drawn anew for each run: with fewer cores than roles, the one that was woken last
 *      has a head start, and it must not always be the same role.
 *  M3  Random numbers are the task's own, from fixed seeds: not that runs repeat, but that nothing is shared.
 *
 * RUNS AT THE SAME TIME: the roles of one run, each in its task; the next run begins after all have ended. */
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weir/rt/threads.h>

#include "contain.h"

struct crew {
	struct round *round;
	contain_role *role[CONTAIN_ROLES];
	size_t n;                      /* roles of this run */
	size_t role_of[CONTAIN_ROLES]; /* of each task in this run */
	_Atomic size_t at_line;
	weir_tx *go[CONTAIN_ROLES];
	weir_rx *went[CONTAIN_ROLES];
	weir_tx *done[CONTAIN_ROLES];
	weir_rx *all_done;
};

struct member {
	struct crew *crew;
	size_t i;
};

static const weir_type event_type = {.name = "event"};
static _Thread_local uint64_t dice;

static uint32_t roll(uint32_t n)
{
	dice = dice * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(((dice >> 32) * n) >> 32);
}

/* From nothing to a few microseconds, each magnitude as likely as the next; sometimes a turn or two for others. */
static void linger(weir_rt *rt)
{
	uint32_t kind = roll(16);
	if (kind < 2) {
		for (uint32_t turns = 1 + roll(3); turns > 0; turns--)
			weir_rt_yield(rt);
	} else if (kind < 12) {
		for (volatile uint32_t spin = roll(2u << kind); spin > 0; spin--)
			;
	}
}

void contain_pause(struct round *r)
{
	if (r->crew)
		linger(r->rt);
}

/* ---- meeting ---- */

static void run_role(weir_ctx *ctx, struct crew *crew, size_t i)
{
	atomic_fetch_add(&crew->at_line, 1);
	for (unsigned spin = 1; atomic_load(&crew->at_line) < crew->n; spin++)
		if (spin % 256 == 0)
			weir_rt_yield(crew->round->rt);
	linger(crew->round->rt);
	crew->role[crew->role_of[i]](ctx, crew->round);
}

static int crew_member(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct member *me = arg;
	struct crew *crew = me->crew;
	int rc;
	(void)err;
	dice = me->i + 1;
	while ((rc = weir_rx_recv(ctx, crew->went[me->i], NULL)) == 1) {
		run_role(ctx, crew, me->i);
		rc = weir_tx_send(ctx, crew->done[me->i], NULL);
		if (rc < 0)
			break;
	}
	return rc;
}

static void meet_on_threads(weir_ctx *ctx, struct crew *crew, size_t n, contain_role *const *roles)
{
	crew->n = n;
	atomic_store(&crew->at_line, 0);
	memcpy(crew->role, roles, n * sizeof(*roles));
	for (size_t i = 0; i < n; i++) { /* a random order, Fisher-Yates inside out */
		size_t at = roll((uint32_t)i + 1);
		crew->role_of[i] = crew->role_of[at];
		crew->role_of[at] = i;
	}
	for (size_t i = 1; i < n; i++)
		WEIR_SIM_EQ(weir_tx_send(ctx, crew->go[i], NULL), 0);
	run_role(ctx, crew, 0);
	for (size_t i = 1; i < n; i++)
		WEIR_SIM_EQ(weir_rx_recv(ctx, crew->all_done, NULL), 1);
}

struct part {
	struct round *round;
	contain_role *role;
};

static int play(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct part *p = arg;
	(void)err;
	p->role(ctx, p->round);
	return 0;
}

void contain_meet(weir_ctx *ctx, struct round *r, size_t n, contain_role *const *roles)
{
	struct part part[CONTAIN_ROLES];
	weir_scope s;
	WEIR_SIM_ASSERT(n >= 2 && n <= CONTAIN_ROLES);
	if (r->crew) {
		meet_on_threads(ctx, r->crew, n, roles);
		return;
	}
	weir_scope_init(&s, ctx);
	for (size_t i = 1; i < n; i++) {
		part[i] = (struct part){.round = r, .role = roles[i]};
		WEIR_SIM_EQ(weir_scope_spawn(&s, NULL, play, &part[i]), 0);
	}
	roles[0](weir_scope_ctx(&s), r);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}

/* ---- what programs are made of ---- */

void contain_say(struct round *r, const char *fmt, ...)
{
	size_t at = strlen(r->text);
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(r->text + at, sizeof(r->text) - at, fmt, args);
	va_end(args);
	WEIR_SIM_ASSERT(n >= 0 && (size_t)n < sizeof(r->text) - at);
}

const char *contain_code(int rc)
{
	static const char *const numbers[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
	if (rc >= 0 && rc < 10)
		return numbers[rc];
	return rc == WEIR_EAGAIN ? "again" : rc == WEIR_EPIPE ? "pipe" : rc == WEIR_ECANCELED ? "cancel" : "other";
}

static void count_drop(void *item, void *arg)
{
	struct round *r = arg;
	(void)item;
	r->dropped++;
}

void contain_open(struct round *r, size_t i, size_t capacity)
{
	weir_type type = {.name = "number", .size = sizeof(int), .align = _Alignof(int), .drop = count_drop, .arg = r};
	WEIR_SIM_EQ(weir_chan_new(r->rt, &type, capacity, &r->tx[i], &r->rx[i]), 0);
}

void contain_close(struct round *r)
{
	for (size_t i = 0; i < sizeof(r->tx) / sizeof(r->tx[0]); i++) {
		weir_tx_close(&r->tx[i]);
		weir_rx_close(&r->rx[i]);
	}
}

int contain_send(weir_ctx *ctx, struct round *r, size_t i, int item)
{
	return weir_tx_send(ctx, r->tx[i], &item);
}

int contain_try_send(struct round *r, size_t i, int item)
{
	return weir_tx_try_send(r->tx[i], &item);
}

int contain_recv(weir_ctx *ctx, struct round *r, size_t i)
{
	int item = 0, rc = weir_rx_recv(ctx, r->rx[i], &item);
	return rc == 1 ? item : rc;
}

int contain_try_recv(struct round *r, size_t i)
{
	int item = 0, rc = weir_rx_try_recv(r->rx[i], &item);
	return rc == 1 ? item : rc;
}

/* ---- many runs on threads ---- */

struct batch {
	const struct contain_program *program;
	uint64_t runs;
	struct outcomes *set;
};

static int run_batch(weir_ctx *ctx, const struct batch *b, struct crew *crew)
{
	static struct round r;
	int rc = 0;
	dice = 1;
	for (uint64_t i = 0; i < b->runs && rc == 0; i++) {
		memset(&r, 0, sizeof(r));
		r.crew = crew;
		r.rt = weir_ctx_rt(ctx);
		r.param = b->program->param;
		crew->round = &r;
		rc = b->program->fn(ctx, &r);
		contain_outcome(b->set, r.text)->threads++;
	}
	return rc;
}

static int batch_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct crew crew = {.n = 0};
	struct member member[CONTAIN_ROLES];
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	weir_scope_init(&s, ctx);
	int rc = weir_chan_new(rt, &event_type, CONTAIN_ROLES, &crew.done[0], &crew.all_done);
	for (size_t i = 1; i < CONTAIN_ROLES && rc == 0; i++) {
		member[i] = (struct member){.crew = &crew, .i = i};
		rc = weir_chan_new(rt, &event_type, 0, &crew.go[i], &crew.went[i]);
		if (rc == 0)
			rc = weir_tx_clone(crew.done[0], 1, &crew.done[i]);
		if (rc == 0)
			rc = weir_scope_spawn(&s, "crew", crew_member, &member[i]);
	}
	if (rc == 0)
		rc = run_batch(ctx, arg, &crew);
	for (size_t i = 1; i < CONTAIN_ROLES; i++)
		weir_tx_close(&crew.go[i]);
	rc = weir_scope_join(ctx, &s, rc, err);
	for (size_t i = 0; i < CONTAIN_ROLES; i++) {
		weir_tx_close(&crew.done[i]);
		weir_rx_close(&crew.went[i]);
	}
	weir_rx_close(&crew.all_done);
	return rc;
}

int contain_on_threads(const struct contain_program *p, uint64_t runs, struct outcomes *set)
{
	struct batch b = {.program = p, .runs = runs, .set = set};
	weir_err err = {0};
	weir_rt *rt;
	int rc = weir_rt_threads_new(NULL, &rt);
	if (rc < 0)
		return rc;
	rc = weir_rt_run(rt, batch_task, &b, &err);
	if (rc < 0)
		fprintf(stderr, "%s: on threads: %s\n", p->name, weir_err_name(rc));
	weir_err_fini(&err);
	weir_rt_free(&rt);
	return rc;
}
