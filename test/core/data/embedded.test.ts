import { expect, test } from 'vitest'
import { embeddedDataset } from '../../../core/data/embedded.ts'

const test1000 = embeddedDataset('test')

test('it is a toy set with balanced classes, in its first examples too', () => {
  expect(test1000).toMatchObject({ id: 'quickstart', toy: true, count: 1000, shape: [3, 32, 32] })
  expect(new Set(test1000.classNames).size).toBe(10)
  expect(test1000.labels.slice(0, 20).sort().join('')).toBe('00112233445566778899')
})

test('its bytes are the same on every machine', () => {
  expect(test1000.hash).toMatchInlineSnapshot(
    `"0a34815d007cf7bc9ecaf454f39c2ab9b9f6cf2a9fadbaf0b6aa25d894e370af"`,
  )
})

test('the training set differs from the test set', () => {
  const train = embeddedDataset('train')
  expect(train.count).toBe(4000)
  expect(train.rows([0]).data).not.toEqual(test1000.rows([0]).data)
})

test('few pixels are clipped to black or white', () => {
  const { data } = test1000.rows(Array.from(test1000.labels.keys()))
  const cut = data.reduce((count, value) => count + Number(value === 0 || value === 1), 0)
  // 1.2 % of 3,072,000.
  expect(cut).toBe(37_215)
})
