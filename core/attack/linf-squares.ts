/** Square in Linf: stripes to start with, then squares of ±ε. */
import { randomSign } from './square-proposal.ts'
import type { SquareProposal } from './square-proposal.ts'

/** Vertical stripes: ±ε for each channel and column. */
export function drawStripes({ ball, shape, stream, output }: SquareProposal): void {
  const [channels, height, width] = shape
  const { center, threatModel } = ball
  for (let channel = 0; channel < channels; channel++) {
    for (let column = 0; column < width; column++) {
      const change = randomSign(stream) * threatModel.epsilon
      for (let row = 0; row < height; row++) {
        const at = (channel * height + row) * width + column
        output[at] = center[at]! + change
      }
    }
  }
}

/** A square at a random place, set to +ε or −ε in each channel. */
export function proposeLinfSquare(proposal: SquareProposal): void {
  const { ball, best, shape, side, stream, output } = proposal
  const [channels, height, width] = shape
  const { center, threatModel } = ball
  output.set(best)
  const top = stream.integer(height - side + 1)
  const left = stream.integer(width - side + 1)
  for (let channel = 0; channel < channels; channel++) {
    const change = randomSign(stream) * threatModel.epsilon
    for (let row = top; row < top + side; row++) {
      for (let column = left; column < left + side; column++) {
        const at = (channel * height + row) * width + column
        output[at] = center[at]! + change
      }
    }
  }
}
