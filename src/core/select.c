/* SPDX-License-Identifier: MIT
 *
 * Select: lock, look, commit or enqueue; then wait for one claim.
 *
 * All channels of the cases are locked, in the order of their ids, so that looking and committing is one step: a case
 * that is ready is committed before anybody else can take it (S1). If none is ready, a link of the one waiter is put
 * into the queue of each channel before the locks go, so nothing that happens afterwards is missed (S2). Whoever claims
 * the waiter commits exactly that case (W1); the links of all others are taken out again before select returns (S3).
 *
 * Timer and ticker cases are part of the park's deadline (a ticker's time is read anew by each select); context cases
 * link the same waiter to the other context. The caller's context wins at entry and, when the deadline is what ended
 * the wait, over timers that are due at the same moment.
 *
 * The order of locking lives in the case array itself (field `order`), sorted by insertion: n is small, and nothing is
 * allocated. Random is asked for once, and only where two or more cases are ready: in the simulator it is a choice of
 * the schedule.
 *
 * Where it takes effect: at one point under the locks, or at the claim. See chapter 5 of docs/book. */
#include <limits.h>
#include <weir/core/select.h>

#include "chan.h"
#include "select.h"

_Static_assert(sizeof(struct weir__case) <= sizeof(weir_case), "a case fits its public words");

static struct weir__case *inside(weir_case *c)
{
	return (struct weir__case *)c;
}

static weir_case make(const struct weir__case *c)
{
	weir_case out = {0};
	memcpy(&out, c, sizeof(*c));
	return out;
}

weir_case weir_case_send(weir_tx *tx, const void *item)
{
	return make(&(struct weir__case){.kind = tx ? WEIR__CASE_SEND : WEIR__CASE_OFF,
					 .end = tx,
					 .item = (void *)(uintptr_t)item,
					 .at = WEIR_FOREVER});
}

weir_case weir_case_recv(weir_rx *rx, void *out)
{
	return make(&(struct weir__case){
		.kind = rx ? WEIR__CASE_RECV : WEIR__CASE_OFF, .end = rx, .item = out, .at = WEIR_FOREVER});
}

weir_case weir_case_timer(int64_t at)
{
	return make(&(struct weir__case){.kind = at == WEIR_FOREVER ? WEIR__CASE_OFF : WEIR__CASE_TIMER, .at = at});
}

weir_case weir_case_ctx(weir_ctx *other)
{
	return make(&(
		struct weir__case){.kind = other ? WEIR__CASE_CTX : WEIR__CASE_OFF, .end = other, .at = WEIR_FOREVER});
}

void weir_ticker_init(struct weir_ticker *t, weir_rt *rt, int64_t first_at, int64_t period_ns)
{
	*t = (struct weir_ticker){.period_ns = period_ns, .next_at = first_at, .rt_ = rt};
	if (period_ns > 0)
		return;
	t->next_at = WEIR_FOREVER;
	weir__misuse(rt, "a ticker needs a period of 1 ns or more", "ticker", WEIR__SITE(), NULL);
}

weir_case weir_case_ticker(struct weir_ticker *t)
{
	return make(&(struct weir__case){.kind = t ? WEIR__CASE_TICKER : WEIR__CASE_OFF,
					 .end = t,
					 .at = t ? t->next_at : WEIR_FOREVER});
}

/* A ticker that is due moves on: how many periods had passed. */
static int tick(struct weir_ticker *t, int64_t now)
{
	assert(t->period_ns > 0 && now >= t->next_at);
	uint64_t late = (uint64_t)now - (uint64_t)t->next_at; /* of the two signs */
	uint64_t passed = late / (uint64_t)t->period_ns + 1,
		 left = (uint64_t)t->period_ns - late % (uint64_t)t->period_ns;
	t->next_at = weir_time_add(now, (int64_t)left);
	return passed > INT_MAX ? INT_MAX : (int)passed;
}

struct weir__chan *weir__case_chan(const struct weir__case *c)
{
	return c->kind == WEIR__CASE_SEND   ? ((weir_tx *)c->end)->chan
	       : c->kind == WEIR__CASE_RECV ? ((weir_rx *)c->end)->chan
					    : NULL;
}

/* ---- checking and ordering ---- */

/* The runtime all cases agree on (NULL: no case knows one), or false: they disagree, or a case was not made here. */
static bool check_cases(weir_case *cases, size_t n, weir_rt **rt)
{
	if (n > INT_MAX || (n && !cases))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct weir__case *c = inside(&cases[i]);
		if (c->kind < WEIR__CASE_OFF || c->kind > WEIR__CASE_TICKER)
			return false;
		struct weir__chan *ch = weir__case_chan(c);
		weir_rt *own = ch                             ? ch->rt
			       : c->kind == WEIR__CASE_CTX    ? weir__ctx_rt(c->end)
			       : c->kind == WEIR__CASE_TICKER ? ((const struct weir_ticker *)c->end)->rt_
							      : NULL;
		if (own && *rt && own != *rt)
			return false;
		if (own)
			*rt = own;
	}
	return true;
}

static uint64_t lock_id(weir_case *cases, uint32_t i)
{
	return weir__case_chan(inside(&cases[i]))->id;
}

/* Fills cases[0..m).order with the indices of the channel cases by channel id, and returns m. */
static size_t order_cases(weir_case *cases, size_t n)
{
	size_t m = 0;
	for (uint32_t i = 0; i < n; i++) {
		if (!weir__case_chan(inside(&cases[i])))
			continue;
		size_t j = m++;
		for (; j > 0 && lock_id(cases, inside(&cases[j - 1])->order) > lock_id(cases, i); j--)
			inside(&cases[j])->order = inside(&cases[j - 1])->order;
		inside(&cases[j])->order = i;
	}
	return m;
}

/* Each channel once: equal ids are neighbours. */
static uint32_t lock_all(weir_case *cases, size_t m)
{
	uint32_t rank = weir__lock_state.rank;
	struct weir__chan *last = NULL;
	for (size_t j = 0; j < m; j++) {
		struct weir__chan *ch = weir__case_chan(inside(&cases[inside(&cases[j])->order]));
		if (ch != last)
			weir__lock(&ch->lock, WEIR__RANK_CHAN);
		last = ch;
	}
	return rank;
}

static void unlock_all(weir_case *cases, size_t m, uint32_t rank)
{
	struct weir__chan *last = NULL;
	for (size_t j = m; j-- > 0;) {
		struct weir__chan *ch = weir__case_chan(inside(&cases[inside(&cases[j])->order]));
		if (ch != last)
			weir__unlock(&ch->lock, rank);
		last = ch;
	}
}

/* ---- ready cases ---- */

static bool anybody_waits(const struct weir__queue *q)
{
	for (const struct weir__link *l = q->first; l; l = l->next)
		if (weir__waiter_open(l->waiter))
			return true;
	return false;
}

/* Whether the case could go now. Under the lock a "yes" can turn into a "no" only where a waiting peer is claimed by
 * its context in this moment; the commit notices. */
static bool is_ready(const struct weir__case *c, int64_t now)
{
	const struct weir__chan *ch = weir__case_chan(c);
	switch (c->kind) {
	case WEIR__CASE_SEND:
		return ch->n_rx == 0 || ch->shut || ch->len < ch->capacity || anybody_waits(&ch->receivers);
	case WEIR__CASE_RECV:
		return ch->len > 0 || ch->n_tx == 0 || ch->shut || anybody_waits(&ch->senders);
	case WEIR__CASE_TIMER:
	case WEIR__CASE_TICKER:
		return c->at != WEIR_FOREVER && now >= c->at;
	case WEIR__CASE_CTX:
		return c->ctx_code < 0;
	default:
		return false;
	}
}

/* Commits a case that is ready; false: its peer was claimed by somebody else. */
static bool commit(struct weir__case *c, int64_t now, struct weir__wake *wake)
{
	struct weir__chan *ch = weir__case_chan(c);
	int rc = c->kind == WEIR__CASE_SEND     ? weir__chan_try_send(ch, c->item, wake)
		 : c->kind == WEIR__CASE_RECV   ? weir__chan_try_recv(ch, c->item, wake)
		 : c->kind == WEIR__CASE_CTX    ? c->ctx_code
		 : c->kind == WEIR__CASE_TICKER ? tick(c->end, now)
						: 0;
	if (rc == WEIR_EAGAIN)
		return false;
	c->rc = rc;
	return true;
}

static size_t count_ready(weir_case *cases, size_t n, int64_t now)
{
	size_t ready = 0;
	for (size_t i = 0; i < n; i++)
		ready += is_ready(inside(&cases[i]), now);
	return ready;
}

enum { NOT_READY = -1 }; /* no code of weir's: those are errno's, and EPERM is not among them */

/* Commits one ready case, chosen by pick (which counts through the ready ones), or NOT_READY. */
static int commit_one(weir_case *cases, size_t n, int64_t now, uint64_t pick, struct weir__wake *wake)
{
	for (;;) {
		size_t ready = count_ready(cases, n, now);
		if (ready == 0)
			return NOT_READY;
		size_t chosen = (size_t)(pick % ready);
		for (size_t i = 0; i < n; i++)
			if (is_ready(inside(&cases[i]), now) && chosen-- == 0 && commit(inside(&cases[i]), now, wake))
				return (int)i;
	}
}

/* What must be known before the locks are taken: the clock and the state of other contexts. */
static int64_t look_outside(weir_rt *rt, weir_case *cases, size_t n, int64_t *earliest)
{
	bool timers = false;
	*earliest = WEIR_FOREVER;
	for (size_t i = 0; i < n; i++) {
		struct weir__case *c = inside(&cases[i]);
		if (c->kind == WEIR__CASE_TICKER)
			c->at = ((const struct weir_ticker *)c->end)->next_at;
		if (c->kind == WEIR__CASE_TIMER || c->kind == WEIR__CASE_TICKER) {
			timers = true;
			*earliest = c->at < *earliest ? c->at : *earliest;
		} else if (c->kind == WEIR__CASE_CTX) {
			int64_t deadline = weir_ctx_deadline(c->end);
			*earliest = deadline < *earliest ? deadline : *earliest;
			c->ctx_code = weir__ctx_ended(c->end);
		}
	}
	return timers ? rt->vt->now(rt) : 0;
}

/* ---- waiting ---- */

/* Links the context cases, with the channels locked: the trees' locks come after. The index of a case whose context
 * carries a mark already, which is then committed and nothing stays linked; else NOT_READY. The canceller may have
 * found the link before we found its mark: then the waiter is its, and its token must be waited for (W3). */
static int link_contexts(weir_case *cases, size_t n, struct weir__waiter *w)
{
	for (size_t i = 0; i < n; i++) {
		struct weir__case *c = inside(&cases[i]);
		if (c->kind != WEIR__CASE_CTX)
			continue;
		weir__ctx_link(c->end, &c->link);
		int rc = weir__ctx_marked(c->end);
		if (rc == 0 || !weir__claim(w, c->link.claim))
			continue;
		c->rc = rc;
		for (size_t j = 0; j <= i; j++)
			if (inside(&cases[j])->kind == WEIR__CASE_CTX)
				weir__ctx_unlink(inside(&cases[j])->end, &inside(&cases[j])->link);
		return (int)i;
	}
	return NOT_READY;
}

/* S2: with all locks held. NOT_READY, or the index of a context case that was committed instead. */
static int enqueue(weir_case *cases, size_t n, struct weir__waiter *w)
{
	for (size_t i = 0; i < n; i++) {
		struct weir__case *c = inside(&cases[i]);
		weir__link_init(&c->link, w, WEIR__CLAIM_CASE + (uint32_t)i, c->item);
	}
	int committed = link_contexts(cases, n, w);
	for (size_t i = 0; i < n && committed == NOT_READY; i++) {
		struct weir__case *c = inside(&cases[i]);
		struct weir__chan *ch = weir__case_chan(c);
		if (ch)
			weir__queue_add(c->kind == WEIR__CASE_SEND ? &ch->senders : &ch->receivers, &c->link);
	}
	return committed;
}

/* S3 */
static void dequeue(weir_case *cases, size_t n, size_t m)
{
	uint32_t rank = lock_all(cases, m);
	for (size_t i = 0; i < n; i++) {
		struct weir__case *c = inside(&cases[i]);
		struct weir__chan *ch = weir__case_chan(c);
		if (ch && c->link.linked)
			weir__queue_remove(c->kind == WEIR__CASE_SEND ? &ch->senders : &ch->receivers, &c->link);
	}
	unlock_all(cases, m, rank);
	for (size_t i = 0; i < n; i++)
		if (inside(&cases[i])->kind == WEIR__CASE_CTX)
			weir__ctx_unlink(inside(&cases[i])->end, &inside(&cases[i])->link);
}

/* The waiter took itself back: its context has ended, or a timer or another context's deadline is due. */
static int after_deadline(weir_ctx *ctx, weir_rt *rt, weir_case *cases, size_t n)
{
	int64_t earliest, now;
	size_t due = 0;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	now = look_outside(rt, cases, n, &earliest);
	for (size_t i = 0; i < n; i++)
		due += !weir__case_chan(inside(&cases[i])) && is_ready(inside(&cases[i]), now);
	assert(due > 0);
	uint64_t chosen = due > 1 ? rt->vt->random(rt, due) : 0;
	for (size_t i = 0; i < n; i++) {
		struct weir__case *c = inside(&cases[i]);
		if (!weir__case_chan(c) && is_ready(c, now) && chosen-- == 0) {
			c->rc = c->kind == WEIR__CASE_CTX      ? c->ctx_code
				: c->kind == WEIR__CASE_TICKER ? tick(c->end, now)
							       : 0;
			return (int)i;
		}
	}
	__builtin_unreachable();
}

static int wait_for_one(weir_ctx *ctx, weir_rt *rt, weir_case *cases, size_t n, size_t m, struct weir__waiter *w,
			int64_t earliest)
{
	uint32_t claim = weir__wait(w, ctx, earliest);
	dequeue(cases, n, m);
	if (claim >= WEIR__CLAIM_CASE) {
		struct weir__case *c = inside(&cases[claim - WEIR__CLAIM_CASE]);
		c->rc = c->kind == WEIR__CASE_CTX ? weir__ctx_ended(c->end) : c->link.rc;
		return (int)(claim - WEIR__CLAIM_CASE);
	}
	return after_deadline(ctx, rt, cases, n);
}

/* ctx NULL: try. */
static int select_cases(weir_ctx *ctx, weir_rt *rt, weir_case *cases, size_t n)
{
	struct weir__waiter w;
	struct weir__wake wake;
	int64_t earliest, now;
	int rc = ctx ? weir__ctx_ended(ctx) : 0;
	if (rc < 0)
		return rc;
	now = look_outside(rt, cases, n, &earliest);
	size_t m = order_cases(cases, n);
	uint64_t pick = 0;
	uint32_t rank = lock_all(cases, m);
	size_t ready = count_ready(cases, n, now);
	if (ready > 1) { /* random is the runtime's, so not under a lock: look again after */
		unlock_all(cases, m, rank);
		pick = rt->vt->random(rt, ready);
		rank = lock_all(cases, m);
	}
	weir__wake_init(&wake);
	int ended = ctx ? weir__ctx_marked(ctx) : 0;                 /* W7 */
	rc = ended ? ended : commit_one(cases, n, now, pick, &wake); /* S1 */
	if (rc == NOT_READY && ctx) {
		weir__waiter_init(&w, rt, ctx, "select", NULL);
		rc = enqueue(cases, n, &w);
	}
	unlock_all(cases, m, rank);
	weir__wake_all(&wake);
	if (rc != NOT_READY)
		return rc;
	return ctx ? wait_for_one(ctx, rt, cases, n, m, &w, earliest) : WEIR_EAGAIN;
}

static int select_hooked(weir_ctx *ctx, weir_rt *rt, weir_case *cases, size_t n, const void *site)
{
	struct weir_op op = {.kind = ctx ? WEIR_OP_SELECT : WEIR_OP_TRY_SELECT,
			     .access = WEIR_ACCESS_WRITE,
			     .may_park = ctx != NULL,
			     .obj = {ctx ? &weir__ctx(ctx)->obj : NULL},
			     .cases = cases,
			     .n_cases = n,
			     .at = WEIR_FOREVER,
			     .site = site};
	weir__choice(rt, &op);
	return weir__result(rt, &op, select_cases(ctx, rt, cases, n));
}

int weir_select(weir_ctx *ctx, weir_case *cases, size_t n)
{
	weir_rt *rt = weir__ctx_rt(ctx);
	if (!check_cases(cases, n, &rt))
		return WEIR_EINVAL;
	if (weir__hooked(rt))
		return select_hooked(ctx, rt, cases, n, WEIR__SITE());
	return select_cases(ctx, rt, cases, n);
}

int weir_try_select(weir_case *cases, size_t n)
{
	weir_rt *rt = NULL;
	if (!check_cases(cases, n, &rt))
		return WEIR_EINVAL;
	if (!rt) /* timers alone have no clock to be read from */
		return WEIR_EAGAIN;
	if (weir__hooked(rt))
		return select_hooked(NULL, rt, cases, n, WEIR__SITE());
	return select_cases(NULL, rt, cases, n);
}
