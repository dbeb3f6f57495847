// @ts-check
// Each service as one file beside its compiled ones: loading hundreds of files is most of what a start costs.
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { program, repository } from './child.js';

export const services = ['mcp-edge', 'worker', 'supervisor', 'gateway'];

/** Nest asks for these where they are installed. */
const notInstalled = ['@nestjs/microservices', '@nestjs/websockets', 'class-transformer', 'class-validator', '@fastify/static', '@grpc/proto-loader', 'cpu-features'];
/** Finds its pages by its place in node_modules. */
const placed = ['@bull-board/*'];

// Packages of the CommonJS kind look for what every module of theirs has.
const banner = `import { createRequire as __bundleRequire } from 'node:module';
import { fileURLToPath as __bundlePath } from 'node:url';
const require = __bundleRequire(import.meta.url), __filename = __bundlePath(import.meta.url), __dirname = __bundlePath(new URL('.', import.meta.url));`;

/** Bundles what is not, or was before the last compilation. @param {string} [root] */
export async function bundleServices(root = repository) {
  const { bundleOf, isBundled } = await import(join(root, 'libs/config/dist/index.js'));
  const stale = services.filter((app) => !isBundled(root, app));
  if (stale.length === 0) return;
  const { build, stop } = await import('esbuild');
  try {
    await Promise.all(stale.map((app) => build(optionsOf(root, app, bundleOf(root, app)))));
  } finally {
    await stop(); // or its service stays as long as the process that asked for it
  }
}

/** @param {string} root @param {string} app @param {string} outfile @returns {import('esbuild').BuildOptions} */
const optionsOf = (root, app, outfile) => ({
  entryPoints: [join(root, 'apps', app, 'dist/main.js')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  keepNames: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  sourcesContent: false,
  logLevel: 'error',
  banner: { js: banner },
  external: [...notInstalled, ...placed, '*.node'],
  plugins: [placesOf(dirname(outfile))],
});

/** By its real path, not the one through node_modules. */
const ours = /^(?!.*[\\/]node_modules[\\/]).*[\\/](?:apps|libs)[\\/][^\\/]+[\\/]dist[\\/].+\.js$/;

/** A map with one place for all of a file: that of every place in what is installed takes 70 MB as soon as an error's stack is looked at. @param {string} path */
const mapOf = (path) => `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify({ version: 3, sources: [basename(path)], mappings: 'AAAA' })).toString('base64')}`;

/** A file of ours that asks where it is hears its own place, not the bundle's. @param {string} from @returns {import('esbuild').Plugin} */
const placesOf = (from) => ({
  name: 'places',
  setup(builder) {
    builder.onLoad({ filter: /\.([cm]?js|json)$/ }, async ({ path }) => {
      if (!ours.test(path)) return { contents: `${path.endsWith('.json') ? 'module.exports = ' : ''}${await readFile(path, 'utf8')}\n${mapOf(path)}`, loader: 'js' };
      const place = relative(from, path).split(sep).join('/');
      const text = await readFile(path, 'utf8');
      return { contents: text.replaceAll('import.meta.url', `new URL(${JSON.stringify(place)}, import.meta.url).href`), loader: 'js' };
    });
  },
});

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) await program(bundleServices);
