/** Runs one part of a suite, for a merge with the other parts. */
import { ConfigError } from '../../base/errors.ts'
import type { ErrorRecord } from '../../base/errors.ts'
import { unitsOfPart } from '../forecast/part.ts'
import type { PlanPart } from '../forecast/part.ts'
import type { ModelRow } from '../plan/model-row.ts'
import { resolveSuite } from '../plan/resolve.ts'
import { ResultStore } from '../store/store.ts'
import { requireLoaded } from '../suite/load.ts'
import type { LoadedSuite } from '../suite/load.ts'
import { runEnvironment } from './assemble.ts'
import { encodePart, partFileName } from './part-file.ts'
import { noteDamage } from './run.ts'
import { RunSession } from './run-session.ts'
import { runSettings } from './settings.ts'
import type { RunOptions } from './settings.ts'

/** How to run a part of a suite. */
export interface PartOptions extends Omit<RunOptions, 'listener'> {
  readonly part: PlanPart
  readonly listener?: Omit<NonNullable<RunOptions['listener']>, 'completed'>
}

/** A completed part. */
export interface PartRun {
  /** Directory of the part's results. */
  readonly folder: string
  /** Number of units of the part. */
  readonly units: number
  readonly errors: ReadonlyMap<string, ErrorRecord>
}

/**
 * Runs one part of a suite in a results directory of its own, with `shard.json` in place of a
 * result. Skips saved chunks.
 * @throws ConfigError if a model must be trained first, since every part would train its own;
 * otherwise as `runSuite`
 */
export async function runPart(loaded: LoadedSuite, options: PartOptions): Promise<PartRun> {
  const startedAt = new Date().toISOString()
  requireLoaded(loaded, 'runPart')
  const { part, ...others } = options
  const settings = await runSettings(others, 'runPart')
  const { listener, fresh, saveAdversarial, device, workers } = settings
  listener.loading?.('data')
  const resolved = await resolveSuite(loaded, listener.notice)
  const session = new RunSession(resolved, settings, `.shard-${part.index}-of-${part.count}`)
  const { folder } = session
  let store: ResultStore | undefined
  try {
    const rows = await session.findModels()
    requireModels(rows)
    store = await ResultStore.open(folder, { fresh, adversarials: saveAdversarial })
    const saved = store
    noteDamage(saved, listener)
    const plan = session.plan(rows)
    const units = unitsOfPart(plan, part)
    const open = units.filter(({ id }) => !saved.has(id)).length
    listener.notice?.(
      `shard ${part.index} of ${part.count}: ${units.length} of ${plan.units.length} chunks, ` +
        `${units.length - open} done`,
    )
    const errors = await session.run({ ...plan, units }, rows, store)
    const environment = await runEnvironment(device, workers)
    const content = { resolved, rows, plan, errors, startedAt, environment, part, saveAdversarial }
    await store.writeFile(partFileName, encodePart(content))
    return { folder, units: units.length, errors }
  } finally {
    await store?.close()
    await session.close()
  }
}

function requireModels(rows: readonly ModelRow[]): void {
  const names = new Set(rows.filter(({ model }) => !model).map(({ defense }) => defense.name))
  if (names.size === 0) return
  throw new ConfigError(
    'ROBENCH_CONFIG',
    `--shard: defense ${[...names].map((name) => `"${name}"`).join(', ')} must be trained first, ` +
      'or every shard would train its own model: run `robench train` once, and let all shards use ' +
      'its model files ("model" in the suite) or its cache (ROBENCH_CACHE)',
  )
}
