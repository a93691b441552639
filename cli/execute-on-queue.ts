/** Runs a suite for a command on the workers of a queue. */
import { chooseDevice } from '../core/machine/choose-device.ts'
import { openRunQueue } from '../core/bench/queue/open.ts'
import type { LoadedSuite } from '../core/bench/suite/load.ts'
import { runSettings } from './arguments.ts'
import type { RunOptions } from './arguments.ts'
import { execute } from './execute.ts'

/** The values of the options of a queue. */
export interface QueueFlags {
  readonly queue: string
  readonly serve?: string
  readonly share?: string
  readonly priority: number
}

/** As `execute`, on a queue. */
export async function executeOnQueue(
  loaded: LoadedSuite,
  options: RunOptions & Partial<QueueFlags> & Pick<QueueFlags, 'queue'>,
  words: readonly string[],
): Promise<number> {
  const { queue, serve, share, priority, fresh } = options
  // `auto` is one of the devices of this machine, which examines the models.
  const { device } = await chooseDevice(runSettings(options).device ?? 'cpu')
  return execute(loaded, options, words, (notice) =>
    openRunQueue({
      queue,
      ...(serve !== undefined && { serve }),
      ...(share !== undefined && { share }),
      ...(priority !== undefined && { priority }),
      device,
      fresh: fresh ?? false,
      notice,
    }),
  )
}
