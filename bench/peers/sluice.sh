#!/bin/sh
# Sluice as bench/peers.sh runs it. See there for the verbs and the environment.
set -eu

case $1 in
prepare) ;;
configurations)
	echo "kept 60000 20 20 sessions kept, 16 messages in flight on each"
	;;
serve)
	(umask 077 && echo "$PEER_SECRET" >"$PEER_FOLDER/secret")
	cat >"$PEER_FOLDER/sluice.yaml" <<-EOF
		name: bench.example
		spool: {path: spool}
		listeners:
		  - address: 127.0.0.1:$PEER_PORT
		routes:
		  - name: submission
		    interface: submission
		    host: localhost
		    port: $PEER_TO
		    tls: {verify: true, ca_file: ca.pem}
		    sessions: 20
		    pipeline: 16
		    connections: none
		    messages_per_minute: none
		    recipients_per_day: none
		    identities:
		      - {user: $PEER_USER, auth: login, secret_file: secret}
		retry: {first: 1s, most: 2s, factor: 1, give_up_after: 1d}
	EOF
	exec "$PEER_PROGRAMS/sluice" serve --config "$PEER_FOLDER/sluice.yaml"
	;;
esac
