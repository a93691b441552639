/** All files of a site beside the board and its assets. */
import { loadRegistry } from '../../core/plugin/load.ts'
import { apiFiles } from './api.ts'
import { renderDatasets } from './dataset-pages.ts'
import { renderDocs } from './docs-pages.ts'
import { entriesOf, renderEntries } from './entry-pages.ts'
import type { EntryPagesInput, PageFiles } from './entry-pages.ts'
import type { BoardRules } from '../known-datasets.ts'
import { siteEnvironment } from './environment.ts'
import { feedText, robotsText, sitemapText } from './feed.ts'
import { renderPlugins } from './plugin-pages.ts'
import { boardImage } from './social-image.ts'

export type { PageFiles } from './entry-pages.ts'

/**
 * Renders the pages of entries, plugins, data sets, and documentation, the text pages, the files for
 * programs, and the feed. Output is deterministic.
 */
export async function renderPages(
  input: EntryPagesInput & Pick<BoardRules, 'isPrivate'>,
): Promise<PageFiles> {
  const { tables, address, isPrivate } = input
  const environment = siteEnvironment({ address, isPrivate })
  const rows = tables.flatMap(entriesOf)
  const registry = await loadRegistry()
  const files: PageFiles = new Map([
    ...renderEntries(environment, input),
    ...(await renderPlugins(environment, registry, rows)),
    ...renderDatasets(environment, tables),
    ...renderDocs(environment),
    ...apiFiles(tables),
  ])
  for (const name of ['methods', 'contribute', 'faq']) {
    files.set(`${name}.html`, environment.render(`${name}.html.njk`, { root: '' }))
  }
  files.set('social/board.png', boardImage(tables))
  files.set('feed.xml', feedText(rows, address))
  files.set('robots.txt', robotsText(address))
  if (address !== '') {
    const pages = [...files.keys(), 'index.html'].filter((path) => path.endsWith('.html'))
    files.set('sitemap.xml', sitemapText(pages.toSorted(), address))
  }
  return files
}
