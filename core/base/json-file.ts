/** Parses JSON and YAML, and reports errors by file, line and column. */
import { parse, printParseErrorCode } from 'jsonc-parser'
import type { ParseError } from 'jsonc-parser'
import { createRequire } from 'node:module'
import type * as Yaml from 'yaml'
import { ConfigError } from './errors.ts'
import { findJsonFault, halfMessage, isWellFormed, maxDepth, shortened } from './json-fault.ts'

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

/** Largest YAML text, in characters. The parser needs about 100 times as much memory. */
const mostYaml = 2 ** 20

/** Most aliases in a YAML text, and most times that they expand to each other. */
const mostAliases = 100

/**
 * Parses a JSON text. Refused besides invalid text: repeated keys, which readers understand
 * differently, nesting beyond `maxDepth`, text with half of a surrogate pair, and numbers beyond the
 * range of a double.
 * @throws ConfigError ROBENCH_CONFIG `file:line:column: message`
 */
export function parseJsonText(text: string, file: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    const [offset, reason] = syntaxError(text, cause)
    throw at(text, offset, file, `not valid JSON: ${reason}`, cause)
  }
  const fault = findJsonFault(text)
  if (fault) throw at(text, fault.offset, file, fault.message)
  return value
}

/** The first error in an invalid text, and its place. */
function syntaxError(text: string, cause: unknown): [offset: number, reason: string] {
  const errors: ParseError[] = []
  try {
    parse(text, errors, { disallowComments: true, allowTrailingComma: false })
  } catch {
    // The parser calls itself for each level.
    return [0, `nested more than ${maxDepth} levels deep`]
  }
  const [first] = errors
  if (!first) return [0, cause instanceof Error ? cause.message : String(cause)]
  const code = printParseErrorCode(first.error)
  return [first.offset, wording[code] ?? code]
}

/** An error at a place of a text. */
function at(
  text: string,
  offset: number,
  file: string,
  message: string,
  cause?: unknown,
): ConfigError {
  const before = text.slice(0, offset).split('\n')
  const place = `${before.length}:${before.at(-1)!.length + 1}`
  return new ConfigError('ROBENCH_CONFIG', `${file}:${place}: ${message}`, { cause })
}

/**
 * Parses a YAML text (1.2) as a JSON value. Aliases expand within the limits of the parser.
 * Refused besides invalid text is what has no form in JSON: infinite numbers, keys that are no
 * text, and binary data.
 * @throws ConfigError ROBENCH_CONFIG `file:line:column: message`
 */
export function parseYamlText(text: string, file: string): unknown {
  if (text.length > mostYaml) {
    throw new ConfigError('ROBENCH_CONFIG', `${file}: expected at most 1 MiB of YAML`)
  }
  const { value, alias } = readYaml(text, file)
  const fault = findValueFault(value)
  if (fault === undefined) return value
  // Each value is one of JSON where it stands, so it is an alias that expands to something else.
  throw at(text, alias, file, `not valid YAML: ${fault}`)
}

/** The value of a text, and the place of its first alias. */
function readYaml(text: string, file: string): { readonly value: unknown; readonly alias: number } {
  // Loaded when the first YAML file is read.
  const yaml = createRequire(import.meta.url)('yaml') as typeof Yaml
  let alias = 0
  try {
    // `parseDocument` calls itself for each level, which can end the process.
    const parser = new yaml.Parser()
    let aliases = 0
    for (const lexeme of new yaml.Lexer().lex(text)) {
      for (const _ of parser.next(lexeme));
      if (parser.stack.length > 2 * maxDepth) {
        const message = `not valid YAML: nested more than ${maxDepth} levels deep`
        throw at(text, parser.offset - lexeme.length, file, message)
      }
      // Each of them is looked up in the whole document.
      if (!lexeme.startsWith('*')) continue
      if (aliases === 0) alias = parser.offset - lexeme.length
      if (++aliases > mostAliases) {
        const message = `not valid YAML: expected at most ${mostAliases} aliases`
        throw at(text, parser.offset - lexeme.length, file, message)
      }
    }
    // Its own search for repeated keys takes quadratic time.
    const document = yaml.parseDocument(text, { logLevel: 'error', uniqueKeys: false })
    const [error] = document.errors
    if (!error) {
      refuseRepeatedKeys(document, yaml, text, file)
      refuseFaultyValues(document, yaml, text, file)
      return { value: document.toJS({ maxAliasCount: mostAliases }), alias }
    }
    const { line, col } = error.linePos?.[0] ?? { line: 1, col: 1 }
    const [reason = ''] = error.message.split(' at line')
    throw new ConfigError(
      'ROBENCH_CONFIG',
      `${file}:${line}:${col}: not valid YAML: ${reason.trim()}`,
      { cause: error },
    )
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause
    // Aliases that expand too far are a reference error.
    const reason =
      cause instanceof RangeError
        ? `nested more than ${maxDepth} levels deep`
        : String(cause instanceof Error ? cause.message : cause)
    throw at(text, alias, file, `not valid YAML: ${reason}`, cause)
  }
}

function refuseRepeatedKeys(
  document: Yaml.Document.Parsed,
  yaml: typeof Yaml,
  text: string,
  file: string,
): void {
  yaml.visit(document, {
    Map(_, { items }) {
      const keys = new Set<string>()
      for (const { key } of items) {
        const name = yaml.isScalar(key) ? String(key.value) : String(key)
        if (keys.has(name)) {
          const offset = yaml.isNode(key) ? (key.range?.[0] ?? 0) : 0
          throw at(text, offset, file, `the key ${shortened(JSON.stringify(name))} is repeated`)
        }
        keys.add(name)
      }
    },
  })
}

/** @throws ConfigError with the place of a node that is no value of JSON, or nested too deep */
function refuseFaultyValues(
  document: Yaml.Document.Parsed,
  yaml: typeof Yaml,
  text: string,
  file: string,
): void {
  const refuse = (node: Yaml.Node, fault: string): never => {
    throw at(text, node.range?.[0] ?? 0, file, `not valid YAML: ${fault}`)
  }
  yaml.visit(document, {
    Collection(_, node, path) {
      // A pair is a level of its own.
      const levels = path.filter((parent) => yaml.isCollection(parent)).length
      if (levels >= maxDepth) refuse(node, `nested more than ${maxDepth} levels deep`)
      const isPlain = node.constructor === yaml.YAMLMap || node.constructor === yaml.YAMLSeq
      if (!isPlain) refuse(node, `a value of type ${node.tag} has no form in JSON`)
    },
    Scalar(role, node) {
      const isProto = role === 'key' && node.value === '__proto__'
      const fault = isProto ? protoMessage : findValueFault(node.toJS(document))
      if (fault !== undefined) refuse(node, fault)
    },
  })
}

const protoMessage = 'the key "__proto__" is not allowed'

/** Why a value is not one of JSON; undefined if it is. */
function findValueFault(root: unknown): string | undefined {
  let level: readonly unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) return `nested more than ${maxDepth} levels deep`
    const inner: unknown[] = []
    for (const value of level) {
      if (typeof value === 'number' && !Number.isFinite(value)) {
        return `the number ${value} has no form in JSON`
      }
      if (typeof value === 'string' && !isWellFormed(value)) return halfMessage
      if (typeof value !== 'object' || value === null) continue
      if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) {
        return `a value of type ${value.constructor.name} has no form in JSON`
      }
      if (Object.hasOwn(value, '__proto__')) return protoMessage
      for (const [key, item] of Object.entries(value)) inner.push(key, item)
    }
    level = inner
  }
  return undefined
}
