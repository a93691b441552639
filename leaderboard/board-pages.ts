/** The pages of the board, and the data of its tables. */
import type { Environment } from 'nunjucks'
import { boardData, rowScript, tableSize } from './board-data.ts'
import type { BoardColumn, BoardData } from './board-data.ts'
import type { RankedTable } from './ranking.ts'

/** Rows of a page: the index has the first ones of each table. */
const pageSize = 50

/** A part of a table, for the template. */
interface TablePart {
  readonly table: RankedTable
  readonly columns: readonly BoardColumn[]
  /** HTML. */
  readonly rows: string
  readonly size: string
  /** From the page. */
  readonly data: string
  readonly page: number
  readonly pages: number
  readonly pageSize: number
  readonly first: number
  readonly last: number
  /** Files of the neighboring pages, from the page; empty if there are none. */
  readonly previous: string
  readonly next: string
}

/**
 * Renders `index.html` with the first rows of each table, `tables/<anchor>/<page>.html` with the
 * others, and `tables/<anchor>.js` with all of them.
 * @returns texts by relative path
 */
export function renderBoard(
  environment: Environment,
  tables: readonly RankedTable[],
): Map<string, string> {
  const files = new Map<string, string>()
  const script = rowScript()
  const contents = tables.map((table) => ({ table, data: boardData(table) }))
  const part = (
    { table, data }: (typeof contents)[number],
    page: number,
    root: string,
  ): TablePart => {
    const first = (page - 1) * pageSize
    const rows = data.rows.slice(first, first + pageSize)
    const pages = pagesOf(data)
    return {
      table,
      columns: data.columns,
      rows: rows.map((row) => script.rowHtml(data, row, root)).join('\n'),
      size: tableSize(table),
      data: `${root}tables/${table.anchor}.js`,
      page,
      pages,
      pageSize,
      first: first + 1,
      last: first + rows.length,
      previous: page === 1 ? '' : `${root}${pageFile(table.anchor, page - 1)}`,
      next: page === pages ? '' : `${root}${pageFile(table.anchor, page + 1)}`,
    }
  }
  const render = (parts: readonly TablePart[], root: string): string =>
    environment.render('index.html.njk', { parts, root })
  files.set(
    'index.html',
    render(
      contents.map((content) => part(content, 1, '')),
      '',
    ),
  )
  for (const content of contents) {
    const { anchor } = content.table
    files.set(`tables/${anchor}.js`, scriptOf(anchor, content.data))
    for (let page = 2; page <= pagesOf(content.data); page++) {
      const root = '../../'
      files.set(pageFile(anchor, page), render([part(content, page, root)], root))
    }
  }
  return files
}

function pagesOf({ rows }: BoardData): number {
  return Math.max(1, Math.ceil(rows.length / pageSize))
}

function pageFile(anchor: string, page: number): string {
  return page === 1 ? 'index.html' : `tables/${anchor}/${page}.html`
}

/** A script, since pages from a disk cannot fetch JSON. One row per line. */
function scriptOf(anchor: string, { examples, columns, rows }: BoardData): string {
  const lines = rows.map((row) => JSON.stringify(row))
  const head = JSON.stringify({ examples, columns }).slice(1, -1)
  return `robenchTable(${JSON.stringify(anchor)}, {${head},"rows":[\n${lines.join(',\n')}\n]})\n`
}
