-- expect: nothing
-- file: 001_rooms.sql released
create table bookings (room int, during tstzrange);
-- file: 002_exclude.sql
create table stays (room int, during tstzrange, exclude using gist (room with =, during with &&));
create table nights (room int, during tstzrange);
alter table nights add constraint no_overlap exclude using gist (room with =, during with &&);
