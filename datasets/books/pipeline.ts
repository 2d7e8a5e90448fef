import type { Pipeline } from '../pipeline.ts'
import { books } from './books.ts'

/** Books, a row of a file after the other, up to the tables that dbt makes of them. */
export const bookshelf: Pipeline = {
  name: 'books',
  datasets: [books],
  source: {
    kind: 'file',
    file: 'datasets/books/data/best-selling-books.csv',
    sentTo: books,
    usualRate: 5,
  },
  next: 'npm run dbt makes dim_author, fact_books and the bridge between them, in the schema analytics. It needs Python.',
}
