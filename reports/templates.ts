/** The template engine as reports and leaderboard use it: everything escaped, nothing undefined, no unsafe address. */
import nunjucks from 'nunjucks'
import { corruptionMean, isCorruption } from './corruptions.ts'
import { medianText, namedCurves, plotCurves } from './curves.ts'
import * as figures from './figures.ts'
import * as threatText from './threat-text.ts'

/**
 * A nunjucks environment over template folders, the first that has a file wins. Autoescape is on, so values
 * are text, never markup; a value that is missing throws instead of showing nothing.
 */
export function templateEnvironment(folders: readonly string[]): nunjucks.Environment {
  const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader([...folders]), {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
  const curves = { medianText, namedCurves, plotCurves }
  const filters = { ...figures, ...threatText, ...curves, corruptionMean, isCorruption, safeUrl }
  for (const [name, filter] of Object.entries(filters)) {
    environment.addFilter(name, filter)
  }
  return environment
}

/**
 * The address if a link may point there, else an empty string. Allowed: http, https, mailto, and addresses
 * relative to the page. Not allowed: other schemes (`javascript:`, `data:`), and `//host`, which means
 * another thing on every page.
 */
export function safeUrl(address: unknown): string {
  if (typeof address !== 'string') return ''
  // Browsers drop control characters and outer spaces before they look for a scheme; so must we.
  // oxlint-disable-next-line no-control-regex -- control characters are what is removed
  const url = address.replaceAll(/[\u0000-\u001f\u007f]/g, '').trim()
  if (/^[\\/]{2}/.test(url)) return ''
  const scheme = /^([^/?#]*?):/.exec(url)?.[1]
  return scheme === undefined || /^(?:https?|mailto)$/i.test(scheme) ? url : ''
}
