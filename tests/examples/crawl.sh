#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# crawl.sh: examples/crawl.c on real threads: what it says is what its comment shows, and bad calls are told so.
. "$(dirname "$0")/../meta/cases.bash"
here=$(dirname "$0")/../..
crawl=$BUILD/examples/crawl

shown() { # command: the lines below "$ command" in the program's comment
	sed -n "/^ \*     \\$ $1/,/^ \*\( \{5\}\\$.*\)\?\$/{/\\$/d;/^ \*\$/d;s/^ \*     //p}" "$here/examples/crawl.c"
}

out=$("$crawl" --dead "$scratch/dead.txt" a.example bad.example c.example 2>"$scratch/err" | sort)
something 'its comment shows a run' "$(shown crawl)"
something 'and a grave' "$(shown cat)"
nothing 'it prints that' "$(diff <(shown crawl) <(echo "$out") 2>&1; cat "$scratch/err")"
nothing 'and buries that' "$(diff <(shown cat) "$scratch/dead.txt")"

refused() { # wanted status, wanted text, arguments...
	local status said
	said=$("$crawl" "${@:3}" 2>&1 >/dev/null)
	status=$?
	[ "$status" -eq "$1" ] || echo "status $status"
	[[ $said == *"$2"* ]] || echo "said: $said"
}
nothing 'no url is told' "$(refused 2 usage:)"
nothing 'an option without its file too' "$(refused 2 usage: --dead)"
nothing 'and a file that cannot be opened' "$(refused 1 'No such file' --dead "$scratch/none/dead.txt" a)"
nothing 'all of them buried is not a failure' "$(refused 0 'bad.example: retry' bad.example)"

finish
