CREATE TABLE bookings(id integer PRIMARY KEY, room text NOT NULL, days daterange, place point, kept boolean NOT NULL);
