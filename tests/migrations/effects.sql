-- What a migration's statements do to a server: the statements behind effects.tsv, measured on PostgreSQL 14 to 18.
-- tests/integration/effects.rs replays them; PGASSAY_UPDATE_EFFECTS=1 makes it write effects.tsv anew.
--
-- How a case is measured: in a database with the set-up below, `begin; set local client_min_messages = debug1`, the
-- statements of the case, then the locks of the session as pg_locks has them, the filenodes and the sequential scans
-- before and after; `rollback`. What may stand below the name of a case:
--   -- given: SQL   committed before, in a copy of the database; its effects are not those of the case
--   -- alone        each statement for itself, not in a transaction block
--   -- held: SQL    with `alone`: a second session holds this lock until the statement waits for it, so that the locks can
--                   be seen; several are let go one after another
--   -- from: N      the case says nothing to older majors
--
-- effects.tsv has a line for each case and range of majors (inclusive).
-- locks: the strongest mode on each relation that was there before, RELATION:MODE with AE AccessExclusive, X Exclusive,
--   SRE ShareRowExclusive, S Share, SUE ShareUpdateExclusive, RX RowExclusive, RS RowShare; AccessShare is left out, and so
--   is anything below SUE on an index, and of `alone` all indexes. Relations in other schemas than public have the schema before them.
-- effects: REWRITE t (the server said so, or all filenodes of the table are new), SCAN t ("verifying table"), READ t (a
--   sequential scan without a word: of a default partition), BUILD t.i (an index, where t itself is not rewritten),
--   FKVALIDATE c, PROVEN t.c (a scan for nulls is skipped), IMPLIED t (a scan for a partition's bounds is skipped),
--   EMPTIED t (new filenode, nothing in it), ERR sqlstate message.
-- Tables are tiny: modes, rewrites, scans and builds are exact, durations mean nothing.

-- set-up
create schema s;
create type mood as enum('a','b');
create domain posint as int check (value > 0);
create domain plaindom as int;
create domain dflt as int default 5;
create table parent(id bigint primary key, v int);
create table t(id bigint primary key, a int, n int not null, b bigint, vc varchar(50), tx text, num numeric(10,2), ts timestamp, tz timestamptz, c char(5), j jsonb, i4 int, ip cidr, tm timestamp(3), m mood, d1 posint, vb varbit(8), ti time(3), iv interval(3), en text);
insert into parent select g,g from generate_series(1,50) g;
insert into t(id,a,n,b,vc,tx,num,ts,tz,c,i4,d1) select g,g,g,1+g%50,'x','x',1,now(),now(),'x',g,g from generate_series(1,500) g;
create index t_a on t(a); create index t_vc on t(vc); create unique index t_b_u on t(id,b); create unique index t_uq on t(n); create unique index t_uqa on t(a);
create table nn(id bigint primary key, a int); insert into nn select g,g from generate_series(1,100) g;
alter table nn add constraint nn_ck check (a is not null);
create table nnv(id bigint primary key, a int); insert into nnv select g,g from generate_series(1,100) g;
alter table nnv add constraint nnv_ck check (a is not null) not valid;
alter table t add constraint ck_nv check (a > 0) not valid;
alter table t add constraint fk_nv foreign key (b) references parent(id) not valid;
create table child(id bigint primary key, pid bigint references parent(id)); insert into child select g,1+g%50 from generate_series(1,100) g;
create materialized view mv as select id,a from t; create unique index mv_id on mv(id);
create view vw as select id,a from t;
create function trg() returns trigger language plpgsql as 'begin return new; end';
create trigger tr before insert on t for each row execute procedure trg();
create function vol() returns int language plpgsql volatile as 'begin return 1; end';
create function stab() returns int language sql stable as 'select 1';
create table pt(id bigint, k int) partition by range(k);
create table pt1 partition of pt for values from (0) to (100);
create table pt2(id bigint, k int); insert into pt2 select g, 100+g%50 from generate_series(1,100) g;
create table pt3(id bigint, k int, constraint c3 check (k >= 200 and k < 300 and k is not null)); insert into pt3 select g, 200+g%50 from generate_series(1,100) g;
create table inh(id bigint, k int); create table inhc() inherits (inh); create table inhn(id bigint,k int);
create table ptd partition of pt default; insert into ptd select g, 1000+g from generate_series(1,100) g;
create table gen(id int, a int, g int generated always as (a*2) stored); insert into gen(id,a) select g,g from generate_series(1,100) g;
-- what the cases after the first hundred and fifty need
create table ev(id bigint not null, k int not null, v int, w text) partition by range (k);
create table ev1 partition of ev for values from (0) to (100);
create table ev2 partition of ev for values from (100) to (200) partition by list (v);
create table ev2a partition of ev2 for values in (1, 2);
insert into ev select g, g%50, g, 'x' from generate_series(1,50) g; insert into ev select g, 100+g%50, 1, 'x' from generate_series(1,50) g;
create table loose(id bigint not null, k int not null, v int, w text); insert into loose select g, 200+g%50, g, 'x' from generate_series(1,50) g;
create table pk(id bigint, k int, v text, primary key (id, k)) partition by range (k);
create table pk1 partition of pk for values from (0) to (100);
create table pk2 partition of pk for values from (100) to (200);
insert into pk select g, g%200, 'x' from generate_series(1,150) g;
create table pkref(id bigint primary key, pid bigint, k int, foreign key (pid, k) references pk); insert into pkref select g, g, g%200 from generate_series(1,50) g;
create index pk_v on pk(v);
create table pkn(id bigint not null, k int not null, v text); insert into pkn select g, 200, 'x' from generate_series(1,50) g;
create table pf(id bigint, k int, pid bigint references parent(id)) partition by list (k);
create table pf1 partition of pf for values in (1); create table pfn(id bigint, k int, pid bigint); insert into pfn select g, 2, 1 from generate_series(1,50) g;
insert into pf select g, 1, 1 from generate_series(1,50) g;
create table dx(k int not null) partition by list (k);
create table dxd partition of dx default; insert into dxd values (9); alter table dxd add constraint dxd_ck check (k is not null and k <> 1);
create table dep(id int primary key, vc varchar(10) check (vc <> ''), f varchar(20), e varchar(20), g int, u int, w int, p int);
insert into dep select g, 'x', 'x', 'x', g, g, g, g from generate_series(1,50) g;
create index dep_e on dep(lower(e)); create index dep_p on dep(id) where p > 0;
create view depv as select id, u from dep; create table depg(a int, g int generated always as (a + 1) stored);
create trigger dept before update on dep for each row when (new.w > 0) execute function trg();
create table code(c varchar(10) primary key); insert into code values ('a');
create table coded(id int primary key, c varchar(10) references code); insert into coded select g, 'a' from generate_series(1,50) g;
create table self(id int primary key, up int references self); insert into self select g, null from generate_series(1,50) g;
create table ser(id serial primary key, v text); insert into ser(v) select 'x' from generate_series(1,50);
create table idn(id bigint generated always as identity primary key, v text); insert into idn(v) select 'x' from generate_series(1,50);
create table arr(id int, ai int[], av varchar(10)[], at text[]); insert into arr select g, '{1}', '{x}', '{x}' from generate_series(1,50) g;
create table conj(id int, a int constraint conj_ck check (a is not null and a > 0), b int constraint conj_or check (b is not null or id > 0)); insert into conj select g, g, g from generate_series(1,50) g;
create table bare(id int, a int, b int); insert into bare select g, g, g from generate_series(1,50) g;
create table ul(id int primary key); insert into ul values (1); create unlogged table ulu(id int primary key);
create table inp(id int, v int); create table inc(w int) inherits (inp); insert into inp values (1, 1); insert into inc values (1, 1, 1);
create sequence sq0; create table heir(id bigint, k int); insert into heir values (1, 1);
create function vol_sql() returns int language sql volatile as 'select 7';
create function vol_inner() returns double precision language sql volatile as 'select random()';
create function ddl() returns void language plpgsql as 'begin alter table bare add column q int; end';
create procedure ddl_proc() language plpgsql as 'begin update bare set a = 1; end';
create domain posnv as int; create domain posarr as int; create table domt(id int, d posnv, da posarr[]); insert into domt values (1, 1, '{1}');
alter domain posnv add constraint posnv_ck check (value > 0) not valid;
create policy pol on child using (pid > 0); create rule rul as on delete to nnv do instead nothing;
create statistics st on a, b from bare; create view vv as select * from vw;

-- cases
-- case: add col nullable
alter table t add column z int;
-- case: add col const default
alter table t add column z int default 5;
-- case: add col const default NOT NULL
alter table t add column z int not null default 5;
-- case: add col default now()
alter table t add column z timestamptz default now();
-- case: add col default clock_timestamp()
alter table t add column z timestamptz default clock_timestamp();
-- case: add col default random()
alter table t add column z float default random();
-- case: add col default gen_random_uuid()
alter table t add column z uuid default gen_random_uuid();
-- case: add col default stable fn
alter table t add column z int default stab();
-- case: add col default volatile fn
alter table t add column z int default vol();
-- case: add col default -1
alter table t add column z int default -1;
-- case: add col default now() at time zone
alter table t add column z timestamp default (now() at time zone 'utc');
-- case: add col serial
alter table t add column z serial;
-- case: add col identity
alter table t add column z bigint generated by default as identity;
-- case: add col generated stored
alter table t add column z int generated always as (a+1) stored;
-- case: add col generated virtual
alter table t add column z int generated always as (a+1) virtual;
-- case: add col constrained domain
alter table t add column z posint;
-- case: add col constrained domain default
alter table t add column z posint default 5;
-- case: add col unconstrained domain
alter table t add column z plaindom;
-- case: add col domain with default
alter table t add column z dflt;
-- case: add col NOT NULL no default (nonempty)
alter table t add column z int not null;
-- case: add col CHECK
alter table t add column z int check (z > 0);
-- case: add col const default CHECK
alter table t add column z int default 5 check (z > 0);
-- case: add col UNIQUE
alter table t add column z int unique;
-- case: add col PRIMARY KEY(no pk)
alter table pt2 add column z serial primary key;
-- case: add col REFERENCES null default
alter table t add column z bigint references parent(id);
-- case: add col REFERENCES with default
alter table t add column z bigint default 1 references parent(id);
-- case: drop col
alter table t drop column tx;
-- case: set not null
alter table t alter column a set not null;
-- case: set not null w/ valid CHECK
alter table nn alter column a set not null;
-- case: set not null w/ NOT VALID CHECK
alter table nnv alter column a set not null;
-- case: drop not null
alter table t alter column n drop not null;
-- case: set default
alter table t alter column a set default 3;
-- case: drop default
alter table t alter column a drop default;
-- case: add identity to existing NOT NULL col
alter table t alter column n add generated by default as identity;
-- case: type int->bigint
alter table t alter column i4 type bigint;
-- case: type bigint->int
alter table t alter column b type int;
-- case: type varchar(50)->varchar(100)
alter table t alter column vc type varchar(100);
-- case: type varchar(50)->varchar(10)
alter table t alter column vc type varchar(10);
-- case: type varchar->text (indexed)
alter table t alter column vc type text;
-- case: type text->varchar
alter table t alter column tx type varchar;
-- case: type text->varchar(100)
alter table t alter column tx type varchar(100);
-- case: type char(5)->text
alter table t alter column c type text;
-- case: type char(5)->char(10)
alter table t alter column c type char(10);
-- case: type numeric(10,2)->numeric(12,2)
alter table t alter column num type numeric(12,2);
-- case: type numeric(10,2)->numeric
alter table t alter column num type numeric;
-- case: type numeric(10,2)->numeric(10,3)
alter table t alter column num type numeric(10,3);
-- case: type timestamp->timestamptz (TZ=UTC)
set local timezone='UTC'; alter table t alter column ts type timestamptz;
-- case: type timestamp->timestamptz (TZ=NY)
set local timezone='America/New_York'; alter table t alter column ts type timestamptz;
-- case: type timestamp(3)->timestamp(6)
alter table t alter column tm type timestamp(6);
-- case: type timestamp(3)->timestamp
alter table t alter column tm type timestamp;
-- case: type cidr->inet
alter table t alter column ip type inet;
-- case: type varbit(8)->varbit(16)
alter table t alter column vb type varbit(16);
-- case: type time(3)->time(6)
alter table t alter column ti type time(6);
-- case: type interval(3)->interval(6)
alter table t alter column iv type interval(6);
-- case: type jsonb->json
alter table t alter column j type json;
-- case: type text collate C
alter table t alter column tx type text collate "C";
-- case: type varchar collate C (indexed)
alter table t alter column vc type varchar(50) collate "C";
-- case: type int->same int
alter table t alter column i4 type int;
-- case: type int USING i4::int
alter table t alter column i4 type int using i4+0;
-- case: type enum->text
alter table t alter column m type text;
-- case: type domain->base
alter table t alter column d1 type int;
-- case: type base->constrained domain
alter table t alter column i4 type posint;
-- case: type base->unconstrained domain
alter table t alter column i4 type plaindom;
-- case: add CHECK
alter table t add constraint z check (a > 0);
-- case: add CHECK NOT VALID
alter table t add constraint z check (a > 0) not valid;
-- case: validate CHECK
alter table t validate constraint ck_nv;
-- case: add FK
alter table t add constraint z foreign key (b) references parent(id);
-- case: add FK NOT VALID
alter table t add constraint z foreign key (b) references parent(id) not valid;
-- case: validate FK
alter table t validate constraint fk_nv;
-- case: add UNIQUE
alter table t add constraint z unique(id,n);
-- case: add UNIQUE USING INDEX
alter table t add constraint z unique using index t_uq;
-- case: add PK
alter table pt2 add primary key (id);
-- case: add PK NOT NULL existing
-- given: alter table pt2 alter column id set not null;
alter table pt2 add primary key (id);
-- case: add PK USING INDEX nullable col
-- given: alter table t drop constraint t_pkey;
alter table t add primary key using index t_uqa;
-- case: add PK USING INDEX notnull col
-- given: alter table t drop constraint t_pkey;
alter table t add primary key using index t_uq;
-- case: add EXCLUDE
alter table t add constraint z exclude using gist (int4range(a,a+1) with &&);
-- case: add NOT NULL constraint (18)
alter table t add constraint z not null a;
-- case: add NOT NULL NOT VALID (18)
alter table t add constraint z not null a not valid;
-- case: validate NOT NULL (18)
-- from: 18
-- given: alter table t add constraint z not null a not valid;
alter table t validate constraint z;
-- case: add FK NOT ENFORCED (18)
alter table t add constraint z foreign key (b) references parent(id) not enforced;
-- case: drop CHECK
alter table t drop constraint ck_nv;
-- case: drop FK
alter table child drop constraint child_pid_fkey;
-- case: rename constraint
alter table t rename constraint ck_nv to ck2;
-- case: rename column
alter table t rename column a to a2;
-- case: rename table
alter table t rename to t9;
-- case: rename index
alter index t_a rename to t_a9;
-- case: set schema
alter table t set schema s;
-- case: alter constraint deferrable
alter table t alter constraint fk_nv deferrable;
-- case: set statistics
alter table t alter column a set statistics 500;
-- case: set storage
alter table t alter column tx set storage external;
-- case: set (fillfactor)
alter table t set (fillfactor=80);
-- case: set (autovacuum)
alter table t set (autovacuum_enabled=false);
-- case: set unlogged
alter table child set unlogged;
-- case: set tablespace same
alter table t set tablespace pg_default;
-- case: replica identity
alter table t replica identity full;
-- case: enable RLS
alter table t enable row level security;
-- case: owner to
alter table t owner to pg_monitor;
-- case: cluster on
alter table t cluster on t_a;
-- case: disable trigger
alter table t disable trigger tr;
-- case: enable trigger
alter table t enable trigger tr;
-- case: create trigger
create trigger tr2 before insert on t for each row execute procedure trg();
-- case: create or replace trigger
create or replace trigger tr before insert on t for each row execute procedure trg();
-- case: drop trigger
drop trigger tr on t;
-- case: create rule
create rule r as on delete to t do nothing;
-- case: create policy
create policy pp on t using (true);
-- case: create statistics
create statistics s1 on a,b from t;
-- case: comment on table
comment on table t is 'x';
-- case: comment on column
comment on column t.a is 'x';
-- case: grant
grant select on t to public;
-- case: create index
create index z on t(b);
-- case: drop index
drop index t_a;
-- case: reindex table
reindex table t;
-- case: reindex index
reindex index t_a;
-- case: cluster
cluster t using t_a;
-- case: truncate
truncate child;
-- case: drop table
drop table child;
-- case: drop table parent cascade
drop table parent cascade;
-- case: create table with FK
create table z(id bigint, p bigint references parent(id));
-- case: create table partition of
create table pt9 partition of pt for values from (9000) to (9100);
-- case: attach partition (no check)
alter table pt attach partition pt2 for values from (100) to (200);
-- case: attach partition (check)
alter table pt attach partition pt3 for values from (200) to (300);
-- case: detach partition
alter table pt detach partition pt1;
-- case: inherit
alter table inhn inherit inh;
-- case: refresh matview
refresh materialized view mv;
-- case: refresh matview concurrently
refresh materialized view concurrently mv;
-- case: create view
create view z as select * from t;
-- case: create or replace view
create or replace view vw as select id,a from t;
-- case: drop view
drop view depv;
-- case: create matview
create materialized view z as select * from t;
-- case: alter type add value
alter type mood add value 'c';
-- case: alter type add value + use
alter type mood add value 'c'; insert into t(id,n,m) values (99999,99999,'c');
-- case: alter type rename value
alter type mood rename value 'a' to 'a2';
-- case: alter domain add check
alter domain posint add constraint z check (value < 100000);
-- case: alter domain add check NOT VALID
alter domain posint add constraint z check (value < 100000) not valid;
-- case: alter sequence
-- given: create sequence sq;
alter sequence sq increment 2;
-- case: lock table
lock table t;
-- case: analyze
analyze t;
-- case: insert select
insert into nn select g,g from generate_series(1000,1100) g;
-- case: select for update
select * from t for update;
-- case: alter table only pt add col
alter table pt add column q int;
-- case: drop col with index
alter table t drop column vc;
-- case: change access method
alter table t set access method heap;
-- case: set expression (17)
alter table gen alter column g set expression as (a*3);
-- case: create publication
create publication pb for table t;
-- case: alter publication add
-- given: create publication pb2;
alter publication pb2 add table t;

-- without a transaction
-- case: create index concurrently
-- alone
-- held: lock table t in row exclusive mode
create index concurrently z on t(b);
-- case: create unique index concurrently
-- alone
-- held: lock table t in row exclusive mode
create unique index concurrently z on t(i4);
-- case: create index concurrently in a transaction
create index concurrently z on t(b);
-- case: create index concurrently on a partitioned table
-- alone
create index concurrently z on ev(v);
-- case: drop index concurrently
-- alone
-- held: lock table t in row exclusive mode
drop index concurrently t_a;
-- case: drop index concurrently in a transaction
drop index concurrently t_a;
-- case: drop index concurrently of a partitioned table
-- alone
drop index concurrently pk_v;
-- case: reindex index concurrently
-- alone
-- held: lock table t in row exclusive mode
reindex index concurrently t_a;
-- case: reindex table concurrently
-- alone
-- held: lock table child in row exclusive mode
reindex table concurrently child;
-- case: reindex table concurrently in a transaction
reindex table concurrently child;
-- case: reindex schema in a transaction
reindex schema s;
-- case: reindex a partitioned table in a transaction
reindex table pk;
-- case: reindex a partitioned table
-- alone
-- held: lock table pk1 in row exclusive mode
-- held: lock table pk2 in row exclusive mode
reindex table pk;
-- case: detach concurrently
-- alone
-- held: lock table only ev in row exclusive mode
-- held: lock table only ev1 in access share mode
alter table ev detach partition ev1 concurrently;
-- case: detach concurrently in a transaction
alter table ev detach partition ev1 concurrently;
-- case: detach concurrently with a default partition
-- alone
alter table pt detach partition pt1 concurrently;
-- case: vacuum
-- alone
-- held: lock table child in share update exclusive mode
vacuum child;
-- case: vacuum in a transaction
vacuum child;
-- case: vacuum full
-- alone
-- held: lock table child in access share mode
vacuum full child;
-- case: cluster bare in a transaction
cluster;
-- case: cluster a partitioned table in a transaction
cluster pk using pk_pkey;
-- case: cluster using the marked index
-- given: alter table child cluster on child_pkey;
cluster child;
-- case: create database in a transaction
create database z;
-- case: create tablespace in a transaction
create tablespace z location '/nowhere';
-- case: alter system in a transaction
alter system set work_mem = '8MB';
-- case: refresh concurrently without a unique index
-- given: drop index mv_id;
refresh materialized view concurrently mv;
-- case: refresh with no data
refresh materialized view mv with no data;

-- several actions
-- case: add column and set statistics
alter table t add column z int, alter column a set statistics 100;
-- case: validate and set statistics
alter table t validate constraint ck_nv, alter column a set statistics 100;
-- case: validate CHECK and add column
alter table t validate constraint ck_nv, add column z int;
-- case: validate FK and add column
alter table t validate constraint fk_nv, add column z int;
-- case: add CHECK NOT VALID and validate at once
alter table t add constraint z check (b > 0) not valid, validate constraint z;
-- case: add FK and set statistics
alter table t add constraint z foreign key (b) references parent, alter column a set statistics 100;
-- case: add FK NOT VALID and validate at once
alter table t add constraint z foreign key (b) references parent not valid, validate constraint z;
-- case: two set not null
alter table bare alter column a set not null, alter column b set not null;
-- case: set not null and a type change that rewrites
alter table bare alter column a type bigint, alter column b set not null;
-- case: add CHECK and a type change that rewrites
alter table bare alter column a type bigint, add check (b > 0);
-- case: add column and make it unique
alter table bare add column z int, add constraint z_key unique (z);
-- case: add column with default and an index build
alter table bare add column z int default random(), add unique (a);
-- case: set not null and drop the check that proves it
alter table nn drop constraint nn_ck, alter column a set not null;
-- case: add CHECK not null and set not null
alter table bare add check (a is not null), alter column a set not null;
-- case: drop and add a CHECK
alter table dep drop constraint dep_vc_check, add constraint dep_vc_check check (vc <> 'y');
-- case: add CHECK NOT VALID twice
alter table bare add check (a > 0) not valid, add check (b > 0) not valid;
-- case: set not null and drop default
alter table bare alter column a set not null, alter column a drop default;
-- case: disable trigger and set options
alter table t disable trigger tr, set (fillfactor = 90);
-- case: two columns, one rewrites
alter table bare add column y int default 5, add column z float default random();
-- case: type change and its default
alter table bare alter column a drop default, alter column a type bigint, alter column a set default 5;

-- proofs
-- case: set not null with a valid CHECK in conjunction
alter table conj alter column a set not null;
-- case: set not null with a CHECK in disjunction
alter table conj alter column b set not null;
-- case: set not null of a not null column
alter table t alter column n set not null;
-- case: add PK with a valid CHECK
alter table conj add primary key (a);
-- case: add PK USING INDEX with a valid CHECK
-- given: create unique index conj_a on conj(a);
alter table conj add primary key using index conj_a;
-- case: set not null while NOT NULL is not valid
-- from: 18
-- given: alter table bare add constraint z not null a not valid;
alter table bare alter column a set not null;
-- case: add PK while NOT NULL is not valid
-- from: 18
-- given: alter table bare add constraint z not null a not valid;
alter table bare add primary key (a);
-- case: validate a valid FK
alter table child validate constraint child_pid_fkey;
-- case: add NOT NULL with a valid CHECK (18)
-- from: 18
alter table nn add constraint z not null a;
-- case: set not null with not (a is null)
-- given: alter table bare add check (not (a is null));
alter table bare alter column a set not null;
-- case: set not null with a CHECK that says more in each arm
-- given: alter table bare add check ((a is not null and b > 0) or (a is not null and b < 5));
alter table bare alter column a set not null;
-- case: set not null with a CHECK a > 0
-- given: alter table bare add check (a > 0);
alter table bare alter column a set not null;
-- case: set not null with two CHECKs, one each
-- given: alter table bare add check (a is not null), add check (b is not null);
alter table bare alter column a set not null, alter column b set not null;
-- case: set not null with one CHECK for two columns
-- given: alter table bare add check (a is not null);
alter table bare alter column a set not null, alter column b set not null;
-- case: validate and set not null at once
-- given: alter table bare add constraint z check (a is not null) not valid;
alter table bare validate constraint z, alter column a set not null;
-- case: validate a valid constraint
alter table nn validate constraint nn_ck;

-- adding columns
-- case: add col default inlined SQL function
alter table t add column z int default vol_sql();
-- case: add col default inlined SQL function that is volatile
alter table t add column z float default vol_inner();
-- case: add col default current_date
alter table t add column z date default current_date;
-- case: add col default lower('X')
alter table t add column z text default lower('X');
-- case: add col default cast
alter table t add column z jsonb default '{}'::jsonb;
-- case: add col default array
alter table t add column z text[] default array['a'];
-- case: add col default nextval
alter table t add column z bigint default nextval('sq0');
-- case: add col default uuid from text
alter table t add column z uuid default md5(random()::text)::uuid;
-- case: add col constrained domain not null default
alter table t add column z posint not null default 5;
-- case: add col array of a constrained domain
alter table t add column z posint[];
-- case: add col UNIQUE with default
alter table bare add column z float default random() unique;
-- case: add col NOT NULL default null
alter table t add column z int not null default null;
-- case: add col NOT NULL REFERENCES default
alter table t add column z bigint not null default 1 references parent;
-- case: add col REFERENCES default null
alter table t add column z bigint default null references parent;
-- case: add col REFERENCES and another with a default
alter table t add column z bigint references parent, add column y int default 5;
-- case: add col REFERENCES and another FK
alter table t add column z bigint references parent, add constraint y foreign key (b) references parent;
-- case: add col REFERENCES of a partitioned table
alter table pf add column z bigint references parent;
-- case: add col UNIQUE of a partitioned table
alter table ev add column z int, add unique (id, k, v, z);
-- case: add col PRIMARY KEY with default
alter table bare add column z int default 5 primary key;
-- case: add col PRIMARY KEY
alter table bare add column z int primary key;
-- case: add col default of an enum
alter table t add column z mood default 'a';
-- case: add col default timeofday()
alter table t add column z text default timeofday();
-- case: add col default now()::text
alter table t add column z text default now()::text;
-- case: add col default coalesce(null, random())
alter table t add column z float default coalesce(null, random());
-- case: add col default expression of constants
alter table t add column z int default 2 + 3 * 4;
-- case: add col EXCLUDE inline
alter table bare add column z int4range, add exclude using gist (z with &&);
-- case: add col domain not null
-- given: create domain nnd as int not null;
alter table t add column z nnd;
-- case: add col domain with a volatile default
-- given: create domain vdd as float default random();
alter table t add column z vdd;
-- case: add col domain of a domain
-- given: create domain dd as posint;
alter table t add column z dd;
-- case: add col REFERENCES self
alter table self add column z int references self;
-- case: add col generated stored by default
alter table t add column z int generated always as (a+1);
-- case: add col identity NOT NULL
alter table bare add column z int generated always as identity primary key;
-- case: add col if not exists, exists
alter table t add column if not exists a int;
-- case: add col exists
alter table t add column a int;
-- case: add col of an unknown table
alter table absent add column a int;
-- case: add col of an unknown table, if exists
alter table if exists absent add column a int;
-- case: add col CHECK virtual
-- from: 18
alter table t add column z int generated always as (a+1) virtual check (z > 0);
-- case: add col virtual NOT NULL
-- from: 18
alter table t add column z int generated always as (n+1) virtual not null;

-- type changes
-- case: type widened under a CHECK
alter table dep alter column vc type varchar(20);
-- case: type widened under an expression index
alter table dep alter column e type varchar(30);
-- case: type of a column in a partial index's predicate
alter table dep alter column p type bigint;
-- case: type widened under a CHECK NOT VALID
-- given: create table cnv(vc varchar(10)); alter table cnv add constraint cnv_ck check (vc <> '') not valid; insert into cnv values ('x');
alter table cnv alter column vc type varchar(20);
-- case: type widened of a column of a unique constraint
-- given: update dep set f = id::text; alter table dep add unique (f);
alter table dep alter column f type varchar(30);
-- case: type changes of two columns, one rewrites
alter table bare alter column a type bigint, alter column b type int;
-- case: type of a generated column
alter table gen alter column g type bigint;
-- case: type widened of an FK column
alter table coded alter column c type varchar(20);
-- case: type widened of a referenced column
alter table code alter column c type varchar(20);
-- case: type to text of an FK column
alter table coded alter column c type text;
-- case: type of an FK column that rewrites
alter table pkref alter column pid type int;
-- case: type of a column of a view
alter table dep alter column u type bigint;
-- case: type of a column of a view of two tables
-- given: create view two as select dep.p, loose.w from dep join loose on loose.id = dep.id;
alter table dep alter column p type bigint;
-- case: type of a column that only the condition of a view names
-- given: create view cond as select id from bare where a > 0;
alter table bare alter column a type bigint;
-- case: type of a column that a view does not name
-- given: create view other as select id from bare where a > 0;
alter table bare alter column b type bigint;
-- case: type of a column of a view of all
-- given: create view alls as select * from bare;
alter table bare alter column a type bigint;
-- case: type of a column of a materialized view
-- given: create materialized view mbare as select a from bare;
alter table bare alter column a type bigint;
-- case: type of a column of a generated one
alter table depg alter column a type bigint;
-- case: type of a column of a trigger's condition
alter table dep alter column w type bigint;
-- case: type of a column of a policy
alter table child alter column pid type numeric;
-- case: type on a partitioned table
alter table ev alter column id type numeric;
-- case: type on a partitioned table without a rewrite
alter table ev alter column w type varchar;
-- case: type of a partition key
alter table ev alter column k type bigint;
-- case: type with an inheriting table
alter table inp alter column v type bigint;
-- case: type of an inherited column
alter table inc alter column v type bigint;
-- case: type int[]->bigint[]
alter table arr alter column ai type bigint[];
-- case: type varchar(10)[]->varchar(20)[]
alter table arr alter column av type varchar(20)[];
-- case: type varchar(10)[]->text[]
alter table arr alter column av type text[];
-- case: type text[]->varchar[]
alter table arr alter column at type varchar[];
-- case: type text->int without using
alter table t alter column tx type int;
-- case: type int->text
alter table t alter column i4 type text;
-- case: type int USING itself
alter table t alter column i4 type int using i4;
-- case: type varchar USING a cast
alter table t alter column vc type text using vc::text;
-- case: type int->numeric
alter table t alter column i4 type numeric;
-- case: type numeric(10,2)->numeric(8,2)
alter table t alter column num type numeric(8,2);
-- case: type timestamp->date
alter table t alter column ts type date;
-- case: type timestamp->timestamp(3)
alter table t alter column ts type timestamp(3);
-- case: type text->unconstrained domain of text
-- given: create domain txd as text;
alter table t alter column tx type txd;
-- case: type domain->domain
alter table t alter column d1 type plaindom;
-- case: type with an index that is rebuilt
alter table t alter column n type bigint;
-- case: type of a referenced column that rewrites
alter table parent alter column id type numeric;
-- case: type serial's int->bigint
alter table ser alter column id type bigint;
-- case: type of an identity
alter table idn alter column id type int;
-- case: type of an unknown column
alter table t alter column absent type int;

-- partitioned tables
-- case: partitioned: add column
alter table ev add column z int;
-- case: partitioned: add column volatile
alter table ev add column z float default random();
-- case: partitioned: drop column
alter table ev drop column w;
-- case: partitioned: rename column
alter table ev rename column w to z;
-- case: partitioned: rename table
alter table ev rename to z;
-- case: partitioned: set not null
alter table ev alter column v set not null;
-- case: partitioned: set default
alter table ev alter column v set default 1;
-- case: partitioned: add CHECK
alter table ev add constraint z check (id > 0);
-- case: partitioned: add CHECK NOT VALID
alter table ev add constraint z check (id > 0) not valid;
-- case: partitioned: validate CHECK
-- given: alter table ev add constraint z check (id > 0) not valid;
alter table ev validate constraint z;
-- case: partitioned: drop CHECK
-- given: alter table ev add constraint z check (id > 0);
alter table ev drop constraint z;
-- case: partitioned: add FK
alter table ev add constraint z foreign key (id) references parent;
-- case: partitioned: add FK NOT VALID
alter table ev add constraint z foreign key (id) references parent not valid;
-- case: partitioned: validate FK (18)
-- from: 18
-- given: alter table ev add constraint z foreign key (id) references parent not valid;
alter table ev validate constraint z;
-- case: partitioned: drop FK
alter table pf drop constraint pf_pid_fkey;
-- case: partitioned: add FK to it
alter table heir add constraint z foreign key (id, k) references pk;
-- case: partitioned: drop FK to it
alter table pkref drop constraint pkref_pid_k_fkey;
-- case: partitioned: create table with FK to it
create table z(a bigint, k int, foreign key (a, k) references pk);
-- case: partitioned: add UNIQUE
alter table ev add constraint z unique (id, k, v);
-- case: partitioned: add UNIQUE without the key
alter table pk add constraint z unique (v);
-- case: partitioned: add UNIQUE USING INDEX
-- given: create unique index pk_u on pk(k, id);
alter table pk add constraint z unique using index pk_u;
-- case: partitioned: add PK
alter table ev add primary key (id, k, v);
-- case: partitioned: add PK of nullable columns
-- given: create table pp(id int, k int) partition by range (k); create table pp1 partition of pp for values from (0) to (100); insert into pp values (1, 1);
alter table pp add primary key (id, k);
-- case: partitioned: drop not null
alter table ev alter column id drop not null;
-- case: partitioned: add identity
alter table ev alter column id add generated always as identity;
-- case: partitioned: set storage
alter table ev alter column w set storage external;
-- case: partitioned: set compression
alter table ev alter column w set compression pglz;
-- case: partitioned: set column options
alter table ev alter column v set (n_distinct = 5);
-- case: partitioned: rename constraint
-- given: alter table ev add constraint z check (id > 0);
alter table ev rename constraint z to y;
-- case: partitioned: rename trigger
-- given: create trigger z before insert on ev for each row execute function trg();
alter trigger z on ev rename to y;
-- case: partitioned: disable trigger all
alter table ev disable trigger all;
-- case: partitioned: vacuum
-- alone
-- held: lock table only ev in share update exclusive mode
-- held: lock table ev1 in share update exclusive mode
-- held: lock table only ev2 in share update exclusive mode
-- held: lock table ev2a in share update exclusive mode
vacuum ev;
-- case: partitioned: drop column with an FK
alter table pf drop column pid;
-- case: partitioned: drop with an FK
drop table pf;
-- case: partitioned: drop partition beside a default
drop table pt1;
-- case: partitioned: drop referenced partition
drop table pk1;
-- case: partitioned: truncate referenced cascade
truncate pk cascade;
-- case: partitioned: comment on a partition
comment on table ev1 is 'x';
-- case: partitioned: create index with a partition's own
-- given: create index pk1_own on pk1(k, id, v);
create index z on pk(k, id, v);
-- case: partitioned: attach a partitioned table
-- given: create table evs(id bigint not null, k int not null, v int, w text) partition by range (k); create table evs1 partition of evs for values from (200) to (250); insert into evs values (1, 200, 1, 'x');
alter table ev attach partition evs for values from (200) to (300);
-- case: partitioned: attach with its own index
-- given: create index pkn_own on pkn(v); alter table pkn add primary key (id, k);
alter table pk attach partition pkn for values from (200) to (300);
-- case: partitioned: attach with its own FK
-- given: alter table pfn add foreign key (pid) references parent;
alter table pf attach partition pfn for values in (2);
-- case: partitioned: attach beside a partitioned default
-- given: create table pz(k int) partition by list (k); create table pzd partition of pz default partition by list (k); create table pzd1 partition of pzd for values in (9); insert into pz values (9); create table pz1(k int);
alter table pz attach partition pz1 for values in (1);
-- case: partitioned: attach range, implied by between
-- given: create table pt4(id bigint, k int not null, check (k between 300 and 399)); insert into pt4 values (1, 300);
alter table pt attach partition pt4 for values from (300) to (400);
-- case: partitioned: attach range, implied by a narrower check
-- given: create table pt4(id bigint, k int not null, check (k > 300 and k <= 350)); insert into pt4 values (1, 310);
alter table pt attach partition pt4 for values from (300) to (400);
-- case: partitioned: attach range, check not valid
-- given: create table pt4(id bigint, k int not null); insert into pt4 values (1, 300); alter table pt4 add check (k >= 300 and k < 400) not valid;
alter table pt attach partition pt4 for values from (300) to (400);
-- case: partitioned: attach list, implied by in
-- given: create table pf2(id bigint, k int check (k in (2, 3)) not null, pid bigint);
alter table pf attach partition pf2 for values in (2, 3, 4);
-- case: partitioned: attach range of dates, implied
-- given: create table pd(d date) partition by range (d); create table pd1(d date not null check (d >= '2024-01-01' and d < '2024-02-01')); insert into pd1 values ('2024-01-02');
alter table pd attach partition pd1 for values from ('2024-01-01') to ('2024-02-01');
-- case: partitioned: attach range with minvalue, implied
-- given: create table pt4(id bigint, k int not null check (k < 0)); insert into pt4 values (1, -1);
alter table pt attach partition pt4 for values from (minvalue) to (0);
-- case: partitioned: attach range, default implied
-- given: alter table ptd add constraint ptd_ck check (k is not null and (k < 100 or k >= 200)) ;
alter table pt attach partition pt2 for values from (100) to (200);
-- case: partitioned: attach hash
-- given: create table ph(k int) partition by hash (k); create table ph0(k int not null);
alter table ph attach partition ph0 for values with (modulus 1, remainder 0);
-- case: partitioned: drop PK
alter table pk drop constraint pk_pkey cascade;
-- case: partitioned: create index
create index z on pk(k);
-- case: partitioned: create index on only
create index z on only pk(k);
-- case: partitioned: create index on a partition
create index z on pk1(k);
-- case: partitioned: attach index
-- given: create index z on only pk(k);
-- given: create index z1 on pk1(k);
alter index z attach partition z1;
-- case: partitioned: drop index
drop index pk_v;
-- case: partitioned: drop a partition's index
drop index pk1_v_idx;
-- case: partitioned: create trigger
create trigger z before insert on ev for each row execute function trg();
-- case: partitioned: create statement trigger
create trigger z after insert on ev for each statement execute function trg();
-- case: partitioned: drop trigger
-- given: create trigger z before insert on ev for each row execute function trg();
drop trigger z on ev;
-- case: partitioned: disable trigger
-- given: create trigger z before insert on ev for each row execute function trg();
alter table ev disable trigger z;
-- case: partitioned: drop table
drop table ev;
-- case: partitioned: drop a partition
drop table ev1;
-- case: partitioned: truncate
truncate ev;
-- case: partitioned: truncate a partition
truncate ev1;
-- case: partitioned: attach
alter table ev attach partition loose for values from (200) to (300);
-- case: partitioned: attach with indexes
alter table pk attach partition pkn for values from (200) to (300);
-- case: partitioned: attach with an FK
alter table pf attach partition pfn for values in (2);
-- case: partitioned: attach, default implied
-- given: create table dx1(k int not null); alter table dx1 add check (k = 1 and k is not null);
alter table dx attach partition dx1 for values in (1);
-- case: partitioned: attach, implied but for not null
-- given: create table pt4(id bigint, k int, check (k >= 300 and k < 400)); insert into pt4 values (1, 300);
alter table pt attach partition pt4 for values from (300) to (400);
-- case: partitioned: attach, implied with not null
-- given: create table pt4(id bigint, k int not null, check (k >= 300 and k < 400)); insert into pt4 values (1, 300);
alter table pt attach partition pt4 for values from (300) to (400);
-- case: partitioned: attach default
-- given: create table ev9(id bigint not null, k int not null, v int, w text);
alter table ev attach partition ev9 default;
-- case: partitioned: attach list, implied
-- given: create table pf2(id bigint, k int check (k = 2) not null, pid bigint);
alter table pf attach partition pf2 for values in (2);
-- case: partitioned: detach
alter table ev detach partition ev1;
-- case: partitioned: detach with an FK
alter table pf detach partition pf1;
-- case: partitioned: detach a referenced partition
alter table pk detach partition pk2;
-- case: partitioned: create partition
create table z partition of ev for values from (300) to (400);
-- case: partitioned: create partition with an FK
create table z partition of pf for values in (3);
-- case: partitioned: create partition of a referenced table
create table z partition of pk for values from (300) to (400);
-- case: partitioned: create default partition
create table z partition of ev default;
-- case: partitioned: create partition, default implied
create table z partition of dx for values in (1);
-- case: partitioned: set unlogged
alter table ev set unlogged;
-- case: partitioned: set logged
alter table ev set logged;
-- case: partitioned: set statistics
alter table ev alter column v set statistics 100;
-- case: partitioned: set options
alter table ev set (fillfactor = 80);
-- case: partitioned: enable RLS
alter table ev enable row level security;
-- case: partitioned: owner to
alter table ev owner to pg_monitor;
-- case: partitioned: set schema
alter table ev set schema s;
-- case: partitioned: only add CHECK
alter table only ev add constraint z check (id > 0);
-- case: partitioned: only add column
alter table only ev add column z int;
-- case: partitioned: only set not null
alter table only ev alter column v set not null;
-- case: partitioned: comment
comment on table ev is 'x';
-- case: partitioned: lock
lock table ev in share mode;
-- case: partitioned: lock only
lock table only ev in share mode;
-- case: partitioned: analyze
analyze ev;
-- case: partitioned: set access method
alter table ev set access method heap;
-- case: partitioned: set tablespace
alter table ev set tablespace pg_default;
-- case: partitioned: replica identity
alter table ev replica identity full;
-- case: partitioned: insert
insert into ev values (1, 1, 1, 'x');
-- case: partitioned: update
update ev set w = 'y';
-- case: partition: add column
alter table ev1 add column z int;
-- case: partition: add CHECK
alter table ev1 add constraint z check (id > 0);
-- case: partition: set not null
alter table ev1 alter column v set not null;
-- case: partition: drop inherited column
alter table ev1 drop column w;

-- inheritance
-- case: inheritance: add column
alter table inp add column z int;
-- case: inheritance: only add column
alter table only inp add column z int;
-- case: inheritance: drop column
alter table inp drop column v;
-- case: inheritance: rename column
alter table inp rename column v to z;
-- case: inheritance: set not null
alter table inp alter column v set not null;
-- case: inheritance: add CHECK
alter table inp add constraint z check (id > 0);
-- case: inheritance: add CHECK no inherit
alter table inp add constraint z check (id > 0) no inherit;
-- case: inheritance: only add CHECK
alter table only inp add constraint z check (id > 0);
-- case: inheritance: add FK
alter table inp add constraint z foreign key (v) references self;
-- case: inheritance: create index
create index z on inp(id);
-- case: inheritance: set default
alter table inp alter column v set default 1;
-- case: inheritance: add UNIQUE
alter table inp add constraint z unique (id);
-- case: inheritance: validate CHECK
-- given: alter table inp add constraint z check (id > 0) not valid;
alter table inp validate constraint z;
-- case: inheritance: drop CHECK
-- given: alter table inp add constraint z check (id > 0);
alter table inp drop constraint z;
-- case: inheritance: set statistics
alter table inp alter column v set statistics 100;
-- case: inheritance: drop not null
alter table inp alter column v drop not null;
-- case: inheritance: add column volatile
alter table inp add column z float default random();
-- case: inheritance: lock
lock table inp in share mode;
-- case: inheritance: rename inherited column
alter table inc rename column v to z;
-- case: inheritance: drop inherited column
alter table inc drop column v;
-- case: inheritance: no inherit
alter table inc no inherit inp;
-- case: inheritance: create table inherits
create table z() inherits (inp);
-- case: inheritance: drop parent
drop table inp;
-- case: inheritance: drop parent cascade
drop table inp cascade;
-- case: inheritance: truncate
truncate inp;
-- case: inheritance: enable RLS
alter table inp enable row level security;

-- dropping
-- case: drop column with an FK
-- given: drop policy pol on child;
alter table child drop column pid;
-- case: drop column of a policy
alter table child drop column pid;
-- case: drop column that is referenced
alter table parent drop column id;
-- case: drop column that is referenced, cascade
alter table parent drop column id cascade;
-- case: drop column of a view
alter table dep drop column u;
-- case: drop column of a view, cascade
alter table dep drop column u cascade;
-- case: drop column of a generated one
alter table depg drop column a;
-- case: drop column of a CHECK
alter table dep drop column vc;
-- case: drop column that is a serial
alter table ser drop column id;
-- case: drop column absent
alter table t drop column absent;
-- case: drop column absent, if exists
alter table t drop column if exists absent;
-- case: drop constraint PK that is referenced
alter table parent drop constraint parent_pkey;
-- case: drop constraint PK that is referenced, cascade
alter table parent drop constraint parent_pkey cascade;
-- case: drop constraint PK
alter table bare drop constraint absent;
-- case: drop constraint unique
-- given: alter table bare add constraint bare_u unique (a);
alter table bare drop constraint bare_u;
-- case: drop constraint absent, if exists
alter table bare drop constraint if exists absent;
-- case: drop FK of itself
alter table self drop constraint self_up_fkey;
-- case: drop table that is referenced
drop table parent;
-- case: drop table of a view
drop table t;
-- case: drop table of a view, cascade
drop table t cascade;
-- case: drop table with a sequence
drop table ser;
-- case: drop table absent
drop table absent;
-- case: drop table absent, if exists
drop table if exists absent;
-- case: drop several tables
drop table bare, arr;
-- case: drop view of a view
drop view vw;
-- case: drop view of a view, cascade
drop view vw cascade;
-- case: drop matview
drop materialized view mv;
-- case: drop index of a constraint
drop index t_pkey;
-- case: drop index absent
drop index absent;
-- case: drop sequence
drop sequence sq0;
-- case: drop sequence that a default uses
drop sequence ser_id_seq;
-- case: drop type in use
drop type mood;
-- case: drop type in use, cascade
drop type mood cascade;
-- case: drop domain in use
drop domain posint;
-- case: drop function of a trigger
drop function trg();
-- case: drop function
drop function vol();
-- case: drop policy
drop policy pol on child;
-- case: drop rule
drop rule rul on nnv;
-- case: drop statistics
drop statistics st;
-- case: drop schema
drop schema s;
-- case: drop schema that is not empty
-- given: create table s.a(id int primary key);
drop schema s;
-- case: drop schema that is not empty, cascade
-- given: create table s.a(id int primary key); create view s.v as select * from s.a;
drop schema s cascade;

-- constraints and indexes
-- case: add FK of itself
alter table self add constraint z foreign key (up) references self;
-- case: add FK to an unknown column
alter table t add constraint z foreign key (b) references parent(absent);
-- case: add FK to a column that is not unique
alter table t add constraint z foreign key (i4) references parent(v);
-- case: add CHECK not enforced (18)
alter table t add constraint z check (a > 0) not enforced;
-- case: alter constraint enforced (18)
-- from: 18
-- given: alter table t add constraint z foreign key (b) references parent not enforced;
alter table t alter constraint z enforced;
-- case: alter constraint not enforced (18)
-- from: 18
alter table child alter constraint child_pid_fkey not enforced;
-- case: alter constraint inherit (18)
-- from: 18
-- given: alter table inp add constraint z not null v no inherit;
alter table inp alter constraint z inherit;
-- case: alter constraint deferrable of a valid FK
alter table child alter constraint child_pid_fkey deferrable;
-- case: add UNIQUE nulls not distinct (15)
alter table t add constraint z unique nulls not distinct (i4);
-- case: add UNIQUE deferrable
alter table bare add constraint z unique (a) deferrable;
-- case: add PK where there is one
alter table t add primary key (n);
-- case: add PK of a nullable column
alter table bare add primary key (a);
-- case: add UNIQUE USING INDEX absent
alter table bare add constraint z unique using index absent;
-- case: add temporal PK (18)
-- given: create table tp(id int4range, at daterange);
alter table tp add primary key (id, at without overlaps);
-- case: create index if not exists, exists
create index if not exists t_a on t(a);
-- case: create index exists
create index t_a on t(a);
-- case: create unique index nulls not distinct (15)
create unique index z on t(i4) nulls not distinct;
-- case: create index of an expression
create index z on t(lower(vc));
-- case: create index on a matview
create index z on mv(a);
-- case: create index on an unknown column
create index z on t(absent);
-- case: create index on a view
create index z on vw(a);
-- case: alter index set options
alter index t_a set (fillfactor = 80);
-- case: alter index set tablespace
alter index t_a set tablespace pg_default;
-- case: alter index set statistics
alter index dep_e alter column 1 set statistics 100;
-- case: rename constraint of an index
alter table t rename constraint t_pkey to z;
-- case: rename constraint of an FK
alter table child rename constraint child_pid_fkey to z;
-- case: rename index by alter table
alter table t_a rename to z;
-- case: validate constraint absent
alter table t validate constraint absent;
-- case: set without cluster
alter table t set without cluster;
-- case: replica identity using index
alter table t replica identity using index t_uq;
-- case: set compression
alter table t alter column tx set compression pglz;
-- case: set column options
alter table t alter column a set (n_distinct = 5);
-- case: drop expression
alter table gen alter column g drop expression;
-- case: set expression of a virtual column (18)
-- from: 18
-- given: create table vg(a int, g int generated always as (a + 1) virtual); insert into vg values (1);
alter table vg alter column g set expression as (a + 2);
-- case: set expression of an indexed column (17)
-- given: create index gen_g on gen(g);
alter table gen alter column g set expression as (a*3);
-- case: set logged
alter table ulu set logged;
-- case: set unlogged of an unlogged table
alter table ulu set unlogged;
-- case: set unlogged of a referenced table
alter table parent set unlogged;
-- case: owner to another, with sequences
alter table ser owner to pg_monitor;
-- case: set unlogged with an identity
alter table idn set unlogged;
-- case: add identity to a nullable column
alter table bare alter column a add generated always as identity;
-- case: set tablespace
-- given: set allow_in_place_tablespaces = on;
-- given: create tablespace pgassay_effects location '';
alter table child set tablespace pgassay_effects;
-- case: set access method of a partition
alter table ev1 set access method heap;
-- case: force RLS
alter table t force row level security;
-- case: disable trigger all
alter table child disable trigger all;
-- case: disable rule
alter table nnv disable rule rul;
-- case: of type
-- given: create type ty as (id int, a int, b int);
alter table bare of ty;

-- sequences, types, domains
-- case: add identity
alter table t alter column n add generated always as identity;
-- case: set generated
alter table idn alter column id set generated by default;
-- case: drop identity
alter table idn alter column id drop identity;
-- case: restart identity
alter table idn alter column id restart with 100;
-- case: alter sequence owned by
alter sequence sq0 owned by bare.id;
-- case: alter sequence owned by none
alter sequence ser_id_seq owned by none;
-- case: alter sequence restart
alter sequence ser_id_seq restart;
-- case: create sequence owned by
create sequence z owned by bare.id;
-- case: rename sequence
alter sequence sq0 rename to z;
-- case: setval
select setval('sq0', 5);
-- case: alter domain in use add check, a partitioned table
-- given: create domain dpt as int; create table tdp(d dpt, k int) partition by list (k); create table tdp1 partition of tdp for values in (1); insert into tdp values (1, 1);
alter domain dpt add constraint z check (value > 0);
-- case: alter domain of a domain add check
-- given: create domain d1 as int; create domain d2 as d1; create table td2(d d2); insert into td2 values (1);
alter domain d1 add constraint z check (value > 0);
-- case: alter domain set not null
alter domain posnv set not null;
-- case: alter domain drop not null
alter domain posnv drop not null;
-- case: alter domain validate
alter domain posnv validate constraint posnv_ck;
-- case: alter domain drop constraint
alter domain posnv drop constraint posnv_ck;
-- case: alter domain set default
alter domain posnv set default 3;
-- case: alter domain add check, only an array
alter domain posarr add constraint z check (value < 100000);
-- case: rename type
alter type mood rename to z;
-- case: enum made and used in one transaction
create type z as enum ('a'); alter type z add value 'b'; create table zz(m z default 'b');
-- case: enum value made and used as a default
alter type mood add value 'z'; alter table t alter column m set default 'z';
-- case: add enum value if not exists, exists
alter type mood add value if not exists 'a';
-- case: add enum value exists
alter type mood add value 'a';
-- case: alter type of a row type in use
-- given: create type ty as (a int); create table tyt(x ty);
alter type ty add attribute b int, alter attribute a type bigint;
-- case: alter type of a row type
-- given: create type ty as (a int);
alter type ty add attribute b int;
-- case: set schema of a type
alter type mood set schema s;
-- case: set schema with indexes and sequences
alter table ser set schema s;
-- case: set schema of a view
alter view vw set schema s;
-- case: rename schema
alter schema s rename to z;

-- views and the rest
-- case: rename view
alter view vw rename to z;
-- case: alter view set default
alter view vw alter column a set default 1;
-- case: alter view security_invoker (15)
alter view vw set (security_invoker = true);
-- case: create view security_invoker (15)
create view z with (security_invoker = true) as select 1 as a;
-- case: create or replace view that drops a column
create or replace view vw as select id from t;
-- case: rename matview
alter materialized view mv rename to z;
-- case: rename trigger
alter trigger tr on t rename to z;
-- case: rename policy
alter policy pol on child rename to z;
-- case: alter policy
alter policy pol on child using (true);
-- case: create trigger with a transition table
create trigger z after insert on t referencing new table as n for each statement execute function trg();
-- case: create constraint trigger
create constraint trigger z after insert on t from parent for each row execute function trg();
-- case: create rule on a view
create rule z as on insert to vw do instead nothing;
-- case: comment on index
comment on index t_a is 'x';
-- case: comment on constraint
comment on constraint t_pkey on t is 'x';
-- case: comment on view
comment on view vw is 'x';
-- case: comment on type
comment on type mood is 'x';
-- case: comment on trigger
comment on trigger tr on t is 'x';
-- case: grant on all tables
grant select on all tables in schema public to public;
-- case: revoke
revoke all on t from public;
-- case: publication for all tables
create publication z for all tables;
-- case: publication set table
-- given: create publication z for table t;
alter publication z set table parent;
-- case: publication of a partitioned table
create publication z for table ev;
-- case: drop publication
-- given: create publication z for table t;
drop publication z;
-- case: publication with a row filter (15)
create publication z for table t where (a > 0);
-- case: drop statistics absent
drop statistics absent;
-- case: create table like
create table z(like t including all);
-- case: create table as
create table z as select * from t;
-- case: select into
select * into z from t;
-- case: create table if not exists, exists
create table if not exists t(id int);
-- case: create table exists
create table t(id int);
-- case: create function
create function z() returns int language sql as 'select 1';
-- case: create extension
create extension if not exists plpgsql;
-- case: select from a view for update
select * from vw for update;
-- case: lock view
lock table vw in share mode;
-- case: lock row exclusive
lock table t in row exclusive mode;

-- data
-- case: insert into a referencing table, a null
insert into self values (1000, null);
-- case: update of a referencing column
update coded set c = 'a';
-- case: update of another column of a referencing table
update coded set id = id;
-- case: update of a referenced key
update code set c = 'a';
-- case: delete set null
-- given: create table cas(id int primary key); insert into cas values (1); create table casref(id int references cas on delete cascade); insert into casref values (1);
delete from cas;
-- case: copy from
-- given: create table cp(a int);
copy cp from '/dev/null';
-- case: update from another
update bare set a = loose.v from loose where loose.id = bare.id;
-- case: delete using another
delete from bare using loose where loose.id = bare.id;
-- case: select for update of a join
select * from bare, loose for update of bare;
-- case: update all
update bare set a = 2;
-- case: update where
update bare set a = 2 where id = 1;
-- case: delete all
delete from bare;
-- case: insert values
insert into child values (1000, 1);
-- case: insert into a view
insert into vv(id, a) select 1, 1 where false;
-- case: merge (15)
merge into bare using loose on bare.id = loose.id when matched then update set a = 3;
-- case: merge returning (17)
merge into bare using loose on bare.id = loose.id when matched then update set a = 3 returning bare.a;
-- case: update with a cte that writes
with x as (delete from arr returning id) update bare set a = 1 from x where x.id = bare.id;
-- case: delete from a referenced table
delete from code where c = 'b';
-- case: truncate that is referenced
truncate parent;
-- case: truncate cascade
truncate parent cascade;
-- case: truncate restart identity
truncate ser restart identity;
-- case: copy from a program
copy bare to '/dev/null';
-- case: do block
do $$ begin alter table bare add column z int; update arr set id = 1; end $$;
-- case: function with ddl
select ddl();
-- case: call
call ddl_proc();
-- case: explain analyze
explain analyze update bare set a = 1;
-- case: explain
explain update bare set a = 1;
-- case: prepare
prepare z as update bare set a = 1;
