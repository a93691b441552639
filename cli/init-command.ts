/** `robench init`: writes new projects. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { Argument, Command } from 'commander'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { ConfigError } from '../core/base/errors.ts'
import { packageVersion } from '../core/base/package-version.ts'
import { packageRoot } from '../core/base/paths.ts'
import { oneOf } from './arguments.ts'
import { packageTemplate, templateKinds } from './plugin-template.ts'
import type { TemplateKind } from './plugin-template.ts'

/** The command `init`. Throws errors; the main program prints them. */
export function initCommand(): Command {
  return new Command('init').description('write a new plugin package').addCommand(
    new Command('plugin')
      .description('write a package with an attack, a defense, a network, or a data set')
      .addArgument(
        new Argument('<kind>', 'what the package provides')
          .choices(templateKinds)
          .argParser(oneOf('init plugin', templateKinds)),
      )
      .argument('<name>', 'author/name, such as acme/blur')
      .option('--js', 'JavaScript in place of TypeScript')
      .option('--dir <dir>', 'directory of the package (default: its name)')
      .action(initPlugin),
  )
}

async function initPlugin(
  kind: TemplateKind,
  name: string,
  { js = false, dir }: { readonly js?: boolean; readonly dir?: string },
): Promise<void> {
  const { name: packageName, files } = packageTemplate({ kind, name, js })
  const folder = dir ?? packageName
  if (existsSync(folder) && readdirSync(folder).length > 0) {
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `init plugin: the directory ${folder} is not empty; name another one with --dir`,
    )
  }
  for (const [path, text] of Object.entries(files)) await writeFileAtomic(join(folder, path), text)
  const lines = [
    `${packageName} in ${folder}:`,
    ...Object.keys(files).map((path) => `  ${path}`),
    'Next:',
    `  cd ${folder}`,
    `  ${installLine(folder)}`,
    '  npm test',
    '  npx robench plugin check .',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/**
 * The command that installs robench in a new package: from where the project around it did.
 * @param folder of the package
 * @param project a directory inside the project
 */
export function installLine(folder: string, project = process.cwd()): string {
  const tarball = installedTarball(project) ?? packedTarball()
  if (tarball !== undefined) return `npm install --no-save ${relative(folder, tarball)}`
  if (!isClone()) return 'npm install'
  const clone = relative(folder, packageRoot())
  return `npm pack ${clone} && npm install --no-save ./robench-${packageVersion()}.tgz`
}

/** The tarball that a package.json in this directory or above names, if it is there. */
function installedTarball(from: string): string | undefined {
  for (let folder = resolve(from); ; folder = dirname(folder)) {
    const path = join(folder, 'package.json')
    const stated = existsSync(path) ? dependencyOf(path) : undefined
    const file = /^file:(.+\.tgz)$/.exec(stated ?? '')?.[1]
    if (file !== undefined && existsSync(join(folder, file))) return join(folder, file)
    if (dirname(folder) === folder) return undefined
  }
}

function dependencyOf(path: string): string | undefined {
  try {
    const file = JSON.parse(readFileSync(path, 'utf8')) as {
      readonly dependencies?: Readonly<Record<string, unknown>>
      readonly devDependencies?: Readonly<Record<string, unknown>>
    }
    const stated = file.dependencies?.['robench'] ?? file.devDependencies?.['robench']
    return typeof stated === 'string' ? stated : undefined
  } catch {
    return undefined
  }
}

/** The tarball that `npm pack` wrote in a clone. */
function packedTarball(): string | undefined {
  const path = join(packageRoot(), `robench-${packageVersion()}.tgz`)
  return existsSync(path) ? path : undefined
}

/** Whether this is a clone: an installed package has no sources. */
function isClone(): boolean {
  return existsSync(join(packageRoot(), 'tsconfig.json'))
}
