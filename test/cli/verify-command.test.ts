/** `verify --points` refuses threat models in which it cannot judge points. */
import { expect, test } from 'vitest'
import { verifyCommand } from '../../cli/verify-command.ts'

test.each([
  ['--curve', '2/255,4/255', '--curve'],
  ['--transform', '{"kind":"exchange"}', '--transform'],
  ['--target', '3', '--target'],
  ['--box', 'lower.npy,upper.npy', '--box'],
])('%s is refused', async (flag, value, named) => {
  const words = '--points x.npy --model m.onnx --norm Linf --epsilon 8/255 --data quickstart'
  const run = verifyCommand().parseAsync([...words.split(' '), flag, value], { from: 'user' })
  await expect(run).rejects.toThrow(
    `verify --points: ${named} is not supported; points are judged in one ball around the images, ` +
      'whose size is --epsilon',
  )
})
