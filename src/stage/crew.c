/* SPDX-License-Identifier: MIT
 *
 * Helper tasks: see crew.h. A section begins with enter and ends with leave; what it decides is done after it. */
#include "crew.h"

#include <assert.h>
#include <stddef.h>

#define CREW_SHORT_NS WEIR_US(5) /* a few wakes, where they are cheap */
#define CALM_AFTER 32

/* ---- sections ---- */

struct section {
	struct weir_op op;
	uint32_t rank;
};

static struct section enter(struct weir__crew *crew)
{
	struct section s = {.op = {.kind = WEIR_OP_CAS,
				   .access = WEIR_ACCESS_WRITE,
				   .obj = {&crew->obj},
				   .at = WEIR_FOREVER,
				   .site = __builtin_return_address(0)}};
	if (__builtin_expect(crew->rt->hooks != NULL, 0))
		crew->rt->hooks->choice(crew->rt, &s.op);
	s.rank = weir__lock(&crew->lock, WEIR__RANK_SYNC);
	return s;
}

static void leave(struct weir__crew *crew, struct section *s)
{
	weir_rt *rt = crew->rt; /* the crew may be gone when the lock is free */
	weir__store64(&crew->changes, weir__load64_own(&crew->changes) + 1);
	weir__unlock(&crew->lock, s->rank);
	if (__builtin_expect(rt->hooks != NULL, 0))
		rt->hooks->note(rt, &(struct weir_event){.note = WEIR_NOTE_RESULT, .op = &s->op, .rc = true});
}

/* ---- inside of sections ---- */

/* The first batch that can be joined. */
static struct weir__batch *open_batch(struct weir__crew *crew)
{
	struct weir__batch *b = crew->batches;
	while (b && b->joined == b->lanes)
		b = b->following;
	return b;
}

/* H3 */
static void unlink_batch(struct weir__crew *crew, struct weir__batch *b)
{
	struct weir__batch **at = &crew->batches;
	while (*at && *at != b)
		at = &(*at)->following;
	if (*at)
		*at = b->following;
}

/* H5: true: the caller owes a permit. */
static bool take_idle(struct weir__crew *crew)
{
	if (crew->idle == 0)
		return false;
	crew->idle--;
	return true;
}

/* ---- helpers ---- */

static void do_items(struct weir__batch *b, uint32_t lane)
{
	for (size_t i; (i = (size_t)weir_atomic_add(&b->next, 1)) < b->n;)
		b->item(b->ctx, b->arg, lane, i);
}

static void drop_reference(struct weir__crew *crew)
{
	struct section s = enter(crew);
	bool last = --crew->refs == 0;
	leave(crew, &s);
	if (!last)
		return;
	if (crew->rt->hooks)
		crew->rt->hooks->note(crew->rt, &(struct weir_event){.note = WEIR_NOTE_GONE, .obj = &crew->obj});
	weir_sem_fini(&crew->work);
	weir_ctx_fini(&crew->forever);
	crew->gone(crew);
}

/* The batch that the calling helper is in now, with its lane; NULL: it counts as idle, or *over. */
static struct weir__batch *join_batch(struct weir__crew *crew, uint32_t *lane, bool *over)
{
	bool wake = false;
	struct section s = enter(crew);
	struct weir__batch *b = crew->over ? NULL : open_batch(crew);
	*over = crew->over;
	if (b) {
		*lane = b->joined++;
		b->inside++;
		wake = open_batch(crew) && take_idle(crew);
	} else if (!crew->over) {
		crew->idle++;
	}
	leave(crew, &s);
	if (wake)
		weir_sem_release(&crew->work, 1);
	return b;
}

static void leave_batch(struct weir__crew *crew, struct weir__batch *b)
{
	struct section s = enter(crew);
	unlink_batch(crew, b); /* nothing is left to be claimed */
	bool tell = --b->inside == 0 && b->awaited;
	leave(crew, &s);
	if (tell)
		weir_sem_release(&b->left, 1); /* else b is the owner's alone, who may be gone */
}

static int help(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct weir__crew *crew = arg;
	bool over = false;
	int rc = 0;
	(void)err;
	while (rc == 0) {
		uint32_t lane;
		struct weir__batch *b = join_batch(crew, &lane, &over);
		if (over)
			break;
		if (b) {
			do_items(b, lane);
			leave_batch(crew, b);
		} else {
			rc = weir_sem_acquire(ctx, &crew->work, 1);
		}
	}
	if (rc < 0) { /* its scope ended; where it counts no more, a permit is left over, for nobody */
		struct section s = enter(crew);
		(void)take_idle(crew);
		leave(crew, &s);
	}
	drop_reference(crew);
	return 0; /* that the scope has ended is no failure of a helper */
}

/* ---- the one who has the call ---- */

int weir__crew_start(struct weir__crew *crew, weir_scope *s, uint32_t helpers, void (*gone)(struct weir__crew *crew))
{
	weir_ctx *ctx = weir_scope_ctx(s);
	int rc = 0;
	crew->obj.kind = WEIR_OBJ_ATOMIC;
	crew->rt = weir_ctx_rt(ctx);
	crew->gone = gone;
	if (crew->rt->hooks)
		crew->rt->hooks->note(crew->rt, &(struct weir_event){.note = WEIR_NOTE_CREATED,
								     .obj = &crew->obj,
								     .site = __builtin_return_address(0)});
	weir_sem_init(&crew->work, crew->rt, 0);
	weir_ctx_init_root(&crew->forever, crew->rt);
	crew->helpers = helpers;
	crew->refs = helpers + 1; /* before they run: they count it down */
	for (uint32_t i = 0; i < helpers && rc == 0; i++) {
		rc = weir_scope_spawn(s, "helper", help, crew);
		if (rc < 0) {
			struct section in = enter(crew);
			crew->refs -= helpers - i;
			leave(crew, &in);
		}
	}
	return rc;
}

static void open_to_helpers(struct weir__batch *b)
{
	struct weir__crew *crew = b->crew;
	b->is_open = true;
	weir_atomic_init(&b->next, crew->rt, b->begun);
	struct section s = enter(crew);
	b->following = crew->batches;
	crew->batches = b;
	bool wake = take_idle(crew);
	leave(crew, &s);
	if (wake)
		weir_sem_release(&crew->work, 1);
}

/* How many helpers are in b, which none can join any more. */
static uint32_t close_to_helpers(struct weir__crew *crew, struct weir__batch *b)
{
	struct section s = enter(crew);
	unlink_batch(crew, b);
	uint32_t inside = b->inside;
	leave(crew, &s);
	return inside;
}

static void await_helpers(struct weir__crew *crew, struct weir__batch *b)
{
	weir_sem_init(&b->left, crew->rt, 0);
	struct section s = enter(crew);
	b->awaited = b->inside > 0;
	leave(crew, &s);
	if (b->awaited) {
		int rc = weir_sem_acquire(&crew->forever, &b->left, 1);
		assert(rc == 0); /* that context has no end */
		(void)rc;
	}
	weir_sem_fini(&b->left);
}

/* H6 */
static void open_before_sleep(struct weir__duty *duty)
{
	struct weir__batch *b =
		(struct weir__batch *)(void *)((unsigned char *)duty - offsetof(struct weir__batch, duty));
	if (!b->is_open && b->begun < b->n)
		open_to_helpers(b);
}

/* Items of a batch that is kept, until all are begun or it is open. */
static void do_kept(struct weir__batch *b, int64_t since)
{
	size_t look = 1;
	while (!b->is_open && b->begun < b->n) {
		b->item(b->ctx, b->arg, 0, b->begun++);
		if (b->begun < look || b->is_open || b->begun == b->n)
			continue;
		look = look * 4 + 1;
		if (weir_rt_now(b->crew->rt) - since > CREW_SHORT_NS)
			open_to_helpers(b);
	}
}

static void do_shared(struct weir__batch *b)
{
	weir_rt *rt = b->crew->rt;
	bool measured = !rt->hooks && !b->at_once;
	bool kept = measured && b->calm == CALM_AFTER;
	if (!kept)
		open_to_helpers(b);
	int64_t since = measured ? weir_rt_now(rt) : 0;
	if (kept) {
		weir_task *self = rt->vt->self(rt);
		b->duty.before_sleep = open_before_sleep;
		weir__duty_begin(self, &b->duty);
		do_kept(b, since);
		weir__duty_end(self, &b->duty);
	}
	if (b->is_open)
		do_items(b, 0);
	if (!measured)
		return;
	bool lasted = weir_rt_now(rt) - since > CREW_SHORT_NS;
	b->calm = lasted ? 0 : b->calm + (b->calm < CALM_AFTER);
}

void weir__crew_do(weir_ctx *ctx, struct weir__crew *crew, struct weir__batch *b)
{
	assert(b->item && b->lanes > 0);
	b->ctx = ctx;
	b->crew = crew;
	b->is_open = false;
	b->begun = 0;
	b->joined = 1;
	b->inside = 0;
	b->awaited = false;
	if (b->lanes > 1 && b->n > 1 && crew->helpers > 0)
		do_shared(b);
	while (!b->is_open && b->begun < b->n)
		b->item(ctx, b->arg, 0, b->begun++);
	if (!b->is_open)
		return;
	if (close_to_helpers(crew, b) > 0)
		await_helpers(crew, b);
	weir_atomic_fini(&b->next);
}

void weir__crew_end(struct weir__crew *crew)
{
	struct section s = enter(crew);
	uint32_t asleep = crew->idle;
	crew->over = true;
	crew->idle = 0;
	leave(crew, &s);
	if (asleep)
		weir_sem_release(&crew->work, asleep);
	drop_reference(crew);
}
