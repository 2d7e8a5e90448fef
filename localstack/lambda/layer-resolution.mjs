// Module resolution with Lambda layers: what a layer holds is found there first, then by Node's own rules, then
// where the runtime would provide it. On AWS a function's own node_modules come before the layers', but there the
// package holds no second copy; locally a workspace link to the layer's source would win.
import { existsSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

let layers = []
let taskRoot = ''

/** Called by module.register, in the thread that resolves imports. */
export function initialize(data) {
  layers = data.layers
  taskRoot = data.taskRoot
  // Only this thread still runs when a handler blocks its own: it ends the environment of a local cloud that was killed.
  setInterval(() => process.ppid !== data.parent && process.kill(process.pid, 'SIGKILL'), 1000)
}

/** https://nodejs.org/docs/latest-v20.x/api/module.html#resolvespecifier-context-nextresolve */
export async function resolve(specifier, context, nextResolve) {
  if (!isBare(specifier)) return nextResolve(specifier, context)
  const layer = layerOf(specifier, layers)
  const from = (folder) => ({ ...context, parentURL: pathToFileURL(join(folder, '_.mjs')).href })
  if (layer !== undefined && !context.parentURL?.startsWith(pathToFileURL(layer).href)) {
    return nextResolve(specifier, from(layer))
  }
  try {
    return await nextResolve(specifier, context)
  } catch (error) {
    if (error?.code !== 'ERR_MODULE_NOT_FOUND') throw error
    // A layer outside of the project: what the runtime provides on AWS lies in the project's node_modules here.
    return nextResolve(specifier, from(taskRoot)).catch(() => {
      throw error
    })
  }
}

/** Whether a specifier names a package, rather than a file, a URL, a built-in module or a `#` import. */
export function isBare(specifier) {
  return /^(?![./#])(?![a-z]+:)/i.test(specifier) && !builtinModules.includes(specifier)
}

/** The first of the node_modules folders that holds the package which a specifier names. */
export function layerOf(specifier, folders) {
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
  return folders.find((folder) => existsSync(join(folder, name)))
}
