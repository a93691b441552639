/** JSON Schema (2020-12) validation with ajv and actionable messages. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject } from 'ajv'
import { ConfigError, didYouMean } from './errors.ts'
import { countOf } from './figures.ts'
import type { ErrorCode } from './errors.ts'
import { isVisibleFormat, visibleFormat } from './visible-text.ts'

/** A problem in a document: its JSON pointer, in which long keys are shortened, and a message. */
export interface SchemaProblem {
  readonly pointer: string
  readonly message: string
}

/** A validated document. */
export interface SchemaResult {
  /** A copy of the document with the schema's defaults filled in. */
  readonly value: unknown
  readonly problems: readonly SchemaProblem[]
}

/** The wording of messages about unknown keys. */
export interface SchemaWording {
  /** `key` or `option`. */
  readonly noun: string
  /** Whose keys the message lists, such as `pgd`; by default, those of the location. */
  readonly subject?: string
}

/**
 * Compiles a schema. The returned function does not change its document.
 * @throws Error if the schema itself is invalid
 */
export function compileSchema(
  schema: Readonly<Record<string, unknown>>,
  wording: SchemaWording = { noun: 'key' },
): (document: unknown) => SchemaResult {
  const { noun, subject = '' } = wording
  const known = compiled.get(schema) ?? new Map<string, Validate>()
  compiled.set(schema, known)
  const key = `${noun} ${subject}`
  const found = known.get(key) ?? compile(schema, wording)
  known.set(key, found)
  return found
}

type Validate = (document: unknown) => SchemaResult

/** Compiling takes far longer than validating. By schema and wording. */
const compiled = new WeakMap<object, Map<string, Validate>>()

let compilations = 0

/** Schemas that this process has compiled: what takes time in a plan with many attacks. */
export function compiledSchemas(): number {
  return compilations
}

const ajvOptions = {
  strict: true,
  strictRequired: false,
  allErrors: true,
  useDefaults: true,
  allowUnionTypes: true,
  verbose: true,
  formats: { [visibleFormat]: isVisibleFormat },
} as const

/** Checks the schemas: an instance for each would compile the schema of schemas again. */
let checker: Ajv2020 | undefined

function compile(schema: Readonly<Record<string, unknown>>, wording: SchemaWording): Validate {
  compilations++
  checker ??= new Ajv2020(ajvOptions)
  void checker.validateSchema(schema, true)
  // Instances of their own: two plugins may use one `$id`.
  const validate = new Ajv2020({ ...ajvOptions, validateSchema: false }).compile(schema)
  return (document) => {
    const value: unknown = structuredClone(document)
    const problems = validate(value) ? [] : explain(validate.errors ?? [], wording)
    return { value, problems }
  }
}

/**
 * Rejects a document with problems.
 * @param where place of the document in messages; the JSON pointer follows it directly
 * @throws ConfigError with one line per problem
 */
export function refuseProblems(
  problems: readonly SchemaProblem[],
  where: string,
  code: ErrorCode,
): void {
  if (problems.length === 0) return
  const lines = problems.map(({ pointer, message }) => `${where}${pointer}: ${message}`)
  throw new ConfigError(code, fewLines(lines))
}

/** Most problems that a message lists. */
const mostListed = 20

/** Lines of a message; of many, the first ones and a count. */
export function fewLines(lines: readonly string[]): string {
  if (lines.length <= mostListed) return lines.join('\n')
  return [...lines.slice(0, mostListed), `and ${lines.length - mostListed} more`].join('\n')
}

/** A JSON value in a message: its text, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** Most errors that are looked at: a file may have millions. */
const mostExplained = 1000

function explain(all: readonly ErrorObject[], wording: SchemaWording): SchemaProblem[] {
  const errors = all.slice(0, mostExplained)
  // Report a failed choice by its own description, not by the errors of its branches.
  const choices = errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf')
  const kept = errors.filter(
    (error) =>
      choices.includes(error) ||
      !choices.some(({ schemaPath }) => error.schemaPath.startsWith(`${schemaPath}/`)),
  )
  const precise = kept.map((error) => exceededBound(error, errors) ?? error)
  // One more than a message lists tells that there are others.
  const problems = precise.slice(0, 2 * mostListed).map((error) => explainOne(error, wording))
  const seen = new Set<string>()
  return problems.filter(({ pointer, message }) => {
    const key = `${pointer} ${message}`
    return !seen.has(key) && Boolean(seen.add(key))
  })
}

/** Keywords that a value of the right form breaks only by its size. */
const sizeKeywords: readonly string[] = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems']

/** The bound of a branch that a value exceeds, if it has the form of that branch. */
function exceededBound(
  choice: ErrorObject,
  errors: readonly ErrorObject[],
): ErrorObject | undefined {
  if (choice.keyword !== 'anyOf' && choice.keyword !== 'oneOf') return undefined
  return errors.find(
    ({ keyword, instancePath, schemaPath }) =>
      sizeKeywords.includes(keyword) &&
      instancePath === choice.instancePath &&
      schemaPath.startsWith(`${choice.schemaPath}/`),
  )
}

function explainOne(error: ErrorObject, wording: SchemaWording): SchemaProblem {
  const pointer = error.instancePath.split('/').map(shortKey).join('/')
  const parent: unknown = error.parentSchema
  const params = error.params as Readonly<Record<string, unknown>>
  const got = shown(error.data)
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params['additionalProperty'] ?? params['unevaluatedProperty'])
      const accepted = propertyNames(parent)
      const list = accepted.length === 0 ? 'nothing' : accepted.join(', ')
      return {
        pointer: `${pointer}/${escapePointer(key)}`,
        message:
          `unknown ${wording.noun}${didYouMean(key, accepted)}` +
          ` (${wording.subject ? `${wording.subject} accepts` : 'accepted'}: ${list})`,
      }
    }
    case 'required':
      return { pointer, message: `missing ${wording.noun} "${String(params['missingProperty'])}"` }
    case 'type':
      return { pointer, message: `must be ${typeNames(params['type'])}, got ${got}` }
    case 'enum': {
      const allowed = (params['allowedValues'] as readonly unknown[]).map(String)
      const hint = typeof error.data === 'string' ? didYouMean(error.data, allowed) : ''
      return { pointer, message: `must be one of ${allowed.join(', ')}; got ${got}${hint}` }
    }
    case 'const':
      return { pointer, message: `must be ${shown(params['allowedValue'])}, got ${got}` }
    case 'oneOf':
    case 'anyOf':
      return {
        pointer,
        message: `must be ${describe(parent) ?? 'one of the forms in the schema'}, got ${got}`,
      }
    case 'format':
    case 'pattern':
      return {
        pointer,
        message:
          `must be ${describe(parent) ?? `of the form ${String(params['pattern'])}`}, ` +
          `got ${got}`,
      }
    case 'minItems': {
      const items = Array.isArray(error.data) ? error.data.length : 0
      const least = countOf(Number(params['limit']), 'item')
      return { pointer, message: `must have at least ${least}, got ${items}` }
    }
    case 'uniqueItems':
      return { pointer, message: `must have no duplicates, got ${got}` }
    default:
      return { pointer, message: `${error.message ?? 'is not valid'}, got ${got}` }
  }
}

function propertyNames(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null || !('properties' in schema)) return []
  return Object.keys(schema.properties ?? {}).filter((name) => name !== '$schema')
}

function describe(schema: unknown): string | undefined {
  if (typeof schema !== 'object' || schema === null || !('description' in schema)) return undefined
  // Only the part before a semicolon describes the form.
  return String(schema.description).split(';')[0]
}

function typeNames(types: unknown): string {
  const names = Array.isArray(types) ? types.map(String) : String(types).split(',')
  return names.map((name) => (/^[aeio]/.test(name) ? `an ${name}` : `a ${name}`)).join(' or ')
}

/** A key for a JSON pointer (RFC 6901) in a message: escaped, and shortened as values are. */
export function escapePointer(key: string): string {
  return shortKey(key).replaceAll('~', '~0').replaceAll('/', '~1')
}

function shortKey(key: string): string {
  return key.length > 60 ? `${key.slice(0, 57)}…` : key
}
