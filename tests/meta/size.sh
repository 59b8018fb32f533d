#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Limits that keep files readable: public headers under 250 lines, functions under 60, lines of at most 120 columns (a
# tab is 8).
. "$(dirname "$0")/cases.bash"

long_headers() { # folder
	find "$1" -name '*.h' -exec awk 'END { if (FNR >= 250) print FILENAME ": " FNR " lines" }' {} \;
}

# A function body in kernel style begins and ends with a brace in the first column.
long_functions() { # folders
	find "$@" -name '*.[ch]' -type f -exec awk '
		/^\{/ { start = FNR }
		/^\}/ {
			if (start && FNR - start + 1 >= 60) print FILENAME ":" start ": " FNR - start + 1 " lines"
			start = 0
		}' {} \;
}

wide_lines() { # files and folders
	find "$@" -type f \( -name '*.[chS]' -o -name '*.sh' -o -name Makefile \) | while IFS= read -r file; do
		expand "$file" | awk -v file="$file" '
			length($0) > 120 { print file ":" FNR ": " length($0) " columns" }'
	done
}

existing() { # of these, what is there
	local path
	for path in "$@"; do
		[ ! -e "$path" ] || echo "$path"
	done
}

nothing 'public headers are under 250 lines' "$(long_headers include)"
nothing 'functions are under 60 lines' "$(long_functions src sim)"
# shellcheck disable=SC2046
nothing 'lines are of at most 120 columns' \
	"$(wide_lines $(existing include src sim tests examples bench docs/book CI Makefile))"

seq 250 >"$scratch/long.h"
something 'sees a long header' "$(long_headers "$scratch")"
{ echo 'int f(void)'; echo '{'; seq -f '	x(%g);' 58; echo '}'; } >"$scratch/long.c"
something 'sees a long function' "$(long_functions "$scratch")"
{ echo 'int f(void)'; echo '{'; seq -f '	x(%g);' 57; echo '}'; } >"$scratch/long.c"
nothing 'lets a function of 59 lines pass' "$(long_functions "$scratch")"
printf '\t%113d\n' 0 >"$scratch/wide.c"
something 'sees a wide line' "$(wide_lines "$scratch")"
printf '\t%112d\n' 0 >"$scratch/wide.c"
nothing 'lets a line of 120 columns pass' "$(wide_lines "$scratch/wide.c")"

finish
