/** Parses JSON and YAML, and reports errors by file, line and column. */
import { parse, printParseErrorCode } from 'jsonc-parser'
import type { ParseError } from 'jsonc-parser'
import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import { ConfigError } from './errors.ts'

/** Messages for the error codes of jsonc-parser. */
const wording: Readonly<Record<string, string>> = {
  InvalidSymbol: 'this is not a JSON value',
  InvalidNumberFormat: 'this is not a JSON number',
  PropertyNameExpected: 'expected a property name in double quotes',
  ValueExpected: 'expected a value',
  ColonExpected: 'expected ":"',
  CommaExpected: 'expected ","',
  CloseBraceExpected: 'expected "}"',
  CloseBracketExpected: 'expected "]"',
  EndOfFileExpected: 'expected the end of the file',
  InvalidCommentToken: 'comments are not allowed in JSON',
  UnexpectedEndOfString: 'this string is not closed',
}

/** Parses a JSON text. @throws ConfigError ROBENCH_CONFIG `file:line:column: message` */
export function parseJsonText(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const errors: ParseError[] = []
    parse(text, errors, { disallowComments: true, allowTrailingComma: false })
    const [first] = errors
    if (!first) throw new ConfigError('ROBENCH_CONFIG', `${file}: ${String(cause)}`, { cause })
    const before = text.slice(0, first.offset).split('\n')
    const code = printParseErrorCode(first.error)
    const place = `${before.length}:${before.at(-1)!.length + 1}`
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${file}:${place}: not valid JSON: ${wording[code] ?? code}`,
      { cause },
    )
  }
}

/**
 * Parses a YAML text (1.2) as a JSON value. Aliases expand within the limits of the parser.
 * @throws ConfigError ROBENCH_CONFIG `file:line:column: message`
 */
export function parseYamlText(text: string, file: string): unknown {
  // Loaded when the first YAML file is read.
  const { parseDocument } = createRequire(import.meta.url)('yaml') as typeof Yaml
  const document = parseDocument(text)
  const [error] = document.errors
  if (error) {
    const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 }
    const [reason = ''] = error.message.split(' at line')
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${file}:${line}:${col}: not valid YAML: ${reason.trim()}`,
      { cause: error },
    )
  }
  return document.toJS() as unknown
}
