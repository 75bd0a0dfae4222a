#!/bin/sh
# Exim as bench/peers.sh runs it: Debian's package, unpacked. See there for the verbs and the
# environment.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
user=Debian-exim # the package's name for it

# $1: configuration.
write() {
	mkdir "$PEER_FOLDER/queue" "$PEER_FOLDER/log" "$PEER_FOLDER/etc" "$PEER_FOLDER/etc/exim4"
	cp "$PEER_CA" "$PEER_FOLDER/queue/ca.pem"
	case $1 in
	immediate) queueing="queue_only = false" most=1 ;;
	runners) queueing="queue_only = true" most=0 ;;
	esac
	cat >"$PEER_FOLDER/etc/exim4/exim4.conf" <<-EOF
		primary_hostname = relay.example
		exim_user = $user
		exim_group = $user
		never_users =
		keep_environment =
		deliver_drop_privilege = true
		spool_directory = $PEER_FOLDER/queue
		split_spool_directory = true
		log_file_path = $PEER_FOLDER/log/%slog
		log_selector = -all
		message_logs = false
		pid_file_path = $PEER_FOLDER/queue/exim.pid
		disable_ipv6 = true
		local_interfaces = 127.0.0.1
		daemon_smtp_ports = $PEER_PORT
		host_lookup =
		rfc1413_query_timeout = 0s
		tls_advertise_hosts =
		acl_smtp_rcpt = accept
		acl_smtp_data = accept
		smtp_accept_max = 0
		smtp_accept_queue_per_connection = 0
		smtp_accept_max_per_connection = 0
		queue_run_max = 20
		remote_max_parallel = 1
		check_spool_space = 0
		check_spool_inodes = 0
		$queueing

		begin routers
		smarthost:
		  driver = manualroute
		  transport = out
		  route_list = * localhost::$PEER_TO byname
		  self = send

		begin transports
		out:
		  driver = smtp
		  hosts_require_tls = *
		  hosts_require_auth = *
		  tls_verify_certificates = $PEER_FOLDER/queue/ca.pem
		  tls_verify_hosts = *
		  tls_resumption_hosts = *
		  hosts_try_dane =
		  connection_max_messages = $most

		begin retry
		* * F,1d,1s

		begin authenticators
		login:
		  driver = plaintext
		  public_name = LOGIN
		  client_send = : $PEER_USER : $PEER_SECRET
	EOF
	# The user is known in the namespace only; this is its number there.
	chown -R 64900:64900 "$PEER_FOLDER/queue" "$PEER_FOLDER/log"
}

case $1 in
prepare)
	sh "$here/../../tests/packages.sh" --unpack exim "$PEER_CACHE/exim"
	mkdir "$PEER_ROOT/exim"
	sh "$here/private.sh" "$PEER_CACHE/exim" "$PEER_ROOT/exim" "$user" -- \
		exim4 -C /dev/null -bV
	;;
configurations)
	echo "immediate 1200 - a delivery process and a connection a message"
	echo "runners 1200 20 20 queue runners, connections kept for what waits"
	;;
serve)
	write "$2"
	interval=
	[ "$2" = immediate ] || interval=-q1s
	# shellcheck disable=SC2086 # an option or none
	exec sh "$here/private.sh" "$PEER_CACHE/exim" "$PEER_FOLDER" "$user" -- \
		exim4 -bdf $interval
	;;
esac
