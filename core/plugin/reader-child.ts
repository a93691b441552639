/** The entry point of the process that reads plugin packages for `PackageReader`. */
import type { ErrorRecord } from '../base/errors.ts'
import { blamePlugin } from './blame.ts'
import { enterWorkingFolder } from './child-program.ts'
import type { PluginKind } from './contract.ts'
import { containProcess } from './contain.ts'
import { shareHostPackage } from './host-package.ts'
import { importPackage } from './load.ts'
import { foldersOfModule } from './module-file.ts'
import { requireEstimate } from './pass-estimate.ts'
import type { ReaderAnswer, ReaderRequest, ReaderValues } from './reader-messages.ts'
import { PluginRegistry } from './registry.ts'
import { startWatchdog } from './watchdog.ts'

interface OpenPackage {
  readonly registry: PluginRegistry
  readonly folders: readonly string[]
}

const exit = process.exit.bind(process)
const packages = new Map<string, OpenPackage>()
const notices: string[] = []
let asked = ''

// Late errors of an import belong to the package; the parent reports the end of this process.
const containment = containProcess((error) => {
  process.stderr.write(`${error.message}\n`)
  exit(1)
})
startWatchdog()
shareHostPackage()
enterWorkingFolder()
process.on('disconnect', () => exit(0))
process.on('message', (request: ReaderRequest) => {
  void answer(request).then(async (reply) => {
    // JSON of what a plugin made may be impossible, as that of a BigInt.
    try {
      process.send?.(reply)
    } catch (error) {
      process.send?.({ robench: 'error', error: await blamed(error, request) })
    }
  })
})

async function answer(request: ReaderRequest): Promise<ReaderAnswer> {
  notices.length = 0
  asked = packageOf(request)
  try {
    const value = await containment.run(nameOf(request), () => valueOf(request))
    return { robench: 'answer', value, notices: [...notices] }
  } catch (error) {
    return { robench: 'error', error: await blamed(error, request) }
  }
}

async function valueOf(request: ReaderRequest): Promise<ReaderValues[ReaderRequest['ask']]> {
  if (request.ask === 'import') {
    const { location } = request
    packages.set(location.name, { registry: emptyRegistry, folders: foldersOfModule(location.url) })
    const registry = new PluginRegistry([await importPackage(location)], (text) => {
      notices.push(text)
    })
    packages.set(location.name, { ...packages.get(location.name)!, registry })
    // Rejections that nothing handles are reported before this turn of the event loop ends.
    await new Promise((resolve) => setImmediate(resolve))
    const ids = (kind: PluginKind): string[] => registry.ids(kind)
    return { attack: ids('attack'), defense: ids('defense'), network: ids('network') }
  }
  const { registry } = packages.get(asked)!
  if (request.ask === 'meta') return (await registry.get(request.kind, request.id)).meta
  const { id, options, classes, norm, inner } = request.cost
  const plugin = await registry.get('attack', id)
  // The host has checked the options against this plugin's own schema.
  return requireEstimate(plugin.meta, plugin.cost(options as never, classes, norm, inner))
}

const emptyRegistry = new PluginRegistry([])

function packageOf(request: ReaderRequest): string {
  return request.ask === 'import' ? request.location.name : request.package
}

function nameOf(request: ReaderRequest): string {
  if (request.ask === 'import') return `plugin package "${request.location.name}"`
  if (request.ask === 'meta') return `${request.kind} "${request.id}"`
  return `cost() of attack "${request.cost.id}"`
}

async function blamed(thrown: unknown, request: ReaderRequest): Promise<ErrorRecord> {
  const name = packageOf(request)
  const { folders, registry } = packages.get(name)!
  const plugin =
    request.ask === 'cost'
      ? await registry.get('attack', request.cost.id).catch(() => undefined)
      : undefined
  return blamePlugin(thrown, { package: name, folders, code: plugin?.cost })
}
