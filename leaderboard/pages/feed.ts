/** The feed of entries, the sitemap, and robots.txt. */
import { percentDigits } from '../../reports/theme/figures.ts'
import { threatModelText } from '../../reports/theme/threat-text.ts'
import type { RankedEntry } from '../ranking.ts'
import { escapeXml } from './badge.ts'

/** Entries that the feed contains, at most. */
const feedLength = 50

/**
 * The feed in RSS 2.0, latest entries first.
 * @param address absolute URL of the site with `/` at the end; without one, links are relative
 */
export function feedText(rows: readonly RankedEntry[], address: string): string {
  const items = rows
    .toSorted((a, b) => (a.entry.run.finishedAt < b.entry.run.finishedAt ? 1 : -1))
    .slice(0, feedLength)
    .map((row) => feedItem(row, address))
  const own = address
    ? `<atom:link href="${escapeXml(`${address}feed.xml`)}" rel="self" type="application/rss+xml"/>\n`
    : ''
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<rss version="2.0" xmlns:atom="http://www.w3.org/2005/Atom">\n<channel>\n' +
    '<title>robench leaderboard</title>\n' +
    `<link>${escapeXml(address || 'index.html')}</link>\n${own}` +
    '<description>New entries of the robench leaderboard.</description>\n' +
    `${items.join('')}</channel>\n</rss>\n`
  )
}

function feedItem(row: RankedEntry, address: string): string {
  const { entry, location, clean, worstCase, bestKnown, supplementTo } = row
  const { title, dataset, threatModel, run } = entry
  const where = `${dataset.title}, ${threatModelText(threatModel)}`
  const figures = supplementTo
    ? `Further attacks on ${supplementTo.title}, ` +
      `best known accuracy ${percentDigits(bestKnown.fraction)} %.`
    : `Clean accuracy ${percentDigits(clean.fraction)} %, ` +
      `worst case ${percentDigits(worstCase.fraction)} %.`
  const moment = new Date(run.finishedAt)
  const date = Number.isNaN(moment.getTime()) ? '' : `<pubDate>${moment.toUTCString()}</pubDate>\n`
  return (
    `<item>\n<title>${escapeXml(`${title} on ${where}`)}</title>\n` +
    `<link>${escapeXml(`${address}entries/${location}.html`)}</link>\n` +
    `<guid isPermaLink="false">${escapeXml(`${location} ${entry.evidence.result}`)}</guid>\n` +
    `${date}<description>${escapeXml(figures)}</description>\n</item>\n`
  )
}

/** The sitemap of the pages, with absolute URLs. */
export function sitemapText(pages: readonly string[], address: string): string {
  const urls = pages.map((path) => {
    const short = path.replace(/(^|\/)index\.html$/, '$1')
    return `<url><loc>${escapeXml(address + short)}</loc></url>\n`
  })
  return (
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    `<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${urls.join('')}</urlset>\n`
  )
}

/** robots.txt: everything may be read. Names the sitemap if the site has an address. */
export function robotsText(address: string): string {
  return `User-agent: *\nAllow: /\n${address ? `Sitemap: ${address}sitemap.xml\n` : ''}`
}
