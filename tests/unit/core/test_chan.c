/* SPDX-License-Identifier: MIT
 *
 * Channels: what include/weir/core/chan.h promises, cell by cell of its table, on one and two threads.
 *
 * The cases: `making` (arguments, sizes, memory that fails), `table` (each state with each operation), `waiting` (who
 * is woken, in which order, with what), `context` (an ended context wins at entry and over a waiting task, and only
 * there), `items` (each item has exactly one end) and `chains` (channels that own the ends of other channels: a close
 * must not recurse). What happens under contention is tested in tests/stress/test_chan.c. */
#include <check.h>

#include "support.h"

static weir_tx *tx;
static weir_rx *rx;

static void open_chan(size_t capacity)
{
	ck_assert_int_eq(weir_chan_new(rt, &item_type, capacity, &tx, &rx), 0);
}

static void close_chan(void)
{
	weir_tx_close(&tx);
	weir_rx_close(&rx);
	ck_assert_ptr_null(tx);
	ck_assert_ptr_null(rx);
}

/* Puts items first .. first + n - 1 in. */
static void fill(uint32_t first, uint32_t n)
{
	for (uint32_t id = first; id < first + n; id++)
		ck_assert_int_eq(weir_tx_try_send(tx, &id), 0);
}

static void assert_account(uint64_t accepted, uint64_t delivered, uint64_t dropped, uint64_t buffered)
{
	struct weir_chan_stats s = account_of(tx, rx);
	ck_assert_uint_eq(s.accepted, accepted);
	ck_assert_uint_eq(s.delivered, delivered);
	ck_assert_uint_eq(s.dropped, dropped);
	ck_assert_uint_eq(s.buffered, buffered);
}

/* Receives without waiting and expects this id, or (for rc other than 1) an untouched output. */
static void assert_try_recv(int rc, uint32_t id)
{
	uint32_t out = 77;
	ck_assert_int_eq(weir_rx_try_recv(rx, &out), rc);
	ck_assert_uint_eq(out, rc == 1 ? id : 77);
}

static void assert_recv(int rc, uint32_t id)
{
	uint32_t out = 77;
	ck_assert_int_eq(weir_rx_recv(&root, rx, &out), rc);
	ck_assert_uint_eq(out, rc == 1 ? id : 77);
}

static void assert_send(int rc, uint32_t id)
{
	uint32_t item = id;
	ck_assert_int_eq(weir_tx_send(&root, tx, &item), rc);
	ck_assert_uint_eq(item, id);
}

static void assert_try_send(int rc, uint32_t id)
{
	uint32_t item = id;
	ck_assert_int_eq(weir_tx_try_send(tx, &item), rc);
	ck_assert_uint_eq(item, id);
}

/* ---- making ---- */

START_TEST(types_are_equal_by_all_fields)
{
	char name[] = "item";
	weir_type same = item_type, other;
	same.name = name;
	ck_assert(weir_type_equal(&item_type, &item_type));
	ck_assert(weir_type_equal(&item_type, &same));
	ck_assert(weir_type_equal(NULL, NULL));
	ck_assert(!weir_type_equal(&item_type, NULL));
	ck_assert(!weir_type_equal(NULL, &item_type));
	other = same, other.size = 8;
	ck_assert(!weir_type_equal(&same, &other));
	other = same, other.align = 2;
	ck_assert(!weir_type_equal(&same, &other));
	other = same, other.drop = NULL;
	ck_assert(!weir_type_equal(&same, &other));
	other = same, other.copy = (int (*)(const void *, void *, void *))(uintptr_t)1;
	ck_assert(!weir_type_equal(&same, &other));
	other = same, other.arg = name;
	ck_assert(!weir_type_equal(&same, &other));
	other = same, other.name = "other";
	ck_assert(!weir_type_equal(&same, &other));
	other = same, other.name = NULL;
	ck_assert(!weir_type_equal(&same, &other));
	same.name = NULL;
	ck_assert(weir_type_equal(&same, &other));
}
END_TEST

START_TEST(drop_of_a_value)
{
	uint32_t id = 5;
	weir_type plain = {.name = "plain", .size = 4, .align = 4};
	weir_type_drop(&item_type, &id);
	ck_assert_uint_eq(drops_of(5), 1);
	weir_type_drop(&item_type, NULL);
	weir_type_drop(NULL, &id);
	weir_type_drop(&plain, &id);
	ck_assert_uint_eq(drops_in_all(), 1);
}
END_TEST

START_TEST(arguments_that_make_no_sense)
{
	weir_tx *t = (weir_tx *)&tx;
	weir_rx *r = (weir_rx *)&rx;
	static const struct {
		size_t size, align, capacity;
		int rc;
	} bad[] = {
		{4, 3, 1, WEIR_EINVAL},
		{12, 12, 1, WEIR_EINVAL},
		{6, 4, 1, WEIR_EINVAL},
		{1, 64, 1, WEIR_EINVAL},
		{4, SIZE_MAX, 1, WEIR_EINVAL},
		{8, 8, SIZE_MAX, WEIR_EOVERFLOW},
		{8, 8, SIZE_MAX / 8 + 1, WEIR_EOVERFLOW},
		{8, 8, SIZE_MAX / 8, WEIR_EOVERFLOW},
		{1, 1, SIZE_MAX, WEIR_EOVERFLOW},
		{1, 1, PTRDIFF_MAX, WEIR_EOVERFLOW},
		{1, 0, SIZE_MAX - 64, WEIR_EOVERFLOW},
		{SIZE_MAX, 1, 2, WEIR_EOVERFLOW},
		{0, (SIZE_MAX >> 1) + 1, 1, WEIR_EOVERFLOW},
	};
	for (size_t i = 0; i < COUNT_OF(bad); i++) {
		weir_type type = {.name = "bad", .size = bad[i].size, .align = bad[i].align};
		ck_assert_int_eq(weir_chan_new(rt, &type, bad[i].capacity, &t, &r), bad[i].rc);
	}
	ck_assert_int_eq(weir_chan_new(NULL, &item_type, 1, &t, &r), WEIR_EINVAL);
	ck_assert_int_eq(weir_chan_new(rt, NULL, 1, &t, &r), WEIR_EINVAL);
	ck_assert_int_eq(weir_chan_new(rt, &item_type, 1, NULL, &r), WEIR_EINVAL);
	ck_assert_int_eq(weir_chan_new(rt, &item_type, 1, &t, NULL), WEIR_EINVAL);
	ck_assert_ptr_eq(t, &tx);
	ck_assert_ptr_eq(r, &rx);
}
END_TEST

START_TEST(a_new_channel_is_empty)
{
	open_chan(3);
	struct weir_chan_stats s = account_of(tx, NULL), expected = {.capacity = 3, .tx_handles = 1, .rx_handles = 1};
	ck_assert_mem_eq(&s, &expected, sizeof(s));
	s = account_of(NULL, rx);
	ck_assert_mem_eq(&s, &expected, sizeof(s));
	close_chan();
}
END_TEST

START_TEST(null_handles)
{
	uint32_t item = 1;
	weir_tx *no_tx = NULL, *out_tx = (weir_tx *)&item;
	weir_rx *no_rx = NULL, *out_rx = (weir_rx *)&item;
	struct weir_chan_stats s, zero = {0};
	ck_assert_int_eq(weir_tx_send(&root, NULL, &item), WEIR_EBADF);
	ck_assert_int_eq(weir_tx_try_send(NULL, &item), WEIR_EBADF);
	ck_assert_int_eq(weir_rx_recv(&root, NULL, &item), WEIR_EBADF);
	ck_assert_int_eq(weir_rx_try_recv(NULL, &item), WEIR_EBADF);
	ck_assert_int_eq(weir_tx_clone(NULL, 1, &out_tx), WEIR_EBADF);
	ck_assert_int_eq(weir_rx_clone(NULL, 1, &out_rx), WEIR_EBADF);
	ck_assert_ptr_eq(out_tx, &item);
	ck_assert_ptr_eq(out_rx, &item);
	weir_rx_shut(NULL);
	weir_tx_close(NULL);
	weir_rx_close(NULL);
	weir_tx_close(&no_tx);
	weir_rx_close(&no_rx);
	memset(&s, 0xff, sizeof(s));
	weir_tx_stats(NULL, &s);
	ck_assert_mem_eq(&s, &zero, sizeof(s));
	memset(&s, 0xff, sizeof(s));
	weir_rx_stats(NULL, &s);
	ck_assert_mem_eq(&s, &zero, sizeof(s));
	ck_assert_uint_eq(item, 1);
}
END_TEST

START_TEST(a_closed_handle_is_a_null_handle)
{
	uint32_t item = 1;
	open_chan(1);
	close_chan();
	ck_assert_int_eq(weir_tx_send(&root, tx, &item), WEIR_EBADF);
	ck_assert_int_eq(weir_rx_recv(&root, rx, &item), WEIR_EBADF);
	close_chan(); /* a second close of the same variable is nothing */
}
END_TEST

START_TEST(clones_are_n_or_none)
{
	weir_tx *more_tx[3] = {NULL, NULL, NULL};
	weir_rx *more_rx[3] = {NULL, NULL, NULL};
	open_chan(1);
	ck_assert_int_eq(weir_tx_clone(tx, 0, more_tx), WEIR_EINVAL);
	ck_assert_int_eq(weir_rx_clone(rx, 0, more_rx), WEIR_EINVAL);
	ck_assert_int_eq(weir_tx_clone(tx, 1, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_rx_clone(rx, 1, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_tx_clone(tx, SIZE_MAX, more_tx), WEIR_EINVAL);
	ck_assert_int_eq(weir_rx_clone(rx, UINT32_MAX, more_rx), WEIR_EINVAL);
	ck_assert_uint_eq(account_of(tx, NULL).tx_handles, 1);
	ck_assert_uint_eq(account_of(tx, NULL).rx_handles, 1);
	ck_assert_int_eq(weir_tx_clone(tx, 3, more_tx), 0);
	ck_assert_int_eq(weir_rx_clone(rx, 2, more_rx), 0);
	ck_assert_ptr_null(more_rx[2]);
	ck_assert_uint_eq(account_of(tx, NULL).tx_handles, 4);
	ck_assert_uint_eq(account_of(tx, NULL).rx_handles, 3);
	for (size_t i = 0; i < 3; i++) {
		uint32_t item = (uint32_t)i, out = 99;
		ck_assert_int_eq(weir_tx_try_send(more_tx[i], &item), 0);
		ck_assert_int_eq(weir_rx_try_recv(more_rx[i % 2], &out), 1);
		ck_assert_uint_eq(out, i);
		weir_tx_close(&more_tx[i]);
		ck_assert_uint_eq(account_of(tx, NULL).tx_handles, 3 - i);
	}
	weir_rx_close(&more_rx[0]);
	weir_rx_close(&more_rx[1]);
	ck_assert_uint_eq(account_of(tx, NULL).rx_handles, 1);
	close_chan();
}
END_TEST

START_TEST(every_allocation_of_new_may_fail)
{
	long n = 0;
	for (int rc = WEIR_ENOMEM; rc != 0;) {
		weir_tx *t = (weir_tx *)&tx;
		weir_rx *r = (weir_rx *)&rx;
		long live = atomic_load(&memory.live);
		memory_refuse(++n);
		rc = weir_chan_new(rt, &item_type, 4, &t, &r);
		if (rc == 0) {
			ck_assert(!memory_was_refused());
			weir_tx_close(&t);
			weir_rx_close(&r);
		} else {
			ck_assert_int_eq(rc, WEIR_ENOMEM);
			ck_assert_ptr_eq(t, &tx);
			ck_assert_ptr_eq(r, &rx);
		}
		ck_assert_int_eq(atomic_load(&memory.live), live);
	}
	ck_assert_int_ge(n, 2);
}
END_TEST

/* Clones four handles with each allocation failing in turn; what is in out before stays. */
START_TEST(every_allocation_of_a_clone_may_fail)
{
	open_chan(1);
	for (int side = 0; side < 2; side++) {
		long n = 0;
		for (int rc = WEIR_ENOMEM; rc != 0;) {
			weir_tx *mark = (weir_tx *)&tx, *t[4] = {mark, mark, mark, mark};
			weir_rx *r[4] = {rx, rx, rx, rx};
			long live = atomic_load(&memory.live);
			memory_refuse(++n);
			rc = side ? weir_rx_clone(rx, 4, r) : weir_tx_clone(tx, 4, t);
			for (size_t i = 0; i < 4 && rc == 0; i++) {
				if (side)
					weir_rx_close(&r[i]);
				else
					weir_tx_close(&t[i]);
			}
			ck_assert(rc == 0 || rc == WEIR_ENOMEM);
			ck_assert_int_eq(atomic_load(&memory.live), live);
			for (size_t i = 0; i < 4 && rc != 0; i++) {
				ck_assert_ptr_eq(t[i], mark);
				ck_assert_ptr_eq(r[i], rx);
			}
			ck_assert_uint_eq(account_of(tx, NULL).tx_handles, 1);
			ck_assert_uint_eq(account_of(tx, NULL).rx_handles, 1);
		}
		ck_assert_int_eq(n, 5);
	}
	fill(1, 1); /* the channel still works */
	assert_try_recv(1, 1);
	close_chan();
}
END_TEST

/* Where each dropped item of test_shapes lay. */
static uintptr_t drop_misaligned;
static size_t shape_drops;

static void shape_drop(void *item, void *arg)
{
	drop_misaligned |= (uintptr_t)item & (uintptr_t)(*(size_t *)arg - 1);
	shape_drops++;
}

/* Items of one shape through rings of 1 to 5 slots, long enough to wrap, the last ones left to be dropped. */
static void use_shape(size_t size, size_t align)
{
	_Alignas(64) unsigned char in[128], out[128], before[128];
	size_t mask = align ? align : _Alignof(max_align_t);
	weir_type type = {.name = "shape", .size = size, .align = align, .drop = shape_drop, .arg = &mask};
	for (size_t capacity = 1; capacity <= 5; capacity++) {
		ck_assert_int_eq(weir_chan_new(rt, &type, capacity, &tx, &rx), 0);
		unsigned sent = 0, got = 0;
		bool same = true;
		for (unsigned round = 0; round < 7; round++) {
			memset(in, (int)(1 + sent), sizeof(in));
			while (weir_tx_try_send(tx, in) == 0)
				memset(in, (int)(1 + ++sent), sizeof(in));
			memset(out, 0xee, sizeof(out));
			memset(before, 0xee, sizeof(before));
			memset(before, (int)(1 + got++), size);
			same &= weir_rx_try_recv(rx, out) == 1 && memcmp(out, before, sizeof(out)) == 0;
		}
		ck_assert(same);
		ck_assert_uint_eq(sent, got + capacity - 1);
		assert_account(sent, got, 0, capacity - 1);
		shape_drops = 0;
		close_chan();
		ck_assert_uint_eq(shape_drops, capacity - 1);
		if (align) /* with align 0 only the ring's begin is aligned for all */
			ck_assert_uint_eq(drop_misaligned, 0);
		drop_misaligned = 0;
	}
}

START_TEST(items_of_every_shape)
{
	static const size_t shapes[][2] = {{0, 0}, {0, 1},  {0, 64}, {1, 1},  {1, 0},   {3, 1},   {3, 0},
					   {4, 4}, {12, 4}, {64, 8}, {64, 0}, {64, 64}, {128, 64}};
	for (size_t i = 0; i < COUNT_OF(shapes); i++)
		use_shape(shapes[i][0], shapes[i][1]);
}
END_TEST

START_TEST(items_of_size_zero_need_no_address)
{
	weir_type event = {.name = "event", .size = 0, .drop = shape_drop, .arg = &(size_t){1}};
	shape_drops = 0;
	ck_assert_int_eq(weir_chan_new(rt, &event, 3, &tx, &rx), 0);
	ck_assert_int_eq(weir_tx_send(&root, tx, NULL), 0);
	ck_assert_int_eq(weir_tx_try_send(tx, NULL), 0);
	ck_assert_int_eq(weir_rx_recv(&root, rx, NULL), 1);
	ck_assert_int_eq(weir_rx_try_recv(rx, NULL), 1);
	ck_assert_int_eq(weir_rx_try_recv(rx, NULL), WEIR_EAGAIN);
	ck_assert_int_eq(weir_tx_try_send(tx, NULL), 0);
	assert_account(3, 2, 0, 1);
	close_chan();
	ck_assert_uint_eq(shape_drops, 1);
}
END_TEST

START_TEST(size_zero_has_room_for_ever)
{
	weir_type event = {.name = "event", .size = 0};
	ck_assert_int_eq(weir_chan_new(rt, &event, SIZE_MAX, &tx, &rx), 0);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(weir_tx_try_send(tx, NULL), 0);
	ck_assert_uint_eq(account_of(tx, NULL).buffered, 100);
	ck_assert_uint_eq(account_of(tx, NULL).capacity, SIZE_MAX);
	close_chan();
}
END_TEST

START_TEST(the_type_is_copied)
{
	weir_type type = item_type;
	ck_assert_int_eq(weir_chan_new(rt, &type, 2, &tx, &rx), 0);
	memset(&type, 0xff, sizeof(type));
	fill(1, 2);
	assert_try_recv(1, 1);
	close_chan();
	ck_assert_uint_eq(drops_of(2), 1);
	ck_assert_uint_eq(drops_in_all(), 1);
}
END_TEST

/* ---- the table: states x operations that need no partner ---- */

START_TEST(open_with_room)
{
	open_chan(3);
	fill(1, 1);
	assert_send(0, 2);
	assert_account(2, 0, 0, 2);
	assert_try_send(0, 3);
	assert_account(3, 0, 0, 3);
	assert_recv(1, 1);
	assert_account(3, 1, 0, 2);
	assert_try_recv(1, 2);
	assert_account(3, 2, 0, 1);
	close_chan();
	ck_assert_uint_eq(drops_of(3), 1);
	ck_assert_uint_eq(drops_in_all(), 1);
}
END_TEST

START_TEST(open_and_full)
{
	open_chan(2);
	fill(1, 2);
	assert_try_send(WEIR_EAGAIN, 3);
	assert_account(2, 0, 0, 2);
	assert_recv(1, 1);
	fill(3, 1);
	assert_try_recv(1, 2);
	assert_try_recv(1, 3);
	assert_account(3, 3, 0, 0);
	close_chan();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(open_and_empty)
{
	open_chan(1);
	assert_try_recv(WEIR_EAGAIN, 0);
	assert_send(0, 1);
	assert_recv(1, 1);
	assert_try_recv(WEIR_EAGAIN, 0);
	assert_try_send(0, 2);
	assert_try_recv(1, 2);
	assert_account(2, 2, 0, 0);
	close_chan();
}
END_TEST

START_TEST(rendezvous_without_a_partner)
{
	open_chan(0);
	assert_try_send(WEIR_EAGAIN, 1);
	assert_try_recv(WEIR_EAGAIN, 0);
	assert_account(0, 0, 0, 0);
	close_chan();
}
END_TEST

START_TEST(no_receiver_is_left)
{
	for (size_t capacity = 0; capacity <= 2; capacity++) {
		open_chan(capacity);
		weir_rx_close(&rx);
		assert_send(WEIR_EPIPE, 1);
		assert_try_send(WEIR_EPIPE, 2);
		assert_account(0, 0, 0, 0);
		ck_assert_uint_eq(account_of(tx, NULL).rx_handles, 0);
		close_chan();
	}
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(no_sender_is_left)
{
	for (uint32_t items = 0; items <= 2; items++) {
		open_chan(2);
		fill(1, items);
		weir_tx_close(&tx);
		if (items > 0)
			assert_recv(1, 1);
		if (items > 1)
			assert_try_recv(1, 2);
		for (int i = 0; i < 2; i++) { /* and so it stays */
			assert_recv(0, 0);
			assert_try_recv(0, 0);
		}
		assert_account(items, items, 0, 0);
		ck_assert_uint_eq(account_of(NULL, rx).tx_handles, 0);
		close_chan();
	}
}
END_TEST

START_TEST(no_sender_is_left_of_a_rendezvous)
{
	open_chan(0);
	weir_tx_close(&tx);
	assert_recv(0, 0);
	assert_try_recv(0, 0);
	close_chan();
}
END_TEST

START_TEST(only_the_last_handle_closes_a_side)
{
	weir_tx *tx2;
	weir_rx *rx2;
	open_chan(2);
	ck_assert_int_eq(weir_tx_clone(tx, 1, &tx2), 0);
	ck_assert_int_eq(weir_rx_clone(rx, 1, &rx2), 0);
	weir_tx_close(&tx2);
	assert_try_recv(WEIR_EAGAIN, 0);
	weir_rx_close(&rx2);
	fill(1, 2);
	ck_assert_uint_eq(drops_in_all(), 0);
	weir_rx_close(&rx);
	ck_assert_uint_eq(drops_of(1) + drops_of(2), 2);
	assert_account(2, 0, 2, 0);
	assert_try_send(WEIR_EPIPE, 3);
	close_chan();
	ck_assert_uint_eq(drops_in_all(), 2);
}
END_TEST

START_TEST(shut_with_items)
{
	open_chan(3);
	fill(1, 2);
	weir_rx_shut(rx);
	assert_send(WEIR_EPIPE, 3); /* as if no receiver were left */
	assert_try_send(WEIR_EPIPE, 3);
	assert_account(2, 0, 0, 2);
	assert_recv(1, 1); /* what was accepted */
	weir_rx_shut(rx);  /* again is nothing */
	assert_try_recv(1, 2);
	assert_recv(0, 0);
	assert_try_recv(0, 0);
	ck_assert_uint_eq(account_of(tx, NULL).tx_handles, 1);
	ck_assert_uint_eq(account_of(tx, NULL).rx_handles, 1);
	close_chan();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(shut_with_nothing)
{
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		open_chan(capacity);
		weir_rx_shut(rx);
		assert_recv(0, 0);
		assert_try_recv(0, 0);
		assert_try_send(WEIR_EPIPE, 1);
		assert_send(WEIR_EPIPE, 1);
		close_chan();
	}
}
END_TEST

START_TEST(shut_is_for_all_handles)
{
	weir_tx *tx2;
	weir_rx *rx2;
	uint32_t item = 9;
	open_chan(1);
	ck_assert_int_eq(weir_tx_clone(tx, 1, &tx2), 0);
	ck_assert_int_eq(weir_rx_clone(rx, 1, &rx2), 0);
	weir_rx_shut(rx2);
	weir_rx_close(&rx2); /* the one that shut may go */
	ck_assert_int_eq(weir_tx_try_send(tx2, &item), WEIR_EPIPE);
	assert_try_send(WEIR_EPIPE, 1);
	assert_recv(0, 0);
	weir_tx_close(&tx2);
	close_chan();
}
END_TEST

START_TEST(shut_and_then_left_drops_the_rest)
{
	open_chan(4);
	fill(1, 3);
	weir_rx_shut(rx);
	assert_recv(1, 1);
	weir_rx_close(&rx);
	assert_account(3, 1, 2, 0);
	close_chan();
	ck_assert_uint_eq(drops_of(1), 0);
	ck_assert_uint_eq(drops_of(2), 1);
	ck_assert_uint_eq(drops_of(3), 1);
}
END_TEST

/* ---- waiting ---- */

/* A sender that waits, in a helper; the test keeps tx for looking. */
static void start_sender(struct helper *h, struct op *op, weir_ctx *ctx, uint32_t *id)
{
	size_t waiting = account_of(tx, rx).senders_waiting;
	*op = (struct op){.ctx = ctx, .item = id};
	ck_assert_int_eq(weir_tx_clone(tx, 1, &op->tx), 0);
	helper_start(h, op_run, op);
	AWAIT(account_of(tx, rx).senders_waiting == waiting + 1);
}

static void start_receiver(struct helper *h, struct op *op, weir_ctx *ctx, uint32_t *out)
{
	size_t waiting = account_of(tx, rx).receivers_waiting;
	*op = (struct op){.ctx = ctx, .item = out};
	ck_assert_int_eq(weir_rx_clone(rx, 1, &op->rx), 0);
	helper_start(h, op_run, op);
	AWAIT(account_of(tx, rx).receivers_waiting == waiting + 1);
}

static void op_close(struct op *op)
{
	weir_tx_close(&op->tx);
	weir_rx_close(&op->rx);
}

START_TEST(a_rendezvous_hands_over)
{
	struct helper h;
	struct op op;
	uint32_t id = 7;
	open_chan(0);
	start_sender(&h, &op, &root, &id);
	assert_account(0, 0, 0, 0); /* it leaves when a receiver has the item, not before */
	assert_try_recv(1, 7);
	ck_assert_int_eq(helper_join(&h), 0);
	assert_account(1, 1, 0, 0);
	op_close(&op);
	id = 0;
	start_receiver(&h, &op, &root, &id);
	assert_try_send(0, 8);
	assert_account(2, 2, 0, 0);
	ck_assert_int_eq(helper_join(&h), 1);
	ck_assert_uint_eq(id, 8);
	op_close(&op);
	start_sender(&h, &op, &root, &id);
	assert_recv(1, 8);
	ck_assert_int_eq(helper_join(&h), 0);
	op_close(&op);
	start_receiver(&h, &op, &root, &id);
	assert_send(0, 9);
	ck_assert_int_eq(helper_join(&h), 1);
	ck_assert_uint_eq(id, 9);
	op_close(&op);
	assert_account(4, 4, 0, 0);
	close_chan();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(a_full_channel_makes_senders_wait)
{
	struct helper h;
	struct op op;
	uint32_t id = 3;
	open_chan(2);
	fill(1, 2);
	start_sender(&h, &op, &root, &id);
	assert_account(2, 0, 0, 2);
	assert_recv(1, 1); /* its item comes into the ring in the same step */
	assert_account(3, 1, 0, 2);
	ck_assert_int_eq(helper_join(&h), 0);
	assert_try_recv(1, 2);
	assert_try_recv(1, 3);
	op_close(&op);
	close_chan();
}
END_TEST

START_TEST(an_empty_channel_makes_receivers_wait)
{
	struct helper h;
	struct op op;
	uint32_t got = 0;
	open_chan(2);
	start_receiver(&h, &op, &root, &got);
	assert_try_send(0, 5); /* hand-off: never in the ring */
	assert_account(1, 1, 0, 0);
	ck_assert_int_eq(helper_join(&h), 1);
	ck_assert_uint_eq(got, 5);
	op_close(&op);
	close_chan();
}
END_TEST

START_TEST(waiting_senders_are_served_in_order)
{
	struct helper h[4];
	struct op op[4];
	uint32_t id[4] = {11, 12, 13, 14};
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		open_chan(capacity);
		fill(10, (uint32_t)capacity);
		for (size_t i = 0; i < 4; i++)
			start_sender(&h[i], &op[i], &root, &id[i]);
		if (capacity)
			assert_recv(1, 10);
		for (uint32_t i = 0; i < 4; i++)
			assert_try_recv(1, 11 + i);
		for (size_t i = 0; i < 4; i++) {
			ck_assert_int_eq(helper_join(&h[i]), 0);
			op_close(&op[i]);
		}
		assert_try_recv(WEIR_EAGAIN, 0);
		close_chan();
	}
}
END_TEST

START_TEST(waiting_receivers_are_served_in_order)
{
	struct helper h[4];
	struct op op[4];
	uint32_t got[4] = {0};
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		open_chan(capacity);
		for (size_t i = 0; i < 4; i++)
			start_receiver(&h[i], &op[i], &root, &got[i]);
		for (uint32_t i = 0; i < 4; i++)
			assert_try_send(0, 21 + i);
		for (uint32_t i = 0; i < 4; i++) {
			ck_assert_int_eq(helper_join(&h[i]), 1);
			ck_assert_uint_eq(got[i], 21 + i);
			op_close(&op[i]);
		}
		close_chan();
	}
}
END_TEST

START_TEST(the_last_sender_releases_receivers)
{
	struct helper h[2];
	struct op op[2];
	uint32_t got[2] = {55, 55};
	weir_tx *tx2;
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		open_chan(capacity);
		ck_assert_int_eq(weir_tx_clone(tx, 1, &tx2), 0);
		start_receiver(&h[0], &op[0], &root, &got[0]);
		start_receiver(&h[1], &op[1], &root, &got[1]);
		weir_tx_close(&tx2);
		ck_assert_uint_eq(account_of(tx, rx).receivers_waiting, 2);
		weir_tx_close(&tx);
		for (size_t i = 0; i < 2; i++) {
			ck_assert_int_eq(helper_join(&h[i]), 0);
			ck_assert_uint_eq(got[i], 55);
			op_close(&op[i]);
		}
		close_chan();
	}
}
END_TEST

START_TEST(the_last_receiver_releases_senders)
{
	struct helper h[2];
	struct op op[2];
	uint32_t id[2] = {31, 32};
	weir_rx *rx2;
	for (uint32_t capacity = 0; capacity <= 1; capacity++) {
		open_chan(capacity);
		fill(30, capacity);
		ck_assert_int_eq(weir_rx_clone(rx, 1, &rx2), 0);
		start_sender(&h[0], &op[0], &root, &id[0]);
		start_sender(&h[1], &op[1], &root, &id[1]);
		weir_rx_close(&rx2);
		ck_assert_uint_eq(account_of(tx, rx).senders_waiting, 2);
		weir_rx_close(&rx);
		for (size_t i = 0; i < 2; i++) {
			ck_assert_int_eq(helper_join(&h[i]), WEIR_EPIPE);
			ck_assert_uint_eq(id[i], 31 + i);
			op_close(&op[i]);
		}
		assert_account(capacity, 0, capacity, 0);
		close_chan();
	}
	ck_assert_uint_eq(drops_of(30), 1);
	ck_assert_uint_eq(drops_in_all(), 1); /* a waiting sender keeps its item */
}
END_TEST

START_TEST(shut_releases_everybody_who_waits)
{
	struct helper h;
	struct op op;
	uint32_t id = 41;
	for (uint32_t capacity = 0; capacity <= 1; capacity++) {
		open_chan(capacity);
		fill(40, capacity);
		start_sender(&h, &op, &root, &id);
		weir_rx_shut(rx);
		ck_assert_int_eq(helper_join(&h), WEIR_EPIPE);
		op_close(&op);
		if (capacity)
			assert_recv(1, 40);
		assert_recv(0, 0);
		close_chan();
		open_chan(capacity);
		start_receiver(&h, &op, &root, &id);
		weir_rx_shut(rx);
		ck_assert_int_eq(helper_join(&h), 0);
		ck_assert_uint_eq(id, 41);
		op_close(&op);
		close_chan();
	}
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(a_handle_may_be_closed_by_its_user_while_others_wait)
{
	struct helper h;
	struct op op;
	uint32_t got = 0;
	open_chan(0);
	start_receiver(&h, &op, &root, &got);
	weir_rx_close(&rx); /* not the last one */
	assert_try_send(0, 3);
	ck_assert_int_eq(helper_join(&h), 1);
	ck_assert_uint_eq(got, 3);
	op_close(&op);
	assert_try_send(WEIR_EPIPE, 4);
	close_chan();
}
END_TEST

/* ---- contexts ---- */

/* An operation under this ended context: its code, and nothing else has happened. */
static void assert_ended_wins(weir_ctx *ctx, int code)
{
	uint32_t item = 3, out = 77;
	open_chan(2);
	fill(1, 1); /* room and items */
	ck_assert_int_eq(weir_tx_send(ctx, tx, &item), code);
	ck_assert_int_eq(weir_rx_recv(ctx, rx, &out), code);
	ck_assert_uint_eq(out, 77);
	assert_account(1, 0, 0, 1);
	weir_rx_close(&rx);
	ck_assert_int_eq(weir_tx_send(ctx, tx, &item), code); /* over EPIPE too */
	close_chan();
	open_chan(2);
	weir_tx_close(&tx);
	ck_assert_int_eq(weir_rx_recv(ctx, rx, &out), code); /* and over the end */
	close_chan();
}

START_TEST(an_ended_context_wins_at_entry)
{
	weir_ctx c, child;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	weir_ctx_cancel(&c, "stop");
	assert_ended_wins(&c, WEIR_ECANCELED);
	weir_ctx_init(&child, &c, WEIR_FOREVER);
	assert_ended_wins(&child, WEIR_ECANCELED);
	weir_ctx_fini(&child);
	weir_ctx_fini(&c);
	weir_ctx_init(&c, &root, 0);
	assert_ended_wins(&c, WEIR_EDEADLINE);
	weir_ctx_fini(&c);
	ck_assert_uint_eq(drops_of(1), 3);
	ck_assert_uint_eq(drops_in_all(), 3);
}
END_TEST

START_TEST(try_operations_know_no_context)
{
	open_chan(1);
	weir_ctx_cancel(&root, "stop");
	assert_try_send(0, 1);
	assert_try_recv(1, 1);
	close_chan();
}
END_TEST

START_TEST(cancel_releases_a_waiting_sender)
{
	struct helper h;
	struct op op;
	uint32_t id = 9;
	weir_ctx c;
	for (uint32_t capacity = 0; capacity <= 1; capacity++) {
		weir_ctx_init(&c, &root, WEIR_FOREVER);
		open_chan(capacity);
		fill(8, capacity);
		start_sender(&h, &op, &c, &id);
		weir_ctx_cancel(&c, "stop");
		ck_assert_int_eq(helper_join(&h), WEIR_ECANCELED);
		ck_assert_uint_eq(id, 9);
		assert_account(capacity, 0, 0, capacity);
		ck_assert_uint_eq(account_of(tx, rx).senders_waiting, 0);
		if (capacity)
			assert_try_recv(1, 8);
		assert_try_recv(WEIR_EAGAIN, 0);
		op_close(&op);
		close_chan();
		weir_ctx_fini(&c);
	}
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

START_TEST(cancel_releases_a_waiting_receiver)
{
	struct helper h;
	struct op op;
	uint32_t got = 9;
	weir_ctx c, child;
	for (size_t capacity = 0; capacity <= 1; capacity++) {
		weir_ctx_init(&c, &root, WEIR_FOREVER);
		weir_ctx_init(&child, &c, WEIR_FOREVER);
		open_chan(capacity);
		start_receiver(&h, &op, &child, &got);
		weir_ctx_cancel(&c, "stop"); /* of the parent */
		ck_assert_int_eq(helper_join(&h), WEIR_ECANCELED);
		ck_assert_uint_eq(got, 9);
		ck_assert_uint_eq(account_of(tx, rx).receivers_waiting, 0);
		assert_try_send(capacity ? 0 : WEIR_EAGAIN, 1); /* nobody takes it */
		op_close(&op);
		close_chan();
		weir_ctx_fini(&child);
		weir_ctx_fini(&c);
	}
	ck_assert_uint_eq(drops_of(1), 1);
}
END_TEST

START_TEST(a_cancelled_waiter_does_not_lose_its_place_for_others)
{
	struct helper h[3];
	struct op op[3];
	uint32_t id[3] = {1, 2, 3};
	weir_ctx c;
	weir_ctx_init(&c, &root, WEIR_FOREVER);
	open_chan(0);
	for (size_t i = 0; i < 3; i++)
		start_sender(&h[i], &op[i], i == 1 ? &c : &root, &id[i]);
	weir_ctx_cancel(&c, "stop");
	ck_assert_int_eq(helper_join(&h[1]), WEIR_ECANCELED);
	assert_recv(1, 1);
	assert_recv(1, 3);
	ck_assert_int_eq(helper_join(&h[0]), 0);
	ck_assert_int_eq(helper_join(&h[2]), 0);
	for (size_t i = 0; i < 3; i++)
		op_close(&op[i]);
	close_chan();
	weir_ctx_fini(&c);
}
END_TEST

/* The deadline behaviour itself: tiny, and the operation would wait for ever without it. */
START_TEST(a_deadline_ends_the_wait)
{
	uint32_t item = 2, out = 77;
	weir_ctx c;
	open_chan(1);
	weir_ctx_init(&c, &root, weir_time_add(weir_rt_now(rt), WEIR_US(300)));
	ck_assert_int_eq(weir_rx_recv(&c, rx, &out), WEIR_EDEADLINE);
	ck_assert_uint_eq(out, 77);
	ck_assert_int_ge(weir_rt_now(rt), weir_ctx_deadline(&c));
	weir_ctx_fini(&c);
	fill(1, 1);
	weir_ctx_init(&c, &root, weir_time_add(weir_rt_now(rt), WEIR_US(300)));
	ck_assert_int_eq(weir_tx_send(&c, tx, &item), WEIR_EDEADLINE);
	ck_assert_int_ge(weir_rt_now(rt), weir_ctx_deadline(&c));
	assert_account(1, 0, 0, 1);
	weir_ctx_fini(&c);
	close_chan();
	ck_assert_uint_eq(drops_of(2), 0);
}
END_TEST

START_TEST(a_context_of_another_runtime)
{
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	weir_ctx foreign;
	uint32_t item = 2, out = 77;
	weir_ctx_init_root(&foreign, other);
	open_chan(2);
	fill(1, 1);
	ck_assert_int_eq(weir_tx_send(&foreign, tx, &item), WEIR_EINVAL);
	ck_assert_int_eq(weir_rx_recv(&foreign, rx, &out), WEIR_EINVAL);
	ck_assert_uint_eq(out, 77);
	weir_ctx_cancel(&foreign, "stop");
	ck_assert_int_eq(weir_tx_send(&foreign, tx, &item), WEIR_EINVAL); /* the mistake, not its state */
	assert_account(1, 0, 0, 1);
	close_chan();
	weir_ctx_fini(&foreign);
	weir_rt_free(&other);
}
END_TEST

/* ---- items ---- */

START_TEST(what_is_never_received_is_dropped_once_in_order)
{
	open_chan(8);
	fill(0, 8);
	assert_recv(1, 0);
	assert_recv(1, 1);
	fill(8, 2); /* the ring wraps */
	weir_tx_close(&tx);
	ck_assert_uint_eq(drops_in_all(), 0); /* they can still be received */
	assert_account(10, 2, 0, 8);
	weir_rx_close(&rx);
	for (uint32_t id = 0; id < 10; id++)
		ck_assert_uint_eq(drops_of(id), id >= 2);
	ck_assert_uint_eq(drops_in_all(), 8);
}
END_TEST

START_TEST(a_failed_send_drops_nothing)
{
	weir_ctx c;
	uint32_t item = 3;
	weir_ctx_init(&c, &root, 0);
	open_chan(1);
	fill(1, 1);
	ck_assert_int_eq(weir_tx_try_send(tx, &item), WEIR_EAGAIN);
	ck_assert_int_eq(weir_tx_send(&c, tx, &item), WEIR_EDEADLINE);
	weir_rx_close(&rx);
	ck_assert_int_eq(weir_tx_send(&root, tx, &item), WEIR_EPIPE);
	close_chan();
	weir_ctx_fini(&c);
	ck_assert_uint_eq(drops_of(1), 1);
	ck_assert_uint_eq(drops_of(3), 0);
}
END_TEST

static _Atomic size_t held_at_drop;
static weir_tx *drop_side_tx;

/* A drop may call anything: here it uses another channel, and looks at the one that drops it. */
static void busy_drop(void *item, void *arg)
{
	uint32_t id;
	memcpy(&id, item, sizeof(id));
	weir_ctx c;
	weir_ctx_init(&c, arg, WEIR_FOREVER);
	if (weir_tx_send(&c, drop_side_tx, &id) == 0)
		atomic_fetch_add(&held_at_drop, 1);
	weir_ctx_fini(&c);
}

START_TEST(a_drop_may_use_channels)
{
	weir_type busy = {.name = "busy", .size = 4, .align = 4, .drop = busy_drop, .arg = &root};
	weir_tx *side_tx;
	weir_rx *side_rx;
	ck_assert_int_eq(weir_chan_new(rt, &item_type, 8, &side_tx, &side_rx), 0);
	ck_assert_int_eq(weir_chan_new(rt, &busy, 3, &tx, &rx), 0);
	drop_side_tx = side_tx;
	fill(1, 3);
	close_chan();
	ck_assert_uint_eq(atomic_load(&held_at_drop), 3);
	tx = side_tx, rx = side_rx;
	for (uint32_t id = 1; id <= 3; id++)
		assert_try_recv(1, id);
	close_chan();
	ck_assert_uint_eq(drops_in_all(), 0);
}
END_TEST

/* ---- chains of channels that own each other's ends ---- */

struct link {
	weir_tx *tx;
	weir_rx *rx;
};

static size_t links_dropped;

static void link_drop(void *item, void *arg)
{
	struct link *l = item;
	(void)arg;
	links_dropped++;
	weir_tx_close(&l->tx);
	weir_rx_close(&l->rx);
}

static const weir_type link_type = {.name = "link",
				    .size = sizeof(struct link),
				    .align = _Alignof(struct link),
				    .drop = link_drop};

/* Each channel holds one item that owns both ends of the next one: closing the first must close all. */
START_TEST(a_long_chain_is_dropped_without_recursion)
{
	enum { LENGTH = 100000 };
	struct link next = {0};
	size_t failed = 0;
	for (size_t i = 0; i < LENGTH; i++) {
		struct link l = {0};
		failed += weir_chan_new(rt, &link_type, 1, &l.tx, &l.rx) != 0;
		failed += weir_tx_try_send(l.tx, &next) != 0;
		next = l;
	}
	ck_assert_uint_eq(failed, 0);
	weir_tx_close(&next.tx);
	weir_rx_close(&next.rx);
	ck_assert_uint_eq(links_dropped, LENGTH);
}
END_TEST

/* A tree: each item owns the receiving ends of two channels, ten levels deep. */
struct fork2 {
	weir_rx *left, *right;
};

static void fork_drop(void *item, void *arg)
{
	struct fork2 *f = item;
	(void)arg;
	links_dropped++;
	weir_rx_close(&f->left);
	weir_rx_close(&f->right);
}

static const weir_type fork_type = {.name = "fork",
				    .size = sizeof(struct fork2),
				    .align = _Alignof(struct fork2),
				    .drop = fork_drop};

START_TEST(a_tree_of_channels_is_dropped)
{
	enum { LEVELS = 10 };
	static struct fork2 row[1 << LEVELS];
	memset(row, 0, sizeof(row));
	for (int level = LEVELS - 1; level >= 0; level--) {
		for (size_t i = 0; i < (size_t)1 << level; i++) {
			struct fork2 item = {row[2 * i].left, row[2 * i + 1].left};
			weir_tx *t;
			ck_assert_int_eq(weir_chan_new(rt, &fork_type, 1, &t, &row[i].left), 0);
			ck_assert_int_eq(weir_tx_try_send(t, &item), 0);
			weir_tx_close(&t);
		}
	}
	links_dropped = 0;
	weir_rx_close(&row[0].left);
	ck_assert_uint_eq(links_dropped, (1u << LEVELS) - 1);
}
END_TEST

/* An item may own the sending end of its own channel: it closes when the receiver leaves. */
START_TEST(a_channel_that_owns_its_own_sender)
{
	struct link l = {0}, item = {0};
	ck_assert_int_eq(weir_chan_new(rt, &link_type, 2, &l.tx, &l.rx), 0);
	ck_assert_int_eq(weir_tx_clone(l.tx, 1, &item.tx), 0);
	ck_assert_int_eq(weir_tx_try_send(l.tx, &item), 0);
	weir_tx_close(&l.tx);
	links_dropped = 0;
	weir_rx_close(&l.rx);
	ck_assert_uint_eq(links_dropped, 1);
}
END_TEST

static void add_making(Suite *suite)
{
	TCase *making = world_case(suite, "making");
	tcase_add_test(making, types_are_equal_by_all_fields);
	tcase_add_test(making, drop_of_a_value);
	tcase_add_test(making, arguments_that_make_no_sense);
	tcase_add_test(making, a_new_channel_is_empty);
	tcase_add_test(making, null_handles);
	tcase_add_test(making, a_closed_handle_is_a_null_handle);
	tcase_add_test(making, clones_are_n_or_none);
	tcase_add_test(making, every_allocation_of_new_may_fail);
	tcase_add_test(making, every_allocation_of_a_clone_may_fail);
	tcase_add_test(making, items_of_every_shape);
	tcase_add_test(making, items_of_size_zero_need_no_address);
	tcase_add_test(making, size_zero_has_room_for_ever);
	tcase_add_test(making, the_type_is_copied);
}

static void add_table(Suite *suite)
{
	TCase *table = world_case(suite, "table");
	tcase_add_test(table, open_with_room);
	tcase_add_test(table, open_and_full);
	tcase_add_test(table, open_and_empty);
	tcase_add_test(table, rendezvous_without_a_partner);
	tcase_add_test(table, no_receiver_is_left);
	tcase_add_test(table, no_sender_is_left);
	tcase_add_test(table, no_sender_is_left_of_a_rendezvous);
	tcase_add_test(table, only_the_last_handle_closes_a_side);
	tcase_add_test(table, shut_with_items);
	tcase_add_test(table, shut_with_nothing);
	tcase_add_test(table, shut_is_for_all_handles);
	tcase_add_test(table, shut_and_then_left_drops_the_rest);
}

static void add_waiting(Suite *suite)
{
	TCase *waiting = world_case(suite, "waiting");
	tcase_add_test(waiting, a_rendezvous_hands_over);
	tcase_add_test(waiting, a_full_channel_makes_senders_wait);
	tcase_add_test(waiting, an_empty_channel_makes_receivers_wait);
	tcase_add_test(waiting, waiting_senders_are_served_in_order);
	tcase_add_test(waiting, waiting_receivers_are_served_in_order);
	tcase_add_test(waiting, the_last_sender_releases_receivers);
	tcase_add_test(waiting, the_last_receiver_releases_senders);
	tcase_add_test(waiting, shut_releases_everybody_who_waits);
	tcase_add_test(waiting, a_handle_may_be_closed_by_its_user_while_others_wait);
}

int main(void)
{
	Suite *suite = suite_create("chan");
	add_making(suite);
	add_table(suite);
	add_waiting(suite);
	TCase *context = world_case(suite, "context");
	tcase_add_test(context, an_ended_context_wins_at_entry);
	tcase_add_test(context, try_operations_know_no_context);
	tcase_add_test(context, cancel_releases_a_waiting_sender);
	tcase_add_test(context, cancel_releases_a_waiting_receiver);
	tcase_add_test(context, a_cancelled_waiter_does_not_lose_its_place_for_others);
	tcase_add_test(context, a_deadline_ends_the_wait);
	tcase_add_test(context, a_context_of_another_runtime);
	TCase *items = world_case(suite, "items");
	tcase_add_test(items, what_is_never_received_is_dropped_once_in_order);
	tcase_add_test(items, a_failed_send_drops_nothing);
	tcase_add_test(items, a_drop_may_use_channels);
	TCase *chains = world_case(suite, "chains");
	tcase_add_test(chains, a_long_chain_is_dropped_without_recursion);
	tcase_add_test(chains, a_tree_of_channels_is_dropped);
	tcase_add_test(chains, a_channel_that_owns_its_own_sender);
	return run_suite(suite);
}
