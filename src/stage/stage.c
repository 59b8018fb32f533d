/* SPDX-License-Identifier: MIT
 *
 * Stages: building trees of them, their lifecycle, and the stage of a function. See stage.h for the rules. */
#include "stage.h"

/* Where not even a stage that says so could be made; S1 allows nothing to be done with them. */
static struct weir_stage no_memory = {.processor = &weir__stage_processor, .name = "stage", .err.code = WEIR_ENOMEM};
static struct weir_stage no_children = {.processor = &weir__stage_processor, .name = "stage", .err.code = WEIR_EINVAL};

static bool is_constant(const weir_stage *st)
{
	return st == &no_memory || st == &no_children;
}

static const char *why_constant(const weir_stage *st)
{
	return st == &no_memory ? "no memory to build a stage"
				: "a stage was made of no stages (none, or NULL), or without a runtime";
}

/* ---- building ---- */

static void free_tree(weir_stage *st)
{
	if (is_constant(st))
		return;
	if (st->ops->free)
		st->ops->free(st);
	for (size_t i = st->n_children; i > 0; i--)
		free_tree(st->children[i - 1]);
	weir_err_fini(&st->err);
	weir_atomic_fini(&st->calls);
	weir_rt_release(st->rt, st);
}

/* Whether children[i] stands further in front too. */
static bool is_again(weir_stage *const *children, size_t i)
{
	size_t first = 0;
	while (children[first] != children[i])
		first++;
	return first != i;
}

weir_stage *weir__stage_none(weir_stage *const *children, size_t n, int code)
{
	for (size_t i = n; i-- > 0;) /* the last one first: what is again has not been freed yet */
		if (children[i] && !children[i]->taken && !is_again(children, i))
			free_tree(children[i]);
	return code == WEIR_ENOMEM ? &no_memory : &no_children;
}

void weir__stage_wrong(weir_stage *st, int code, const char *fmt, ...)
{
	va_list args;
	if (!weir__stage_ok(st)) /* S1 */
		return;
	va_start(args, fmt);
	(void)weir_vfail(&st->err, code, fmt, args);
	va_end(args);
	weir_err_frame(&st->err, st->name, WEIR__NO_INDEX, 0);
}

/* What is wrong with a child is wrong with its parent. */
static void adopt(weir_stage *st, weir_stage *child, size_t index)
{
	if (!child) {
		weir__stage_wrong(st, WEIR_EINVAL, "child %zu is NULL", index);
		return;
	}
	if (child->taken)
		weir__stage_wrong(st, WEIR_EINVAL, "child %zu, \"%s\", is part of another stage already", index,
				  child->name);
	else
		st->children[st->n_children++] = child;
	if (is_constant(child)) {
		weir__stage_wrong(st, child->err.code, "child %zu: %s", index, why_constant(child));
		return;
	}
	if (child->rt != st->rt)
		weir__stage_wrong(st, WEIR_EINVAL, "child %zu, \"%s\", is of another runtime", index, child->name);
	if (!weir__stage_ok(child) && weir__stage_ok(st)) {
		weir_err_move(&st->err, &child->err);
		child->err.code = st->err.code; /* S1: it stays wrong */
	}
	child->taken = true; /* S2 */
	st->detaches |= child->detaches;
	st->bytes += child->bytes;
	st->helpers += child->helpers;
}

weir_stage *weir__stage_make(weir_rt *rt, const struct weir__stage_ops *ops, const char *name, size_t size,
			     weir_stage *const *children, size_t n)
{
	n = children ? n : 0;
	for (size_t i = 0; i < n && !rt; i++)
		rt = children[i] ? children[i]->rt : NULL;
	if (!rt)
		return weir__stage_none(children, n, n && children[0] == &no_memory ? WEIR_ENOMEM : WEIR_EINVAL);
	size_t tail = (size + sizeof(void *) - 1) / sizeof(void *) * sizeof(void *);
	weir_stage *st = weir_rt_alloc(rt, tail + n * sizeof(weir_stage *));
	if (!st)
		return weir__stage_none(children, n, WEIR_ENOMEM);
	memset(st, 0, tail + n * sizeof(weir_stage *));
	st->processor = &weir__stage_processor;
	st->ops = ops;
	st->rt = rt;
	st->name = name;
	st->probe = weir_probe_of(rt);
	st->bytes = weir__bind_room(rt);
	st->children = (weir_stage **)(void *)((unsigned char *)st + tail);
	weir_atomic_init(&st->calls, rt, 0);
	for (size_t i = 0; i < n; i++)
		adopt(st, children[i], i);
	return st;
}

void weir__stage_type(weir_stage *st, weir_type *to, const weir_type *type, const char *what)
{
	if (!type || !type->name) {
		weir__stage_wrong(st, WEIR_EINVAL, "has no type for \"%s\": a weir_type with a name is needed", what);
		return;
	}
	size_t align = type->align ? type->align : 1;
	if (!type->align)
		while (align < _Alignof(max_align_t) && type->size % (2 * align) == 0)
			align *= 2;
	if (align & (align - 1))
		weir__stage_wrong(st, WEIR_EINVAL,
				  "the type \"%s\" of \"%s\" has an alignment of %zu, which is no power of 2",
				  type->name, what, type->align);
	*to = *type;
	to->align = align;
}

static const char *arrays_of(const weir_type *type)
{
	return weir__type_is_array(type) ? "arrays of " : "";
}

bool weir__stage_fits(weir_stage *st, const weir_stage *from, const weir_stage *to)
{
	if (!weir__stage_ok(st) || weir_type_equal(&from->out, &to->in))
		return weir__stage_ok(st);
	weir__stage_wrong(st, WEIR_ETYPE, "\"%s\" makes %s%s, but \"%s\" takes %s%s", from->name, arrays_of(&from->out),
			  from->out.name, to->name, arrays_of(&to->in), to->in.name);
	return false;
}

bool weir__stage_alike(weir_stage *st, size_t index)
{
	const weir_stage *first = st->children[0], *child = st->children[index];
	bool in = weir_type_equal(&first->in, &child->in);
	const weir_type *a = in ? &first->out : &first->in, *b = in ? &child->out : &child->in;
	if (in && weir_type_equal(a, b))
		return true;
	weir__stage_wrong(st, WEIR_ETYPE, "child %zu, \"%s\", %s %s%s, but child 0, \"%s\", %s%s", index, child->name,
			  in ? "makes" : "takes", arrays_of(b), b->name, first->name, arrays_of(a), a->name);
	return false;
}

uint32_t weir__helpers_among(const weir_stage *st, uint32_t lanes)
{
	uint64_t all = 0, most = 0;
	for (size_t i = 0; i < st->n_children; i++) {
		uint64_t helpers = st->children[i]->helpers;
		all += helpers;
		most = helpers > most ? helpers : most;
	}
	return (uint32_t)(all < most * lanes ? all : most * lanes);
}

/* ---- a stage of a function ---- */

struct function {
	struct weir_stage base;
	weir_handler_fn *process;
	weir_stage_scratch_fn *process_scratch;
	void *arg;
	void (*arg_free)(void *arg);
	size_t scratch;
};

struct function_node {
	const struct function *f;
	void *scratch;
};

static int call_with_scratch(weir_ctx *ctx, const void *in, void *out, weir_err *err, void *arg)
{
	struct function_node *node = arg;
	return node->f->process_scratch(ctx, in, out, err, node->f->arg, node->scratch);
}

static void function_bind(struct weir__binder *b, const weir_stage *st, struct weir__run *out)
{
	const struct function *f = (const struct function *)st;
	out->fn = f->process;
	out->arg = f->arg;
	if (!f->process_scratch)
		return;
	struct function_node *node = weir__bind_node(b, st, sizeof(*node));
	node->f = f;
	node->scratch = weir__bind_memory(b, f->scratch, _Alignof(max_align_t));
	out->fn = call_with_scratch;
	out->arg = node;
}

static void function_free(weir_stage *st)
{
	struct function *f = (struct function *)st;
	if (f->arg_free)
		f->arg_free(f->arg);
}

static const struct weir__stage_ops function_ops = {.bind = function_bind, .free = function_free};

weir_stage *weir_stage_new(weir_rt *rt, const struct weir_stage_opts *opts)
{
	weir_stage *st = weir__stage_make(rt, &function_ops, opts && opts->name ? opts->name : "stage",
					  sizeof(struct function), NULL, 0);
	if (!opts || is_constant(st)) {
		if (opts && opts->arg_free)
			opts->arg_free(opts->arg);
		if (!is_constant(st))
			weir__stage_wrong(st, WEIR_EINVAL, "has no options");
		return st;
	}
	struct function *f = (struct function *)st;
	f->process = opts->process;
	f->process_scratch = opts->process_scratch;
	f->arg = st->lifecycle_arg = opts->arg;
	f->arg_free = opts->arg_free;
	f->scratch = opts->scratch;
	st->lifecycle = opts->lifecycle;
	st->takes = opts->takes;
	weir__stage_type(st, &st->in, opts->in, "in");
	weir__stage_type(st, &st->out, opts->out, "out");
	if (!opts->process == !opts->process_scratch)
		weir__stage_wrong(st, WEIR_EINVAL, "needs one function: process, or process_scratch");
	if (opts->scratch && !opts->process_scratch)
		weir__stage_wrong(st, WEIR_EINVAL, "has scratch, but its function takes none: process_scratch does");
	if (opts->takes && weir__stage_ok(st) && !weir_type_equal(&st->in, &st->out))
		weir__stage_wrong(st, WEIR_EINVAL, "takes its value through, but makes %s of %s", st->out.name,
				  st->in.name);
	if (opts->process_scratch)
		st->bytes += weir__node_room(sizeof(struct function_node)) +
			     weir__room(opts->scratch, _Alignof(max_align_t));
	return st;
}

/* ---- looking at stages, and freeing them ---- */

int weir_stage_check(const weir_stage *st, weir_err *err)
{
	if (!st)
		return weir_fail(err, WEIR_EINVAL, "there is no stage: NULL");
	if (weir__stage_ok(st))
		return 0;
	if (is_constant(st))
		return weir_fail(err, st->err.code, "%s", why_constant(st));
	if (err) {
		assert(!weir_err_member(&st->err, 0, NULL)); /* so its bytes may be copied: it stays for the next */
		weir_err_fini(err);
		*err = st->err;
	}
	return st->err.code;
}

weir_stage *weir_stage_named(weir_stage *st, const char *name)
{
	if (!st)
		return &no_children;
	if (is_constant(st))
		return st;
	if (st->taken || weir_atomic_load(&st->calls)) /* S3 */
		st->rt->vt->misuse(st->rt, &(struct weir_misuse){.what = "a stage is named that is in use: name it "
									 "before it is part of another, or has calls",
								 .object = st->name,
								 .site = __builtin_return_address(0)});
	else if (!name)
		weir__stage_wrong(st, WEIR_EINVAL, "is to be named, but there is no name");
	else
		st->name = name;
	return st;
}

/* Whether a stage in the tree has a call. The call of the whole has gone: such a one was left behind by it. */
static bool runs_within(const weir_stage *st)
{
	bool runs = false;
	for (size_t i = 0; i < st->n_children && st->detaches && !runs; i++)
		runs = weir_atomic_load(&st->children[i]->calls) || runs_within(st->children[i]);
	return runs;
}

void weir_stage_free(weir_stage **st)
{
	weir_stage *s = st ? *st : NULL;
	if (!s)
		return;
	*st = NULL;
	if (is_constant(s))
		return;
	const char *why = s->taken                      ? "a stage is freed that is part of another: free that one"
			  : weir_atomic_load(&s->calls) ? "a stage is freed while it has calls: free them first"
			  : runs_within(s) ? "a stage is freed while a child that was abandoned runs: join its outer "
					     "scope first"
					   : NULL;
	if (why)
		s->rt->vt->misuse(s->rt, &(struct weir_misuse){.what = why,
							       .object = s->name,
							       .site = __builtin_return_address(0)});
	else
		free_tree(s);
}

const char *weir_stage_name(const weir_stage *st)
{
	return st->name;
}

const weir_type *weir_stage_in(const weir_stage *st)
{
	return weir__stage_ok(st) ? &st->in : NULL;
}

const weir_type *weir_stage_out(const weir_stage *st)
{
	return weir__stage_ok(st) ? &st->out : NULL;
}

bool weir_stage_takes(const weir_stage *st)
{
	return st->takes;
}

/* ---- lifecycle ---- */

enum event { SETUP, CLOSE, RESET, HEALTH };

static int tell(weir_ctx *ctx, weir_stage *st, enum event event, weir_err *err)
{
	const struct weir_lifecycle *l = &st->lifecycle;
	weir_task_fn *const fn = event == SETUP   ? l->setup
				 : event == CLOSE ? l->close
				 : event == RESET ? l->reset
						  : l->health;
	int rc = fn ? fn(ctx, err, st->lifecycle_arg) : 0;
	if (rc == 0) {
		weir_err_fini(err);
		return 0;
	}
	return weir__run_failed(&(struct weir__run){.st = st}, rc, WEIR__NO_INDEX, err);
}

static size_t tree_size(const weir_stage *st)
{
	size_t n = 1;
	for (size_t i = 0; i < st->n_children; i++)
		n += tree_size(st->children[i]);
	return n;
}

/* Adds a failure of the index-th stage to all; the first code is the whole's. */
static int gather(weir_stage *st, int before, int rc, size_t index, weir_err *all, weir_err *one)
{
	if (rc < 0) {
		if (all && all->code == 0)
			(void)weir_fail(all, rc, "not every stage did it");
		weir_err_add(all, st->rt, (uint32_t)index, one);
		weir_err_fini(one);
	}
	return before < 0 ? before : rc;
}

/* Closes those of the first n stages that are in this tree, which begins behind `before` others, the last one first. */
static int close_first(weir_ctx *ctx, weir_stage *st, size_t before, size_t n, weir_err *err)
{
	size_t own = before + tree_size(st) - 1; /* its index in the order of construction: after its children */
	weir_err one = {0};
	int rc = 0;
	if (own < n)
		rc = gather(st, 0, tell(ctx, st, CLOSE, &one), own, err, &one);
	for (size_t i = st->n_children, at = own; i > 0; i--) {
		at -= tree_size(st->children[i - 1]);
		int child = close_first(ctx, st->children[i - 1], at, n, err);
		rc = rc < 0 ? rc : child;
	}
	return rc;
}

/* *done counts the stages that were told. */
static int walk(weir_ctx *ctx, weir_stage *st, enum event event, size_t *done, weir_err *err)
{
	weir_err one = {0};
	int rc = 0;
	for (size_t i = 0; i < st->n_children && !(event == SETUP && rc < 0); i++) {
		int child = walk(ctx, st->children[i], event, done, err);
		rc = rc < 0 ? rc : child;
	}
	if (event == SETUP && rc < 0)
		return rc;
	int own = tell(ctx, st, event, &one);
	if (event == SETUP && own < 0) {
		weir_err_move(err, &one);
		weir_err_fini(&one);
		return own;
	}
	rc = gather(st, rc, own, *done, err, &one);
	++*done;
	return rc;
}

static int lifecycle(weir_ctx *ctx, weir_stage *st, enum event event, weir_err *err)
{
	size_t done = 0;
	int rc = weir_stage_check(st, err);
	if (rc < 0)
		return rc;
	if (event == CLOSE)
		return close_first(ctx, st, 0, tree_size(st), err);
	rc = walk(ctx, st, event, &done, err);
	if (event == SETUP && rc < 0)
		(void)close_first(ctx, st, 0, done, NULL); /* what it says is less than what went wrong before */
	return rc;
}

int weir_stage_setup(weir_ctx *ctx, weir_stage *st, weir_err *err)
{
	return lifecycle(ctx, st, SETUP, err);
}

int weir_stage_close(weir_ctx *ctx, weir_stage *st, weir_err *err)
{
	return lifecycle(ctx, st, CLOSE, err);
}

int weir_stage_reset(weir_ctx *ctx, weir_stage *st, weir_err *err)
{
	return lifecycle(ctx, st, RESET, err);
}

int weir_stage_health(weir_ctx *ctx, weir_stage *st, weir_err *err)
{
	return lifecycle(ctx, st, HEALTH, err);
}
