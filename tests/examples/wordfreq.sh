#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# wordfreq.sh [PROGRAM]: the example counts what tr, sort and uniq count, keeps its memory bounded, names what it
# cannot read, and ends as it promises when it is interrupted or out of time. One line per case, then `N passed, N
# failed`.
#
# Nothing here sleeps. Where the program must have got somewhere before it is interrupted, a FIFO says so: the
# shell's open for writing returns when the program has opened the other end, which it does after it has read all
# inputs before that one.
program=${1:-}
[ -z "$program" ] || program=$(realpath "$program") || exit 2
. "$(dirname "$0")/../meta/cases.bash"
: "${program:=$BUILD/examples/wordfreq}"
[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
export LC_ALL=C

# -- how a case is looked at --

# Arguments of the program: leaves its output in $scratch/out and $scratch/err, its exit status in $status.
run() {
	"$program" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
}

by_count() { sort -k1,1nr -k2,2; }

# stdin: any bytes; stdout: what the program should print
reference() {
	tr -cs 'A-Za-z0-9_\200-\377' '\n' | sed '/^$/d' | sort | uniq -c | sed 's/^ *//' | by_count
}

# Files: as reference, each by itself, since no word reaches from one into the next.
reference_of() {
	local file
	for file in "$@"; do
		cat "$file"
		echo
	done | reference
}

same() { # name, file wanted, file found
	local difference
	if difference=$(cmp "$2" "$3" 2>&1); then pass "$1"; else fail "$1" "$difference
$(diff -a "$2" "$3" | head -n 6 | cut -c1-200)"; fi
}

# name, wanted status, wanted output (text), pattern that stderr must have ('' : stderr must be empty); about the
# last run
ended() {
	local wrong=
	[ "$status" -eq "$2" ] || wrong="exit status $status instead of $2"
	[ "$(cat "$scratch/out")" = "$3" ] || wrong="$wrong
printed: $(head -c 300 "$scratch/out")
instead of: $(printf '%s' "$3" | head -c 300)"
	if [ -z "$4" ]; then
		[ ! -s "$scratch/err" ] || wrong="$wrong
said: $(head -c 300 "$scratch/err")"
	elif ! grep -aqE -e "$4" "$scratch/err"; then
		wrong="$wrong
said: $(head -c 300 "$scratch/err")
without: $4"
	fi
	nothing "$1" "$wrong"
}

bytes() { # count, byte: so many of it
	head -c "$1" /dev/zero | tr '\0' "$2"
}

# -- the same counts as tr, sort and uniq --

# A copy, so that nothing changes between the two ways of counting.
mkdir "$scratch/tree"
for path in Makefile README.md src include tests sim docs examples CI bench; do
	[ ! -e "$path" ] || cp -r "$path" "$scratch/tree/"
done
mapfile -d '' files < <(find "$scratch/tree" -type f -print0 | sort -z)
reference_of "${files[@]}" >"$scratch/wanted"
for workers in 1 2 8; do
	run -j "$workers" "${files[@]}"
	same "the ${#files[@]} files of the project, -j $workers" "$scratch/wanted" "$scratch/out"
done
run "${files[@]}"
ended 'the same without options: exit status 0, nothing on stderr' 0 "$(cat "$scratch/wanted")" ''
run --top 7 "${files[@]}"
ended '--top 7 is the beginning of it' 0 "$(head -n 7 "$scratch/wanted")" ''
run --top 999999999 "${files[@]}"
ended '--top with more than there are prints all' 0 "$(cat "$scratch/wanted")" ''

cat "${files[@]}" >"$scratch/joined"
reference <"$scratch/joined" >"$scratch/wanted"
"$program" <"$scratch/joined" >"$scratch/out" 2>"$scratch/err"
same 'standard input, from a file' "$scratch/wanted" "$scratch/out"
dd if="$scratch/joined" bs=977 status=none | "$program" - >"$scratch/out" 2>"$scratch/err"
same 'standard input, from a pipe in small pieces, named -' "$scratch/wanted" "$scratch/out"

# About 100 MB: one block again and again, so that the wanted counts are those of the block times the copies.
{
	cat "$scratch/joined"
	echo
} >"$scratch/block"
block_bytes=$(stat -c %s "$scratch/block")
while [ "$block_bytes" -lt 1000000 ]; do
	cat "$scratch/block" "$scratch/block" >"$scratch/twice"
	mv "$scratch/twice" "$scratch/block"
	block_bytes=$(stat -c %s "$scratch/block")
done
copies=$((100000000 / block_bytes + 1))
for ((i = 0; i < copies; i++)); do cat "$scratch/block"; done >"$scratch/big"
reference <"$scratch/block" | awk -v n="$copies" '{ printf "%d %s\n", $1 * n, $2 }' | by_count >"$scratch/wanted"
run -j 2 --stats "$scratch/big"
same "$(($(stat -c %s "$scratch/big") / 1000000)) MB in one file" "$scratch/wanted" "$scratch/out"
# "memory: at most N chunks of 64 KiB and N KiB in all; N distinct words"
read -r chunks resident < <(awk '/^memory:/ { print $4, $10 }' "$scratch/err")
echo "      ($chunks chunks, $resident KiB resident)"
nothing 'its peak is workers + 2 chunks' "$([ "${chunks:-0}" -ge 1 ] && [ "$chunks" -le 4 ] || cat "$scratch/err")"
nothing 'its peak is below 32 MiB resident' \
	"$([ "${resident:-0}" -ge 1 ] && [ "$resident" -lt 32768 ] || cat "$scratch/err")"
n=$(awk '/^jobs:/ { print $2 }' "$scratch/err")
nothing 'the report adds up' "$({
	grep -qx "jobs: $n received = $n succeeded + 0 failed + 0 canceled + 0 running; 0 discarded" "$scratch/err" &&
		grep -qx "results: $n emitted + 0 undelivered + 0 finishing" "$scratch/err"
} || cat "$scratch/err")"
rm "$scratch/big" "$scratch/block"

# -- edges of the input --

: >"$scratch/in"
run "$scratch/in"
ended 'an empty file' 0 '' ''
run /dev/null -
ended 'empty standard input' 0 '' ''
printf 'b a b' >"$scratch/in"
run "$scratch/in"
ended 'no newline at the end' 0 $'2 b\n1 a' ''
printf '.,;\n\t \r-' >"$scratch/in"
run "$scratch/in"
ended 'no word at all' 0 '' ''
printf 'half' >"$scratch/in"
printf 'word' >"$scratch/in2"
run "$scratch/in" "$scratch/in2" "$scratch/in"
ended 'no word reaches from one file into the next' 0 $'2 half\n1 word' ''
printf 'a\0b\0\0a_1\0\303\251t\303\251 A a\0' >"$scratch/in"
run "$scratch/in"
ended 'NUL bytes separate, bytes from 0x80 up do not, case is kept' 0 $'2 a\n1 A\n1 a_1\n1 b\n1 \303\251t\303\251' ''

# Park and Miller's generator: the same bytes on every machine.
awk 'BEGIN { s = 1; for (i = 0; i < 1500000; i++) { s = s * 16807 % 2147483647; printf "%c", s % 256 } }' >"$scratch/in"
nothing 'random bytes are all there' "$([ "$(stat -c %s "$scratch/in")" -eq 1500000 ] || ls -l "$scratch/in")"
reference <"$scratch/in" >"$scratch/wanted"
run -j 3 "$scratch/in"
same 'random bytes' "$scratch/wanted" "$scratch/out"

# Lengths that share no factor with the size of a chunk, so the boundaries fall on every place of a word.
awk 'BEGIN {
	for (i = 1; i <= 20000; i++) {
		word = sprintf("%" (i % 997 + 1) "d", i % 89)
		gsub(/ /, "x", word)
		print word
	}
}' >"$scratch/in"
reference <"$scratch/in" >"$scratch/wanted"
run "$scratch/in"
same 'words across every boundary of a chunk' "$scratch/wanted" "$scratch/out"
dd if="$scratch/in" bs=4099 status=none | "$program" -j 1 >"$scratch/out" 2>"$scratch/err"
same 'the same through a pipe' "$scratch/wanted" "$scratch/out"

# -- long words: up to 65535 bytes they are counted, longer ones are named and left out --

for before in '' '.' 'y ' 'yy yy '; do
	for length in 65534 65535; do
		{ printf '%s' "$before"; bytes "$length" x; printf ' z'; } >"$scratch/in"
		reference <"$scratch/in" >"$scratch/wanted"
		run "$scratch/in"
		same "a word of $length bytes, after '$before'" "$scratch/wanted" "$scratch/out"
	done
	for length in 65536 65537 131072 200000; do
		{ printf '%s' "$before"; bytes "$length" x; printf ' z'; } >"$scratch/in"
		run "$scratch/in"
		ended "a word of $length bytes, after '$before'" 1 "$(printf '%s z' "$before" | reference)" \
			"^wordfreq: $scratch/in: the word at byte ${#before} is longer than 65535 bytes"
	done
done
{ bytes 70000 x; printf ' a '; bytes 300000 x; } >"$scratch/in"
run "$scratch/in" "$scratch/in2"
ended 'two long words, the second at the end' 1 $'1 a\n1 word' 'the word at byte 70003 is longer'

# -- inputs that cannot be read --

printf 'a b a' >"$scratch/in"
run "$scratch/in" "$scratch/missing" "$scratch/in2"
ended 'a missing file is named, the rest is counted' 1 $'2 a\n1 b\n1 word' \
	"^wordfreq: $scratch/missing: No such file or directory\$"
run "$scratch/tree" "$scratch/in"
ended 'a directory is named, the rest is counted' 1 $'2 a\n1 b' "^wordfreq: $scratch/tree: Is a directory\$"
printf 'secret' >"$scratch/locked"
chmod 000 "$scratch/locked"
if [ -r "$scratch/locked" ]; then
	skip 'a file without permission is named' 'this user may read every file'
else
	run "$scratch/locked" "$scratch/in"
	ended 'a file without permission is named, the rest is counted' 1 $'2 a\n1 b' \
		"^wordfreq: $scratch/locked: Permission denied\$"
fi
if [ -e /proc/self/mem ]; then
	run "$scratch/in" /proc/self/mem
	ended 'a read that fails is named, the rest is counted' 1 $'2 a\n1 b' \
		'^wordfreq: /proc/self/mem: Input/output error$'
else
	skip 'a read that fails is named' 'there is no /proc/self/mem'
fi
"$program" <&- >"$scratch/out" 2>"$scratch/err"
status=$?
ended 'a closed standard input is named' 1 '' '^wordfreq: standard input: Bad file descriptor$'

# -- bad options: each is named, with what would be right --

bad() { # pattern, arguments
	local pattern=$1
	shift
	run "$@"
	ended "bad options: $*" 2 '' "^wordfreq: $pattern"
}
for value in 0 257 -1 x 4x '' 1.5 99999999999999999999999; do
	bad "-j '$value': must be a whole number from 1 to 256" -j "$value"
done
for value in 0 -3 ten 18446744073709551616; do
	bad "--top '$value': must be a whole number above 0" --top "$value"
done
for value in 5 0s s 5x 5ss 1.5s -2s '2 s' 99999999999h; do
	bad "--timeout '$value': must be a number above 0 and ms, s, m or h" "--timeout=$value"
done
bad '-j: must be followed by a value' -j
bad '--top: must be followed by a value' --top
bad '--stats=1: takes no value' --stats=1
bad '--tops: there is no such option' --tops
bad '-x: there is no such option' -x
bad '-x: there is no such option' -xj4
run --timeout 1h --top=1 -j4 -- "$scratch/in"
ended 'good options in every form' 0 '2 a' ''
run --help
head -n 1 "$scratch/out" >"$scratch/usage" && mv "$scratch/usage" "$scratch/out"
ended '--help explains on stdout' 0 'usage: wordfreq [-j WORKERS] [--top K] [--timeout TIME] [--stats] [FILE...]' ''

# -- outputs that cannot be written --

seq 300000 >"$scratch/in"
{ "$program" "$scratch/in" 2>"$scratch/err"; echo $? >"$scratch/status"; } | head -n 1 >"$scratch/out"
status=$(cat "$scratch/status")
ended 'a reader of the output that leaves is reported' 1 '1 1' '^wordfreq: writing the output: Broken pipe$'
"$program" "$scratch/in" >/dev/full 2>"$scratch/err"
status=$?
: >"$scratch/out"
ended 'a full disk is reported' 1 '' '^wordfreq: writing the output: No space left on device$'
"$program" "$scratch/in" >&- 2>"$scratch/err"
status=$?
ended 'a closed output is reported' 1 '' '^wordfreq: writing the output: Bad file descriptor$'

# -- interrupted, and out of time --

# Each command in the background gets a process group of its own and the default action of SIGINT, as on a terminal.
set -m
trap '[ -z "$pid" ] || kill -s KILL "$pid"; rm -rf "$scratch"' EXIT
pid=

finished() { # the program in the background: leaves its exit status in $status
	wait "$pid"
	status=$?
	pid=
}

mkfifo "$scratch"/{first,second,stuck,said}

interrupt() { # signal name, wanted status
	"$program" -j 2 "$scratch/first" "$scratch/second" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	printf 'b a b' >"$scratch/first"
	exec 3>"$scratch/second" # it reads the second one, which will never end
	kill -s "$1" "$pid"
	finished
	exec 3>&-
	ended "SIG$1 while reading a FIFO that never ends: what was read is printed" "$2" $'2 b\n1 a' \
		'^wordfreq: interrupted'
}
interrupt INT 130
interrupt TERM 143

# Its standard error is a FIFO that is read here, so the test waits for what is said and not for time.
"$program" -j 2 "$scratch/first" "$scratch/in" >"$scratch/out" 2>"$scratch/said" &
pid=$!
exec 3<"$scratch/said" 4>"$scratch/first"
kill -s QUIT "$pid"
: >"$scratch/err"
while read -r -u 3 line; do
	echo "$line" >>"$scratch/err"
	case $line in *'  reader: '*) break ;; esac
done
exec 4>&-
while read -r -u 3 line; do echo "$line" >>"$scratch/err"; done # until it has ended
exec 3<&-
finished
"$program" "$scratch/in" >"$scratch/want" 2>/dev/null
ended 'SIGQUIT says what each task waits for, and changes nothing' 0 "$(cat "$scratch/want")" \
	'^wordfreq:   reader: '
rm "$scratch/want"

# The FIFO is opened for both, so it can be filled before anybody reads it, and never ends.
exec 3<>"$scratch/first"
printf 'b a b hal' >&3
"$program" "$scratch/first" >"$scratch/out" 2>"$scratch/err" &
pid=$!
while read -r -t 0 -u 3 && kill -0 "$pid"; do :; done # until it has read all of it
kill -s INT "$pid"
finished
ended 'SIGINT in the middle of a word: the part of it is not counted' 130 $'2 b\n1 a' '^wordfreq: interrupted'

printf 'b a b hal' >&3
run --timeout 100ms "$scratch/first" "$scratch/in"
wanted=$'2 b\n1 a'
[ -s "$scratch/out" ] || wanted= # a machine may need all that time to begin
ended '--timeout on a FIFO that never ends: what was read is printed' 124 "$wanted" '^wordfreq: the time limit passed'
exec 3>&-
run --timeout 10ms "$scratch/first"
ended '--timeout on a FIFO that nobody writes to' 124 '' '^wordfreq: the time limit passed'

# With its output stuck in a FIFO that nobody reads, the program cannot end by itself. stderr is a FIFO that the
# shell reads.
exec 4<>"$scratch/stuck" 5<>"$scratch/said"
for notes in 1 2; do
	"$program" "$scratch/in" "$scratch/second" >"$scratch/stuck" 2>"$scratch/said" &
	pid=$!
	exec 3>"$scratch/second"
	kill -s INT "$pid"
	# "interrupted: counting ...", and when that is done "interrupted before the end ..."
	for ((i = 0; i < notes; i++)); do read -r said <&5; done
	kill -s INT "$pid"
	finished
	exec 3>&-
	while read -r -t 0 -u 5; do read -r said <&5; done
	while read -r -t 0 -u 4; do dd bs=65536 count=1 of=/dev/null status=none <&4; done
	nothing "SIGINT twice, the second after note $notes: it ends at once, with its output stuck" \
		"$([ "$status" -eq 130 ] || echo "exit status $status; it said: $said")"
done
exec 4>&- 5>&-

finish
