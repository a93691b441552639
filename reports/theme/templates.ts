/** The template engine as reports and leaderboard use it: everything escaped, nothing undefined, no unsafe address. */
import { join } from 'node:path'
import nunjucks from 'nunjucks'
import { packageRoot } from '../../core/base/paths.ts'
import { corruptionMean, isCorruption } from './corruptions.ts'
import { medianText, namedCurves, plotCurves } from './curves.ts'
import * as figures from './figures.ts'
import * as threatText from './threat-text.ts'

/** The directory of the macros and style sheets that reports and leaderboard share. */
export function themeFolder(): string {
  return join(packageRoot(), 'reports', 'theme', 'templates')
}

/**
 * Creates a nunjucks environment over a template directory and the shared theme. Autoescape is on:
 * values are rendered as text, never as markup. A missing value throws.
 */
export function templateEnvironment(folder: string): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader([folder, themeFolder()])
  const environment = new nunjucks.Environment(loader, {
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
