/** The training record in the card beside a model file. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'

/**
 * What the card `FILE.json` says about the training of a file, such as its accuracy on held-out
 * examples. Undefined without a card, or if the card belongs to another file.
 */
export async function trainingRecord(
  path: string,
  model: Uint8Array,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const card = await readFile(`${path}.json`, 'utf8').then(parsed, () => undefined)
  if (!isRecord(card) || !isRecord(card['training'])) return undefined
  const hash = createHash('sha256').update(model).digest('hex')
  return card['sha256'] === hash ? card['training'] : undefined
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
