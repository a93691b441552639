/** The files of a new plugin package. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../core/base/errors.ts'
import { packageVersion } from '../core/base/package-version.ts'
import { packageRoot } from '../core/base/paths.ts'

/** What a package can provide. */
export const templateKinds = ['attack', 'defense', 'network', 'dataset'] as const
export type TemplateKind = (typeof templateKinds)[number]

/** What the files are made from. */
export interface TemplateRequest {
  readonly kind: TemplateKind
  /** `author/name`. */
  readonly name: string
  /** JavaScript in place of TypeScript. */
  readonly js: boolean
}

/** A new package. */
export interface PackageTemplate {
  /** The name of the package, and of its directory. */
  readonly name: string
  /** Texts by path. */
  readonly files: Readonly<Record<string, string>>
}

/** Names that differ by kind. */
const kindNames = {
  attack: { kinds: 'attacks', battery: 'attackConformance' },
  defense: { kinds: 'defenses', battery: 'defenseConformance' },
  network: { kinds: 'networks', battery: 'networkConformance' },
  dataset: { kinds: 'datasets', battery: 'datasetConformance' },
} as const

/**
 * The files of a package.
 * @throws ConfigError unless the name is `author/name` in lowercase letters, digits, and hyphens
 */
export function packageTemplate({ kind, name, js }: TemplateRequest): PackageTemplate {
  if (!/^[a-z0-9]+(-[a-z0-9]+)*\/[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `init plugin: expected author/name, such as acme/blur, in lowercase letters, digits, and ` +
        `hyphens, got "${name}"; the author's name keeps ids of different packages apart`,
    )
  }
  const [author = '', own = ''] = name.split('/')
  const slug = `${author}-${own}`
  const isData = kind === 'dataset'
  const words = {
    ...kindNames[kind],
    id: isData ? slug : name,
    package: `robench-${isData ? 'dataset' : 'plugin'}-${slug}`,
    camel: own.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase()),
    title: own.replaceAll('-', ' ').replace(/^[a-z]/, (letter) => letter.toUpperCase()),
  }
  const files = isData ? datasetFiles(words, js) : pluginFiles(words, kind, own, js)
  return {
    name: words.package,
    files: {
      ...files,
      'README.md': fill('readme', {
        ...words,
        ...readmeWords(kind, words),
        robench: packageVersion(),
      }),
      '.gitignore': `node_modules/\n${js ? '' : 'dist/\n'}`,
      '.github/workflows/test.yml': template('workflow'),
    },
  }
}

interface Words {
  readonly kinds: string
  readonly battery: string
  readonly id: string
  readonly package: string
  readonly camel: string
  readonly title: string
}

function pluginFiles(
  words: Words,
  kind: TemplateKind,
  own: string,
  js: boolean,
): Record<string, string> {
  const extension = js ? 'js' : 'ts'
  const index = fill('index', {
    ...words,
    file: `${own}.${extension}`,
    importType: js ? '' : "import type { PluginTable } from 'robench/plugin'\n",
    table: js ? 'const plugins' : 'const plugins: PluginTable',
  }).replace('*/\n\nconst', '*/\nconst')
  const folder = js ? '' : 'src/'
  return {
    'package.json': manifest(words.package, {
      keywords: ['robench-plugin'],
      files: js ? ['index.js', `${own}.js`] : ['dist'],
      main: js ? './index.js' : './dist/index.js',
      scripts: {
        ...(!js && { build: 'tsc', prepare: 'tsc' }),
        test: `${js ? '' : 'tsc && '}node --test test/conformance.test.js`,
      },
      ...(!js && { devDependencies: { typescript: '>=5.7' } }),
    }),
    [`${folder}index.${extension}`]: index,
    [`${folder}${own}.${extension}`]: fill(kind, words),
    'test/conformance.test.js': fill('plugin-test', {
      ...words,
      entry: js ? '../index.js' : '../dist/index.js',
    }),
    ...(!js && { 'tsconfig.json': compilerOptions([]) }),
  }
}

function datasetFiles(words: Words, js: boolean): Record<string, string> {
  const source = fill('dataset', words)
  return {
    'package.json': manifest(words.package, {
      keywords: ['robench-dataset'],
      files: ['dataset.json', 'inputs.npy', 'labels.npy'],
      robench: { dataset: './dataset.json' },
      scripts: {
        build: js ? 'node make.js' : 'tsc && node dist/make.js',
        prepare: 'npm run build',
        test: 'npm run build && node --test test/conformance.test.js',
      },
      ...(!js && { devDependencies: { '@types/node': '>=20', typescript: '>=5.7' } }),
    }),
    [js ? 'make.js' : 'src/make.ts']: js ? withoutTypes(source) : source,
    'test/conformance.test.js': template('dataset-test'),
    ...(!js && { 'tsconfig.json': compilerOptions(['node']) }),
  }
}

/** The source of the data set in JavaScript: its types are those of parameters. */
function withoutTypes(source: string): string {
  return source.replaceAll(/(?<=[(\s]\w+): (?:number\[\]|number|string|Uint8Array)(?=[,)])/g, '')
}

function manifest(name: string, more: Readonly<Record<string, unknown>>): string {
  const { scripts, devDependencies, ...rest } = more
  const [major, minor] = packageVersion().split('.')
  const version = `>=${major}.${minor}.0`
  return json({
    name,
    version: '0.1.0',
    description: '',
    license: 'MIT',
    type: 'module',
    ...rest,
    scripts,
    peerDependencies: { robench: version },
    // So that `npm install` in this package installs it, too.
    devDependencies: { ...(devDependencies as object | undefined), robench: version },
  })
}

function compilerOptions(types: readonly string[]): string {
  return json({
    compilerOptions: {
      target: 'es2023',
      module: 'nodenext',
      strict: true,
      declaration: true,
      rewriteRelativeImportExtensions: true,
      skipLibCheck: true,
      types,
      rootDir: 'src',
      outDir: 'dist',
    },
    include: ['src'],
  })
}

function readmeWords(kind: TemplateKind, words: Words): Record<string, string> {
  const { id, title } = words
  if (kind === 'dataset') {
    const suite = { dataset: { path: `node_modules/${words.package}/dataset.json` } }
    return {
      sentence: `A data set for [robench](https://www.npmjs.com/package/robench): ${title}.`,
      use: block(suite, 'A suite in the same project names its description:'),
      advice: 'Replace the images in the source of `make` by your own.',
    }
  }
  const uses = {
    attack: { attacks: [{ plugin: id, options: { steps: 20 } }] },
    defense: { defenses: [{ name: 'mine', plugin: id }] },
    network: {
      defenses: [
        { name: 'mine', plugin: 'standard', options: { network: { id, options: { width: 8 } } } },
      ],
    },
  }
  return {
    sentence: `A plugin for [robench](https://www.npmjs.com/package/robench): the ${kind} \`${id}\`.`,
    use: block({ plugins: [words.package], ...uses[kind] }, 'A suite names the package:'),
    advice: `Replace the ${kind} by your own. Raise \`meta.version\` whenever its outcomes may change.`,
  }
}

function block(suite: object, text: string): string {
  return `${text}\n\n\`\`\`json\n${JSON.stringify(suite, undefined, 2)}\n\`\`\``
}

function json(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`
}

function fill(name: string, words: object): string {
  return template(name).replaceAll(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const word: unknown = Reflect.get(words, key)
    return typeof word === 'string' ? word : ''
  })
}

function template(name: string): string {
  return readFileSync(join(packageRoot(), 'cli', 'templates', 'plugin', `${name}.txt`), 'utf8')
}
