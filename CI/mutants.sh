#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/mutants.sh run [NAME...] | write | check [FOLDER [PAGE]]: does the test suite notice when the library is broken?
#
# Each file of tests/mutants is one small, deliberate breakage:
#   breaks: what no longer happens, in one line
#   rule: ID FILE             the rule that is violated (or a few words of it), and the file that states it
#   file: FILE                what is changed
#   hang: WHY                 optional: a program that does not end is how this one shows
#   --- old ... --- new ... --- end
# Whole lines of the file, and what stands there instead. The old lines must be found exactly once: a source that has
# changed makes the list fail, it cannot rot in silence.
#
#   run    For each mutant (or those named; SAMPLE=N: N of them, spread over the list): changes a copy of the sources,
#          builds what is needed with the Makefile of the copy, and runs the programs of `suite` below one by one, those
#          of the mutant's own module first, until one of them fails. JOBS of them at a time.
#   write  Runs all, and puts the table into docs/mutants.md, if all were killed.
#   check  Builds nothing: all files are complete, their rules exist, their old lines are found, and docs/mutants.md has
#          the same mutants. FOLDER and PAGE: other ones.
#
# What counts as killed: a program that passes with the sources as they are, in this same run, and says that a case
# failed, or crashes. A program that is still running at its limit and has said nothing yet is no kill, unless the
# mutant says so. A mutant that does not compile is an error of the list.
#
# Left out of the suite: tests of the simulator itself, programs that run for longer than all the others together
# (tests/stress), and scripts.
#
# Reads BUILD, where everything of the suite is built. Ends with `N passed, N failed`: killed, and not.
set -u
cd "$(dirname "$0")/.." || exit 2
export LC_ALL=C
: "${BUILD:=build}"

list=tests/mutants page=docs/mutants.md
jobs=${JOBS:-$(nproc 2>/dev/null || echo 1)}

stop() { # text
	echo "CI/mutants.sh: $1" >&2
	exit 2
}

# ---- the list ----

names() {
	local path
	for path in "$list"/*.mutant; do
		[ ! -e "$path" ] || basename "$path" .mutant
	done
}

# Sets breaks, rule, file, hang, old and new; false, with a message: the file is not complete.
load() { # name
	local line part=
	breaks='' rule='' file='' hang='' old='' new=''
	while IFS= read -r line; do
		case $part:$line in
		:breaks:\ *) breaks=${line#*: } ;;
		:rule:\ *) rule=${line#*: } ;;
		:file:\ *) file=${line#*: } ;;
		:hang:\ *) hang=${line#*: } ;;
		:'--- old') part=old ;;
		old:'--- new') part=new ;;
		new:'--- end') part=end ;;
		old:*) old+=$line$'\n' ;;
		new:*) new+=$line$'\n' ;;
		*)
			echo "unknown line: $line"
			return 1
			;;
		esac
	done <"$list/$1.mutant"
	[ "$part" = end ] && [ -n "$breaks" ] && [ -n "$rule" ] && [ -n "$file" ] && [ -n "$old" ] && return
	echo 'not complete: breaks, rule, file, --- old, --- new, --- end'
	return 1
}

# Of the mutant that was loaded: the changed text on stdout, or false, with the reason on stdout.
changed() { # the file, in some tree
	if [ ! -f "$1" ]; then
		echo "there is no $1"
		return 1
	fi
	OLD=$'\n'$old NEW=$'\n'$new awk -v file="$1" '
	{ text = text "\n" $0 }
	END {
		text = text "\n"
		old = ENVIRON["OLD"]
		at = index(text, old)
		rest = substr(text, at + length(old) - 1) # lines overlap by what is between them
		if (!at || index(rest, old) || old == ENVIRON["NEW"]) {
			why = !at ? "are not in it any more" : index(rest, old) ? "are in it twice" : "are the new ones"
			print file ": the old lines " why
			exit 1
		}
		ORS = ""
		print substr(substr(text, 1, at - 1) ENVIRON["NEW"] substr(rest, 2), 2)
	}' "$1"
}

# What is wrong with a mutant, or nothing.
wrong_with() { # name
	local why
	# in this shell, for what it sets
	load "$1" >"$work/why" || {
		cat "$work/why"
		return
	}
	why=$(changed "$file") || echo "$why"
	grep -qwF -e "${rule% *}" "${rule##* }" 2>/dev/null || echo "there is no rule \"${rule% *}\" in ${rule##* }"
}

# ---- the suite ----

# program, seconds it may take, arguments: cheap ones first
suite() {
	local source
	for source in tests/unit/{core,limit,resilience,stage}/test_*.c tests/unit/rt/test_lock.c tests/fault/test_*.c \
		tests/rt/test_*.c; do
		echo "${source%.c} 10"
	done
	for source in tests/sim/test_*.c; do
		case $source in
		*/test_engine.c | */test_heap.c | */test_strategies.c | */test_pipeline.c) ;;
		*) echo "${source%.c} 30" ;;
		esac
	done
	echo 'tests/bugs/bugs 30 --seeds 2 --twin-schedules 500'
	echo 'tests/sim/test_pipeline 60'
	echo 'tests/contain/contain 60 --runs 1000 --schedules 5000'
}

# The suite in the order for one mutant: faults, which are quick, and what tests the file come first, and of that the
# simulation, which tells a deadlock at once where threads must be waited for.
suite_for() { # file that is changed
	local module own='' faults=core
	module=$(basename "${1%.[ch]}")
	case $1 in
	src/rt/threads.c | src/rt/io.c) own=rt/test_threads ;;
	src/rt/*) own=unit/rt/test_$module ;;
	src/stage/*) faults='(stage|group)' ;;
	src/limit/* | src/resilience/*) faults='(resilience|policy)' ;;
	esac
	case $module in
	waiter) module='(waiter|chan|sync|select)' ;;
	select) module='(select|ctx)' ;;
	scope | on_end) module='(scope|sync)' ;;
	reorder) module=pipeline ;;
	pipeline) module='(pipeline|stage_pipeline|pipeline_stage)' ;;
	stage | call | chain | crew | many | fan_out | map | map_reduce | router) module='(stage|combine)' ;;
	array) module='(array|combine|stage)' ;;
	batch | batcher | filter | join | order) module=group ;;
	breaker_state | guard) module=breaker ;;
	bucket_state | gcra) module=bucket ;;
	window | throttle) module='(budget|adaptive)' ;;
	retry | timeout | fallback | hedge | limiter | wrap | dead_letter | dead_log) module=policy ;;
	io) module='(io|fd|waiter)' ;;
	mutex | rwlock | cond | semaphore | waitgroup | once | atomic) module=sync ;;
	esac
	own="^tests/(fault/test_$faults|${own:-(rt|sim|unit/.*)/test_$module}) "
	suite | grep -E "$own" | sort
	suite | grep -vE "$own"
}

# Runs one program of a tree; 0: it passed, 1: it did not, 2: it was still running.
try() { # tree, log, program, limit, arguments...
	local tree=$1 log=$2 program=$3 limit=$4 rc
	shift 4
	(
		cd "$tree" || exit 1
		ulimit -c 0 # what a mutant may do to the machine
		ulimit -f 200000
		CK_VERBOSITY=normal exec timeout -k 5 "$limit" "build/$program" "$@" >"$log" 2>&1 </dev/null
	)
	rc=$?
	# Check ends a case that takes too long itself, and goes on.
	if [ "$rc" -eq 124 ] || [ "$rc" -eq 137 ] || grep -q 'Test timeout expired' "$log"; then
		[ "$(who "$log")" != '?' ] || return 2
		return 1
	fi
	[ "$rc" -eq 0 ] && grep -qE '([1-9][0-9]* passed, 0 failed|^100%: Checks: [1-9])' "$log"
}

# The first case that failed, or ? where the program does not say.
who() { # log
	awk '
	/^[^ :]+:[0-9]+:[FES]:/ && !/Test timeout expired/ { split($0, part, ":"); name = part[5]; exit }
	/^(FAIL|failed) / { name = $2; sub(/:$/, "", name); exit }
	END { print name == "" ? "?" : name }' "$1"
}

# ---- copies of the tree ----

tree_make() { # folder: sources, and what was built of them, all of it up to date
	rm -rf "$1"
	mkdir -p "$1/build/tests" || return 1
	cp -a Makefile CI include src sim tests examples "$1/" || return 1
	cp -a "$BUILD"/{obj,flags,deps,libweir.a,libweir-sim.a} "$1/build/" || return 1
	[ "$BUILD" = build ] || find "$1/build/obj" -name '*.d' -exec sed -i "s|$BUILD/|build/|g" {} +
}

build_in() { # tree, log, targets...
	local tree=$1 log=$2
	shift 2
	make -C "$tree" --no-print-directory BUILD=build "$@" >"$log" 2>&1
}

# The programs pass as the sources are: one tree builds all and runs every jobs-th.
sound() { # tree, number: a line for each program that does not pass
	local n=0 program rest targets
	mapfile -t targets < <(suite | sed 's| .*||; s|^|build/|')
	build_in "$1" "$work/sound.$2" "${targets[@]}" || {
		echo 'the suite does not build:'
		tail -n 20 "$work/sound.$2"
		return
	}
	while read -r program rest; do
		n=$((n + 1))
		[ $((n % jobs)) -eq "$2" ] || continue
		# shellcheck disable=SC2086 # the limit and the arguments
		try "$1" "$work/sound.$2" "$program" $rest || {
			echo "$program does not pass without a mutant:"
			tail -n 20 "$work/sound.$2"
		}
	done < <(suite)
}

# Of the mutant in a tree: killed|program|case, or another word and why.
judge() { # tree, log
	local program rest slow=
	while read -r program rest; do
		build_in "$1" "$2" "build/$program" || {
			echo "does not build|$(grep -m 1 error "$2")"
			return
		}
		# shellcheck disable=SC2086 # the limit and the arguments
		try "$1" "$2" "$program" $rest
		case $?:$hang in
		0:*) ;;
		1:*)
			echo "killed|${program#tests/}|$(who "$2")"
			return
			;;
		2:) slow+=" ${program#tests/}" ;;
		2:*)
			echo "killed|${program#tests/}|hang"
			return
			;;
		esac
	done < <(suite_for "$file")
	echo "survived|${slow:+still running at its limit:$slow}"
}

mutate() { # tree, name, log
	load "$2" || return
	if ! changed "$file" >"$3"; then
		echo "stale|$(cat "$3")"
		return
	fi
	cat "$3" >"$1/$file"
	judge "$1" "$3"
	cat "$file" >"$1/$file" # newer than what was made of the mutant
}

# The rule of the mutant that was loaded, short.
where_from() {
	case $rule in
	[A-Z][0-9]\ *) echo "${rule% *} of $(basename "${rule##* }")" ;;
	*) basename "${rule##* }" ;;
	esac
}

worker() { # number, names...
	local tree=$BUILD/mutants/$1 k=$1 name since result why
	shift
	for name; do
		mkdir "$work/taken/$name" 2>/dev/null || continue
		since=${EPOCHREALTIME/[.,]/}
		result=$(mutate "$tree" "$name" "$work/log.$k")
		since=$(((${EPOCHREALTIME/[.,]/} - since + 50000) / 100000))
		echo "$result" >"$work/result/$name"
		IFS='|' read -r result why <<<"$result"
		load "$name" >/dev/null
		printf '%-6s %-35s %-22s %-66s %5s\n' "$([ "$result" = killed ] && echo ok || echo FAIL)" "$name" \
			"$(where_from)" \
			"$([ "$result" = killed ] && echo "${why/|/: }" || echo "$result: $why")" \
			"$((since / 10)).$((since % 10))"
	done
}

# ---- commands ----

pick() { # names on stdin; SAMPLE of them
	awk -v n="${SAMPLE:-0}" '
	{ name[NR] = $0 }
	END {
		if (n < 1 || n > NR) n = NR
		for (i = 0; i < n; i++) print name[int(i * NR / n) + 1]
	}'
}

run() { # names...
	local k bad passed failed
	mkdir "$work/taken" "$work/result"
	[ -e "$BUILD/libweir-sim.a" ] || stop "$BUILD has nothing in it: make mutants"
	for ((k = 0; k < jobs; k++)); do
		tree_make "$BUILD/mutants/$k" || stop 'cannot copy the tree'
		sound "$BUILD/mutants/$k" "$k" >"$work/bad.$k" &
	done
	wait
	bad=$(cat "$work"/bad.*)
	if [ -n "$bad" ]; then
		printf '%s\n' "$bad"
		echo "0 passed, $# failed"
		return 1
	fi
	printf '%-6s %-35s %-22s %-66s %5s\n' '' mutant rule 'killed by' s
	for ((k = 0; k < jobs; k++)); do
		worker "$k" "$@" &
	done
	wait
	passed=$(cat "$work"/result/* | grep -c '^killed|')
	failed=$(($# - passed))
	rm -rf "$BUILD/mutants"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

# name | what it breaks | rule, as the page has them
rows() {
	local name
	for name in $(names); do
		load "$name" >/dev/null
		echo "| \`$name\` | $breaks | ${rule% *} ([\`$(basename "${rule##* }")\`](../${rule##* })) |"
	done
}

write() {
	local name row result program case
	# shellcheck disable=SC2046 # names have no blanks
	run $(names) || stop "$page was left as it is"
	{
		sed '/^<!-- table -->$/q' "$page"
		printf '\n| mutant | what it breaks | rule | killed by |\n|---|---|---|---|\n'
		rows | while IFS= read -r row; do
			name=${row#*\`}
			IFS='|' read -r result program case <"$work/result/${name%%\`*}"
			echo "$row \`$program\`: $case |"
		done
		printf '\n%s mutants, %s.\n' "$(names | wc -l)" 'all of them killed'
	} >"$work/page"
	grep -q '^<!-- table -->$' "$work/page" || stop "$page does not say where its table is"
	cp "$work/page" "$page"
}

check() {
	local name why passed=0 failed=0
	for name in $(names); do
		why=$(wrong_with "$name")
		if [ -z "$why" ]; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "$name: $why"
		fi
	done
	rows | sort >"$work/rows"
	# all but the last cell, which belongs to whoever wrote it last
	sed -n 's/^\(| `[0-9].*|\) [^|]* |$/\1/p' "$page" | sort >"$work/page"
	if cmp -s "$work/rows" "$work/page"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		diff "$work/page" "$work/rows" | grep '^[<>]' | sed "s|^<|only in $page:|; s|^>|not in $page:|"
	fi
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 1 ]
}

work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM

command=${1:-}
[ $# -eq 0 ] || shift
case $command in
run)
	if [ $# -eq 0 ]; then
		mapfile -t all < <(names | pick)
		set -- "${all[@]}"
	fi
	for name; do
		[ -e "$list/$name.mutant" ] || stop "there is no mutant $name"
	done
	[ $# -gt 0 ] || stop "there are no mutants in $list"
	run "$@"
	;;
write)
	write
	;;
check)
	list=${1:-$list} page=${2:-$page}
	check
	;;
*)
	echo 'usage: CI/mutants.sh run [NAME...] | write | check [FOLDER [PAGE]]' >&2
	exit 2
	;;
esac
