/**
 * Builds the bundle that measures robench on a machine with a GPU and no network. Two archives, cut
 * into parts: Node, the needed packages, dist, models, 1,000 CIFAR-10 images, and the reference
 * attacks; and onnxruntime's CUDA provider.
 *
 *     npm run build
 *     node test/bench/gpu/bundle.mjs --out DIR [--part-mib 48] [--no-cuda] [--python python3]
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { loadDataset } from '../../../dist/core/data/load.js'
import { packageRoot } from '../../../dist/core/base/paths.js'
import { sliceExamples } from './examples.mjs'

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    'part-mib': { type: 'string', default: '48' },
    'no-cuda': { type: 'boolean', default: false },
    python: { type: 'string', default: 'python3' },
  },
})
if (!values.out) throw new Error('usage: node test/bench/gpu/bundle.mjs --out DIR')
const root = packageRoot()
const here = dirname(fileURLToPath(import.meta.url))
const out = resolve(values.out)
const staging = mkdtempSync(join(tmpdir(), 'robench-gpu-'))
const bundle = join(staging, 'robench')

const log = (text) => process.stderr.write(`${text}\n`)
const run = (command, words) =>
  execFileSync(command, words, { stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 2 ** 30 })

mkdirSync(bundle, { recursive: true })
copyProject()
copyPackages()
copyNode()
copyVulkanLoader()
await writeExamples()
installReferences(['torchattacks==3.5.1', 'pyautoattack==0.2.0'])
mkdirSync(out, { recursive: true })
for (const name of readdirSync(out)) {
  if (/^robench-gpu.*\.tar\.xz\.\d+$/.test(name)) rmSync(join(out, name))
}
const small = join(staging, 'robench-gpu.tar.xz')
compress(staging, small)
cut(small)
if (!values['no-cuda']) cut(cudaArchive())
copyFileSync(join(here, 'run.sh'), join(out, 'run.sh'))
writeChecksums()
rmSync(staging, { recursive: true, force: true })

function copyProject() {
  for (const name of ['dist', 'models', 'suites', 'schemas', 'package.json']) {
    cpSync(join(root, name), join(bundle, name), { recursive: true, filter: isNeeded })
  }
  for (const name of ['gpu', 'peers']) {
    cpSync(join(root, 'test', 'bench', name), join(bundle, 'test', 'bench', name), {
      recursive: true,
    })
  }
  for (const name of readdirSync(join(root, 'test', 'bench'))) {
    if (name.endsWith('.mjs')) {
      copyFileSync(join(root, 'test', 'bench', name), join(bundle, 'test', 'bench', name))
    }
  }
}

/** Production dependencies; of onnxruntime-node only the files of this platform. */
function copyPackages() {
  const listed = run('npm', ['ls', '--omit=dev', '--all', '--parseable', '--prefix', root])
  const folders = listed.toString().trim().split('\n').slice(1)
  for (const folder of folders) {
    const target = join(bundle, relative(root, folder))
    cpSync(folder, target, { recursive: true, filter: isNeeded })
  }
}

function isNeeded(source) {
  if (/\.(?:d\.ts|map)$/.test(source)) return false
  const platform = /onnxruntime-node\/bin\/napi-v\d+\/(\w+)(?:\/(\w+))?/.exec(source)
  if (!platform) return true
  const [, system, processor] = platform
  return system === process.platform && (processor === undefined || processor === process.arch)
}

function copyNode() {
  const target = join(bundle, 'node')
  copyFileSync(process.execPath, target)
  try {
    run('strip', [target])
  } catch {
    log('strip is not installed: the Node binary keeps its symbols')
  }
}

/** For WebGPU on a machine that has a driver and no loader. */
function copyVulkanLoader() {
  const folders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/lib/chromium']
  const loader = folders.map((folder) => join(folder, 'libvulkan.so.1')).find(existsSync)
  if (!loader) return log('libvulkan.so.1 is not installed: the bundle has no Vulkan loader')
  mkdirSync(join(bundle, 'lib'))
  copyFileSync(loader, join(bundle, 'lib', 'libvulkan.so.1'))
}

async function writeExamples() {
  const dataset = await loadDataset({ id: 'cifar10' }, { split: 'test' })
  writeFileSync(join(bundle, 'examples.bin'), sliceExamples(dataset, 1000))
}

/** The reference attacks, which are plain Python; their dependencies come with PyTorch. */
function installReferences(requirements) {
  const target = join(bundle, 'site')
  const words = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--no-compile']
  run(values.python, [...words, '--target', target, ...requirements])
  rmSync(join(target, 'pyautoattack', 'examples'), { recursive: true, force: true })
}

/**
 * The provider of the same version as the Node binding, from the wheel `onnxruntime-gpu`. Its
 * archive is kept with the wheel in the temporary folder, because compressing takes minutes.
 */
function cudaArchive() {
  const { version } = JSON.parse(
    readFileSync(join(root, 'node_modules', 'onnxruntime-node', 'package.json'), 'utf8'),
  )
  const cache = join(tmpdir(), `robench-onnxruntime-gpu-${version}`)
  const archive = join(cache, 'robench-gpu-cuda.tar.xz')
  if (existsSync(archive)) return archive
  const provider = mkdtempSync(join(tmpdir(), 'robench-gpu-cuda-'))
  const target = join(provider, relative(staging, bindingFolder()))
  mkdirSync(target, { recursive: true })
  const wheel = downloadWheel(cache, version)
  for (const name of ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so']) {
    writeFileSync(join(target, name), run('unzip', ['-p', wheel, `onnxruntime/capi/${name}`]))
  }
  log('compressing the CUDA provider, which takes several minutes')
  compress(provider, archive)
  rmSync(provider, { recursive: true, force: true })
  return archive
}

function downloadWheel(cache, version) {
  const wheelOf = () => readdirSync(cache).find((name) => name.endsWith('.whl'))
  mkdirSync(cache, { recursive: true })
  if (!wheelOf()) {
    const words = ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', cache]
    const target = ['--only-binary=:all:', '--python-version', '3.12', '--implementation', 'cp']
    const platforms = ['--platform', 'manylinux_2_27_x86_64', '--platform', 'manylinux_2_28_x86_64']
    run(values.python, [...words, ...target, ...platforms, `onnxruntime-gpu==${version}`])
  }
  return join(cache, wheelOf())
}

function bindingFolder() {
  const binaries = join(bundle, 'node_modules', 'onnxruntime-node', 'bin')
  const [api] = readdirSync(binaries)
  return join(binaries, api, process.platform, process.arch)
}

/** Writes the folder `robench` of a parent as an archive, which is complete or absent. */
function compress(parent, archive) {
  const script =
    'tar -C "$1" -cf - robench | xz -T0 -6 > "$2.incomplete" && mv "$2.incomplete" "$2"'
  run('bash', ['-o', 'pipefail', '-c', script, 'bash', parent, archive])
}

function cut(archive) {
  const bytes = String(Number(values['part-mib']) * 2 ** 20)
  run('split', ['-b', bytes, '-d', archive, join(out, `${basename(archive)}.`)])
}

/** SHA256SUMS of the parts, which run.sh checks before it unpacks them. */
function writeChecksums() {
  const parts = readdirSync(out).filter((name) => name.startsWith('robench-gpu'))
  let list = ''
  for (const name of parts.toSorted()) {
    const content = readFileSync(join(out, name))
    list += `${createHash('sha256').update(content).digest('hex')}  ${name}\n`
    log(`${(content.length / 2 ** 20).toFixed(1)} MiB  ${join(out, name)}`)
  }
  writeFileSync(join(out, 'SHA256SUMS'), list)
}
