#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# book.sh: broken stays broken, and fixed stays fixed. For each chapter of docs/book:
#   - broken.c is under 80 lines, and the default search finds it within its 1000 schedules with each of the seeds 1
#     to 20;
#   - the replay line of its report, run as it is printed, fails in the same way;
#   - fixed.c passes 10000 schedules, and every schedule with at most two preemptions;
#   - what README.md shows is what happens: each line of its report is printed by broken, in that order, and each line
#     of its diff is in the diff of the two programs. A failure shows what it would have to be.
. "$(dirname "$0")/../meta/cases.bash"
unset "${!WEIR_SIM_@}"
seeds=20

# language, file: the lines of its blocks of that language, in order
blocks() {
	awk -v fence="\`\`\`$1" '$0 == fence { inside = 1; next } /^```/ { inside = 0 } inside' "$2"
}

# stdin: lines; file: those of stdin that it does not have, or not in that order. "[...]" stands for lines left out.
not_in_order() {
	awk -v file="$1" '
		/^\[\.\.\.\]$/ || /^$/ { next }
		{
			shown++
			while ((more = (getline line < file)) > 0 && line != $0) { }
			if (more <= 0) { print "not printed, or not there: " $0; exit }
		}
		END { if (!shown) print "nothing is shown" }'
}

# stdin: what is wrong, if anything; file: what would be right
and_show() {
	local wrong
	wrong=$(cat)
	[ -z "$wrong" ] || { echo "$wrong"; cat "$1"; }
}

# file: a report without the place of the build folder
portable() { sed "s|$BUILD/|build/|g" "$1"; }

# program: the seeds with which it was not found in time
not_found() {
	local seed out status
	for ((seed = 1; seed <= seeds; seed++)); do
		"$1" --seed "$seed" >"$scratch/out" 2>&1 </dev/null
		status=$?
		[ "$status" -eq 1 ] && grep -q '^0 passed, 1 failed$' "$scratch/out" ||
			printf 'seed %d: exit status %d\n%s\n' "$seed" "$status" "$(head -n 3 "$scratch/out")"
	done
}

# file: the report of a failure; what is wrong with its replay line
not_replayed() {
	local line headline again status
	line=$(sed -n 's/^ *replay: //p' "$1" | tail -n 1)
	headline=$(grep -m 1 '^FAIL .* at step ' "$1")
	[ -n "$line" ] && [ -n "$headline" ] || { echo 'no replay line, or no headline'; return; }
	again=$(bash -c "$line" 2>&1 </dev/null)
	status=$?
	[ "$status" -eq 1 ] || echo "exit status $status of: $line"
	grep -qxF -e "$headline" <<<"$again" || printf 'instead of: %s\n%s\n' "$headline" "$(head -n 3 <<<"$again")"
}

chapter() { # folder
	local folder=$1 name built
	name=$(basename "$folder")
	built=$BUILD/book/$name
	[ -x "$built/broken" ] && [ -x "$built/fixed" ] || { fail "$name is built" 'build it first'; return; }
	nothing "$name: broken.c is under 80 lines" \
		"$(awk 'END { if (NR >= 80) print NR " lines" }' "$folder/broken.c")"
	nothing "$name: broken is found with each of $seeds seeds" "$(not_found "$built/broken")"
	"$built/broken" >"$scratch/report" 2>&1 </dev/null
	nothing "$name: its replay line fails in the same way" "$(not_replayed "$scratch/report")"
	portable "$scratch/report" >"$scratch/printed"
	nothing "$name: the report in README.md is what it prints" \
		"$(blocks text "$folder/README.md" | not_in_order "$scratch/printed" | and_show "$scratch/printed")"
	diff -u "$folder/broken.c" "$folder/fixed.c" >"$scratch/diff"
	nothing "$name: the diff in README.md is the diff" \
		"$(blocks diff "$folder/README.md" | grep '^[+-]' | not_in_order "$scratch/diff" |
			and_show "$scratch/diff")"
	nothing "$name: fixed passes 10000 schedules" "$("$built/fixed" --schedules 10000 >"$scratch/out" 2>&1 &&
		grep -qE '^ok .* 10000 schedules' "$scratch/out" || cat "$scratch/out")"
	nothing "$name: fixed passes all schedules with two preemptions" \
		"$("$built/fixed" --strategy dfs2 >"$scratch/out" 2>&1 &&
			grep -qE '^ok .*, all there are' "$scratch/out" || cat "$scratch/out")"
}

chapters=0
for folder in docs/book/[0-9][0-9]-*/; do
	[ -d "$folder" ] || continue
	chapter "${folder%/}"
	chapters=$((chapters + 1))
done
nothing 'there are chapters' "$([ "$chapters" -ge 5 ] || echo "$chapters of at least 5")"
nothing 'each is listed in docs/book/README.md' "$(for folder in docs/book/[0-9][0-9]-*/; do
	grep -qF "($(basename "$folder")/" docs/book/README.md || echo "$folder"
done)"

# The checks see what is planted for them: a program that is right, a report of another failure, a line that is not
# there.
something 'sees a broken program that is not found' "$(seeds=1 not_found "$BUILD/book/05-close-is-not-drain/fixed")"
sed 's/ at step [0-9]*/ at step 0/' "$scratch/report" >"$scratch/other"
something 'sees a replay that fails in another way' "$(not_replayed "$scratch/other")"
something 'sees a line that is not printed' "$(printf 'a\nc\n' | not_in_order <(printf 'a\nb\n'))"
something 'sees lines in another order' "$(printf 'b\na\n' | not_in_order <(printf 'a\nb\n'))"
something 'sees that nothing is shown' "$(not_in_order "$scratch/report" </dev/null)"
nothing 'lets lines be left out' "$(printf 'a\n[...]\nc\n' | not_in_order <(printf 'a\nb\nc\n'))"

finish
