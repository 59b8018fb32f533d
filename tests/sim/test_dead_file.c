/* SPDX-License-Identifier: MIT
 *
 * A log of letters that goes to a descriptor, here a pipe that takes as little as it likes: lines arrive whole and one
 * after the other, whoever writes; one that was cut short does not spoil the next; and what arrives is replayed. Files
 * of the system are in tests/unit/resilience/test_dead_file.c. */
#include <stdio.h>
#include <string.h>
#include <weir/resilience.h>
#include <weir/sim.h>
#include <weir/stage.h>

WEIR_TYPE_PLAIN(num, int);

static int fail(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)ctx, (void)out, (void)arg;
	return weir_fail(err, WEIR_EUSER, "no %d", *in);
}
WEIR_STAGE_DECLARE(fail, num, num);

static struct world {
	weir_fd from, to;
	weir_dead_file file;
	struct weir_dead_log log;
	char text[2400];
	size_t len, at;
} w;

static void open_world(weir_ctx *ctx, size_t capacity)
{
	memset(&w, 0, sizeof(w));
	WEIR_SIM_EQ(weir_sim_pipe("log", capacity, &w.from, &w.to), 0);
	weir_dead_file_init(&w.file, weir_ctx_rt(ctx), w.to, false);
	w.log = (struct weir_dead_log){.write = weir_dead_file_write, .arg = &w.file};
}

static void read_all(weir_ctx *ctx)
{
	int n;
	while ((n = weir_fd_read(ctx, w.from, w.text + w.len, sizeof(w.text) - 1 - w.len)) > 0)
		w.len += (size_t)n;
	WEIR_SIM_EQ(n, 0);
}

static void close_world(weir_ctx *ctx)
{
	weir_dead_file_fini(&w.file);
	weir_dead_file_fini(&w.file);
	weir_fd_close(weir_ctx_rt(ctx), &w.from);
}

struct writer {
	weir_stage *st;
	int item;
};

/* A value that fails, and a letter of it. */
static int write_letter(weir_ctx *ctx, weir_err *err, void *arg)
{
	struct writer *me = arg;
	weir_call *call = NULL;
	int out;
	(void)err;
	WEIR_SIM_EQ(weir_call_new(weir_scope_of(ctx), me->st, &call), 0);
	WEIR_SIM_EQ(weir_call_process(ctx, call, &me->item, &out, NULL), WEIR_EUSER);
	weir_call_free(&call);
	return 0;
}

static int reader(weir_ctx *ctx, weir_err *err, void *arg)
{
	(void)err, (void)arg;
	read_all(ctx);
	return 0;
}

static int next_line(weir_ctx *ctx, char *line, size_t cap, size_t *len, weir_err *err, void *arg)
{
	(void)ctx, (void)err, (void)arg;
	if (w.at == w.len)
		return 0;
	const char *end = memchr(w.text + w.at, '\n', w.len - w.at);
	*len = end ? (size_t)(end - (w.text + w.at)) + 1 : w.len - w.at;
	WEIR_SIM_ASSERT(*len <= cap);
	memcpy(line, w.text + w.at, *len);
	w.at += *len;
	return 1;
}

static void collect(const char *line, size_t len, int rc, const void *out, const weir_err *err, void *arg)
{
	int item = 0;
	size_t n = 0;
	(void)rc, (void)out, (void)err;
	if (weir_dead_log_item(line, len, &item, sizeof(item), &n) == 0)
		*(int *)arg += item;
}

static struct weir_dead_report replay(weir_ctx *ctx, int *sum)
{
	struct weir_dead_report report;
	weir_scope s;
	weir_call *call = NULL;
	weir_stage *st = fail_stage(weir_ctx_rt(ctx), NULL);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_call_new(&s, st, &call), 0);
	const struct weir_dead_replay_opts opts = {.next = next_line, .done = collect, .arg = sum};
	WEIR_SIM_EQ(weir_dead_replay(ctx, call, st, &opts, &report, NULL), 0);
	weir_call_free(&call);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_stage_free(&st);
	return report;
}

/* Three write through a pipe that holds a few bytes at a time. */
static void three_write(weir_ctx *ctx, size_t capacity)
{
	weir_scope s;
	struct writer writers[3];
	int sum = 0;
	open_world(ctx, capacity);
	weir_stage *st = weir_dead_letter(fail_stage(weir_ctx_rt(ctx), NULL), weir_dead_log_write, &w.log);
	weir_scope_init(&s, ctx);
	for (int i = 0; i < 3; i++) {
		writers[i] = (struct writer){.st = st, .item = 1 << (8 * i)};
		WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", write_letter, &writers[i]), 0);
	}
	weir_scope r;
	weir_scope_init(&r, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&r, "reader", reader, NULL), 0);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	weir_fd_close(weir_ctx_rt(ctx), &w.to);
	WEIR_SIM_EQ(weir_scope_join(ctx, &r, 0, NULL), 0);
	struct weir_dead_report report = replay(ctx, &sum);
	WEIR_SIM_EQ(report.failed, 3);
	WEIR_SIM_EQ(report.unreadable, 0);
	WEIR_SIM_EQ(sum, 0x010101);
	weir_stage_free(&st);
	close_world(ctx);
}

WEIR_SIM_TEST_WITH(lines_arrive_whole, .schedules = 300, .no_early = true)
{
	three_write(ctx, 61);
}

WEIR_SIM_TEST_WITH(lines_arrive_whole_by_the_byte, .schedules = 50, .no_early = true, .steps = 100000)
{
	three_write(ctx, 1);
}

static int write_line(weir_ctx *ctx, const char *line)
{
	weir_err err = {0};
	int rc = weir_dead_file_write(ctx, line, strlen(line), &err, &w.file);
	WEIR_SIM_EQ(err.code == 0 || err.code == rc, true);
	weir_err_fini(&err);
	return rc;
}

/* The grace is over in the middle of a line, because nobody reads: the next one begins on a line of its own. Who waits
 * for its turn meanwhile is not held up by it. */
static int write_b(weir_ctx *ctx, weir_err *err, void *arg)
{
	weir_ctx hurried;
	(void)err, (void)arg;
	WEIR_SIM_EQ(weir_sleep(ctx, WEIR_MS(2)), 0);
	weir_ctx_init(&hurried, ctx, WEIR_MS(4));
	WEIR_SIM_EQ(write_line(&hurried, "bbb\n"), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(4));
	weir_ctx_fini(&hurried);
	return 0;
}

WEIR_SIM_TEST_WITH(cut_short, .no_early = true, .schedules = 50)
{
	weir_scope s;
	weir_ctx grace;
	open_world(ctx, 8);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(weir_scope_spawn(&s, "b", write_b, NULL), 0);
	weir_ctx_init(&grace, ctx, WEIR_MS(10));
	WEIR_SIM_EQ(write_line(&grace, "aaaaaaaaaaaaaaaaaaaa\n"), WEIR_EDEADLINE);
	WEIR_SIM_EQ(weir_rt_now(weir_ctx_rt(ctx)), WEIR_MS(10));
	WEIR_SIM_EQ(write_line(&grace, "never\n"), WEIR_EDEADLINE); /* nothing of it */
	weir_ctx_fini(&grace);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
	char got[9] = {0};
	WEIR_SIM_EQ(weir_fd_read(ctx, w.from, got, 8), 8);
	WEIR_SIM_EQ(strcmp(got, "aaaaaaaa"), 0);
	WEIR_SIM_EQ(write_line(ctx, "c\n"), 0);
	WEIR_SIM_EQ(write_line(ctx, "d\n"), 0);
	weir_fd_close(weir_ctx_rt(ctx), &w.to);
	read_all(ctx);
	WEIR_SIM_EQ(strcmp(w.text, "\nc\nd\n"), 0);
	close_world(ctx);
}

/* Lines that cannot be read are told and counted, blank ones are none, and neither ends it. */
WEIR_SIM_TEST_WITH(a_log_with_bad_lines, .allow_no_decisions = true, .schedules = 1)
{
	static const char *const lines[] = {"\n",
					    "nonsense\n",
					    "{\"code\":1,\"item_hex\":\"01000000\"}\n",
					    "\n",
					    "{\"code\":1,\"item_hex\":\"0100\"}\n",
					    "{\"code\":1,\"item_hex\":\"010",
					    "\n",
					    "{\"code\":1,\"item_hex\":\"00000002\"}\n",
					    "{\"code\":1,\"item\":\"\\\"}\n",
					    "{\"code\":1,\"item_hex\":\"03000000\"}"};
	int sum = 0;
	open_world(ctx, 8);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		strcat(w.text, lines[i]);
		w.len += strlen(lines[i]);
	}
	struct weir_dead_report report = replay(ctx, &sum);
	WEIR_SIM_EQ(report.failed, 3);
	WEIR_SIM_EQ(report.unreadable, 4);
	WEIR_SIM_EQ(report.done, 0);
	WEIR_SIM_EQ(sum, 0x02000005);
	weir_fd_close(weir_ctx_rt(ctx), &w.to);
	close_world(ctx);
}

static int fail_at_length(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg)
{
	(void)out, (void)arg, (void)in;
	(void)weir_fail(err, WEIR_EUSER, "all");
	for (uint32_t i = 0; i < 60; i++) {
		weir_err one = {0};
		(void)weir_fail(&one, WEIR_EUSER, "%020u, \"said\" in \xc3\xa4 many words", i);
		weir_err_add(err, weir_ctx_rt(ctx), i, &one);
		weir_err_fini(&one);
	}
	return WEIR_EUSER;
}
WEIR_STAGE_DECLARE(fail_at_length, num, num);

static int keep_line(weir_ctx *ctx, const char *line, size_t len, weir_err *err, void *arg)
{
	(void)ctx, (void)err;
	WEIR_SIM_ASSERT(w.len + len <= sizeof(w.text));
	memcpy(w.text + w.len, line, len);
	w.len += len;
	++*(int *)arg;
	return 0;
}

/* A failure of many words does not cost the value: its text is cut. */
WEIR_SIM_TEST_WITH(a_failure_longer_than_a_line, .allow_no_decisions = true, .schedules = 1)
{
	static const size_t line_bytes[] = {1000, 300};
	weir_err err = {0};
	int lines = 0, sum = 0;
	open_world(ctx, 8);
	for (size_t i = 0; i < 2; i++) {
		w.log = (struct weir_dead_log){.write = keep_line, .arg = &lines, .line_bytes = line_bytes[i]};
		weir_stage *st = weir_dead_letter(fail_at_length_stage(weir_ctx_rt(ctx), NULL), weir_dead_log_write,
						  &w.log);
		struct writer me = {.st = st, .item = 7};
		weir_scope s;
		weir_scope_init(&s, ctx);
		WEIR_SIM_EQ(weir_scope_spawn(&s, "writer", write_letter, &me), 0);
		WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
		weir_stage_free(&st);
		WEIR_SIM_EQ(lines, (int)i + 1);
	}
	struct weir_dead_report report = replay(ctx, &sum);
	WEIR_SIM_EQ(report.failed, 2);
	WEIR_SIM_EQ(sum, 14);
	const struct weir_dead dead = {.item = &sum, .type = num_type(), .err = &err, .stage = "none"};
	w.log.line_bytes = SIZE_MAX / 2 + 1; /* twice that is none */
	WEIR_SIM_EQ(weir_dead_log_write(ctx, &dead, NULL, &w.log), WEIR_ENOMEM);
	WEIR_SIM_EQ(lines, 2);
	weir_fd_close(weir_ctx_rt(ctx), &w.to);
	close_world(ctx);
}

WEIR_SIM_TEST_WITH(nobody_reads, .allow_no_decisions = true, .schedules = 1)
{
	open_world(ctx, 8);
	weir_fd_close(weir_ctx_rt(ctx), &w.from);
	WEIR_SIM_EQ(write_line(ctx, "a\n"), WEIR_EPIPE);
	WEIR_SIM_EQ(weir_dead_file_write(ctx, "a\n", 2, NULL, NULL), WEIR_EINVAL);
	weir_fd_close(weir_ctx_rt(ctx), &w.to);
	close_world(ctx);
}

int main(int argc, char **argv)
{
	return weir_sim_main(argc, argv);
}
