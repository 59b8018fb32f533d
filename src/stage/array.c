/* SPDX-License-Identifier: MIT
 *
 * Arrays: see stage/array.h.
 *
 * A block is a head, n values at their alignment, and n bytes that say which places hold one: bytes, not bits, because
 * lanes fill different places at the same time.
 *
 * A shelf is where blocks come back to. Those that came back are a list that anybody may push on; only the one who
 * takes removes from it, all of them at once, and keeps those as its own: so a push is one compare-and-exchange that
 * cannot mistake one state for another (no block leaves the list but with all others).
 *
 *  Y1  refs of a shelf: the one who takes, and each array that is out. Who drops the last one frees all there is; what
 *      was pushed before is seen by then.
 *  Y2  A block is pushed before its reference is dropped, and not touched afterwards.
 *
 * No lock: an array may be dropped where there is no context to wait under. */
#include "array.h"

#include <assert.h>
#include <string.h>

#define PATTERN 0xA5

struct weir__shelf {
	weir_rt *rt;
	weir_atomic given; /* struct weir__block *: came back */
	weir_atomic refs;  /* Y1 */
	struct weir__block *own;
};

_Static_assert(sizeof(struct weir__inside) <= sizeof(weir_array), "the opaque words are enough");

static struct weir__inside inside(const weir_array *a)
{
	return weir__array_inside(a);
}

/* ---- the type ---- */

static void drop_array(void *item, void *arg)
{
	(void)arg;
	weir_array_drop(item);
}

static int copy_array(const void *from, void *to, void *arg)
{
	(void)arg;
	return weir_array_copy(from, to);
}

bool weir__type_is_array(const weir_type *type)
{
	return type->drop == drop_array;
}

static size_t alignment(const weir_type *type)
{
	size_t align = type->align ? type->align : 1;
	if (!type->align)
		while (align < _Alignof(max_align_t) && type->size % (2 * align) == 0)
			align *= 2;
	return align;
}

weir_type weir_array_type(const weir_type *of)
{
	uintptr_t parts[] = {of->size, alignment(of), (uintptr_t)of->drop, (uintptr_t)of->copy, (uintptr_t)of->arg};
	uintptr_t folded = 0;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		folded = (folded ^ parts[i]) * (uintptr_t)UINT64_C(0x9e3779b97f4a7c15);
	return (weir_type){.name = of->name,
			   .size = sizeof(weir_array),
			   .align = _Alignof(weir_array),
			   .drop = drop_array,
			   .copy = weir__type_copies(of) ? copy_array : NULL,
			   .arg = (void *)folded};
}

int weir__type_copy(const weir_type *type, const void *from, void *to)
{
	int rc = type->copy ? type->copy(from, to, type->arg) : 0;
	if (!type->copy)
		memcpy(to, from, type->size);
	return rc > 0 ? WEIR_EINVAL : rc;
}

/* ---- blocks ---- */

/* 0: more than fits. */
static size_t room_for(const weir_type *of, size_t n)
{
	size_t bytes = 0, align = alignment(of);
	if (__builtin_mul_overflow(n, of->size + 1, &bytes) ||
	    __builtin_add_overflow(bytes, sizeof(struct weir__block) + align - 1, &bytes) || bytes > PTRDIFF_MAX / 2)
		return 0;
	return bytes;
}

static void lay_out(struct weir__block *block, const weir_type *of, size_t n, weir_array *out)
{
	size_t align = alignment(of);
	struct weir__inside in = {.n = n, .block = block};
	in.items = (unsigned char *)(((uintptr_t)(block + 1) + align - 1) & ~(uintptr_t)(align - 1));
	in.holds = in.items + n * of->size;
	memset(in.holds, 0, n);
	block->of = *of;
	memset(out, 0, sizeof(*out));
	memcpy(out, &in, sizeof(in));
}

static struct weir__block *new_block(weir_rt *rt, struct weir__shelf *home, size_t room)
{
	struct weir__block *block = weir_rt_alloc(rt, room);
	if (block)
		*block = (struct weir__block){.home = home, .rt = rt, .room = room};
	return block;
}

int weir_array_new(weir_rt *rt, const weir_type *of, size_t n, weir_array *out)
{
	if (!rt || !of || !out)
		return WEIR_EINVAL;
	size_t room = room_for(of, n);
	if (!room)
		return WEIR_EOVERFLOW;
	struct weir__block *block = n ? new_block(rt, NULL, room) : NULL;
	if (n && !block)
		return WEIR_ENOMEM;
	if (n)
		lay_out(block, of, n, out);
	else
		memset(out, 0, sizeof(*out));
	return 0;
}

/* ---- the shelf ---- */

static void free_blocks(weir_rt *rt, struct weir__block *block)
{
	for (struct weir__block *following; block; block = following) {
		following = block->following;
		weir_rt_release(rt, block);
	}
}

static void drop_reference(struct weir__shelf *shelf)
{
	if (weir_atomic_add(&shelf->refs, UINT64_MAX) != 1)
		return;
	weir_rt *rt = shelf->rt;
	free_blocks(rt, shelf->own);
	free_blocks(rt, (struct weir__block *)(uintptr_t)weir_atomic_load(&shelf->given));
	weir_atomic_fini(&shelf->given);
	weir_atomic_fini(&shelf->refs);
	weir_rt_release(rt, shelf);
}

static void give_back(struct weir__block *block)
{
	struct weir__shelf *home = block->home;
	if (!home) {
		weir_rt_release(block->rt, block);
		return;
	}
	uint64_t head = weir_atomic_load(&home->given);
	do
		block->following = (struct weir__block *)(uintptr_t)head;
	while (!weir_atomic_cas(&home->given, &head, (uint64_t)(uintptr_t)block));
	drop_reference(home); /* Y2 */
}

/* A block of at least this room. The small ones in front of it were for arrays that are not made any more. */
static struct weir__block *take_block(struct weir__shelf *shelf, size_t room)
{
	if (!shelf->own)
		shelf->own = (struct weir__block *)(uintptr_t)weir_atomic_exchange(&shelf->given, 0);
	while (shelf->own) {
		struct weir__block *block = shelf->own;
		shelf->own = block->following;
		if (block->room >= room)
			return block;
		weir_rt_release(shelf->rt, block);
	}
	size_t rounded = 256; /* so that sizes that grow slowly allocate rarely */
	while (rounded < room)
		rounded *= 2;
	return new_block(shelf->rt, shelf, rounded);
}

static struct weir__shelf *new_shelf(weir_rt *rt)
{
	struct weir__shelf *shelf = weir_rt_alloc(rt, sizeof(*shelf));
	if (!shelf)
		return NULL;
	*shelf = (struct weir__shelf){.rt = rt};
	weir_atomic_init(&shelf->given, rt, 0);
	weir_atomic_init(&shelf->refs, rt, 1);
	return shelf;
}

int weir__shelf_array(struct weir__shelf **shelf, weir_rt *rt, const weir_type *of, size_t n, weir_array *out)
{
	size_t room = room_for(of, n);
	if (!room)
		return WEIR_EOVERFLOW;
	memset(out, 0, sizeof(*out));
	if (n == 0)
		return 0;
	if (!*shelf)
		*shelf = new_shelf(rt);
	struct weir__block *block = *shelf ? take_block(*shelf, room) : NULL;
	if (!block)
		return WEIR_ENOMEM;
	(void)weir_atomic_add(&(*shelf)->refs, 1);
	lay_out(block, of, n, out);
	return 0;
}

void weir__shelf_leave(struct weir__shelf *shelf)
{
	if (shelf)
		drop_reference(shelf);
}

/* ---- places ---- */

void weir__array_move(const weir_array *from, const weir_array *to, size_t at)
{
	struct weir__inside in = inside(from), into = inside(to);
	assert(at <= into.n && in.n <= into.n - at && in.block->of.size == into.block->of.size);
	memcpy(into.items + at * into.block->of.size, in.items, in.n * in.block->of.size);
	memcpy(into.holds + at, in.holds, in.n);
	memset(in.holds, 0, in.n);
}

weir_array weir__array_view(const weir_array *a, size_t i, size_t n)
{
	weir_array view = {0};
	struct weir__inside in = inside(a);
	in.items += i * in.block->of.size;
	in.holds += i;
	in.n = n;
	memcpy(&view, &in, sizeof(in));
	return view;
}

void *weir_array_at(const weir_array *a, size_t i)
{
	return weir__array_at(a, i);
}

int weir_array_put(weir_array *a, size_t i, const void *value)
{
	if (i >= a->n)
		return WEIR_EINVAL;
	if (inside(a).holds[i])
		return WEIR_EBUSY;
	memcpy(weir__array_place(a, i), value, inside(a).block->of.size);
	weir__array_holds(a, i, true);
	return 0;
}

bool weir_array_take(weir_array *a, size_t i, void *out)
{
	const void *at = weir_array_at(a, i);
	if (!at)
		return false;
	memcpy(out, at, inside(a).block->of.size);
	weir__array_holds(a, i, false);
	return true;
}

int weir_array_copy(const weir_array *from, weir_array *to)
{
	struct weir__inside in = inside(from);
	weir_array made = {0};
	int rc = 0;
	if (in.n && !weir__type_copies(&in.block->of))
		return WEIR_EINVAL;
	if (in.n)
		rc = weir_array_new(in.block->rt, &in.block->of, in.n, &made);
	for (size_t i = 0; i < in.n && rc == 0; i++) {
		if (!in.holds[i])
			continue;
		rc = weir__type_copy(&in.block->of, weir__array_place(from, i), weir__array_place(&made, i));
		weir__array_holds(&made, i, rc == 0);
	}
	if (rc == 0)
		*to = made;
	else
		weir_array_drop(&made);
	return rc;
}

void weir_array_drop(weir_array *a)
{
	if (!a || a->n == 0)
		return;
	struct weir__inside in = inside(a);
	const weir_type of = in.block->of;
	memset(a, 0, sizeof(*a));
	for (size_t i = 0; of.drop && i < in.n; i++)
		if (in.holds[i])
			of.drop(in.items + i * of.size, of.arg);
	if (in.block->rt->hooks) /* the memory is used again: who still looks at it shall see that */
		memset(in.items, PATTERN, in.n * of.size);
	give_back(in.block);
}
