/* SPDX-License-Identifier: MIT
 *
 * The echo server of examples/echo_server.h, the same code that serves sockets, on the simulator's: interrupted at
 * every point, with clients that behave and clients that do not.
 *
 * What must hold, whatever comes in which order:
 *  1  echo_serve returns, and nothing is left (the simulator looks: descriptors, tasks, handles, memory).
 *  2  What a client read is what it wrote, in order, from the first byte on, and no byte more.
 *  3  accepted = finished + cut + failed, and bytes is at least what the clients read.
 *  4  A client that half closes and reads to the end has read everything, unless it was refused, never accepted, or cut
 *     off; after one ^C and with time enough nobody who was accepted is cut off.
 *  5  The grace time ends when it says, to the nanosecond.
 * Buffers of four bytes make the server wait in reads and in writes. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weir/sim.h>

#include "examples/echo_server.h"

#define BYTES 6 /* of a client, at most */
#define CLIENTS 2

enum manners {
	POLITE, /* says everything, half closes, reads to the end */
	IDLE,   /* says everything and waits for the server to close */
	RUDE,   /* says everything and resets the connection */
};

struct client {
	weir_fd address;
	enum manners manners;
	size_t bytes;
	int connected; /* what connecting returned */
	size_t said, got;
	int shut, rc; /* of the half close; of the last read: 0 is the end */
};

static char byte_at(size_t i)
{
	return (char)('a' + i);
}

static void say_all(weir_ctx *ctx, struct client *c, weir_fd fd)
{
	while (c->said < c->bytes) {
		char byte = byte_at(c->said);
		if (weir_fd_write(ctx, fd, &byte, 1) != 1)
			return; /* cut off: reading tells */
		c->said++;
	}
}

static int client_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_fd fd = WEIR_FD_NONE;
	char buf[4];
	(void)err;
	c->rc = 1;
	c->connected = weir_sim_connect("client", c->address, &fd);
	if (c->connected < 0)
		return 0;
	say_all(ctx, c, fd);
	if (c->manners == RUDE) {
		weir_sim_reset(&fd);
		return 0;
	}
	if (c->manners == POLITE)
		c->shut = weir_fd_shut(rt, fd);
	while ((c->rc = weir_fd_read(ctx, fd, buf, sizeof(buf))) > 0)
		for (int i = 0; i < c->rc; i++)
			WEIR_SIM_EQ(buf[i], byte_at(c->got++));
	weir_fd_close(rt, &fd);
	return 0;
}

struct world {
	struct client clients[CLIENTS];
	int n;
	int interrupts;      /* how many ^C ... */
	int64_t interval_ns; /* ... and the time before each */
	bool late;           /* a client that comes half a millisecond after the first */
	struct echo_opts opts;
	struct echo_report report;
	weir_fd listener, signals;
};

static int interrupt_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	const struct world *w = arg;
	weir_fd fd;
	(void)err;
	for (int i = 0; i < w->interrupts; i++) {
		WEIR_SIM_EQ(weir_sleep(ctx, w->interval_ns), 0);
		weir_sim_signal_raise(SIGINT);
		if (i == 0 && w->late) {
			WEIR_SIM_EQ(weir_sleep(ctx, WEIR_US(500)), 0);
			WEIR_SIM_EQ(weir_sim_connect("late", w->clients[0].address, &fd), -ECONNREFUSED);
		}
	}
	return 0;
}

static int open_world(weir_rt *rt, struct world *w)
{
	int rc = weir_sim_listen("listener", 4, &w->listener);
	if (rc == 0)
		rc = weir_signals_open(rt, (int[]){SIGINT, SIGTERM}, 2, &w->signals);
	for (int i = 0; i < w->n; i++)
		w->clients[i].address = w->listener;
	return rc;
}

static void check_world(const struct world *w)
{
	const struct echo_report *r = &w->report;
	uint64_t got = 0;
	for (int i = 0; i < w->n; i++) {
		WEIR_SIM_ASSERT(w->clients[i].got <= w->clients[i].said);
		got += w->clients[i].got;
	}
	WEIR_SIM_EQ(r->accepted, r->finished + r->cut + r->failed);
	WEIR_SIM_ASSERT(got <= r->bytes);
}

/* The server in the calling task under `ctx`, clients and interrupts around it. The server's code. */
static int serve_world(weir_ctx *ctx, weir_ctx *server, struct world *w, weir_err *err)
{
	weir_rt *rt = weir_ctx_rt(ctx);
	weir_scope s;
	int served = 0, rc = open_world(rt, w);
	weir_scope_init(&s, ctx);
	for (int i = 0; rc == 0 && i < w->n; i++)
		rc = weir_scope_spawn(&s, "client", client_task, &w->clients[i]);
	if (rc == 0)
		rc = weir_scope_spawn(&s, "interrupt", interrupt_task, w);
	if (rc == 0)
		served = echo_serve(server, &w->listener, w->signals, &w->opts, &w->report, err);
	weir_fd_close(rt, &w->listener);
	rc = weir_scope_join(ctx, &s, rc, NULL);
	weir_fd_close(rt, &w->signals);
	check_world(w);
	return rc < 0 ? rc : served;
}

static struct world world_of(enum manners manners, int interrupts)
{
	struct world w = {.n = CLIENTS,
			  .interrupts = interrupts,
			  .opts = {.max = 1 + weir_sim_choose(CLIENTS, "slots"), .grace_ns = WEIR_SEC(1)},
			  .listener = WEIR_FD_NONE,
			  .signals = WEIR_FD_NONE};
	for (int i = 0; i < CLIENTS; i++) {
		w.clients[i].manners = manners;
		w.clients[i].bytes = BYTES;
	}
	return w;
}

/* What became of clients, over all schedules of all tests: main looks whether everything that can happen did. */
static struct {
	uint64_t refused, unknown, served, cut, failed, merged;
} seen;

/* Served in full: true. Else the server never knew it. */
static bool was_served(const struct client *c)
{
	if (c->connected < 0) {
		WEIR_SIM_EQ(c->connected, -ECONNREFUSED);
		seen.refused++;
		return false;
	}
	if (c->rc == 0 && c->got == c->bytes) {
		seen.served++;
		return true;
	}
	/* It is told of the reset once, by whatever it tried next: reading, or writing, and then it reads the end. */
	WEIR_SIM_ASSERT(c->got == 0 && (c->rc == -ECONNRESET || c->said < c->bytes || c->shut < 0));
	seen.unknown++;
	return false;
}

/* ---- one ^C ---- */

static void check_interrupted_once(weir_ctx *ctx, const struct world *w)
{
	uint64_t served = 0, bytes = 0;
	for (int i = 0; i < w->n; i++) {
		if (was_served(&w->clients[i])) {
			served++;
			bytes += w->clients[i].bytes;
		}
	}
	WEIR_SIM_EQ(w->report.accepted, served);
	WEIR_SIM_EQ(w->report.finished, served);
	WEIR_SIM_EQ(w->report.bytes, bytes);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), 0); /* nobody had to wait for the grace time */
}

static void interrupted_once(weir_ctx *ctx)
{
	struct world w = world_of(POLITE, 1);
	WEIR_SIM_EQ(serve_world(ctx, ctx, &w, NULL), 0);
	check_interrupted_once(ctx, &w);
}

WEIR_SIM_TEST_WITH(after_one_interrupt_everybody_finishes, .no_early = true, .schedules = 2000)
{
	interrupted_once(ctx);
}

WEIR_SIM_TEST_WITH(after_one_interrupt_with_short_io, .no_early = true, .short_io = true, .schedules = 2000)
{
	interrupted_once(ctx);
}

/* One client, one byte, one slot: every schedule with at most one preemption. */
WEIR_SIM_TEST_WITH(one_client_in_every_order, .no_early = true, .strategy = "dfs1")
{
	struct world w = world_of(POLITE, 1);
	w.n = 1;
	w.clients[0].bytes = 1;
	w.opts.max = 1;
	WEIR_SIM_EQ(serve_world(ctx, ctx, &w, NULL), 0);
	check_interrupted_once(ctx, &w);
}

/* ---- two ^C, and grace that ends at any time ---- */

static void interrupted_twice(weir_ctx *ctx, enum manners manners)
{
	struct world w = world_of(manners, 2);
	WEIR_SIM_EQ(serve_world(ctx, ctx, &w, NULL), 0);
	for (int i = 0; i < w.n; i++) {
		const struct client *c = &w.clients[i];
		if (c->connected < 0)
			WEIR_SIM_EQ(c->connected, -ECONNREFUSED);
		else if (manners != RUDE)
			WEIR_SIM_ASSERT(c->rc == 0 || c->rc == -ECONNRESET);
	}
	if (manners == POLITE)
		WEIR_SIM_EQ(w.report.failed, 0);
	seen.cut += w.report.cut;
	seen.failed += w.report.failed;
	seen.merged += manners == POLITE && w.report.finished == CLIENTS;
}

WEIR_SIM_TEST_WITH(two_interrupts_cut_off_and_lose_nothing, .schedules = 2000)
{
	interrupted_twice(ctx, POLITE);
}

WEIR_SIM_TEST_WITH(two_interrupts_with_short_io, .short_io = true, .schedules = 2000)
{
	interrupted_twice(ctx, POLITE);
}

WEIR_SIM_TEST_WITH(two_interrupts_and_idle_clients, .schedules = 2000)
{
	interrupted_twice(ctx, IDLE);
}

WEIR_SIM_TEST_WITH(clients_that_reset_are_their_own_trouble, .schedules = 2000)
{
	interrupted_twice(ctx, RUDE);
}

/* Idle clients, one ^C: they have everything back, and are cut off when the grace time is over, not before. */
WEIR_SIM_TEST_WITH(grace_ends_on_time, .no_early = true)
{
	struct world w = world_of(IDLE, 1);
	uint64_t served = 0;
	WEIR_SIM_EQ(serve_world(ctx, ctx, &w, NULL), 0);
	for (int i = 0; i < w.n; i++)
		served += was_served(&w.clients[i]);
	WEIR_SIM_EQ(w.report.accepted, served);
	WEIR_SIM_EQ(w.report.finished, 0);
	WEIR_SIM_EQ(w.report.cut, w.report.accepted);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), w.report.cut ? WEIR_SEC(1) : 0);
}

/* The interrupts come when there is nothing else to do: everybody has been served, through however few slots. */
WEIR_SIM_TEST_WITH(slots_are_used_again, .no_early = true)
{
	struct world w = world_of(POLITE, 1);
	w.interval_ns = WEIR_MS(1);
	WEIR_SIM_EQ(serve_world(ctx, ctx, &w, NULL), 0);
	for (int i = 0; i < w.n; i++)
		WEIR_SIM_EQ(w.clients[i].got, BYTES);
	WEIR_SIM_EQ(w.report.finished, w.n);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(1));
}

/* Idle clients: from the first ^C on nobody else gets in, and the second ends it in that instant. */
WEIR_SIM_TEST_WITH(the_second_interrupt_ends_it_at_once, .no_early = true)
{
	struct world w = world_of(IDLE, 2);
	w.interval_ns = WEIR_MS(1);
	w.late = true;
	WEIR_SIM_EQ(serve_world(ctx, ctx, &w, NULL), 0);
	WEIR_SIM_EQ(w.report.cut, w.opts.max);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_US(2500));
}

/* ---- the server's own context is cancelled ---- */

static int cancel_task(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	weir_ctx_cancel(arg, "the program ends");
	return 0;
}

WEIR_SIM_TEST_WITH(a_cancel_from_above_ends_it_at_any_point, .schedules = 2000)
{
	struct world w = world_of(weir_sim_choose(2, "idle") ? IDLE : POLITE, 0);
	weir_ctx server;
	weir_scope s;
	weir_ctx_init(&server, ctx, WEIR_FOREVER);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "cancel", cancel_task, &server), 0);
	WEIR_SIM_EQ(serve_world(ctx, &server, &w, NULL), WEIR_ECANCELED);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_ctx_fini(&server);
}

/* ---- no memory, no task ---- */

/* Whichever allocation or spawn fails: the error is told, and nothing is left over. */
WEIR_SIM_TEST_WITH(a_fault_anywhere_leaves_nothing_behind, .schedules = 30, .fault_sweep = true)
{
	struct world w = world_of(POLITE, 1);
	weir_err err = {0};
	int rc = serve_world(ctx, ctx, &w, &err);
	WEIR_SIM_ASSERT(rc == 0 || rc == WEIR_ENOMEM || rc == WEIR_EAGAIN);
	weir_err_fini(&err);
}

int main(int argc, char **argv)
{
	int status = weir_sim_main(argc, argv);
	if (status == 0 && argc == 1 && !getenv("WEIR_SIM_SCHEDULES") && !getenv("WEIR_SIM_AT_MOST") &&
	    !(seen.refused && seen.unknown && seen.served && seen.cut && seen.failed && seen.merged)) {
		printf("FAIL of all clients %llu were refused, %llu not accepted, %llu served, %llu cut off, "
		       "%llu failed, %llu finished in spite of two interrupts: none may be 0\n",
		       (unsigned long long)seen.refused, (unsigned long long)seen.unknown,
		       (unsigned long long)seen.served, (unsigned long long)seen.cut, (unsigned long long)seen.failed,
		       (unsigned long long)seen.merged);
		status = 1;
	}
	return status;
}
