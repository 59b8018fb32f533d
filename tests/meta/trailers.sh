#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public function says who owns what, from which threads it may be called, whether it blocks, how it fails and
# what it does after a cancel: the comment before it has the five words. One comment may stand before a group of
# prototypes that follow each other without an empty line.
. "$(dirname "$0")/cases.bash"

untold() { # folder: each prototype whose comment lacks a word
	find "$1" -name '*.h' | sort | xargs awk '
	FNR == 1 { comment = ""; inside = 0; proto = 0 }
	inside { comment = comment " " $0; if (/\*\//) inside = 0; next }
	/^\/\*/ { comment = $0; inside = !/\*\//; next }
	/^WEIR_API/ {
		gsub(/[ \t]+\*?[ \t]*/, " ", comment) # a word may be broken over two lines
		lacks = ""
		for (i = 1; i <= 5; i++) if (index(comment, word[i]) == 0) lacks = lacks " " word[i]
		if (lacks != "") print FILENAME ":" FNR ": " $0 " lacks" lacks
		proto = !/;/
		next
	}
	proto { proto = !/;/; next }
	{ comment = "" }
	BEGIN { split("Owner:,Threads:,Blocks:,Fails:,After cancel:", word, ",") }'
}

count=$(grep -rh '^WEIR_API' include | wc -l)
if [ "$count" -gt 0 ]; then
	pass "there are $count public functions to look at"
else
	fail 'there are public functions to look at'
fi

# Exempt: sim.h. Its functions are a kit for tests, called from a scenario or from a test's main; they own nothing.
exempt='^include/weir/sim\.h:'
nothing 'every public function has its trailer' "$(untold include | grep -v "$exempt")"

# WEIR_API anywhere but at the start of a line would not be seen above.
nothing 'WEIR_API stands at the start of the line' \
	"$(grep -rnE '[^_]WEIR_API' include | grep -v 'define WEIR_API' | grep -v '^[^:]*:[0-9]*: \*')"

mkdir -p "$scratch/told" "$scratch/untold"
told='/* Does it.
 * Owner: none. Threads: any. Blocks: no. Fails: no. After cancel: unchanged. */
WEIR_API int weir_a(int x,
		    int y);
WEIR_API int weir_b(void);'
printf '%s\n' "$told" >"$scratch/told/a.h"
nothing 'lets a group share a comment' "$(untold "$scratch/told")"
printf '%s\n\nWEIR_API int weir_c(void);\n' "$told" >"$scratch/untold/a.h"
something 'sees a function without a comment' "$(untold "$scratch/untold")"
printf '%s\n' "${told/Blocks: no. /}" >"$scratch/untold/a.h"
something 'sees a comment without one of the words' "$(untold "$scratch/untold")"

finish
