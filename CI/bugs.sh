#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/bugs.sh write|check: the table of docs/bugs.md, one row for each bug of tests/bugs. It is made of
#   - the comment that opens the bug's file, for where the bug is from, and its WEIR_BUG, for the class;
#   - tests/bugs/prevented.txt, for what is left of the bug in weir;
#   - what $BUILD/tests/bugs/bugs --full prints, for the figures.
# write puts it in place, if all bugs were found and all twins were silent. check does not run the bugs: it says which
# rows are missing, too many, or say something else than these sources; the figures belong to whoever wrote them last.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C
: "${BUILD:=build}"

page=docs/bugs.md
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

stop() { # text
	echo "CI/bugs.sh: $1" >&2
	exit 1
}

# name | origin | class | found as, in weir, for each bug
sources() {
	local file name origin macro class kind early left n
	for file in tests/bugs/*_*[0-9].c; do
		name=$(basename "$file" .c)
		origin=$(sed -n 's/^ \* Origin: \([^ ]*\), pull request \([0-9]*\)\..*/\1 #\2/p' "$file")
		[ -n "$origin" ] || stop "$file does not begin with its origin"
		# class | kinds, and whether it needs an early timer, as the macro lists them
		macro=$(tr '\n\t' '  ' <"$file" |
			sed -n "s/.*WEIR_BUG[A-Z_]*($name, *\"\([^\"]*\)\", *\([A-Z_, ]*\), *\([a-z]*\));.*/\1|\2|\3/p")
		IFS='|' read -r class kind early <<<"$macro"
		[ -n "${early:-}" ] || stop "$file does not register $name"
		kind=$(sed 's/WEIR_SIM_//g; s/, */ or /g; s/_/ /g' <<<"$kind" | tr 'A-Z' 'a-z')
		n=$(grep -c "^$name: " tests/bugs/prevented.txt || true)
		[ "$n" -eq 1 ] || stop "tests/bugs/prevented.txt has $n lines for $name"
		left=$(sed -n "s/^$name: //p" tests/bugs/prevented.txt)
		[ "$early" = false ] || kind="$kind, needs an early timer"
		echo "$name|$origin|$class|$kind|$left"
	done
}

# the same from the page
rows() {
	local cell='| \(.*\) ' figure='| [0-9]* ' word='| [a-z0-9]* '
	local figures=$figure$figure$figure$figure$figure
	sed -n "s/^| \`\([a-z0-9_]*\)\` $cell$cell$cell$cell$word$figures|$/\1|\2|\3|\4|\5/p" \
		"$page"
}

sources >"$work/sources" || exit 1
[ -s "$work/sources" ] || stop 'there are no bugs'
count=$(wc -l <"$work/sources")

case ${1:-} in
write)
	"$BUILD/tests/bugs/bugs" --full >"$work/out" 2>"$work/err" || {
		grep -v '^ok ' "$work/out"
		stop 'not all of it held'
	}
	# name, best strategy and its median, median, worst, choices, preemptions
	awk '$1 == "ok" {
		print $2 "|" $(NF - 1) "|" $NF "|" $(NF - 5) "|" $(NF - 4) "|" $(NF - 3) "|" $(NF - 2)
	}' "$work/out" | sort >"$work/figures"
	cut -d '|' -f 1 "$work/figures" >"$work/run"
	cut -d '|' -f 1 "$work/sources" | sort | cmp -s - "$work/run" ||
		stop 'the program has other bugs than the folder'
	{
		sed '/^<!-- table -->$/q' "$page"
		echo
		printf '| %s ' bug origin class 'found as' 'what weir leaves of it' \
			best 'its median' median worst choices preemptions
		echo '|'
		echo '|---|---|---|---|---|---|---:|---:|---:|---:|---:|'
		while IFS='|' read -r name origin class kind left; do
			IFS='|' read -r _ best least median worst choices preemptions \
				< <(grep "^$name|" "$work/figures")
			printf '| %s ' "\`$name\`" "$origin" "$class" "$kind" "$left" "$best" \
				"$least" "$median" "$worst" "$choices" "$preemptions"
			echo '|'
		done <"$work/sources"
		echo
		echo "$count bugs."
		echo
		grep '^found within ' "$work/out" | sed 's/^f/F/; s/$/./'
	} >"$work/page"
	grep -q '^<!-- table -->$' "$work/page" || stop "$page does not say where its table is"
	cp "$work/page" "$page"
	;;
check)
	rows >"$work/rows"
	if diff "$work/rows" "$work/sources" >"$work/diff" && grep -q "^$count bugs\.$" "$page"; then
		echo "$count passed, 0 failed"
	else
		grep '^[<>]' "$work/diff" | sed 's/^</only in docs\/bugs.md:/; s/^>/not in docs\/bugs.md:/' || true
		echo 'CI/bugs.sh write puts it right'
		echo '0 passed, 1 failed'
		exit 1
	fi
	;;
*)
	echo 'usage: CI/bugs.sh write|check' >&2
	exit 2
	;;
esac
