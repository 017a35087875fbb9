#!/bin/sh
# Makes the secrets that the parts share, each a file; what is there already stays as it is.
# Usage: sh deploy/make-secrets.sh DIRECTORY
set -eu
directory=${1:?usage: make-secrets.sh DIRECTORY}
umask 077
mkdir -p "$directory"
for name in admin-token gateway-token replication-token routing-secret iam-internal-token verifier-key sealing-key; do
  [ -e "$directory/$name" ] || head -c 32 /dev/urandom | base64 >"$directory/$name"
done
[ -e "$directory/postgres-password" ] || head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$directory/postgres-password"
if [ ! -e "$directory/database.yaml" ]; then
  url="postgres://handover:$(cat "$directory/postgres-password")@${POSTGRES_HOST:-postgres}:5432/handover"
  printf 'control: { database_url: "%s" }\niam: { database_url: "%s" }\n' "$url" "$url" >"$directory/database.yaml"
fi
# Bind-mounted one by one into containers that do not run as their owner; the directory keeps everybody else out.
chmod 0644 "$directory"/*
