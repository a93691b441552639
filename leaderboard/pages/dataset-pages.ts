/** A page for each published data set: facts, terms, and the tables on it. */
import type nunjucks from 'nunjucks'
import { publishedDatasets } from '../../core/data/catalog.ts'
import { knownDataset } from '../known-datasets.ts'
import type { RankedTable } from '../ranking.ts'
import type { PageFiles } from './entry-pages.ts'

/** Renders the pages of published data sets, and of others that entries are on. */
export function renderDatasets(
  environment: nunjucks.Environment,
  tables: readonly RankedTable[],
): PageFiles {
  const files: PageFiles = new Map()
  const known = publishedDatasets.map((facts) => ({
    id: facts.id,
    title: facts.title,
    facts,
    sha256: knownDataset(facts.id)?.sha256,
  }))
  const others = tables
    .map(({ dataset }) => dataset)
    .filter(({ id }, at, all) => all.findIndex((one) => one.id === id) === at)
    .filter(({ id }) => !known.some((one) => one.id === id))
    .map(({ id, title, sha256 }) => ({ id, title, facts: undefined, sha256 }))
  const pages = [...known, ...others].map((page) => ({
    ...page,
    path: datasetPage(page.id),
    tables: tables.filter(({ dataset }) => dataset.id === page.id),
  }))
  const root = '../'
  for (const page of pages) {
    files.set(page.path, environment.render('dataset.html.njk', { page, root }))
  }
  files.set('datasets/index.html', environment.render('datasets.html.njk', { pages, root }))
  return files
}

/** Path of the page of a data set. @param id a slug, as entries state it */
export function datasetPage(id: string): string {
  return `datasets/${id}.html`
}
