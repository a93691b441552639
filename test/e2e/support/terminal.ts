/** What a terminal of 80 columns shows. */
import { stripVTControlCharacters } from 'node:util'

/** Sets the width of the terminal for the processes that a test starts. */
process.env['COLUMNS'] = '80'

/** Lines of more than 80 visible characters that could be broken: a path or a command cannot. */
export function tooLong(text: string): string[] {
  return stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.length > 80)
    .filter((line) => line.replaceAll(/\S*\/\S*/g, '').length > 80 || !/\S*\/\S*/.test(line))
}
