/* SPDX-License-Identifier: MIT
 *
 * Cancellation trees.
 *
 * The idea (of nsync's note tree, turned round): a node does not know its children. Whether it has ended is looked up
 * along the chain of parents, so making and finishing a child touches nothing shared. The only lists are of tasks that
 * are parked: a task about to park links its waiter to its node, and the node, while it has such waiters below it, is
 * linked to its parent, and so on up. Cancel marks its node with one compare-and-swap, then walks only the linked part
 * of its subtree and claims the waiters in it.
 *
 *  C1  state is 0 or final. It is set by one CAS, together with cause and text: the top byte holds the cause (bit 7: it
 *      was a deadline), the rest the address of the static text. User-space addresses leave the top byte free on x86-64
 *      and aarch64.
 *  C2  up, root, deadline_at, rt, flags, key and value never change after init.
 *  C3  deadline_at is the minimum along the chain up to a shield, so one comparison covers all ancestors' deadlines.
 *  C4  The lists (waiters, sleepers, linked) change under the root's lock only. A node is linked if and only if it has
 *      an `up` and waiters or sleepers.
 *  C5  Who links a waiter looks at the state again after linking. A canceller sets the state before it takes the lock.
 *      So either the sleeper sees the state, or the canceller sees the sleeper.
 *  C6  A canceller holds a pin from before it looks at the node until after it has left the lists; fini waits for pins
 *      to be 0. The unparks come after the pin is gone: they touch waiters (W2), never nodes.
 *  C7  Cancels of one tree mark under its lock, each only if it finds no mark above its node. So whoever finds a mark,
 *      and none below it, knows the cause, and two who look at nodes of one chain never disagree about which came
 *      first.
 *
 * Lock order: the tree's lock is the last (WEIR__RANK_TREE). May run at the same time: anything but fini with
 * anything; fini with a canceller that began before it. See chapter 8 of docs/book. */
#include "ctx.h"

#define CAUSE_SHIFT 56
#define TEXT_MASK ((UINT64_C(1) << CAUSE_SHIFT) - 1)
#define WAS_DEADLINE 0x80u

_Static_assert(sizeof(struct weir__ctx) <= sizeof(weir_ctx) * 3 / 4, "a quarter of weir_ctx stays spare");
_Static_assert(_Alignof(struct weir__ctx) <= _Alignof(weir_ctx), "weir_ctx is aligned for its inside");

static uint64_t pack(uint32_t cause, const char *why)
{
	return (uint64_t)cause << CAUSE_SHIFT | ((uint64_t)(uintptr_t)why & TEXT_MASK);
}

static const char *state_text(uint64_t state)
{
	return state ? (const char *)(uintptr_t)(state & TEXT_MASK) : "";
}

static int state_code(uint64_t state)
{
	if (!state)
		return 0;
	return (state >> CAUSE_SHIFT) & WAS_DEADLINE ? WEIR_EDEADLINE : WEIR_ECANCELED;
}

/* The first to see that a node has ended fixes its cause; returns what is fixed. */
static uint64_t latch(struct weir__ctx *c, uint64_t state)
{
	uint64_t before = 0;
	assert(state != 0);
	return weir__cas64(&c->state, &before, state) ? state : before; /* C1 */
}

/* The nearest node from c upwards that carries a mark, or NULL. A mark may appear below the one that was found while
 * the chain was read, so it is read again until it stays the same: then at that moment nothing below was marked
 * (C7). */
static struct weir__ctx *nearest_mark(struct weir__ctx *c)
{
	for (struct weir__ctx *found = NULL;;) {
		struct weir__ctx *a = c;
		while (a && a != found && !weir__load64(&a->state))
			a = a->up;
		if (a == found)
			return found;
		found = a;
	}
}

static uint64_t look_up(struct weir__ctx *c)
{
	struct weir__ctx *marked = nearest_mark(c);
	if (marked == c)
		return weir__load64(&c->state);
	if (marked) {
		uint64_t state = weir__load64(&marked->state);
		uint32_t was_deadline = (uint32_t)(state >> CAUSE_SHIFT) & WAS_DEADLINE;
		return latch(c, pack(WEIR_CAUSE_PARENT | was_deadline, state_text(state)));
	}
	if (c->deadline_at == WEIR_FOREVER || c->rt->vt->now(c->rt) < c->deadline_at)
		return 0;
	uint32_t cause = c->flags & WEIR__CTX_OWN_DEADLINE ? WEIR_CAUSE_DEADLINE : WEIR_CAUSE_PARENT; /* C3 */
	return latch(c, pack(cause | WAS_DEADLINE, "deadline passed"));
}

int weir__ctx_marked(const weir_ctx *ctx)
{
	const struct weir__ctx *marked = nearest_mark(weir__ctx(ctx));
	return marked ? state_code(weir__load64(&marked->state)) : 0;
}

int weir__ctx_ended(weir_ctx *ctx)
{
	assert(weir__locks_held() == 0);
	return state_code(look_up(weir__ctx(ctx)));
}

static void init_node(weir_ctx *ctx, struct weir__ctx *node, const void *site)
{
	struct weir__ctx *c = (struct weir__ctx *)ctx;
	*c = *node;
	c->obj = (struct weir_obj){.kind = WEIR_OBJ_CTX};
	if (!c->root)
		c->root = c;
	weir__created(c->rt, &c->obj, c->parent ? &c->parent->obj : NULL, site);
}

void weir__ctx_init(weir_ctx *ctx, weir_ctx *parent, int64_t deadline_at, uint32_t flags, const void *site)
{
	struct weir__ctx *p = weir__ctx(parent);
	bool own = deadline_at <= p->deadline_at && deadline_at != WEIR_FOREVER;
	struct weir__ctx node = {
		.rt = p->rt,
		.parent = p,
		.up = p,
		.root = p->root,
		.deadline_at = own ? deadline_at : p->deadline_at,
		.flags = flags | (own ? WEIR__CTX_OWN_DEADLINE : 0u),
	};
	init_node(ctx, &node, site);
}

void weir_ctx_init(weir_ctx *c, weir_ctx *parent, int64_t deadline_at)
{
	weir__ctx_init(c, parent, deadline_at, 0, WEIR__SITE());
}

void weir_ctx_init_root(weir_ctx *c, weir_rt *rt)
{
	struct weir__ctx node = {.rt = rt, .deadline_at = WEIR_FOREVER};
	rt->vt->self(rt); /* adopts the thread now rather than at its first park */
	init_node(c, &node, WEIR__SITE());
}

void weir_ctx_init_shield(weir_ctx *c, weir_ctx *parent, int64_t grace_ns)
{
	struct weir__ctx *p = weir__ctx(parent);
	struct weir__ctx node = {.rt = p->rt, .parent = p, .root = p->root, .flags = WEIR__CTX_OWN_DEADLINE};
	if (grace_ns < 0 || grace_ns == WEIR_FOREVER) {
		weir__misuse(p->rt,
			     "a shield needs a finite grace time of 0 or more: cleanup without a limit is a hang",
			     "ctx", WEIR__SITE(), NULL);
		grace_ns = 0;
	}
	node.deadline_at = weir_time_add(p->rt->vt->now(p->rt), grace_ns);
	init_node(c, &node, WEIR__SITE());
}

void weir_ctx_init_value(weir_ctx *c, weir_ctx *parent, const void *key, void *value)
{
	weir__ctx_init(c, parent, WEIR_FOREVER, 0, WEIR__SITE());
	weir__ctx(c)->key = key;
	weir__ctx(c)->value = value;
}

void weir_ctx_fini(weir_ctx *c)
{
	struct weir__ctx *node = (struct weir__ctx *)c;
	if (!node || node->obj.kind == WEIR_OBJ_DEAD)
		return;
	weir_rt *rt = weir__ctx(c)->rt;
	assert(weir__locks_held() == 0);
	if (node->waiters.first || node->sleepers)
		weir__misuse(rt, "fini of a context that tasks are still parked on: join them first", "ctx",
			     WEIR__SITE(), NULL);
	/* C6. The pin's holder runs code that cannot block, so this ends; it may be off its core, so let others run. */
	for (unsigned i = 0; weir__load32(&node->pins) != 0; i++) {
		if (i < 64)
			weir__spin_pause();
		else
			rt->vt->yield(rt, WEIR__SITE());
	}
	weir__gone(rt, &node->obj);
	memset(c, 0, sizeof(*c));
}

/* Claims every waiter of one node; called under the tree's lock. */
static void claim_waiters(struct weir__ctx *c, struct weir__wake *wake)
{
	for (struct weir__link *link = c->waiters.first; link; link = link->next)
		if (weir__claim(link->waiter, link->claim))
			weir__wake_add(wake, link->waiter);
}

/* Visits the linked part of the subtree of `top` in preorder, without recursion. */
static void claim_subtree(struct weir__ctx *top, struct weir__wake *wake)
{
	struct weir__ctx *c = top;
	for (;;) {
		claim_waiters(c, wake);
		if (c->sleepers) {
			c = c->sleepers;
			continue;
		}
		while (c != top && !c->sleep_next)
			c = c->up;
		if (c == top)
			return;
		c = c->sleep_next;
	}
}

void weir__ctx_end(weir_ctx *ctx, enum weir_cause cause, const char *why)
{
	struct weir__ctx *c = weir__ctx(ctx), *root = c->root;
	struct weir__wake wake;
	uint64_t alive = 0;
	assert(weir__locks_held() == 0);
	weir__wake_init(&wake);
	weir__fetch_add32(&c->pins, 1);
	if (!look_up(c)) { /* with the clock, which is not read under a lock */
		uint32_t rank = weir__lock(&root->lock, WEIR__RANK_TREE);
		if (!nearest_mark(c) && weir__cas64(&c->state, &alive, pack((uint32_t)cause, why ? why : "cancelled")))
			claim_subtree(c, &wake); /* C5, C7 */
		weir__unlock(&root->lock, rank);
	}
	weir__fetch_sub32(&c->pins, 1); /* C6: the node may be gone from here on */
	weir__wake_all(&wake);
}

static void cancel_at(weir_ctx *c, enum weir_cause cause, const char *why, const void *site)
{
	if (!c || ((struct weir__ctx *)c)->obj.kind == WEIR_OBJ_DEAD)
		return;
	struct weir__ctx *node = weir__ctx(c);
	weir_rt *rt = node->rt;
	struct weir_op op = {.kind = WEIR_OP_CTX_CANCEL,
			     .access = WEIR_ACCESS_WRITE,
			     .obj = {&node->obj},
			     .at = WEIR_FOREVER,
			     .site = site};
	if (!weir__hooked(rt)) {
		weir__ctx_end(c, cause, why);
		return;
	}
	weir__choice(rt, &op);
	weir__ctx_end(c, cause, why);
	weir__result(rt, &op, 0);
}

void weir_ctx_cancel(weir_ctx *c, const char *why)
{
	cancel_at(c, WEIR_CAUSE_USER, why, WEIR__SITE());
}

void weir_ctx_cancel_as(weir_ctx *c, enum weir_cause cause, const char *why)
{
	bool known = cause == WEIR_CAUSE_SIBLING || cause == WEIR_CAUSE_CONSUMER || cause == WEIR_CAUSE_SHUTDOWN;
	cancel_at(c, known ? cause : WEIR_CAUSE_USER, why, WEIR__SITE());
}

/* The two polls are one operation: a read of the node. */
static uint64_t poll_at(const weir_ctx *ctx, const void *site)
{
	struct weir__ctx *c = weir__ctx(ctx);
	if (!weir__hooked(c->rt))
		return look_up(c);
	struct weir_op op = {.kind = WEIR_OP_CTX_POLL,
			     .access = WEIR_ACCESS_READ,
			     .obj = {&c->obj},
			     .at = WEIR_FOREVER,
			     .site = site};
	weir__choice(c->rt, &op);
	uint64_t state = look_up(c);
	weir__result(c->rt, &op, state_code(state));
	return state;
}

int weir_ctx_err(weir_ctx *c)
{
	return state_code(poll_at(c, WEIR__SITE()));
}

static enum weir_cause state_cause(uint64_t state, const char **out_why)
{
	if (out_why)
		*out_why = state_text(state);
	return (enum weir_cause)((state >> CAUSE_SHIFT) & ~(uint64_t)WAS_DEADLINE);
}

enum weir_cause weir__ctx_mark(const weir_ctx *ctx, const char **out_why)
{
	const struct weir__ctx *c = weir__ctx(ctx), *marked = nearest_mark(weir__ctx(ctx));
	uint64_t state = marked ? weir__load64(&marked->state) : 0;
	enum weir_cause cause = state_cause(state, out_why);
	return marked && marked != c ? WEIR_CAUSE_PARENT : cause;
}

enum weir_cause weir__ctx_cause(const weir_ctx *ctx, const char **out_why)
{
	return state_cause(look_up(weir__ctx(ctx)), out_why);
}

enum weir_cause weir_ctx_cause(const weir_ctx *c, const char **out_why)
{
	return state_cause(poll_at(c, WEIR__SITE()), out_why);
}

const char *weir_cause_name(enum weir_cause cause)
{
	static const char *const names[] = {"none", "user", "deadline", "parent", "sibling", "consumer", "shutdown"};
	return (size_t)cause < sizeof(names) / sizeof(names[0]) ? names[cause] : "unknown";
}

int64_t weir_ctx_deadline(const weir_ctx *c)
{
	return weir__ctx(c)->deadline_at;
}

void *weir_ctx_value(const weir_ctx *c, const void *key)
{
	for (const struct weir__ctx *a = weir__ctx(c); key && a; a = a->parent)
		if (a->key == key)
			return a->value;
	return NULL;
}

weir_rt *weir_ctx_rt(const weir_ctx *c)
{
	return weir__ctx(c)->rt;
}

void weir__ctx_link(weir_ctx *ctx, struct weir__link *link)
{
	struct weir__ctx *c = weir__ctx(ctx);
	uint32_t rank = weir__lock(&c->root->lock, WEIR__RANK_TREE);
	weir__queue_add(&c->waiters, link);
	for (struct weir__ctx *n = c; n->up && !n->linked; n = n->up) {
		n->linked = true;
		n->sleep_prev = NULL;
		n->sleep_next = n->up->sleepers;
		if (n->sleep_next)
			n->sleep_next->sleep_prev = n;
		n->up->sleepers = n;
	}
	weir__unlock(&c->root->lock, rank);
}

void weir__ctx_unlink(weir_ctx *ctx, struct weir__link *link)
{
	struct weir__ctx *c = weir__ctx(ctx);
	uint32_t rank = weir__lock(&c->root->lock, WEIR__RANK_TREE);
	weir__queue_remove(&c->waiters, link);
	for (struct weir__ctx *n = c; n->up && !n->waiters.first && !n->sleepers; n = n->up) {
		assert(n->linked); /* C4 */
		n->linked = false;
		if (n->sleep_prev)
			n->sleep_prev->sleep_next = n->sleep_next;
		else
			n->up->sleepers = n->sleep_next;
		if (n->sleep_next)
			n->sleep_next->sleep_prev = n->sleep_prev;
		n->sleep_next = n->sleep_prev = NULL;
	}
	weir__unlock(&c->root->lock, rank);
}
