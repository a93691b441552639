/**
 * Rows of the board as HTML, as text, and as values to sort by. The builder of the site runs this
 * file, too, so that rows are the same with and without scripts in the browser.
 *
 * A table is `{ examples, columns, rows }`. A column is `{ id, title, kind }`. A row is `[location,
 * ...cells]`, one cell per column, null if there is nothing to show. Cells by kind:
 *
 * - rank: `[rank, number of other models with it, the test behind it]`
 * - defense: `[title, line below, [[text, url], ...], [[title, location, kind], ...]]`: links, and
 *   further entries of the model; `kind` is absent unless they only add attacks
 * - accuracy: `[count, percentage, range, bar]`; `bar` is `[value, low, high]` or absent
 * - number: `[value, text, title]`
 * - text: a string
 * - checks: `[verdict, text]`
 * - evidence: `checked` or `self-reported`
 */
'use strict'

globalThis.robenchRows = (() => {
  const marks = { pass: '✓', warn: '!', fail: '✕', 'not-made': '?', 'not-applicable': '–' }
  const entities = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

  function escape(value) {
    return String(value).replace(/[&<>"']/g, (character) => entities[character])
  }

  function hidden(text) {
    return `<span class="visually-hidden">${escape(text)}</span>`
  }

  function bar([value, low, high]) {
    return (
      '<svg class="bar" aria-hidden="true"><rect class="bar-track" y="4" width="100%" height="4" rx="2"/>' +
      `<rect class="bar-robust" y="4" width="${value}%" height="4" rx="2"/>` +
      `<line class="bar-whisker" x1="${low}%" x2="${high}%" y1="6" y2="6"/></svg>`
    )
  }

  const html = {
    rank: ([rank, others, test]) =>
      `<span class="rank-value" title="${escape(test)}">${rank}</span>` +
      (others > 0 ? `<span class="tie">shared by ${others + 1}</span>` : ''),
    defense: ([title, by, links, others], { location, root }) =>
      `<a href="${root}entries/${escape(location)}.html">${escape(title)}</a>` +
      `<div class="by">${escape(by)}</div>` +
      (links.length + others.length > 0
        ? `<div class="by">${[
            ...links.map(
              ([text, url]) => `<a href="${escape(url)}">${text}${hidden(` of ${title}`)}</a>`,
            ),
            ...others.map(
              ([other, place, kind = 'also']) =>
                `<a href="${root}entries/${escape(place)}.html">${kind}: ${escape(other)}</a>`,
            ),
          ].join(' · ')}</div>`
        : ''),
    accuracy: ([count, percentage, range, whole], { examples }) =>
      `<div class="figure" title="${count.toLocaleString('en-US')} of ${examples.toLocaleString('en-US')} examples">` +
      `<span class="figure-value">${percentage}\u00a0%</span> ` +
      `<span class="figure-range">${range}</span>${whole ? bar(whole) : ''}</div>`,
    number: ([, text, title]) =>
      `<span class="figure-value"${title ? ` title="${escape(title)}"` : ''}>${escape(text)}</span>`,
    text: (text) => escape(text),
    checks: ([verdict, text]) =>
      `<span class="mark mark-${verdict}" title="${escape(text)}" aria-hidden="true">${marks[verdict]}</span>` +
      `<span class="mark-text">${escape(text)}</span>`,
    evidence: (status) =>
      status === 'checked'
        ? '<span class="badge badge-good" title="A sample was run again and agreed">checked</span>'
        : '<span class="badge badge-warn" title="No sample was run again so far">self-reported</span>',
  }

  const text = {
    rank: ([rank]) => String(rank),
    defense: ([title, by, links, others]) =>
      [title, by, ...links.map(([name]) => name), ...others.map(([name]) => name)].join(' '),
    accuracy: ([, percentage]) => percentage,
    number: ([, shown]) => shown,
    text: (shown) => shown,
    checks: ([, shown]) => shown,
    evidence: (status) => status,
  }

  const value = {
    rank: ([rank]) => rank,
    defense: ([title]) => title,
    accuracy: ([count]) => count,
    number: ([number]) => number,
    text: (shown) => shown,
    checks: ([verdict]) => verdict,
    evidence: (status) => status,
  }

  /** The inside of a cell. `place` is `{ location, root, examples }`. */
  function cellHtml(column, cell, place) {
    return cell === null ? '<span class="muted">–</span>' : html[column.kind](cell, place)
  }

  function classOf({ id, kind }) {
    if (kind === 'rank') return ' class="rank"'
    if (id === 'best') return ' class="worst"'
    return kind === 'text' ? ' class="words"' : ''
  }

  /** A row. `isHidden` tells columns that are not shown; `root` is the path of the site. */
  function rowHtml(table, row, root, isHidden = () => false) {
    const [location, ...cells] = row
    const place = { location, root, examples: table.examples }
    const content = cells.map((cell, at) => {
      const column = table.columns[at]
      if (isHidden(column.id)) return ''
      const inside = cellHtml(column, cell, place)
      if (column.kind === 'defense') return `<th role="rowheader" scope="row">${inside}</th>`
      const label = column.kind === 'rank' ? '' : ` data-label="${escape(column.title)}"`
      const pick =
        column.kind === 'rank'
          ? `<label class="pick"><input type="checkbox" value="${escape(location)}">${hidden(`Compare ${titleOf(row)}`)}</label>`
          : ''
      return `<td role="cell"${classOf(column)}${label}>${inside}${pick}</td>`
    })
    return `<tr role="row">${content.join('')}</tr>`
  }

  /** The title of a row's model. */
  function titleOf([, ...cells]) {
    return cells[1][0]
  }

  /** The text of all cells, which the filter searches, in lower case. */
  function rowText({ columns }, [location, ...cells]) {
    const texts = cells.map((cell, at) => (cell === null ? '' : text[columns[at].kind](cell)))
    return [location, ...texts].join(' ').toLowerCase()
  }

  /** What a column is sorted by; null if the row has nothing to show there. */
  function sortValue({ columns }, row, at) {
    const cell = row[at + 1]
    return cell === null ? null : value[columns[at].kind](cell)
  }

  return { cellHtml, rowHtml, rowText, sortValue, titleOf }
})()
