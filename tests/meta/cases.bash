# SPDX-License-Identifier: MIT
#
# What the scripts of this folder share: they name each case, and end with the counts that CI/run-tests.sh reads.
# A case that could not be looked at is skipped with its reason, never passed.

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
: "${BUILD:=build}" "${CC:=cc}"
cases_passed=0 cases_failed=0 cases_skipped=0

pass() { # name
	cases_passed=$((cases_passed + 1))
	echo "ok    $1"
}

fail() { # name, detail (may have several lines)
	cases_failed=$((cases_failed + 1))
	echo "FAIL  $1"
	[ -z "${2:-}" ] || printf '%s\n' "$2" | sed 's/^/      /'
}

skip() { # name, reason
	cases_skipped=$((cases_skipped + 1))
	echo "skip  $1: $2"
}

# name, found: passes if nothing was found; the text found is what is wrong
nothing() {
	if [ -z "$2" ]; then pass "$1"; else fail "$1" "$2"; fi
}

# name, found: the check found what was planted for it
something() {
	if [ -n "$2" ]; then pass "$1"; else fail "$1" 'the check is blind: it did not find what was planted for it'; fi
}

finish() {
	local tail=
	[ "$cases_skipped" -eq 0 ] || tail=", $cases_skipped skipped"
	echo "$cases_passed passed, $cases_failed failed$tail"
	[ "$cases_failed" -eq 0 ]
	exit
}

scratch=$(mktemp -d) || exit 2
trap 'rm -rf "$scratch"' EXIT
