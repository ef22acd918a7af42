#!/usr/bin/env bash
# Makes a folder with which Complement runs this checkout as a homeserver: its `start`, and `mounts`, the folders that
# a container needs to see at their own paths.
#
# Usage: complement/make-server-folder.sh FOLDER
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?which folder to make}
mkdir -p "$folder"
echo "$here" >"$folder/mounts"
cat >"$folder/start" <<START
#!/bin/bash
export NODE_EXTRA_CA_CERTS=/complement/ca/ca.crt
export MYELIN_SERVER_NAME=\$SERVER_NAME
export MYELIN_DATA_DIR=/data
export MYELIN_LISTEN_HOST=0.0.0.0
export MYELIN_LISTEN_PORT=8008
export MYELIN_FEDERATION_PORT=8448
export MYELIN_FEDERATION_CERTIFICATE_FILE=/complement/tls/server.crt
export MYELIN_FEDERATION_PRIVATE_KEY_FILE=/complement/tls/server.key
export MYELIN_FEDERATION_RETRY_FIRST=0.1
export MYELIN_FEDERATION_RETRY_LONGEST=1
export MYELIN_LIMITS_ENABLED=false
export MYELIN_PASSWORDS_MEMORY_KIB=8
export MYELIN_PASSWORDS_ITERATIONS=1
export MYELIN_PASSWORDS_MIN_LENGTH=1
export MYELIN_PUSH_MENTIONS_IN_TEXT=true
export MYELIN_REGISTRATION_SHARED_SECRET=complement
export MYELIN_ROOMS_DEFAULT_VERSION=11
export MYELIN_OUTGOING_ALLOWED_RANGES=10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,127.0.0.0/8
MYELIN_APPLICATION_SERVICES_FILES=\$(ls /complement/appservice/*.yaml 2>/dev/null | paste -sd,)
export MYELIN_APPLICATION_SERVICES_FILES
cd /data
exec $here/node_modules/.bin/node --disable-warning=ExperimentalWarning $here/bin/myelin-server.js serve
START
chmod +x "$folder/start"
