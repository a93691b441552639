/** What an entry takes from a result. */
import { expect, test } from 'vitest'
import { publicCommand } from '../../leaderboard/from-result.ts'

test.each([
  ['robench run suites/cifar10.json', 'robench run suites/cifar10.json'],
  [
    'robench run suites/cifar10.json --results /home/a/out --workers 2 --log=/home/a/x.log --quiet',
    'robench run suites/cifar10.json --workers 2',
  ],
  [
    String.raw`robench run s.json --results 'a b'\''c' --device cpu`,
    'robench run s.json --device cpu',
  ],
  ['robench run /home/a/s.json --json --fresh', 'robench run s.json'],
  [String.raw`robench run 'C:\Users\a b\s.json'`, "robench run 's.json'"],
  [
    'robench eval models/m.onnx --dataset cifar10 --epsilon 8/255 --mean=0.5,0.5',
    'robench eval models/m.onnx --dataset cifar10 --epsilon 8/255 --mean=0.5,0.5',
  ],
])('the command %s becomes %s', (command, expected) => {
  expect(publicCommand(command)).toBe(expected)
})
