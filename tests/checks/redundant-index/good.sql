-- expect: nothing
-- column 1 is no prefix of column 10, nor "a" of "ab"
create table orders (
  id int primary key, a int, ab int, c int, d int, e int, f int, g int, h int, j int, note text
);
create index orders_a on orders (a);
create index orders_ab on orders (ab, c);
create index orders_j on orders (j, a);
create unique index orders_c on orders (c);
create index orders_c_d on orders (c, d);
create index orders_d_some on orders (d) where e > 0;
create index orders_d_e on orders (d, e);
create index orders_e_down on orders (e desc);
create index orders_e_f on orders (e, f);
create index orders_f_pattern on orders (note text_pattern_ops);
create index orders_f_note on orders (note, f);
create index orders_g_with on orders (g) include (h);
create index orders_g_f on orders (g, f);
create index orders_h_hash on orders using hash (h);
create index orders_h_g on orders (h, g);
