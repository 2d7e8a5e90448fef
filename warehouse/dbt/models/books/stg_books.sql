-- A row an edition: the rows of gold with white space put right, and a key that all editions of a book share.
select
  md5(
    lower(regexp_replace(regexp_replace(title, '^\s*(the|a|an)\s+', '', 'i'), '[[:punct:][:space:]]+', ' ', 'g'))
    || '|' || lower(split_part(regexp_replace(authors, '\s*(;|&|\sand\s)\s*', ';', 'g'), ';', 1))
  ) as book_key,
  btrim(regexp_replace(title, '\s+', ' ', 'g')) as title,
  regexp_replace(authors, '\s*(;|&|\sand\s)\s*', ';', 'g') as authors,
  original_language,
  first_published,
  approximate_sales,
  genre,
  source as sales_source,
  file,
  row as file_row
from {{ source('gold', 'books') }}
