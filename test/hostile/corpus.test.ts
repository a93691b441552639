/** Damaged files of every kind that robench reads: each is refused, in bounded memory. */
import { expect, test } from 'vitest'
import { RobenchError } from '../../core/base/errors.ts'
import { binaryDamages, jsonDamages, propertyDamages, yamlDamages } from './damages.ts'
import type { Damage } from './damages.ts'
import { readers, Refusal } from './readers.ts'
import type { Reader } from './readers.ts'

/** What a format cannot tell from valid content, or what it reads rightly nevertheless. */
const read: Readonly<Record<string, readonly string[]>> = {
  // The directory at its end is whole; a second archive hides the first.
  npz: ['the last byte missing', 'twice'],
  'adversarial examples': ['the last byte missing', 'twice'],
  parquet: ['twice'],
  // The decoder completes the image.
  JPEG: ['the last byte missing', 'twice'],
  // Any whole number of records with labels below 10.
  'CIFAR batch': ['cut in half', 'its bytes reversed', 'twice'],
  'packed data set': ['twice'],
  tarball: ['twice'],
  // Protobuf merges messages.
  ONNX: ['twice'],
}

function damagesOf({ name, isText }: Reader): readonly Damage[] {
  if (!isText) return binaryDamages
  if (name === 'suite in YAML') return yamlDamages
  return name === 'VNN-LIB property' ? propertyDamages : jsonDamages
}

const cases = readers.flatMap((reader) =>
  damagesOf(reader).map((damage) => ({ reader, damage, name: `${reader.name}: ${damage.name}` })),
)

/** `refused`, `read`, or what was thrown instead. */
async function outcomeOf({ read: readBytes }: Reader, bytes: Uint8Array): Promise<string> {
  try {
    await readBytes(bytes)
    return 'read'
  } catch (error) {
    const expected = error instanceof RobenchError || error instanceof Refusal
    return expected ? 'refused' : `${String(error)}\n${(error as Error).stack ?? ''}`
  }
}

test('there are at least 300 of them', () => {
  expect(cases.length).toBeGreaterThanOrEqual(300)
})

test.each(readers)('$name: the content to damage is read', async (reader) => {
  expect(await outcomeOf(reader, reader.valid)).toBe('read')
})

test.each(cases)('$name', async ({ reader, damage }) => {
  const isRead = read[reader.name]?.includes(damage.name)
  expect(await outcomeOf(reader, damage.apply(reader.valid))).toBe(isRead ? 'read' : 'refused')
})

test('none of them needs much memory', () => {
  // Of this process with all readers loaded; a single bomb would take gigabytes.
  expect(process.resourceUsage().maxRSS / 1024).toBeLessThan(1500)
})
