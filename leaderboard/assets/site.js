/**
 * Sorting, filter, columns, comparison, and pages of the board. All of it is in the address, so a
 * view can be linked, and the browser's back button works. Without this script the tables are
 * complete, sorted by rank, on several pages.
 */
'use strict'

/* global robenchRows */

const most = 4
const sections = [...document.querySelectorAll('[data-board]')]
const boards = sections.map((section) => ({
  section,
  anchor: section.id,
  headers: [...section.querySelectorAll('thead th')],
  body: section.querySelector('tbody'),
  pager: section.querySelector('[data-pager]'),
  size: Number(section.dataset.size),
  root: section.dataset.root,
}))
const tools = document.querySelector('[data-tools]')
const status = document.querySelector('[data-status]')
const comparison = document.querySelector('[data-comparison]')

/** Column titles by id, over all tables. */
const titles = new Map(
  boards.flatMap(({ headers }) => headers.map(({ dataset }) => [dataset.column, dataset.title])),
)
const directions = new Map(
  boards.flatMap(({ headers }) => headers.map(({ dataset }) => [dataset.column, dataset.first])),
)

let state = readState()
/** Whether the tables differ from those in the page's own text. */
let drawn = false

function listOf(text) {
  return text ? text.split(',') : []
}

/** `sort` is a column id, with `-` before it for descending; `pages` maps tables to pages. */
function readState() {
  const given = new URLSearchParams(location.search)
  return {
    filter: given.get('q') ?? '',
    sort: given.get('sort') ?? '',
    hidden: listOf(given.get('hide')),
    compared: listOf(given.get('compare')).slice(0, most),
    pages: new Map(listOf(given.get('page')).map((text) => text.split(':'))),
  }
}

function addressOf({ filter, sort, hidden, compared, pages }) {
  const parts = {
    q: filter,
    sort,
    hide: hidden.join(','),
    compare: compared.join(','),
    page: [...pages].map((pair) => pair.join(':')).join(','),
  }
  const stated = Object.entries(parts).filter(([, text]) => text !== '')
  const query = stated.map(([name, text]) => `${name}=${encodeURIComponent(text)}`).join('&')
  // Slashes, commas, and colons are allowed in a query, and easier to read.
  const readable = query.replace(/%2F/g, '/').replace(/%2C/g, ',').replace(/%3A/g, ':')
  return `${location.pathname}${readable ? `?${readable}` : ''}${location.hash}`
}

/** Changes the state, and the address with it. */
function change(part, { replace = false } = {}) {
  state = { ...state, ...part }
  const address = addressOf(state)
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
  void render()
}

/** Loads the rows of a table: a script, because pages from a disk cannot fetch. */
function load(board) {
  board.loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script')
    script.src = board.section.dataset.rows
    script.addEventListener('error', () => reject(new Error(`${script.src} cannot be loaded`)))
    board.take = resolve
    document.head.append(script)
  })
  return board.loading
}

/** Called by the script of a table. */
function robenchTable(anchor, table) {
  const board = boards.find((one) => one.anchor === anchor)
  if (!board) return
  board.table = table
  board.found = table.rows.map((row) => ({ row, text: robenchRows.rowText(table, row) }))
  board.take()
}
window.robenchTable = robenchTable

function isDefault({ filter, sort, hidden, compared, pages }) {
  return filter === '' && sort === '' && hidden.length + compared.length + pages.size === 0
}

async function render() {
  showControls()
  if (!drawn && isDefault(state)) return
  drawn = true
  try {
    await Promise.all(boards.map(load))
  } catch (error) {
    status.textContent = `${error.message}. Reload the page, or read the pages one by one.`
    return
  }
  const words = state.filter.toLowerCase().split(/\s+/).filter(Boolean)
  let shown = 0
  let total = 0
  for (const board of boards) {
    const rows = board.found.filter(({ text }) => words.every((word) => text.includes(word)))
    board.section.hidden = rows.length === 0
    shown += rows.length
    total += board.found.length
    draw(board, sorted(board, rows))
  }
  drawComparison()
  showPicks()
  const counted = `${shown.toLocaleString('en-US')} of ${total.toLocaleString('en-US')} models`
  status.textContent =
    words.length === 0 ? '' : shown === 0 ? `No model matches “${state.filter.trim()}”.` : counted
}

/** Rows in the chosen order. Equal ones, and those without a value at the end, are in rank order. */
function sorted({ table }, rows) {
  const descending = state.sort.startsWith('-')
  const column = table.columns.findIndex(({ id }) => id === state.sort.replace(/^-/, ''))
  if (column < 0) return rows
  const sign = descending ? -1 : 1
  const keyed = rows.map(({ row }, at) => ({
    row,
    at,
    value: robenchRows.sortValue(table, row, column),
  }))
  const order = new Intl.Collator('en', { numeric: true, sensitivity: 'base' })
  const compare = (a, b) => (typeof a === 'string' ? order.compare(a, b) : a - b)
  return keyed.sort((a, b) => {
    if (a.value === null || b.value === null) {
      return Number(a.value === null) - Number(b.value === null) || a.at - b.at
    }
    return sign * compare(a.value, b.value) || a.at - b.at
  })
}

function isHidden(id) {
  return state.hidden.includes(id)
}

function draw(board, rows) {
  const { table, headers, body, size, root, pager } = board
  const pages = Math.max(1, Math.ceil(rows.length / size))
  const page = Math.min(pages, pageOf(board))
  const first = (page - 1) * size
  body.innerHTML = rows
    .slice(first, first + size)
    .map(({ row }) => robenchRows.rowHtml(table, row, root, isHidden))
    .join('')
  for (const header of headers) {
    const { column } = header.dataset
    header.hidden = isHidden(column)
    const chosen =
      state.sort.replace(/^-/, '') === column || (state.sort === '' && column === 'rank')
    if (!chosen) header.removeAttribute('aria-sort')
    else header.setAttribute('aria-sort', state.sort.startsWith('-') ? 'descending' : 'ascending')
  }
  drawPager(board, {
    page,
    pages,
    first,
    last: Math.min(rows.length, first + size),
    of: rows.length,
  })
  pager.hidden = pages === 1
}

function pageOf(board) {
  const given = Number(state.pages.get(board.anchor))
  if (given >= 1) return Math.floor(given)
  return state.filter === '' && state.sort === '' ? Number(board.section.dataset.page) : 1
}

/** Two buttons, which stay so that they keep the focus, and what is between them. */
function drawPager(board, { page, pages, first, last, of }) {
  if (!board.turn) {
    board.turn = [-1, 1].map((step) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.textContent = step < 0 ? 'Previous' : 'Next'
      button.addEventListener('click', () => {
        if (button.getAttribute('aria-disabled') === 'true') return
        const turned = new Map(state.pages).set(board.anchor, String(board.page + step))
        change({ pages: turned })
        board.section.scrollIntoView()
      })
      return button
    })
    board.range = document.createElement('span')
    board.pager.replaceChildren(board.turn[0], board.range, board.turn[1])
  }
  board.page = page
  board.turn[0].setAttribute('aria-disabled', String(page === 1))
  board.turn[1].setAttribute('aria-disabled', String(page === pages))
  const count = (value) => value.toLocaleString('en-US')
  board.range.textContent = `${count(first + 1)}–${count(last)} of ${count(of)}, page ${page} of ${pages}`
}

/** A table with one column per compared model, and one row per column of the board. */
function drawComparison() {
  const board = boards.find((one) =>
    one.table.rows.some(([location]) => location === state.compared[0]),
  )
  const rows = (board?.table.rows ?? []).filter(([location]) => state.compared.includes(location))
  rows.sort((a, b) => state.compared.indexOf(a[0]) - state.compared.indexOf(b[0]))
  comparison.hidden = rows.length < 2
  if (rows.length < 2) return
  const { table, root } = board
  const lines = table.columns.map((column, at) => {
    const cells = rows.map((row) => {
      const place = { location: row[0], root, examples: table.examples }
      return robenchRows.cellHtml(column, row[at + 1], place)
    })
    if (column.kind === 'defense') {
      return `<tr><td></td>${cells.map((cell) => `<th scope="col">${cell}</th>`).join('')}</tr>`
    }
    const values = rows.map((row) => robenchRows.sortValue(table, row, at))
    const highest = column.kind === 'accuracy' ? Math.max(...values) : undefined
    const tops = cells.map(
      (cell, i) => `<td${values[i] === highest ? ' class="top"' : ''}>${cell}</td>`,
    )
    const title = document.createElement('th')
    title.scope = 'row'
    title.textContent = column.title
    return `<tr>${title.outerHTML}${tops.join('')}</tr>`
  })
  const [rank, defense, ...others] = lines
  comparison.querySelector('table').innerHTML =
    `<thead>${defense}</thead><tbody>${[rank, ...others].join('')}</tbody>`
}

/** Checks the boxes of compared models, and disables the others once there are four. */
function showPicks() {
  for (const box of document.querySelectorAll('.pick input')) {
    box.checked = state.compared.includes(box.value)
    box.disabled = !box.checked && state.compared.length >= most
  }
}

/** A model to compare, or no longer. Only models of one table are compared. */
function pick(location, isChosen) {
  const benchmark = (text) => text.slice(0, text.lastIndexOf('/'))
  const others = state.compared.filter(
    (other) => other !== location && benchmark(other) === benchmark(location),
  )
  change({ compared: isChosen ? [...others, location] : others })
}

function sortBy(column) {
  const first = directions.get(column) === 'descending' ? `-${column}` : column
  const other = first === column ? `-${column}` : column
  const now = state.sort === '' ? 'rank' : state.sort
  const next = now === first ? other : first
  change({ sort: next === 'rank' ? '' : next, pages: new Map() })
}

function showControls() {
  const filter = tools.querySelector('#filter')
  if (filter !== document.activeElement) filter.value = state.filter
  tools.querySelector('#sort').value = state.sort.replace(/^-/, '') || 'rank'
  for (const box of tools.querySelectorAll('[data-columns] input')) {
    box.checked = !isHidden(box.value)
  }
}

function makeSortable(header) {
  const button = document.createElement('button')
  button.type = 'button'
  button.append(...header.childNodes)
  header.append(button)
  button.addEventListener('click', () => sortBy(header.dataset.column))
}

function makeTools() {
  const filter = tools.querySelector('#filter')
  let typing = false
  filter.addEventListener('input', () => {
    // One step back for a whole text, not one for each letter.
    change({ filter: filter.value, pages: new Map() }, { replace: typing })
    typing = true
  })
  filter.addEventListener('change', () => (typing = false))
  const sort = tools.querySelector('#sort')
  for (const [id, title] of titles) sort.append(new Option(title, id))
  sort.addEventListener('change', () => {
    const { value } = sort
    const next = directions.get(value) === 'descending' ? `-${value}` : value
    change({ sort: next === 'rank' ? '' : next, pages: new Map() })
  })
  const columns = tools.querySelector('[data-columns]')
  for (const [id, title] of titles) {
    if (id === 'rank' || id === 'defense') continue
    const label = document.createElement('label')
    const box = document.createElement('input')
    box.type = 'checkbox'
    box.value = id
    box.addEventListener('change', () => {
      const others = state.hidden.filter((other) => other !== id)
      change({ hidden: box.checked ? others : [...others, id] })
    })
    label.append(box, title)
    columns.append(label)
  }
  tools.hidden = false
}

if (tools) {
  document.documentElement.classList.add('scripted')
  boards.flatMap(({ headers }) => headers).forEach(makeSortable)
  makeTools()
  document.addEventListener('change', ({ target }) => {
    if (target.closest('.pick')) pick(target.value, target.checked)
  })
  comparison.querySelector('button').addEventListener('click', () => change({ compared: [] }))
  window.addEventListener('popstate', () => {
    state = readState()
    void render()
  })
  void render()
}
