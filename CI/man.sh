#!/bin/sh
# SPDX-License-Identifier: MIT
#
# The manual, section 3, from the headers: nothing in it is written twice.
#
#   CI/man.sh write FOLDER [TREE]     makes FOLDER/man3/*.3 from TREE/include and TREE/examples/api
#   CI/man.sh names [TREE]            the names of these pages, one to a line
#
#   weir_tx_send.3        for each public function: its comment is the description, the five words at its end are
#                         sections, the prototypes that share the comment are the synopsis, and
#                         examples/api/weir_tx_send.c is the example
#   weir_chan.3           for each header: its opening comment (prose is filled, tables are left as they are), its
#                         functions, and its types as they are declared. Where a function has the name already:
#                         weir_select.h.3; where another header has: weir_stage_typed.3, by its folder
#   WEIR_CHAN_DECLARE.3   for each macro that has an example: a pointer to the page of its header, which has it
#
# Needs a POSIX shell and awk. The pages are made beside their folder and moved in when all are there, so that nobody
# reads half of one; what is not generated any more goes.
set -eu
cd "$(dirname "$0")/.."

headers() { # tree
	(cd "$1/include" && find weir -name '*.h' | sort)
}

# stdin: names of headers; the functions they declare
functions() { # tree
	while IFS= read -r header; do
		tr '\n' ' ' <"$1/include/$header" | tr ';' '\n' |
			sed -n 's/.*WEIR_API[^#]*[ *]\(weir_[a-z0-9_]*\)(.*/\1/p'
	done
}

macros() { # tree: those that have an example
	find "$1/examples/api" -name 'WEIR_*.c' | sed 's|.*/||; s|\.c$||' | sort
}

overview() { # tree, header, functions: the name of its page
	name=$(basename "$2" .h)
	first=$(headers "$1" | grep "/$name\.h\$" | head -n 1)
	[ "$first" = "$2" ] || name=$(basename "$(dirname "$2")")_$name
	[ "$name" = weir ] || name=weir_$name
	case " $3 " in *" $name "*) name=$name.h ;; esac
	echo "$name"
}

one_header() { # tree, header, folder, functions
	awk -v header="$2" -v folder="$3" -v page="$(overview "$1" "$2" "$4")" -v examples="$1/examples/api" \
		-v version="$(sed -n 's/^.define WEIR_VERSION "\(.*\)"/\1/p' "$1/include/weir/base.h")" \
		-f CI/man.awk "$1/include/$2"
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
names)
	tree=${1:-.}
	all=$(headers "$tree" | functions "$tree")
	printf '%s\n' "$all"
	headers "$tree" | while IFS= read -r header; do
		overview "$tree" "$header" "$(echo $all)"
	done
	macros "$tree"
	;;
write)
	folder=$1 tree=${2:-.}
	mkdir -p "$folder"
	new=$(mktemp -d "$folder/new.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	all=$(echo $(headers "$tree" | functions "$tree"))
	headers "$tree" | while IFS= read -r header; do
		one_header "$tree" "$header" "$new" "$all"
	done
	chmod 755 "$new"
	rm -rf "$folder/man3"
	mv "$new" "$folder/man3"
	;;
*)
	echo 'usage: CI/man.sh write FOLDER [TREE] | names [TREE]' >&2
	exit 2
	;;
esac
