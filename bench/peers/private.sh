#!/bin/sh
# Runs a program as if an unpacked package were installed: in a mount namespace of its own, in
# which /usr and /var/lib have the package's files too, and /etc its users and settings.
#
#   private.sh UNPACKED FOLDER USER,... -- COMMAND...
#
# What lies in FOLDER/etc is in /etc; FOLDER/spool, where there is one, is /var/spool, FOLDER/run
# /run. The users' numbers are 64900 and on.
set -eu

if [ "${PEER_PRIVATE-}" != yes ]; then
	PEER_PRIVATE=yes exec unshare --mount --propagation private sh "$0" "$@"
fi
unset PEER_PRIVATE

unpacked=$1
folder=$2
users=$3
shift 4

mkdir -p "$folder/etc"
cp /etc/passwd /etc/group "$folder/etc/"
id=64900 # of Debian's range for packages, and only here
for user in $(echo "$users" | tr , ' '); do
	echo "$user:x:$id:$id::/nonexistent:/usr/sbin/nologin" >>"$folder/etc/passwd"
	echo "$user:x:$id:" >>"$folder/etc/group"
	id=$((id + 1))
done
mount -t overlay -o "lowerdir=$unpacked/usr:/usr" overlay /usr
mount -t overlay -o "lowerdir=$folder/etc:/etc" overlay /etc
[ ! -d "$unpacked/var/lib" ] ||
	mount -t overlay -o "lowerdir=$unpacked/var/lib:/var/lib" overlay /var/lib
[ ! -d "$folder/spool" ] || mount --bind "$folder/spool" /var/spool
[ ! -d "$folder/run" ] || mount --bind "$folder/run" /run
exec "$@"
