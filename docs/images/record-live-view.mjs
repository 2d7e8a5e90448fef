// Records the live view of `npm start` in a pseudo-terminal and writes it as an animated picture, live-view.svg.
//
//   node docs/images/record-live-view.mjs [seconds]      needs util-linux's `script`, and the default ports free
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import xterm from '@xterm/headless'

const [columns, rows] = [118, 38]
const seconds = Number(process.argv[2] ?? 14)
const cell = { width: 8.4, height: 18 } // pixels, of a 14 px monospace font
const background = '#11151c'
const foreground = '#d5dbe5'
// The 16 colours of a terminal, readable on that background.
const palette = '#5b6472 #f07178 #7fd962 #ffb454 #59c2ff #d2a6ff #95e6cb #d5dbe5'.split(' ')

const directory = mkdtempSync(join(tmpdir(), 'cupel-record-'))
const terminal = new xterm.Terminal({ cols: columns, rows, allowProposedApi: true })
const frames = [] // {atMs, lines}: what stands on the screen from then on
const command = `stty cols ${columns} rows ${rows}; exec node operations/cli/cupel.mjs start`
const child = spawn('script', ['-qfec', command, '/dev/null'], {
  stdio: ['pipe', 'pipe', 'inherit'],
  env: {
    ...process.env,
    CUPEL_DIRECTORY: directory,
    TERM: 'xterm-256color',
    FORCE_COLOR: '1',
  },
})
let firstAlertMs
const startedMs = Date.now()
child.stdout.on('data', (chunk) => {
  terminal.write(chunk, () => {
    const lines = screen()
    if (firstAlertMs === undefined && lines.some(({ text }) => /ALERT/.test(text))) firstAlertMs = Date.now()
    frames.push({ atMs: Date.now() - startedMs, lines })
  })
})
const ended = new Promise((resolve) => child.once('close', resolve))
try {
  while (firstAlertMs === undefined && child.exitCode === null) await sleep(100)
  await Promise.race([sleep(seconds * 1000), ended])
  writeFileSync(new URL('live-view.svg', import.meta.url), picture(thin(frames)))
} finally {
  child.stdin.write('\x03') // Ctrl-C
  await ended
  rmSync(directory, { recursive: true, force: true })
}
console.log(
  `live-view.svg: ${frames.length} frames seen, the first fraud after ${(firstAlertMs - startedMs) / 1000} s`,
)

/** The rows of the screen as runs of cells that look alike. */
function screen() {
  const buffer = terminal.buffer.active
  return Array.from({ length: rows }, (_, y) => {
    const line = buffer.getLine(buffer.viewportY + y)
    const runs = []
    for (let x = 0; x < columns; x++) {
      const at = line?.getCell(x)
      if (!at || at.getWidth() === 0) continue
      const style = styleOf(at)
      const before = runs.at(-1)
      const chars = at.getChars() || ' '
      if (before && before.style === style) before.text += chars
      else runs.push({ x, style, text: chars })
    }
    const shown = runs.filter(({ text, style }) => text.trim() !== '' || style.includes('bg'))
    return {
      text: runs
        .map(({ text }) => text)
        .join('')
        .trimEnd(),
      svg: shown.map(textElement).join(''),
    }
  })
}

function styleOf(at) {
  const colour = (isDefault, isRgb, value, otherwise) => {
    if (isDefault) return otherwise
    if (isRgb) return `#${value.toString(16).padStart(6, '0')}`
    if (value < 16) return palette[value % 8]
    if (value >= 232) return `#${((value - 232) * 10 + 8).toString(16).padStart(2, '0').repeat(3)}`
    const level = (n) => (n === 0 ? 0 : n * 40 + 55).toString(16).padStart(2, '0')
    const index = value - 16
    return `#${level(Math.floor(index / 36))}${level(Math.floor(index / 6) % 6)}${level(index % 6)}`
  }
  const ink = colour(at.isFgDefault(), at.isFgRGB(), at.getFgColor(), foreground)
  const paper = colour(at.isBgDefault(), at.isBgRGB(), at.getBgColor(), background)
  const [fill, behind] = at.isInverse() ? [paper, ink] : [ink, paper]
  return [
    `fill="${fill}"`,
    at.isBold() ? ' font-weight="bold"' : '',
    at.isDim() ? ' opacity="0.6"' : '',
    behind === background ? '' : ` data-bg="${behind}"`,
  ].join('')
}

function textElement({ x, style, text }) {
  const [, behind] = / data-bg="([^"]+)"/.exec(style) ?? []
  const left = (x * cell.width).toFixed(1)
  const width = (text.length * cell.width).toFixed(1)
  const rect = behind
    ? `<rect x="${left}" y="0" width="${width}" height="${cell.height}" fill="${behind}"/>`
    : ''
  const trimmed = text.replace(/\s+$/, '')
  const length = (trimmed.length * cell.width).toFixed(1)
  const shown = trimmed.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `${rect}<text x="${left}" y="13" ${style.replace(/ data-bg="[^"]+"/, '')} textLength="${length}">${shown}</text>`
}

/** Two pictures a second are enough, none that is like the one before, and of the start no more than two seconds. */
function thin(all) {
  const kept = []
  const skippedMs = Math.max(0, firstAlertMs - startedMs - 2_000)
  for (const seen of all) {
    const frame = { ...seen, atMs: Math.max(0, seen.atMs - skippedMs) }
    const last = kept.at(-1)
    const key = frame.lines.map(({ svg }) => svg).join('\n')
    if (last && (last.key === key || frame.atMs - last.atMs < 500)) {
      if (frame.atMs - last.atMs < 500 && last.key !== key)
        kept[kept.length - 1] = { ...frame, key, atMs: last.atMs }
      continue
    }
    kept.push({ ...frame, key })
  }
  return kept
}

function picture(kept) {
  const [width, height] = [columns * cell.width + 24, rows * cell.height + 24]
  const rowsSeen = new Map() // svg of a row → its id: most rows stand in many frames
  const idOf = (svg) => {
    if (!rowsSeen.has(svg)) rowsSeen.set(svg, `r${rowsSeen.size}`)
    return rowsSeen.get(svg)
  }
  const durationMs = kept.at(-1).atMs + 3_000
  const percent = (ms) => ((100 * ms) / durationMs).toFixed(3)
  const shown = kept.map((frame, i) => {
    const uses = frame.lines
      .map(({ svg }, y) => (svg === '' ? '' : `<use href="#${idOf(svg)}" y="${y * cell.height}"/>`))
      .join('')
    const from = percent(frame.atMs)
    const to = i + 1 < kept.length ? percent(kept[i + 1].atMs) : '100'
    const hidden = i === 0 ? '' : '0%{visibility:hidden}'
    const after = to === '100' ? '' : `${to}%{visibility:hidden}`
    const start = i === 0 ? '0' : from
    return {
      // Where nothing moves (a print, a preview) the last one is seen.
      css: `@keyframes f${i}{${hidden}${start}%{visibility:visible}${after}}#f${i}{visibility:${to === '100' ? 'visible' : 'hidden'};animation:f${i} ${durationMs}ms step-end infinite}`,
      svg: `<g id="f${i}">${uses}</g>`,
    }
  })
  const definitions = [...rowsSeen].map(([svg, id]) => `<g id="${id}">${svg}</g>`).join('\n')
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The live view of npm start">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre}${shown.map(({ css }) => css).join('\n')}</style>
<rect width="100%" height="100%" rx="8" fill="${background}"/>
<defs>
${definitions}
</defs>
<g transform="translate(12 12)">
${shown.map(({ svg }) => svg).join('\n')}
</g>
</svg>
`
}
