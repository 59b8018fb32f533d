#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# work.sh: the examples that do work on real input, on real threads. What etl sums awk sums again; its dead letters are
# the rows that awk refuses; its memory does not grow with the input; ^C ends it. metrics, pooling, stage_pipeline and
# db check themselves, and what they print is looked at.
. "$(dirname "$0")/../meta/cases.bash"
here=$BUILD/examples
for program in etl metrics pooling stage_pipeline; do
	[ -x "$here/$program" ] || { fail 'the programs are there' "$program cannot be run: build it first"; finish; }
done
export LC_ALL=C

# -- etl --

# stdin: a CSV file; stdout: what etl should print, in any order
sums() {
	awk -F, '
		BEGIN { split("east north south west rejected", all, " "); for (i in all) n[all[i]] = s[all[i]] = 0 }
		$0 == "id,region,amount" { next }
		!/^[0-9]+,(east|north|south|west),[0-9]+[.][0-9][0-9]$/ { n["rejected"]++; next }
		{ sub(/[.]/, "", $3); n[$2]++; s[$2] += $3 }
		END { for (k in n) printf "%s %d %.0f.%02d\n", k, n[k], int(s[k] / 100), s[k] % 100 }' | sort
}

"$here/etl" "$scratch/rows" >"$scratch/out" 2>"$scratch/err" </dev/null
status=$?
sums <"$scratch/rows" >"$scratch/wanted"
different() { diff "$scratch/wanted" <(sort); }
nothing "etl: the sums of $(($(stat -c %s "$scratch/rows") / 1000)) kB are those of awk" "$(
	[ "$status" -eq 0 ] || echo "exit status $status"
	different <"$scratch/out"
)"
something 'etl: sees a cent that is missing' "$(sed '1s/.$/x/' "$scratch/out" | different)"
rejected=$(awk '$1 == "rejected" { print $2 }' "$scratch/wanted")
letters() { # the rows in the log, in the order of their ids
	sed 's/.*"item":"\(.*\)"}$/\1/' "$scratch/rows.dead" | sort -t, -k1,1n
}
grep -vE '^[0-9]+,(east|north|south|west),[0-9]+[.][0-9][0-9]$' "$scratch/rows" | sed 1d >"$scratch/refused"
nothing "etl: the $rejected rows that are wrong are in the log of dead letters, whole" \
	"$(diff "$scratch/refused" <(letters) | head -n 5)"
something 'etl: there are such rows' "$(head -n 1 "$scratch/refused")"

# The same ten times, through a FIFO.
mkfifo "$scratch/fifo"
for ((i = 0; i < 10; i++)); do cat "$scratch/rows"; done >"$scratch/fifo" &
"$here/etl" "$scratch/fifo" 0 >"$scratch/out" 2>"$scratch/err"
awk '{ split($3, m, "."); c = (m[1] * 100 + m[2]) * 10
	printf "%s %d %.0f.%02d\n", $1, $2 * 10, int(c / 100), c % 100 }' \
	"$scratch/wanted" >"$scratch/ten"
nothing 'etl: ten times as much, through a FIFO' "$(diff "$scratch/ten" <(sort "$scratch/out"))"
kib=$(awk '/^memory:/ { print $2 }' "$scratch/err")
nothing 'etl: its memory stays below 12 MiB' "$([ "${kib:-0}" -ge 1 ] && [ "$kib" -lt 12288 ] || cat "$scratch/err")"

# A FIFO that never ends. The program has read it empty when the last byte has gone.
set -m
exec 3<>"$scratch/fifo"
printf '1,east,1.00\n2,west,2.50\n3,east,0.' >&3
"$here/etl" "$scratch/fifo" 0 >"$scratch/out" 2>"$scratch/err" &
pid=$!
while read -r -t 0 -u 3 && kill -0 "$pid"; do :; done
kill -s INT "$pid"
wait "$pid"
status=$?
exec 3>&-
nothing 'etl: ^C ends it, and whole lines that were read count' "$(
	[ "$status" -eq 130 ] || echo "exit status $status"
	printf '1,east,1.00\n2,west,2.50\n' | sums | diff - <(sort "$scratch/out")
)"
"$here/etl" "$scratch/none/rows" >"$scratch/out" 2>"$scratch/err"
nothing 'etl: a file that cannot be made is named' \
	"$([ $? -eq 1 ] && grep -q 'none/rows: No such file' "$scratch/err" || cat "$scratch/err")"
printf '1,east,1.00\n2,west,2.5' >"$scratch/rows"
"$here/etl" "$scratch/rows" 0 >"$scratch/out" 2>"$scratch/err"
nothing 'etl: a last line without an end is a line' "$(sums <"$scratch/rows" | diff - <(sort "$scratch/out"))"
head -c 100000 /dev/zero | tr '\0' 1 >"$scratch/rows"
"$here/etl" "$scratch/rows" 0 >"$scratch/out" 2>"$scratch/err"
nothing 'etl: a line longer than a chunk is a failure' \
	"$([ $? -eq 1 ] && grep -q 'longer than a chunk' "$scratch/err" || cat "$scratch/err")"

# -- the others --

prints() { # name, pattern of the line that must be there, arguments
	local name=$1 pattern=$2
	shift 2
	"$here/$name" "$@" >"$scratch/out" 2>&1 </dev/null
	local status=$?
	nothing "$name: $pattern" "$([ "$status" -eq 0 ] && grep -qE "$pattern" "$scratch/out" ||
		{ echo "exit status $status"; cat "$scratch/out"; })"
}
prints metrics '^job_done +48$'
prints metrics '^job_failed +22$'
prints metrics '^stage fetch +70 times, ([2-9][0-9]{3}|[0-9]{5,}) us each$'
prints pooling '^one task, warmed: 2000 gets = 2000 hits \+ 0 misses; 12 warmed, 12 kept, 0 freed$'
prints pooling '^four tasks at once: 8000 gets = 7[0-9]{3} hits \+ [0-9]+ misses'
prints stage_pipeline '^opened and closed twice: \+t\+l-l-t\+t\+l-l-t;'
if [ -x "$here/db" ]; then
	prints db '^36 batches accepted, 4 refused; 900 rows$' "$scratch/rows.db"
	nothing 'db: the four that were refused are told, with the reason' \
		"$([ "$(grep -c "^batch from .*UNIQUE" "$scratch/out")" -eq 4 ] || cat "$scratch/out")"
else
	skip 'db' 'it is not built: there is no sqlite3'
fi

finish
