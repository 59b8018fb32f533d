/* SPDX-License-Identifier: MIT
 *
 * Schedules as text: what was written is read back, what is read is what would have been written, and nothing else is
 * read. */
#include "sim/engine.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/strategy.h"

#define ROUNDS 2000
#define CHOICES 40

static struct sim sim;
static struct weir_sim_opts opts;
static struct sim_choice stream[CHOICES];

static void clear(void)
{
	opts = (struct weir_sim_opts){0};
	sim = (struct sim){.opts = &opts, .stream = stream};
}

static void choose(uint64_t at, uint32_t value, uint32_t standard, bool data)
{
	ck_assert_uint_lt(sim.n_stream, CHOICES);
	stream[sim.n_stream++] =
		(struct sim_choice){.at = at, .value = value, .standard = standard, .n = 2, .data = data};
}

/* A stream that has exactly these deviations. */
static void from_replay(const struct sim_replay *replay)
{
	clear();
	sim.hash = replay->hash;
	for (size_t i = 0; i < replay->n; i++) {
		const struct sim_choice *c = &replay->items[i];
		choose(c->at, c->value, !c->data && c->value == 0 ? 1 : 0, c->data);
		stream[i].fault = c->fault;
	}
}

START_TEST(the_documented_form)
{
	static const char wanted[] = "s1.pipe_cancel.9f3c:12>2,40>1,c3=1,51>t";
	char text[128];
	clear();
	sim.hash = UINT64_C(0xabcdef0123459f3c);
	choose(3, 0, 0, false);
	choose(12, 2, 0, false);
	choose(0, 0, 0, true);
	choose(40, 1, 2, false);
	choose(3, 1, 0, true);
	choose(51, SIM_CLOCK, 1, false);
	ck_assert_uint_eq(weir__sim_encode(&sim, "pipe_cancel", text, sizeof(text)), strlen(wanted));
	ck_assert_str_eq(text, wanted);
}
END_TEST

START_TEST(what_is_expected_is_read_and_may_be_missing)
{
	struct sim_replay replay;
	ck_assert_int_eq(weir__sim_decode("s1.n.0000:3>1@send.ch1,c0=2,5>0,9>t,12>2@write_unlock.rwlock12", &replay),
			 0);
	ck_assert_uint_eq(replay.n, 5);
	ck_assert_uint_eq(replay.n_expected, 2);
	ck_assert_uint_eq(replay.expected[0].at, 3);
	ck_assert_str_eq(replay.expected[0].text, "send.ch1");
	ck_assert_uint_eq(replay.expected[1].at, 12);
	ck_assert_str_eq(replay.expected[1].text, "write_unlock.rwlock12");
	weir__sim_replay_free(&replay);
	ck_assert_ptr_null(replay.expected);
}
END_TEST

/* A trace of steps, as a run would leave it. */
static struct sim_event events[CHOICES];

static void performed(uint64_t step, uint32_t task, uint8_t op, uint32_t kind, uint32_t display)
{
	static struct sim_trace trace;
	if (sim.trace == NULL)
		trace = (struct sim_trace){.events = events};
	sim.trace = &trace;
	ck_assert_uint_lt(trace.n, CHOICES);
	events[trace.n++] = (struct sim_event){
		.kind = SIM_EV_STEP, .step = step, .task = task, .op = op, .obj = {.kind = kind, .display = display}};
}

START_TEST(the_first_picks_say_what_they_expect)
{
	char text[2048];
	unsigned n = 0;
	clear();
	choose(2, 1, 0, false);
	performed(1, 0, WEIR_OP_SPAWN, WEIR_OBJ_SCOPE, 1);
	performed(2, 1, WEIR_OP_START, WEIR_OBJ_DEAD, 0);
	choose(3, 2, 1, false); /* not in the trace: a clock came, or it was lost */
	choose(7, 0, 1, false);
	performed(7, 0, WEIR_OP_SEND, WEIR_OBJ_CHAN, 12);
	weir__sim_encode(&sim, "n", text, sizeof(text));
	ck_assert_str_eq(text, "s1.n.0000:2>1@start,3>2,7>0@send.ch12");
	clear();
	for (uint64_t step = 1; step < CHOICES; step++) {
		choose(step, 1, 0, false);
		performed(step, 1, WEIR_OP_LOCK, WEIR_OBJ_MUTEX, 1);
	}
	weir__sim_encode(&sim, "n", text, sizeof(text));
	for (const char *at = text; (at = strchr(at, '@')); at++)
		n++;
	ck_assert_uint_eq(n, 24); /* so that it stays short */
	sim.trace = NULL;
}
END_TEST

START_TEST(no_deviation_is_a_dash)
{
	char text[128];
	struct sim_replay replay;
	clear();
	choose(1, 4, 4, false);
	weir__sim_encode(&sim, "quiet", text, sizeof(text));
	ck_assert_str_eq(text, "s1.quiet.0000:-");
	ck_assert_int_eq(weir__sim_decode(text, &replay), 0);
	ck_assert_str_eq(replay.name, "quiet");
	ck_assert_uint_eq(replay.n, 0);
	weir__sim_replay_free(&replay);
}
END_TEST

static void fault(enum sim_fault kind, uint64_t at, uint32_t value)
{
	choose(at, value, 0, true);
	stream[sim.n_stream - 1].fault = (uint8_t)kind;
}

START_TEST(faults_stand_where_they_happened)
{
	char text[128];
	struct sim_replay replay;
	clear();
	fault(SIM_FAULT_ALLOC, 7, 1);
	choose(2, 1, 0, false);
	fault(SIM_FAULT_IO, 3, 2);
	fault(SIM_FAULT_USER, 1, 1);
	choose(1, 4, 0, true);
	fault(SIM_FAULT_WAKE, 2, 1);
	fault(SIM_FAULT_IO, 4, 0); /* none */
	fault(SIM_FAULT_SPAWN, UINT64_MAX - 1, 1);
	weir__sim_encode(&sim, "f", text, sizeof(text));
	ck_assert_str_eq(text, "s1.f.0000:f7,2>1,i3=2,u1,c1=4,w2,p18446744073709551614");
	ck_assert_int_eq(weir__sim_decode(text, &replay), 0);
	ck_assert_uint_eq(replay.n, 7);
	ck_assert_uint_eq(replay.items[0].fault, SIM_FAULT_ALLOC);
	ck_assert_uint_eq(replay.items[0].at, 7);
	ck_assert_uint_eq(replay.items[2].fault, SIM_FAULT_IO);
	ck_assert_uint_eq(replay.items[2].value, 2);
	ck_assert_uint_eq(replay.items[4].fault, SIM_FAULT_NONE);
	ck_assert_uint_eq(replay.items[6].at, UINT64_MAX - 1);
	weir__sim_replay_free(&replay);
}
END_TEST

START_TEST(names_are_made_safe_for_a_shell)
{
	static const struct {
		const char *name, *shown;
	} names[] = {
		{"it's a \"test\"", "it_s_a__test_"},
		{"a.b:c,d>e=f/g", "a_b_c_d_e_f_g"},
		{"A-Z_0-9", "A-Z_0-9"},
		{"\xc3\xa4", "__"},
		{"", "scenario"},
		{NULL, "scenario"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789",
		 "012345678901234567890123456789012345678901234567890123456789012"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char text[128];
		struct sim_replay replay;
		clear();
		weir__sim_encode(&sim, names[i].name, text, sizeof(text));
		ck_assert_int_eq(weir__sim_decode(text, &replay), 0);
		ck_assert_str_eq(replay.name, names[i].shown);
		weir__sim_replay_free(&replay);
	}
}
END_TEST

static void random_fault(uint64_t *state, uint64_t *seen)
{
	uint32_t kind = 1 + weir__sim_below(state, SIM_FAULTS - 1);
	seen[kind] += 1 + weir__sim_below(state, 1000);
	fault((enum sim_fault)kind, seen[kind], weir__sim_below(state, 4));
}

/* Picks and data choices as a run would make them, about every second one a deviation. */
static void random_stream(uint64_t *state)
{
	uint64_t step = 0, drawn = 0, seen[SIM_FAULTS] = {0};
	uint32_t n = weir__sim_below(state, CHOICES + 1);
	clear();
	sim.hash = weir__sim_mix(state);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t kind = weir__sim_below(state, 5), standard = weir__sim_below(state, WEIR_SIM_TASKS);
		step += 1 + weir__sim_below(state, 1000000);
		if (kind == 0)
			choose(drawn++, weir__sim_below(state, 2) ? weir__sim_below(state, UINT32_MAX) : 0, 0, true);
		else if (kind == 4)
			random_fault(state, seen);
		else if (kind == 1)
			choose(step, SIM_CLOCK, standard, false);
		else
			choose(step, kind == 2 ? standard : weir__sim_below(state, WEIR_SIM_TASKS), standard, false);
	}
}

START_TEST(random_streams_come_back)
{
	uint64_t state = 1, deviations = 0;
	for (int round = 0; round < ROUNDS; round++) {
		char text[4096];
		struct sim_replay replay;
		size_t n = 0;
		random_stream(&state);
		ck_assert_uint_lt(weir__sim_encode(&sim, "random", text, sizeof(text)), sizeof(text));
		ck_assert_int_eq(weir__sim_decode(text, &replay), 0);
		ck_assert_uint_eq(replay.hash, sim.hash & 0xffff);
		for (size_t i = 0; i < sim.n_stream; i++) {
			if (stream[i].value == stream[i].standard)
				continue;
			ck_assert_uint_lt(n, replay.n);
			ck_assert_uint_eq(replay.items[n].at, stream[i].at);
			ck_assert_uint_eq(replay.items[n].value, stream[i].value);
			ck_assert_int_eq(replay.items[n].data, stream[i].data);
			ck_assert_int_eq(replay.items[n].fault, stream[i].fault);
			n++;
		}
		ck_assert_uint_eq(replay.n, n);
		deviations += n;
		weir__sim_replay_free(&replay);
		ck_assert_ptr_null(replay.items);
	}
	ck_assert_uint_gt(deviations, ROUNDS); /* it was about something */
}
END_TEST

static const char *const malformed[] = {
	"",
	"s",
	"s1",
	"s1.",
	"s1..0000:-",
	"s1.name",
	"s1.name.",
	"s1.name.123:-",
	"s1.name.12345:-",
	"s1.name.12G4:-",
	"s1.name.ABCD:-",
	"s1.name.1234",
	"s1.name.1234:",
	"s2.name.1234:-",
	"S1.name.1234:-",
	" s1.name.1234:-",
	"s1.name.1234:- ",
	"s1.name.1234:--",
	"s1.name.1234:-,1>2",
	"s1.name.1234:1>2,-",
	"s1.na me.1234:-",
	"s1.na.me.1234:-",
	"s1.0123456789012345678901234567890123456789012345678901234567890123.1234:-",
	"s1.name.1234:1",
	"s1.name.1234:1>",
	"s1.name.1234:>2",
	"s1.name.1234:1>2,",
	"s1.name.1234:,1>2",
	"s1.name.1234:1>2,,3>4",
	"s1.name.1234:1>2 3>4",
	"s1.name.1234:01>2",
	"s1.name.1234:1>02",
	"s1.name.1234:1>256",
	"s1.name.1234:1>-1",
	"s1.name.1234:+1>1",
	"s1.name.1234:1>T",
	"s1.name.1234:1>tt",
	"s1.name.1234:1>t2",
	"s1.name.1234:1>2@",
	"s1.name.1234:1>2@,3>1",
	"s1.name.1234:1>2@send(ch1)",
	"s1.name.1234:1>2@send@ch1",
	"s1.name.1234:1>2@01234567890123456789012345678901",
	"s1.name.1234:1>t@send.ch1",
	"s1.name.1234:c0=1@send.ch1",
	"s1.name.1234:1=2",
	"s1.name.1234:2>1,2>1",
	"s1.name.1234:2>1,1>1",
	"s1.name.1234:2>t,2>1",
	"s1.name.1234:18446744073709551616>1",
	"s1.name.1234:99999999999999999999999>1",
	"s1.name.1234:c1",
	"s1.name.1234:c1=",
	"s1.name.1234:c=1",
	"s1.name.1234:c1>1",
	"s1.name.1234:c1=t",
	"s1.name.1234:c1=0",
	"s1.name.1234:c1=01",
	"s1.name.1234:c1=4294967296",
	"s1.name.1234:c1=1,c1=2",
	"s1.name.1234:c2=1,c1=1",
	"s1.name.1234:f",
	"s1.name.1234:f0",
	"s1.name.1234:f-1",
	"s1.name.1234:f1f2",
	"s1.name.1234:f2,f2",
	"s1.name.1234:f2,1>2,f1",
	"s1.name.1234:f1=1",
	"s1.name.1234:i1=",
	"s1.name.1234:i1=02",
	"s1.name.1234:w1>2",
	"s1.name.1234:f1,",
	"s1.name.1234:f1,-",
	"s1.name.1234:p18446744073709551616",
	"s1.name.1234:x1",
};

START_TEST(malformed_texts_are_refused)
{
	struct sim_replay replay, before;
	memset(&replay, 0x5a, sizeof(replay));
	before = replay;
	ck_assert_int_eq(weir__sim_decode(malformed[_i], &replay), WEIR_EINVAL);
	ck_assert_mem_eq(&replay, &before, sizeof(replay)); /* Y3 */
}
END_TEST

START_TEST(no_text_is_refused)
{
	struct sim_replay replay;
	ck_assert_int_eq(weir__sim_decode(NULL, &replay), WEIR_EINVAL);
}
END_TEST

/* Y1: whatever bytes come, what is accepted is exactly what would have been written. */
START_TEST(damaged_texts_are_refused_or_mean_what_they_say)
{
	static const char bytes[] = "0123456789sctfpiwu.:,>=-_ax\n \xff";
	uint64_t state = 7;
	unsigned accepted = 0, refused = 0;
	for (int round = 0; round < 20 * ROUNDS; round++) {
		char text[] = "s1.name.12ab:f3,p9,5>2,i4=2,c0=12,c7=4294967295,17>0,w3,90>t,123>255,u1", again[128];
		struct sim_replay replay;
		for (uint32_t n = 1 + weir__sim_below(&state, 3); n > 0; n--)
			text[weir__sim_below(&state, sizeof(text) - 1)] =
				bytes[weir__sim_below(&state, sizeof(bytes) - 1)];
		int rc = weir__sim_decode(text, &replay);
		if (rc < 0) {
			ck_assert_int_eq(rc, WEIR_EINVAL);
			refused++;
			continue;
		}
		accepted++;
		from_replay(&replay);
		weir__sim_encode(&sim, replay.name, again, sizeof(again));
		ck_assert_str_eq(again, text);
		weir__sim_replay_free(&replay);
	}
	ck_assert_uint_gt(accepted, ROUNDS);
	ck_assert_uint_gt(refused, ROUNDS);
}
END_TEST

START_TEST(beginnings_are_refused_or_mean_what_they_say)
{
	static const char whole[] = "s1.name.12ab:f3,p9,5>2,c0=12,17>0,90>t";
	unsigned accepted = 0;
	for (size_t n = 0; n < sizeof(whole); n++) {
		char text[sizeof(whole)], again[128];
		struct sim_replay replay;
		snprintf(text, sizeof(text), "%.*s", (int)n, whole);
		if (weir__sim_decode(text, &replay) < 0)
			continue;
		accepted++;
		from_replay(&replay);
		weir__sim_encode(&sim, replay.name, again, sizeof(again));
		ck_assert_str_eq(again, text);
		weir__sim_replay_free(&replay);
	}
	ck_assert_uint_eq(accepted, 7); /* behind f3, p9, 5>2, c0=1, c0=12, 17>0 and 90>t */
}
END_TEST

START_TEST(text_is_cut_at_every_cap)
{
	char whole[128], text[128];
	clear();
	fault(SIM_FAULT_ALLOC, 3, 1);
	choose(12, 2, 0, false);
	choose(0, 9, 0, true);
	choose(51, SIM_CLOCK, 1, false);
	size_t len = weir__sim_encode(&sim, "cut", whole, sizeof(whole));
	ck_assert_uint_eq(len, strlen(whole));
	ck_assert_uint_eq(weir__sim_encode(&sim, "cut", NULL, 0), len);
	for (size_t cap = 0; cap <= len + 2; cap++) {
		memset(text, '#', sizeof(text));
		ck_assert_uint_eq(weir__sim_encode(&sim, "cut", text, cap), len);
		if (cap > 0) {
			size_t kept = cap <= len ? cap - 1 : len;
			ck_assert_mem_eq(text, whole, kept);
			ck_assert_int_eq(text[kept], '\0');
		}
		for (size_t i = cap; i < sizeof(text); i++)
			ck_assert_int_eq(text[i], '#');
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *write = tcase_create("write"), *read = tcase_create("read");
	tcase_add_test(write, the_documented_form);
	tcase_add_test(write, no_deviation_is_a_dash);
	tcase_add_test(write, faults_stand_where_they_happened);
	tcase_add_test(write, the_first_picks_say_what_they_expect);
	tcase_add_test(read, what_is_expected_is_read_and_may_be_missing);
	tcase_add_test(write, names_are_made_safe_for_a_shell);
	tcase_add_test(write, text_is_cut_at_every_cap);
	tcase_add_test(read, random_streams_come_back);
	tcase_add_loop_test(read, malformed_texts_are_refused, 0, (int)(sizeof(malformed) / sizeof(malformed[0])));
	tcase_add_test(read, no_text_is_refused);
	tcase_add_test(read, damaged_texts_are_refused_or_mean_what_they_say);
	tcase_add_test(read, beginnings_are_refused_or_mean_what_they_say);
	suite_add_tcase(suite, write);
	suite_add_tcase(suite, read);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
