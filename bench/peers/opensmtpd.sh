#!/bin/sh
# OpenSMTPD as bench/peers.sh runs it: Debian's package, unpacked. See there for the verbs and the
# environment.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
users=opensmtpd,opensmtpq # the package's names for them

write() {
	mkdir "$PEER_FOLDER/etc" "$PEER_FOLDER/etc/ssl" "$PEER_FOLDER/etc/ssl/certs" \
		"$PEER_FOLDER/run" "$PEER_FOLDER/spool"
	# Where it looks for the authorities it trusts.
	cp "$PEER_CA" "$PEER_FOLDER/etc/ssl/certs/ca-certificates.crt"
	cp "$PEER_CA" "$PEER_FOLDER/etc/ssl/cert.pem"
	(umask 077 && echo "mock $PEER_USER:$PEER_SECRET" >"$PEER_FOLDER/etc/secrets")
	cat >"$PEER_FOLDER/etc/smtpd.conf" <<-EOF
		table secrets file:/etc/secrets
		smtp limit max-mails 1000000
		scheduler limit max-inflight 100000
		scheduler limit max-schedule 1000
		mta max-deferred 100000
		mta limit max-conn-per-host 20
		mta limit max-conn-per-connector 20
		mta limit max-conn-per-domain 20
		mta limit max-conn-per-relay 20
		mta limit max-conn-per-route 20
		mta limit max-conn-per-source 20
		mta limit conn-delay-host 0
		mta limit conn-delay-source 0
		mta limit conn-delay-connector 0
		mta limit conn-delay-relay 0
		mta limit conn-delay-domain 0
		mta limit session-transaction-delay 0
		mta limit session-mail-max 1000
		listen on 127.0.0.1 port $PEER_PORT hostname relay.example
		action out relay host smtp+tls://mock@localhost:$PEER_TO \
			auth <secrets> helo relay.example
		match from any for any action out
	EOF
	# smtpd wants these so; its users are known in the namespace only.
	chmod 711 "$PEER_FOLDER/spool"
	mkdir -m 711 "$PEER_FOLDER/spool/smtpd"
}

case $1 in
prepare)
	sh "$here/../../tests/packages.sh" --unpack opensmtpd "$PEER_CACHE/opensmtpd"
	mkdir "$PEER_ROOT/opensmtpd" "$PEER_ROOT/opensmtpd/etc"
	echo "match from any reject" >"$PEER_ROOT/opensmtpd/etc/smtpd.conf"
	sh "$here/private.sh" "$PEER_CACHE/opensmtpd" "$PEER_ROOT/opensmtpd" "$users" -- smtpd -n
	;;
configurations)
	echo "kept 800 20 20 connections kept, up to 1,000 messages on each"
	;;
serve)
	write
	exec sh "$here/private.sh" "$PEER_CACHE/opensmtpd" "$PEER_FOLDER" "$users" -- smtpd -d
	;;
esac
