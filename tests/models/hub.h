/* SPDX-License-Identifier: MIT
 *
 * The sequential model of channels and of select over them: a few channels, and who waits for them, in the order in
 * which they came. Everything that waits or tries is a select: send and recv are those with one case.
 *
 * A rendezvous cannot be told with one point for each operation: a send and the recv that takes its item each need the
 * other to have happened, and a try_send that comes while a recv waits succeeds, although the recv is not over. Two
 * ways out are known. Scherer and Scott (DISC 2004, "dual data structures") split an operation that waits into a
 * reservation and a follow-up; Hemed, Rinetzky and Vafeiadis (DISC 2015, "CAL") let a pair take effect as one
 * transition. Both are needed here and both are used: an operation that finds nothing to do reserves its place in the
 * queue (WEIR_SIM_WAITS), because from then on others can see that it is there; and the peer that serves it takes it
 * out, and finishes it in the same step. That also says what one point could not: waiting tasks are served in the order
 * of their reservations, and a try operation fails only if no peer has reserved.
 *
 * Contexts: a wait is under one of them, or (a try) none. A cancel ends the waits that are under it, where no peer was
 * first. A context that has a deadline may end at any time: then its operation gives up by itself, at its second point.
 *
 * Limits: 2 channels of at most 4 items, 2 cases, 16 waiting. Items are 1 to 99. */
#ifndef WEIR_TESTS_MODELS_HUB_H
#define WEIR_TESTS_MODELS_HUB_H

#include <stdio.h>
#include <string.h>
#include <weir/core.h>
#include <weir/sim/history.h>

enum { HUB_CHANS = 2, HUB_CASES = 2, HUB_ITEMS = 4, HUB_WAITING = 16, HUB_CTXS = 8 };

enum hub_op {
	HUB_WAIT,     /* in: context or HUB_TRY, case, case or 0; out: index or error, rc of the case, item received */
	HUB_SHUT,     /* in: channel */
	HUB_CLOSE_TX, /* in: channel */
	HUB_CLOSE_RX, /* in: channel */
	HUB_CANCEL,   /* in: context */
};

#define HUB_TRY (-1)

/* A case as a number that is not 0. */
static inline int64_t hub_send(int chan, int item)
{
	return 0x100 + chan * 0x1000 + item;
}

static inline int64_t hub_recv(int chan)
{
	return 0x200 + chan * 0x1000;
}

/* What the model begins with: its arg. */
struct hub_start {
	uint8_t capacity[HUB_CHANS], n_tx[HUB_CHANS], n_rx[HUB_CHANS];
	uint8_t timed; /* contexts with a deadline, a bit each */
};

struct hub_chan {
	uint8_t capacity, n_tx, n_rx, shut, len;
	uint8_t items[HUB_ITEMS];
};

struct hub_state {
	struct hub_chan ch[HUB_CHANS];
	uint8_t cancelled, expired, timed, n_waiting; /* contexts: a bit each */
	uint32_t waiting[HUB_WAITING];                /* operations, in the order of their reservations */
};

static int hub_init(void *state, void *arg)
{
	const struct hub_start *from = arg;
	struct hub_state *s = state;
	for (int i = 0; i < HUB_CHANS; i++)
		s->ch[i] =
			(struct hub_chan){.capacity = from->capacity[i], .n_tx = from->n_tx[i], .n_rx = from->n_rx[i]};
	s->timed = from->timed;
	return 0;
}

static struct hub_chan *hub_chan_of(struct hub_state *s, int64_t c)
{
	return &s->ch[c / 0x1000];
}

static bool hub_sends(int64_t c)
{
	return c & 0x100;
}

/* The operation has (or may have) this result. */
static bool hub_gave(const struct weir_sim_op *op, int64_t index, int64_t rc, int64_t item)
{
	return !weir_sim_op_returned(op) ||
	       (op->out.v[0] == index && (index < 0 || op->out.v[1] == rc) && (rc != 1 || op->out.v[2] == item));
}

static void hub_unqueue(struct hub_state *s, uint32_t i)
{
	memmove(s->waiting + i, s->waiting + i + 1, (HUB_WAITING - 1 - i) * sizeof(s->waiting[0]));
	s->waiting[HUB_WAITING - 1] = 0;
	s->n_waiting--;
}

/* The first that waits in a case of this channel and direction, and which of its cases; -1: none. */
static int hub_find(const struct hub_state *s, const struct weir_sim_point *p, int chan, bool sends, int *out_case)
{
	for (int i = 0; i < s->n_waiting; i++) {
		const struct weir_sim_op *op = &p->ops[s->waiting[i]];
		for (int k = 0; k < HUB_CASES; k++) {
			int64_t c = op->in.v[1 + k];
			if (c && c / 0x1000 == chan && hub_sends(c) == sends) {
				*out_case = k;
				return i;
			}
		}
	}
	return -1;
}

/* Serves the one found: it is through with this result. */
static bool hub_serve(struct hub_state *s, struct weir_sim_point *p, int at, int which, int rc, int64_t item)
{
	uint32_t id = s->waiting[at];
	hub_unqueue(s, (uint32_t)at);
	weir_sim_point_finish(p, id);
	return hub_gave(&p->ops[id], which, rc, item);
}

/* Serves all that wait on one side. */
static bool hub_serve_all(struct hub_state *s, struct weir_sim_point *p, int chan, bool sends, int rc)
{
	int at, which;
	bool ok = true;
	while (ok && (at = hub_find(s, p, chan, sends, &which)) >= 0)
		ok = hub_serve(s, p, at, which, rc, 0);
	return ok;
}

static bool hub_closed_for(const struct hub_chan *ch, bool sends)
{
	return ch->shut || (sends ? ch->n_rx == 0 : ch->n_tx == 0);
}

static bool hub_ready(struct hub_state *s, const struct weir_sim_point *p, int64_t c)
{
	const struct hub_chan *ch = hub_chan_of(s, c);
	bool sends = hub_sends(c);
	int which;
	return hub_closed_for(ch, sends) || (sends ? ch->len < ch->capacity : ch->len > 0) ||
	       hub_find(s, p, (int)(c / 0x1000), !sends, &which) >= 0;
}

static bool hub_do_send(struct hub_state *s, struct weir_sim_point *p, int index, int64_t c)
{
	struct hub_chan *ch = hub_chan_of(s, c);
	int which, at = hub_find(s, p, (int)(c / 0x1000), false, &which);
	if (hub_closed_for(ch, true))
		return hub_gave(p->op, index, WEIR_EPIPE, 0);
	if (at >= 0) {
		if (!hub_serve(s, p, at, which, 1, c & 0xff))
			return false;
	} else {
		ch->items[ch->len++] = (uint8_t)(c & 0xff);
	}
	return hub_gave(p->op, index, 0, 0);
}

static bool hub_do_recv(struct hub_state *s, struct weir_sim_point *p, int index, int64_t c)
{
	struct hub_chan *ch = hub_chan_of(s, c);
	int which, at = hub_find(s, p, (int)(c / 0x1000), true, &which);
	int64_t sent = at >= 0 ? p->ops[s->waiting[at]].in.v[1 + which] & 0xff : 0, item = sent;
	if (ch->len > 0) {
		item = ch->items[0];
		memmove(ch->items, ch->items + 1, HUB_ITEMS - 1);
		ch->items[--ch->len] = 0;
		if (at >= 0)
			ch->items[ch->len++] = (uint8_t)sent; /* the room is the one's who has waited for it */
	} else if (at < 0) {
		return hub_closed_for(ch, false) && hub_gave(p->op, index, 0, 0);
	}
	return (at < 0 || hub_serve(s, p, at, which, 0, 0)) && hub_gave(p->op, index, 1, item);
}

/* A context with a deadline has ended by itself. */
static enum weir_sim_step hub_expire(struct hub_state *s, const struct weir_sim_point *p, uint8_t ctx)
{
	if (!(s->timed & ctx) || (s->cancelled & ctx) || !hub_gave(p->op, WEIR_EDEADLINE, 0, 0))
		return WEIR_SIM_NO;
	s->expired |= ctx;
	return WEIR_SIM_DONE;
}

static enum weir_sim_step hub_wait(struct hub_state *s, struct weir_sim_point *p)
{
	const struct weir_sim_op *op = p->op;
	uint8_t ctx = op->in.v[0] == HUB_TRY ? 0 : (uint8_t)(1u << op->in.v[0]);
	bool ready = false;
	if (p->again) { /* nobody has served it */
		uint32_t i = 0;
		while (s->waiting[i] != p->id)
			i++;
		hub_unqueue(s, i);
		return hub_expire(s, p, ctx);
	}
	if (s->cancelled & ctx)
		return hub_gave(op, WEIR_ECANCELED, 0, 0) ? WEIR_SIM_DONE : WEIR_SIM_NO;
	if (s->expired & ctx || (weir_sim_op_returned(op) && op->out.v[0] == WEIR_EDEADLINE && p->choice == 1))
		return hub_expire(s, p, ctx);
	for (int k = 0; k < HUB_CASES; k++)
		ready |= op->in.v[1 + k] && hub_ready(s, p, op->in.v[1 + k]);
	if (!ready && ctx == 0)
		return hub_gave(op, WEIR_EAGAIN, 0, 0) ? WEIR_SIM_DONE : WEIR_SIM_NO;
	if (!ready) {
		s->waiting[s->n_waiting++] = p->id;
		return WEIR_SIM_WAITS;
	}
	int64_t index = p->choice, c = op->in.v[1 + index]; /* any that is ready: the result says which */
	if (!c || !hub_ready(s, p, c))
		return WEIR_SIM_NO;
	return (hub_sends(c) ? hub_do_send : hub_do_recv)(s, p, (int)index, c) ? WEIR_SIM_DONE : WEIR_SIM_NO;
}

static bool hub_cancel(struct hub_state *s, struct weir_sim_point *p)
{
	uint8_t ctx = (uint8_t)(1u << p->op->in.v[0]);
	bool ok = true;
	if (s->expired & ctx)
		return p->choice == 0;
	if (p->choice == 1) { /* comes too late: the deadline has passed, though nobody has noticed */
		s->expired |= ctx & s->timed & (uint8_t)~s->cancelled;
		return s->expired & ctx;
	}
	s->cancelled |= ctx;
	for (uint32_t i = s->n_waiting; ok && i > 0; i--) {
		uint32_t id = s->waiting[i - 1];
		if (p->ops[id].in.v[0] != p->op->in.v[0])
			continue;
		hub_unqueue(s, i - 1);
		weir_sim_point_finish(p, id);
		ok = hub_gave(&p->ops[id], WEIR_ECANCELED, 0, 0);
	}
	return ok;
}

static enum weir_sim_step hub_step(void *state, struct weir_sim_point *p, void *arg)
{
	struct hub_state *s = state;
	int chan = (int)p->op->in.v[0];
	bool ok = true;
	(void)arg;
	if (p->op->op == HUB_WAIT)
		return hub_wait(s, p);
	if (p->choice > 0 && p->op->op != HUB_CANCEL)
		return WEIR_SIM_NO;
	switch ((enum hub_op)p->op->op) {
	case HUB_SHUT:
		s->ch[chan].shut = 1;
		ok = hub_serve_all(s, p, chan, true, WEIR_EPIPE) && hub_serve_all(s, p, chan, false, 0);
		break;
	case HUB_CLOSE_TX:
		if (--s->ch[chan].n_tx == 0)
			ok = hub_serve_all(s, p, chan, false, 0);
		break;
	case HUB_CLOSE_RX:
		if (--s->ch[chan].n_rx == 0) {
			s->ch[chan].len = 0;
			memset(s->ch[chan].items, 0, HUB_ITEMS);
			ok = hub_serve_all(s, p, chan, true, WEIR_EPIPE);
		}
		break;
	default:
		ok = hub_cancel(s, p);
	}
	return ok ? WEIR_SIM_DONE : WEIR_SIM_NO;
}

/* ---- text ---- */

static void hub_put_case(int64_t c, char *text, size_t cap)
{
	if (hub_sends(c))
		(void)snprintf(text, cap, "send(ch%d, %d)", (int)(c / 0x1000), (int)(c & 0xff));
	else
		(void)snprintf(text, cap, "recv(ch%d)", (int)(c / 0x1000));
}

static void hub_put_call(const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	static const char *const names[] = {"", "shut", "close_tx", "close_rx", "cancel"};
	char a[32] = "", b[32] = "";
	(void)arg;
	if (op->op != HUB_WAIT) {
		(void)snprintf(text, cap, "%s(%s%d)", names[op->op], op->op == HUB_CANCEL ? "ctx" : "ch",
			       (int)op->in.v[0]);
		return;
	}
	hub_put_case(op->in.v[1], a, sizeof(a));
	if (op->in.v[2])
		hub_put_case(op->in.v[2], b, sizeof(b));
	(void)snprintf(text, cap, "%s%s%s%s", op->in.v[0] == HUB_TRY ? "try " : "", a, b[0] ? " | " : "", b);
}

static void hub_put_result(const struct weir_sim_op *op, char *text, size_t cap, void *arg)
{
	(void)arg;
	if (op->op != HUB_WAIT)
		(void)snprintf(text, cap, "done");
	else if (op->out.v[0] < 0)
		(void)snprintf(text, cap, "%s", weir_err_name((int)op->out.v[0]));
	else if (op->out.v[1] == 1)
		(void)snprintf(text, cap, "item %d%s", (int)op->out.v[2], op->out.v[0] ? " (case 1)" : "");
	else
		(void)snprintf(text, cap, "%s%s", weir_err_name((int)op->out.v[1]), op->out.v[0] ? " (case 1)" : "");
}

static void hub_put_state(const void *state, char *text, size_t cap, void *arg)
{
	const struct hub_state *s = state;
	size_t n = 0;
	(void)arg;
	for (int i = 0; i < HUB_CHANS; i++) {
		n += (size_t)snprintf(text + n, cap - n, "%sch%d[", i ? " " : "", i);
		for (int k = 0; k < s->ch[i].len && n + 24 < cap; k++)
			n += (size_t)snprintf(text + n, cap - n, "%s%d", k ? " " : "", s->ch[i].items[k]);
		n += (size_t)snprintf(text + n, cap - n, "]%s", s->ch[i].shut ? " shut" : "");
	}
	if (n < cap)
		(void)snprintf(text + n, cap - n, ", %d waiting", s->n_waiting);
}

/* A model that begins as `from` says. */
static inline struct weir_sim_model hub_model(const struct hub_start *from)
{
	return (struct weir_sim_model){.name = "set of channels",
				       .state_size = sizeof(struct hub_state),
				       .init = hub_init,
				       .step = hub_step,
				       .choices = HUB_CASES,
				       .put_call = hub_put_call,
				       .put_result = hub_put_result,
				       .put_state = hub_put_state,
				       .arg = (void *)(uintptr_t)from};
}

#endif
