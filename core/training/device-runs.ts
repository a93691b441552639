/** Graphs that take more than a pass of a training on its device: attacks, and several batches. */
import { Session, type SessionOptions } from '../engine/graph/session.ts'
import { g } from '../engine/graph/graph.ts'
import { topologicalOrder } from '../engine/graph/value.ts'
import { float32, int64, type Tensor, type FloatTensor } from '../engine/tensor/tensor.ts'
import type { InnerAttack, InnerAttackResult, InnerAttackRun } from './inner-attack.ts'
import { expressInnerAttack } from './inner-attack-steps.ts'
import { placeholders, usedInputs } from './model-function.ts'
import type { PhaseGraph } from './phase-graph.ts'
import { startInput, scaleInput } from './phase-graph.ts'
import type { ParameterStore, Weights } from './scope.ts'

/** Most nodes of a graph: onnxruntime's optimizer takes time quadratic in chains of nodes. */
const mostNodes = 10_000
/** Most nodes of a graph of several batches, which saves less than it takes to load more. */
const mostJointNodes = 4000
/** Most batches of a graph. More would save little, and delay Ctrl-C. */
const mostBatches = 4

/** How many batches of a phase one graph takes. @param one the graph of a single batch */
export function batchesPerRun(one: PhaseGraph): number {
  const fit = Math.floor(mostJointNodes / nodesOf(one))
  return Math.min(Math.max(fit, 1), mostBatches)
}

/** Whether a graph is small enough for a device to load it soon. */
export function loadsSoon(graph: Pick<PhaseGraph, 'outputs'>): boolean {
  return nodesOf(graph) <= mostNodes
}

function nodesOf({ outputs }: Pick<PhaseGraph, 'outputs'>): number {
  return topologicalOrder(Object.values(outputs)).length
}

/** The starts and the scale of an attack, as feeds of its graph. */
export function attackFeeds(
  { variables }: InnerAttack,
  { images, random, scale = 1 }: Pick<InnerAttackRun, 'images' | 'random' | 'scale'>,
): Record<string, Tensor> {
  const starts = Object.entries(variables).map(([name, variable]) => [
    startInput(name),
    variable.start(images, random, scale),
  ])
  return { ...Object.fromEntries(starts), [scaleInput]: float32([], [scale]) }
}

/** All steps of an inner attack in one run. Its variables have steps as expressions. */
export class InnerAttackProgram {
  readonly #attack: InnerAttack
  readonly #session: Session

  private constructor(attack: InnerAttack, session: Session) {
    this.#attack = attack
    this.#session = session
  }

  /** Undefined if the graph is too large. @param imageShape of one image */
  static async load(
    attack: InnerAttack,
    imageShape: readonly number[],
    store: ParameterStore,
    options: SessionOptions,
  ): Promise<InnerAttackProgram | undefined> {
    const clean = g.input('clean', 'float32', ['n', ...imageShape])
    const starts = Object.entries(attack.variables).map(([name, { shape }]) => [
      name,
      g.input(startInput(name), 'float32', ['n', ...shape(imageShape)]),
    ])
    const { images, variables } = expressInnerAttack(attack, store, {
      clean,
      labels: g.input('labels', 'int64', ['n']),
      scale: g.input(scaleInput, 'float32', []),
      starts: Object.fromEntries(starts),
      extra: placeholders<string>(attack.inputs ?? {}, 'n'),
    })
    const outputs = {
      images,
      ...Object.fromEntries(
        Object.entries(variables).map(([name, value]) => [endOutput(name), value]),
      ),
    }
    if (!loadsSoon({ outputs })) return undefined
    const inputs = usedInputs(Object.values(outputs))
    const session = await Session.compile(outputs, inputs, options, attack.name)
    return new InnerAttackProgram(attack, session)
  }

  async run(weights: Weights, run: InnerAttackRun): Promise<InnerAttackResult> {
    const { images, labels, extra } = run
    const outputs = await this.#session.run(
      {
        ...Object.fromEntries(weights),
        clean: images,
        labels: int64([labels.length], labels),
        ...attackFeeds(this.#attack, run),
        ...extra,
      },
      this.#attack.name,
    )
    return {
      images: outputs['images'] as FloatTensor,
      variables: Object.fromEntries(
        Object.keys(this.#attack.variables).map((name) => [
          name,
          outputs[endOutput(name)] as FloatTensor,
        ]),
      ),
    }
  }

  /** Frees the native session. */
  release(): Promise<void> {
    return this.#session.release()
  }
}

const endOutput = (variable: string): string => `end/${variable}`
