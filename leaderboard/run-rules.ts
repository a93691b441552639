/** What an entry states about its run: versions, packages, times, and the machine. */
import { packageVersion } from '../core/base/package-version.ts'
import type { Suite } from '../core/bench/suite/schema.ts'
import type { LeaderboardEntry } from './entry-type.ts'

/** A clock may be ahead by that much. */
const clockToleranceMs = 24 * 3600 * 1000

/** The year of the first results of robench. */
const firstYear = 2025

/** The first version whose results an entry can be made from. */
const firstVersion = '0.1.0'

/** A version as semver.org defines it. */
const plainVersion = /^\d+\.\d+\.\d+(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z.-]+)?$/

/** What `robench run` records about a machine, and how. Several machines are joined by commas. */
const environmentForms: Readonly<Record<string, RegExp>> = {
  node: /^v\d+\.\d+\.\d+[\w.+-]*(, v\d+\.\d+\.\d+[\w.+-]*)*$/,
  onnxruntime: /^\d+\.\d+\.\d+[\w.+-]*$/,
  platform: /^[a-z0-9]+ [a-z0-9]+(, [a-z0-9]+ [a-z0-9]+)*$/,
  cpu: /^.{1,500}$/,
  device: /^[a-z0-9-]{1,40}$/,
  engine: /^.{1,200}$/,
}

/** What the rules object to, each with its position. */
export function runObjections({ run, attacks }: LeaderboardEntry, suite: Suite): string[] {
  const found = [...versionObjections(run), ...environmentObjections(run)]
  const listed = (names: readonly string[]): string => names.join(', ') || 'none'
  const own = listed(run.packages.slice(1).map(({ name }) => name))
  const stated = listed(suite.plugins ?? [])
  if (own !== stated) {
    found.push(`/run/packages: those of the suite are ${stated}, after robench; got ${own}`)
  }
  const finished = Date.parse(run.finishedAt)
  if (!isMoment(run.finishedAt)) {
    found.push(
      `/run/finishedAt: must be a time such as 2026-01-31T12:00:00.000Z, got ${run.finishedAt}`,
    )
  } else if (finished > new Date().getTime() + clockToleranceMs) {
    found.push(`/run/finishedAt: must be a time in the past, got ${run.finishedAt}`)
  } else if (finished < Date.UTC(firstYear, 0)) {
    found.push(`/run/finishedAt: must be ${firstYear} or later, got ${run.finishedAt}`)
  }
  const workers = Number(run.environment['workers'])
  const longest = (finished - Date.UTC(firstYear, 0)) * workers
  attacks.forEach(({ elapsedMs, forwardPasses, backwardPasses }, at) => {
    if (elapsedMs === 0 && forwardPasses + backwardPasses > 0) {
      found.push(`/attacks/${at}/elapsedMs: passes take more than 0 ms`)
    }
    if (elapsedMs <= longest || Number.isNaN(longest)) return
    found.push(`/attacks/${at}/elapsedMs: is longer than since ${firstYear}, got ${elapsedMs}`)
  })
  return found
}

/** Whether a text is a time as robench writes it. */
export function isMoment(text: string): boolean {
  const time = Date.parse(text)
  return !Number.isNaN(time) && new Date(time).toISOString() === text
}

function versionObjections({ robenchVersion, packages }: LeaderboardEntry['run']): string[] {
  const found: string[] = []
  const place = '/run/robenchVersion'
  if (isNewer(robenchVersion, packageVersion())) {
    found.push(`${place}: ${robenchVersion} is newer than this robench, ${packageVersion()}`)
  }
  if (!plainVersion.test(robenchVersion)) {
    found.push(`${place}: must be a version such as 1.2.3, got ${robenchVersion}`)
  } else if (isNewer(firstVersion, robenchVersion)) {
    found.push(`${place}: must be at least ${firstVersion}, got ${robenchVersion}`)
  }
  const [first] = packages
  if (first?.name !== 'robench') found.push('/run/packages: must begin with robench')
  else if (first.version !== robenchVersion) {
    found.push(
      `/run/packages/0/version: must be run.robenchVersion, ${robenchVersion}; got ${first.version}`,
    )
  }
  packages.slice(1).forEach(({ version }, index) => {
    const at = `/run/packages/${index + 1}/version`
    if (version.length > 100) found.push(`${at}: must have at most 100 characters`)
    else if (!plainVersion.test(version)) {
      found.push(`${at}: must be a version such as 1.2.3, got ${version}`)
    }
  })
  const names = packages.map(({ name }) => name)
  if (new Set(names).size < names.length) found.push('/run/packages: a package is repeated')
  return found
}

function environmentObjections({ environment }: LeaderboardEntry['run']): string[] {
  const keys = [...Object.keys(environmentForms), 'workers']
  return Object.entries(environment).flatMap(([key, value]) => {
    const place = `/run/environment/${key}`
    if (!keys.includes(key)) {
      return [`/run/environment: unknown key "${key}" (accepted: ${keys.join(', ')})`]
    }
    if (key === 'workers') {
      return Number.isInteger(value) && Number(value) >= 1
        ? []
        : [`${place}: must be a whole number from 1, got ${value}`]
    }
    return environmentForms[key]!.test(String(value))
      ? []
      : [`${place}: is not what robench records, got ${String(value).slice(0, 80)}`]
  })
}

/** Whether a version is newer. Anything but `1.2.3`, with an appendix or not, is. */
export function isNewer(version: string, than: string): boolean {
  const numbers = (text: string): number[] =>
    (/^(\d+)\.(\d+)\.(\d+)([-+].*)?$/.exec(text) ?? []).slice(1, 4).map(Number)
  const [own, other] = [numbers(version), numbers(than)]
  if (own.length < 3) return true
  const at = own.findIndex((part, place) => part !== other[place])
  return at >= 0 && own[at]! > other[at]!
}
