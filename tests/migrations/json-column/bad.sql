-- expect: json-column:5 json-column:6 json-column:8 json-column:9
-- file: 001_json.sql
create table orders (
  id bigint primary key,
  body json,
  parts json[] not null
);
alter table unknown add column extra json;
alter table unknown alter column other type json using other::json;
