/** Faults of a text that is valid JSON, but that readers understand differently, or not at all. */

/** Deepest nesting of arrays and objects in a document: more than any file of robench has. */
export const maxDepth = 100

/** A fault, and where it begins. */
export interface JsonFault {
  /** Index of the first character. */
  readonly offset: number
  readonly message: string
}

const numberToken = /-?\d[\d.eE+-]*/y

/**
 * The first fault of a text that `JSON.parse` accepts: nesting beyond `maxDepth`, a key that an
 * object has twice, the key `__proto__`, text with half of a surrogate pair, or a number beyond the
 * range of a double. In linear time, and without recursion.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  // Text from a file is well formed, so only an escape can be half of a pair.
  const mayHaveHalves = halfEscape.test(text) || !isWellFormed(text)
  /** The keys of each open object; undefined for an open array. */
  const open: (Set<string> | undefined)[] = []
  let isKey = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!
    if (character === '"') {
      const end = closingQuote(text, at)
      const quoted = isKey || mayHaveHalves ? text.slice(at, end + 1) : ''
      const message =
        (isKey ? keyFault(quoted, open.at(-1)!) : undefined) ??
        (mayHaveHalves ? halfFault(quoted) : undefined)
      if (message !== undefined) return { offset: at, message }
      at = end
    } else if (character === '{' || character === '[') {
      isKey = character === '{'
      open.push(isKey ? new Set() : undefined)
      if (open.length > maxDepth) {
        return { offset: at, message: `nested more than ${maxDepth} levels deep` }
      }
    } else if (character === '}' || character === ']') open.pop()
    else if (character === ',') isKey = open.at(-1) !== undefined
    else if (character === ':') isKey = false
    else if (character === '-' || (character >= '0' && character <= '9')) {
      numberToken.lastIndex = at
      const [token = ''] = numberToken.exec(text) ?? []
      if (!Number.isFinite(Number(token))) {
        return { offset: at, message: `the number ${shortened(token)} is too large` }
      }
      at += token.length - 1
    }
  }
  return undefined
}

/** An escape of a surrogate. */
const halfEscape = /\\u[dD][89a-fA-F]/

/** Whether a text has no half of a surrogate pair: UTF-8 cannot write one. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text)
}

function halfFault(quoted: string): string | undefined {
  return isWellFormed(String(JSON.parse(quoted))) ? undefined : halfMessage
}

/** For text that is not well formed. */
export const halfMessage =
  'the text contains half of a surrogate pair (\\ud800 to \\udfff), which is no character; ' +
  'write the whole character'

/** Index of the quote that closes the string that begins at `start`. */
function closingQuote(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); ; at = text.indexOf('"', at + 1)) {
    let backslashes = 0
    while (text[at - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return at
  }
}

/** @param keys those of the object so far; grows by this one */
function keyFault(quoted: string, keys: Set<string>): string | undefined {
  const key = quoted.includes('\\') ? String(JSON.parse(quoted)) : quoted.slice(1, -1)
  if (keys.has(key)) return `the key ${shortened(JSON.stringify(key))} is repeated`
  keys.add(key)
  return key === '__proto__' ? 'the key "__proto__" is not allowed' : undefined
}

/** A text in a message, at most 58 characters long. */
export function shortened(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
