/** `robench inspect`: describes an ONNX file without attacking it. */
import { Command } from 'commander'
import { inspectModel } from '../core/api/program/inspect-model.ts'
import { terminalWidth } from './arguments.ts'
import { exitCodes } from './failure.ts'
import { formatInspection } from './format-inspection.ts'
import {
  addFileOptions,
  namingOptions,
  readFileToLoad,
  type FileOptions,
} from './reading-options.ts'
import { jsonText, printable } from '../reports/theme/printable.ts'

/** The command `inspect`. Throws errors; the main program prints them. */
export function inspectCommand(): Command {
  const command = new Command('inspect')
    .description('describe an ONNX model: operators, cost, memory, gradient')
    .argument('<model>', 'ONNX model file')
    .option('--json', 'print the description as JSON')
  return addFileOptions(command).action(
    async (path: string, options: FileOptions & { json?: true }) => {
      const { bytes, manifest, load } = await readFileToLoad(path, options)
      const inspection = await namingOptions(options, () => inspectModel(bytes, manifest, load))
      const text = options.json
        ? `${jsonText({ file: path, ...inspection })}\n`
        : printable(formatInspection(path, inspection, Math.min(terminalWidth(), 80)))
      process.stdout.write(text)
      if (!inspection.reading) process.exitCode = exitCodes.failures
    },
  )
}
