/* SPDX-License-Identifier: MIT
 *
 * Probes by themselves: attaching, what an event is given, spans in contexts, names. What stages and pipelines tell is
 * in tests/sim/test_probe.c, event by event. */
#include <check.h>

#include "support.h"

static struct weir_probe_event heard;
static int n_heard;

static void hear(const struct weir_probe_event *event, void *arg)
{
	ck_assert_ptr_eq(arg, &n_heard);
	heard = *event;
	n_heard++;
}

static weir_probe probe_of(void)
{
	n_heard = 0;
	return (weir_probe){.fn = hear, .arg = &n_heard};
}

START_TEST(one_probe_for_a_runtime)
{
	weir_rt *other = runtime_of((struct weir_rt_opts){0});
	weir_probe one = probe_of(), two = probe_of(), deaf = {0};
	ck_assert_ptr_null(weir_probe_of(rt));
	weir_probe_detach(rt); /* there is none */
	ck_assert_int_eq(weir_probe_attach(NULL, &one), WEIR_EINVAL);
	ck_assert_int_eq(weir_probe_attach(rt, NULL), WEIR_EINVAL);
	ck_assert_int_eq(weir_probe_attach(rt, &deaf), WEIR_EINVAL);
	ck_assert_int_eq(weir_probe_attach(rt, &one), 0);
	ck_assert_int_eq(weir_probe_attach(rt, &two), WEIR_EBUSY);
	ck_assert_int_eq(weir_probe_attach(rt, &one), WEIR_EBUSY);
	ck_assert_int_eq(weir_probe_attach(other, &one), WEIR_EBUSY); /* its clock is that of rt */
	ck_assert_ptr_eq(weir_probe_of(rt), &one);
	ck_assert_ptr_null(weir_probe_of(other));
	weir_probe_detach(rt);
	ck_assert_ptr_null(weir_probe_of(rt));
	ck_assert_int_eq(weir_probe_attach(rt, &two), 0);
	weir_probe_detach(rt);
	ck_assert_int_eq(n_heard, 0);
	weir_rt_free(&other);
}
END_TEST

START_TEST(an_event_is_given_what_it_lacks)
{
	weir_probe probe = probe_of();
	struct weir_probe_event e = {.kind = WEIR_PROBE_CUSTOM, .code = WEIR_EIO, .id = 1, .value = 2, .index = 3};
	weir_probe_emit(NULL, &e);
	ck_assert_int_eq(weir_probe_attach(rt, &probe), 0);
	int64_t before = weir_rt_now(rt);
	weir_probe_emit(&probe, &e);
	ck_assert_int_eq(n_heard, 1);
	ck_assert_int_ge(heard.at, before);
	ck_assert_int_le(heard.at, weir_rt_now(rt));
	ck_assert_str_eq(heard.name, "");
	ck_assert_int_eq(heard.kind, WEIR_PROBE_CUSTOM);
	ck_assert_int_eq(heard.code, WEIR_EIO);
	ck_assert_uint_eq(heard.id, 1);
	ck_assert_int_eq(heard.value, 2);
	ck_assert_uint_eq(heard.index, 3);
	e.at = 5;
	e.name = "it";
	weir_probe_emit(&probe, &e);
	ck_assert_int_eq(heard.at, 5);
	ck_assert_ptr_eq(heard.name, e.name);
	ck_assert_int_eq(e.at, 5);
}
END_TEST

START_TEST(spans_go_down_with_contexts)
{
	weir_probe probe = probe_of();
	weir_ctx outer, inner, below;
	ck_assert_int_eq(weir_probe_attach(rt, &probe), 0);
	ck_assert_uint_eq(weir_probe_span(NULL), 0);
	uint64_t first = weir_probe_span(&probe), second = weir_probe_span(&probe);
	ck_assert_uint_eq(first, 1);
	ck_assert_uint_eq(second, 2);
	ck_assert_uint_eq(weir_probe_current(&root), 0);
	weir_probe_enter(&outer, &root, first);
	weir_probe_enter(&inner, &outer, second);
	weir_ctx_init(&below, &inner, WEIR_FOREVER);
	ck_assert_uint_eq(weir_probe_current(&outer), first);
	ck_assert_uint_eq(weir_probe_current(&inner), second);
	ck_assert_uint_eq(weir_probe_current(&below), second);
	weir_ctx_cancel(&outer, "enough");
	ck_assert_int_eq(weir_ctx_err(&below), WEIR_ECANCELED); /* it is a context as any other */
	ck_assert_uint_eq(weir_probe_current(&below), second);
	weir_ctx_fini(&below);
	weir_ctx_fini(&inner);
	weir_ctx_fini(&outer);
}
END_TEST

START_TEST(every_kind_has_a_name_of_its_own)
{
	for (int i = 0; i < WEIR_PROBE_KINDS; i++) {
		const char *name = weir_probe_kind_name((enum weir_probe_kind)i);
		ck_assert_ptr_nonnull(name);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(name, weir_probe_kind_name((enum weir_probe_kind)k));
	}
	ck_assert_str_eq(weir_probe_kind_name(WEIR_PROBE_JOB_CANCELED), "job_canceled");
	ck_assert_str_eq(weir_probe_kind_name(WEIR_PROBE_KINDS), "?");
	ck_assert_str_eq(weir_probe_kind_name((enum weir_probe_kind) - 1), "?");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *probe = world_case(suite, "probe");
	tcase_add_test(probe, one_probe_for_a_runtime);
	tcase_add_test(probe, an_event_is_given_what_it_lacks);
	tcase_add_test(probe, spans_go_down_with_contexts);
	tcase_add_test(probe, every_kind_has_a_name_of_its_own);
	return run_suite(suite);
}
