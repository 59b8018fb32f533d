/* SPDX-License-Identifier: MIT
 *
 * The typed face: every wrapper that include/weir/core/typed.h declares, for plain values, for values that own memory,
 * and for a pipeline between the two. That a wrong end does not compile cannot be shown by a program that does; that
 * each wrapper reaches the raw function with the right arguments can. */
#include <check.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <weir/core.h>

static _Atomic int texts_live;

static char *text_new(const char *from)
{
	char *text = strdup(from);
	ck_assert_ptr_nonnull(text);
	atomic_fetch_add(&texts_live, 1);
	return text;
}

static void text_free(char **text)
{
	if (*text)
		atomic_fetch_sub(&texts_live, 1);
	free(*text);
	*text = NULL;
}

struct pair {
	double x;
	char tag;
};

WEIR_TYPE_PLAIN(num, int);
WEIR_TYPE_PLAIN(pair, struct pair);
WEIR_TYPE_OWNED(text, char *, text_free);

/* "!" cannot be copied */
static int word_dup(char *const *from, char **to)
{
	if (**from == '!')
		return WEIR_ENOMEM;
	*to = text_new(*from);
	return 0;
}

WEIR_TYPE_OWNED_COPY(word, char *, text_free, word_dup);
WEIR_CHAN_DECLARE(num);
WEIR_CHAN_DECLARE(pair);
WEIR_CHAN_DECLARE(text);
WEIR_PIPELINE_DECLARE(measure, text, num);
WEIR_PIPELINE_DECLARE(spell, num, text);

#include "support.h" /* its globals have names that the wrappers' parameters have */

START_TEST(tokens_describe_their_type)
{
	int n = 3;
	const weir_type *type = num_type();
	ck_assert_str_eq(type->name, "num");
	ck_assert_uint_eq(type->size, sizeof(int));
	ck_assert_uint_eq(type->align, _Alignof(int));
	ck_assert(!type->drop);
	num_drop(&n);
	ck_assert_int_eq(n, 3);
	type = pair_type();
	ck_assert_uint_eq(type->size, sizeof(struct pair));
	ck_assert_uint_eq(type->align, _Alignof(struct pair));
	type = text_type();
	ck_assert_str_eq(type->name, "text");
	ck_assert_uint_eq(type->size, sizeof(char *));
	ck_assert_ptr_eq(type, text_type());
	text_t text = text_new("a");
	weir_type_drop(type, &text);
	ck_assert_ptr_null(text);
	text = text_new("b");
	text_drop(&text);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

START_TEST(a_channel_of_plain_values)
{
	pair_tx tx = {0}, tx2 = {0};
	pair_rx rx = {0}, rx2 = {0};
	struct pair in = {.x = 2.5, .tag = 'q'}, out = {0};
	ck_assert_int_eq(pair_chan_new(rt, 2, &tx, &rx), 0);
	ck_assert_int_eq(pair_tx_clone(tx, &tx2), 0);
	ck_assert_int_eq(pair_rx_clone(rx, &rx2), 0);
	ck_assert_int_eq(pair_send(&root, tx, &in), 0);
	in.tag = 'r';
	ck_assert_int_eq(pair_tx_try_send(tx2, &in), 0);
	ck_assert_int_eq(pair_tx_try_send(tx, &in), WEIR_EAGAIN);
	ck_assert_int_eq(pair_recv(&root, rx, &out), 1);
	ck_assert(out.x == 2.5 && out.tag == 'q');
	ck_assert_int_eq(pair_rx_try_recv(rx2, &out), 1);
	ck_assert(out.x == 2.5 && out.tag == 'r');
	ck_assert_int_eq(pair_rx_try_recv(rx, &out), WEIR_EAGAIN);
	pair_tx_close(&tx);
	ck_assert_ptr_null(tx.end);
	pair_tx_close(&tx);
	pair_tx_close(&tx2);
	pair_tx_close(NULL);
	ck_assert_int_eq(pair_recv(&root, rx, &out), 0);
	ck_assert_int_eq(pair_send(&root, tx, &in), WEIR_EBADF);
	pair_rx_close(&rx);
	pair_rx_close(&rx2);
	ck_assert_ptr_null(rx2.end);
	pair_rx_close(NULL);
}
END_TEST

START_TEST(a_channel_of_owned_values)
{
	text_tx tx = {0};
	text_rx rx = {0};
	text_t text = text_new("one"), out = NULL;
	ck_assert_int_eq(text_chan_new(rt, 4, &tx, &rx), 0);
	ck_assert_int_eq(text_send(&root, tx, &text), 0);
	text = text_new("two");
	ck_assert_int_eq(text_send(&root, tx, &text), 0);
	ck_assert_int_eq(text_recv(&root, rx, &out), 1);
	ck_assert_str_eq(out, "one");
	text_drop(&out);
	ck_assert_int_eq(atomic_load(&texts_live), 1);
	text_rx_close(&rx); /* drops "two" */
	ck_assert_int_eq(atomic_load(&texts_live), 0);
	text = text_new("three");
	ck_assert_int_eq(text_send(&root, tx, &text), WEIR_EPIPE); /* still ours */
	text_drop(&text);
	text_tx_close(&tx);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

START_TEST(typed_cases)
{
	num_tx ntx;
	num_rx nrx;
	text_tx ttx;
	text_rx trx;
	int in = 7, out = 0;
	text_t text = text_new("x"), got = NULL;
	ck_assert_int_eq(num_chan_new(rt, 1, &ntx, &nrx), 0);
	ck_assert_int_eq(text_chan_new(rt, 1, &ttx, &trx), 0);
	weir_case cases[2] = {num_tx_case(ntx, &in), text_rx_case(trx, &got)};
	ck_assert_int_eq(weir_select(&root, cases, 2), 0);
	ck_assert_int_eq(cases[0].rc, 0);
	ck_assert_int_eq(text_send(&root, ttx, &text), 0);
	ck_assert_int_eq(weir_select(&root, cases, 2), 1);
	ck_assert_int_eq(cases[1].rc, 1);
	ck_assert_str_eq(got, "x");
	cases[0] = text_tx_case(ttx, &got);
	cases[1] = num_rx_case((num_rx){0}, &out); /* off */
	ck_assert_int_eq(weir_select(&root, cases, 2), 0);
	cases[0] = num_tx_case((num_tx){0}, &in);
	cases[1] = num_rx_case(nrx, &out);
	ck_assert_int_eq(weir_select(&root, cases, 2), 1);
	ck_assert_int_eq(out, 7);
	num_tx_close(&ntx);
	num_rx_close(&nrx);
	text_tx_close(&ttx);
	text_rx_close(&trx);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

static int length_of(weir_ctx *ctx, char *const *in, int *out, weir_err *err, void *arg)
{
	if (weir_ctx_err(ctx) < 0)
		return weir_ctx_err(ctx);
	if (**in == '!')
		return weir_fail(err, WEIR_EUSER, "%s is refused", *in);
	*out = (int)strlen(*in) + *(int *)arg;
	return 0;
}
WEIR_HANDLER_DECLARE(length_of, text, num);

static int spelled(weir_ctx *ctx, const int *in, char **out, weir_err *err, void *arg)
{
	(void)ctx, (void)arg;
	if (*in < 0)
		return weir_fail(err, WEIR_EINVAL, "%d is negative", *in);
	*out = strdup(*in ? "some" : "none");
	if (!*out)
		return WEIR_ENOMEM;
	atomic_fetch_add(&texts_live, 1);
	return 0;
}
WEIR_HANDLER_DECLARE(spelled, num, text);

START_TEST(a_pipeline_from_owned_to_plain)
{
	int extra = 100;
	weir_scope s;
	measure_jobs jobs = {0}, jobs2 = {0};
	measure_results results = {0};
	weir_pipeline *p = NULL;
	struct measure_result r;
	weir_scope_init(&s, &root);
	struct weir_pipeline_opts opts = {.handler = length_of_handler, .arg = &extra, .job_buffer = 4};
	ck_assert_int_eq(measure_start(&s, &opts, &jobs, &results, &p), 0);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(measure_jobs_clone(jobs, &jobs2), 0);
	ck_assert_int_eq(measure_send(&root, jobs, &(struct measure_job){.head.id = 1, .in = text_new("four")}), 0);
	ck_assert_int_eq(measure_jobs_try_send(jobs2, &(struct measure_job){.head.id = 2, .in = text_new("!")}), 0);
	measure_jobs_close(&jobs);
	measure_jobs_close(&jobs2);
	ck_assert_int_eq(measure_recv(&root, results, &r), 1);
	ck_assert_uint_eq(r.head.id, 1);
	ck_assert_int_eq(r.head.rc, 0);
	ck_assert_int_eq(r.value, 104);
	measure_result_drop(&r);
	ck_assert_int_eq(measure_recv(&root, results, &r), 1);
	ck_assert_uint_eq(r.head.id, 2);
	ck_assert_int_eq(r.head.rc, WEIR_EUSER);
	ck_assert(weir_err_is(&r.head.err, WEIR_EUSER));
	measure_result_drop(&r);
	ck_assert_int_eq(measure_results_try_recv(results, &r) == 1, 0);
	ck_assert_int_eq(measure_recv(&root, results, &r), 0);
	measure_results_close(&results);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

START_TEST(a_pipeline_on_a_channel_of_ones_own)
{
	weir_scope s;
	spell_jobs jobs = {0};
	spell_intake intake = {0}, unused = {0};
	spell_results results = {0};
	struct spell_result r;
	weir_scope_init(&s, &root);
	struct weir_pipeline_opts opts = {.handler = spelled_handler};
	ck_assert_int_eq(spell_jobs_new(rt, 4, &jobs, &intake), 0);
	for (int i = -1; i <= 2; i++)
		ck_assert_int_eq(spell_send(&root, jobs, &(struct spell_job){.head.id = (uint64_t)(i + 1), .in = i}),
				 0);
	ck_assert_int_eq(spell_attach(&s, &opts, &unused, &results, NULL), WEIR_EBADF);
	ck_assert_int_eq(spell_attach(&s, &opts, &intake, &results, NULL), 0);
	ck_assert_ptr_null(intake.end);
	spell_intake_close(&intake);
	spell_intake_close(NULL);
	spell_jobs_close(&jobs);
	for (uint64_t i = 0; i < 3; i++) {
		ck_assert_int_eq(spell_recv(&root, results, &r), 1);
		ck_assert_uint_eq(r.head.id, i);
		ck_assert_int_eq(r.head.rc, i ? 0 : WEIR_EINVAL);
		if (i)
			ck_assert_str_eq(r.value, i == 1 ? "none" : "some");
		spell_result_drop(&r);
	}
	spell_results_close(&results); /* the last result is not read: dropped by whom it belongs to */
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

START_TEST(copies_of_values)
{
	struct pair pair = {.x = 1.5, .tag = 'p'}, same = {0};
	ck_assert_int_eq(pair_copy(&pair, &same), 0);
	ck_assert(same.x == 1.5 && same.tag == 'p');
	ck_assert(!pair_type()->copy); /* without a drop, the bytes are the copy */
	ck_assert(text_type()->drop && !text_type()->copy);
	word_t word = text_new("w"), copy = NULL, thunk = NULL;
	ck_assert_int_eq(word_copy(&word, &copy), 0);
	ck_assert(copy != word);
	ck_assert_str_eq(copy, "w");
	ck_assert_int_eq(word_type()->copy(&word, &thunk, word_type()->arg), 0);
	ck_assert_str_eq(thunk, "w");
	ck_assert_int_eq(atomic_load(&texts_live), 3);
	weir_type_drop(word_type(), &copy);
	weir_type_drop(word_type(), &thunk);
	word[0] = '!';
	ck_assert_int_eq(word_copy(&word, &copy), WEIR_ENOMEM);
	ck_assert_int_eq(word_type()->copy(&word, &thunk, word_type()->arg), WEIR_ENOMEM);
	ck_assert(!copy && !thunk);
	word_drop(&word);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

START_TEST(many_handles_and_their_account)
{
	num_tx tx = {0}, txs[3] = {0};
	num_rx rx = {0}, rxs[2] = {0};
	struct weir_chan_stats account;
	int out = 0;
	ck_assert_int_eq(num_chan_new(rt, 4, &tx, &rx), 0);
	ck_assert_int_eq(num_tx_clone_n(tx, 3, txs), 0);
	ck_assert_int_eq(num_rx_clone_n(rx, 2, rxs), 0);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(num_send(&root, txs[i], &i), 0);
	num_tx_stats(tx, &account);
	ck_assert_uint_eq(account.tx_handles, 4);
	ck_assert_uint_eq(account.rx_handles, 3);
	ck_assert_uint_eq(account.buffered, 3);
	ck_assert_uint_eq(account.capacity, 4);
	num_rx_shut(rxs[1]);
	ck_assert_int_eq(num_send(&root, tx, &out), WEIR_EPIPE);
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(num_recv(&root, rxs[i % 2], &out), 1);
		ck_assert_int_eq(out, i);
	}
	ck_assert_int_eq(num_recv(&root, rx, &out), 0);
	num_rx_stats(rx, &account);
	ck_assert_uint_eq(account.delivered, 3);
	ck_assert_int_eq(num_tx_clone_n((num_tx){0}, 3, txs), WEIR_EBADF);
	ck_assert_ptr_nonnull(txs[2].end);
	for (int i = 0; i < 3; i++)
		num_tx_close(&txs[i]);
	num_rx_close(&rxs[0]);
	num_rx_close(&rxs[1]);
	num_tx_close(&tx);
	num_rx_close(&rx);
}
END_TEST

/* struct NAME_job and struct NAME_result lie in memory as the pipeline thinks they do, at any alignment. */
struct wide {
	_Alignas(64) char bytes[3];
};
WEIR_TYPE_PLAIN(wide, struct wide);
WEIR_PIPELINE_DECLARE(widen, num, wide);
WEIR_PIPELINE_DECLARE(narrow, wide, pair);

START_TEST(layout_of_jobs_and_results)
{
	ck_assert_uint_eq(offsetof(struct widen_job, in), weir_job_offset(num_type()));
	ck_assert_uint_eq(sizeof(struct widen_job), weir_job_type(num_type()).size);
	ck_assert_uint_eq(_Alignof(struct widen_job), weir_job_type(num_type()).align);
	ck_assert_uint_eq(offsetof(struct widen_result, value), weir_result_offset(wide_type()));
	ck_assert_uint_eq(sizeof(struct widen_result), weir_result_type(wide_type()).size);
	ck_assert_uint_eq(_Alignof(struct widen_result), weir_result_type(wide_type()).align);
	ck_assert_uint_eq(offsetof(struct narrow_job, in), weir_job_offset(wide_type()));
	ck_assert_uint_eq(sizeof(struct narrow_job), weir_job_type(wide_type()).size);
	ck_assert_uint_eq(offsetof(struct narrow_result, value), weir_result_offset(pair_type()));
	ck_assert_uint_eq(sizeof(struct narrow_result), weir_result_type(pair_type()).size);
}
END_TEST

START_TEST(jobs_that_no_pipeline_takes)
{
	measure_jobs jobs = {0}, more[2] = {0};
	measure_intake intake = {0}, other = {0};
	struct weir_chan_stats account;
	struct measure_job job = {.head.id = 5, .in = text_new("kept")}, got;
	ck_assert_int_eq(measure_jobs_new(rt, 1, &jobs, &intake), 0);
	ck_assert_int_eq(measure_jobs_clone_n(jobs, 2, more), 0);
	ck_assert_int_eq(measure_intake_clone(intake, &other), 0);
	weir_case send = measure_jobs_case(more[0], &job);
	ck_assert_int_eq(weir_try_select(&send, 1), 0);
	struct measure_job refused = {.head.id = 6, .in = text_new("refused")};
	ck_assert_int_eq(measure_jobs_try_send(more[1], &refused), WEIR_EAGAIN);
	measure_job_drop(&refused);
	ck_assert_ptr_null(refused.in);
	weir_case receive = measure_intake_case(other, &got);
	ck_assert_int_eq(weir_try_select(&receive, 1), 0);
	ck_assert_uint_eq(got.head.id, 5);
	ck_assert_str_eq(got.in, "kept");
	ck_assert_int_eq(measure_send(&root, jobs, &got), 0);
	measure_intake_shut(intake);
	ck_assert_int_eq(measure_intake_recv(&root, intake, &got), 1);
	ck_assert_int_eq(measure_intake_try_recv(intake, &job), 0);
	measure_job_drop(&got);
	measure_jobs_stats(jobs, &account);
	ck_assert_uint_eq(account.accepted, 2);
	measure_intake_stats(intake, &account);
	ck_assert_uint_eq(account.delivered, 2);
	measure_jobs_close(&jobs);
	measure_jobs_close(&more[0]);
	measure_jobs_close(&more[1]);
	measure_intake_close(&intake);
	measure_intake_close(&other);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

START_TEST(results_by_select_and_by_two_readers)
{
	weir_scope s;
	spell_jobs jobs = {0};
	spell_results results = {0}, more[1] = {0};
	struct weir_chan_stats account;
	struct spell_result r;
	weir_scope_init(&s, &root);
	struct weir_pipeline_opts opts = {.handler = spelled_handler, .job_buffer = 2, .result_buffer = 2};
	ck_assert_int_eq(spell_start(&s, &opts, &jobs, &results, NULL), 0);
	ck_assert_int_eq(spell_results_clone_n(results, 1, more), 0);
	ck_assert_int_eq(spell_send(&root, jobs, &(struct spell_job){.head.id = 1, .in = 1}), 0);
	weir_case cases[] = {spell_results_case((spell_results){0}, &r), spell_results_case(more[0], &r)};
	ck_assert_int_eq(weir_select(&root, cases, 2), 1);
	ck_assert_int_eq(cases[1].rc, 1);
	ck_assert_str_eq(r.value, "some");
	spell_result_drop(&r);
	spell_results_stats(results, &account);
	ck_assert_uint_eq(account.delivered, 1);
	ck_assert_uint_eq(account.rx_handles, 2);
	spell_results_shut(results); /* nobody reads any more: the run ends */
	ck_assert_int_eq(spell_results_try_recv(results, &r) == 1, 0);
	spell_jobs_close(&jobs);
	spell_results_close(&results);
	spell_results_close(&more[0]);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_int_eq(atomic_load(&texts_live), 0);
}
END_TEST

static int count_down(weir_ctx *ctx, weir_err *err, num_tx *tx)
{
	for (int i = 3; i > 0; i--) {
		int rc = num_send(ctx, *tx, &i);
		if (rc < 0)
			return weir_fail(err, rc, "stopped at %d", i);
	}
	num_tx_close(tx);
	return 0;
}
WEIR_TASK_DECLARE(count_down, num_tx);

START_TEST(a_typed_task)
{
	weir_scope s;
	num_tx tx = {0};
	num_rx rx = {0};
	weir_err err = {0};
	int out = 0, sum = 0;
	ck_assert_int_eq(num_chan_new(rt, 0, &tx, &rx), 0);
	weir_scope_init(&s, &root);
	ck_assert_int_eq(count_down_spawn(&s, &tx), 0);
	while (num_recv(&root, rx, &out) == 1)
		sum = sum * 10 + out;
	ck_assert_int_eq(sum, 321);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, NULL), 0);
	ck_assert_ptr_null(tx.end); /* the task had the caller's own handle */
	num_rx_close(&rx);
	/* what it returns, and its detail, come out of the join */
	ck_assert_int_eq(num_chan_new(rt, 0, &tx, &rx), 0);
	num_rx_close(&rx);
	weir_scope_init(&s, &root);
	ck_assert_int_eq(count_down_spawn(&s, &tx), 0);
	ck_assert_int_eq(weir_scope_join(&root, &s, 0, &err), WEIR_EPIPE);
	char text[256];
	weir_err_format(&err, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "stopped at 3"));
	weir_err_fini(&err);
	num_tx_close(&tx);
	ck_assert_int_eq(count_down_task(&root, NULL, &tx), WEIR_EBADF);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("typed");
	TCase *typed = world_case(suite, "wrappers");
	tcase_add_test(typed, tokens_describe_their_type);
	tcase_add_test(typed, a_channel_of_plain_values);
	tcase_add_test(typed, a_channel_of_owned_values);
	tcase_add_test(typed, typed_cases);
	tcase_add_test(typed, a_pipeline_from_owned_to_plain);
	tcase_add_test(typed, a_pipeline_on_a_channel_of_ones_own);
	tcase_add_test(typed, copies_of_values);
	tcase_add_test(typed, many_handles_and_their_account);
	tcase_add_test(typed, layout_of_jobs_and_results);
	tcase_add_test(typed, jobs_that_no_pipeline_takes);
	tcase_add_test(typed, results_by_select_and_by_two_readers);
	tcase_add_test(typed, a_typed_task);
	return run_suite(suite);
}
