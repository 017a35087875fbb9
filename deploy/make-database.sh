#!/bin/sh
# Creates the role and the database that the connection string of make-secrets.sh names. Existing ones stay, and the
# role gets the password of DIRECTORY/postgres-password.
# Usage: sh deploy/make-database.sh DIRECTORY
#
# Run it as root on the database server, or anywhere with PGHOST, PGUSER and so on set for a superuser.
set -eu
directory=${1:?usage: make-database.sh DIRECTORY}
password=$(cat "$directory/postgres-password")
case $password in
  '' | *[!0-9A-Za-z]*)
    echo "make-database.sh: $directory/postgres-password must consist of letters and digits" >&2
    exit 2
    ;;
esac
superuser_psql() {
  if [ "$(id -u)" = 0 ] && [ -z "${PGUSER:-}" ]; then runuser -u postgres -- psql "$@"; else psql "$@"; fi
}
# The password goes through standard input, because a command line shows in the list of processes, and the server does
# not log the statement.
superuser_psql -X -q -v ON_ERROR_STOP=1 -d postgres <<SQL
SET log_statement = 'none';
SET log_min_duration_statement = -1;
SET log_min_error_statement = 'panic';
SELECT 'CREATE ROLE handover LOGIN' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'handover') \gexec
ALTER ROLE handover LOGIN PASSWORD '$password';
SELECT 'CREATE DATABASE handover OWNER handover' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'handover') \gexec
SQL
