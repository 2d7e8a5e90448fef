// Preloaded into a program with NODE_OPTIONS=--require: the first connection or look-up that it tries ends it.
const dns = require('node:dns')
const { Socket } = require('node:net')

function refuse(what) {
  process.stderr.write(`tried to reach the network: ${what}\n`)
  process.exit(70)
}

const connect = Socket.prototype.connect
Socket.prototype.connect = function (...args) {
  const [target] = Array.isArray(args[0]) ? args[0] : args // node calls itself with normalized arguments
  if (typeof target === 'string' || target?.path) return connect.apply(this, args) // a pipe
  return refuse(`${target?.host ?? 'localhost'}:${target?.port ?? target}`)
}
for (const lookup of ['lookup', 'resolve', 'resolve4', 'resolve6']) {
  dns[lookup] = refuse
  dns.promises[lookup] = refuse
}
