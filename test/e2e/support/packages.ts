/** Packs robench and plugin packages, and installs them from their tarballs without a network. */
import { execFile } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { extract } from 'tar'
import { packageRoot } from '../../../core/base/paths.ts'
import { temporaryFolder } from './cli.ts'

const run = promisify(execFile)

/** The settings of `npm install` as environment variables: nothing is downloaded. */
export const installedOffline = {
  npm_config_offline: 'true',
  npm_config_ignore_scripts: 'true',
  npm_config_legacy_peer_deps: 'true',
  npm_config_audit: 'false',
  npm_config_fund: 'false',
} as const

/** A directory below one in which the dependencies of robench and the compiler are found. */
export function workshop(): string {
  const outer = temporaryFolder()
  symlinkSync(join(packageRoot(), 'node_modules'), join(outer, 'node_modules'))
  return outer
}

/** Packs a package as for publishing. @returns the path of the tarball */
export async function pack(source: string, destination: string): Promise<string> {
  const words = ['pack', '--ignore-scripts', '--json', '--pack-destination', destination]
  const { stdout } = await run('npm', words, { cwd: source })
  const [packed] = JSON.parse(stdout) as [{ filename: string }]
  return join(destination, packed.filename)
}

/**
 * Packs robench without its dependencies, which are found in a parent directory, so that nothing is
 * downloaded. @returns the path of the tarball in `outer`
 */
export async function packRobench(outer: string): Promise<string> {
  const staging = join(outer, 'staging')
  mkdirSync(staging)
  await extract({ file: await pack(packageRoot(), outer), cwd: staging, strip: 1 })
  const manifestFile = join(staging, 'package.json')
  const {
    dependencies: _,
    devDependencies: __,
    ...manifest
  } = JSON.parse(readFileSync(manifestFile, 'utf8')) as Record<string, unknown>
  writeFileSync(manifestFile, JSON.stringify(manifest))
  return pack(staging, outer)
}
