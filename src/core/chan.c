/* SPDX-License-Identifier: MIT
 *
 * Channels: one short lock, a ring, two FIFO queues of waiting tasks, direct hand-off.
 *
 *  K1  accepted = delivered + dropped + len, under the lock, always. An item counts as accepted when it enters the ring
 *      or is claimed straight out of a waiting sender, as delivered when a receiver has claimed it.
 *  K2  Receivers wait only while the ring is empty; senders wait only while it is full. So never both, apart from
 *      waiters that were claimed by somebody else and have not yet taken their links out, and from a select that offers
 *      both ends of one rendezvous.
 *  K3  An item moves under the lock, between the ring and memory of tasks that cannot run on until they are woken (W6).
 *  K4  Nobody sends once n_rx is 0 or shut is set; nobody is left waiting to receive once n_tx is 0 or shut is set and
 *      the ring is empty.
 *  K5  When the last receiving handle closes, the ring belongs to the closing task: K4 keeps senders out, and there are
 *      no receivers. So it drops the items after unlocking, one after the other.
 *  K6  A drop may close other channels whose items close others: each task has one list of channels to drain, and only
 *      the outermost close works on it. The depth of the stack does not grow with the chain.
 *  K7  The memory goes with the last reference: every handle holds one until its close is over, the lists of K6 hold
 *      one more.
 *
 * Where an operation takes effect: send, receive, close and shut at one point, inside the lock. An operation that waits
 * has its second point when it comes back from weir__wait; what it was given was decided by the claim. A close runs
 * drops after its point.
 *
 * Lock order: WEIR__RANK_CHAN; a select holds several, by id. No tree lock is taken under it. Anything may run at
 * the same time on different handles. See chapters 3 to 5 of docs/book. */
#include "chan.h"

#include "rtcore.h"

/* ---- types ---- */

bool weir_type_equal(const weir_type *a, const weir_type *b)
{
	if (a == b)
		return true;
	if (!a || !b || a->size != b->size || a->align != b->align || a->drop != b->drop || a->copy != b->copy ||
	    a->arg != b->arg)
		return false;
	return a->name == b->name || (a->name && b->name && strcmp(a->name, b->name) == 0);
}

void weir_type_drop(const weir_type *type, void *item)
{
	assert(weir__locks_held() == 0);
	if (type && type->drop && item)
		type->drop(item, type->arg);
}

static void move_item(const struct weir__chan *ch, void *to, const void *from)
{
	if (ch->type.size)
		memcpy(to, from, ch->type.size);
}

static void *slot(struct weir__chan *ch, size_t i)
{
	size_t at = ch->head + i;
	assert(i < ch->capacity);
	return ch->ring + (at < ch->capacity ? at : at - ch->capacity) * ch->type.size;
}

static void check_account(const struct weir__chan *ch)
{
	assert(ch->accepted == ch->delivered + ch->dropped + ch->len); /* K1 */
	assert(ch->len <= ch->capacity);
}

/* ---- the two steps everything is made of ---- */

int weir__chan_try_send(struct weir__chan *ch, const void *item, struct weir__wake *wake)
{
	struct weir__link *receiver;
	if (ch->n_rx == 0 || ch->shut)
		return WEIR_EPIPE; /* K4 */
	if (ch->len == 0 && (receiver = weir__queue_claim(&ch->receivers, wake))) {
		move_item(ch, receiver->item, item);
		receiver->rc = 1;
		ch->accepted++;
		ch->delivered++;
	} else if (ch->len < ch->capacity) {
		ch->len++;
		move_item(ch, slot(ch, ch->len - 1), item);
		ch->accepted++;
	} else {
		return WEIR_EAGAIN;
	}
	check_account(ch);
	return 0;
}

int weir__chan_try_recv(struct weir__chan *ch, void *out, struct weir__wake *wake)
{
	struct weir__link *sender;
	if (ch->len > 0) {
		move_item(ch, out, slot(ch, 0));
		ch->head = ch->head + 1 == ch->capacity ? 0 : ch->head + 1;
		ch->len--;
		ch->delivered++;
		if ((sender = weir__queue_claim(&ch->senders, wake))) { /* it waited for this room: FIFO */
			ch->len++;
			move_item(ch, slot(ch, ch->len - 1), sender->item);
			sender->rc = 0;
			ch->accepted++;
		}
	} else if ((sender = weir__queue_claim(&ch->senders, wake))) { /* rendezvous */
		move_item(ch, out, sender->item);
		sender->rc = 0;
		ch->accepted++;
		ch->delivered++;
	} else {
		return ch->n_tx == 0 || ch->shut ? 0 : WEIR_EAGAIN;
	}
	check_account(ch);
	return 1;
}

/* ---- send and receive ---- */

/* Called with ch->lock held, when the step found nothing to do. */
static int chan_wait(weir_ctx *ctx, struct weir__chan *ch, struct weir__queue *queue, uint32_t rank, void *item)
{
	int rc;
	if (!weir__queue_wait(queue, &ch->lock, rank, item, ctx, ch->rt, WEIR_FOREVER, &rc,
			      queue == &ch->senders ? "send" : "receive", ch->type.name))
		rc = weir__ctx_ended(ctx);
	assert(rc != WEIR_EAGAIN);
	return rc;
}

static int chan_send(weir_ctx *ctx, weir_tx *tx, const void *item)
{
	struct weir__chan *ch = tx->chan;
	struct weir__wake wake;
	if (weir__ctx_rt(ctx) != ch->rt)
		return WEIR_EINVAL;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	rc = weir__ctx_marked(ctx); /* W7 */
	if (rc == 0)
		rc = weir__chan_try_send(ch, item, &wake);
	if (rc == WEIR_EAGAIN)
		return chan_wait(ctx, ch, &ch->senders, rank, (void *)(uintptr_t)item);
	weir__unlock(&ch->lock, rank);
	weir__wake_all(&wake);
	return rc;
}

static int chan_recv(weir_ctx *ctx, weir_rx *rx, void *out)
{
	struct weir__chan *ch = rx->chan;
	struct weir__wake wake;
	if (weir__ctx_rt(ctx) != ch->rt)
		return WEIR_EINVAL;
	int rc = weir__ctx_ended(ctx);
	if (rc < 0)
		return rc;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	rc = weir__ctx_marked(ctx); /* W7 */
	if (rc == 0)
		rc = weir__chan_try_recv(ch, out, &wake);
	if (rc == WEIR_EAGAIN)
		return chan_wait(ctx, ch, &ch->receivers, rank, out);
	weir__unlock(&ch->lock, rank);
	weir__wake_all(&wake);
	return rc;
}

static int chan_try(struct weir__chan *ch, const void *item, void *out)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	int rc = item ? weir__chan_try_send(ch, item, &wake) : weir__chan_try_recv(ch, out, &wake);
	weir__unlock(&ch->lock, rank);
	weir__wake_all(&wake);
	return rc;
}

/* Items of size 0 have no address of their own; the step only asks which direction it is. */
static const char no_item[1];

int weir__tx_send(weir_ctx *ctx, weir_tx *tx, const void *item, const void *site)
{
	if (!tx)
		return WEIR_EBADF;
	weir_rt *rt = tx->chan->rt;
	if (!weir__hooked(rt))
		return chan_send(ctx, tx, item);
	struct weir_op op = {.kind = WEIR_OP_SEND,
			     .access = WEIR_ACCESS_WRITE,
			     .may_park = true,
			     .obj = {&tx->chan->obj, &tx->obj, &weir__ctx(ctx)->obj},
			     .at = WEIR_FOREVER,
			     .site = site};
	weir__choice(rt, &op);
	return weir__result(rt, &op, chan_send(ctx, tx, item));
}

int weir_tx_send(weir_ctx *ctx, weir_tx *tx, const void *item)
{
	return weir__tx_send(ctx, tx, item, WEIR__SITE());
}

int weir__rx_recv(weir_ctx *ctx, weir_rx *rx, void *out, const void *site)
{
	if (!rx)
		return WEIR_EBADF;
	weir_rt *rt = rx->chan->rt;
	if (!weir__hooked(rt))
		return chan_recv(ctx, rx, out);
	struct weir_op op = {.kind = WEIR_OP_RECV,
			     .access = WEIR_ACCESS_WRITE,
			     .may_park = true,
			     .obj = {&rx->chan->obj, &rx->obj, &weir__ctx(ctx)->obj},
			     .at = WEIR_FOREVER,
			     .site = site};
	weir__choice(rt, &op);
	return weir__result(rt, &op, chan_recv(ctx, rx, out));
}

int weir_rx_recv(weir_ctx *ctx, weir_rx *rx, void *out)
{
	return weir__rx_recv(ctx, rx, out, WEIR__SITE());
}

/* The hooked twin of everything on a handle that does not wait; the caller does the work in between. */
static struct weir_op handle_op(enum weir_op_kind kind, struct weir__chan *ch, struct weir_obj *end, const void *site)
{
	struct weir_op op = {.kind = (uint8_t)kind,
			     .access = WEIR_ACCESS_WRITE,
			     .obj = {&ch->obj, end},
			     .at = WEIR_FOREVER,
			     .site = site};
	return op;
}

int weir_tx_try_send(weir_tx *tx, const void *item)
{
	if (!tx)
		return WEIR_EBADF;
	struct weir__chan *ch = tx->chan;
	item = item ? item : no_item;
	if (!weir__hooked(ch->rt))
		return chan_try(ch, item, NULL);
	struct weir_op op = handle_op(WEIR_OP_TRY_SEND, ch, &tx->obj, WEIR__SITE());
	weir__choice(ch->rt, &op);
	return weir__result(ch->rt, &op, chan_try(ch, item, NULL));
}

int weir_rx_try_recv(weir_rx *rx, void *out)
{
	if (!rx)
		return WEIR_EBADF;
	struct weir__chan *ch = rx->chan;
	if (!weir__hooked(ch->rt))
		return chan_try(ch, NULL, out);
	struct weir_op op = handle_op(WEIR_OP_TRY_RECV, ch, &rx->obj, WEIR__SITE());
	weir__choice(ch->rt, &op);
	return weir__result(ch->rt, &op, chan_try(ch, NULL, out));
}

/* ---- making ---- */

static int check_type(const weir_type *type)
{
	if (!type || (type->align & (type->align - 1)) != 0)
		return WEIR_EINVAL;
	/* items lie side by side in the ring */
	return type->align && type->size % type->align != 0 ? WEIR_EINVAL : 0;
}

/* Memory of the channel itself with its ring behind it. NULL with *rc set: too large, or no memory. */
static struct weir__chan *chan_alloc(weir_rt *rt, const weir_type *type, size_t capacity, const void *site, int *rc)
{
	size_t align = weir__type_align(type), ring_bytes, bytes;
	if (__builtin_mul_overflow(capacity, type->size, &ring_bytes) ||
	    __builtin_add_overflow(ring_bytes, sizeof(struct weir__chan) + align, &bytes) || bytes > PTRDIFF_MAX) {
		*rc = WEIR_EOVERFLOW;
		return NULL;
	}
	struct weir__chan *ch = rt->vt->alloc(rt, bytes, site);
	if (!ch) {
		*rc = WEIR_ENOMEM;
		return NULL;
	}
	memset(ch, 0, sizeof(*ch));
	ch->obj.kind = WEIR_OBJ_CHAN;
	ch->rt = rt;
	ch->id = weir__add64_relaxed(&weir__rtcore(rt)->next_id, 1);
	ch->type = *type;
	ch->capacity = capacity;
	ch->ring = (unsigned char *)ch + (weir__align_up((uintptr_t)(ch + 1), align) - (uintptr_t)ch);
	return ch;
}

/* n handles of one side, or none: a chain until the last one is there, so that a failure leaves the outputs alone. They
 * count as open only once the caller says so under the lock. */
static int ends_alloc(struct weir__chan *ch, size_t n, weir_tx **tx, weir_rx **rx, const void *site)
{
	void *last = NULL, **end;
	size_t made = 0;
	_Static_assert(sizeof(weir_rx) == sizeof(weir_tx), "the two ends are made alike");
	for (; made < n && (end = ch->rt->vt->alloc(ch->rt, sizeof(weir_tx), site)); made++, last = end)
		*end = last;
	for (size_t i = made; i > 0; i--) {
		void *before = *(void **)last;
		if (made < n)
			ch->rt->vt->release(ch->rt, last);
		else if (tx)
			*(tx[i - 1] = last) = (weir_tx){.obj = {.kind = WEIR_OBJ_TX}, .chan = ch};
		else
			*(rx[i - 1] = last) = (weir_rx){.obj = {.kind = WEIR_OBJ_RX}, .chan = ch};
		last = before;
	}
	return made == n ? 0 : WEIR_ENOMEM;
}

int weir__chan_new(weir_rt *rt, const weir_type *type, size_t capacity, weir_tx **tx, weir_rx **rx, const void *site)
{
	weir_tx *first_tx = NULL;
	weir_rx *first_rx = NULL;
	int rc = rt && tx && rx ? check_type(type) : WEIR_EINVAL;
	assert(weir__locks_held() == 0);
	if (rc < 0)
		return rc;
	struct weir__chan *ch = chan_alloc(rt, type, capacity, site, &rc);
	if (!ch)
		return rc;
	rc = ends_alloc(ch, 1, &first_tx, NULL, site);
	if (rc == 0)
		rc = ends_alloc(ch, 1, NULL, &first_rx, site);
	if (rc < 0) {
		if (first_tx)
			rt->vt->release(rt, first_tx);
		rt->vt->release(rt, ch);
		return rc;
	}
	ch->n_tx = ch->n_rx = 1;
	weir__store32(&ch->refs, 2);
	weir__created(rt, &ch->obj, NULL, site);
	weir__created(rt, &first_tx->obj, &ch->obj, site);
	weir__created(rt, &first_rx->obj, &ch->obj, site);
	*tx = first_tx;
	*rx = first_rx;
	return 0;
}

int weir_chan_new(weir_rt *rt, const weir_type *type, size_t capacity, weir_tx **tx, weir_rx **rx)
{
	return weir__chan_new(rt, type, capacity, tx, rx, WEIR__SITE());
}

static int ends_clone(struct weir__chan *ch, size_t n, weir_tx **tx, weir_rx **rx, const void *site)
{
	assert(weir__locks_held() == 0);
	int rc = ends_alloc(ch, n, tx, rx, site);
	if (rc < 0)
		return rc;
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	if (tx)
		ch->n_tx += (uint32_t)n;
	else
		ch->n_rx += (uint32_t)n;
	weir__unlock(&ch->lock, rank);
	weir__fetch_add32(&ch->refs, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		weir__created(ch->rt, tx ? &tx[i]->obj : &rx[i]->obj, &ch->obj, site);
	return 0;
}

static int handle_clone(struct weir__chan *ch, struct weir_obj *end, size_t n, weir_tx **tx, weir_rx **rx,
			const void *site)
{
	struct weir_op op = handle_op(WEIR_OP_CLONE, ch, end, site);
	if (n == 0 || n > UINT32_MAX / 2)
		return WEIR_EINVAL;
	if (!weir__hooked(ch->rt))
		return ends_clone(ch, n, tx, rx, site);
	weir__choice(ch->rt, &op);
	return weir__result(ch->rt, &op, ends_clone(ch, n, tx, rx, site));
}

int weir__tx_clone(weir_tx *tx, size_t n, weir_tx **out, const void *site)
{
	return !tx ? WEIR_EBADF : !out ? WEIR_EINVAL : handle_clone(tx->chan, &tx->obj, n, out, NULL, site);
}

int weir_tx_clone(weir_tx *tx, size_t n, weir_tx **out)
{
	return weir__tx_clone(tx, n, out, WEIR__SITE());
}

int weir__rx_clone(weir_rx *rx, size_t n, weir_rx **out, const void *site)
{
	return !rx ? WEIR_EBADF : !out ? WEIR_EINVAL : handle_clone(rx->chan, &rx->obj, n, NULL, out, site);
}

int weir_rx_clone(weir_rx *rx, size_t n, weir_rx **out)
{
	return weir__rx_clone(rx, n, out, WEIR__SITE());
}

/* ---- closing ---- */

void weir__chan_ref(struct weir__chan *ch)
{
	weir__fetch_add32(&ch->refs, 1);
}

void weir__chan_unref(struct weir__chan *ch)
{
	if (weir__fetch_sub32(&ch->refs, 1) == 1) {
		assert(ch->n_tx == 0 && ch->n_rx == 0 && ch->len == 0);
		weir_rt *rt = ch->rt;
		weir__gone(rt, &ch->obj);
		ch->obj.kind = WEIR_OBJ_DEAD;
		rt->vt->release(rt, ch);
	}
}

/* Items the last receiver left behind: head .. head + n - 1 are this task's now (K5). */
static void drop_items(struct weir__chan *ch, size_t n)
{
	for (size_t i = 0; i < n && ch->type.drop; i++)
		weir_type_drop(&ch->type, slot(ch, i));
}

/* K6: the channels whose items this task has still to drop, chained by next_drain. How many items: `dropped`, which
 * only the one close that leaves items behind ever sets. */
struct drain {
	struct weir__chan *first, **last;
};

static void drain_later(struct drain *drain, struct weir__chan *ch)
{
	ch->next_drain = NULL;
	*drain->last = ch;
	drain->last = &ch->next_drain;
}

static void chan_drain(struct weir__chan *ch)
{
	weir_task *task = ch->rt->vt->self(ch->rt);
	struct drain *outer = task->core_[WEIR__TASK_DRAIN], own;
	weir__chan_ref(ch); /* K7 */
	if (outer) {
		drain_later(outer, ch);
		return;
	}
	own = (struct drain){.first = NULL, .last = &own.first};
	task->core_[WEIR__TASK_DRAIN] = &own;
	drain_later(&own, ch);
	while ((ch = own.first)) {
		drop_items(ch, (size_t)ch->dropped);
		own.first = ch->next_drain;
		if (!own.first)
			own.last = &own.first;
		weir__chan_unref(ch);
	}
	task->core_[WEIR__TASK_DRAIN] = NULL;
}

static void chan_close_tx(struct weir__chan *ch)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	assert(ch->n_tx > 0);
	if (--ch->n_tx == 0)
		weir__queue_release(&ch->receivers, 0, &wake); /* K2: whoever waits sees an empty ring */
	weir__unlock(&ch->lock, rank);
	weir__wake_all(&wake);
}

void weir__chan_reader_ctx(struct weir__chan *ch, weir_ctx *ctx)
{
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	ch->reader_ctx = ctx;
	weir__unlock(&ch->lock, rank);
}

static void chan_close_rx(struct weir__chan *ch)
{
	struct weir__wake wake;
	weir_ctx *ends = NULL;
	bool leftovers = false;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	assert(ch->n_rx > 0);
	if (--ch->n_rx == 0) {
		weir__queue_release(&ch->senders, WEIR_EPIPE, &wake);
		leftovers = ch->len > 0;
		ch->dropped += ch->len;
		ch->len = 0;
		check_account(ch);
		ends = ch->reader_ctx;
		if (ends)
			weir__ctx_pin(ends); /* its owner takes reader_ctx back before it finishes it */
	}
	weir__unlock(&ch->lock, rank);
	weir__wake_all(&wake);
	if (ends) {
		weir__ctx_end(ends, WEIR_CAUSE_CONSUMER, "nobody reads the results any more");
		weir__ctx_unpin(ends);
	}
	if (leftovers)
		chan_drain(ch);
}

void weir__chan_shut(struct weir__chan *ch)
{
	struct weir__wake wake;
	weir__wake_init(&wake);
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	ch->shut = true;
	weir__queue_release(&ch->senders, WEIR_EPIPE, &wake);
	if (ch->len == 0)
		weir__queue_release(&ch->receivers, 0, &wake); /* K4 */
	weir__unlock(&ch->lock, rank);
	weir__wake_all(&wake);
}

/* Closes one handle: `close` does what that means for its side. Then the handle is dead, for stale copies to be
 * recognised by, and gone. */
static void end_close(enum weir_op_kind kind, struct weir__chan *ch, struct weir_obj *end,
		      void (*close)(struct weir__chan *ch), const void *site)
{
	weir_rt *rt = ch->rt;
	struct weir_op op = handle_op(kind, ch, end, site);
	bool hooked = weir__hooked(rt);
	assert(weir__locks_held() == 0);
	if (hooked)
		weir__choice(rt, &op);
	close(ch);
	if (hooked)
		weir__result(rt, &op, 0);
	weir__gone(rt, end);
	end->kind = WEIR_OBJ_DEAD;
	rt->vt->release(rt, end); /* the first member of the handle */
	weir__chan_unref(ch);
}

void weir__tx_close(weir_tx **tx, const void *site)
{
	weir_tx *end = tx ? *tx : NULL;
	if (!end)
		return;
	*tx = NULL;
	end_close(WEIR_OP_TX_CLOSE, end->chan, &end->obj, chan_close_tx, site);
}

void weir_tx_close(weir_tx **tx)
{
	weir__tx_close(tx, WEIR__SITE());
}

void weir__rx_close(weir_rx **rx, const void *site)
{
	weir_rx *end = rx ? *rx : NULL;
	if (!end)
		return;
	*rx = NULL;
	end_close(WEIR_OP_RX_CLOSE, end->chan, &end->obj, chan_close_rx, site);
}

void weir_rx_close(weir_rx **rx)
{
	weir__rx_close(rx, WEIR__SITE());
}

void weir_rx_shut(weir_rx *rx)
{
	if (!rx)
		return;
	struct weir__chan *ch = rx->chan;
	struct weir_op op = handle_op(WEIR_OP_RX_SHUT, ch, &rx->obj, WEIR__SITE());
	bool hooked = weir__hooked(ch->rt);
	if (hooked)
		weir__choice(ch->rt, &op);
	weir__chan_shut(ch);
	if (hooked)
		weir__result(ch->rt, &op, 0);
}

/* ---- looking ---- */

void weir__chan_account(struct weir__chan *ch, struct weir_chan_stats *out)
{
	uint32_t rank = weir__lock(&ch->lock, WEIR__RANK_CHAN);
	*out = (struct weir_chan_stats){
		.accepted = ch->accepted,
		.delivered = ch->delivered,
		.dropped = ch->dropped,
		.buffered = ch->len,
		.capacity = ch->capacity,
		.tx_handles = ch->n_tx,
		.rx_handles = ch->n_rx,
		.senders_waiting = weir__queue_length(&ch->senders),
		.receivers_waiting = weir__queue_length(&ch->receivers),
	};
	weir__unlock(&ch->lock, rank);
}

/* end: tx or rx, which are laid out alike; NULL: zeros. */
static void end_stats(const struct weir_tx *end, struct weir_chan_stats *out, const void *site)
{
	*out = (struct weir_chan_stats){0};
	if (!end)
		return;
	struct weir__chan *ch = end->chan;
	struct weir_op op = handle_op(WEIR_OP_CHAN_STATS, ch, (struct weir_obj *)(uintptr_t)&end->obj, site);
	bool hooked = weir__hooked(ch->rt);
	op.access = WEIR_ACCESS_READ;
	if (hooked)
		weir__choice(ch->rt, &op);
	weir__chan_account(ch, out);
	if (hooked)
		weir__result(ch->rt, &op, 0);
}

void weir_tx_stats(const weir_tx *tx, struct weir_chan_stats *out)
{
	end_stats(tx, out, WEIR__SITE());
}

void weir_rx_stats(const weir_rx *rx, struct weir_chan_stats *out)
{
	end_stats((const struct weir_tx *)rx, out, WEIR__SITE());
}
