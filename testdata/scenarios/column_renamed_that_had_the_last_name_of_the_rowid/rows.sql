INSERT INTO odd VALUES ('b', 7, NULL), ('a', 3, 9), ('c', -1, 0);
INSERT INTO even VALUES ('x', 'y', 'z'), (NULL, NULL, NULL);
