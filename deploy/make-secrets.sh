#!/bin/sh
# Puts the secrets of a Compose installation into a folder: what the environment gives, and for the rest, at the first
# start, 32 random bytes each. Every file can be read by the one account that needs it.
# usage: make-secrets.sh [folder]
set -eu
umask 077
folder=${1:-/secrets}

# keep <file> <account> <value>: writes the value; without one, makes one unless the file is there.
keep() {
  value=$3
  if [ -z "$value" ]; then
    if [ -s "$folder/$1" ]; then return; fi
    value=$(od -An -v -tx1 -N32 /dev/urandom | tr -d ' \n')
  fi
  printf '%s\n' "$value" >"$folder/.new"
  chmod 400 "$folder/.new"
  if [ "$(id -u)" = 0 ]; then chown "$2" "$folder/.new"; fi
  mv -f "$folder/.new" "$folder/$1"
}

case ${POSTGRES_PASSWORD:-} in
  *[!A-Za-z0-9._~-]*)
    echo 'POSTGRES_PASSWORD: use letters, digits and . _ ~ - alone, since it becomes part of an address.' >&2
    exit 1
    ;;
esac

# The accounts are those of the images: postgres, node and pgadmin.
mkdir -p "$folder"
chmod 755 "$folder"
keep postgres-password 999 "${POSTGRES_PASSWORD:-}"
keep parley-secret 1000 "${PARLEY_SECRET:-}"
keep metrics-token 1000 "${PARLEY_METRICS_TOKEN:-}"
keep pgadmin-password 5050 "${PGADMIN_PASSWORD:-}"
keep database-url 1000 "${DATABASE_URL:-postgres://parley:$(cat "$folder/postgres-password")@postgres:5432/parley}"
