/** What was kept of a shop's category in a month and in the one before, in units of the currency. */
export type Bar = { readonly label: string; readonly net: number; readonly before: number }
export type Panel = { readonly currency: string; readonly bars: readonly Bar[] }

const width = 860
const left = 230 // labels stand before it
const right = 110 // and amounts behind
const rowHeight = 30
const headHeight = 46

/** A month as a chart: a panel for each currency, a pair of bars for each line. Amounts are for the eye, the table is exact. */
export function monthChart(title: string, panels: readonly Panel[]): string {
  let top = 56
  const drawn = panels.map((panel) => {
    const part = panelSvg(panel, top)
    top += headHeight + panel.bars.length * rowHeight
    return part
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top + 16}" font-family="system-ui, sans-serif" font-size="13" fill="#24292f">
<rect width="100%" height="100%" fill="#fff"/>
<text x="24" y="34" font-size="18" font-weight="600">${textOf(title)}</text>
<g font-size="12"><rect x="${width - 250}" y="24" width="12" height="12" fill="#0b7285"/><text x="${width - 232}" y="34">this month</text><rect x="${width - 140}" y="24" width="12" height="12" fill="#c5d8dc"/><text x="${width - 122}" y="34">month before</text></g>
${drawn.join('\n')}
</svg>
`
}

function panelSvg({ currency, bars }: Panel, top: number): string {
  const values = bars.flatMap(({ net, before }) => [net, before])
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)]
  const scale = (width - left - right) / (high - low || 1)
  const x = (value: number): number => left + (value - low) * scale
  const bar = (value: number, y: number, height: number, fill: string): string =>
    `<rect x="${x(Math.min(0, value)).toFixed(1)}" y="${y}" width="${(Math.abs(value) * scale).toFixed(1)}" height="${height}" fill="${fill}"/>`
  const rows = bars.map(({ label, net, before }, i) => {
    const y = top + headHeight + i * rowHeight
    return [
      `<text x="${left - 12}" y="${y + 15}" text-anchor="end">${textOf(label)}</text>`,
      bar(net, y + 2, 12, '#0b7285'),
      bar(before, y + 15, 6, '#c5d8dc'),
      `<text x="${(x(Math.max(0, net, before)) + 8).toFixed(1)}" y="${y + 13}">${net.toLocaleString('en-US', { maximumFractionDigits: 0 })}</text>`,
    ].join('')
  })
  const bottom = top + headHeight + bars.length * rowHeight
  return `<text x="24" y="${top + 30}" font-weight="600">${textOf(currency)}</text>
<line x1="${x(0).toFixed(1)}" y1="${top + headHeight}" x2="${x(0).toFixed(1)}" y2="${bottom - 6}" stroke="#8c959f"/>
${rows.join('\n')}`
}

const textOf = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`)
