INSERT INTO Stations VALUES (2, 'north'); INSERT INTO child VALUES (2);
