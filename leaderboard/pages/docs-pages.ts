/** The documentation as pages of the site, and the API reference if it was made. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join, posix, sep } from 'node:path'
import type nunjucks from 'nunjucks'
import { packageRoot } from '../../core/base/paths.ts'
import { renderMarkdown } from './markdown.ts'
import type { RenderedMarkdown } from './markdown.ts'

/** Groups of the list of pages, with the pages in their order. */
const groups = [
  ['Start', ['README', 'docs/getting-started', 'docs/glossary', 'docs/method', 'docs/limits']],
  [
    'Run',
    ['suites', 'data', 'corruptions', 'checks', 'claims', 'compare', 'verify', 'submit'].map(
      (name) => `docs/${name}`,
    ),
  ],
  [
    'Plugins',
    ['docs/attacks', 'docs/defenses', 'docs/plugins', 'docs/operators', 'examples/README'],
  ],
  ['Machines', ['docs/performance', 'docs/gpu', 'docs/scale', 'docs/gradient-files']],
  ['Project', ['docs/architecture', 'CONTRIBUTING', 'CHANGELOG', 'SECURITY']],
] as const

/** Where `npm run docs:api` writes the API reference, as Markdown. */
const apiFolder = 'docs/api'

/** A page in Markdown: its file in the repository and its path in the site. */
interface DocsPage {
  readonly source: string
  readonly path: string
  readonly rendered: RenderedMarkdown
}

/** Text about something that a page of the documentation holds. */
export interface DocsText {
  /** Path of the page in the site. */
  readonly path: string
  readonly html: string
}

/**
 * Renders all pages: README.md, CHANGELOG.md, CONTRIBUTING.md, SECURITY.md, `docs`, the examples, and
 * the API reference. Links between them become links between pages, and pictures are copied.
 */
export function renderDocs(environment: nunjucks.Environment): Map<string, string | Uint8Array> {
  const root = packageRoot()
  const sources = docsSources()
  const pages = sources.map((source): DocsPage => {
    const text = readFileSync(join(root, source), 'utf8')
    const rendered = renderMarkdown(text, (target) => resolveLink(target, source, sources))
    return { source, path: docsPath(source), rendered }
  })
  const menu = menuOf(pages)
  const files = new Map<string, string | Uint8Array>()
  for (const { path, rendered } of pages) {
    const up = '../'.repeat(path.split('/').length - 1)
    const context = { page: rendered, menu, path, root: up }
    files.set(path, environment.render('docs.html.njk', context))
  }
  for (const name of readdirSync(join(root, 'docs')).toSorted()) {
    if (name.endsWith('.png')) files.set(`docs/${name}`, readFileSync(join(root, 'docs', name)))
  }
  return files
}

/**
 * The page of a file of the documentation as seen from another page of the site.
 * @param folder directory of that page in the site, such as `attacks`
 * @returns undefined if the file does not exist
 */
export function docsText(source: string, folder: string): DocsText | undefined {
  const file = join(packageRoot(), source)
  if (!existsSync(file)) return undefined
  const html = docsFragment(readFileSync(file, 'utf8'), source, folder)
  return { path: docsPath(source), html: html.replace(/^<h1[^>]*>.*?<\/h1>\n?/, '') }
}

/** Renders a part of a file for a page of the site in another directory. */
export function docsFragment(text: string, source: string, folder: string): string {
  const sources = docsSources()
  const { html } = renderMarkdown(text, (target) => {
    const resolved = resolveLink(target, source, sources)
    if (resolved === undefined) return undefined
    const [path = '', anchor] = resolved.split('#')
    const own = path === '' ? docsPath(source) : posix.join(posix.dirname(docsPath(source)), path)
    return `${posix.relative(folder, own)}${anchor === undefined ? '' : `#${anchor}`}`
  })
  return html
}

/** All Markdown files of the documentation, relative to the root of the package. */
function docsSources(): string[] {
  const root = packageRoot()
  const inDocs = readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .map((path) => `docs/${path.split(sep).join('/')}`)
    .filter((path) => path.endsWith('.md'))
    .toSorted()
  const others = ['README', 'CHANGELOG', 'CONTRIBUTING', 'SECURITY', 'examples/README']
  const atRoot = others.map((name) => `${name}.md`)
  return [...atRoot.filter((name) => existsSync(join(root, name))), ...inDocs]
}

/**
 * The path in the site: `README.md` is the index of the documentation, `docs/a/b.md` is
 * `docs/a/b.html`.
 */
export function docsPath(source: string): string {
  if (source === 'README.md') return 'docs/index.html'
  if (source === `${apiFolder}/README.md`) return `${apiFolder}/index.html`
  if (source === 'examples/README.md') return 'docs/examples.html'
  const plain = source.startsWith('docs/') ? source : `docs/${source.toLowerCase()}`
  return plain.replace(/\.md$/, '.html')
}

/** A link of a source as the page of the site has it; undefined if it leads out of the site. */
function resolveLink(
  target: string,
  source: string,
  sources: readonly string[],
): string | undefined {
  const [path = '', anchor] = target.split('#')
  if (path === '') return target
  const file = posix.join(posix.dirname(source), decodeURI(path))
  const isPicture = /^docs\/[\w.-]+\.png$/.test(file)
  if (!sources.includes(file) && !isPicture) return undefined
  const own = isPicture ? file : docsPath(file)
  const from = posix.dirname(docsPath(source))
  return `${posix.relative(from, own)}${anchor === undefined ? '' : `#${anchor}`}`
}

interface MenuGroup {
  readonly title: string
  readonly pages: readonly { readonly path: string; readonly title: string }[]
}

function menuOf(pages: readonly DocsPage[]): MenuGroup[] {
  const listed = new Set<string>()
  const item = ({ source, path, rendered }: DocsPage): MenuGroup['pages'][number] => {
    listed.add(source)
    return { path, title: rendered.title || source }
  }
  const found = groups.map(([title, names]) => ({
    title,
    pages: names.flatMap((name) => {
      const page = pages.find(({ source }) => source === `${name}.md`)
      return page ? [item(page)] : []
    }),
  }))
  const api = pages.filter(({ source }) => source === `${apiFolder}/README.md`).map(item)
  const rest = pages.filter(
    ({ source }) => !listed.has(source) && !/^docs\/(?:api|defenses)\//.test(source),
  )
  return [
    ...found,
    { title: 'More', pages: [...rest.map(item), ...api] },
    {
      title: 'Defenses',
      pages: pages.filter(({ source }) => source.startsWith('docs/defenses/')).map(item),
    },
  ].filter((group) => group.pages.length > 0)
}
