/** `robench grad`: writes the gradient of a model as an ONNX file. */
import { Command, Option } from 'commander'
import { gradientFile } from '../core/api/program/gradient-file.ts'
import { attackLosses, lossSchema, type AttackLossName } from '../core/attack/attack-loss.ts'
import { writeFileAtomic } from '../core/base/atomic-file.ts'
import { ConfigError } from '../core/base/errors.ts'
import { readOnnx } from '../core/engine/onnx/file.ts'
import { bytes as bytesText } from '../reports/theme/figures.ts'
import { oneOf } from './arguments.ts'
import { valueText } from './format-inspection.ts'
import {
  addFileOptions,
  namingOptions,
  readFileToLoad,
  type FileOptions,
} from './reading-options.ts'

interface GradOptions extends FileOptions {
  readonly loss: AttackLossName
  readonly out?: string
}

/** The command `grad`. Throws errors; the main program prints them. */
export function gradCommand(): Command {
  const command = new Command('grad')
    .description("write a model's input gradient as an ONNX file for any onnxruntime")
    .argument('<model>', 'ONNX model file')
    .addOption(
      new Option('--loss <name>', 'loss to differentiate')
        .choices(lossSchema.enum)
        .argParser(oneOf('--loss', lossSchema.enum))
        .default(lossSchema.default),
    )
    .option('--out <file>', 'file to write (default: the name of the model with .grad.onnx)')
  return addFileOptions(command).action(async (path: string, options: GradOptions) => {
    const target = options.out ?? `${path.replace(/\.onnx$/, '')}.grad.onnx`
    if (target === path) {
      throw new ConfigError('ROBENCH_CONFIG', '--out: expected another file than the model')
    }
    const { bytes, manifest, load } = await readFileToLoad(path, options)
    const loss = attackLosses[options.loss].expression
    const written = await namingOptions(options, () =>
      gradientFile(bytes, manifest, { ...load, loss }),
    )
    await writeFileAtomic(target, written)
    const { inputs, outputs } = readOnnx(written, target)
    process.stdout.write(
      [
        `${target}  ${bytesText(written.length)}`,
        ...inputs.map((info) => `  input   ${valueText(info)}`),
        ...outputs.map((info) => `  output  ${valueText(info)}`),
      ]
        .map((line) => `${line}\n`)
        .join(''),
    )
  })
}
