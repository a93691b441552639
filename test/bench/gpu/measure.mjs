/**
 * Measures one device after another and writes results.json. Each part is a process with a limit of
 * its own, so that one that fails or hangs costs only itself.
 *
 *     node test/bench/gpu/measure.mjs --out DIR [--seconds 480] [--python python3] cuda webgpu
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const here = dirname(fileURLToPath(import.meta.url))
const { values, positionals: devices } = parseArgs({
  allowPositionals: true,
  options: {
    out: { type: 'string', default: 'gpu-results' },
    seconds: { type: 'string', default: '480' },
    python: { type: 'string', default: 'python3' },
    /** Smaller numbers try the script where there is no GPU. */
    small: { type: 'boolean', default: false },
  },
})
const out = resolve(values.out)
mkdirSync(out, { recursive: true })
const deadline = performance.now() + Number(values.seconds) * 1000
const results = { startedAt: new Date().toISOString(), devices, parts: [] }
const size = values.small ? ['--small'] : []

/** In order of importance: what does not fit in the time is left out, and said so. */
const parts = [
  ...['doctor', ...devices].map((device) => node('doctor', device, 40)),
  ...devices.map((device) => node('agreement', device, device === 'cuda' ? 90 : 60)),
  ...devices
    .slice(0, 1)
    .flatMap((device) => [
      node('throughput', device, 150, ['--network', 'shipped']),
      torch(device, 120, ['--network', 'shipped']),
      node('throughput', device, 90, ['--network', 'resnet18-64']),
      torch(device, 60, ['--network', 'resnet18-64']),
      node('profile', device, 40),
    ]),
  ...devices.slice(1).map((device) => node('throughput', device, 60, ['--network', 'shipped'])),
]
for (const part of parts) {
  const left = (deadline - performance.now()) / 1000
  const limit = Math.min(part.limit, left)
  const result =
    limit < 5 ? { state: 'left out', reason: 'no time left' } : await runPart(part, limit)
  results.parts.push({ name: part.name, ...result })
  writeFileSync(join(out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`)
  console.log(`== ${part.name}: ${result.state}${result.seconds ? ` in ${result.seconds} s` : ''}`)
  if (result.error) console.log(result.error.slice(-800))
  if (result.values) console.log(JSON.stringify(result.values))
}

function node(name, device, limit, words = []) {
  const script = join(here, `${name}.mjs`)
  const command = [process.execPath, script, '--device', device, ...words, ...size]
  return { name: [name, device, ...words.slice(1)].join(' '), command, limit }
}

function torch(device, limit, words) {
  const command = [
    values.python,
    join(here, 'torch_side.py'),
    '--device',
    device,
    ...words,
    ...size,
  ]
  return { name: ['torch', device, ...words.slice(1)].join(' '), command, limit }
}

function runPart({ name, command, limit }, seconds) {
  const file = join(out, `${name.replaceAll(/[^\w.-]+/g, '-')}.json`)
  const [program, ...words] = command
  const started = performance.now()
  return new Promise((done) => {
    let log = ''
    const child = spawn(program, [...words, '--json', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => (log = `${log}${chunk}`.slice(-8000)))
    }
    const finish = (state) => {
      clearTimeout(timer)
      const elapsed = Math.round((performance.now() - started) / 100) / 10
      // A part writes its file after each figure, so that one that is stopped leaves what it has.
      const found = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined
      const error = state === 'done' ? undefined : log
      done({ state, seconds: elapsed, limit, values: found, error })
    }
    child.on('error', (error) => {
      log = String(error)
      finish('failed to start')
    })
    child.on('close', (code, signal) =>
      finish(code === 0 ? 'done' : signal ? `stopped (${signal})` : `failed (${code})`),
    )
  })
}
