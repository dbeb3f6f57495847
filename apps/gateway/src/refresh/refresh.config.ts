/** What Node and OpenSSL read themselves: how to reach an issuer behind a proxy that inspects TLS. */
const PASSED = ['PATH', 'HOME', 'TMPDIR', 'NODE_OPTIONS', 'NODE_EXTRA_CA_CERTS', 'NODE_USE_SYSTEM_CA', 'SSL_CERT_FILE', 'SSL_CERT_DIR', 'OPENSSL_CONF'];

/** For the process that refreshes: none of the gateway's own secrets. */
export const refreshEnvironment = (): NodeJS.ProcessEnv => Object.fromEntries(PASSED.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
