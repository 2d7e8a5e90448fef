import { dataset, type RowOf } from '@cupel/core/dataset'
import { integer, text } from '@cupel/core/kinds'

/** Best-selling books, a row of a CSV file each. */
export const books = dataset({
  name: 'books',
  description: 'Best-selling books: who wrote what, when, and how many copies are said to have been sold.',
  topic: 'sensor_stream',
  bronzeFolder: 'books-folder',
  silverFolder: 'processed-books',
  table: 'books',
  version: 1,
  key: ['title', 'authors'],
  orderBy: 'row', // of two rows of a book the one further below counts
  fields: {
    row: integer('Row of the file, from 1.', { min: 1 }),
    file: text('File that it stands in.', { max: 255 }),
    title: text('Title in the original language, where it is known, with the English one.', { max: 500 }),
    authors: text('Who wrote it; several are separated by ";", "&" or "and".', { max: 500 }),
    original_language: text('Language in which it was written.', { max: 100 }),
    first_published: integer('Year; below zero before our era.', {
      min: -3000,
      max: 2100,
      optional: true,
    }),
    approximate_sales: integer('Copies sold, as somebody estimates.', { min: 1, optional: true }),
    genre: text('Genre.', { max: 100, optional: true }),
    source: text('Who says so of the sales.', { max: 200, optional: true }),
    note: text('What else there is to say.', { optional: true }),
  },
})

export type Book = RowOf<typeof books>
