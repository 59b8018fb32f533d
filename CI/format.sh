#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/format.sh write|check: puts every C file into the style of .clang-format, or says which ones are not in it.
set -u
cd "$(dirname "$0")/.." || exit 2

format=${CLANG_FORMAT:-clang-format}
if ! command -v "$format" >/dev/null 2>&1; then
	echo "$format is not installed: nothing was looked at"
	echo '0 passed, 0 failed, 1 skipped'
	[ "${1:-}" = check ]
	exit
fi

files=()
while IFS= read -r file; do
	files+=("$file")
done < <(find include src sim tests examples bench docs/book -name '*.[ch]' -type f 2>/dev/null | sort)

case ${1:-} in
write)
	"$format" -i "${files[@]}"
	;;
check)
	passed=0 failed=0
	for file in "${files[@]}"; do
		if "$format" "$file" | cmp -s - "$file"; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
			echo "not in the style of .clang-format: $file"
			"$format" "$file" | diff -u "$file" - | sed -n '3,14p'
		fi
	done
	[ "$failed" -eq 0 ] || echo 'make format puts them right'
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	;;
*)
	echo 'usage: CI/format.sh write|check' >&2
	exit 2
	;;
esac
