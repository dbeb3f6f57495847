#!/bin/sh
# Makes sure that a Docker engine answers: uses the running one, else starts dockerd (as root) and leaves it running.
# Safe to repeat. DOCKERD_LOG chooses the log file, DOCKERD_WAIT_S the patience.
set -eu

log=${DOCKERD_LOG:-/var/log/dockerd.log}
wait_s=${DOCKERD_WAIT_S:-30}
host=${DOCKER_HOST:-unix:///var/run/docker.sock}
case $host in
  unix://*) socket=${host#unix://} ;;
  *) echo "engine: DOCKER_HOST=$host is not a unix socket, left alone"; exit 0 ;;
esac

answers() {
  node -e '
    const request = require("node:http").get({ socketPath: process.argv[1], path: "/version", timeout: 3000 }, (response) => {
      let body = "";
      response.on("data", (chunk) => { body += chunk; });
      response.on("end", () => { console.log(JSON.parse(body).Version); });
    });
    request.on("timeout", () => request.destroy(new Error("timeout")));
    request.on("error", () => process.exit(1));
  ' "$socket" 2>/dev/null
}

fail() {
  echo "engine: $1" >&2
  exit 1
}

# A pid file left by a killed engine blocks the next one as soon as any process has that pid again.
drop_stale_pid() {
  [ -f "$1" ] || return 0
  pid=$(cat "$1")
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "$2" ] && return 0
  rm -f "$1"
  echo "engine: removed the stale pid file $1 (pid $pid is not $2)"
}

if version=$(answers); then
  echo "engine: Docker $version already answers on $socket"
  exit 0
fi

[ "$(id -u)" = 0 ] || fail "nothing answers on $socket, and only root can start dockerd: start Docker, or run $0 as root"
command -v dockerd >/dev/null || fail "nothing answers on $socket and dockerd is not installed: apt-get install docker.io"

exec 9>/run/lock/codex-mcp-engine.lock
flock 9
if version=$(answers); then
  echo "engine: Docker $version was started meanwhile"
  exit 0
fi

drop_stale_pid /var/run/docker.pid dockerd
drop_stale_pid /var/run/docker/containerd/containerd.pid containerd
if [ -f /var/run/docker.pid ]; then
  echo "engine: dockerd (pid $(cat /var/run/docker.pid)) is running but silent, waiting for it"
else
  setsid nohup dockerd --host "unix://$socket" --live-restore >>"$log" 2>&1 </dev/null 9>&- &
  echo "engine: started dockerd, log in $log"
fi

deadline=$(($(date +%s) + wait_s))
until version=$(answers); do
  if [ "$(date +%s)" -ge "$deadline" ]; then
    tail -n 15 "$log" >&2 || true
    fail "dockerd did not answer on $socket within $wait_s s"
  fi
  sleep 0.2
done
echo "engine: Docker $version answers on $socket"
