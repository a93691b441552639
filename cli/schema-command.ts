/** `robench schema`: prints a published JSON Schema. */
import { Argument, Command } from 'commander'
import { oneOf } from './arguments.ts'
import { pluginMetaSchema } from '../core/plugin/meta-schema.ts'
import { resultSchema } from '../core/bench/result/result-schema.ts'
import { suiteSchema } from '../core/bench/suite/schema.ts'

/** The published schemas by their name in `robench schema`, with their files in schemas/. */
export const publishedSchemas = {
  suite: { file: 'suite.schema.json', schema: suiteSchema },
  result: { file: 'result.schema.json', schema: resultSchema },
  plugin: { file: 'plugin-meta.schema.json', schema: pluginMetaSchema },
} as const

const names = Object.keys(publishedSchemas)

/** The command `schema`. */
export function schemaCommand(): Command {
  return new Command('schema')
    .description('print a JSON Schema (draft 2020-12)')
    .addArgument(
      new Argument('<name>', 'schema to print').choices(names).argParser(oneOf('schema', names)),
    )
    .action((name: keyof typeof publishedSchemas) => {
      process.stdout.write(schemaText(name))
    })
}

/** A schema as JSON text, as printed and as published in schemas/. */
export function schemaText(name: keyof typeof publishedSchemas): string {
  return `${JSON.stringify(publishedSchemas[name].schema, undefined, 2)}\n`
}
