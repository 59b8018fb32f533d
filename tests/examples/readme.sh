#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# readme.sh: README.md and docs/00-map.md say what is so.
#   - The C programs in README.md are examples/squares.c and examples/cancel_test.c below their opening comment,
#     byte for byte; so they are compiled and run.
#     The third is a part of examples/crawl.c, and what it says below is what that prints.
#   - The commands it gives to build them by hand do it, in the tree and against an installed weir.
#   - Each line of the report it shows is printed by the program it names, in that order.
#   - Links lead somewhere, and the map's numbers of lines are about right.
. "$(dirname "$0")/../meta/cases.bash"
unset "${!WEIR_SIM_@}" MAKEFLAGS MFLAGS MAKELEVEL

# language, number, file: the lines of the n-th block of that language
block() {
	awk -v fence="\`\`\`$1" -v wanted="$2" '
		$0 == fence { inside = ++n == wanted; next }
		/^```/ { inside = 0 }
		inside' "$3"
}

body() { sed -n '/^#include </,$p' "$1"; }

# -- the two commands come first --

nothing 'make demo and make test come first' "$(diff <(printf 'make demo\nmake test\n') \
	<(block sh 1 README.md | sed 's/ *#.*//'))"

# -- the programs --

number=1
for name in squares cancel_test; do
	nothing "C program $number is examples/$name.c" "$(
		block c "$number" README.md >"$scratch/block"
		body "examples/$name.c" >"$scratch/body"
		[ -s "$scratch/body" ] || echo "examples/$name.c has no #include"
		cmp "$scratch/block" "$scratch/body" 2>&1
		diff "$scratch/block" "$scratch/body"
	)"
	number=$((number + 1))
done
# block of C: says so if these lines do not stand together in the file
not_in() { # file
	local text
	text=$(cat)
	[ -n "$text" ] && [[ "$(cat "$1")" == *"$text"* ]] || echo "not in $1: $text"
}
nothing "C program $number is a part of examples/crawl.c" "$(block c "$number" README.md | not_in examples/crawl.c)"
something 'sees a part that is not there' "$(block c "$number" README.md | sed 's/200/300/' | not_in examples/crawl.c)"
nothing 'there is no other one' "$(block c $((number + 1)) README.md)"
sed 's/workers = 4/workers = 5/' "$scratch/body" examples/squares.c >"$scratch/other"
something 'sees a program that differs in one byte' "$(cmp <(block c 1 README.md) "$scratch/other" 2>&1)"

# -- the commands --

# number: runs that block of commands, with the build folder of this test and a home of its own
commands() {
	block sh "$1" README.md | sed "s|build/|$BUILD/|g; s|^make |make --no-print-directory BUILD='$BUILD' |" \
		>"$scratch/commands"
	[ -s "$scratch/commands" ] || echo "README.md has no block $1 of commands"
	HOME=$scratch bash -eu "$scratch/commands" >"$scratch/out" 2>&1 </dev/null || {
		echo "exit status $? of:"
		cat "$scratch/commands" "$scratch/out"
	}
}
squares() { # exactly the squares, among other lines
	grep -qx 9801 "$scratch/out" || echo "no 9801 among: $(tail -n 3 "$scratch/out")"
}
nothing 'the programs are built and run by hand' "$(commands 2)"
nothing 'and print squares' "$(squares)"
nothing 'and pass' "$(grep -q '^1 passed, 0 failed' "$scratch/out" || cat "$scratch/out")"
if command -v pkg-config >/dev/null 2>&1; then
	nothing 'the programs are built and run against an installed weir' "$(commands 3)"
	nothing 'and print squares there' "$(squares)"
	nothing 'and pass there' "$(grep -q '^1 passed, 0 failed' "$scratch/out" || cat "$scratch/out")"
else
	skip 'the programs are built against an installed weir' 'pkg-config is not installed'
fi

# -- the report --

# stdin: lines; file: those that it does not have, or not in that order. "[...]" stands for lines left out.
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
block text 1 README.md >"$scratch/crawl"
nothing 'what crawl says is what it prints' "$(diff <(sed 1d "$scratch/crawl" | sort) \
	<($(sed -n "1s|^\$ build/|$BUILD/|p" "$scratch/crawl") 2>&1 </dev/null | sort))"
block text 2 README.md >"$scratch/report"
program=$(head -n 1 "$scratch/report" | sed -n 's/^\$ build\///p')
"$BUILD/${program:-none}" >"$scratch/out" 2>&1 </dev/null
sed -i "s|$BUILD/|build/|g" "$scratch/out"
nothing 'the report is what the program prints' "$(sed 1d "$scratch/report" | not_in_order "$scratch/out")"
something 'sees a line that is not printed' "$(sed '1d; $s/$/ /' "$scratch/report" | not_in_order "$scratch/out")"

# -- links and numbers --

documents() {
	find README.md CONTRIBUTING.md docs -name '*.md' -type f
}
# files: links to files that are not there
dead_links() {
	local file link
	for file in "$@"; do
		grep -oE '\]\([^)]+\)' "$file" | sed 's/^](//; s/)$//; s/#.*//' | while IFS= read -r link; do
			case $link in '' | http://* | https://*) continue ;; esac
			[ -e "$(dirname "$file")/$link" ] || echo "$file: $link"
		done
	done
}
mapfile -t files < <(documents)
nothing "links of ${#files[@]} documents lead somewhere" "$(dead_links "${files[@]}")"
echo 'see [this](no/such/file.md)' >"$scratch/dead.md"
something 'sees a link that leads nowhere' "$(dead_links "$scratch/dead.md")"

# map: files (or folders of *.c and *.h) whose number of lines is off by more than a third and 20
wrong_sizes() {
	sed -nE 's/^.*\]\(\.\.\/([^)]+)\).* ~([0-9]+) lines.*$/\1 \2/p' "$1" | {
		local path stated lines n=0
		while read -r path stated; do
			n=$((n + 1))
			lines=$(find "$path" -type f -name '*.[chS]*' -exec cat {} + | wc -l)
			awk -v a="$lines" -v b="$stated" -v path="$path" 'BEGIN {
				d = a > b ? a - b : b - a
				if (d > a / 3 + 20) print path ": " a " lines, not about " b }'
		done
		[ "$n" -ge 20 ] || echo "only $n numbers of lines"
	}
}
nothing 'the numbers of lines in docs/00-map.md are about right' "$(wrong_sizes docs/00-map.md)"
sed -E 's/~[0-9]+ lines/~9999 lines/' docs/00-map.md >"$scratch/map.md"
something 'sees a number that is wrong' "$(wrong_sizes "$scratch/map.md")"
nothing 'every public header is on the map' "$(find include -name '*.h' | while IFS= read -r header; do
	grep -qF "(../$header)" docs/00-map.md || echo "$header"
done)"

finish
