/** Sorts and filters the tables of the leaderboard. Without this script they are sorted by rank. */
'use strict'

const status = document.querySelector('[data-status]')

/** The value of a row's cell, as its `data-value` attribute states it. */
function valueAt(row, column) {
  return row.cells[column]?.dataset.value ?? ''
}

function compare(a, b, kind) {
  if (kind === 'number') return Number(a) - Number(b)
  return a.localeCompare(b, 'en', { numeric: true, sensitivity: 'base' })
}

/** Sorts the rows by a column. Ties are ordered by rank. */
function sortTable(table, column, direction) {
  const headers = [...table.tHead.rows[0].cells]
  const kind = headers[column].dataset.sort
  const sign = direction === 'ascending' ? 1 : -1
  const body = table.tBodies[0]
  const rows = [...body.rows].sort(
    (a, b) =>
      sign * compare(valueAt(a, column), valueAt(b, column), kind) ||
      Number(valueAt(a, 0)) - Number(valueAt(b, 0)),
  )
  body.append(...rows)
  headers.forEach((header, index) => {
    if (index === column) header.setAttribute('aria-sort', direction)
    else header.removeAttribute('aria-sort')
  })
}

/** The direction of the first click: descending for accuracies, ascending for ranks and names. */
function firstDirection(header) {
  const isAccuracy = header.dataset.sort === 'number' && !header.classList.contains('rank')
  return isAccuracy ? 'descending' : 'ascending'
}

function makeSortable(table) {
  const choice = document.createElement('label')
  choice.className = 'sort-choice'
  const select = document.createElement('select')
  choice.append('Sort by', select)
  for (const [column, header] of [...table.tHead.rows[0].cells].entries()) {
    if (!header.dataset.sort) continue
    const button = document.createElement('button')
    button.type = 'button'
    button.append(...header.childNodes)
    header.append(button)
    button.addEventListener('click', () => {
      const now = header.getAttribute('aria-sort')
      const flipped = now === 'ascending' ? 'descending' : 'ascending'
      sortTable(table, column, now ? flipped : firstDirection(header))
      select.value = String(column)
    })
    select.append(new Option(button.textContent, String(column)))
  }
  select.addEventListener('change', () => {
    const column = Number(select.value)
    sortTable(table, column, firstDirection(table.tHead.rows[0].cells[column]))
  })
  table.before(choice)
}

/** Shows the rows that contain every word, and only the boards that have such rows. */
function filterRows(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  let shown = 0
  let total = 0
  for (const board of document.querySelectorAll('[data-board]')) {
    let here = 0
    for (const row of board.querySelectorAll('tbody tr')) {
      const content = row.dataset.search.toLowerCase()
      row.hidden = !words.every((word) => content.includes(word))
      if (!row.hidden) here++
      total++
    }
    board.hidden = here === 0
    shown += here
  }
  status.textContent = words.length === 0 ? '' : `${shown} of ${total} entries`
}

for (const table of document.querySelectorAll('[data-sortable]')) makeSortable(table)

const tools = document.querySelector('[data-tools]')
if (tools) {
  tools.hidden = false
  const filter = tools.querySelector('input')
  filter.addEventListener('input', () => filterRows(filter.value))
  filterRows(filter.value)
}
