import { type FSWatcher, readdirSync, statSync, watch } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import type { FunctionSettings } from '../template.ts'

export type CodeWatchOptions = {
  readonly functions: readonly Pick<FunctionSettings, 'key' | 'handler' | 'layers'>[]
  readonly taskRoot: string // the project's directory
  readonly ignored?: readonly string[] // directories whose files are no code, such as the data folder
  /**
   * Keys of the functions whose code changed, some 50 ms after the last write; and of those, the ones of which the
   * handler's own file changed and nothing else.
   */
  readonly onChange: (functionKeys: readonly string[], handlerAlone: readonly string[]) => void
}

const quietMs = 50 // a build writes several files
const lookAgainMs = 1_000 // for a directory that is not there (yet)

/**
 * Watches what the functions run: the directory of each handler, without the `node_modules` and dot folders in it, and
 * the directories of its layers. What a handler imports from elsewhere is not watched. No file is opened and no other
 * directory is read, so it costs nothing while nobody builds.
 */
export function watchCode({ functions, taskRoot, ignored = [], onChange }: CodeWatchOptions): {
  close(): void
} {
  const users = new Map<string, { keys: Set<string>; skips: (path: string) => boolean }>()
  const isIgnored = (path: string) => ignored.some((directory) => isWithin(path, directory))
  const use = (directory: string, key: string, skips: (path: string) => boolean) => {
    const known = users.get(directory) ?? { keys: new Set(), skips }
    users.set(directory, { ...known, keys: known.keys.add(key) })
  }
  for (const { key, handler, layers } of functions) {
    const directory = dirname(resolve(taskRoot, handler))
    use(directory, key, (path) => isIgnored(path) || isForeign(relative(directory, path)))
    for (const layer of layers) use(resolve(taskRoot, layer), key, isIgnored)
  }

  const handlerFiles = new Map(
    functions.map(({ key, handler }) => {
      const file = resolve(taskRoot, handler).replace(/\.[^./]+$/, '')
      return [key, new Set(['.js', '.mjs', '.cjs'].flatMap((end) => [file + end, `${file}${end}.map`]))]
    }),
  )
  const changed = new Map<string, { handlerAlone: boolean }>()
  let timer: NodeJS.Timeout | undefined
  const watches = [...users].map(([directory, { keys, skips }]) =>
    watchTree(directory, skips, (path) => {
      for (const key of keys) {
        const isHandler = handlerFiles.get(key)?.has(path) === true
        changed.set(key, { handlerAlone: isHandler && changed.get(key)?.handlerAlone !== false })
      }
      clearTimeout(timer)
      timer = setTimeout(() => {
        const ended = [...changed]
        changed.clear()
        const alone = ended.filter(([, { handlerAlone }]) => handlerAlone)
        onChange(
          ended.map(([key]) => key),
          alone.map(([key]) => key),
        )
      }, quietMs)
    }),
  )
  return {
    close() {
      clearTimeout(timer)
      for (const { close } of watches) close()
    },
  }
}

/**
 * Tells of each write, rename and removal below a directory, whether it is there now, later, or in another's place.
 * Node's own recursive watch does so on macOS and Windows only: on Linux it watches files one by one, and loses those
 * that a rename replaces.
 */
export function watchTree(
  root: string,
  skips: (path: string) => boolean,
  onEvent: (path: string) => void,
): { close(): void } {
  const deep = process.platform !== 'linux'
  const watchers = new Map<string, { watcher: FSWatcher; inode: number }>()
  let again: NodeJS.Timeout | undefined
  look(root)
  return {
    close() {
      clearTimeout(again)
      for (const { watcher } of watchers.values()) watcher.close()
    },
  }

  /** Begins to watch a directory and those in it; true when there is something new to watch. */
  function look(directory: string): boolean {
    const inode = inodeOf(directory)
    const known = watchers.get(directory)
    if (known && known.inode !== inode) {
      known.watcher.close()
      watchers.delete(directory)
    }
    if (inode === undefined) {
      if (directory === root) lookLater()
      return known !== undefined
    }
    let isNew = false
    if (!watchers.has(directory)) {
      isNew = true
      try {
        const watcher = watch(directory, { recursive: deep }, (_, name) => changed(directory, name))
        watcher.on('error', () => watcher.close())
        watchers.set(directory, { watcher, inode })
      } catch {
        lookLater() // it was removed at this moment, or the system has no watches left
      }
    }
    if (deep) return isNew
    for (const entry of entriesOf(directory))
      if (entry.isDirectory() && !skips(join(directory, entry.name)))
        isNew = look(join(directory, entry.name)) || isNew
    return isNew
  }

  function changed(directory: string, name: string | null): void {
    const path = name === null ? directory : join(directory, name)
    if (skips(path)) return
    look(root) // directories that came, went, or were replaced
    onEvent(path)
  }

  function lookLater(): void {
    clearTimeout(again)
    again = setTimeout(() => {
      if (look(root)) onEvent(root)
    }, lookAgainMs).unref()
  }
}

/** Whether a path is another's: in a package, or in a folder that tools keep for themselves. */
const isForeign = (path: string): boolean =>
  path.split(sep).some((part) => part === 'node_modules' || /^\.[^.]/.test(part))

function isWithin(path: string, directory: string): boolean {
  const from = relative(directory, path)
  return !from.startsWith('..') && !isAbsolute(from)
}

const inodeOf = (path: string): number | undefined => {
  const found = statSync(path, { throwIfNoEntry: false })
  return found?.isDirectory() ? found.ino : undefined
}

function entriesOf(directory: string) {
  try {
    return readdirSync(directory, { withFileTypes: true })
  } catch {
    return [] // gone again
  }
}
