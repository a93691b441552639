/** Check: the model does not optimize anything at inference. */
import type { OnnxGraph } from '../../engine/onnx/file.ts'
import { notApplicable, raisedAbove } from './check.ts'
import { defineProbe } from './probe.ts'

const loops = new Set(['Loop', 'Scan', 'Gradient'])
/** Operators whose second input is a weight. */
const products = new Set(['Conv', 'ConvTranspose', 'Gemm', 'MatMul'])
/**
 * Operators that transpose a kernel, as in the graphs that robench writes for gradients of
 * convolutions.
 */
const rearrangements = new Set(['Gather', 'Pad', 'Reshape', 'Slice', 'Transpose'])

/**
 * Fifth check of AutoAttack, which looks for functions named `grad` or `backward` while the model
 * runs (`checks.py`). A graph has no such names. The signs here are a weight that is used in both
 * directions, a loop, or a component that the model declares.
 */
export const noInnerOptimization = defineProbe({
  id: 'no-inner-optimization',
  title: 'No optimization at inference',
  kind: 'probe',
  raisedIf:
    'the graph has a loop; or it uses a weight both forward and transposed, as a gradient ' +
    'computation does (square matrices are exempt, since they may be a transform and its ' +
    'inverse); or the model declares a component that is not an ordinary layer',
  meaning:
    'The input is restored, purified, or moved along a gradient before it is classified. ' +
    'Attacks that do not differentiate through that, or that were tuned on static models, ' +
    'underestimate an adaptive attacker.',
  whatToDo:
    'Use `gradient-aware` in all its modes, `bpda` through the component, and more steps. ' +
    'Report the minimum.',
  async measure({ context: { graph }, model: { components } }) {
    const found = [
      ...components.map(({ name, backward }) => `a component "${name}" (backward ${backward})`),
      ...(graph ? signsOfOptimization(graph) : []),
    ]
    if (!graph && found.length === 0) {
      return notApplicable('there is no model file to inspect, and the model declares no component')
    }
    const more = found.length > mostNamed ? `, and ${found.length - mostNamed} more` : ''
    const evidence =
      found.length > 0
        ? `the model has ${found.slice(0, mostNamed).join(', ')}${more}`
        : 'no loop, no weight used in both directions, no declared component'
    return raisedAbove(0, found.length, evidence, 'warn')
  },
})

/** How many signs the evidence names. */
const mostNamed = 4

/** Signs of an optimization in a graph, as text. */
export function signsOfOptimization({ nodes, initializers }: OnnxGraph): string[] {
  const found = new Set<string>()
  /** Names of rearranged weights, and of the initializers they come from. */
  const sources = new Map<string, string>()
  const directions = new Map<string, Set<boolean>>()
  for (const { op, inputs, outputs, attributes } of nodes) {
    const [first = '', second = ''] = inputs
    if (loops.has(op)) found.add(`the operator ${op}`)
    const source = sources.get(first) ?? first
    if (rearrangements.has(op) && initializers.has(source)) sources.set(outputs[0]!, source)
    const weight = sources.get(second) ?? second
    const shape = initializers.get(weight)?.shape ?? []
    const square = shape.length === 2 && shape[0] === shape[1]
    if (!products.has(op) || shape.length < 2 || square) continue
    const turned = op === 'ConvTranspose' || attributes['transB']?.value === 1
    const seen = directions.get(weight) ?? new Set()
    directions.set(weight, seen.add(turned !== sources.has(second)))
  }
  for (const [weight, seen] of directions) {
    if (seen.size > 1) found.add(`the weight "${weight}" in both directions`)
  }
  return [...found]
}
