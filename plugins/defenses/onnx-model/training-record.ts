/** The training record in the card beside a model file. */
import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'

/**
 * What the card `FILE.json` says about the training of a file, such as its accuracy on held-out
 * examples. Undefined without a card, or if the card belongs to another file.
 */
export async function trainingRecord(
  path: string,
  model: Uint8Array,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const card = await readCard(`${path}.json`).catch(() => undefined)
  if (!isRecord(card) || !isRecord(card['training'])) return undefined
  const hash = createHash('sha256').update(model).digest('hex')
  return card['sha256'] === hash ? card['training'] : undefined
}

/** Reads no pipe: it would wait for a writer. */
async function readCard(path: string): Promise<unknown> {
  if (!(await stat(path)).isFile()) return undefined
  return JSON.parse(await readFile(path, 'utf8'))
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
