/** Damages that every reader of a kind must refuse. */

/** A damage by name. */
export interface Damage {
  readonly name: string
  apply(valid: Uint8Array): Uint8Array
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes)
const fixed = (name: string, text: string): Damage => ({ name, apply: () => encode(text) })
const changed = (name: string, change: (text: string) => string): Damage => ({
  name,
  apply: (valid) => encode(change(decode(valid))),
})
const half = (bytes: Uint8Array): Uint8Array => bytes.slice(0, bytes.length >> 1)

/** Nesting of 20,000 levels, opened and closed. */
function nested(open: string, inner: string, close: string): string {
  return open.repeat(20_000) + inner + close.repeat(20_000)
}

/** Of JSON documents. */
export const jsonDamages: readonly Damage[] = [
  fixed('empty', ''),
  fixed('blanks', ' \n\t'),
  fixed('null', 'null'),
  fixed('an array', '[]'),
  fixed('a text', '"text"'),
  fixed('an infinite number', '1e400'),
  fixed('nested arrays', nested('[', '', ']')),
  fixed('nested objects', nested('{"a":', '1', '}')),
  fixed('nested arrays, not closed', '['.repeat(200_000)),
  fixed('a web page', '<!doctype html><html></html>'),
  fixed('NUL characters', '\0'.repeat(100)),
  { name: 'cut in half', apply: half },
  changed('something behind it', (text) => `${text}}`),
  changed('a repeated key', (text) => text.replace('{', '{"zz": 1, "zz": 2,')),
  changed('a key repeated in other letters', (text) =>
    text.replace('{', '{"zz": 1, "\\u007az": 2,'),
  ),
  changed('the key __proto__', (text) => text.replace('{', '{"__proto__": {"zz": 1},')),
  changed('a number that is too large', (text) => text.replace('{', '{"zz": -1e999,')),
  changed('half of a surrogate pair in a key', (text) => text.replace('{', '{"\\ud800": 1,')),
  changed('half of a surrogate pair in a text', (text) => text.replace('": "', '": "\\udfff')),
  changed('a comment', (text) => `// comment\n${text}`),
  changed('single quotes', (text) => text.replaceAll('"', "'")),
  changed('a line break in a text', (text) => text.replace('{', '{"z\nz": 1,')),
  changed('a nested value', (text) => text.replace('{', `{"zz": ${nested('[', '', ']')},`)),
  {
    name: 'UTF-16',
    apply: (valid) => new Uint8Array(Buffer.from(decode(valid), 'utf16le')),
  },
]

/** Of a suite in YAML. */
export const yamlDamages: readonly Damage[] = [
  fixed('empty', ''),
  fixed('nested flow sequences', nested('[', '', ']')),
  fixed('nested flow maps', nested('{a: ', '1', '}')),
  fixed('nested block sequences', `${'- '.repeat(20_000)}a`),
  fixed('nested keys', `${'? '.repeat(20_000)}a`),
  fixed('aliases that expand without end', expandingAliases(12)),
  fixed('an alias of itself', 'a: &a [*a]'),
  fixed('many aliases', `a: &a 1\nb: [${'*a,'.repeat(1000)}]`),
  fixed('two documents', 'a: 1\n---\nb: 2\n'),
  fixed('more than 1 MiB', `a: ${'x'.repeat(2 ** 20)}`),
  changed('a repeated key', (text) => `${text}title: Other\n`),
  changed('a repeated inner key', (text) => text.replace('{id: quickstart}', '{id: a, id: b}')),
  changed('an infinite number', (text) => `${text}limit: .inf\n`),
  changed('not a number', (text) => `${text}limit: .nan\n`),
  changed('binary data', (text) => text.replace('"Small"', '!!binary aGVsbG8=')),
  changed('the key __proto__', (text) => `${text}__proto__: {a: 1}\n`),
  changed('a key that is a list', (text) => `${text}[1, 2]: 3\n`),
  changed('a tab as indentation', (text) => text.replace('    options', '\toptions')),
  changed('half of a surrogate pair', (text) => text.replace('"Small"', '"\\ud800"')),
  changed('an unknown alias', (text) => text.replace('steps: 3', 'steps: *nothing')),
]

/** Lists of ten aliases of lists of ten aliases … */
function expandingAliases(levels: number): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]']
  for (let i = 1; i < levels; i++) {
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    )
  }
  return lines.join('\n')
}

/** Of properties. */
export const propertyDamages: readonly Damage[] = [
  fixed('empty', ''),
  fixed('nested parentheses', nested('(', '', ')')),
  fixed('parentheses that are not closed', '('.repeat(20_000)),
  fixed('a parenthesis too many', ')'),
  fixed('an index that is too large', '(declare-const X_999999999999 Real)'),
  changed('a product of unknowns', (text) => text.replace('(* 2 Y_0)', '(* Y_1 Y_0)')),
  changed('an infinite number', (text) => text.replace('0.5', '1e999')),
  changed('a missing bound', (text) => text.replace('(assert (<= X_0 0.5))', '')),
  changed('an unknown operator', (text) => text.replace('>=', '=>')),
  changed('an input in a relation', (text) => text.replace('0.5', 'Y_0')),
  changed(
    'alternatives that multiply',
    (text) => text + '(assert (or (<= Y_0 1) (<= Y_1 1)))'.repeat(64),
  ),
  { name: 'cut in half', apply: half },
]

/** Of binary formats. */
export const binaryDamages: readonly Damage[] = [
  { name: 'empty', apply: () => new Uint8Array() },
  { name: 'one byte', apply: (valid) => valid.slice(0, 1) },
  { name: 'eight bytes', apply: (valid) => valid.slice(0, 8) },
  { name: 'the last byte missing', apply: (valid) => valid.slice(0, -1) },
  { name: 'cut in half', apply: half },
  { name: 'zeros', apply: () => new Uint8Array(1000) },
  { name: 'ones', apply: () => new Uint8Array(1000).fill(255) },
  { name: 'its bytes reversed', apply: (valid) => valid.toReversed() },
  fixed('a web page', '<!doctype html><html></html>'),
  fixed('JSON', '{"a": 1}'),
  fixed('a text of 5,000 characters', 'robench '.repeat(625)),
  { name: 'twice', apply: (valid) => new Uint8Array([...valid, ...valid]) },
]
