#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# echo.sh [PROGRAM]: the echo server with real clients: what comes back, how many are served at once, and how it ends
# when it is interrupted once, twice, or with a client that will not go.
#
# Nothing here sleeps. The server's output is a FIFO that this script reads, so it knows when the server listens and
# when it has stopped accepting; that a client is being served is known when its first line has come back. bash's
# /dev/tcp is enough for most; what it cannot do (half close, reset) is done with python3 where there is one.
program=${1:-}
[ -z "$program" ] || program=$(realpath "$program") || exit 2
. "$(dirname "$0")/../meta/cases.bash"
: "${program:=$BUILD/examples/echo}"
[ -x "$program" ] || { fail 'the program is there' "$program cannot be run: build it first"; finish; }
export LC_ALL=C

# Each server gets a process group of its own and the default action of SIGINT, as on a terminal.
set -m
trap '[ -z "$pid" ] || kill -s KILL "$pid"; rm -rf "$scratch"' EXIT
pid=
mkfifo "$scratch/said"

start() { # arguments: leaves the server in $pid, its output on descriptor 3, its port in $port
	"$program" "$@" >"$scratch/said" 2>&1 &
	pid=$!
	exec 3<"$scratch/said"
	read -r line <&3
	port=${line##* }
}

ended() { # name, wanted status, wanted last line (pattern): waits for the server
	local status last= wrong=
	while read -r line <&3; do last=$line; done
	exec 3<&-
	wait "$pid"
	status=$?
	pid=
	[ "$status" -eq "$2" ] || wrong="exit status $status instead of $2"
	[[ $last =~ $3 ]] || wrong="$wrong
said: $last
without: $3"
	nothing "$1" "$wrong"
}

# descriptor, text: sends a line and says what is wrong with what comes back
ping() {
	local back
	printf '%s\n' "$2" >&"$1"
	read -r back <&"$1" || { echo "descriptor $1: the connection ended"; return; }
	[ "$back" = "$2" ] || echo "sent '$2', got '$back'"
}

interrupt() { # waits until it has stopped accepting
	kill -s "${1:-INT}" "$pid"
	read -r line <&3
	nothing "SIG${1:-INT}: it says that it stops" "$([[ $line == 'echo: stopping'* ]] || echo "$line")"
}

# -- one client, then one ^C --

start
nothing 'it says where it listens' "$([[ $line == "listening on 127.0.0.1 port "[1-9]* ]] || echo "$line")"
exec 5<>"/dev/tcp/127.0.0.1/$port"
nothing 'a line comes back' "$(ping 5 'hello')"
nothing 'and a hundred more' "$(for ((i = 0; i < 100; i++)); do ping 5 "line $i"; done)"
interrupt
nothing 'no new connection is accepted' "$( (exec 6<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null && echo 'it was')"
nothing 'the open one still works' "$(ping 5 'still there')"
exec 5>&-
ended 'it ends when the last client has gone' 0 \
	'^echo: 1 connections = 1 finished \+ 0 cut off \+ 0 failed; [0-9]+ bytes$'

start --port 0
interrupt TERM
ended 'without clients it ends at once' 0 '^echo: 0 connections = 0 finished \+ 0 cut off \+ 0 failed; 0 bytes$'

# -- a client that stays --

start --grace 1000s
exec 5<>"/dev/tcp/127.0.0.1/$port"
nothing 'the first of two is served' "$(ping 5 'one')"
exec 6<>"/dev/tcp/127.0.0.1/$port"
nothing 'the second of two is served' "$(ping 6 'two')"
interrupt
exec 6>&-
kill -s INT "$pid"
nothing 'the second ^C: the client sees the end' "$(read -r back <&5 && echo "it read '$back'")"
exec 5>&-
# Whether the server saw the second client leave before it was told to stop at once is a race.
ended 'the second ^C ends it at once' 1 '^echo: 2 connections = [01] finished \+ [12] cut off \+ 0 failed; 8 bytes$'

start --grace 20ms
exec 5<>"/dev/tcp/127.0.0.1/$port"
nothing 'a client that will stay' "$(ping 5 'one')"
interrupt
ended 'one ^C and the end of the grace time' 1 '^echo: 1 connections = 0 finished \+ 1 cut off \+ 0 failed; 4 bytes$'
exec 5>&-

# -- --max --

start --max 1
exec 5<>"/dev/tcp/127.0.0.1/$port" 6<>"/dev/tcp/127.0.0.1/$port"
nothing '--max 1: the first is served' "$(ping 5 'first')"
printf 'second\n' >&6
nothing '--max 1: and goes on' "$(for ((i = 0; i < 20; i++)); do ping 5 "$i"; done)"
nothing '--max 1: the second waits' "$(read -r -t 0 -u 6 && echo 'it was served')"
exec 5>&-
read -r back <&6
nothing '--max 1: until the first has gone' "$([ "$back" = second ] || echo "got '$back'")"
exec 6>&-
interrupt
ended '--max 1: both were served' 0 '^echo: 2 connections = 2 finished '

# -- what bash cannot do --

# Half closes after a megabyte in pieces of all lengths, and reads to the end.
cat >"$scratch/client.py" <<'PYTHON'
import socket, struct, sys, threading

port, what = int(sys.argv[1]), sys.argv[2]


def connect():
    return socket.create_connection(("127.0.0.1", port))


def pattern(seed, length):
    out = bytearray()
    while len(out) < length:
        seed = seed * 16807 % 2147483647
        out.append(seed % 256)
    return bytes(out)


def exchange(seed, length):
    data, back, c = pattern(seed, length), bytearray(), connect()

    def say():
        at, n = 0, 1
        while at < length:
            c.sendall(data[at : at + n])
            at, n = at + n, n * 3 % 65521
        c.shutdown(socket.SHUT_WR)

    speaker = threading.Thread(target=say)
    speaker.start()
    while True:
        piece = c.recv(50000)
        if not piece:
            break
        back += piece
    speaker.join()
    c.close()
    if bytes(back) != data:
        print("client", seed, "sent", length, "bytes and got", len(back), "others back")


if what == "bytes":
    exchange(1, 1 << 20)
elif what == "many":
    clients = [threading.Thread(target=exchange, args=(i + 1, 30000)) for i in range(20)]
    for c in clients:
        c.start()
    for c in clients:
        c.join()
elif what == "reset":
    for _ in range(20):
        c = connect()
        c.sendall(b"x" * 10000)
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        c.close()
    exchange(7, 1000)
PYTHON

client() { # what
	python3 "$scratch/client.py" "$port" "$1" 2>&1 || echo "exit status $?"
}

if command -v python3 >/dev/null 2>&1; then
	start --max 5
	nothing 'a megabyte comes back, through a half close' "$(client bytes)"
	nothing 'twenty clients at once, five at a time' "$(client many)"
	interrupt
	ended 'all of them finished' 0 '^echo: 21 connections = 21 finished \+ 0 cut off \+ 0 failed; 1648576 bytes$'
	start
	nothing 'clients that reset do not stop it' "$(client reset)"
	interrupt
	# A reset may come before the connection is accepted, and before or after what was sent is read.
	ended 'and it ends as ever' 0 \
		'^echo: [0-9]+ connections = [0-9]+ finished \+ 0 cut off \+ [0-9]+ failed; [0-9]+ bytes$'
else
	skip 'half close, many clients, resets' 'there is no python3'
fi

# -- what cannot be --

start
"$program" --port "$port" >"$scratch/out" 2>"$scratch/err"
status=$?
nothing 'a port that is taken is named' "$(
	[ "$status" -eq 1 ] || echo "exit status $status"
	grep -q "listening on 127.0.0.1 port $port: Address already in use" "$scratch/err" || cat "$scratch/err"
)"
interrupt
ended 'the one that has it does not mind' 0 '^echo: 0 connections'

bad() { # pattern, arguments
	local pattern=$1 status
	shift
	"$program" "$@" >"$scratch/out" 2>"$scratch/err" </dev/null
	status=$?
	nothing "bad options: $*" "$(
		[ "$status" -eq 2 ] || echo "exit status $status"
		grep -qE "$pattern" "$scratch/err" || cat "$scratch/err"
	)"
}
for value in 65536 -1 x '' 1x 99999999999999999999999; do
	bad "^echo: --port '$value': must be a whole number up to 65535" --port "$value"
done
for value in 0 10001 -1 x; do
	bad "^echo: --max '$value': must be a whole number from 1 to 10000" --max "$value"
done
for value in 5 s 5m -1s 5sms 99999999999s; do
	bad "^echo: --grace '$value': must be a whole number and ms or s" --grace "$value"
done
bad '^usage: echo ' --nothing
bad '^usage: echo ' word
"$program" --help >"$scratch/out" 2>"$scratch/err"
status=$?
nothing '--help explains on stdout' "$(
	[ "$status" -eq 0 ] || echo "exit status $status"
	grep -q '^usage: echo ' "$scratch/out" || cat "$scratch/out" "$scratch/err"
)"

finish
