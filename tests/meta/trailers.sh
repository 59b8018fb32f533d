#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Every public function says what it does, and then who owns what, from which threads it may be called, whether it
# blocks, how it fails and what it does after a cancel: the comment before it ends with the five words in this order,
# each with something to say. One comment may stand before a group of prototypes that follow each other without an empty
# line. CI/man.sh makes sections of them.
. "$(dirname "$0")/cases.bash"

untold() { # folder: each prototype whose comment lacks something
	find "$1" -name '*.h' | sort | xargs awk '
	FNR == 1 { comment = ""; inside = 0; proto = 0 }
	inside { comment = comment " " $0; if (/\*\//) inside = 0; next }
	/^\/\*/ { comment = $0; inside = !/\*\//; next }
	/^WEIR_API/ {
		gsub(/[ \t]+\*?[ \t]*/, " ", comment) # a word may be broken over two lines
		text = comment
		sub(/ ?\*\/ *$/, "", text)
		lacks = text ~ /^\/\* [^ ]/ && text !~ /^\/\* Owner:/ ? "" : " what it does"
		for (i = 5; i >= 1; i--) { # what stands behind a word, up to the next
			at = index(text, word[i])
			if (at == 0 || substr(text, at + length(word[i])) !~ /^ [^ ]/) lacks = " " word[i] lacks
			if (at > 0) text = substr(text, 1, at - 1)
		}
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

# Exempt: sim.h and sim/. Their functions are a kit for tests, called from a scenario or from a test's main; they own
# nothing.
exempt='^include/weir/sim[./]'
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
printf '%s\n' "${told/Blocks: no./Blocks:}" >"$scratch/untold/a.h"
something 'sees a word that says nothing' "$(untold "$scratch/untold")"
printf '%s\n' "${told/Threads: any. Blocks: no./Blocks: no. Threads: any.}" >"$scratch/untold/a.h"
something 'sees words in another order' "$(untold "$scratch/untold")"
printf '%s\n' "${told/Does it.$'\n' \* /}" >"$scratch/untold/a.h"
something 'sees a comment that does not say what the function does' "$(untold "$scratch/untold")"

finish
