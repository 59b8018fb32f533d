/* SPDX-License-Identifier: MIT
 *
 * Every object of core against its sequential model (tests/models): small random clients, whose operations and
 * interleavings are all choices of the schedule, record what they call and what comes back, and an order of the
 * operations must explain it.
 *
 * A client that waits is let go by a cancel of its context, which is part of the history: when all clients wait, the
 * scenario ends the contexts one after the other. What a search has seen is counted: results that no schedule gave
 * would mean that the test looks at nothing.
 *
 * "dfs2" is every program of the smallest size under every schedule with at most two preemptions. */
#include <string.h>
#include <weir/sim.h>

#include "tests/models/hub.h"
#include "tests/models/sync.h"
#include "tests/models/tree.h"

enum { CLIENTS = 4, OPS = 64, NO_CANCEL = 1000 };

static struct weir_sim_op ops[OPS];
static struct weir_sim_history history = {.ops = ops, .cap = OPS};

static struct client {
	weir_ctx ctx;
	int me, acts, done;
	void (*act)(struct client *c);
} clients[CLIENTS];

static uint32_t choose(uint32_t n)
{
	return weir_sim_choose(n, "what");
}

static uint32_t begin(uint32_t op, int64_t a, int64_t b, int64_t c)
{
	return weir_sim_op_begin(&history, op, WEIR_SIM_ARGS(a, b, c));
}

static void end(uint32_t id, int64_t a, int64_t b, int64_t c)
{
	weir_sim_op_end(&history, id, WEIR_SIM_ARGS(a, b, c));
}

static int client_main(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct client *c = arg;
	(void)ctx, (void)err;
	for (; c->done < c->acts; c->done++)
		c->act(c);
	return 0;
}

static void cancel_client(int who, uint32_t op)
{
	uint32_t id = begin(op, who, 0, 0);
	weir_ctx_cancel(&clients[who].ctx, "enough");
	end(id, 0, 0, 0);
}

/* n clients of so many acts, each under a context of its own (timed: a bit for those with a deadline). */
static void run(weir_ctx *ctx, int n, int acts, void (*act)(struct client *c), uint32_t cancel_op, unsigned timed)
{
	weir_scope s;
	weir_sim_history_clear(&history);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < n; i++) {
		clients[i] = (struct client){.me = i, .acts = acts, .act = act};
		weir_ctx_init(&clients[i].ctx, ctx, timed >> i & 1 ? WEIR_MS(i + 1) : WEIR_FOREVER);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "client", client_main, &clients[i]), 0);
	}
	for (int i = 0; i < n; i++) {
		weir_sim_quiesce(ctx);
		if (clients[i].done < acts && cancel_op != NO_CANCEL)
			cancel_client(i, cancel_op);
	}
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	for (int i = 0; i < n; i++)
		weir_ctx_fini(&clients[i].ctx);
}

/* ---- what was seen ---- */

static unsigned seen[64], seen_max;

/* Counts in how many schedules each was seen. */
static void see(unsigned what)
{
	seen[what]++;
	seen_max = what > seen_max ? what : seen_max;
}

WEIR_SIM_TEST_WITH(nothing_seen_yet, .allow_no_decisions = true, .schedules = 1)
{
	memset(seen, 0, sizeof(seen));
}

#define SEEN_ALL(name, from, to)                                                            \
	WEIR_SIM_TEST_WITH(name, .allow_no_decisions = true, .schedules = 1)                \
	{                                                                                   \
		for (unsigned i = (from); i <= (to); i++) {                                 \
			if (seen[i] == 0)                                                   \
				weir_sim_fail(__FILE__, __LINE__, "no schedule had %u", i); \
		}                                                                           \
	}

/* ---- channels and select ---- */

enum { SENT, RECEIVED, PIPE, CLOSED, AGAIN, CANCELED, DEADLINE, HUB_SEEN };

static struct hub_start start;
static weir_tx *tx[CLIENTS][HUB_CHANS];
static weir_rx *rx[CLIENTS][HUB_CHANS];
static int n_items;

static const weir_type num = {.name = "num", .size = sizeof(int), .align = _Alignof(int)};

static void open_hub(weir_ctx *ctx, int n, unsigned timed)
{
	start = (struct hub_start){.timed = (uint8_t)timed};
	n_items = 0;
	for (int i = 0; i < HUB_CHANS; i++) {
		start.capacity[i] = (uint8_t)choose(3);
		start.n_tx[i] = start.n_rx[i] = (uint8_t)n;
		WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, start.capacity[i], &tx[0][i], &rx[0][i]), 0);
		for (int k = 1; k < n; k++) {
			WEIR_SIM_EQ(weir_tx_clone(tx[0][i], 1, &tx[k][i]), 0);
			WEIR_SIM_EQ(weir_rx_clone(rx[0][i], 1, &rx[k][i]), 0);
		}
	}
}

static void check_hub(int n)
{
	struct weir_sim_model model = hub_model(&start);
	for (int k = 0; k < n; k++) {
		for (int i = 0; i < HUB_CHANS; i++) {
			weir_tx_close(&tx[k][i]);
			weir_rx_close(&rx[k][i]);
		}
	}
	WEIR_SIM_EQ(weir_sim_check_linearizable(&history, &model), 0);
	for (uint32_t i = 0; i < history.n; i++) {
		const int64_t *out = ops[i].out.v;
		int64_t rc = out[0] < 0 ? out[0] : out[1];
		if (ops[i].op == HUB_WAIT)
			see(rc == WEIR_EPIPE                     ? PIPE
			    : rc == WEIR_EAGAIN                  ? AGAIN
			    : rc == WEIR_ECANCELED               ? CANCELED
			    : rc == WEIR_EDEADLINE               ? DEADLINE
			    : rc == 1                            ? RECEIVED
			    : hub_sends(ops[i].in.v[1 + out[0]]) ? SENT
								 : CLOSED);
	}
}

/* A case of select, or an operation of its own, that the client can still ask for; 0: its handle is closed. */
static int64_t draw_case(const struct client *c)
{
	int chan = (int)choose(HUB_CHANS);
	if (choose(2))
		return tx[c->me][chan] ? hub_send(chan, ++n_items) : 0;
	return rx[c->me][chan] ? hub_recv(chan) : 0;
}

static void do_one(struct client *c, int64_t want, bool waits)
{
	int chan = (int)(want / 0x1000), item = (int)(want & 0xff), rc;
	uint32_t id = begin(HUB_WAIT, waits ? c->me : HUB_TRY, want, 0);
	if (hub_sends(want)) {
		weir_tx *h = tx[c->me][chan];
		rc = waits ? weir_tx_send(&c->ctx, h, &item) : weir_tx_try_send(h, &item);
		end(id, rc == WEIR_EPIPE ? 0 : rc, rc == WEIR_EPIPE ? rc : 0, 0);
	} else {
		weir_rx *h = rx[c->me][chan];
		item = 0;
		rc = waits ? weir_rx_recv(&c->ctx, h, &item) : weir_rx_try_recv(h, &item);
		end(id, rc < 0 ? rc : 0, rc < 0 ? 0 : rc, item);
	}
}

static void do_select(struct client *c, const int64_t want[2], bool waits)
{
	weir_case cases[2];
	int items[2];
	uint32_t id = begin(HUB_WAIT, waits ? c->me : HUB_TRY, want[0], want[1]);
	for (int k = 0; k < 2; k++) {
		int chan = (int)(want[k] / 0x1000);
		bool sends = hub_sends(want[k]);
		items[k] = sends ? (int)(want[k] & 0xff) : 0;
		cases[k] = sends ? weir_case_send(tx[c->me][chan], &items[k])
				 : weir_case_recv(rx[c->me][chan], &items[k]);
	}
	int i = waits ? weir_select(&c->ctx, cases, 2) : weir_try_select(cases, 2);
	end(id, i, i < 0 ? 0 : cases[i].rc, i < 0 || hub_sends(want[i]) || cases[i].rc != 1 ? 0 : items[i]);
}

/* Handles are closed, intake is shut, a client is cancelled. */
static void do_end(struct client *c)
{
	int chan = (int)choose(HUB_CHANS);
	uint32_t what = choose(4), id;
	if (what == 3) {
		cancel_client((int)choose(2), HUB_CANCEL);
	} else if (what == 2 && rx[c->me][chan]) {
		id = begin(HUB_SHUT, chan, 0, 0);
		weir_rx_shut(rx[c->me][chan]);
		end(id, 0, 0, 0);
	} else if (what == 1 && tx[c->me][chan]) {
		id = begin(HUB_CLOSE_TX, chan, 0, 0);
		weir_tx_close(&tx[c->me][chan]);
		end(id, 0, 0, 0);
	} else if (what == 0 && rx[c->me][chan]) {
		id = begin(HUB_CLOSE_RX, chan, 0, 0);
		weir_rx_close(&rx[c->me][chan]);
		end(id, 0, 0, 0);
	}
}

static void act_hub(struct client *c)
{
	int64_t want[2] = {draw_case(c), 0};
	bool waits = choose(3) > 0;
	if (choose(4) == 0) {
		do_end(c);
	} else if (want[0]) {
		if (choose(2) == 1)
			want[1] = draw_case(c);
		if (want[1])
			do_select(c, want, waits);
		else
			do_one(c, want[0], waits);
	}
}

/* 3 clients, 4 acts each. */
WEIR_SIM_TEST_WITH(channels_and_select, .schedules = 20000)
{
	unsigned timed = choose(2) ? 2 : 0;
	open_hub(ctx, 3, timed);
	run(ctx, 3, 4, act_hub, HUB_CANCEL, timed);
	check_hub(3);
}

WEIR_SIM_TEST_WITH(channels_and_select_of_four, .schedules = 8000)
{
	open_hub(ctx, 4, 0);
	run(ctx, 4, 3, act_hub, HUB_CANCEL, 0);
	check_hub(4);
}

/* One channel, one operation of each: the smallest. */
static void act_small(struct client *c)
{
	int64_t want = choose(2) ? hub_send(0, ++n_items) : hub_recv(0);
	switch (choose(3)) {
	case 0:
		do_one(c, want, true);
		break;
	case 1:
		do_one(c, want, false);
		break;
	default: {
		uint32_t id = begin(HUB_SHUT, 0, 0, 0);
		weir_rx_shut(rx[c->me][0]);
		end(id, 0, 0, 0);
	}
	}
}

static void open_small(weir_ctx *ctx, int n)
{
	start = (struct hub_start){.capacity = {(uint8_t)choose(2)}, .n_tx = {(uint8_t)n}, .n_rx = {(uint8_t)n}};
	n_items = 0;
	memset(tx, 0, sizeof(tx));
	memset(rx, 0, sizeof(rx));
	WEIR_SIM_EQ(weir_chan_new(weir_ctx_rt(ctx), &num, start.capacity[0], &tx[0][0], &rx[0][0]), 0);
	for (int k = 1; k < n; k++) {
		WEIR_SIM_EQ(weir_tx_clone(tx[0][0], 1, &tx[k][0]), 0);
		WEIR_SIM_EQ(weir_rx_clone(rx[0][0], 1, &rx[k][0]), 0);
	}
}

WEIR_SIM_TEST_WITH(two_clients_of_a_channel_all_schedules, .strategy = "dfs2")
{
	open_small(ctx, 2);
	run(ctx, 2, 1, act_small, HUB_CANCEL, 0);
	check_hub(2);
}

SEEN_ALL(channels_gave_every_result, SENT, HUB_SEEN - 1)

/* ---- core/sync.h ---- */

enum { GOT = HUB_SEEN, TOO_LATE, BUSY, SYNC_SEEN };

static weir_mutex mutex;
static weir_rwlock rwlock;
static weir_sem sem;
static weir_wg wg;
static weir_once once;
static weir_atomic atomic;
static weir_ctx *root;

static void check_sync(const char *name, int64_t count)
{
	struct weir_sim_model model = sync_model(name, &count);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&history, &model), 0);
	for (uint32_t i = 0; i < history.n; i++)
		see(ops[i].out.v[0] == WEIR_EAGAIN ? BUSY : ops[i].out.v[0] == WEIR_ECANCELED ? TOO_LATE : GOT);
}

/* Between taking and giving back: a place for others. */
static void hold(const struct client *c)
{
	if (choose(2))
		weir_rt_yield(weir_ctx_rt(&clients[c->me].ctx));
}

static void unlock_mutex(void)
{
	uint32_t id = begin(SYNC_WRITE_UNLOCK, 0, 0, 0);
	weir_mutex_unlock(&mutex);
	end(id, 0, 0, 0);
}

static void act_mutex(struct client *c)
{
	uint32_t id;
	int rc = 0;
	if (choose(2)) {
		id = begin(SYNC_WRITE_LOCK, 0, 0, 0);
		weir_mutex_lock(&c->ctx, &mutex);
	} else {
		id = begin(SYNC_TRY_WRITE, 0, 0, 0);
		rc = weir_mutex_try_lock(&mutex);
	}
	end(id, rc, 0, 0);
	if (rc == 0) {
		hold(c);
		unlock_mutex();
	}
}

static void do_mutex(weir_ctx *ctx, int n, int acts)
{
	weir_mutex_init(&mutex, weir_ctx_rt(ctx));
	run(ctx, n, acts, act_mutex, SYNC_CANCEL, 0);
	weir_mutex_fini(&mutex);
	check_sync("mutex", 0);
}

WEIR_SIM_TEST_WITH(mutex_of_three, .schedules = 5000)
{
	do_mutex(ctx, 3, 3);
}

WEIR_SIM_TEST_WITH(mutex_all_schedules, .strategy = "dfs2")
{
	do_mutex(ctx, 2, 1);
}

static void act_rwlock(struct client *c)
{
	bool reads = choose(2);
	uint32_t id;
	int rc = 0;
	if (choose(3)) {
		id = begin(reads ? SYNC_READ_LOCK : SYNC_WRITE_LOCK, 0, 0, 0);
		(reads ? weir_rwlock_read_lock : weir_rwlock_write_lock)(&c->ctx, &rwlock);
	} else {
		id = begin(reads ? SYNC_TRY_READ : SYNC_TRY_WRITE, 0, 0, 0);
		rc = (reads ? weir_rwlock_try_read_lock : weir_rwlock_try_write_lock)(&rwlock);
	}
	end(id, rc, 0, 0);
	if (rc < 0)
		return;
	hold(c);
	id = begin(reads ? SYNC_READ_UNLOCK : SYNC_WRITE_UNLOCK, 0, 0, 0);
	(reads ? weir_rwlock_read_unlock : weir_rwlock_write_unlock)(&rwlock);
	end(id, 0, 0, 0);
}

WEIR_SIM_TEST_WITH(rwlock_of_four, .schedules = 8000)
{
	weir_rwlock_init(&rwlock, weir_ctx_rt(ctx));
	run(ctx, 4, 3, act_rwlock, SYNC_CANCEL, 0);
	weir_rwlock_fini(&rwlock);
	check_sync("read-write lock", 0);
}

enum { SEM_CAPACITY = 1000 }; /* more than is ever asked for */

static void act_sem(struct client *c)
{
	int64_t n = choose(3);
	uint32_t what = choose(7), id;
	if (what == 0) {
		cancel_client((int)choose(2), SYNC_CANCEL);
	} else if (what == 1) {
		id = begin(SYNC_RELEASE, 0, n, 0);
		weir_sem_release(&sem, (uint64_t)n);
		end(id, 0, 0, 0);
	} else if (what == 6) {
		id = begin(SYNC_RESIZE, 0, n - 1, 0);
		weir_sem_resize(&sem, (uint64_t)(SEM_CAPACITY + n - 1));
		end(id, 0, 0, 0);
	} else if (what == 2) {
		id = begin(SYNC_TRY_ACQUIRE, 0, n, 0);
		end(id, weir_sem_try_acquire(&sem, (uint64_t)n), 0, 0);
	} else {
		id = begin(SYNC_ACQUIRE, c->me, n, 0);
		end(id, weir_sem_acquire(&c->ctx, &sem, (uint64_t)n), 0, 0);
	}
}

static void do_sem(weir_ctx *ctx, int n, int acts)
{
	weir_sem_init_bounded(&sem, weir_ctx_rt(ctx), 1, SEM_CAPACITY);
	run(ctx, n, acts, act_sem, SYNC_CANCEL, 0);
	weir_sem_fini(&sem);
	check_sync("semaphore", 1);
}

WEIR_SIM_TEST_WITH(semaphore_of_four, .schedules = 10000)
{
	do_sem(ctx, 4, 3);
}

WEIR_SIM_TEST_WITH(semaphore_all_schedules, .strategy = "dfs2")
{
	do_sem(ctx, 2, 1);
}

/* Who adds is also done, so that the count never falls below 0. */
static void act_wg(struct client *c)
{
	uint32_t what = choose(4), id;
	if (what == 0) {
		cancel_client((int)choose(2), SYNC_CANCEL);
	} else if (what < 3) {
		id = begin(SYNC_WAIT, c->me, 0, 0);
		end(id, weir_wg_wait(&c->ctx, &wg), 0, 0);
	} else {
		id = begin(SYNC_ADD, 0, 1, 0);
		weir_wg_add(&wg, 1);
		end(id, 0, 0, 0);
		hold(c);
		id = begin(SYNC_DONE, 0, 0, 0);
		weir_wg_done(&wg);
		end(id, 0, 0, 0);
	}
}

WEIR_SIM_TEST_WITH(wait_group_of_three, .schedules = 8000)
{
	weir_wg_init(&wg, weir_ctx_rt(ctx));
	run(ctx, 3, 4, act_wg, SYNC_CANCEL, 0);
	weir_wg_fini(&wg);
	check_sync("wait group", 0);
}

static int once_fn(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err;
	weir_rt_yield(weir_ctx_rt(ctx));
	return *(const int *)arg;
}

static void act_once(struct client *c)
{
	int code = choose(2) ? WEIR_EUSER - c->me : 0;
	if (choose(5) == 0) {
		cancel_client((int)choose(2), SYNC_CANCEL);
		return;
	}
	uint32_t id = begin(SYNC_ONCE, c->me, code, 0);
	end(id, weir_once_do(&c->ctx, &once, once_fn, &code, NULL), 0, 0);
}

static void do_once(weir_ctx *ctx, int n, int acts)
{
	weir_once_init(&once, weir_ctx_rt(ctx));
	run(ctx, n, acts, act_once, SYNC_CANCEL, 0);
	weir_once_fini(&once);
	check_sync("once", 0);
}

WEIR_SIM_TEST_WITH(once_of_four, .schedules = 8000)
{
	do_once(ctx, 4, 2);
}

WEIR_SIM_TEST_WITH(once_all_schedules, .strategy = "dfs2")
{
	do_once(ctx, 2, 1);
}

static void act_atomic(struct client *c)
{
	uint64_t n = choose(3), expected = choose(3);
	uint32_t what = choose(5), id;
	(void)c;
	switch (what) {
	case 0:
		id = begin(SYNC_LOAD, 0, 0, 0);
		end(id, (int64_t)weir_atomic_load(&atomic), 0, 0);
		break;
	case 1:
		id = begin(SYNC_STORE, (int64_t)n, 0, 0);
		weir_atomic_store(&atomic, n);
		end(id, 0, 0, 0);
		break;
	case 2:
		id = begin(SYNC_FETCH_ADD, (int64_t)n, 0, 0);
		end(id, (int64_t)weir_atomic_add(&atomic, n), 0, 0);
		break;
	case 3:
		id = begin(SYNC_EXCHANGE, (int64_t)n, 0, 0);
		end(id, (int64_t)weir_atomic_exchange(&atomic, n), 0, 0);
		break;
	default: {
		uint64_t was = expected;
		id = begin(SYNC_CAS, (int64_t)expected, (int64_t)n, 0);
		bool did = weir_atomic_cas(&atomic, &was, n);
		end(id, did, (int64_t)was, 0);
	}
	}
}

WEIR_SIM_TEST_WITH(atomic_of_three, .schedules = 5000)
{
	weir_atomic_init(&atomic, weir_ctx_rt(ctx), 1);
	run(ctx, 3, 4, act_atomic, SYNC_CANCEL, 0);
	weir_atomic_fini(&atomic);
	check_sync("atomic", 1);
}

SEEN_ALL(sync_gave_every_result, GOT, SYNC_SEEN - 1)

/* ---- contexts ---- */

enum { ALIVE = SYNC_SEEN, BY_USER, BY_DEADLINE, BY_PARENT, PARENT_DEADLINE, TREE_SEEN };

/* 0 is the root of the tree, with the later deadline; 1 and 2 are its children, 2 with the earlier one; 3 is 1's. */
static const struct tree_shape shape = {.parent = {-1, 0, 0, 1}, .own = {2, 0, 1, 0}, .effective = {2, 2, 1, 2}};
static weir_ctx nodes[TREE_NODES];

static void act_tree(struct client *c)
{
	int node = (int)choose(TREE_NODES);
	uint32_t what = choose(4), id;
	(void)c;
	if (what == 0) {
		id = begin(TREE_CANCEL, node, 0, 0);
		weir_ctx_cancel(&nodes[node], "enough");
		end(id, 0, 0, 0);
	} else if (what == 1) {
		id = begin(TREE_CAUSE, node, 0, 0);
		end(id, (int64_t)weir_ctx_cause(&nodes[node], NULL), 0, 0);
	} else if (what == 2) {
		id = begin(TREE_ERR, node, 0, 0);
		end(id, weir_ctx_err(&nodes[node]), 0, 0);
	} else {
		WEIR_SIM_EQ(weir_sleep(root, WEIR_MS(choose(2) ? 1 : 3)), 0);
	}
}

WEIR_SIM_TEST_WITH(tree_of_contexts, .schedules = 20000)
{
	struct weir_sim_model model = tree_model(&shape);
	root = ctx;
	for (int i = 0; i < TREE_NODES; i++)
		weir_ctx_init(&nodes[i], i ? &nodes[shape.parent[i]] : ctx,
			      shape.own[i] ? WEIR_MS(2 * shape.own[i]) : WEIR_FOREVER);
	run(ctx, 3, 4, act_tree, NO_CANCEL, 0);
	for (int i = TREE_NODES; i > 0; i--)
		weir_ctx_fini(&nodes[i - 1]);
	WEIR_SIM_EQ(weir_sim_check_linearizable(&history, &model), 0);
	for (uint32_t i = 0; i < history.n; i++) {
		int64_t out = ops[i].out.v[0];
		if (ops[i].op == TREE_CAUSE)
			see(out == WEIR_CAUSE_USER       ? BY_USER
			    : out == WEIR_CAUSE_DEADLINE ? BY_DEADLINE
			    : out == WEIR_CAUSE_PARENT   ? BY_PARENT
							 : ALIVE);
		else if (ops[i].op == TREE_ERR && out == WEIR_EDEADLINE && !shape.own[ops[i].in.v[0]])
			see(PARENT_DEADLINE);
	}
}

SEEN_ALL(contexts_gave_every_result, ALIVE, TREE_SEEN - 1)

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
