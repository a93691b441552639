/**
 * Writes the comparison as one comment of the pull request, and updates that comment later. Without
 * a token that may write, as in pull requests from forks, it does nothing: the step summary has the
 * comparison.
 *
 * Environment: BODY (file), MARKER, GITHUB_TOKEN, GITHUB_API_URL, GITHUB_REPOSITORY, PULL_REQUEST.
 */
import { readFileSync } from 'node:fs'

const { BODY, GITHUB_TOKEN, GITHUB_REPOSITORY, PULL_REQUEST } = process.env
const api = process.env.GITHUB_API_URL ?? 'https://api.github.com'
const marker = `<!-- robench compare ${process.env.MARKER ?? ''} -->`
/** GitHub accepts no longer comments. */
const longest = 65_000

if (!GITHUB_TOKEN || !PULL_REQUEST) {
  console.log('no token or no pull request: the comparison is in the step summary only')
} else {
  await comment()
}

async function comment() {
  const comments = `/repos/${GITHUB_REPOSITORY}/issues/${PULL_REQUEST}/comments`
  let known
  for (let page = 1; known === undefined; page++) {
    const list = await request('GET', `${comments}?per_page=100&page=${page}`)
    if (list === undefined) return
    known = list.find(({ body }) => body?.startsWith(marker))
    if (list.length < 100) break
  }
  const body = `${marker}\n${readFileSync(BODY, 'utf8')}`.slice(0, longest)
  const path = known && `/repos/${GITHUB_REPOSITORY}/issues/comments/${known.id}`
  const written = path
    ? await request('PATCH', path, { body })
    : await request('POST', comments, { body })
  if (written) console.log(`${path ? 'updated' : 'wrote'} the comment`)
}

/** @returns undefined if the token may not do this */
async function request(method, path, content) {
  const response = await fetch(`${api}${path}`, {
    method,
    headers: {
      accept: 'application/vnd.github+json',
      authorization: `Bearer ${GITHUB_TOKEN}`,
      'content-type': 'application/json',
    },
    ...(content && { body: JSON.stringify(content) }),
  })
  if (response.status === 401 || response.status === 403 || response.status === 404) {
    console.log(`the token may not comment (${response.status}): see the step summary`)
    return undefined
  }
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  return response.json()
}
