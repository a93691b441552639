/**
 * Reads what third-party packages state about themselves in a process of their own, so that nothing
 * of them runs in the process that plans and reports.
 */
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'
import { PluginError, fromErrorRecord } from '../base/errors.ts'
import { startTimer } from '../base/long-timer.ts'
import { packageRoot } from '../base/paths.ts'
import { placeAmong } from './blame.ts'
import { ChildProgram } from './child-program.ts'
import type { Plugin, PluginKind, PluginTable } from './contract.ts'
import { builtinPackage } from './load.ts'
import type { PluginLocation } from './load.ts'
import { foldersOfModule } from './module-file.ts'
import { isReaderAnswer } from './reader-messages.ts'
import type { ReaderAnswer, ReaderRequest, ReaderValues } from './reader-messages.ts'
import { PluginRegistry, pluginKinds, tableKeys } from './registry.ts'
import type { PluginPackage } from './registry.ts'

/** Limits of processes with third-party code. */
export interface PluginLimits {
  /** Time without progress after which such a process is killed, in ms; default: 10 minutes. */
  readonly stallLimitMs?: number
  /** Memory above which it is killed; default: an equal share of the machine's for each core. */
  readonly memoryBytes?: number
}

/** Time without progress after which a worker is stopped, in ms. */
export const defaultStallMs = 600_000

/** Least default limit of memory of a process with third-party code. */
const leastMemory = 4 * 2 ** 30

/**
 * The memory that a process with third-party code may take by default.
 * @param processes that run at the same time
 */
export function defaultMemoryBytes(processes = availableParallelism()): number {
  const machine = process.constrainedMemory() || totalmem()
  const known = machine > 0 && machine < totalmem() ? machine : totalmem()
  return Math.max(leastMemory, known / processes)
}

/** Registry of packages whose code runs elsewhere. */
export interface ReadRegistry {
  /** Its third-party plugins have their `meta` only; their functions refuse to run. */
  readonly registry: PluginRegistry
  /** Ends the process. The plugins that have been read, stay known. */
  close(): Promise<void>
}

/** The built file, which a new process can run. */
const child = join(packageRoot(), 'dist', 'core', 'plugin', 'reader-child.js')

/**
 * A registry of the built-in plugins and of third-party packages, which are read in another
 * process. Without packages, no process is started.
 * @param notify as for `loadRegistry`
 * @throws ConfigError, PluginError with file and line, also if a package hangs, exits, or dies
 */
export async function readRegistry(
  locations: readonly PluginLocation[],
  notify?: (notice: string) => void,
  limits: PluginLimits = {},
): Promise<ReadRegistry> {
  const builtin = await builtinPackage()
  if (locations.length === 0) {
    return { registry: new PluginRegistry([builtin], notify), close: async () => {} }
  }
  const reader = new PackageReader(locations, limits, notify)
  try {
    const packages: PluginPackage[] = [builtin]
    for (const location of locations) packages.push(await reader.open(location))
    return { registry: new PluginRegistry(packages, notify), close: () => reader.close() }
  } catch (error) {
    await reader.close()
    throw error
  }
}

class PackageReader {
  #program: ChildProgram
  /** Packages that were imported, which another process imports again. */
  readonly #imported: PluginLocation[] = []
  readonly #memoryBytes: number
  readonly #locations: readonly PluginLocation[]
  readonly #stallMs: number
  readonly #notify: ((notice: string) => void) | undefined
  /** Requests are answered one after another. */
  #last: Promise<unknown> = Promise.resolve()
  #settle: ((answer: ReaderAnswer | { readonly died: string }) => void) | undefined
  #death: string | undefined
  #isClosed = false

  constructor(
    locations: readonly PluginLocation[],
    { stallLimitMs = defaultStallMs, memoryBytes = defaultMemoryBytes() }: PluginLimits,
    notify: ((notice: string) => void) | undefined,
  ) {
    this.#locations = locations
    this.#stallMs = stallLimitMs
    this.#notify = notify
    this.#memoryBytes = memoryBytes
    this.#program = this.#start()
  }

  #start(): ChildProgram {
    this.#death = undefined
    const program = new ChildProgram(child, {
      name: this.#locations.map(({ name }) => name).join(', '),
      memoryBytes: this.#memoryBytes,
      message: (message) => {
        if (isReaderAnswer(message)) this.#settle?.(message)
      },
      death: (reason) => {
        if (this.#program !== program) return
        this.#death = reason
        this.#settle?.({ died: reason })
      },
    })
    return program
  }

  /** Imports a package, and returns a table of plugins whose functions refuse to run. */
  async open(location: PluginLocation): Promise<PluginPackage> {
    const { name } = location
    const ids = await this.#ask({ ask: 'import', location }, location)
    this.#imported.push(location)
    const table: PluginTable = Object.fromEntries(
      pluginKinds.map((kind) => [
        tableKeys[kind],
        Object.fromEntries(
          ids[kind].map((id) => [
            id,
            async () =>
              standIn(kind, await this.#ask({ ask: 'meta', package: name, kind, id }, location)),
          ]),
        ),
      ]),
    )
    return {
      name,
      table,
      cost: (cost) => this.#ask({ ask: 'cost', package: name, cost }, location),
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#program.close()
  }

  async #ask<A extends ReaderRequest['ask']>(
    request: ReaderRequest & { readonly ask: A },
    location: PluginLocation,
  ): Promise<ReaderValues[A]> {
    const turn = this.#last.then(() => this.#send(request, location))
    this.#last = turn.catch(() => {})
    // The answer to a question has the type of the question.
    return (await turn) as ReaderValues[A]
  }

  /** Sends a request, to another process if an earlier one has ended. */
  async #send(request: ReaderRequest, location: PluginLocation): Promise<unknown> {
    if (this.#isClosed) throw this.#failure(location, 'ended: it was closed')
    if (this.#death !== undefined) {
      this.#program = this.#start()
      for (const known of this.#imported) {
        await this.#sendOnce({ ask: 'import', location: known }, known)
      }
    }
    return this.#sendOnce(request, location)
  }

  async #sendOnce(request: ReaderRequest, location: PluginLocation): Promise<unknown> {
    const answer = await new Promise<ReaderAnswer | { died: string } | 'timeout'>((settle) => {
      const timer = startTimer(this.#stallMs, () => settle('timeout'))
      this.#settle = (reply) => {
        timer.stop()
        settle(reply)
      }
      this.#program.send(request)
    })
    if (answer === 'timeout') {
      const places = await this.#program.locate()
      const place = placeAmong(places, foldersOfModule(location.url))
      await this.#program.close()
      this.#death = 'it was stopped'
      const at = place === undefined ? '' : ` (${place})`
      throw this.#failure(
        location,
        `did not answer for ${this.#stallMs} ms ${duringOf(request)} and was stopped${at}`,
      )
    }
    if ('died' in answer) {
      throw this.#failure(location, `ended its process ${duringOf(request)}: ${answer.died}`)
    }
    if (answer.robench === 'error') throw fromErrorRecord(answer.error)
    // The host itself notices keys of a meta.
    if (request.ask === 'import' && !this.#imported.includes(location)) {
      for (const notice of answer.notices) this.#notify?.(notice)
    }
    return answer.value
  }

  #failure({ name }: PluginLocation, what: string): PluginError {
    return new PluginError('ROBENCH_PLUGIN_FAILED', `plugin package "${name}" ${what}`, {
      details: { pluginPackage: name, packages: this.#locations.length },
    })
  }
}

function duringOf(request: ReaderRequest): string {
  if (request.ask === 'import') return 'during its import'
  if (request.ask === 'meta') return `while ${request.kind} "${request.id}" was loaded`
  return `in cost() of attack "${request.cost.id}"`
}

/** A plugin with its meta only. */
function standIn(kind: PluginKind, meta: unknown): Plugin {
  const refuse = (): never => {
    throw new PluginError(
      'ROBENCH_PLUGIN_CONTRACT',
      'a third-party plugin runs in a worker of its own only',
    )
  }
  // The registry checks the meta by its schema.
  return { kind, meta, run: refuse, cost: refuse, prepare: refuse, define: refuse } as never
}
