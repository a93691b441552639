/** Checks a plugin package: its manifest, and its plugins by the conformance batteries. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../core/base/errors.ts'
import { blamePlugin } from '../core/plugin/blame.ts'
import { containProcess } from '../core/plugin/contain.ts'
import type { Containment } from '../core/plugin/contain.ts'
import type { AttackMeta, Plugin } from '../core/plugin/contract.ts'
import { shareHostPackage } from '../core/plugin/host-package.ts'
import { builtinPackage, importPackage, loadRegistry, locatePlugins } from '../core/plugin/load.ts'
import type { PluginLocation } from '../core/plugin/load.ts'
import { foldersOfModule, isPluginPath, packageFolder } from '../core/plugin/module-file.ts'
import { optionWithRole } from '../core/plugin/option-roles.ts'
import { resolveOptions } from '../core/plugin/options.ts'
import { PluginRegistry, pluginKinds } from '../core/plugin/registry.ts'
import { attackConformance } from '../core/testing/attack-conformance.ts'
import { compiledLinearModel } from '../core/testing/compiled-linear-model.ts'
import { datasetConformance } from '../core/testing/dataset-conformance.ts'
import { defenseConformance } from '../core/testing/defense-conformance.ts'
import { networkConformance } from '../core/testing/network-conformance.ts'
import type { PluginCheck } from '../core/testing/plugin-checks.ts'
import type { Transform, TransformKind } from '../core/threat/transforms/table.ts'

/** Settings of the checks. */
export interface CheckSettings {
  /** Options for all plugins that have them. */
  readonly options: Readonly<Record<string, unknown>>
  /** True if `cost` of attacks is an upper limit. */
  readonly costIsLimit: boolean
}

/** The outcome of one check. */
export interface CheckOutcome {
  /** `package`, or kind and id: `attack acme/blur`. */
  readonly subject: string
  readonly name: string
  /** Absent if the check passed. */
  readonly problem?: string
}

/**
 * Runs all checks of a package, and reports each as it ends.
 * @param name of an npm package, or a path
 * @throws ConfigError if there is no such package, or it cannot be imported
 */
export async function checkPackage(
  name: string,
  settings: CheckSettings,
  report: (outcome: CheckOutcome) => void,
): Promise<void> {
  const containment = containProcess((error) => {
    report({ subject: 'package', name: 'no error after a check', problem: error.message })
  })
  const folder = folderOf(name)
  const data = folder === undefined ? undefined : datasetOf(folder)
  if (folder !== undefined && data !== undefined) {
    reportManifest(folder, 'robench-dataset', report)
    const checks = datasetConformance({ reference: { path: join(folder, data) } })
    await runAll('data set', checks, containment, [folder], report)
    return
  }
  const [location] = locatePlugins([name], [process.cwd()], 'plugin check') as [PluginLocation]
  const folders = foldersOfModule(location.url)
  reportManifest(
    packageFolder(fileURLToPath(location.url)) ?? folders[0]!,
    'robench-plugin',
    report,
  )
  shareHostPackage()
  const registry = await openPackage(location, containment, folders)
  for (const kind of pluginKinds) {
    for (const id of registry.ids(kind)) {
      if (registry.packageOf(kind, id) !== name) continue
      const subject = `${kind} ${id}`
      const plugin = await registry.get(kind, id).catch((error: unknown) => {
        const { message } = blamePlugin(error, { package: name, folders })
        report({ subject, name: 'it can be loaded', problem: message })
      })
      if (!plugin) continue
      const checks = await checksOf(plugin, registry, settings)
      await runAll(subject, checks, containment, folders, report, codeOf(plugin))
    }
  }
}

async function openPackage(
  location: PluginLocation,
  containment: Containment,
  folders: readonly string[],
): Promise<PluginRegistry> {
  const { name } = location
  try {
    return await containment.run(
      `plugin package "${name}"`,
      async () => new PluginRegistry([await builtinPackage(), await importPackage(location)]),
    )
  } catch (error) {
    const { code, message } = blamePlugin(error, { package: name, folders })
    throw new ConfigError(code, message, { cause: error })
  }
}

async function runAll(
  subject: string,
  checks: readonly PluginCheck[],
  containment: Containment,
  folders: readonly string[],
  report: (outcome: CheckOutcome) => void,
  code?: unknown,
): Promise<void> {
  for (const { name, run } of checks) {
    try {
      await containment.run(subject, run)
      report({ subject, name })
    } catch (error) {
      // The package is known to whoever runs the check.
      const { message } = blamePlugin(error, { package: '.', folders, code })
      report({ subject, name, problem: message.replaceAll(' (package ".")', '') })
    }
  }
}

/** The function that a message without a position of its own points at. */
function codeOf(plugin: Plugin): unknown {
  if (plugin.kind === 'attack') return plugin.run
  return plugin.kind === 'defense' ? plugin.prepare : plugin.define
}

async function checksOf(
  plugin: Plugin,
  registry: PluginRegistry,
  { options: given, costIsLimit }: CheckSettings,
): Promise<PluginCheck[]> {
  const known = Object.keys((plugin.meta.optionsSchema?.['properties'] as object | undefined) ?? {})
  const options = Object.fromEntries(Object.entries(given).filter(([key]) => known.includes(key)))
  try {
    if (plugin.kind === 'defense') return defenseConformance({ plugin, options, registry })
    if (plugin.kind === 'network') return networkConformance({ plugin, options })
    return attackConformance({
      plugin,
      options,
      ...(await companions(plugin.meta)),
      createModel: compiledLinearModel,
      ...(costIsLimit && { costIsLimit }),
    })
  } catch (error) {
    return [{ name: 'its battery can be set up', run: () => Promise.reject(error) }]
  }
}

/** Small transforms, under which some examples are not broken. */
const transforms: Readonly<Record<TransformKind, Transform>> = {
  attribute: { kind: 'attribute', ranges: { rotation: [-5, 5], brightness: [-0.02, 0.02] } },
  amplitude: { kind: 'amplitude', mix: 0.5, scale: 0.2 },
  corruption: { kind: 'corruption' },
  exchange: { kind: 'exchange' },
}

/** What the attack needs beside a model: an attack to wrap, surrogates, a transform. */
async function companions(meta: AttackMeta): Promise<object> {
  const pgd = await (await loadRegistry()).get('attack', 'pgd')
  const inner = { plugin: pgd, options: resolveOptions(pgd.meta, { steps: 3 }, 'options') }
  const [kind] = meta.transforms ?? []
  return {
    ...(optionWithRole(meta, 'attack') !== undefined && { inner }),
    ...(optionWithRole(meta, 'models') !== undefined && { surrogates: 2 }),
    ...(kind !== undefined && !meta.transformOptional && { transform: transforms[kind] }),
  }
}

/** The directory of a package that is named by a path or installed here. */
function folderOf(name: string): string | undefined {
  if (isPluginPath(name)) return resolve(name)
  for (let folder = process.cwd(); ; folder = dirname(folder)) {
    const installed = join(folder, 'node_modules', name)
    if (existsSync(join(installed, 'package.json'))) return installed
    if (folder === dirname(folder)) return undefined
  }
}

/** The description of a data set, if the package provides one: `robench.dataset`. */
function datasetOf(folder: string): string | undefined {
  const { robench } = readManifest(folder)
  const dataset: unknown = Reflect.get(Object(robench) as object, 'dataset')
  return typeof dataset === 'string' ? dataset : undefined
}

function readManifest(folder: string): Readonly<Record<string, unknown>> {
  const file = join(folder, 'package.json')
  if (!existsSync(file)) return {}
  try {
    return Object(JSON.parse(readFileSync(file, 'utf8'))) as Readonly<Record<string, unknown>>
  } catch (cause) {
    throw new ConfigError('ROBENCH_CONFIG', `${file}: is not valid JSON (${String(cause)})`, {
      cause,
    })
  }
}

/** Checks what npm and other people's projects need to know. */
function reportManifest(
  folder: string,
  keyword: string,
  report: (outcome: CheckOutcome) => void,
): void {
  const manifest = readManifest(folder)
  const { name, version, license, keywords, peerDependencies } = manifest
  const peers = Object.keys(Object(peerDependencies) as object)
  const checks: readonly (readonly [string, boolean, string])[] = [
    [
      'package.json has a name and a version',
      typeof name === 'string' && typeof version === 'string',
      'add "name" and "version"',
    ],
    ['it states a license', typeof license === 'string', 'add "license"'],
    [
      'it can be found on npm',
      Array.isArray(keywords) && keywords.includes(keyword),
      `add the keyword "${keyword}"`,
    ],
    [
      'it uses the robench of its user',
      peers.includes('robench'),
      'add "robench" to "peerDependencies", not to "dependencies"',
    ],
  ]
  for (const [text, holds, problem] of checks) {
    report({ subject: 'package', name: text, ...(!holds && { problem }) })
  }
}
