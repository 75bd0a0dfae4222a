#!/bin/sh
# Runs the same job through Sluice and through other relays, and prints how they compare: plain
# SMTP in, every 250 on the disk, STARTTLS and sign-in out to the mock Exchange Online.
#
#   bench/peers.sh [OPTION]...
#
#   --peers LIST    of sluice,postfix,exim,opensmtpd,haraka (all); sluice is always in it
#   --runs R        by turns, and the median of each (1)
#   --size BYTES    of a message, also 2KiB (10KiB)
#   --in N          sessions that hand mail in (20)
#   --quick         a few messages, one configuration each: does it work?
#   --json FILE     the figures of every run
#   --spool DIR     where every queue lies: a real disk that other users can reach (the programs')
#   --programs DIR  where sluice, sluice-mock and sluice-bench are (build)
#
# Nothing is installed: Debian's packages are unpacked, once, below build. A relay that can't
# be had is skipped, by name and with the reason. Exit 0 fine, 1 Sluice lost mail or did not run,
# 2 usage.
#
# A relay is a script in bench/peers with three verbs: `prepare` fetches it, or says why not;
# `configurations` prints a line for each way to run it: name, messages for some ten seconds,
# connections it is told to have at most, words about it; `serve NAME` becomes it, in $PEER_FOLDER,
# listening on $PEER_PORT, sending to $PEER_TO as $PEER_USER with $PEER_SECRET and trusting
# $PEER_CA. $PEER_CACHE keeps what was fetched, $PEER_ROOT is there for all runs, $PEER_PROGRAMS
# has Sluice.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(dirname "$here")
peers=sluice,postfix,exim,opensmtpd,haraka
runs=1
size=10KiB
sessions_in=20
quick=
json=
programs=$top/build
spool=

usage() {
	echo "peers.sh: $1; see --help" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--help)
		sed -n '2,19s/^# \{0,1\}//p' "$0"
		exit 0
		;;
	--quick)
		quick=yes
		shift
		continue
		;;
	--peers | --runs | --size | --in | --json | --spool | --programs)
		[ $# -gt 1 ] || usage "$1 needs a value"
		;;
	*)
		usage "what is $1?"
		;;
	esac
	case $1 in
	--peers) peers=$2 ;;
	--runs) runs=$2 ;;
	--size) size=$2 ;;
	--in) sessions_in=$2 ;;
	--json) json=$2 ;;
	--spool) spool=$2 ;;
	--programs) programs=$2 ;;
	esac
	shift 2
done

case $runs in
'' | *[!0-9]* | 0) usage "--runs $runs is no number" ;;
esac
case ,$peers, in
*,sluice,*) ;;
*) peers=sluice,$peers ;;
esac
for peer in $(echo "$peers" | tr , ' '); do
	case $peer in
	sluice | postfix | exim | opensmtpd | haraka) ;;
	*) usage "who is $peer?" ;;
	esac
done
for program in sluice sluice-mock sluice-bench; do
	[ -x "$programs/$program" ] || {
		echo "peers.sh: $programs/$program is not there; build it, or say --programs" >&2
		exit 1
	}
done

exec </dev/null
sh "$top/tests/packages.sh" peers
/usr/bin/python3 "$top/tests/io_uring.py"
programs=$(cd "$programs" && pwd)
spool=$(cd "${spool:-$programs}" && pwd)

child=
work=
finish() {
	trap '' INT TERM
	# It takes its relay and mock down itself.
	if [ -n "$child" ]; then
		kill "$child" 2>/dev/null || true
		wait "$child" || true
	fi
	[ -z "$work" ] || rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

work=$(mktemp -d "$spool/sluice-peers-XXXXXX")
chmod 755 "$work"
export PEER_PROGRAMS="$programs" PEER_CACHE="$top/build" PEER_ROOT="$work"
mkdir -p "$PEER_CACHE"
: >"$work/runs"
: >"$work/skipped"
: >"$work/traced"

# In the background, since a shell that waits for a program in front hears no signal.
# $1: where its output goes; then its arguments.
measure() {
	output=$1
	shift
	/usr/bin/python3 "$here/peers/measure.py" --folder "$work/run" --programs "$programs" \
		"$@" >"$output" 2>"$work/failure" &
	child=$!
	status=0
	wait "$child" || status=$?
	child=
	rm -rf "$work/run"
	return "$status"
}

# $1: peer; $2: why.
skip() {
	printf '%s\t%s\n' "$1" "$2" >>"$work/skipped"
	echo "# $1 is skipped: $2" >&2
}

# $1: peer. Whether it can be had, and keeps its mail on the disk.
prepare() {
	if [ "$1" != sluice ] && [ "$(id -u)" -ne 0 ]; then
		skip "$1" "it has users of its own, which only root can become"
		return 1
	fi
	if ! sh "$here/peers/$1.sh" prepare >"$work/output" 2>&1; then
		skip "$1" "$(tail -n 1 "$work/output")"
		return 1
	fi
	sh "$here/peers/$1.sh" configurations >"$work/configurations.$1"
	read -r name _ <"$work/configurations.$1"
	# Who seems to sync nothing is looked at once more: a clock that was set looks so too.
	for _ in 1 2; do
		mkdir "$work/run" && chmod 755 "$work/run"
		if ! measure "$work/output" --trace "$here/peers/$1.sh" "$name"; then
			skip "$1" "$(tail -n 1 "$work/failure")"
			return 1
		fi
		if grep -q '"durable": "yes"' "$work/output"; then
			break
		fi
	done
	printf '%s\t%s\n' "$1" "$(cat "$work/output")" >>"$work/traced"
}

# $1: peer.
run() {
	while read -r name messages allowed words; do
		[ -z "$quick" ] || messages=300
		echo "# $1, $name: $messages messages" >&2
		mkdir "$work/run" && chmod 755 "$work/run"
		if measure "$work/output" --messages "$messages" --size "$size" \
			--in "$sessions_in" "$here/peers/$1.sh" "$name"; then
			printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$name" "$allowed" "$words" \
				"$(cat "$work/output")" >>"$work/runs"
		else
			skip "$1" "$name: $(tail -n 1 "$work/failure")"
		fi
		[ -z "$quick" ] || break
	done <"$work/configurations.$1"
}

machine="$(nproc) cores, Linux $(uname -r), spool on $(stat -f -c %T "$spool"), $size, \
$sessions_in sessions in, $("$programs/sluice" version | head -n 1)"
echo "# $machine" >&2

ready=
for peer in $(echo "$peers" | tr , ' '); do
	if prepare "$peer"; then
		ready="$ready $peer"
	fi
done
round=0
while [ "$round" -lt "$runs" ]; do
	for peer in $ready; do
		run "$peer"
	done
	round=$((round + 1))
done
/usr/bin/python3 "$here/peers/report.py" "$work" "$machine" "${json:-/dev/null}"
