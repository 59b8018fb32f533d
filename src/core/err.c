/* SPDX-License-Identifier: MIT
 *
 * Codes and their names, and the detail of a failure: a value that the caller keeps on its stack.
 *
 * The public struct is 256 bytes of which only `code` has a name. What lies in the rest is `struct detail` below: the
 * frames that the failure passed through, innermost first, its members, then the text, then counts of what found no
 * room. Nothing here allocates but weir_err_add, so a failure to allocate can be reported like any other; and a
 * weir_err can be moved byte by byte (a pipeline sends one in each result).
 *
 * INVARIANTS
 *  E1  code == 0 means empty: no frames, no text, no members. Zeroed memory is empty, and what is emptied is as good
 *      as zeroed to all that is here, also if somebody then sets the code by hand; but frames and text beyond their
 *      counts are left as they were, since to clear 256 bytes costs more than the rest of a failed attempt.
 *  E2  code < 0 otherwise. weir_fail turns a code that is not negative into WEIR_EINVAL.
 *  E3  n_frames <= WEIR_ERR_FRAMES; frames[0] is the innermost. When there are too many, the outer ones are the ones
 *      not kept: where it began says more than what it passed last. frames_lost counts them.
 *  E4  text is terminated; text_lost counts the bytes that were cut off its end.
 *  E5  A frame is a place (name, index, attempt), or a change of code: what the code and its value were until then.
 *      code and value of the node are the newest.
 *  E6  members is a list in the order of adding, each in memory of the runtime that it names; they are nodes like this
 *      one. The list belongs to whoever has the bytes: fini gives it back, move takes it along.
 *
 * LOCKS: none. A weir_err belongs to one task at a time; different values may be used at the same time, since all
 * other data here is constant. */
#include <weir/core/err.h>
#include <weir/rt.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 124
#define CODE_CHANGE UINT32_MAX /* as a frame's attempt: E5 */

struct frame {
	union {
		const char *name;
		int64_t value; /* of the code before */
	};
	union {
		uint32_t index; /* UINT32_MAX: none */
		int code;       /* before */
	};
	uint32_t attempt; /* 0: none */
} __attribute__((may_alias));

struct member {
	weir_rt *rt;
	struct member *next;
	uint32_t index;
	weir_err err;
};

struct detail {
	int code;
	uint32_t members_lost;
	struct frame frames[WEIR_ERR_FRAMES];
	struct member *members;
	int64_t value;
	uint32_t n_frames, frames_lost, text_lost;
	char text[TEXT_BYTES];
} __attribute__((may_alias));

_Static_assert(sizeof(weir_err) == 256, "a weir_err is 256 bytes: results and tasks carry one each");
_Static_assert(sizeof(struct detail) <= sizeof(weir_err), "the detail must fit into the public struct");
_Static_assert(_Alignof(struct detail) <= _Alignof(weir_err), "... at its alignment");
_Static_assert(offsetof(struct detail, code) == offsetof(weir_err, code), "code is the same field in both");
_Static_assert(offsetof(struct detail, frames) == offsetof(weir_err, opaque_), "the rest lies in opaque_");

_Static_assert(WEIR_EINTR == -EINTR && WEIR_EIO == -EIO && WEIR_EBADF == -EBADF, "codes are -errno");
_Static_assert(WEIR_EAGAIN == -EAGAIN && WEIR_ENOMEM == -ENOMEM && WEIR_EBUSY == -EBUSY, "codes are -errno");
_Static_assert(WEIR_EINVAL == -EINVAL && WEIR_EPIPE == -EPIPE && WEIR_EDEADLK == -EDEADLK, "codes are -errno");
_Static_assert(WEIR_ENOSYS == -ENOSYS && WEIR_EOVERFLOW == -EOVERFLOW, "codes are -errno");
_Static_assert(WEIR_ETIMEOUT == -ETIMEDOUT && WEIR_ECANCELED == -ECANCELED, "codes are -errno");

static struct detail *detail_of(weir_err *err)
{
	return (struct detail *)err;
}

static const struct detail *const_detail_of(const weir_err *err)
{
	return (const struct detail *)err;
}

/* E1: without a code, empty; with one, a failure of which nothing more is known. */
static struct detail *begin(weir_err *err, int code)
{
	struct detail *d = detail_of(err);
	d->code = code;
	d->members_lost = d->n_frames = d->frames_lost = d->text_lost = 0;
	d->members = NULL;
	d->value = 0;
	d->text[0] = '\0';
	return d;
}

/* Most texts are only words; formatting them costs five times as much as copying. */
static bool copy_words(struct detail *d, const char *fmt)
{
	size_t bytes = strlen(fmt) + 1;
	if (bytes > sizeof(d->text) || memchr(fmt, '%', bytes))
		return false;
	memcpy(d->text, fmt, bytes);
	return true;
}

int weir_vfail(weir_err *err, int code, const char *fmt, va_list args)
{
	if (code >= 0) /* E2 */
		code = WEIR_EINVAL;
	if (!err)
		return code;
	if (err->code)
		weir_err_fini(err);
	struct detail *d = begin(err, code);
	if (!fmt || copy_words(d, fmt))
		return code;
	int n = vsnprintf(d->text, sizeof(d->text), fmt, args);
	if (n < 0) /* a wide character that has no bytes here: say the rest without it */
		snprintf(d->text, sizeof(d->text), "(its text could not be formatted)");
	else if ((size_t)n >= sizeof(d->text))
		d->text_lost = (uint32_t)((size_t)n - (sizeof(d->text) - 1));
	assert(d->code < 0);
	return code;
}

int weir_fail(weir_err *err, int code, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	code = weir_vfail(err, code, fmt, args);
	va_end(args);
	return code;
}

void weir_err_frame(weir_err *err, const char *name, uint32_t index, uint32_t attempt)
{
	if (!err || err->code == 0)
		return;
	struct detail *d = detail_of(err);
	assert(d->n_frames <= WEIR_ERR_FRAMES); /* E3 */
	if (d->n_frames == WEIR_ERR_FRAMES) {
		d->frames_lost++;
		return;
	}
	if (attempt == CODE_CHANGE)
		attempt--;
	d->frames[d->n_frames++] = (struct frame){.name = name ? name : "?", .index = index, .attempt = attempt};
}

/* Room for one frame more, at the cost of the outermost place. NULL: there are only changes of code. */
static struct frame *make_room(struct detail *d)
{
	uint32_t i = d->n_frames;
	if (i < WEIR_ERR_FRAMES)
		return &d->frames[d->n_frames++];
	d->frames_lost++;
	while (i > 0 && d->frames[i - 1].attempt == CODE_CHANGE)
		i--;
	if (i == 0)
		return NULL;
	memmove(&d->frames[i - 1], &d->frames[i], (WEIR_ERR_FRAMES - i) * sizeof(d->frames[0]));
	return &d->frames[WEIR_ERR_FRAMES - 1];
}

int weir_err_wrap(weir_err *err, int code, int64_t value)
{
	if (code >= 0) /* E2 */
		code = WEIR_EINVAL;
	if (!err)
		return code;
	bool empty = err->code == 0;
	struct detail *d = empty ? begin(err, code) : detail_of(err);
	struct frame *f = empty ? NULL : make_room(d);
	if (f)
		*f = (struct frame){.value = d->value, .code = d->code, .attempt = CODE_CHANGE};
	d->code = code;
	d->value = value;
	return code;
}

void weir_err_add(weir_err *err, weir_rt *rt, uint32_t index, weir_err *member)
{
	if (!err || !member || member->code == 0 || member == err)
		return;
	struct detail *d = err->code ? detail_of(err) : begin(err, member->code);
	struct member *m = weir_rt_alloc(rt, sizeof(*m)), **at = &d->members;
	if (!m) {
		d->members_lost++;
		weir_err_fini(member);
		return;
	}
	*m = (struct member){.rt = rt, .index = index};
	weir_err_move(&m->err, member);
	while (*at)
		at = &(*at)->next;
	*at = m;
}

const weir_err *weir_err_member(const weir_err *err, size_t i, uint32_t *out_index)
{
	const struct member *m = err && err->code ? const_detail_of(err)->members : NULL;
	for (; m && i > 0; i--)
		m = m->next;
	if (m && out_index)
		*out_index = m->index;
	return m ? &m->err : NULL;
}

void weir_err_move(weir_err *to, weir_err *from)
{
	if (to == from)
		return;
	if (to && to->code)
		weir_err_fini(to);
	if (!to)
		weir_err_fini(from);
	if (!to || !from || from->code == 0)
		return;
	*to = *from;
	(void)begin(from, 0); /* its members are to's now: E6 */
}

void weir_err_fini(weir_err *err)
{
	if (!err || err->code == 0)
		return;
	for (struct member *m = detail_of(err)->members, *next; m; m = next) {
		next = m->next;
		weir_err_fini(&m->err);
		weir_rt_release(m->rt, m);
	}
	(void)begin(err, 0);
}

/* The code in the node itself, outermost first (E5). */
static bool node_as(const struct detail *d, int code, struct weir_err_info *out)
{
	int now = d->code;
	int64_t value = d->value;
	uint32_t i = d->n_frames;
	for (; now != code; i--) {
		while (i > 0 && d->frames[i - 1].attempt != CODE_CHANGE)
			i--;
		if (i == 0)
			return false;
		now = d->frames[i - 1].code;
		value = d->frames[i - 1].value;
	}
	*out = (struct weir_err_info){.value = value, .index = UINT32_MAX};
	for (; i > 0 && d->frames[i - 1].attempt != CODE_CHANGE; i--) { /* down to where it became this code */
		out->name = d->frames[i - 1].name;
		out->index = d->frames[i - 1].index;
		out->attempt = d->frames[i - 1].attempt;
	}
	return true;
}

bool weir_err_as(const weir_err *err, int code, struct weir_err_info *out)
{
	struct weir_err_info unused;
	if (!err || err->code == 0 || code >= 0) /* an empty value is no failure, "with code 0" neither */
		return false;
	const struct detail *d = const_detail_of(err);
	if (node_as(d, code, out ? out : &unused))
		return true;
	for (const struct member *m = d->members; m; m = m->next)
		if (weir_err_as(&m->err, code, out))
			return true;
	return false;
}

bool weir_err_is(const weir_err *err, int code)
{
	return weir_err_as(err, code, NULL);
}

/* Where weir_err_format writes: len goes on counting when buf is full. */
struct out {
	char *buf;
	size_t cap, len;
};

WEIR_PRINTF(2, 3) static void put(struct out *o, const char *fmt, ...)
{
	bool room = o->len < o->cap;
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(room ? o->buf + o->len : NULL, room ? o->cap - o->len : 0, fmt, args);
	va_end(args);
	assert(n >= 0); /* only byte strings and integers come here */
	o->len += (size_t)n;
}

static const char *name_in_table(int code)
{
	switch (code) {
#define CASE_NAME(name, value, text) \
	case name:                   \
		return #name;
		WEIR_ERR_TABLE(CASE_NAME)
#undef CASE_NAME
	default:
		return NULL;
	}
}

static bool is_errno(int code)
{
	return code < 0 && code > -1000;
}

/* The C library's own tables, where it has them: static text, unlike that of strerror(3) for a number it does not
 * know. */
#ifdef __GLIBC__
#define LIBC_HAS_TABLES __GLIBC_PREREQ(2, 32)
#else
#define LIBC_HAS_TABLES 0
#endif

static const char *name_in_libc(int code)
{
#if LIBC_HAS_TABLES
	return is_errno(code) ? strerrorname_np(-code) : NULL;
#else
	(void)code;
	return NULL;
#endif
}

static const char *text_in_libc(int code)
{
#if LIBC_HAS_TABLES
	return is_errno(code) ? strerrordesc_np(-code) : NULL;
#else
	(void)code;
	return NULL;
#endif
}

/* A name that only this code has, or NULL. */
static const char *own_name(int code)
{
	const char *name = name_in_table(code);
	return name ? name : name_in_libc(code);
}

const char *weir_err_name(int code)
{
	const char *name = own_name(code);
	if (name)
		return name;
	if (code >= 0)
		return "no error";
	if (is_errno(code))
		return "errno";
	return code <= WEIR_EUSER ? "user error" : "unknown code";
}

const char *weir_err_text(int code)
{
	switch (code) {
#define CASE_TEXT(name, value, text) \
	case name:                   \
		return text;
		WEIR_ERR_TABLE(CASE_TEXT)
#undef CASE_TEXT
	default:
		break;
	}
	const char *text = text_in_libc(code);
	if (text)
		return text;
	if (code >= 0)
		return "nothing failed";
	if (is_errno(code))
		return "the system has no text for it";
	return code <= WEIR_EUSER ? "an error of the program's own" : "weir has no such code";
}

/* What the value of a code counts. */
static void put_value(struct out *o, int code, int64_t value)
{
	static const struct {
		int code;
		const char *before, *after;
		int64_t unit;
	} meanings[] = {
		{WEIR_EEXHAUSTED, "", " attempts", 1},         {WEIR_EOPEN, "try again in ", " us", 1000},
		{WEIR_ELIMITED, "try again in ", " us", 1000}, {WEIR_EOVERLOAD, "try again in ", " us", 1000},
		{WEIR_ETIMEOUT, "after ", " us", 1000},        {WEIR_EPARTIAL, "at item ", "", 1},
	};
	for (size_t i = 0; value != 0 && i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == code)
			put(o, " (%s%lld%s)", meanings[i].before, (long long)(value / meanings[i].unit),
			    meanings[i].after);
}

static void put_code(struct out *o, int code, int64_t value)
{
	const char *name = own_name(code);
	if (name)
		put(o, "%s", name);
	else
		put(o, "%s %d", weir_err_name(code), is_errno(code) ? -code : code);
	put_value(o, code, value);
}

static void put_place(struct out *o, const struct frame *f)
{
	put(o, "%s", f->name);
	if (f->index != UINT32_MAX)
		put(o, "[%u]", f->index);
	if (f->attempt > 0)
		put(o, " attempt %u", f->attempt);
	put(o, ": ");
}

static void put_node(struct out *o, const struct detail *d)
{
	int code = d->code;
	int64_t value = d->value;
	assert(code < 0 && d->n_frames <= WEIR_ERR_FRAMES); /* E2, E3 */
	if (d->frames_lost > 0)
		put(o, "(%u more): ", d->frames_lost);
	for (uint32_t i = d->n_frames; i > 0; i--) {
		const struct frame *f = &d->frames[i - 1];
		if (f->attempt != CODE_CHANGE) {
			put_place(o, f);
			continue;
		}
		put_code(o, code, value);
		put(o, ": ");
		code = f->code;
		value = f->value;
	}
	put_code(o, code, value);
	put(o, ": %s", d->text[0] ? d->text : weir_err_text(code));
	if (d->text_lost > 0)
		put(o, "... (%u bytes cut)", d->text_lost);
	const char *before = " [";
	for (const struct member *m = d->members; m; m = m->next, before = "; [") {
		put(o, "%s%u] ", before, m->index);
		put_node(o, const_detail_of(&m->err));
	}
	if (d->members_lost > 0)
		put(o, "; and %u more", d->members_lost);
}

size_t weir_err_format(const weir_err *err, char *buf, size_t cap)
{
	struct out o = {buf, cap, 0};
	assert(buf || cap == 0);
	if (cap > 0)
		buf[0] = '\0';
	if (err && err->code != 0)
		put_node(&o, const_detail_of(err));
	return o.len;
}
