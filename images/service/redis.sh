#!/bin/sh
# The password comes by standard input, as arguments are visible to every process of the host.
set -eu
exec redis-server - <<CONFIG
bind * -::*
requirepass "${REDIS_PASSWORD:?must be set}"
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
CONFIG
