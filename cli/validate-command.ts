/** `robench validate`: checks a suite, its plugins, models, and data without attacking anything. */
import { wrapText } from '../core/base/wrap.ts'
import { Command } from 'commander'
import { countOf } from '../reports/theme/figures.ts'
import { checkSuiteAndModels } from '../core/bench/execute/run.ts'
import { loadSuite } from '../core/bench/suite/load.ts'
import { suiteArgument } from './arguments.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

/** The command `validate`. Throws errors; the main program prints them. */
export function validateCommand(): Command {
  return new Command('validate')
    .description('check a suite, its plugins, model files, and data without running it')
    .argument('<suite>', suiteArgument)
    .option('--json', 'print the result as JSON')
    .action(async (path: string, { json }: { json?: boolean }) => {
      const loaded = loadSuite(path)
      const notices: string[] = []
      const resolved = await checkSuiteAndModels(loaded, {
        listener: { notice: (text) => notices.push(text) },
      })
      const { suite, label, sha256 } = loaded
      if (json) {
        const outcome = { valid: true, id: suite.id, sha256, notices }
        process.stdout.write(`${jsonText(outcome)}\n`)
        return
      }
      for (const notice of notices) process.stderr.write(`note: ${printable(notice)}\n`)
      const { defenses, attacks, threatModels, examples } = resolved
      const counts = [
        countOf(defenses.length, 'defense'),
        countOf(attacks.length, 'attack'),
        countOf(threatModels.length, 'threat model'),
        countOf(examples, 'example'),
      ]
      process.stdout.write(
        `${wrapText(printable(`${label}: valid; ${counts.join(', ')}`), 80, '  ')}\n`,
      )
    })
}
