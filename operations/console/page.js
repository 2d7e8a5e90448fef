// What strangers wrote is only ever set as text (`textContent`), never as markup.
const at = (id) => document.getElementById(id)

/** An element with attributes and children; a child that is text stays text. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes))
    if (typeof value === 'function') element.addEventListener(name, value)
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value)
  element.append(...children.flat().map((child) => (child instanceof Node ? child : visible(child))))
  return element
}

/** Control and formatting characters as their codes, so that none can turn or hide what stands beside it. */
const visible = (value) =>
  String(value ?? '–').replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${character.codePointAt(0).toString(16)}}`,
  )
const value = (text) => make('span', { class: 'value' }, text)
const time = (ms) => (ms === null ? '' : new Date(ms).toISOString().replace('T', ' ').replace('Z', ''))
const count = (number, one, many) => `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`
const entriesOf = (number) => count(number, 'entry', 'entries')
const button = (text, click, attributes = {}) =>
  make('button', { type: 'button', click, ...attributes }, text)
const reasonsOf = (reasons) =>
  reasons.map(({ field, reason, value: shown }) =>
    make('div', {}, `${field ?? '(record)'}: ${reason} `, shown === null ? '' : value(shown)),
  )

function table(columns, rows, numeric = []) {
  const cell = (tag) => (content, i) =>
    make(
      tag,
      { class: numeric.includes(i) && 'number', 'data-name': tag === 'td' && i > 0 && columns[i] },
      content,
    )
  return make(
    'div',
    { class: 'scroll' },
    make(
      'table',
      { class: 'stack' },
      make('thead', {}, make('tr', {}, columns.map(cell('th')))),
      make(
        'tbody',
        {},
        rows.map((row) => make('tr', {}, row.map(cell('td')))),
      ),
    ),
  )
}

const say = (text, tone = '') => {
  at('status').className = tone
  at('status').textContent = visible(text)
}

async function ask(request) {
  const response = await fetch('ask', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(request),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.problem)
  return answer
}

/** Runs what a person asked for: one thing at a time, and what goes wrong is told. */
async function run(doing, work) {
  if (document.body.getAttribute('aria-busy') === 'true') return
  document.body.setAttribute('aria-busy', 'true')
  say(doing)
  try {
    say((await work()) ?? '')
  } catch (error) {
    say(error.message, 'bad')
  } finally {
    document.body.removeAttribute('aria-busy')
  }
}

function show(id, ...content) {
  at(id).replaceChildren(...content)
  at(id).querySelector('h2')?.focus()
}
const heading = (text) => make('h2', { tabindex: -1 }, text)
const empty = (...ids) => {
  for (const id of ids) at(id).replaceChildren()
}

async function openDataset(name) {
  for (const each of at('datasets').children) each.setAttribute('aria-pressed', each.dataset.name === name)
  empty('entries', 'entry')
  const { version, entries, edited, acceptedLater, groups } = await ask({ action: 'list', dataset: name })
  const counts = [
    `version ${version}`,
    entriesOf(entries),
    `${edited} edited`,
    `${acceptedLater} accepted by a later version`,
  ].join(' · ')
  show(
    'dataset',
    heading(name),
    make('p', { class: 'quiet' }, counts),
    make(
      'div',
      { class: 'row' },
      button('Try this version', () => run('Trying …', () => replay(name, 'dryRun'))),
      button('Replay older entries', () => run('Replaying …', () => replay(name, 'replay'))),
    ),
    make('div', { id: 'outcome' }),
    table(
      ['Field', 'Reason', 'Version', 'Entries', 'Edited', 'First', 'Last', 'For example'],
      groups.map((group) => [
        group.field ?? '(record)',
        button(group.reason, () => run('Looking …', () => openEntries(name, group)), { class: 'plain' }),
        group.version,
        group.entries,
        group.edited,
        time(group.firstMs),
        time(group.lastMs),
        group.example.value === null ? '' : value([...group.example.value].slice(0, 40).join('')),
      ]),
      [2, 3, 4],
    ),
  )
}

async function replay(dataset, action) {
  const answer = await ask({ action, dataset, by: at('by').value })
  const isTrial = action === 'dryRun'
  const all = answer.accepted + answer.rejected
  if (!isTrial) await openDataset(dataset)
  at('outcome').replaceChildren(
    make(
      'p',
      {},
      all === 0 && !isTrial
        ? `Nothing to replay: no entry is older than version ${answer.version}.`
        : `Version ${answer.version} ${isTrial ? 'would accept' : 'accepts'} ${answer.accepted} of ${entriesOf(all)}.`,
    ),
    ...(answer.ofThisVersion > 0
      ? [
          make(
            'p',
            { class: 'bad' },
            `${answer.ofThisVersion} of them were rejected by this very version: count the dataset's version up to replay them.`,
          ),
        ]
      : []),
    ...answer.held.map(({ object, lost }) =>
      make(
        'p',
        { class: 'bad' },
        `${object} stays as it is: the version rejects ${count(lost, 'record', 'records')} that gold has.`,
      ),
    ),
    ...answer.failed.map(({ problem }) => make('p', { class: 'bad' }, problem)),
    ...(isTrial ? answer.diffs.map((diff) => diffOf(diff.id, diff)) : []),
  )
}

const diffOf = (id, { accepted, fields, isEdited }) =>
  make(
    'div',
    {},
    make(
      'p',
      { class: accepted ? 'good' : 'bad' },
      `${id} ${accepted ? 'accepted' : 'rejected'}${isEdited ? ', and was edited' : ''}`,
    ),
    table(
      ['Field', 'Was wrong', 'Before', 'After'],
      fields.map(({ field, reason, before, after, stillWrong }) => [
        field ?? '(record)',
        reason ?? '',
        value(before),
        stillWrong === null ? value(after) : make('span', { class: 'bad' }, stillWrong),
      ]),
    ),
  )

async function openEntries(dataset, { field, reason }) {
  const filter = { action: 'show', dataset, reason, ...(field !== null && { field }) }
  const list = make('div')
  const more = make('div', { class: 'row' })
  const page = async (from) => {
    const { entries, next } = await ask({ ...filter, from })
    list.append(
      table(
        ['Entry', 'Sent', 'Reasons'],
        entries.map((entry) => [
          button(entry.place, () => run('Looking …', () => openEntry(dataset, entry.id)), { class: 'plain' }),
          time(entry.timestampMs),
          make(
            'div',
            {},
            entry.isEdited ? make('span', { class: 'good' }, 'edited') : '',
            reasonsOf(entry.reasons),
          ),
        ]),
      ),
    )
    more.replaceChildren(...(next ? [button('More', () => run('Looking …', () => page(next)))] : []))
  }
  empty('entry')
  await page()
  show('entries', heading(`${field ?? '(record)'}: ${reason}`), list, more)
}

async function openEntry(dataset, id, raw = false) {
  const { entries } = await ask({ action: 'show', dataset, entry: id, raw })
  const [entry] = entries
  const { replays, edit, inQuarantine } = entry.history
  const steps = [
    ...replays.map(
      (each) =>
        `${time(each.atMs)} replayed by ${each.by}: version ${each.replayedVersion} ${each.outcome === 'accepted' ? 'accepts it' : 'rejects it too'}`,
    ),
    ...(edit ? [`${time(edit.atMs)} edited by ${edit.by}, because ${edit.because}: ${edit.outcome}`] : []),
  ]
  show(
    'entry',
    heading(entry.place),
    make(
      'p',
      { class: 'quiet' },
      `${id} · sent ${time(entry.timestampMs)} · rejected by version ${entry.version}`,
    ),
    make('div', {}, reasonsOf(entry.reasons)),
    make(
      'ul',
      {},
      steps.map((step) => make('li', {}, step)),
    ),
    ...(inQuarantine && !edit
      ? [
          raw
            ? editor(dataset, entry)
            : button('Show what was sent, and edit it', () =>
                run('Looking …', () => openEntry(dataset, id, true)),
              ),
        ]
      : []),
  )
}

function editor(dataset, { id, raw, reasons }) {
  const text = make('textarea', { spellcheck: 'false', 'aria-label': 'The record as JSON' })
  text.value = reasons.some(({ reason }) => reason === 'unreadable') ? '' : (raw ?? '') // what is no text is base64
  const why = make('input', { maxlength: 1000, autocomplete: 'off' })
  const outcome = make('div')
  const send = async (action) => {
    const edit = { value: text.value.trim() }
    const answer = await ask({
      action,
      dataset,
      entry: id,
      edit,
      by: at('by').value,
      because: why.value,
      raw: true,
    })
    if (answer.outcome === 'accepted') {
      await openEntry(dataset, id)
      return 'Stored, and accepted.'
    }
    const says = {
      'would be accepted': 'It would be accepted.',
      rejected: 'It would still be rejected: nothing is stored.',
      unchanged: 'It was edited so before: nothing changes.',
      taken: 'It was edited otherwise before: that stays.',
    }
    outcome.replaceChildren(diffOf(id, answer.diff))
    return says[answer.outcome]
  }
  return make(
    'div',
    {},
    text,
    make('label', { class: 'wide' }, 'Why ', why),
    make(
      'div',
      { class: 'row' },
      button('Try', () => run('Trying …', () => send('dryRun'))),
      button('Store the edit', () => run('Storing …', () => send('replay'))),
    ),
    outcome,
  )
}

await run('Looking …', async () => {
  const { by, datasets } = await ask({ action: 'datasets' })
  at('by').value = by
  show(
    'datasets',
    ...datasets.map(({ name, description }) =>
      button(name, () => run('Counting …', () => openDataset(name)), {
        'data-name': name,
        title: description,
      }),
    ),
  )
})
