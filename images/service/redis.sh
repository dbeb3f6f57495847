#!/bin/sh
# codex-mcp-redis: the server. codex-mcp-redis cli COMMAND: a command as its administrator, which fails where Redis refuses it.
set -eu
secrets=/var/lib/codex-mcp/secrets/redis
if [ "${1-}" = cli ]; then
  shift
  # The password comes by a variable, as arguments are visible to every process of the host.
  REDISCLI_AUTH=$(cat "$secrets/redis-password")
  export REDISCLI_AUTH
  exec redis-cli -e "$@"
fi
exec redis-server - <<CONFIG
bind * -::*
aclfile $secrets/users.acl
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
CONFIG
