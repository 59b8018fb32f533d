/* SPDX-License-Identifier: MIT
 *
 * Codes and their names, and the detail of a failure: a value that the caller keeps on its stack.
 *
 * The public struct is 256 bytes of which only `code` has a name. What lies in the rest is `struct detail` below:
 * the frames that the failure passed through, innermost first, then the text, then counts of what found no room.
 * Nothing here allocates, so a failure to allocate can be reported like any other, and a weir_err can be copied byte
 * by byte (a pipeline sends one in each result).
 *
 * INVARIANTS
 *  E1  code == 0 means empty: no frames, no text. Zeroed memory is empty.
 *  E2  code < 0 otherwise. weir_fail turns a code that is not negative into WEIR_EINVAL.
 *  E3  n_frames <= WEIR_ERR_FRAMES; frames[0] is the innermost. When there are too many, the outer ones are the ones
 *      not kept: where it began says more than what it passed last. frames_lost counts them.
 *  E4  text is terminated; text_lost counts the bytes that were cut off its end.
 *
 * One value is one node of a tree. weir_err_is and weir_err_format speak to a node through node_is and put_node
 * only, so a node with members needs a loop in these two and nothing else.
 *
 * LOCKS: none. A weir_err belongs to one task at a time; different values may be used at the same time, since all
 * other data here is constant. */
#include <weir/core/err.h>

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TEXT_BYTES 128

struct frame {
	const char *name;
	uint32_t index;   /* UINT32_MAX: none */
	uint32_t attempt; /* 0: none */
} __attribute__((may_alias));

struct detail {
	int code;
	uint32_t flags;
	struct frame frames[WEIR_ERR_FRAMES];
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

int weir_vfail(weir_err *err, int code, const char *fmt, va_list args)
{
	if (code >= 0) /* E2 */
		code = WEIR_EINVAL;
	if (!err)
		return code;
	weir_err_fini(err);
	struct detail *d = detail_of(err);
	d->code = code;
	int n = fmt ? vsnprintf(d->text, sizeof(d->text), fmt, args) : 0;
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
	d->frames[d->n_frames++] = (struct frame){name ? name : "?", index, attempt};
}

void weir_err_move(weir_err *to, weir_err *from)
{
	if (to == from)
		return;
	weir_err_fini(to);
	if (to && from)
		*to = *from;
	weir_err_fini(from);
}

void weir_err_fini(weir_err *err)
{
	if (err)
		memset(err, 0, sizeof(*err)); /* E1 */
}

static bool node_is(const struct detail *d, int code)
{
	return d->code == code;
}

bool weir_err_is(const weir_err *err, int code)
{
	/* An empty value is no failure: it is not "a failure with code 0". */
	return err && code < 0 && node_is(const_detail_of(err), code);
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

static void put_code(struct out *o, int code)
{
	const char *name = own_name(code);
	if (name)
		put(o, "%s", name);
	else
		put(o, "%s %d", weir_err_name(code), is_errno(code) ? -code : code);
}

static void put_frame(struct out *o, const struct frame *f)
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
	assert(d->code < 0 && d->n_frames <= WEIR_ERR_FRAMES); /* E2, E3 */
	if (d->frames_lost > 0)
		put(o, "(%u more): ", d->frames_lost);
	for (uint32_t i = d->n_frames; i > 0; i--)
		put_frame(o, &d->frames[i - 1]);
	put_code(o, d->code);
	put(o, ": %s", d->text[0] ? d->text : weir_err_text(d->code));
	if (d->text_lost > 0)
		put(o, "... (%u bytes cut)", d->text_lost);
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
