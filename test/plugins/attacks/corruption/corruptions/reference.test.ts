/** The corruptions agree with the authors' libraries, given the same random numbers. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { randomStream } from '../../../../../core/base/random.ts'
import { corrupt } from '../../../../../plugins/attacks/corruption/corruptions/corruption-record.ts'
import type { Severity } from '../../../../../plugins/attacks/corruption/corruptions/corruption-record.ts'
import type { CorruptionId } from '../../../../../core/threat/corruption-ids.ts'
import type { Image } from '../../../../../plugins/attacks/corruption/corruptions/image.ts'
import { corruptions } from '../../../../../plugins/attacks/corruption/corruptions/corruption-table.ts'

interface Reference {
  readonly height: number
  readonly width: number
  /** In base64. */
  readonly image: string
  /** By id and severity, in base64. */
  readonly expected: Readonly<Record<string, Readonly<Record<string, string>>>>
}

// The file has this type; see "about" inside it.
const reference = JSON.parse(
  readFileSync(new URL('reference.json', import.meta.url), 'utf8'),
) as Reference
const { height, width, expected } = reference
const original: Image = {
  channels: 3,
  height,
  width,
  data: Float64Array.from(Buffer.from(reference.image, 'base64'), (byte) => byte / 255),
}

// The libraries draw the first two themselves; the photographs of frost are not available.
test('all corruptions but three have a reference', () => {
  const missing = Object.keys(corruptions).filter((id) => !(id in expected))
  expect(missing).toEqual(['shot-noise', 'impulse-noise', 'frost'])
})

const cases = Object.entries(expected).flatMap(([id, severities]) =>
  Object.entries(severities).map(([severity, bytes]) => ({
    // The file holds ids of the table only.
    id: id as CorruptionId,
    severity: Number(severity),
    bytes,
  })),
)

test.each(cases)('$id at severity $severity equals the output of the libraries', (one) => {
  const corruption = corruptions[one.id]
  const stream = randomStream('reference', one.id, one.severity)
  // The file has severities 2 and 5 only.
  const severity = one.severity as Severity
  const { data } = corrupt(corruption, original, { severity, stream, quantize: true })
  const wanted = Buffer.from(one.bytes, 'base64')
  const differences = Array.from(data, (value, i) => Math.abs(Math.round(255 * value) - wanted[i]!))
  // OpenCV and SciPy compute partly in float32, so a value near an integer may truncate
  // differently.
  expect(Math.max(...differences)).toBeLessThanOrEqual(1)
  expect(differences.filter((difference) => difference > 0).length).toBeLessThanOrEqual(2)
})
