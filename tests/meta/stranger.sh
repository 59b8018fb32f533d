#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What somebody meets who has only what `make install` put into place: two programs of the size one writes on the first
# day, in C, and one in C++, built in a folder of their own with the flags of pkg-config and no others. install.sh
# checks the installation itself; this, that programs made with it are what they should be.
. "$(dirname "$0")/cases.bash"
export LC_ALL=C

tree=$PWD
unset MAKEFLAGS MFLAGS MAKELEVEL "${!WEIR_SIM_@}"
if ! command -v pkg-config >/dev/null 2>&1; then
	skip 'programs of a stranger' 'pkg-config is not installed'
	finish
fi

# A DESTDIR is a root of a system that is not running: pkg-config calls it the sysroot.
dest=$scratch/dest
out=$(make --no-print-directory BUILD="$BUILD" PREFIX=/opt/weir DESTDIR="$dest" install 2>&1) ||
	{ fail 'make install' "$out"; finish; }
export PKG_CONFIG_SYSROOT_DIR=$dest PKG_CONFIG_LIBDIR=$dest/opt/weir/lib/pkgconfig
lib=$dest/opt/weir/lib
mkdir "$scratch/project"
cd "$scratch/project" || exit 2

cat >squares.c <<'C'
#include <stdio.h>
#include <weir/weir.h>
WEIR_TYPE_PLAIN(num, int);
WEIR_PIPELINE_DECLARE(sq, num, num);
static int square(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg) {
	*out = *in * *in;
	return *in == *(int *)arg ? weir_fail(err, WEIR_EUSER, "no square of %d", *in) : weir_ctx_err(ctx);
}
WEIR_HANDLER_DECLARE(square, num, num);
static int produce(weir_ctx *ctx, weir_err *err, sq_jobs *jobs) {
	int rc = 0;
	for (int i = 1; i <= 100 && rc == 0; i++)
		rc = sq_send(ctx, *jobs, &(struct sq_job){.in = i});
	sq_jobs_close(jobs);
	return rc;
}
WEIR_TASK_DECLARE(produce, sq_jobs);
static int app(weir_ctx *ctx, weir_err *err, void *arg) {
	int sum = 0, bad = 0, rc;
	sq_jobs jobs = {0}; sq_results results = {0}; struct sq_result r; weir_scope s;
	weir_scope_init(&s, ctx);
	rc = sq_start(&s, &(struct weir_pipeline_opts){.handler = square_handler, .workers = 3, .arg = &(int){13}},
		      &jobs, &results, NULL);
	rc = rc < 0 ? rc : produce_spawn(&s, &jobs);
	for (; rc >= 0 && (rc = sq_recv(ctx, results, &r)) > 0; sq_result_drop(&r))
		r.head.rc == 0 ? (sum += r.value) : bad++;
	sq_results_close(&results);
	rc = weir_scope_join(ctx, &s, rc, err);
	sq_jobs_close(&jobs);
	return printf("%d, %d failed\n", sum, bad) < 0 ? WEIR_EIO : rc;
}
int main(void) { return weir_main(app, NULL); }
C

cat >timeout_test.c <<'C'
#include <weir/sim.h>
WEIR_TYPE_PLAIN(num, int);
WEIR_CHAN_DECLARE(num);
static int answer(weir_ctx *ctx, weir_err *err, num_tx *tx) {
	int rc = weir_sleep(ctx, WEIR_MS(10));
	if (rc == 0)
		rc = num_send(ctx, *tx, &(int){42});
	num_tx_close(tx);
	return rc == WEIR_EPIPE ? 0 : rc;
}
WEIR_TASK_DECLARE(answer, num_tx);
WEIR_SIM_TEST(an_answer_that_comes_too_late) {
	num_tx tx; num_rx rx; weir_scope s; weir_ctx limit; int got = 0;
	WEIR_SIM_EQ(num_chan_new(weir_ctx_rt(ctx), 0, &tx, &rx), 0);
	weir_scope_init(&s, ctx);
	WEIR_SIM_EQ(answer_spawn(&s, &tx), 0);
	weir_ctx_init(&limit, ctx, WEIR_MS(4));
	int rc = num_recv(&limit, rx, &got); /* it may be late itself, and find both */
	WEIR_SIM_ASSERT(rc == WEIR_EDEADLINE ? got == 0 : rc == 1 && got == 42);
	weir_ctx_fini(&limit);
	num_rx_close(&rx);
	WEIR_SIM_EQ(weir_scope_join(ctx, &s, 0, NULL), 0);
}
int main(int argc, char **argv) { return weir_sim_main(argc, argv); }
C

cat >raw.cc <<'CC'
#include <cstdio>
#include <memory>
#include <weir/weir.h>
struct closer {
	void operator()(weir_tx *tx) const { weir_tx_close(&tx); }
	void operator()(weir_rx *rx) const { weir_rx_close(&rx); }
};
static void text_free(char **text) { *text = nullptr; }
static int text_dup(char *const *from, char **to) { return *to = *from, 0; }
static int work(weir_ctx *ctx, weir_err *, int *n) { return ++*n, weir_ctx_err(ctx); }
static int halve(weir_ctx *, const int *in, int *out, weir_err *, void *) { return *out = *in / 2, 0; }
WEIR_TYPE_PLAIN(num, int);
WEIR_TYPE_OWNED_COPY(text, char *, text_free, text_dup);
WEIR_CHAN_DECLARE(text);
WEIR_PIPELINE_DECLARE(pipe, num, text);
WEIR_HANDLER_DECLARE(halve, num, num);
WEIR_TASK_DECLARE(work, int);
static int app(weir_ctx *ctx, weir_err *err, void *)
{
	const weir_type type = {"int", sizeof(int), alignof(int), nullptr, nullptr, nullptr};
	weir_tx *tx = nullptr;
	weir_rx *rx = nullptr;
	int rc = weir_chan_new(weir_ctx_rt(ctx), &type, 4, &tx, &rx), n = 40, out = 0;
	if (rc < 0)
		return rc;
	std::unique_ptr<weir_tx, closer> in(tx);
	std::unique_ptr<weir_rx, closer> from(rx);
	weir_scope s;
	weir_scope_init(&s, ctx);
	rc = work_spawn(&s, &n);
	if ((rc = weir_scope_join(ctx, &s, rc, err)) == 0 && (rc = weir_tx_send(ctx, in.get(), &n)) == 0)
		rc = weir_rx_recv(ctx, from.get(), &out);
	std::printf("%d\n", out);
	return rc < 0 ? rc : 0;
}
int main() { return weir_main(app, nullptr); }
CC

warn='-Wall -Wextra -Wno-unused-parameter -Werror'

# case, package, compiler and its flags, source, program, pkg-config flags...: builds
build() {
	local name=$1 package=$2 compiler=$3 source=$4 program=$5 said
	shift 5
	# shellcheck disable=SC2046,SC2086 # flags are words
	said=$($compiler $warn "$source" -o "$program" $(pkg-config "$@" --cflags --libs "$package") 2>&1)
	nothing "$name builds" "$said$([ -x "$program" ] || echo 'there is no program')"
}

prints() { # case, pattern (one whole line), command...
	local name=$1 pattern=$2 said status
	shift 2
	said=$("$@" 2>&1)
	status=$?
	nothing "$name" "$([ "$status" -eq 0 ] && grep -qxE "$pattern" <<<"$said" ||
		printf 'exit status %d\n%s\n' "$status" "$said")"
}

needs() { # program: the shared libraries it asks for
	readelf -d "$1" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'
}

lines() { # file, at most
	[ "$(wc -l <"$1")" -le "$2" ] || echo "$1 has $(wc -l <"$1") lines"
}
nothing 'they are short: 33 and 25 lines' "$(lines squares.c 33; lines timeout_test.c 25)"

# shellcheck disable=SC2046
headers=$("$CC" -M squares.c $(pkg-config --cflags weir) 2>&1 | tr -d '\\' | tr ' ' '\n' | grep 'weir/.*\.h$')
nothing 'every header of weir is the installed one' \
	"$(grep -v "^$dest/opt/weir/include/weir/" <<<"${headers:-none was read}")"

squares=$((100 * 101 * 201 / 6 - 13 * 13))
build 'a pipeline, shared,' weir "$CC -std=c17" squares.c shared
prints 'and runs' "$squares, 1 failed" env LD_LIBRARY_PATH="$lib" ./shared
something 'with the shared library' "$(needs shared | grep -x 'libweir\.so\.0')"
build 'a pipeline, static,' weir "$CC -std=c17 -static" squares.c static --static
prints 'and runs alone' "$squares, 1 failed" ./static
nothing 'with no library at all' "$(needs static)"

build 'a simulation test' weir-sim "$CC -std=c17 -g" timeout_test.c sim
prints 'and passes' '1 passed, 0 failed' ./sim
prints 'and in every schedule there is' '1 passed, 0 failed' ./sim --strategy dfs
nothing 'without the shared library' "$(needs sim | grep weir)"
build 'a simulation test, static,' weir-sim "$CC -std=c17 -g -static" timeout_test.c sim-static --static
prints 'and passes alone' '1 passed, 0 failed' ./sim-static
sed '/num_rx_close/d' timeout_test.c >broken_test.c
build 'the same with a bug' weir-sim "$CC -std=c17 -g" broken_test.c broken
something 'which is found, where it is' "$(./broken 2>&1 | grep 'broken_test\.c:')"
nothing 'and told by the exit status' "$(./broken >/dev/null 2>&1; status=$?; [ "$status" -eq 1 ] || echo "$status")"

tried=0
for compiler in g++ clang++; do
	# A clang++ without a C++ library of its own is as good as none.
	if ! echo '#include <memory>' | "$compiler" -xc++ -fsyntax-only - >/dev/null 2>&1; then
		skip "C++ with $compiler" "$compiler is not installed"
		continue
	fi
	tried=$((tried + 1))
	build "C++17, shared, with $compiler" weir "$compiler -std=c++17 -Wpedantic" raw.cc raw-shared-$tried
	prints 'and runs' 41 env LD_LIBRARY_PATH="$lib" ./raw-shared-$tried
	build "C++17, static, with $compiler" weir "$compiler -std=c++17 -static" raw.cc raw-static-$tried --static
	prints 'and runs alone' 41 ./raw-static-$tried
done

# A header that is not installed is not found in the tree either.
rm "$dest/opt/weir/include/weir/core/chan.h"
# shellcheck disable=SC2046
something 'sees a header that is missing' \
	"$("$CC" -fsyntax-only squares.c $(pkg-config --cflags weir) 2>&1 | grep 'weir/core/chan\.h')"

cd "$tree" || exit 2
finish
