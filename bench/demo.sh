#!/bin/sh
# Shows what Sluice promises, on a fresh Debian 12 too: builds it, starts the mock Exchange Online
# and Sluice, sends a few thousand messages through, kills Sluice with -9 midway and starts it
# again, then tells what became of every message. Exit 0 only if nothing was lost.
#
#   bench/demo.sh [sluice-bench demo's options, as --messages 20000]
set -eu

cd "$(dirname "$0")/.."
if [ "${1-}" = --help ]; then
	sed -n '2,6s/^# \{0,1\}//p' bench/demo.sh
	exit 0
fi

exec </dev/null
sh tests/packages.sh build demo
/usr/bin/python3 tests/io_uring.py
export CMAKE_GENERATOR="${CMAKE_GENERATOR:-Ninja}" # for a new folder; an old one keeps its own
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "== building in build"
{
	cmake --preset release &&
		cmake --build build -j "$(nproc)" --target sluice sluice-mock sluice-bench
} >"$log" 2>&1 || {
	tail -n 60 "$log" >&2
	exit 1
}
rm -f "$log"
trap - EXIT
exec build/sluice-bench demo "$@"
