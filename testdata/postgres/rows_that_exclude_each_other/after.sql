CREATE TABLE bookings(id integer PRIMARY KEY, room text NOT NULL, days daterange, place point, kept boolean NOT NULL,
  CONSTRAINT free EXCLUDE USING gist (days WITH &&) WHERE (kept) DEFERRABLE INITIALLY DEFERRED,
  CONSTRAINT apart EXCLUDE USING gist (circle(place, 1) WITH &&) WHERE (kept),
  CONSTRAINT rooms EXCLUDE (lower(room) WITH =) WHERE (id < 3));
