#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# CI/check-wordfreq.sh [FILE...]: counts the words of the files with the example program, and again with tr, sort and
# uniq; the two must be equal. Without files: those of this repository. Prints what was counted, and the most frequent
# words.
set -u
cd "$(dirname "$0")/.." || exit 2

program=${BUILD:-build}/examples/wordfreq
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT
export LC_ALL=C

files=("$@")
if [ ${#files[@]} -eq 0 ]; then
	while IFS= read -r -d '' file; do
		[ ! -f "$file" ] || files+=("$file")
	done < <(git ls-files -z 2>/dev/null)
fi
if [ ${#files[@]} -eq 0 ]; then # no git, or nothing in it yet
	while IFS= read -r -d '' file; do
		files+=("$file")
	done < <(find Makefile README.md include src sim tests examples docs -type f -print0 2>/dev/null)
fi

# A word ends where its file ends.
for file in "${files[@]}"; do
	tr -cs 'A-Za-z0-9_\200-\377' '\n' <"$file"
	echo
done | sed '/^$/d' | sort | uniq -c | sed 's/^ *//' | sort >"$work/wanted"
"$program" --stats "${files[@]}" >"$work/out" 2>"$work/stats" || {
	echo "wordfreq: exit status $?"
	cat "$work/stats"
	exit 1
}
sort "$work/out" >"$work/got"

if [ ! -s "$work/wanted" ] || ! diff "$work/wanted" "$work/got" >"$work/diff"; then
	echo 'wordfreq and tr | sort | uniq -c do not agree:'
	head -n 20 "$work/diff"
	exit 1
fi
words=$(awk '{ n += $1 } END { print n }' "$work/got")
echo "${#files[@]} files, $words words, $(wc -l <"$work/got") different; the most frequent:"
sort -k1,1nr -k2 "$work/got" | head -n 5 | sed 's/^/    /'
sed 's/^/    /' "$work/stats"
echo 'equal to what tr | sort | uniq -c counts, word for word'
