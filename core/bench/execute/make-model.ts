/** Calls a defense to make its model, and checks what it returns. */
import { PluginError, RobenchError } from '../../base/errors.ts'
import { hashBytes } from '../../base/hash.ts'
import { shown } from '../../base/schema.ts'
import type { Dataset } from '../../data/dataset.ts'
import type { ModelFile } from '../../model/model-files.ts'
import type {
  DefenseContext,
  DefensePlugin,
  DefenseResult,
  NetworkPlugin,
  PluginOptions,
} from '../../plugin/contract.ts'
import { reasonOf } from '../../plugin/blame.ts'
import { resolveOptions } from '../../plugin/options.ts'
import type { PluginRegistry } from '../../plugin/registry.ts'

/** A defense, and what its model depends on. */
export interface ModelRequest extends Omit<DefenseContext, 'options' | 'network'> {
  readonly defense: DefensePlugin<never>
  /** Checked, with defaults filled in. */
  readonly options: PluginOptions
  readonly dataset: Pick<Dataset, 'id' | 'shape' | 'classNames'>
  /** Contains the network. */
  readonly registry: PluginRegistry
  /** Place that names the network, for messages. */
  readonly networkPlace?: string
}

/**
 * Makes a model.
 * @throws PluginError ROBENCH_PLUGIN_FAILED if the defense throws another error than a
 * RobenchError, ROBENCH_PLUGIN_CONTRACT if it returns no model
 */
export async function makeModel(request: ModelRequest): Promise<Omit<ModelFile, 'path'>> {
  const { id: pluginId } = request.defense.meta
  try {
    const result = await callDefense(request)
    checkResult(pluginId, result)
    const { model, manifest, training } = result
    requireJson(pluginId, { manifest, ...(training !== undefined && { training }) })
    const card = { sha256: hashBytes(model), manifest, ...(training && { training }) }
    return { bytes: model, card }
  } catch (cause) {
    if (cause instanceof RobenchError) throw cause
    throw new PluginError(
      'ROBENCH_PLUGIN_FAILED',
      `defense "${pluginId}" failed to make its model: ${reasonOf(cause)}`,
      { details: { pluginId }, cause },
    )
  }
}

function callDefense(request: ModelRequest): Promise<DefenseResult> {
  const { defense, options, registry, networkPlace, dataset, ...context } = request
  const { id, shape, classNames } = dataset
  return defense.prepare({
    ...context,
    // resolveOptions has checked the options against this plugin's own schema.
    options: options as never,
    dataset: { id, shape, classNames },
    network: async (networkId, given) => {
      const network: NetworkPlugin<never> = await registry.get('network', networkId, networkPlace)
      const place = networkPlace ? `${networkPlace}.options` : `network "${networkId}"`
      return network.define({
        inputShape: shape,
        classes: classNames.length,
        options: resolveOptions(network.meta, given, place) as never,
      })
    },
  })
}

/** @throws PluginError ROBENCH_PLUGIN_CONTRACT for a value that JSON cannot hold, with its place */
function requireJson(pluginId: string, card: object): void {
  const problem = notJson(card, '', 0)
  if (problem === undefined) return
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    `defense "${pluginId}": expected plain JSON in its manifest and training, got ${problem}`,
    { details: { pluginId } },
  )
}

/** Levels of a card; more are those of a value that contains itself. */
const mostLevels = 32

function notJson(value: unknown, place: string, level: number): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return `${value} at ${place}`
  // An absent value and an undefined one are the same in JSON.
  const isPlain = ['string', 'number', 'boolean', 'undefined'].includes(typeof value)
  if (value === null || isPlain) return undefined
  if (typeof value !== 'object') return `a ${typeof value} at ${place}`
  if (level > mostLevels) return `more than ${mostLevels} levels at ${place.slice(0, 60)}`
  for (const [key, item] of Object.entries(value)) {
    const problem = notJson(item, `${place}/${key}`, level + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

function checkResult(pluginId: string, result: unknown): void {
  const isRecord = typeof result === 'object' && result !== null
  const model: unknown = isRecord ? Reflect.get(result, 'model') : undefined
  const manifest: unknown = isRecord ? Reflect.get(result, 'manifest') : undefined
  if (model instanceof Uint8Array && typeof manifest === 'object' && manifest !== null) return
  throw new PluginError(
    'ROBENCH_PLUGIN_CONTRACT',
    `defense "${pluginId}" must return { model: Uint8Array, manifest }, got ${
      isRecord ? `keys ${Object.keys(result).join(', ') || 'none'}` : shown(result)
    }`,
    { details: { pluginId } },
  )
}
