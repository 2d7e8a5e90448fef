// Preloaded into the functions that ministack runs. Lambda unpacks all layers of a function over each other; ministack
// links only the first layer's folder of a scope (`@cupel`). What is not found so is looked up in every layer, and then
// among the packages that Lambda's runtime provides (@aws-sdk): both are in NODE_PATH, in this order.
import { existsSync } from 'node:fs'
import { register } from 'node:module'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isMainThread } from 'node:worker_threads'

const folders = (process.env.NODE_PATH ?? '').split(delimiter).filter((folder) => folder !== '')

if (isMainThread) register(import.meta.url)

export async function resolve(specifier, context, nextResolve) {
  try {
    return await nextResolve(specifier, context)
  } catch (error) {
    const name = /^(@[^/]+\/)?[^./#@][^/]*/.exec(specifier)?.[0]
    const folder = name === undefined ? undefined : folders.find((each) => existsSync(join(each, name)))
    if (error?.code !== 'ERR_MODULE_NOT_FOUND' || folder === undefined) throw error
    const parentURL = pathToFileURL(join(folder, '..', '_.mjs')).href
    return nextResolve(specifier, { ...context, parentURL })
  }
}
