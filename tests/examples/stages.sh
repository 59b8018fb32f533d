#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# stages.sh: the small programs of stages on real threads: each says what the comment at its beginning says, word for
# word, and ends well.
. "$(dirname "$0")/../meta/cases.bash"
here=$(dirname "$0")/../..

promised() { # program: the lines below "$ program" in its comment
	sed -n "/^ \*     \\$ $1\$/,/^ \*\$/{/\\$ $1\$/d;/^ \*\$/d;s/^ \*     //p}" "$here/examples/$1.c"
}

for name in buffer circuit fanout ratelimit retry timeout; do
	program=stage_$name
	promised "$program" >"$scratch/wanted"
	something "$program: says what it prints" "$(cat "$scratch/wanted")"
	"$BUILD/examples/$program" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	nothing "$program: prints that" "$(
		[ "$status" -eq 0 ] || echo "exit status $status"
		cat "$scratch/err"
		diff "$scratch/wanted" "$scratch/out"
	)"
done

finish
