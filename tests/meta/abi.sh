#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# What programs linked with libweir.so.0 rely on is what src/weir.abi says (CI/abi.sh), and the comparison sees each way
# in which it can differ.
. "$(dirname "$0")/cases.bash"
export BUILD CC

if ! command -v nm >/dev/null 2>&1; then
	skip 'symbols and layouts' 'nm is not installed'
	finish
fi

# list: what the check says, if it fails
check() {
	local said
	said=$(CI/abi.sh check "$1" 2>&1) || printf '%s\n' "$said"
}

nothing 'the library is as src/weir.abi says' "$(check src/weir.abi)"

CI/abi.sh update "$scratch/now" >/dev/null
nothing 'make abi-update writes what make abi reads' "$(check "$scratch/now")"

# name, line that it must say, sed script for the list
differs() {
	sed "$3" "$scratch/now" >"$scratch/list"
	if cmp -s "$scratch/now" "$scratch/list"; then
		fail "$1" "nothing was changed by: $3"
	else
		something "$1" "$(check "$scratch/list" | grep -xE "$2")"
	fi
}
differs 'sees a function that is gone' 'removed: function weir_gone@WEIR_0' '1a function weir_gone@WEIR_0'
differs 'sees a function that is new' 'added: function weir_tx_send@WEIR_0' '/^function weir_tx_send@/d'
differs 'sees a function in another version' 'added: function weir_tx_send@WEIR_0' '/weir_tx_send@/s/@WEIR_0/@WEIR_1/'
differs 'sees a function that became data' 'removed: object weir_tx_send@WEIR_0 0x8' \
	's/^function \(weir_tx_send@.*\)/object \1 0x8/'
differs 'sees a type of another size' 'changed: struct weir_ctx: was size 200 align 8, is size 192 align 8' \
	'/^struct weir_ctx /s/size 192/size 200/'
differs 'sees a type of another alignment' 'changed: struct weir_err: was .* align 4, is .* align 8' \
	'/^struct weir_err /s/align 8/align 4/'
differs 'sees a type that is new' 'added: struct weir_pipeline_opts .*' '/^struct weir_pipeline_opts /d'
differs 'sees a constant of another value' 'changed: enum WEIR_EPIPE: was -33, is -32' '/^enum WEIR_EPIPE /s/-32/-33/'
differs 'sees the version script change' 'added: function .*@WEIR_0' 's/@WEIR_0$/@WEIR_9/'

# A library with data that programs may copy: none of weir's, so one is made.
mkdir -p "$scratch/data"
echo 'int weir_table[4] = {1}; int weir_call(void); int weir_call(void) { return weir_table[0]; }' |
	"$CC" -shared -fPIC -xc - -Wl,--version-script=src/weir.map -o "$scratch/data/libweir.so.0"
cp "$BUILD/libweir-ext.so.0" "$scratch/data"
BUILD=$scratch/data CI/abi.sh update "$scratch/data/list" >/dev/null
something 'lists data with its size' "$(grep -x 'object weir_table@WEIR_0 0x10' "$scratch/data/list")"
sed -i '/weir_table/s/0x10/0x20/' "$scratch/data/list"
something 'sees data of another size' "$(BUILD=$scratch/data CI/abi.sh check "$scratch/data/list" |
	grep -x 'changed: object weir_table@WEIR_0: was 0x20, is 0x10')"
nothing 'does not pass without a library' "$(BUILD=$scratch/none CI/abi.sh check 2>/dev/null && echo 'it passed')"
: >"$scratch/empty"
nothing 'does not pass with an empty list' "$(CI/abi.sh check "$scratch/empty" >/dev/null 2>&1 && echo 'it passed')"

finish
