#!/bin/sh
# Haraka as bench/peers.sh runs it: from npm, on Debian's Node.js, unpacked. See there for the
# verbs and the environment.
#
# 3.1.1 is the last that says it runs on Node 18, Debian 12's. One of its libraries has since come
# to want Node 22 within the range that 3.1.1 allows, so an older one of it is asked for too.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
haraka="Haraka@3.1.1"
older="haraka-email-message@1.3.0"
installed=$PEER_CACHE/haraka/npm

prepare() {
	command -v npm >/dev/null || {
		echo "npm, which fetches it, is not there: apt-get install npm" >&2
		exit 1
	}
	sh "$here/../../tests/packages.sh" --unpack haraka "$PEER_CACHE/haraka"
	if [ ! -e "$installed/complete" ]; then
		rm -rf "$installed"
		mkdir "$installed"
		(cd "$installed" && npm install --no-save --no-package-lock --no-audit --no-fund \
			--ignore-scripts --omit=dev --omit=optional "$haraka" "$older")
		: >"$installed/complete"
	fi
	mkdir "$PEER_ROOT/haraka"
	sh "$here/private.sh" "$PEER_CACHE/haraka" "$PEER_ROOT/haraka" "" -- \
		node --version
}

# What the plugin does for us: everybody may relay, and all mail goes to the mock, signed in.
write_plugin() {
	cat <<-EOF
		'use strict';
		exports.hook_connect = (next, connection) => {
			connection.relaying = true;
			next();
		};
		exports.hook_rcpt = (next) => next(OK);
		exports.hook_get_mx = (next) => next(OK, {
			priority: 0, exchange: '127.0.0.1', port: $PEER_TO,
			auth_type: 'LOGIN', auth_user: '$PEER_USER', auth_pass: '$PEER_SECRET',
		});
	EOF
}

# $1: processes, 0 for one that does all.
write() {
	mkdir "$PEER_FOLDER/config" "$PEER_FOLDER/plugins" "$PEER_FOLDER/queue"
	cd "$PEER_FOLDER/config"
	cp "$installed/node_modules/Haraka/config/connection.ini" .
	printf 'listen=127.0.0.1:%s\nnodes=%s\n' "$PEER_PORT" "$1" >smtp.ini
	printf 'bench\n' >plugins
	printf 'relay.example\n' >me
	printf 'level=WARN\n' >log.ini
	printf 'concurrency_max=20\nenable_tls=true\nlocal_mx_ok=true\n%s\n' \
		'temp_fail_intervals=5s*60' >outbound.ini
	printf '[outbound]\nrejectUnauthorized=true\n' >tls.ini
	write_plugin >"$PEER_FOLDER/plugins/bench.js"
}

case $1 in
prepare)
	prepare
	;;
configurations)
	echo "one 1200 20 one process, a connection a message"
	echo "two 1200 40 two processes, a connection a message"
	;;
serve)
	case $2 in
	one) write 0 ;;
	two) write 2 ;;
	esac
	exec sh "$here/private.sh" "$PEER_CACHE/haraka" "$PEER_FOLDER" "" -- \
		env NODE_EXTRA_CA_CERTS="$PEER_CA" NODE_ENV=production node \
		"$installed/node_modules/Haraka/bin/haraka" -c "$PEER_FOLDER"
	;;
esac
