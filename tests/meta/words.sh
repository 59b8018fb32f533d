#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Words that have no place in the project: unfinished work, paths of somebody's machine, and talk about how the project
# came to be. One letter of each pattern is in brackets, so that this file does not find itself.
. "$(dirname "$0")/cases.bash"

project_files() {
	if git ls-files >/dev/null 2>&1; then
		git ls-files -co --exclude-standard
	else
		find . \( -path ./.git -o -path "./$BUILD" -o -path ./build \) -prune -o -type f -print | sed 's|^\./||'
	fi
}

# pattern (extended), folder: where it stands, in text files
search() {
	(cd "$2" && project_files | while IFS= read -r file; do
		[ ! -f "$file" ] || printf '%s\0' "$file"
	done | xargs -0 -r grep -InE -e "$1" /dev/null | cut -c1-160)
}

# what it is | the pattern
patterns=(
	'unfinished work|\b([T]ODO|[F]IXME|[X]XX|[H]ACK)\b|not [i]mplemented|[u]nimplemented'
	'commented-out code|^[[:space:]]*//[^"]*;[[:space:]]*$'
	'path of one machine|(^|[^a-z0-9_.])/([w]ork|[h]ome|[r]oot|[U]sers|[m]nt)/'
	'folder beside the project|\.\./[s]hared'
	'talk about its making|[Tt]he [i]ssue|[i]ssue #?[0-9]|[T]his [s]ession|AI [a]gent|language [m]odel'
)

# for each, a line that it must find, put together here
planted=(
	"/* $(printf 'TO%s' DO): later */"
	'	// x = 1;'
	"see $(printf '/ho%s' me/me/notes)"
	"$(printf '../sha%s' red)/notes"
	"as $(printf 'the iss%s' ue) says"
)

for i in "${!patterns[@]}"; do
	name=${patterns[$i]%%|*} pattern=${patterns[$i]#*|}
	nothing "no $name" "$(search "$pattern" .)"
	rm -rf "$scratch/tree"
	mkdir "$scratch/tree"
	printf '%s\n' "${planted[$i]}" >"$scratch/tree/planted.c"
	something "sees $name" "$(search "$pattern" "$scratch/tree")"
done

finish
