/** Recurrent layers, unrolled: their sequences are rows, columns, or patches of an image. */
import { defineFunction, float, int, text, type SampleInput } from '../operator.ts'
import {
  numberOf,
  shapeError,
  sizesOf,
  textOf,
  type AttributeSpec,
  type Call,
} from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import { activationsOf, type Activation } from './recurrent-activations.ts'
import type { Value } from '../value.ts'

/** Steps beyond which a sequence is refused: a graph has about 20 nodes for each. */
const mostSteps = 1024
const mostStepsText = `at most ${mostSteps} steps`

const words: AttributeSpec = { type: 'words', optional: true }

const shared = {
  activation_alpha: { type: 'floats', optional: true },
  activation_beta: { type: 'floats', optional: true },
  activations: words,
  clip: float(),
  direction: text('forward'),
  hidden_size: int(),
  layout: int(0),
} as const

/** What a layer computes in one direction. */
interface Direction {
  readonly g: Builder
  readonly call: Call
  /** The input's part of all gates, by step: `[n, gates · hidden]`, the input's bias included. */
  readonly steps: readonly Value[]
  /** `[hidden, gates · hidden]` */
  readonly recurrence: Value
  /** The recurrent bias, `[gates · hidden]`. */
  readonly bias: Value | null
  /** `[3 · hidden]` */
  readonly peepholes: Value | null
  readonly hidden: number
  readonly activations: readonly Activation[]
  /** Where a step belongs to an example's sequence, `[n, 1]` or a scalar; null for all. */
  readonly inside: readonly (Value | null)[]
}

/** `[n, hidden]` each; null stands for zeros. */
interface State {
  readonly h: Value | null
  readonly c: Value | null
}

type Step = (direction: Direction, input: Value, state: State) => { h: Value; c: Value | null }

/** What distinguishes the kinds of layers. */
interface Kind {
  readonly gates: number
  readonly activations: readonly string[]
  readonly step: Step
}

/** Hₜ = f(Xₜ·Wᵀ + Hₜ₋₁·Rᵀ + b). */
const recurrent: Kind = {
  gates: 1,
  activations: ['Tanh'],
  step: (direction, input, { h }) => {
    const [f] = direction.activations
    return { h: f!(clipped(direction, plusRecurrence(direction, input, h))), c: null }
  },
}

/** Gates z, r, h. @see Cho et al. 2014, arXiv:1406.1078 */
const gated: Kind = {
  gates: 3,
  activations: ['Sigmoid', 'Tanh'],
  step: (direction, input, { h }) => {
    const { g, call, hidden, recurrence, bias, activations } = direction
    const [f, candidate] = activations
    const part = (value: Value, first: number, last: number): Value =>
      g.slice(value, [first * hidden], [last * hidden], [-1])
    const ofBias = (first: number, last: number): Value | null => bias && part(bias, first, last)
    const plus = (x: Value, other: Value | null): Value => (other ? g.add(x, other) : x)
    const times = (x: Value | null, first: number, last: number): Value | null =>
      x && g.matMul(x, part(recurrence, first, last))
    const both = plus(plus(part(input, 0, 2), ofBias(0, 2)), times(h, 0, 2))
    const open = f!(clipped(direction, both))
    const [update, reset] = [part(open, 0, 1), part(open, 1, 2)]
    const own = part(input, 2, 3)
    let sum: Value
    if (numberOf(call, 'linear_before_reset') === 0) {
      sum = plus(plus(own, ofBias(2, 3)), times(h && g.mul(reset, h), 2, 3))
    } else {
      const [product, offset] = [times(h, 2, 3), ofBias(2, 3)]
      const linear = product ? plus(product, offset) : offset
      sum = plus(own, linear && g.mul(reset, linear))
    }
    const next = candidate!(clipped(direction, sum))
    const fresh = g.mul(g.sub(1, update), next)
    return { h: h ? g.add(fresh, g.mul(update, h)) : fresh, c: null }
  },
}

/** Gates i, o, f, c. @see Hochreiter, Schmidhuber 1997; Gers et al. 2000 for the forget gate */
const longShortTerm: Kind = {
  gates: 4,
  activations: ['Sigmoid', 'Tanh', 'Tanh'],
  step: (direction, input, { h, c }) => {
    const { g, call, hidden, peepholes, activations } = direction
    const [f, candidate, output] = activations
    const all = plusRecurrence(direction, input, h)
    const gate = (index: number, cell: Value | null, peephole: number): Value => {
      const own = g.slice(all, [index * hidden], [(index + 1) * hidden], [-1])
      if (!peepholes || !cell || peephole < 0) return clipped(direction, own)
      const weights = g.slice(peepholes, [peephole * hidden], [(peephole + 1) * hidden], [0])
      return clipped(direction, g.add(own, g.mul(weights, cell)))
    }
    const enter = f!(gate(0, c, 0))
    const coupled = numberOf(call, 'input_forget') === 1
    const keep = coupled ? g.sub(1, enter) : f!(gate(2, c, 2))
    const fresh = g.mul(enter, candidate!(gate(3, null, -1)))
    const cell = c ? g.add(g.mul(keep, c), fresh) : fresh
    const leave = f!(gate(1, cell, 1))
    return { h: g.mul(leave, output!(cell)), c: cell }
  },
}

/** Constant lengths of sequences. */
const lengths = (...values: readonly number[]): SampleInput => ({
  shape: [values.length],
  dtype: 'int32',
  values,
  constant: true,
})
const weight = (...shape: readonly number[]): SampleInput => ({ shape, low: -0.7, high: 0.7 })

/**
 * Inputs X `[steps, n, size]`, W `[directions, hidden, size]`, R `[directions, hidden, hidden]`, B,
 * lengths `[n]`, initial H. Outputs Y `[steps, directions, n, hidden]` and the last H.
 */
export const RNN = defineFunction({
  op: 'RNN',
  except: mostStepsText,
  attributes: shared,
  optionalOutputs: true,
  body: (g, call) => unroll(g, call, recurrent),
  samples: [
    { inputs: [[3, 2, 4], weight(1, 5, 4), weight(1, 5, 5)], attributes: { hidden_size: 5 } },
    {
      inputs: [[3, 2, 4], weight(2, 3, 4), weight(2, 3, 3), weight(2, 6), null, [2, 2, 3]],
      attributes: { hidden_size: 3, direction: 'bidirectional', activations: 'Sigmoid Softsign' },
    },
    {
      inputs: [[3, 2, 4], weight(2, 3, 4), weight(2, 3, 3), null, lengths(1, 3), [2, 2, 3]],
      attributes: { hidden_size: 3, direction: 'bidirectional' },
    },
    // The defaults of onnxruntime for those whose numbers are not given.
    ...[
      { activations: 'Affine', activation_alpha: [0.5], activation_beta: [0.1] },
      { activations: 'LeakyRelu' },
      { activations: 'LeakyRelu', activation_alpha: [0.4] },
      { activations: 'ThresholdedRelu', activation_alpha: [0.3] },
      { activations: 'ScaledTanh', activation_alpha: [0.7], activation_beta: [1.3] },
      { activations: 'HardSigmoid' },
      { activations: 'HardSigmoid', activation_alpha: [0.3] },
      { activations: 'Elu', activation_alpha: [0.6] },
      { activations: 'Softplus' },
    ].map((attributes) => ({
      inputs: [[3, 2, 4], weight(1, 3, 4), weight(1, 3, 3)],
      attributes: { hidden_size: 3, ...attributes },
    })),
  ],
})

/** The same with W `[directions, 3 · hidden, size]`, R, and B `[directions, 6 · hidden]`. */
export const GRU = defineFunction({
  op: 'GRU',
  except: mostStepsText,
  attributes: { ...shared, linear_before_reset: int(0) },
  optionalOutputs: true,
  body: (g, call) => unroll(g, call, gated),
  samples: [
    { inputs: [[3, 2, 4], weight(1, 9, 4), weight(1, 9, 3)], attributes: { hidden_size: 3 } },
    {
      inputs: [[3, 2, 4], weight(2, 9, 4), weight(2, 9, 3), weight(2, 18), null, [2, 2, 3]],
      attributes: { hidden_size: 3, direction: 'bidirectional', linear_before_reset: 1 },
    },
    {
      inputs: [[3, 2, 4], weight(1, 9, 4), weight(1, 9, 3), null, lengths(2, 2)],
      attributes: { hidden_size: 3, direction: 'reverse', activations: 'HardSigmoid Tanh' },
    },
    {
      inputs: [[2, 1, 4], weight(1, 9, 4), weight(1, 9, 3), weight(1, 18)],
      attributes: { hidden_size: 3, direction: 'reverse', linear_before_reset: 1 },
    },
  ],
})

/**
 * The same with W `[directions, 4 · hidden, size]`, R, B `[directions, 8 · hidden]`, and further
 * inputs: initial C, and peepholes `[directions, 3 · hidden]`. Output 2 is the last C.
 */
export const LSTM = defineFunction({
  op: 'LSTM',
  except: mostStepsText,
  attributes: { ...shared, input_forget: int(0) },
  optionalOutputs: true,
  body: (g, call) => unroll(g, call, longShortTerm),
  samples: [
    { inputs: [[3, 2, 4], weight(1, 12, 4), weight(1, 12, 3)], attributes: { hidden_size: 3 } },
    {
      inputs: [
        [3, 2, 4],
        weight(2, 12, 4),
        weight(2, 12, 3),
        weight(2, 24),
        null,
        [2, 2, 3],
        [2, 2, 3],
        weight(2, 9),
      ],
      attributes: { hidden_size: 3, direction: 'bidirectional' },
    },
    {
      inputs: [[2, 1, 4], weight(1, 12, 4), weight(1, 12, 3), weight(1, 24)],
      attributes: { hidden_size: 3, direction: 'reverse', input_forget: 1 },
    },
    {
      inputs: [
        [3, 2, 4],
        weight(2, 12, 4),
        weight(2, 12, 3),
        null,
        lengths(3, 1),
        [2, 2, 3],
        [2, 2, 3],
      ],
      attributes: {
        hidden_size: 3,
        direction: 'bidirectional',
        // The numbers belong to the activations that take some, in order.
        activations: 'Sigmoid LeakyRelu Tanh HardSigmoid ScaledTanh Softsign',
        activation_alpha: [0.2, 0.3, 0.8],
        activation_beta: [0.45, 1.2],
      },
    },
  ],
})

/** The outputs of a layer: all H, the last H, and for LSTM the last C. */
function unroll(g: Builder, call: Call, kind: Kind): Value[] {
  const [given, weights, recurrences, biases, lengths, firstH, firstC, peepholes] = call.inputs
  const batchFirst = numberOf(call, 'layout') === 1
  const swap = (value: Value): Value => (batchFirst ? g.transpose(value, [1, 0, 2]) : value)
  const x = swap(given!)
  const [count] = sizesOf(call, x.shape.slice(0, 1))
  if (count! > mostSteps) {
    throw shapeError(call, `${count} steps are too many to unroll (at most ${mostSteps})`)
  }
  const [hidden] = sizesOf(call, recurrences!.shape, 2)
  const [directions] = sizesOf(call, weights!.shape.slice(0, 1))
  const activations = activationsOf(g, call, kind.activations, directions!)
  const inside = stepsInside(g, lengths, count!)
  const only = (value: Value, index: number): Value =>
    g.squeeze(g.slice(value, [index], [index + 1], [0]), [0])
  const results = Array.from({ length: directions! }, (_, index) => {
    const bias = biases && only(biases, index)
    const width = kind.gates * hidden!
    const product = g.matMul(x, g.transpose(only(weights!, index), [1, 0]))
    const all = bias ? g.add(product, g.slice(bias, [0], [width], [0])) : product
    const direction: Direction = {
      g,
      call,
      steps: Array.from({ length: count! }, (__, step) => only(all, step)),
      recurrence: g.transpose(only(recurrences!, index), [1, 0]),
      bias: bias ? g.slice(bias, [width], [2 * width], [0]) : null,
      peepholes: peepholes ? only(peepholes, index) : null,
      hidden: hidden!,
      activations: activations.slice(index * kind.activations.length),
      inside,
    }
    const start = {
      h: firstH ? only(swap(firstH), index) : null,
      c: firstC ? only(swap(firstC), index) : null,
    }
    const isReverse = index === 1 || textOf(call, 'direction') === 'reverse'
    return runDirection(direction, kind.step, start, isReverse)
  })
  const stack = (values: readonly Value[], axis: number): Value =>
    g.concat(
      values.map((value) => g.unsqueeze(value, [axis])),
      axis,
    )
  const steps = Array.from({ length: count! }, (_, step) =>
    stack(
      results.map(({ all }) => all[step]!),
      0,
    ),
  )
  const last = swap(
    stack(
      results.map(({ h }) => h),
      0,
    ),
  )
  const cells = results.flatMap(({ c }) => (c ? [c] : []))
  const whole = stack(steps, 0)
  const y = batchFirst ? g.transpose(whole, [2, 0, 1, 3]) : whole
  return [y, last, ...(cells.length > 0 ? [swap(stack(cells, 0))] : [])]
}

/**
 * Whether each step belongs to the sequence of an example; null if it does for all.
 * @param lengths `[n]`; if they are known and the same, the batch may have any size
 */
function stepsInside(
  g: Builder,
  lengths: Value | null | undefined,
  count: number,
): readonly (Value | null)[] {
  const data = lengths?.node.tensor?.data
  const known = data && Array.from(data, Number)
  const [first = 0] = known ?? []
  const isSame = known?.every((length) => length === first) === true
  return Array.from({ length: count }, (_, step) => {
    if (!lengths || known?.every((length) => length > step) === true) return null
    return g.greater(isSame ? g.scalar(first, 'int32') : g.unsqueeze(lengths, [1]), step)
  })
}

/**
 * H of each step in order, 0 after the end of a sequence, and the state after the last. A reverse
 * direction starts at the end of each sequence: its state stays as it was until then.
 */
function runDirection(
  direction: Direction,
  step: Step,
  start: State,
  isReverse: boolean,
): { readonly all: readonly Value[]; readonly h: Value; readonly c: Value | null } {
  const { g, steps, inside } = direction
  const all: Value[] = []
  let state = start
  const order = Array.from(steps.keys())
  for (const index of isReverse ? order.toReversed() : order) {
    const next = step(direction, steps[index]!, state)
    const mask = inside[index]!
    const unless = (value: Value, old: Value | null): Value =>
      mask ? g.where(mask, value, old ?? 0) : value
    all.push(unless(next.h, null))
    state = { h: unless(next.h, state.h), c: next.c && unless(next.c, state.c) }
  }
  if (!state.h) throw shapeError(direction.call, 'the sequence is empty')
  return { all: isReverse ? all.toReversed() : all, h: state.h, c: state.c }
}

/** `[n, gates · hidden]` with Hₜ₋₁·Rᵀ and its bias. */
function plusRecurrence({ g, recurrence, bias }: Direction, input: Value, h: Value | null): Value {
  const own = bias ? g.add(input, bias) : input
  return h ? g.add(own, g.matMul(h, recurrence)) : own
}

function clipped({ g, call }: Direction, x: Value): Value {
  const limit = call.attributes['clip']
  return typeof limit === 'number' && limit > 0 ? g.clip(x, -limit, limit) : x
}
