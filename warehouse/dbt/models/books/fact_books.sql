-- A row a book: of several editions the title, year and genre of the first, and the greatest number of copies.
select
  book_key,
  (array_agg(title order by file_row))[1] as title,
  (array_agg(original_language order by file_row))[1] as original_language,
  (array_agg(genre order by file_row))[1] as genre,
  min(first_published) as first_published,
  max(approximate_sales) as approximate_sales,
  count(*) as editions
from {{ ref('stg_books') }}
group by book_key
