/** `robench init`: writes new projects. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { Argument, Command } from 'commander'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { ConfigError } from '../core/base/errors.ts'
import { packageVersion } from '../core/base/package-version.ts'
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
    `  npm install --no-save ../robench-${packageVersion()}.tgz`,
    '  npm test',
    '  npx robench plugin check .',
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}
