#!/bin/sh
# Main process of an agent's container, under Docker's init. The root filesystem may be read-only:
# everything written here lies in the volumes or in /tmp. Arguments go to `codex app-server`.
set -u

export TMPDIR="$HOME/tmp"
rm -rf "$TMPDIR"
mkdir -p "$TMPDIR"

# A workspace volume is a repository from the start, so that changes can be told by git; a host directory is left as it is.
init_workspace() {
  [ "${CODEX_MCP_WORKSPACE:-volume}" != host ] && [ -w /workspace ] && [ ! -e /workspace/.git ] || return 0
  git -C /workspace init --quiet && git -C /workspace commit --quiet --allow-empty --message 'Empty workspace'
}

# Codex speaks HTTP to this port; the gateway's socket may come, go and come back.
forward_gateway() {
  while :; do
    socat -t 10 TCP-LISTEN:8080,bind=127.0.0.1,fork,reuseaddr,nodelay,max-children=64 UNIX-CONNECT:/run/gateway/gateway.sock
    sleep 0.2
  done
}

init_workspace || echo 'codex-mcp-agent: /workspace could not be made a git repository' >&2
forward_gateway &
exec codex app-server --strict-config --listen unix:///tmp/app-server.sock "$@"
