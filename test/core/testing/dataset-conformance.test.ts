/** The battery finds each defect of a data set, and nothing else. */
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dump } from 'npyjs'
import { expect, onTestFinished, test } from 'vitest'
import { datasetConformance } from '../../../core/testing/index.ts'

const count = 40
const size = 16

interface Content {
  readonly pixels: Uint8Array | Float32Array
  readonly labels: Uint8Array
  readonly classNames?: readonly string[]
}

function soundContent(): Content {
  return {
    pixels: Uint8Array.from({ length: count * size }, (_, i) => (i * 37 + (i >> 4) * 11) % 251),
    labels: Uint8Array.from({ length: count }, (_, row) => row % 2),
    classNames: ['even', 'odd'],
  }
}

/** The messages of the checks that a data set with this content fails. */
async function failures({ pixels, labels, classNames }: Content): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'robench-dataset-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const files: Record<string, string> = {}
  for (const [name, bytes] of [
    ['x.npy', new Uint8Array(dump(pixels, [count, 1, 4, 4]))],
    ['y.npy', new Uint8Array(dump(labels, [count]))],
  ] as const) {
    writeFileSync(join(folder, name), bytes)
    files[name] = createHash('sha256').update(bytes).digest('hex')
  }
  const description = {
    id: 'acme-own',
    title: 'Own',
    files,
    inputs: 'x.npy',
    labels: 'y.npy',
    classNames,
  }
  writeFileSync(join(folder, 'dataset.json'), JSON.stringify(description))
  const failed: string[] = []
  const reference = { path: join(folder, 'dataset.json') }
  for (const { run } of datasetConformance({ reference })) {
    await run().catch((error: unknown) => failed.push(String(error)))
  }
  return failed.map((text) => text.replace('PluginError: data set acme-own: ', ''))
}

test('a sound data set passes', async () => {
  expect(await failures(soundContent())).toEqual([])
})

test.each<[string, (content: Content) => Content]>([
  [
    'class 2 ("none") has no examples',
    (content) => ({ ...content, classNames: ['even', 'odd', 'none'] }),
  ],
  ['two classes have the name "even"', (content) => ({ ...content, classNames: ['even', 'even'] })],
  ['class 1 has a blank name', (content) => ({ ...content, classNames: ['even', ' '] })],
  [
    'examples 0 and 1 are the same image with the labels 0 and 1',
    (content) => {
      content.pixels.copyWithin(size, 0, size)
      return content
    },
  ],
  [
    '1 of 40 images are there several times, such as examples 0 and 2',
    (content) => {
      content.pixels.copyWithin(2 * size, 0, size)
      return content
    },
  ],
  [
    'use less than 5 % of the bounds [0, 1]',
    (content) => ({
      ...content,
      pixels: Float32Array.from(content.pixels, (value) => value / 255 / 255),
    }),
  ],
])('%s', async (message, change) => {
  const failed = await failures(change(soundContent()))
  expect(failed).toHaveLength(1)
  expect(failed[0]).toContain(message)
})

test('classes without names', async () => {
  const { pixels, labels } = soundContent()
  expect(await failures({ pixels, labels })).toEqual(['nothing names the classes; add classNames'])
})
