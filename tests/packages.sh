#!/bin/sh
# Installs the packages of tests/packages that are missing, or unpacks some into a folder.
#
#   tests/packages.sh SECTION...             installs; at once done when nothing is missing
#   tests/packages.sh --unpack SECTION DIR   fetches and unpacks below DIR; installs nothing
set -eu

here=$(cd "$(dirname "$0")" && pwd)
export DEBIAN_FRONTEND=noninteractive

# The names in one section of the list.
section() {
	awk -v wanted="[$1]" '
		/^\[/ { inside = ($0 == wanted); found = found || inside; next }
		inside && /^[^#]/ { print $1 }
		END { exit !found }' "$here/packages" || {
		echo "packages.sh: no section $1 in tests/packages" >&2
		exit 2
	}
}

# Whether apt knows every package named: on a fresh machine it knows none.
known() {
	for package; do
		apt-cache show "$package" >/dev/null 2>&1 || return 1
	done
}

install_missing() {
	missing=
	for package; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || missing="$missing $package"
	done
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "packages.sh: only root can install what is missing:$missing" >&2
		exit 1
	fi
	echo "packages.sh: installing$missing"
	# shellcheck disable=SC2086 # a list of words
	set -- $missing
	known "$@" || apt-get update -qq
	# Package files move on; a list that is behind them is fetched again.
	fetch() {
		apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 "$@" \
			</dev/null >/dev/null
	}
	fetch "$@" || { apt-get update -qq && fetch "$@"; }
}

unpack() {
	into=$1
	shift
	mkdir -p "$into"
	# Tests at the same time may want the same folder: one fetches, the others wait for it.
	exec 9>"$into/lock"
	flock 9
	[ ! -e "$into/complete" ] || return 0
	rm -rf "$into/archives"
	mkdir "$into/archives"
	echo "packages.sh: unpacking $* below $into"
	known "$@" || apt-get update -qq
	# apt's own unprivileged user could not write here. Debian's packages are wanted, also where
	# one from elsewhere is installed.
	fetch() {
		(cd "$into/archives" &&
			apt-get download -qq -o APT::Sandbox::User=root \
				-o Dir::State::status=/dev/null "$@" </dev/null)
	}
	fetch "$@" || { apt-get update -qq && fetch "$@"; }
	for archive in "$into"/archives/*.deb; do
		dpkg-deb -x "$archive" "$into"
	done
	rm -r "$into/archives"
	: >"$into/complete"
}

case ${1-} in
'' | --help)
	sed -n '2,5s/^# \{0,1\}//p' "$0"
	;;
--unpack)
	names=$(section "$2")
	# shellcheck disable=SC2086 # a list of words
	unpack "$3" $names
	;;
*)
	names=
	for name; do
		names="$names $(section "$name")"
	done
	# shellcheck disable=SC2086 # a list of words
	install_missing $names
	;;
esac
