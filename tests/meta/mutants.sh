#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# The list of mutants fits the sources as they are, and docs/mutants.md has the same ones. What `make mutants` does
# takes minutes; this only looks.
. "$(dirname "$0")/cases.bash"

# What CI/mutants.sh says is wrong with a folder of mutants and a page; nothing where all is well.
wrong() { # folder, page
	CI/mutants.sh check "$1" "$2" >"$scratch/out" 2>&1 || cat "$scratch/out"
}

nothing 'each mutant fits its source, and the page has it' "$(wrong tests/mutants docs/mutants.md)"

numbers=$(cd tests/mutants && printf '%s\n' *.mutant | sed 's/-.*//')
nothing 'no number is there twice' "$(uniq -d <<<"$numbers")"
nothing 'nothing else is in the folder' "$(find tests/mutants -type f ! -name '[0-9][0-9][0-9]-*.mutant')"

# One mutant of this script's own, and what must be seen when it is changed.
folder=$scratch/mutants page=$scratch/page.md
file=tests/meta/mutants.sh
plant() { # old, new, rule: writes the mutant
	mkdir -p "$folder"
	printf '%s\n' 'breaks: nothing' "rule: $3 $file" "file: $file" '--- old' "$1" '--- new' "$2" '--- end' \
		>"$folder/001-planted.mutant"
}
row="| \`001-planted\` | nothing | takes minutes ([\`mutants.sh\`](../$file)) |"
old='. "$(dirname "$0")/cases.bash"'

plant "$old" 'exit 0' 'takes minutes'
echo "$row \`program\`: case |" >"$page"
nothing 'lets a good one pass' "$(wrong "$folder" "$page")"
echo "$row" >"$page"
something 'sees a row without its last cell' "$(wrong "$folder" "$page")"
echo "${row/nothing/something else} \`program\`: case |" >"$page"
something 'sees a row that says something else' "$(wrong "$folder" "$page")"
: >"$page"
something 'sees a row that is missing' "$(wrong "$folder" "$page")"
echo "$row \`program\`: case |" >"$page"
plant 'not in there' 'exit 0' 'takes minutes'
something 'sees old lines that are gone' "$(wrong "$folder" "$page")"
plant "${old%h\"}" 'exit 0' 'takes minutes'
something 'sees a part of a line' "$(wrong "$folder" "$page")"
plant '}' '' 'takes minutes'
something 'sees old lines that are there twice' "$(wrong "$folder" "$page")"
plant "$old" "$old" 'takes minutes'
something 'sees a mutant that changes nothing' "$(wrong "$folder" "$page")"
plant "$old" 'exit 0' "takes $((1 + 1)) minutes"
something 'sees a rule that is nowhere' "$(wrong "$folder" "$page")"
plant "$old" 'exit 0' 'takes minutes'
sed -i '/^--- end/d' "$folder/001-planted.mutant"
something 'sees a file that is not complete' "$(wrong "$folder" "$page")"
rm "$folder/001-planted.mutant"
something 'sees that there are none' "$(wrong "$folder" "$page")"

finish
