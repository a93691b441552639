/** `robench doctor`: what this machine has, and which devices work. */
import { wrapText } from '../core/base/wrap.ts'
import { Command } from 'commander'
import { listDatasets } from '../core/data/load.ts'
import type { DatasetInfo } from '../core/data/load.ts'
import { packageVersion } from '../core/base/package-version.ts'
import { machineFacts } from '../core/machine/facts.ts'
import type { MachineFacts, ProviderFacts } from '../core/machine/facts.ts'
import { jsonText } from '../reports/theme/printable.ts'

/** What the command reports. */
interface Report extends MachineFacts {
  readonly robench: string
  readonly datasets: readonly DatasetInfo[]
}

/** The command `doctor`. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .description('describe this machine: cores, memory, GPUs, devices that work, data sets')
    .option('--json', 'print the result as JSON')
    .action(async (options: { json?: boolean }) => {
      const report: Report = {
        robench: packageVersion(),
        ...(await machineFacts()),
        datasets: await listDatasets(),
      }
      process.stdout.write(options.json ? `${jsonText(report)}\n` : formatReport(report))
    })
}

/** Characters of a line. */
const lineWidth = 80

function formatReport(report: Report): string {
  const { versions, gpus, containerBytes, datasets } = report
  const limit = containerBytes === undefined ? '' : `, container limit ${gigabytes(containerBytes)}`
  const rows: [string, string][] = [
    ['robench', `${report.robench}, Node ${versions.node}, onnxruntime ${versions.onnxruntime}`],
    ['system', report.system],
    ['processor', `${report.processor}, ${report.cores} ${report.cores === 1 ? 'core' : 'cores'}`],
    [
      'memory',
      `${gigabytes(report.memoryBytes)}, ${gigabytes(report.availableBytes)} available${limit}`,
    ],
    ...(gpus.length === 0
      ? [['GPUs', 'none reported by nvidia-smi'] as [string, string]]
      : gpus.map((gpu): [string, string] => [
          `GPU ${gpu.index}`,
          `${gpu.name}, ${gigabytes(gpu.memoryBytes)}, driver ${gpu.driver}`,
        ])),
    ['data', datasets.map(({ id, state }) => `${id} (${state})`).join(', ')],
  ]
  const indent = ' '.repeat(11)
  const facts = rows.map(([name, text]) =>
    wrapText(`${name.padEnd(10)} ${text}`, lineWidth, indent),
  )
  return `${[...facts, '', 'devices', ...report.providers.flatMap(providerLines)].join('\n')}\n`
}

function providerLines(facts: ProviderFacts): string[] {
  const { provider, runsOn, works, bundled, found, reason, advice = [] } = facts
  const origin = bundled ? 'bundled' : found ? 'installed' : 'not installed'
  const head = `  ${provider.padEnd(9)} ${works ? 'works' : 'does not work'}  ${runsOn} (${origin})`
  return [
    head,
    ...[...(reason === undefined ? [] : [reason]), ...advice].map((line) =>
      wrapText(`            ${line}`, lineWidth, '            '),
    ),
  ]
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`
}
