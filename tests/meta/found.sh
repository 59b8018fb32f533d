#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# docs/found.md: each row names at least one test, each test that is named exists, and what must be named is.
. "$(dirname "$0")/cases.bash"

rows() { # page
	grep '^| ' "$1" | grep -v '^| \(---\|What \(was\|is\) wrong\)'
}

# `file`: `name` pairs of a text, one in each line
pairs() {
	grep -o '`[^`]*`: `[^`]*`' | tr -d '`'
}

rows_without_a_test() { # page
	rows "$1" | while IFS= read -r row; do
		[ -n "$(awk -F'|' '{ print $4 }' <<<"$row" | pairs)" ] || cut -c1-100 <<<"$row"
	done
}

tests_that_are_not_there() { # page
	rows "$1" | awk -F'|' '{ print $4 }' | pairs | while IFS=': ' read -r file name; do
		grep -qw -- "$name" "$file" 2>/dev/null || echo "$file has no $name"
	done
}

rows_without_a_fix() { # page
	rows "$1" | awk -F'|' 'NF != 6 || $5 ~ /^ *$/ { print substr($0, 1, 100) }'
}

missing() { # page
	{
		sed -nE 's/^(WEIR_SIM_TEST|WEIR_SIM_TEST_WITH|FOUND)\(([a-z_0-9]+).*/\2/p' tests/sim/test_found.c
		ls tests/exhaust/breakages/*.patch
	} | while IFS= read -r name; do
		grep -qF "\`$name\`" "$1" || echo "$name"
	done
}

page=docs/found.md
something 'the page has rows' "$(rows "$page")"
nothing 'each row names a test' "$(rows_without_a_test "$page")"
nothing 'each test is there' "$(tests_that_are_not_there "$page")"
nothing 'each row names its fix' "$(rows_without_a_fix "$page")"
nothing 'nothing is missing' "$(missing "$page")"

sed 's/`ending`/`beginning`/' "$page" >"$scratch/other.md"
something 'sees a test that is not there' "$(tests_that_are_not_there "$scratch/other.md")"
sed 's/`tests[^|]*|/somewhere |/' "$page" >"$scratch/none.md"
something 'sees a row without a test' "$(rows_without_a_test "$scratch/none.md")"
sed 's/| [^|]* |$/| |/' "$page" >"$scratch/none.md"
something 'sees a row without a fix' "$(rows_without_a_fix "$scratch/none.md")"
grep -v release_of_null "$page" >"$scratch/less.md"
something 'sees what is missing' "$(missing "$scratch/less.md")"

finish
