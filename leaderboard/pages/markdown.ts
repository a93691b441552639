/** Renders Markdown as HTML: no raw HTML, no inline styles, headings with anchors. */
import MarkdownIt from 'markdown-it'
import { safeUrl } from '../../reports/theme/templates.ts'

/** A heading of a page. */
export interface Heading {
  readonly level: number
  readonly text: string
  readonly anchor: string
}

/** The address of a link's target; undefined if the target is not part of the site. */
export type ResolveLink = (target: string) => string | undefined

/** A rendered page. */
export interface RenderedMarkdown {
  /** Text of the first heading; empty if there is none. */
  readonly title: string
  /** HTML, with all text escaped. */
  readonly html: string
  /** Without the title. */
  readonly headings: readonly Heading[]
}

/**
 * Renders a page in Markdown (CommonMark with tables). HTML in it is shown as text, except comments,
 * which are removed. Headings have the anchors that GitHub gives them.
 * @param resolve the address of a link or image, undefined to keep only its text; called for all but
 * absolute URLs
 */
export function renderMarkdown(text: string, resolve: ResolveLink): RenderedMarkdown {
  const markdown = new MarkdownIt({ html: false, linkify: false })
  markdown.validateLink = (url) => safeUrl(url) !== ''
  // Wide tables scroll, which a keyboard can do only in an element that takes the focus.
  markdown.renderer.rules['table_open'] = () =>
    '<div class="scroll" tabindex="0" role="group" aria-label="Table">\n<table>\n'
  markdown.renderer.rules['table_close'] = () => '</table>\n</div>\n'
  const tokens = markdown.parse(text.replaceAll(/^<!--.*?-->\n?/gms, ''), {})
  const headings: Heading[] = []
  const taken = new Map<string, number>()
  const visit = (list: typeof tokens): void => {
    list.forEach((token, at) => {
      if (token.type === 'heading_open') {
        const words = plainText(list[at + 1])
        const plain = anchorOf(words)
        const count = taken.get(plain) ?? 0
        taken.set(plain, count + 1)
        const anchor = count === 0 ? plain : `${plain}-${count}`
        token.attrSet('id', anchor)
        headings.push({ level: Number(token.tag.slice(1)), text: words, anchor })
      }
      if (token.type === 'th_open' && list[at + 1]?.content === '') retag(list, at, 'td')
      rewriteAttributes(token, resolve)
      if (!token.children) return
      visit(token.children)
      token.children = withoutEmptyLinks(token.children)
    })
  }
  visit(tokens)
  const [first, ...others] = headings
  return {
    title: first?.text ?? '',
    html: markdown.renderer.render(tokens, markdown.options, {}),
    headings: others,
  }
}

type Token = ReturnType<MarkdownIt['parse']>[number]

/** Gives a cell another element: a head without text is none. @param at of its first token */
function retag(tokens: readonly Token[], at: number, tag: string): void {
  tokens[at]!.tag = tag
  tokens[at + 2]!.tag = tag
}

/** Links as the site has them, and classes in place of style attributes. */
function rewriteAttributes(token: Token, resolve: ResolveLink): void {
  for (const name of ['href', 'src']) {
    const target = token.attrGet(name)
    if (target !== null && !/^[a-z]+:/i.test(target)) token.attrSet(name, resolve(target) ?? '')
  }
  const style = token.attrGet('style')
  if (style === null) return
  token.attrs = token.attrs?.filter(([name]) => name !== 'style') ?? null
  if (style.includes('right')) token.attrJoin('class', 'number')
}

/** Links do not nest, so the next end of a link is that of its start. */
function withoutEmptyLinks(tokens: readonly Token[]): Token[] {
  let isEmpty = false
  return tokens.filter((token) => {
    if (token.type === 'link_open') isEmpty = token.attrGet('href') === ''
    return !(isEmpty && (token.type === 'link_open' || token.type === 'link_close'))
  })
}

function plainText(token: Token | undefined): string {
  const parts = token?.children ?? []
  return parts
    .filter(({ type }) => type === 'text' || type === 'code_inline')
    .map(({ content }) => content)
    .join('')
}

/** GitHub's anchor of a heading. */
export function anchorOf(heading: string): string {
  const words = heading.toLowerCase().replaceAll(/[^\p{Letter}\p{Number} _-]/gu, '')
  return words.trim().replaceAll(' ', '-')
}
