begin;
alter table orders add column status text not null default 'new';
update orders set status = 'paid' where total > 0;
alter table orders alter column total type bigint;
commit;
