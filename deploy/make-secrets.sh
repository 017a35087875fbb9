#!/bin/sh
# Makes the secrets that the parts share, one file each. Existing files keep their contents.
# Usage: sh deploy/make-secrets.sh DIRECTORY [UID]
#
# Only their owner can read the files: the caller, or the user UID (needs root), such as the one that containers run as.
# POSTGRES_HOST (default: postgres) is the database server that the connection string names.
set -eu
directory=${1:?usage: make-secrets.sh DIRECTORY [UID]}
owner=${2:-}
umask 077
mkdir -p "$directory"
secrets='admin-token gateway-token replication-token routing-secret iam-internal-token verifier-key sealing-key'
for name in $secrets; do
  [ -e "$directory/$name" ] || head -c 32 /dev/urandom | base64 >"$directory/$name"
done
[ -e "$directory/postgres-password" ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$directory/postgres-password"
if [ ! -e "$directory/database.yaml" ]; then
  url="postgres://handover:$(cat "$directory/postgres-password")@${POSTGRES_HOST:-postgres}:5432/handover"
  printf 'control: { database_url: "%s" }\niam: { database_url: "%s" }\n' "$url" "$url" >"$directory/database.yaml"
fi
for name in $secrets postgres-password database.yaml; do
  chmod 0600 "$directory/$name"
  [ -z "$owner" ] || chown "$owner" "$directory/$name"
done
