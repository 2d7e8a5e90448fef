/** npm's packages are imported at run time; the workspaces' TypeScript, and JSON (which Node imports otherwise), is bundled. */
export function packagesStayOutside() {
  const isBundled = (path) => /^(@cupel|operations)\//.test(path) || path.endsWith('.json')
  return {
    name: 'packages-stay-outside',
    setup({ onResolve }) {
      onResolve({ filter: /^[^.#/]/ }, ({ path }) => (isBundled(path) ? undefined : { path, external: true }))
    },
  }
}
