#!/bin/sh
# codex-mcp-service NAME [FLAG of node]...: a service as its own user of Redis. The password is in a file, as everybody who may use Docker's
# socket is shown the variables that a container was given.
set -eu
password=$(cat "/var/lib/codex-mcp/secrets/$1/redis-password")
export REDIS_URL="redis://$1:$password@redis:6379"
service=$1
shift
exec node "$@" "apps/$service/dist/main.bundle.js"
