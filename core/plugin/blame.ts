/** Where in a plugin's code an error comes from, and messages that cannot be too long. */
import { Session } from 'node:inspector'
import { isAbsolute, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { RobenchError, toErrorRecord } from '../base/errors.ts'
import type { ErrorCode, ErrorRecord } from '../base/errors.ts'
import { isPluginPath } from './module-file.ts'

/** A position in a file; line and column begin at 1. */
export interface CodePlace {
  /** A path or a file: URL. */
  readonly file: string
  readonly line: number
  readonly column: number
}

/** Characters of a plugin's message that are kept. */
const longestMessage = 2000

/** Characters of a whole message that contains one of a plugin. */
const longestReport = 2400

/** The text, or its first part and its length if it is longer than `most` characters. */
export function cutText(text: string, most = longestMessage): string {
  if (text.length <= most) return text
  return `${text.slice(0, most)}… (${text.length} characters, cut)`
}

/** The message of anything thrown, cut. Never throws, whatever was thrown. */
export function reasonOf(thrown: unknown, most = longestMessage): string {
  try {
    const message: unknown = thrown instanceof Error ? thrown.message : thrown
    return cutText(typeof message === 'string' ? message : String(message), most)
  } catch {
    return 'a value without a message'
  }
}

/**
 * The innermost position of a stack that is in one of the folders, as `path:line:column`. Positions
 * in a `node_modules` of the folder count only if there is no other.
 */
export function placeInStack(stack: string, folders: readonly string[]): string | undefined {
  return placeAmong(stack.split('\n').flatMap(placesOfLine), folders)
}

/** As `placeInStack`, for positions from the innermost on. */
export function placeAmong(
  places: readonly CodePlace[],
  folders: readonly string[],
): string | undefined {
  const inside = places.flatMap((place) => {
    const path = pathOf(place.file)
    const below = folders.map((folder) => relative(folder, path))
    const within = below.find((part) => !part.startsWith('..') && !isAbsolute(part))
    return within === undefined ? [] : [{ within, text: `${path}:${place.line}:${place.column}` }]
  })
  const own = inside.find(({ within }) => !/(^|[\\/])node_modules[\\/]/.test(within))
  return (own ?? inside[0])?.text
}

/** The position in a line of a stack: `at f (file:///a.js:1:2)`, `at async /a.js:1:2`. */
function placesOfLine(line: string): CodePlace[] {
  const at = /^\s*at (?:.*\()?(?:async )?(.+?):(\d+):(\d+)\)?$/.exec(line)
  if (!at) return []
  return [{ file: at[1]!, line: Number(at[2]), column: Number(at[3]) }]
}

function pathOf(file: string): string {
  if (!file.startsWith('file:')) return file
  try {
    return fileURLToPath(file)
  } catch {
    return file
  }
}

/** The property of the global object by which the inspector gets a function, for a moment. */
const handoff = 'robench: place of a function'

/** Where a function is defined; undefined for one that is not JavaScript. */
export function placeOfFunction(value: unknown): CodePlace | undefined {
  if (typeof value !== 'function') return undefined
  const session = new Session()
  const files = new Map<string, string>()
  let found: CodePlace | undefined
  Reflect.set(globalThis, handoff, value)
  try {
    session.connect()
    session.on('Debugger.scriptParsed', ({ params }) => files.set(params.scriptId, params.url))
    session.post('Debugger.enable')
    session.post(
      'Runtime.evaluate',
      { expression: `globalThis[${JSON.stringify(handoff)}]` },
      (_, at) => {
        const objectId = at?.result?.objectId
        if (objectId === undefined) return
        session.post('Runtime.getProperties', { objectId }, (__, properties) => {
          const location: unknown = properties?.internalProperties?.find(
            ({ name }) => name === '[[FunctionLocation]]',
          )?.value?.value
          found = placeOfScript(location, files)
        })
      },
    )
  } catch {
    // Another debugger may not allow it; the message then has no position.
  } finally {
    session.disconnect()
    Reflect.deleteProperty(globalThis, handoff)
  }
  return found
}

function placeOfScript(
  location: unknown,
  files: ReadonlyMap<string, string>,
): CodePlace | undefined {
  const { scriptId, lineNumber, columnNumber } = Object(location) as {
    readonly scriptId?: string
    readonly lineNumber?: number
    readonly columnNumber?: number
  }
  const file = files.get(scriptId ?? '')
  if (file === undefined || lineNumber === undefined) return undefined
  return { file, line: lineNumber + 1, column: (columnNumber ?? 0) + 1 }
}

/** The code that an error may come from. */
export interface Suspect {
  /** As the suite names it. */
  readonly package: string
  /** Directories of the package's code. */
  readonly folders: readonly string[]
  /** The plugin's function: its position stands for an error without one in the package. */
  readonly code?: unknown
}

/** Codes of errors that are a plugin's whatever their stack is. */
const pluginCodes: ReadonlySet<string> = new Set<ErrorCode>([
  'ROBENCH_PLUGIN_ANSWER',
  'ROBENCH_PLUGIN_CONTRACT',
  'ROBENCH_PLUGIN_FAILED',
  'ROBENCH_TIMEOUT',
])

/**
 * The error of a process that runs a plugin, as data. If it is the plugin's, or was thrown through
 * its code, the message is cut, and names the package, the file, and the line. Other errors, such
 * as those of the model, stay as they are.
 */
export function blamePlugin(thrown: unknown, suspect: Suspect): ErrorRecord {
  const { folders, code } = suspect
  const thrownAt = placeOfError(thrown, folders)
  const record = recordOf(thrown, thrownAt !== undefined)
  const isPlugins = pluginCodes.has(record.code)
  if (!isPlugins && thrownAt === undefined) return record
  const defined = isPlugins && thrownAt === undefined ? placeOfFunction(code) : undefined
  const place = thrownAt ?? (defined && placeAmong([defined], folders))
  const { message, details } = record
  // A path says nothing that the position does not say.
  const isKnown =
    message.includes(`"${suspect.package}"`) ||
    (place !== undefined && isPluginPath(suspect.package))
  const named = isKnown ? '' : `package "${suspect.package}"`
  const where = [named, place ?? ''].filter((part) => part !== '').join(', ')
  return {
    ...record,
    message: where === '' ? message : `${message} (${where})`,
    details: { ...details, pluginPackage: suspect.package, ...(place && { pluginPlace: place }) },
  }
}

/** The innermost position in the folders, of the error or of a cause of it. */
function placeOfError(thrown: unknown, folders: readonly string[]): string | undefined {
  let error = thrown
  for (let depth = 0; depth < 8 && error instanceof Error; depth++) {
    const place = placeInStack(stackOf(error), folders)
    if (place !== undefined) return place
    error = error.cause
  }
  return undefined
}

/** The lines of a stack after the message, which may itself look like one. */
function stackOf(error: Error): string {
  try {
    const { stack, message } = error
    if (typeof stack !== 'string') return ''
    const at = typeof message === 'string' ? stack.indexOf(message) : -1
    return at < 0 ? stack : stack.slice(at + message.length)
  } catch {
    return ''
  }
}

/** As `toErrorRecord`; an error that is not robench's own is the plugin's if it is in its code. */
function recordOf(thrown: unknown, isInPlugin: boolean): ErrorRecord {
  if (thrown instanceof RobenchError || !isInPlugin) {
    return { ...toErrorRecord(thrown), message: reasonOf(thrown, longestReport) }
  }
  return { code: 'ROBENCH_PLUGIN_FAILED', name: 'PluginError', message: reasonOf(thrown) }
}
