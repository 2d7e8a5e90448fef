/**
 * Build what is deployed, and what the local cloud runs, into `.build/`:
 *
 *     .build/layers/cupel/nodejs/node_modules/@cupel/{core,io}     one Lambda layer
 *     .build/layers/duckdb/nodejs/node_modules/{@cupel/duckdb,@duckdb/node-bindings*}   the native engine's own
 *     .build/functions/<stage>/<name>/handler.mjs
 *
 * Functions import `@cupel/*` as the layers have it: `external` here is what keeps the two apart. Nothing is minified:
 * class and function names are in logs.
 */
import { randomUUID } from 'node:crypto'
import { cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { basename, dirname, join } from 'node:path'
import { type BuildOptions, build, stop } from 'esbuild'

const deployedPlatform = 'linux-x64' // serverless.yml: architecture x86_64

const common = {
  write: false,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  sourcemap: 'linked',
  logLevel: 'silent', // errors are thrown, and a live view holds the terminal
  external: ['@cupel/*', '@aws-sdk/*', '@duckdb/node-bindings*', 'pg-native'],
  // pg and others are CommonJS and call require() for node's own modules.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
} satisfies BuildOptions

/** What is built by itself: from which directories, all of their files, and how. Compiling writes nothing yet. */
export type Part = {
  readonly sources: readonly string[]
  readonly compile: (root: string) => Promise<Compiled>
}
type Compiled = { readonly outdir: string; readonly files: readonly OutputFile[] }
type OutputFile = { readonly path: string; readonly contents: Uint8Array }

export const parts: readonly Part[] = [
  layerPart('core', 'cupel'),
  layerPart('io', 'cupel'),
  layerPart('duckdb', 'duckdb'),
  { sources: ['functions', 'datasets'], compile: compileFunctions },
]

/** Build everything below `root`. @throws esbuild's error, which names file and line. */
export async function buildAll(root: string): Promise<void> {
  await Promise.all([buildParts(root, parts), copyEngine(root)])
  await stop() // its process would stay for as long as this one
}

/** Build some of it; nothing is written unless all of it compiles. @throws esbuild's error. */
export async function buildParts(
  root: string,
  some: readonly Part[],
  beforeWriting = async () => {},
): Promise<void> {
  const compiled = await Promise.all(some.map(({ compile }) => compile(root)))
  await beforeWriting()
  await Promise.all(compiled.map(({ outdir, files }) => replaceContents(root, outdir, files)))
}

function layerPart(name: string, layer: string): Part {
  return { sources: [`layers/${name}/src`], compile: (root) => compilePackage(root, name, layer) }
}

async function compilePackage(root: string, name: string, layer: string): Promise<Compiled> {
  const outdir = join(root, '.build/layers', layer, 'nodejs/node_modules/@cupel', name)
  // One build with shared chunks: a class that two files bundle each for itself is two classes to instanceof.
  const { outputFiles } = await build({
    ...common,
    absWorkingDir: root,
    splitting: true,
    entryPoints: [`layers/${name}/src/**/*.ts`],
    outdir,
  })
  const manifest = { name: `@cupel/${name}`, type: 'module', exports: { './*': './*.js' } }
  const contents = Buffer.from(JSON.stringify(manifest))
  return { outdir, files: [...outputFiles, { path: join(outdir, 'package.json'), contents }] }
}

async function compileFunctions(root: string): Promise<Compiled> {
  const outdir = join(root, '.build/functions')
  const { outputFiles } = await build({
    ...common,
    absWorkingDir: root,
    entryPoints: ['functions/**/handler.ts'],
    outbase: 'functions',
    outdir,
    outExtension: { '.js': '.mjs' },
  })
  return { outdir, files: outputFiles }
}

/** Make a folder hold exactly these files. What does not change is not touched: a running local cloud may be reading it. */
async function replaceContents(root: string, directory: string, files: readonly OutputFile[]): Promise<void> {
  const unfinished = await unfinishedPath(root)
  // Chunks first: a function that starts meanwhile finds what the files name.
  const isEntry = ({ path }: OutputFile) => Number(!basename(path).startsWith('chunk-'))
  for (const { path, contents } of [...files].sort((a, b) => isEntry(a) - isEntry(b))) {
    const present = await readFile(path).catch(() => undefined)
    if (present?.equals(contents)) continue
    await mkdir(dirname(path), { recursive: true })
    await writeFile(unfinished, contents)
    await rename(unfinished, path)
  }
  const wanted = new Set(files.map(({ path }) => path))
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    if (entry.isFile() && !wanted.has(path)) await rm(path, { force: true })
  }
}

/** Where to write what is then renamed to its place: another build, or `serverless package`, may run at the same time. */
async function unfinishedPath(root: string): Promise<string> {
  const directory = join(root, '.build/unfinished')
  await mkdir(directory, { recursive: true })
  return join(directory, randomUUID())
}

/** What builds that were killed left half-way, up to 70 MB each. One that is an hour old nobody works on. */
async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const path = join(directory, name)
    const changedMs = (await stat(path).catch(() => undefined))?.mtimeMs ?? Date.now()
    if (Date.now() - changedMs > 3_600_000) await rm(path, { recursive: true, force: true })
  }
}

/** DuckDB's native packages as npm installed them, 70 MB: copied once a version. */
async function copyEngine(root: string): Promise<void> {
  const target = join(root, '.build/layers/duckdb/nodejs/node_modules/@duckdb')
  const require = createRequire(join(root, 'package.json'))
  const { version } = require('@duckdb/node-bindings/package.json')
  const edition = `${version} ${deployedPlatform}, bindings`
  const isThere = async () =>
    (await readFile(join(target, '.version'), 'utf8').catch(() => undefined)) === edition
  if (await isThere()) return

  const source = dirname(dirname(require.resolve('@duckdb/node-bindings/package.json')))
  const unfinished = await unfinishedPath(root)
  await removeLeftovers(dirname(unfinished))
  for (const name of ['node-bindings', `node-bindings-${deployedPlatform}`]) {
    await cp(join(source, name), join(unfinished, name), { recursive: true }).catch((cause) => {
      if (name !== `node-bindings-${deployedPlatform}` || cause.code !== 'ENOENT') throw cause
      console.warn(
        `The duckdb layer lacks @duckdb/${name}, so it runs here but not in Lambda. ` +
          `To package for AWS: npm install --no-save --force @duckdb/${name}@${version}`,
      )
    })
  }
  await writeFile(join(unfinished, '.version'), edition)
  await mkdir(dirname(target), { recursive: true })
  await rename(unfinished, target).catch(async () => {
    // Another version's copy stands there, or another build was faster.
    if (await isThere()) return rm(unfinished, { recursive: true })
    await rm(target, { recursive: true })
    await rename(unfinished, target)
  })
}
