-- expect: exclusion-constraint-added:5
-- file: 001_rooms.sql released
create table bookings (room int, during tstzrange);
-- file: 002_exclude.sql
alter table bookings add constraint no_overlap exclude using gist (room with =, during with &&);
