INSERT INTO marks VALUES (1, 'a', 'new'), (2, 'b', 'New'), (3, 'c', 'NEW');
