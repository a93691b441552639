/** The BibTeX record of an entry. */
import { safeUrl } from '../../reports/theme/templates.ts'
import type { LeaderboardEntry } from '../entry-type.ts'

const escapes: Readonly<Record<string, string>> = {
  '\\': String.raw`\textbackslash{}`,
  '~': String.raw`\textasciitilde{}`,
  '^': String.raw`\textasciicircum{}`,
  '{': String.raw`\{`,
  '}': String.raw`\}`,
}

/**
 * The record that the entry states, or else that of the paper if it links one, or else of the entry
 * itself. All text is
 * escaped; an author whose name BibTeX would divide is in braces.
 * @param page absolute URL of the entry's page; empty if the site has no address
 */
export function bibtexOf(entry: LeaderboardEntry, page: string): string {
  if (entry.citation !== undefined) return `${entry.citation}\n`
  const { id, title, authors, venue, links, run, dataset } = entry
  const year = entry.year ?? (/^\d{4}/.exec(run.finishedAt)?.[0] || undefined)
  const paper = /^https?:/i.test(safeUrl(links.paper)) ? safeUrl(links.paper) : undefined
  const fields: readonly (readonly [string, string | undefined])[] = [
    ['title', `{${escaped(title)}}`],
    ['author', authors.length > 0 ? authors.map(authorText).join(' and ') : undefined],
    ['howpublished', venue === undefined ? undefined : escaped(venue)],
    ['year', year === undefined ? undefined : String(year)],
    ['url', urlText(paper ?? page)],
    [
      'note',
      paper !== undefined
        ? undefined
        : escaped(`Entry of the robench leaderboard on ${dataset.title}`),
    ],
  ]
  const lines = fields.flatMap(([name, value]) =>
    value === undefined || value === '' ? [] : [`  ${name} = {${value}}`],
  )
  return `@misc{${id.replaceAll(/[^a-z0-9.-]/g, '-')},\n${lines.join(',\n')}\n}\n`
}

function authorText(name: string): string {
  const text = escaped(name)
  return /,|\sand\s/i.test(text) ? `{${text}}` : text
}

/** One line, with the characters that have a meaning in TeX as commands. */
function escaped(text: string): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(/[#$%&_]|[\\~^{}]/g, (character) => escapes[character] ?? `\\${character}`)
}

/** A URL, with the characters that would end its field or start a command percent-encoded. */
function urlText(url: string): string {
  return url.replaceAll(/[\\{}"\s%#]/g, (character) =>
    character === '%' || character === '#' ? `\\${character}` : encodeURIComponent(character),
  )
}
