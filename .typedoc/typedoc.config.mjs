/** Options of typedoc: one module for each subpath that package.json exports. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url))
const { exports } = JSON.parse(readFileSync(at('package.json'), 'utf8'))

/** Source files of the subpaths, with the names by which they are imported. */
export const entryPoints = Object.entries(exports)
  .filter(([, target]) => target.startsWith('./dist/'))
  .map(([subpath, target]) => ({
    name: subpath.replace(/^\./, 'robench'),
    source: at(target.replace('./dist/', '').replace(/\.js$/, '.ts')),
  }))

/**
 * Types that callers do not name: they follow from an argument, or from a table of records. Most
 * belong to the attack kit, which has at most 60 names.
 */
const intentionallyNotExported = [
  'AttackLoss',
  'BatchedTask',
  'ClassGradients',
  'Condition',
  'Definition',
  'ElementType',
  'ExampleStreams',
  'Floats',
  'IncrementalModel',
  'SteppingModel',
  'LoopBody',
  'LoopDefinition',
  'Operand',
  'Operands',
  'PassesSetup',
  'QueryWork',
  'Records',
  'ScheduledWork',
  'SteepestStep',
  'TargetedAttackLoss',
  'TermOperator',
  'VectorLoop',
  'checkSchema',
  'entrySchema',
  'errorCodes',
  'examplesSchema',
]

export default {
  name: 'robench',
  entryPoints: entryPoints.map(({ source }) => source),
  tsconfig: at('tsconfig.json'),
  out: at('docs/api'),
  readme: 'none',
  // Markdown, so that the site renders it with the layout of all pages.
  plugin: [
    at('.typedoc/modules.mjs'),
    at('.typedoc/node_modules/typedoc-plugin-markdown/dist/index.js'),
  ],
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  excludePrivate: true,
  excludeInternal: true,
  disableSources: true,
  intentionallyNotExported,
  validation: { notExported: true, invalidLink: true, notDocumented: false },
  treatWarningsAsErrors: true,
}
