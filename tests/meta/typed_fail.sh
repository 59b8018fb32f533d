#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What typed.h forbids does not compile. Each program below has one wrong token, written @wrong@right@: with the wrong
# one the compiler stops, with one error, and names the two types that do not fit; with the right one it has nothing to
# say at all. So no program is refused for a slip elsewhere in it.
. "$(dirname "$0")/cases.bash"
export LC_ALL=C

flags='-std=c17 -Wall -Wextra -Wno-unused -Wno-unused-parameter -Wno-unused-result -Iinclude -fsyntax-only'

compilers=()
for compiler in gcc clang; do
	if command -v "$compiler" >/dev/null 2>&1; then
		compilers+=("$compiler")
	else
		skip "wrong programs with $compiler" "$compiler is not installed"
	fi
done

cat >"$scratch/prelude.h" <<'C'
#include <weir/core/typed.h>
#include <stdlib.h>
static void url_free(char **url) { free(*url); }
static int url_dup(char *const *from, char **to) { *to = *from; return 0; }
static void num_free(int *n) { *n = 0; }
static int num_dup(const int *from, int *to) { *to = *from; return 0; }
WEIR_TYPE_PLAIN(num, int);
WEIR_TYPE_PLAIN(id, int);
WEIR_TYPE_OWNED(url, char *, url_free);
WEIR_CHAN_DECLARE(num);
WEIR_CHAN_DECLARE(id);
WEIR_PIPELINE_DECLARE(sq, num, num);
WEIR_PIPELINE_DECLARE(len, url, num);
static int square(weir_ctx *c, const int *in, int *out, weir_err *e, void *arg) { *out = *in; return 0; }
static int measure(weir_ctx *c, char *const *in, int *out, weir_err *e, void *arg) { *out = **in; return 0; }
static int spoil(weir_ctx *c, int *in, int *out, weir_err *e, void *arg) { *out = *in; *in = 0; return 0; }
static int produce(weir_ctx *c, weir_err *e, sq_jobs *jobs) { sq_jobs_close(jobs); return 0; }
struct all {
	num_tx tx, more[2];
	num_rx rx, others[2];
	id_tx ids;
	sq_jobs jobs;
	sq_results results;
	sq_intake intake;
	len_jobs len_jobs;
	len_results len_results;
	struct sq_job job;
	struct sq_result result;
	struct len_job len_job;
	struct len_result len_result;
	weir_tx *raw;
	int n;
	long l;
	double d;
	char *u;
};
C

for compiler in ${compilers[@]+"${compilers[@]}"}; do
	# shellcheck disable=SC2086 # flags are words
	says=$("$compiler" -xc $flags -Werror "$scratch/prelude.h" 2>&1)
	nothing "what the programs share compiles with $compiler" "$says"
	[ -z "$says" ] || finish # each of the programs would say the same again
done

# program with its mark, which of the two: the whole text
program() {
	echo '#include "prelude.h"'
	if [ "$2" = wrong ]; then
		sed 's/@\([^@]*\)@\([^@]*\)@/\1/' <<<"$1"
	else
		sed 's/@\([^@]*\)@\([^@]*\)@/\2/' <<<"$1"
	fi
}

# kind, wrong type, right type: patterns of the message, in the words of either compiler
message() {
	local fn='(int|void)'
	case $1 in
	argument) # by value or by address
		echo "expected '$3'.* but argument is of type '$2'"
		echo "passing '$2'.* to parameter of (incompatible )?type '$3'"
		;;
	function) # the types are those of the parameters
		echo "initialization of '$fn \(\* ?const\)\($3\)'.* from incompatible pointer type '$fn \(\*\)\($2\)'"
		echo "initializing '$fn \(\*const\)\($3\)'.* of type '$fn \($2\)'"
		;;
	esac
}

# compiler, program with its mark, pattern: what is not as it should be
judge() {
	local out rc
	# shellcheck disable=SC2086 # flags are words
	out=$(program "$2" wrong | "$1" -xc $flags -Werror=incompatible-pointer-types -I"$scratch" - 2>&1)
	rc=$?
	[ "$rc" -ne 0 ] || echo 'the wrong program compiles'
	[ "$(grep -c 'error:' <<<"$out")" -eq 1 ] || echo "not one error but $(grep -c 'error:' <<<"$out")"
	grep -qE "$3" <<<"$out" || printf 'the message is another one:\n%s\n' "$out"
	# shellcheck disable=SC2086
	program "$2" right | "$1" -xc $flags -Werror -I"$scratch" - 2>&1 || echo 'the right program does not compile'
}

count=0
refused() { # name, kind, wrong type, right type, code (@wrong@right@)
	local compiler pattern
	pattern=$(message "$2" "$3" "$4")
	[ -n "$pattern" ] || { fail "$1" "no such kind of message: $2"; return; }
	count=$((count + 1))
	for compiler in ${compilers[@]+"${compilers[@]}"}; do
		nothing "$1 ($compiler)" "$(judge "$compiler" "$5" "$pattern")"
	done
}

inside() { # statement: a function around it
	echo "int probe(weir_ctx *ctx, weir_scope *s, struct all *a) { return $1; }"
}

inside_void() {
	inside "($1, (void)ctx, (void)s, 0)"
}

job='struct sq_job \*' const_job='const struct sq_job \*' result='struct sq_result \*'
long='long( int)? \*' double='double \*' int='(num_t|int) \*' const_int='const (num_t|int) \*' text='char \*\*'

# -- ends of channels --
refused 'send on a receiving end' argument num_rx num_tx "$(inside 'num_send(ctx, a->@rx@tx@, &a->n)')"
refused 'receive from a sending end' argument num_tx num_rx "$(inside 'num_recv(ctx, a->@tx@rx@, &a->n)')"
refused 'send on the end of another channel of int' argument id_tx num_tx \
	"$(inside 'num_send(ctx, a->@ids@tx@, &a->n)')"
refused 'try to send on a receiving end' argument num_rx num_tx "$(inside 'num_tx_try_send(a->@rx@tx@, &a->n)')"
refused 'try to receive from a sending end' argument num_tx num_rx "$(inside 'num_rx_try_recv(a->@tx@rx@, &a->n)')"
refused 'close a receiving end as a sending end' argument 'num_rx \*' 'num_tx \*' \
	"$(inside_void 'num_tx_close(&a->@rx@tx@)')"
refused 'close a sending end as a receiving end' argument 'num_tx \*' 'num_rx \*' \
	"$(inside_void 'num_rx_close(&a->@tx@rx@)')"
refused 'clone into the other kind of end' argument 'num_rx \*' 'num_tx \*' \
	"$(inside 'num_tx_clone(a->tx, &a->@rx@tx@)')"
refused 'clone many into the other kind of end' argument 'num_tx( \*|\[2\])' 'num_rx \*' \
	"$(inside 'num_rx_clone_n(a->rx, 2, a->@more@others@)')"
refused 'make a channel with its ends swapped' argument 'num_rx \*' 'num_tx \*' \
	"$(inside 'num_chan_new(weir_ctx_rt(ctx), 1, &a->@rx@tx@, &a->rx)')"
refused 'shut a sending end' argument num_tx num_rx "$(inside_void 'num_rx_shut(a->@tx@rx@)')"
refused 'statistics of the wrong end' argument num_rx num_tx \
	"$(inside_void 'num_tx_stats(a->@rx@tx@, \&(struct weir_chan_stats){0})' | tr -d '\\')"
refused 'a raw handle where a typed end belongs' argument 'weir_tx \*' num_tx \
	"$(inside 'num_send(ctx, a->@raw@tx@, &a->n)')"
refused 'a typed end where a raw handle belongs' argument num_tx 'weir_tx \*' \
	"$(inside 'weir_tx_send(ctx, a->@tx@tx.end@, &a->n)')"

# -- elements --
refused 'send a long on a channel of int' argument "$long" "$const_int" "$(inside 'num_send(ctx, a->tx, &a->@l@n@)')"
refused 'receive into a long' argument "$long" "$int" "$(inside 'num_recv(ctx, a->rx, &a->@l@n@)')"
refused 'try to send a double' argument "$double" "$const_int" "$(inside 'num_tx_try_send(a->tx, &a->@d@n@)')"
refused 'drop a value of another type' argument "$int" "(url_t|char \*) ?\*" "$(inside_void 'url_drop(&a->@n@u@)')"
refused 'copy from a value of another type' argument "$text" "$const_int" "$(inside 'num_copy(&a->@u@n@, &a->n)')"

# -- cases of a select --
refused 'a case that receives from a sending end' argument num_tx num_rx \
	"$(inside 'num_rx_case(a->@tx@rx@, &a->n).rc')"
refused 'a case that sends another element' argument "$double" "$const_int" \
	"$(inside 'num_tx_case(a->tx, &a->@d@n@).rc')"
refused 'a case that receives the result of another pipeline' argument 'struct len_result \*' "$result" \
	"$(inside 'sq_results_case(a->results, &a->@len_result@result@).rc')"

# -- pipelines --
refused 'receive the result of another pipeline' argument 'struct len_result \*' "$result" \
	"$(inside 'sq_recv(ctx, a->results, &a->@len_result@result@)')"
refused 'receive from the results of another pipeline' argument len_results sq_results \
	"$(inside 'sq_recv(ctx, a->@len_results@results@, &a->result)')"
refused 'send the job of another pipeline' argument 'struct len_job \*' "$const_job" \
	"$(inside 'sq_send(ctx, a->jobs, &a->@len_job@job@)')"
refused 'send a result as a job' argument "$result" "$const_job" "$(inside 'sq_send(ctx, a->jobs, &a->@result@job@)')"
refused 'drop a job as a result' argument "$job" "$result" "$(inside_void 'sq_result_drop(&a->@job@result@)')"
refused 'drop the job of another pipeline' argument 'struct len_job \*' "$job" \
	"$(inside_void 'sq_job_drop(&a->@len_job@job@)')"
refused 'start with the results of another pipeline' argument 'len_results \*' 'sq_results \*' \
	"$(inside 'sq_start(s, NULL, &a->jobs, &a->@len_results@results@, NULL)')"
refused 'attach to a sending end' argument 'sq_jobs \*' 'sq_intake \*' \
	"$(inside 'sq_attach(s, NULL, &a->@jobs@intake@, &a->results, NULL)')"
refused 'attach to a channel of bare inputs' argument 'num_rx \*' 'sq_intake \*' \
	"$(inside 'sq_attach(s, NULL, &a->@rx@intake@, &a->results, NULL)')"

# -- functions --
num='(num_t|int)' url='(url_t|char \*)' of_text='(text_t|char \*) ?\*'
handler() { # input, output: its parameters
	echo "weir_ctx \*, $1 ?\*, $2 ?\*, weir_err \*, void \*"
}

refused 'a handler of another input' function "$(handler 'char \* ?const' int)" "$(handler "const $num" "$num")" \
	'WEIR_HANDLER_DECLARE(@measure@square@, num, num);'
refused 'a handler of another output' function "$(handler 'const int' int)" "$(handler "const $num" "$url")" \
	'WEIR_HANDLER_DECLARE(square, num, @url@num@);'
refused 'a handler that may write its input' function "$(handler int int)" "$(handler "const $num" "$num")" \
	'WEIR_HANDLER_DECLARE(@spoil@square@, num, num);'
refused 'free itself for a pointer' function 'void \*' "$of_text" 'WEIR_TYPE_OWNED(text, char *, @free@url_free@);'
refused 'a free function of another type' function 'int \*' "$of_text" \
	'WEIR_TYPE_OWNED_COPY(text, char *, @num_free@url_free@, url_dup);'
refused 'a copy function of another type' function 'const int \*, int \*' \
	"(const text_t|char \* ?const) ?\*, $of_text" \
	'WEIR_TYPE_OWNED_COPY(text, char *, url_free, @num_dup@url_dup@);'
refused 'a task with the wrong argument' argument 'sq_results \*' 'sq_jobs \*' \
	"WEIR_TASK_DECLARE(produce, sq_jobs); $(inside 'produce_spawn(s, &a->@results@jobs@)')"
refused 'a task declared for another argument' function 'weir_ctx \*, weir_err \*, sq_jobs \*' \
	'weir_ctx \*, weir_err \*, sq_results \*' 'WEIR_TASK_DECLARE(produce, @sq_results@sq_jobs@);'

if [ "$count" -ge 15 ]; then pass "$count programs"; else fail 'there are programs to refuse' "only $count"; fi

for compiler in ${compilers[@]+"${compilers[@]}"}; do
	something "sees a program that is not wrong ($compiler)" \
		"$(judge "$compiler" "$(inside 'num_send(ctx, a->@tx@tx@, &a->n)')" '' | grep 'wrong program compiles')"
	something "sees a program refused for another reason ($compiler)" "$(judge "$compiler" \
		"$(inside 'num_send(ctx, a->@nobody@tx@, &a->n)')" "$(message argument num_rx num_tx)" |
		grep 'another one')"
	something "sees a program that is wrong in two places ($compiler)" "$(judge "$compiler" \
		"$(inside 'num_send(ctx, a->@rx@tx@, &a->l)')" "$(message argument num_rx num_tx)" |
		grep 'does not compile')"
done

finish
