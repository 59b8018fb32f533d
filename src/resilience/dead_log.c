/* SPDX-License-Identifier: MIT
 *
 * A line of JSON for each dead letter, and the way back: see resilience/dead_letter.h.
 *
 *  L1  A line is whole: it is built in memory and handed over once, or not at all. Where it is too long the failure's
 *      text is cut, never the value.
 *  L2  Text comes back byte for byte. It stands in the line as it is if it is UTF-8 (RFC 3629); else every byte above
 *      126 is written \u00xx, which is read as that byte. So every line is valid JSON.
 *  L3  The value is the last member of the line, "item" (text) or "item_hex" (bytes): the name that is looked for
 *      cannot stand in a text before it, where a quotation mark has a backslash in front. */
#include <stdio.h>
#include <string.h>
#include <weir/resilience/dead_letter.h>

#include "wrap.h"

#define MOST (SIZE_MAX / 8) /* bytes of a line: no sum of sizes here overflows */

struct line {
	char *buf;
	size_t cap, len; /* len goes on counting where there is no room */
};

static void put(struct line *l, char c)
{
	if (l->len < l->cap)
		l->buf[l->len] = c;
	l->len++;
}

static void put_text(struct line *l, const char *text)
{
	while (*text)
		put(l, *text++);
}

/* Bytes of the character that begins at s: 0 if it is none. */
static size_t utf8_char(const unsigned char *s, size_t n)
{
	size_t more = s[0] < 0x80                   ? 0
		      : s[0] >= 0xc2 && s[0] < 0xe0 ? 1
		      : s[0] >= 0xe0 && s[0] < 0xf0 ? 2
		      : s[0] >= 0xf0 && s[0] < 0xf5 ? 3
						    : SIZE_MAX;
	if (more >= n)
		return 0;
	for (size_t i = 1; i <= more; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
	bool outside = (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf4 && s[1] > 0x8f);
	return overlong || outside ? 0 : more + 1;
}

static bool is_utf8(const char *text, size_t n)
{
	for (size_t i = 0, step; i < n; i += step)
		if ((step = utf8_char((const unsigned char *)text + i, n - i)) == 0)
			return false;
	return true;
}

static void put_string(struct line *l, const char *text, size_t n)
{
	bool plain = is_utf8(text, n); /* L2 */
	put(l, '"');
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		char code[8];
		if (c == '"' || c == '\\') {
			put(l, '\\');
			put(l, text[i]);
		} else if (c < 0x20 || c == 0x7f || (c > 0x7f && !plain)) {
			snprintf(code, sizeof(code), "\\u%04x", c);
			put_text(l, code);
		} else {
			put(l, text[i]);
		}
	}
	put(l, '"');
}

static void put_named(struct line *l, const char *name, const char *text)
{
	put_text(l, ",\"");
	put_text(l, name);
	put_text(l, "\":");
	put_string(l, text, strlen(text));
}

static int put_item(struct line *l, const struct weir_dead_log *log, const struct weir_dead *dead, char *room,
		    size_t cap)
{
	const unsigned char *bytes = dead->item;
	char digits[4];
	if (log->encode) {
		int n = log->encode(dead->item, room, cap, log->arg);
		if (n < 0 || (size_t)n >= cap)
			return n < 0 ? n : WEIR_EOVERFLOW;
		put_text(l, ",\"item\":");
		put_string(l, room, (size_t)n);
		return 0;
	}
	put_text(l, ",\"item_hex\":\"");
	for (size_t i = 0; i < dead->type->size; i++) {
		snprintf(digits, sizeof(digits), "%02x", bytes[i]);
		put_text(l, digits);
	}
	put(l, '"');
	return 0;
}

/* At most so many bytes of the failure's text. */
static int build_line(const struct weir_dead_log *log, const struct weir_dead *dead, struct line *l, char *room,
		      size_t text_bytes)
{
	char numbers[160];
	l->len = 0;
	snprintf(numbers, sizeof(numbers), "{\"first_utc\":%lld,\"last_utc\":%lld,\"attempts\":%llu,\"code\":%d",
		 (long long)dead->first_utc, (long long)dead->last_utc, (unsigned long long)dead->attempts, dead->code);
	put_text(l, numbers);
	put_named(l, "name", weir_err_name(dead->code));
	put_named(l, "stage", dead->stage);
	weir_err_format(dead->err, room, text_bytes);
	put_named(l, "error", text_bytes ? room : "");
	int rc = put_item(l, log, dead, room, l->cap);
	put_text(l, "}\n");
	return rc;
}

static int write_line(weir_ctx *ctx, const struct weir_dead_log *log, const struct weir_dead *dead, struct line *l,
		      char *room, weir_err *err)
{
	int rc = build_line(log, dead, l, room, l->cap);
	if (rc == 0 && l->len > l->cap) /* the value matters more: an eighth, which may take six bytes for each */
		rc = build_line(log, dead, l, room, l->cap / 8);
	if (rc == 0 && l->len > l->cap)
		rc = WEIR_EOVERFLOW;
	if (rc < 0)
		return weir_fail(err, rc, "no line for it: more than %zu bytes, or the value has no text", l->cap);
	return log->write(ctx, l->buf, l->len, err, log->arg); /* L1 */
}

int weir_dead_log_write(weir_ctx *ctx, const struct weir_dead *dead, weir_err *err, void *arg)
{
	const struct weir_dead_log *log = arg;
	if (!log || !log->write)
		return weir_fail(err, WEIR_EINVAL, "a log needs something that writes");
	if (!log->encode && dead->type->drop)
		return weir_fail(err, WEIR_EINVAL, "a %s owns something: it needs an encoder", dead->type->name);
	weir_rt *rt = weir_ctx_rt(ctx);
	size_t cap = log->line_bytes ? log->line_bytes : WEIR_DEAD_LINE_BYTES;
	char *mem = cap <= MOST ? weir_rt_alloc(rt, 2 * cap) : NULL;
	if (!mem)
		return weir_fail(err, WEIR_ENOMEM, "no memory for a line of %zu bytes", cap);
	struct line l = {.buf = mem, .cap = cap};
	int rc = write_line(ctx, log, dead, &l, mem + cap, err);
	weir_rt_release(rt, mem);
	return rc;
}

/* ---- the way back ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number of n digits at s, or -1. */
static int hex(const char *s, size_t n)
{
	int value = 0;
	for (size_t i = 0; i < n; i++) {
		int digit = hex_digit(s[i]);
		if (digit < 0)
			return -1;
		value = value * 16 + digit;
	}
	return value;
}

/* One byte of a string at *at: it, or -1. */
static int text_byte(const char *s, size_t n, size_t *at)
{
	unsigned char c = (unsigned char)s[*at];
	if (c != '\\') {
		++*at;
		return c < 0x20 || c == '"' ? -1 : c;
	}
	if (*at + 2 <= n && (s[*at + 1] == '"' || s[*at + 1] == '\\')) {
		*at += 2;
		return s[*at - 1];
	}
	int value = *at + 6 <= n && s[*at + 1] == 'u' ? hex(s + *at + 2, 4) : -1;
	*at += 6;
	return value > 0xff ? -1 : value;
}

static int hex_byte(const char *s, size_t n, size_t *at)
{
	int value = *at + 2 <= n ? hex(s + *at, 2) : -1;
	*at += 2;
	return value;
}

/* Behind the first place where name stands. */
static const char *behind(const char *line, size_t n, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i + len <= n; i++)
		if (memcmp(line + i, name, len) == 0)
			return line + i + len;
	return NULL;
}

int weir_dead_log_item(const char *line, size_t n, void *buf, size_t cap, size_t *len)
{
	if (!line || !len || (!buf && cap))
		return WEIR_EINVAL;
	const char *text = behind(line, n, ",\"item\":\""), *bytes = behind(line, n, ",\"item_hex\":\""); /* L3 */
	const char *from = text ? text : bytes;
	while (n > 0 && line[n - 1] == '\n')
		n--;
	if (!from || n < 2 || line[n - 1] != '}' || line[n - 2] != '"' || from > line + n - 2)
		return WEIR_EINVAL;
	size_t end = (size_t)(line + n - 2 - from), made = 0;
	for (size_t at = 0; at < end; made++) {
		int byte = text ? text_byte(from, end, &at) : hex_byte(from, end, &at);
		if (byte < 0)
			return WEIR_EINVAL;
		if (made < cap)
			((unsigned char *)buf)[made] = (unsigned char)byte;
	}
	if (made > cap)
		return WEIR_EOVERFLOW;
	*len = made;
	return 0;
}

/* Memory of a replay: a line, the text of its value, the value, and what is made of it. */
struct replay {
	const struct weir_dead_replay_opts *opts;
	const weir_type *in_type, *out_type;
	size_t cap;
	char *line, *text;
	void *in, *out;
};

static int read_value(const struct replay *r, size_t n)
{
	size_t len = 0;
	int rc = weir_dead_log_item(r->line, n, r->text, r->cap, &len);
	if (rc < 0)
		return rc;
	if (r->opts->decode)
		return r->opts->decode(r->text, len, r->in, r->opts->arg);
	if (len != r->in_type->size)
		return WEIR_EINVAL;
	memcpy(r->in, r->text, len);
	return 0;
}

static void replay_line(weir_ctx *ctx, weir_call *call, bool takes, const struct replay *r, size_t n,
			struct weir_dead_report *report)
{
	weir_err err = {0};
	int rc = read_value(r, n);
	bool readable = rc == 0;
	if (rc > 0)
		rc = WEIR_EINVAL;
	if (readable)
		rc = weir_call_process(ctx, call, r->in, r->out, &err);
	if (r->opts->done)
		r->opts->done(r->line, n, rc, rc == 0 ? r->out : NULL, &err, r->opts->arg);
	if ((rc == 0 || rc == WEIR_EPARTIAL) && r->out_type->drop)
		r->out_type->drop(r->out, r->out_type->arg);
	if (readable && r->in_type->drop && !(rc == 0 && takes))
		r->in_type->drop(r->in, r->in_type->arg);
	weir_err_fini(&err);
	report->done += rc == 0;
	report->failed += readable && rc < 0;
	report->unreadable += !readable;
}

static size_t rounded(size_t n)
{
	return (n + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

static int replay_all(weir_ctx *ctx, weir_call *call, bool takes, const struct replay *r,
		      struct weir_dead_report *report, weir_err *err)
{
	for (;;) {
		size_t n = 0;
		int rc = weir_ctx_err(ctx);
		if (rc == 0)
			rc = r->opts->next(ctx, r->line, r->cap, &n, err, r->opts->arg);
		if (rc <= 0)
			return rc;
		if (n > r->cap)
			return weir_fail(err, WEIR_EOVERFLOW, "a line of %zu bytes where there are %zu", n, r->cap);
		if (n > 1 || (n == 1 && r->line[0] != '\n')) /* a blank one is none: dead_file.c, F3 */
			replay_line(ctx, call, takes, r, n, report);
	}
}

int weir_dead_replay(weir_ctx *ctx, weir_call *call, const weir_stage *st, const struct weir_dead_replay_opts *opts,
		     struct weir_dead_report *out, weir_err *err)
{
	if (!call || !st || !opts || !opts->next || !weir_stage_in(st))
		return weir_fail(err, WEIR_EINVAL, "a replay needs a call, its stage, and a function that reads");
	struct replay r = {.opts = opts, .in_type = weir_stage_in(st), .out_type = weir_stage_out(st)};
	struct weir_dead_report report = {0};
	if (!opts->decode && r.in_type->drop)
		return weir_fail(err, WEIR_EINVAL, "a %s owns something: it needs a decoder", r.in_type->name);
	if (r.in_type->align > _Alignof(max_align_t) || r.out_type->align > _Alignof(max_align_t))
		return weir_fail(err, WEIR_EINVAL, "a value with an alignment of its own cannot be replayed");
	weir_rt *rt = weir_ctx_rt(ctx);
	r.cap = opts->line_bytes ? opts->line_bytes : WEIR_DEAD_LINE_BYTES;
	size_t line = rounded(r.cap), in = rounded(r.in_type->size);
	char *mem = r.cap <= MOST ? weir_rt_alloc(rt, 2 * line + in + r.out_type->size + 1) : NULL;
	if (!mem)
		return weir_fail(err, WEIR_ENOMEM, "no memory for lines of %zu bytes", r.cap);
	r.line = mem;
	r.text = mem + line;
	r.in = mem + 2 * line;
	r.out = mem + 2 * line + in;
	int rc = replay_all(ctx, call, weir_stage_takes(st), &r, &report, err);
	weir_rt_release(rt, mem);
	if (out)
		*out = report;
	return rc;
}
