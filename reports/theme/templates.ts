/** The template engine of reports and leaderboard: escapes values, rejects missing ones. */
import { join } from 'node:path'
import nunjucks from 'nunjucks'
import { packageRoot } from '../../core/base/paths.ts'
import { corruptionMean, isCorruption } from './corruptions.ts'
import { medianText, namedCurves, plotCurves } from './curves.ts'
import { drawsText } from './draws.ts'
import * as figures from './figures.ts'
import { printable } from './printable.ts'
import * as threatText from './threat-text.ts'

/** The directory of the shared macros and style sheets. */
export function themeFolder(): string {
  return join(packageRoot(), 'reports', 'theme', 'templates')
}

/** Renders pages without control, bidirectional, and invisible characters of values. */
class PageEnvironment extends nunjucks.Environment {
  override render(name: string, context?: object): string {
    return printable(super.render(name, context))
  }
}

/**
 * Creates a nunjucks environment for a template directory and the shared theme. Values are escaped,
 * and whole pages are `printable`. Rendering throws if a value is undefined.
 */
export function templateEnvironment(folder: string): nunjucks.Environment {
  const loader = new nunjucks.FileSystemLoader([folder, themeFolder()])
  const environment = new PageEnvironment(loader, {
    autoescape: true,
    throwOnUndefined: true,
    trimBlocks: true,
    lstripBlocks: true,
  })
  const curves = { medianText, namedCurves, plotCurves }
  const corruptions = { corruptionMean, isCorruption }
  const filters = { ...figures, ...threatText, ...curves, ...corruptions, drawsText, safeUrl }
  for (const [name, filter] of Object.entries(filters)) {
    environment.addFilter(name, filter)
  }
  return environment
}

/**
 * The URL if it is safe as a link target, otherwise an empty string. Safe are http, https, mailto,
 * and relative URLs. Other schemes (`javascript:`, `data:`) are unsafe, and so is `//host`, whose
 * scheme depends on the page.
 */
export function safeUrl(address: unknown): string {
  if (typeof address !== 'string') return ''
  // Browsers drop control characters and outer spaces before they parse the scheme.
  // oxlint-disable-next-line no-control-regex -- removes control characters
  const url = address.replaceAll(/[\u0000-\u001f\u007f]/g, '').trim()
  if (/^[\\/]{2}/.test(url)) return ''
  const scheme = /^([^/?#]*?):/.exec(url)?.[1]
  return scheme === undefined || /^(?:https?|mailto)$/i.test(scheme) ? url : ''
}
