-- A row for each author of a book, in the order in which they are named.
select distinct on (book_key, author_key)
  book_key,
  md5(lower(author_name)) as author_key,
  author_name,
  position
from (
  select book_key, btrim(name) as author_name, position, file_row
  from {{ ref('stg_books') }}, unnest(string_to_array(authors, ';')) with ordinality as named (name, position)
) as authors
where author_name <> ''
order by book_key, author_key, file_row
