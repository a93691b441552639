/** Sums of products in index notation. */
import { broadcastShapes, type Dim } from '../dim.ts'
import { defineOp, since } from '../operator.ts'
import { inputOf, shapeError, textOf, type Call } from '../operator-call.ts'
import type { Builder } from '../builder.ts'
import type { Value } from '../value.ts'

/**
 * The gradient of an operand is the product of the upstream gradient and the other operands, summed
 * over the indices that the operand does not have, and repeated along those that only it has.
 */
export const Einsum = defineOp({
  op: 'Einsum',
  attributes: { equation: { type: 'string' } },
  infer: (call) => {
    const { terms, output } = einsumTerms(call)
    const sizes = sizesOfIndices(call, terms)
    return [{ dtype: inputOf(call, 0).dtype, shape: output.map((index) => sizes.get(index)!) }]
  },
  vjp: (g, call, [dy]) =>
    call.inputs.map((_, i) => (call.wanted[i] ? operandGradient(g, call, dy!, i) : null)),
  opsets: since(12),
  samples: [
    {
      inputs: [
        [2, 3],
        [3, 4],
      ],
      attributes: { equation: 'ij,jk->ik' },
    },
    {
      inputs: [
        [2, 3, 4],
        [2, 5, 4],
      ],
      attributes: { equation: 'bid,bjd->bij' },
    },
    {
      inputs: [
        [2, 3, 4],
        [4, 2],
      ],
      attributes: { equation: '...d,de->...e' },
    },
    { inputs: [[2, 3], [3], [4]], attributes: { equation: 'ij, j, k -> ki' } },
    { inputs: [[2, 3, 4]], attributes: { equation: 'abc->ca' } },
    {
      inputs: [
        [2, 3],
        [3, 2],
      ],
      attributes: { equation: 'ij,ji' },
    },
  ],
})

/** The indices of an equation. */
export interface Equation {
  readonly terms: readonly (readonly string[])[]
  readonly output: readonly string[]
}

/** The indices of each operand and of the result; an ellipsis becomes indices of its own. */
export function einsumTerms(call: Call): Equation {
  const equation = textOf(call, 'equation').replaceAll(' ', '')
  const [left, right] = equation.split('->')
  const written = left!.split(',')
  if (written.length !== call.inputs.length) {
    throw shapeError(
      call,
      `equation "${equation}" has ${written.length} operands, got ${call.inputs.length}`,
    )
  }
  const ranks = written.map((term, i) => {
    const letters = term.replace('...', '').length
    return term.includes('...') ? inputOf(call, i).shape.length - letters : 0
  })
  const rank = Math.max(0, ...ranks)
  const free = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'].filter((letter) => !equation.includes(letter))
  const ellipsis = free.slice(0, rank)
  const expand = (term: string, count: number): string[] => {
    const [before, after] = term.split('...')
    const inside = term.includes('...') ? ellipsis.slice(rank - count) : []
    return [...before!, ...inside, ...(after ?? '')]
  }
  const terms = written.map((term, i) => expand(term, ranks[i]!))
  terms.forEach((term, i) => {
    if (term.length !== inputOf(call, i).shape.length || new Set(term).size < term.length) {
      throw shapeError(
        call,
        `operand ${i} of equation "${equation}" must have one index per axis, each once`,
      )
    }
  })
  if (right !== undefined) return { terms, output: expand(right, rank) }
  const all = terms.flat()
  const once = all.filter((index) => all.indexOf(index) === all.lastIndexOf(index))
  const named = once.filter((index) => !ellipsis.includes(index)).toSorted()
  return { terms, output: [...ellipsis, ...named] }
}

function sizesOfIndices(
  call: Call,
  terms: readonly (readonly string[])[],
): ReadonlyMap<string, Dim> {
  const sizes = new Map<string, Dim>()
  terms.forEach((term, i) =>
    term.forEach((index, axis) => {
      const size = inputOf(call, i).shape[axis]!
      const joined = broadcastShapes([sizes.get(index) ?? 1], [size])
      if (!joined)
        throw shapeError(call, `index "${index}" has sizes ${sizes.get(index)} and ${size}`)
      sizes.set(index, joined[0]!)
    }),
  )
  return sizes
}

function operandGradient(g: Builder, call: Call, dy: Value, operand: number): Value {
  const { terms, output } = einsumTerms(call)
  const own = terms[operand]!
  const x = inputOf(call, operand)
  const others = call.inputs.flatMap((value, i) => (i === operand ? [] : [value!]))
  const otherTerms = terms.filter((_, i) => i !== operand)
  const reached = new Set([...output, ...otherTerms.flat()])
  const kept = own.filter((index) => reached.has(index))
  const sources = [output, ...otherTerms].map((term) => term.join(''))
  const equation = `${sources.join(',')}->${kept.join('')}`
  const product = g.op('Einsum', [dy, ...others], { equation })[0]!
  if (kept.length === own.length) return product
  const missing = own.flatMap((index, axis) => (reached.has(index) ? [] : [axis]))
  return g.expandLike(g.unsqueeze(product, missing), x)
}
