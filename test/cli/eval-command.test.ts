/** Messages about the suite that `robench eval` builds name the flags that the user typed. */
import { expect, test } from 'vitest'
import { evalCommand, withFlags } from '../../cli/eval-command.ts'
import { ConfigError } from '../../core/base/errors.ts'

test.each([
  ['command line#/threatModels/0/epsilon: expected a number', '--epsilon: expected a number'],
  ['command line#/threatModels/0/curve/1: x', '--curve: x'],
  ['command line#/threatModels/0/transform/ranges/scale: x', '--transform: ranges/scale: x'],
  ['command line#/defenses/1: other.onnx: not found', '--surrogate: other.onnx: not found'],
  ['command line#/defenses/0/options/classNames: x', '--class-names: x'],
  ['command line#/defenses/0: m.onnx: not found', 'model: m.onnx: not found'],
  ['command line#/attacks/1/options/stepSize: x', '--step-size: x'],
  ['command line#/attacks/0/options/goal: x', '--option goal: x'],
  ['command line#/dataset: unknown data set', 'data: unknown data set'],
  ['command line#/limit: x', '--limit: x'],
  ['command line#/attacks/0/plugin: attack "a" x', '--attack: attack "a" x'],
  ['command line#/title: x', 'command line#/title: x'],
  [
    'command line#/defenses/0: manifest: mean has 2 values, expected 3 (one per channel)',
    '--mean has 2 values, expected 3 (one per channel)',
  ],
  [
    'command line#/defenses/0: option mean: missing, but std is set; a normalization needs both',
    '--mean: missing, but --std is set; a normalization needs both',
  ],
  ['command line#/defenses/0: option bounds: expected x', '--bounds: expected x'],
])('%s', (message, expected) => {
  expect(withFlags(message)).toBe(expected)
})

test('all that is missing is named at once', async () => {
  const options =
    '\n  --norm <norm> (Linf, L2, L1, L0)\n  --epsilon <size>, such as 8/255\n' +
    '  --data <id or path>, or --inputs <file> and --labels <file>'
  for (const [given, missing] of [
    [[], '<model>: an ONNX model file'],
    [['m.onnx'], 'the file m.onnx, which does not exist'],
  ] as const) {
    await expect(evalCommand().parseAsync([...given], { from: 'user' })).rejects.toThrow(
      new ConfigError('ROBENCH_CONFIG', `eval: missing:\n  ${missing}${options}`),
    )
  }
  const words = ['m.onnx', '--norm', 'L2', '--data', 'quickstart']
  await expect(evalCommand().parseAsync(words, { from: 'user' })).rejects.toThrow(
    new ConfigError(
      'ROBENCH_CONFIG',
      'eval: missing:\n  the file m.onnx, which does not exist\n  --epsilon <size>, such as 8/255',
    ),
  )
})

test('a box and an epsilon at once are refused', async () => {
  const words = ['m.onnx', '--box', 'a.npy,b.npy', '--epsilon', '8/255', '--data', 'quickstart']
  await expect(evalCommand().parseAsync(words, { from: 'user' })).rejects.toThrow(
    new ConfigError('ROBENCH_CONFIG', 'eval: --box takes the place of --epsilon; give one of them'),
  )
})

test('a transform needs an attack that changes it', async () => {
  const threat = ['--norm', 'Linf', '--epsilon', '8/255', '--transform', '{"kind":"attribute"}']
  const words = ['m.onnx', '--data', 'quickstart', ...threat]
  await expect(evalCommand().parseAsync(words, { from: 'user' })).rejects.toThrow(
    '--transform: the default attack, pgd, leaves the transform as it is; state --attack ' +
      '(spatial and spa change attributes,',
  )
})
