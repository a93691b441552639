/** The template engine of the site, with what every page needs. */
import { join } from 'node:path'
import type nunjucks from 'nunjucks'
import { packageRoot } from '../../core/base/paths.ts'
import { summarizeChecks } from '../../reports/theme/checks.ts'
import { templateEnvironment } from '../../reports/theme/templates.ts'
import { pluginPage } from './plugin-paths.ts'

/** The pages that every page links to: path and name. */
const navigation = [
  ['index.html', 'Board'],
  ['attacks/index.html', 'Attacks'],
  ['defenses/index.html', 'Defenses'],
  ['datasets/index.html', 'Data sets'],
  ['methods.html', 'Methods'],
  ['contribute.html', 'Contribute'],
  ['faq.html', 'FAQ'],
  ['docs/index.html', 'Docs'],
] as const

/** What all pages of a site have in common. */
export interface SiteSettings {
  /** Absolute URL at which the site is published, with `/` at the end; empty if it has none. */
  readonly address?: string | undefined
  /** True for a board of its owner: see `BoardRules`. */
  readonly isPrivate?: boolean
}

/**
 * Creates the environment of the site's templates. Beside those of the shared theme it has the
 * globals `navigation`, `address`, and `isPrivate`, and the filters `pluginPage` and
 * `summarizeChecks`. Without an address, pages state no absolute URLs.
 */
export function siteEnvironment({
  address = '',
  isPrivate = false,
}: SiteSettings = {}): nunjucks.Environment {
  const environment = templateEnvironment(join(packageRoot(), 'leaderboard', 'templates'))
  environment.addGlobal('navigation', navigation)
  environment.addGlobal('address', address)
  environment.addGlobal('isPrivate', isPrivate)
  environment.addFilter('pluginPage', pluginPage)
  environment.addFilter('summarizeChecks', summarizeChecks)
  return environment
}
