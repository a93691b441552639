/** Forward and backward passes as one number. */
import type { PassEstimate } from '../../plugin/contract.ts'

/** A backward pass counts as two forward passes, which is about what it costs. */
export function passWeight({ forward, backward }: PassEstimate): number {
  return forward + 2 * backward
}
