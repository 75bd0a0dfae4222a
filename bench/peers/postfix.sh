#!/bin/sh
# Postfix as bench/peers.sh runs it: Debian's package, unpacked. See there for the verbs and the
# environment.
#
# It wants root and users of its own; users that every Debian has stand in for those.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
unpacked=$PEER_ROOT/postfix # where its users can reach it
owner="uucp"
group="news"

libraries() {
	for folder in "$unpacked"/usr/lib/postfix "$unpacked"/usr/lib/*-linux-gnu*; do
		printf '%s:' "$folder"
	done
}

prepare() {
	sh "$here/../../tests/packages.sh" --unpack unpacked "$PEER_CACHE/unpacked"
	cp -R "$PEER_CACHE/unpacked" "$unpacked"
}

# $1: configuration. What differs between the three ways out.
way_out() {
	case $1 in
	kept)
		cat <<-EOF
			smtp_destination_concurrency_limit = 20
			smtp_tls_connection_reuse = yes
			smtp_connection_cache_destinations = 127.0.0.1
			smtp_connection_cache_time_limit = 10s
			smtp_connection_reuse_count_limit = 1000
		EOF
		;;
	new)
		cat <<-EOF
			smtp_destination_concurrency_limit = 20
			smtp_connection_cache_on_demand = no
		EOF
		;;
	new100)
		cat <<-EOF
			smtp_destination_concurrency_limit = 100
			smtp_connection_cache_on_demand = no
		EOF
		;;
	esac
}

write_main() {
	cat <<-EOF
		compatibility_level = 3.6
		mail_owner = $owner
		setgid_group = $group
		default_privs = nobody
		queue_directory = $PEER_FOLDER/queue
		data_directory = $PEER_FOLDER/data
		daemon_directory = $unpacked/usr/lib/postfix/sbin
		command_directory = $unpacked/usr/sbin
		shlib_directory = $unpacked/usr/lib/postfix
		meta_directory = $PEER_FOLDER/etc
		maillog_file = $PEER_FOLDER/postfix.log
		maillog_file_prefixes = $PEER_FOLDER
		import_environment = MAIL_CONFIG LD_LIBRARY_PATH SASL_PATH LANG=C
		myhostname = relay.example
		inet_interfaces = 127.0.0.1
		inet_protocols = ipv4
		mynetworks = 127.0.0.0/8
		mydestination =
		alias_maps =
		local_recipient_maps =
		smtputf8_enable = no
		default_process_limit = 200
		in_flow_delay = 0
		qmgr_message_active_limit = 100000
		initial_destination_concurrency = 100
		smtpd_client_connection_count_limit = 0
		smtpd_peername_lookup = no
		smtpd_relay_restrictions = permit_mynetworks, reject
		smtpd_recipient_restrictions =
		relayhost = [127.0.0.1]:$PEER_TO
		smtp_host_lookup = native
		smtp_tls_security_level = secure
		smtp_tls_secure_cert_match = localhost
		smtp_tls_CAfile = $PEER_FOLDER/etc/ca.pem
		smtp_tls_session_cache_database = btree:$PEER_FOLDER/data/smtp_scache
		smtp_sasl_auth_enable = yes
		smtp_sasl_password_maps = hash:$PEER_FOLDER/etc/passwords
		smtp_sasl_security_options = noanonymous
		smtp_sasl_mechanism_filter = login
		minimal_backoff_time = 1s
		maximal_backoff_time = 2s
		queue_run_delay = 1s
	EOF
	way_out "$1"
}

write_master() {
	cat <<-EOF
		127.0.0.1:$PEER_PORT inet n - n - - smtpd
		postlog   unix-dgram n - n -    1 postlogd
		anvil     unix  -    - n -      1 anvil
		bounce    unix  -    - n -      0 bounce
		defer     unix  -    - n -      0 bounce
		trace     unix  -    - n -      0 bounce
		cleanup   unix  n    - n -      0 cleanup
		error     unix  -    - n -      - error
		retry     unix  -    - n -      - error
		proxymap  unix  -    - n -      - proxymap
		qmgr      unix  n    - n 300    1 qmgr
		rewrite   unix  -    - n -      - trivial-rewrite
		scache    unix  -    - n -      1 scache
		smtp      unix  -    - n -      - smtp
		tlsmgr    unix  -    - n 1000?  1 tlsmgr
		tlsproxy  unix  -    - n -      0 tlsproxy
	EOF
}

# $1: configuration.
write() {
	mkdir "$PEER_FOLDER/etc" "$PEER_FOLDER/queue" "$PEER_FOLDER/data"
	chown "$owner" "$PEER_FOLDER/data"
	(
		cd "$PEER_FOLDER/queue"
		mkdir active bounce corrupt defer deferred flush hold incoming maildrop private \
			public saved trace pid
		chown "$owner" [!p]* private public
	)
	cp "$PEER_CA" "$PEER_FOLDER/etc/ca.pem"
	write_main "$1" >"$PEER_FOLDER/etc/main.cf"
	write_master >"$PEER_FOLDER/etc/master.cf"
	echo "[127.0.0.1]:$PEER_TO $PEER_USER:$PEER_SECRET" >"$PEER_FOLDER/etc/passwords"
	"$unpacked/usr/sbin/postmap" -c "$PEER_FOLDER/etc" "hash:$PEER_FOLDER/etc/passwords"
}

case $1 in
prepare)
	prepare
	;;
configurations)
	echo "kept 3000 20 20 connections kept, through tlsproxy"
	echo "new 3000 20 a connection a message, 20 at once"
	echo "new100 3000 100 a connection a message, 100 at once"
	;;
serve)
	LD_LIBRARY_PATH=$(libraries)
	SASL_PATH=$(echo "$unpacked"/usr/lib/*-linux-gnu*/sasl2)
	export LD_LIBRARY_PATH SASL_PATH
	write "$2"
	exec "$unpacked/usr/lib/postfix/sbin/master" -d -c "$PEER_FOLDER/etc"
	;;
esac
