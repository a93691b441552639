/** JSON Schema (2020-12) validation with ajv and actionable messages. */
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ErrorObject } from 'ajv'
import { ConfigError, didYouMean } from './errors.ts'
import type { ErrorCode } from './errors.ts'

/** A problem in a document: its JSON pointer and a message. */
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
  const wordings = compiled.get(schema) ?? new Map<string, (document: unknown) => SchemaResult>()
  compiled.set(schema, wordings)
  const key = `${wording.noun} ${wording.subject ?? ''}`
  const known = wordings.get(key) ?? compile(schema, wording)
  wordings.set(key, known)
  return known
}

/** Compiled schemas by wording: compiling takes far longer than validating. */
const compiled = new WeakMap<object, Map<string, (document: unknown) => SchemaResult>>()

function compile(
  schema: Readonly<Record<string, unknown>>,
  wording: SchemaWording,
): (document: unknown) => SchemaResult {
  const ajv = new Ajv2020({
    strict: true,
    strictRequired: false,
    allErrors: true,
    useDefaults: true,
    allowUnionTypes: true,
    verbose: true,
  })
  const validate = ajv.compile(schema)
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
  throw new ConfigError(code, lines.join('\n'))
}

/** A JSON value in a message: its text, shortened. */
export function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

function explain(errors: readonly ErrorObject[], wording: SchemaWording): SchemaProblem[] {
  // Report a failed choice by its own description, not by the errors of its branches.
  const choices = errors.filter(({ keyword }) => keyword === 'oneOf' || keyword === 'anyOf')
  const kept = errors.filter(
    (error) =>
      choices.includes(error) ||
      !choices.some(({ schemaPath }) => error.schemaPath.startsWith(`${schemaPath}/`)),
  )
  const problems = kept.map((error) => explainOne(error, wording))
  const seen = new Set<string>()
  return problems.filter(({ pointer, message }) => {
    const key = `${pointer} ${message}`
    return !seen.has(key) && Boolean(seen.add(key))
  })
}

function explainOne(error: ErrorObject, wording: SchemaWording): SchemaProblem {
  const pointer = error.instancePath
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
    case 'pattern':
      return {
        pointer,
        message:
          `must be ${describe(parent) ?? `of the form ${String(params['pattern'])}`}, ` +
          `got ${got}`,
      }
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

/** Escapes a key for a JSON pointer (RFC 6901). */
export function escapePointer(key: string): string {
  return key.replaceAll('~', '~0').replaceAll('/', '~1')
}
