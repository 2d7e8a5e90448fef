// Preloaded with NODE_OPTIONS=--require: the wall clock is off by the milliseconds that a file says, at any moment others.
// Functions get only what their environment lists, so it is handed on to every process that is started.
const childProcess = require('node:child_process')
const { readFileSync } = require('node:fs')
const { syncBuiltinESMExports } = require('node:module')

const { CUPEL_CHAOS_CLOCK: file, NODE_OPTIONS } = process.env
const RealDate = Date
const now = Date.now
let offsetMs = 0
function readOffset() {
  try {
    offsetMs = Number(readFileSync(file, 'utf8')) || 0
  } catch {} // the folder is going
}
readOffset()
setInterval(readOffset, 100).unref()

class ShiftedDate extends RealDate {
  constructor(...parts) {
    super(...(parts.length === 0 ? [ShiftedDate.now()] : parts))
  }
  static now() {
    return now() + offsetMs
  }
}
globalThis.Date = new Proxy(ShiftedDate, { apply: () => new ShiftedDate().toString() })

for (const name of ['fork', 'spawn']) {
  const start = childProcess[name]
  childProcess[name] = (command, ...rest) => {
    const args = Array.isArray(rest[0]) ? rest.shift() : []
    const options = rest[0] ?? {}
    const env = { ...(options.env ?? process.env), CUPEL_CHAOS_CLOCK: file, NODE_OPTIONS }
    return start(command, args, { ...options, env })
  }
}
syncBuiltinESMExports()
