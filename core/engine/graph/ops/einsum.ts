/** Sums of products in index notation. */
import { broadcastShapes, type Dim } from '../dim.ts'
import { defineOp, since } from '../operator.ts'
import { inputOf, shapeError, sizesOf, textOf, type Call } from '../operator-call.ts'
import { constantShape, type Builder } from '../builder.ts'
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
  body: takeDiagonals,
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
    { inputs: [[2, 3, 4, 4]], attributes: { equation: 'bcii->bci' } },
    { inputs: [[3, 3]], attributes: { equation: 'ii' } },
    {
      inputs: [
        [2, 3, 2, 3, 3],
        [2, 4],
      ],
      attributes: { equation: 'ijijj,i...->...j' },
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
    if (term.length !== inputOf(call, i).shape.length) {
      throw shapeError(call, `operand ${i} of equation "${equation}" must have one index per axis`)
    }
  })
  if (right !== undefined) return { terms, output: expand(right, rank) }
  const all = terms.flat()
  const once = all.filter((index) => all.indexOf(index) === all.lastIndexOf(index))
  const named = once.filter((index) => !ellipsis.includes(index)).toSorted()
  return { terms, output: [...ellipsis, ...named] }
}

/** With diagonals of operands that have an index more than once; undefined if none does. */
function takeDiagonals(g: Builder, call: Call): readonly Value[] | undefined {
  const { terms, output } = einsumTerms(call)
  const distinct = terms.map((term) => [...new Set(term)])
  if (terms.every((term, i) => term.length === distinct[i]!.length)) return undefined
  const operands = terms.map((term, i) => diagonal(g, call, inputOf(call, i), term))
  const sources = distinct.map((term) => term.join('')).join(',')
  return g.op('Einsum', operands, { equation: `${sources}->${output.join('')}` }, call.name)
}

/** The elements at which axes with the same index agree; the axes are those of the first uses. */
function diagonal(g: Builder, call: Call, x: Value, term: readonly string[]): Value {
  const second = term.findIndex((index, axis) => term.indexOf(index) < axis)
  if (second < 0) return x
  const first = term.indexOf(term[second]!)
  const others = x.shape.flatMap((_, axis) => (axis === first || axis === second ? [] : [axis]))
  const [size = 0, same] = sizesOf(call, [x.shape[first]!, x.shape[second]!])
  const flat = constantShape([...others.map((axis) => x.shape[axis]!), size * size])
  if (same !== size || !flat) {
    throw shapeError(call, `index "${term[second]}" has sizes ${size} and ${same}`)
  }
  const pairs = g.reshape(g.transpose(x, [...others, first, second]), flat)
  const places = g.integers(Array.from({ length: size }, (_, i) => i * (size + 1)))
  const last = g.gather(pairs, places, others.length)
  // The axis of the index returns to its first place.
  const back = Array.from(others.keys()).toSpliced(first, 0, others.length)
  return diagonal(g, call, g.transpose(last, back), term.toSpliced(second, 1))
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
