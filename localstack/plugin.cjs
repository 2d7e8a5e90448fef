// What Serverless loads. The rest is TypeScript, which Serverless can't load on Node 20: it is bundled when a command
// needs it, or taken from dist/ where the package was built.
process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true' // a page of text at every start
const { existsSync, mkdirSync, renameSync, writeFileSync } = require('node:fs')
const path = require('node:path')
const { pathToFileURL } = require('node:url')

class LocalCloudPlugin {
  constructor(serverless, options) {
    const run = (command) => async () =>
      (await load())[command]({
        serverless,
        options,
        packageDirectory: __dirname,
        projectDirectory: serverless.serviceDir,
      })
    const start = run('startOffline')
    this.hooks = {
      initialize: () => {
        const [command, subcommand] = serverless.processedInput.commands
        if (command === 'package') leaveCloudFormationAlone(serverless)
        if (command === 'invoke' && subcommand === 'local') return run('invokeLocally')()
      },
      // `serverless offline` runs only the first, `serverless offline start` only the second.
      'before:offline:start': start,
      'before:offline:start:init': start,
    }
  }
}

/** osls asks AWS which layers the last deployment had, to upload none twice: of use to `deploy`, never to `package`. */
function leaveCloudFormationAlone(serverless) {
  const layers = serverless.pluginManager.plugins.find(
    (plugin) => plugin.constructor.name === 'AwsCompileLayers',
  )
  if (layers) layers.compareWithLastLayer = async () => {}
}

async function load() {
  const built = path.join(__dirname, 'dist', 'plugin.mjs')
  return import(pathToFileURL(existsSync(built) ? built : bundle()).href)
}

function bundle() {
  const outfile = path.join(__dirname, '.build', 'plugin.mjs')
  // The synchronous one leaves no process behind; stopping the other's would stop that of a project's own bundler too.
  const { outputFiles } = require('esbuild').buildSync({
    entryPoints: [path.join(__dirname, 'plugin.ts')],
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    sourcemap: 'inline',
    outfile,
    write: false,
    logLevel: 'warning',
  })
  mkdirSync(path.dirname(outfile), { recursive: true })
  // Another start may read it at this moment.
  const unfinished = `${outfile}.${process.pid}`
  writeFileSync(unfinished, outputFiles[0].contents)
  renameSync(unfinished, outfile)
  return outfile
}

module.exports = LocalCloudPlugin
