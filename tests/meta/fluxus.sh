#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# docs/from-fluxus.md: each row of its part "Stages" names at least one test, and each test that is named, in any part,
# exists.
. "$(dirname "$0")/cases.bash"

rows_of_stages() { # page
	awk '/^## / { on = $2 == "Stages" } on && /^\| / && !/^\| (---|There )/' "$1"
}

# `file`: `name` pairs of a text, one in each line
pairs() {
	grep -o '`tests/[^`]*`: `[^`]*`' | tr -d '`'
}

rows_without_a_test() { # page
	rows_of_stages "$1" | while IFS= read -r row; do
		[ -n "$(awk -F'|' 'NF == 6 { print $5 }' <<<"$row" | pairs)" ] || cut -c1-100 <<<"$row"
	done
}

tests_that_are_not_there() { # page
	pairs <"$1" | while IFS=': ' read -r file name; do
		grep -qw -- "$name" "$file" 2>/dev/null || echo "$file has no $name"
	done
}

page=docs/from-fluxus.md
something 'the page has rows' "$(rows_of_stages "$page")"
nothing 'each row names a test' "$(rows_without_a_test "$page")"
nothing 'each test is there' "$(tests_that_are_not_there "$page")"

sed 's/`map_collects`/`map_collected`/' "$page" >"$scratch/other.md"
something 'sees a test that is not there' "$(tests_that_are_not_there "$scratch/other.md")"
sed 's/| `tests[^|]*|$/| somewhere |/' "$page" >"$scratch/none.md"
something 'sees a row without a test' "$(rows_without_a_test "$scratch/none.md")"

finish
