-- A row an author.
select author_key, min(author_name) as name, count(*) as books
from {{ ref('bridge_book_author') }}
group by author_key
