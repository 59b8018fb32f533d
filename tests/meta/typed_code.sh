#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The typed wrappers cost nothing: at -O2 a function that uses one is, instruction by instruction, the function that
# calls the raw twin. Compared is the assembly text, without directives, with the labels numbered anew
# and one name for the thunks.
. "$(dirname "$0")/cases.bash"
export LC_ALL=C

# Freestanding, so that a cross compiler needs no C library.
flags='-std=c17 -O2 -fomit-frame-pointer -ffreestanding -Wall -Wextra -Werror -Iinclude'

cat >"$scratch/prelude.h" <<'C'
#include <weir/core/typed.h>
void text_free(char **text);
int count(weir_ctx *ctx, const int *in, int *out, weir_err *err, void *arg);
int produce(weir_ctx *ctx, weir_err *err, weir_tx **tx);
WEIR_TYPE_PLAIN(num, int);
WEIR_TYPE_OWNED(text, char *, text_free);
WEIR_CHAN_DECLARE(num);
WEIR_PIPELINE_DECLARE(sq, num, text);
WEIR_HANDLER_DECLARE(count, num, num);
WEIR_TASK_DECLARE(produce, weir_tx *);
C

# compiler and flags, text: its instructions
instructions() {
	# shellcheck disable=SC2086 # flags are words
	printf '#include "prelude.h"\n%s\n' "$2" | $1 -xc $flags -I"$scratch" -S -o - - | awk '
	/^[ \t]*\.[a-z]/ || /^[ \t]*(#|\/\/)/ || /^[ \t]*$/ { next }
	{
		sub(/[ \t]+(#|\/\/) .*$/, "") # an immediate has no space after its #
		gsub(/count_handler|produce_task/, "thunk")
		rest = $0; line = ""
		while (match(rest, /\.?L[A-Z_]*[0-9]+(_[0-9]+)?/)) {
			label = substr(rest, RSTART, RLENGTH)
			if (!(label in number)) number[label] = ++labels
			line = line substr(rest, 1, RSTART - 1) "L" number[label]
			rest = substr(rest, RSTART + RLENGTH)
		}
		print line rest
	}'
}

# compiler and flags, raw text, typed text: how they differ
difference() {
	instructions "$1" "$2" >"$scratch/raw" && instructions "$1" "$3" >"$scratch/typed" || echo 'does not compile'
	[ "$(grep -c '^[ 	]' "$scratch/raw")" -gt 0 ] || echo 'no instructions'
	diff "$scratch/raw" "$scratch/typed"
}

compilers=()
add() { # command, how it is called in the report
	local target
	if echo 'int x;' | $1 -xc -ffreestanding -S -o - - >/dev/null 2>&1; then
		target=$($1 -dumpmachine)
		compilers+=("$1|${1%% *}, ${target%%-*}")
	else
		skip "code of $2" 'not installed'
	fi
}
add gcc gcc
add clang clang
case $(uname -m) in
aarch64) ;;
*)
	add aarch64-linux-gnu-gcc 'aarch64-linux-gnu-gcc'
	add 'clang --target=aarch64-linux-gnu' 'clang for aarch64'
	;;
esac

same() { # name, raw text, typed text
	local entry
	for entry in ${compilers[@]+"${compilers[@]}"}; do
		nothing "$1 (${entry#*|})" "$(difference "${entry%%|*}" "$2" "$3" 2>&1)"
	done
}

same send \
	'int f(weir_ctx *c, weir_tx *tx, const int *n) { return weir_tx_send(c, tx, n); }' \
	'int f(weir_ctx *c, num_tx tx, const int *n) { return num_send(c, tx, n); }'
same receive \
	'int f(weir_ctx *c, weir_rx *rx, int *n) { return weir_rx_recv(c, rx, n); }' \
	'int f(weir_ctx *c, num_rx rx, int *n) { return num_recv(c, rx, n); }'
same 'try to send' \
	'int f(weir_tx *tx, const int *n) { return weir_tx_try_send(tx, n); }' \
	'int f(num_tx tx, const int *n) { return num_tx_try_send(tx, n); }'
same 'try to receive' \
	'int f(weir_rx *rx, int *n) { return weir_rx_try_recv(rx, n); }' \
	'int f(num_rx rx, int *n) { return num_rx_try_recv(rx, n); }'
same 'close of what is there' \
	'void f(weir_tx *tx, weir_rx *rx) { weir_tx_close(&tx); weir_rx_close(&rx); }' \
	'void f(num_tx tx, num_rx rx) { num_tx_close(&tx); num_rx_close(&rx); }'
# The test for NULL goes: the handle is the first thing in the struct, and the raw close tests by itself.
same 'close through a pointer' \
	'void f(weir_tx **tx) { weir_tx_close(tx); }' \
	'void f(num_tx *tx) { num_tx_close(tx); }'
same 'clone of one' \
	'int f(weir_tx *tx, weir_tx **out) { return weir_tx_clone(tx, 1, out); }' \
	'int f(num_tx tx, num_tx *out) { return num_tx_clone(tx, out); }'
same 'clone of n' \
	'int f(weir_rx *rx, size_t n, weir_rx **out) { return weir_rx_clone(rx, n, out); }' \
	'int f(num_rx rx, size_t n, num_rx *out) { return num_rx_clone_n(rx, n, out); }'
same 'cases of a select' \
	'int f(weir_ctx *c, weir_tx *tx, weir_rx *rx, int *n) {
		weir_case cases[] = {weir_case_send(tx, n), weir_case_recv(rx, n)};
		return weir_select(c, cases, 2); }' \
	'int f(weir_ctx *c, num_tx tx, num_rx rx, int *n) {
		weir_case cases[] = {num_tx_case(tx, n), num_rx_case(rx, n)}; return weir_select(c, cases, 2); }'
same 'shut and statistics' \
	'void f(weir_rx *rx, struct weir_chan_stats *st) { weir_rx_shut(rx); weir_rx_stats(rx, st); }' \
	'void f(num_rx rx, struct weir_chan_stats *st) { num_rx_shut(rx); num_rx_stats(rx, st); }'
same 'a loop that sums and closes' \
	'int f(weir_ctx *c, weir_rx *rx) { int n, rc, sum = 0;
		while ((rc = weir_rx_recv(c, rx, &n)) > 0) sum += n; weir_rx_close(&rx); return rc < 0 ? rc : sum; }' \
	'int f(weir_ctx *c, num_rx rx) { int n, rc, sum = 0;
		while ((rc = num_recv(c, rx, &n)) > 0) sum += n; num_rx_close(&rx); return rc < 0 ? rc : sum; }'
same 'start of a pipeline' \
	'int f(weir_scope *s, const struct weir_pipeline_opts *o, weir_tx **jobs, weir_rx **results) {
		return weir_pipeline_start(s, num_type(), text_type(), o, jobs, results, NULL); }' \
	'int f(weir_scope *s, const struct weir_pipeline_opts *o, sq_jobs *jobs, sq_results *results) {
		return sq_start(s, o, jobs, results, NULL); }'
same 'drop of a result' \
	'void f(struct sq_result *r) { if (r->head.rc == 0) text_free(&r->value); weir_err_fini(&r->head.err); }' \
	'void f(struct sq_result *r) { sq_result_drop(r); }'
same 'the thunk of a handler' \
	'static int thunk(weir_ctx *c, const void *in, void *out, weir_err *e, void *a) {
		return count(c, in, out, e, a); }
	weir_handler_fn *f(void) { return thunk; }' \
	'weir_handler_fn *f(void) { return count_handler; }'
same 'spawn of a task' \
	'static int thunk(weir_ctx *c, weir_err *e, void *arg) { return produce(c, e, arg); }
	int f(weir_scope *s, weir_tx **tx) { return weir_scope_spawn(s, "produce", thunk, tx); }' \
	'int f(weir_scope *s, weir_tx **tx) { return produce_spawn(s, tx); }'

for entry in ${compilers[@]+"${compilers[@]}"}; do
	something "sees one instruction more (${entry#*|})" "$(difference "${entry%%|*}" \
		'int f(weir_tx *tx, const int *n) { return weir_tx_try_send(tx, n); }' \
		'int f(num_tx tx, const int *n) { return num_tx_try_send(tx, n + 1); }')"
	something "sees another function called (${entry#*|})" "$(difference "${entry%%|*}" \
		'void f(weir_tx *tx) { weir_tx_close(&tx); }' 'void f(num_rx tx) { num_rx_close(&tx); }')"
done

finish
