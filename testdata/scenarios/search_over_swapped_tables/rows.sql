INSERT INTO notes VALUES (2, 'sand');
INSERT INTO drafts VALUES (2, 'mud');
INSERT INTO found(found) VALUES ('rebuild');
