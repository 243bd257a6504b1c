INSERT INTO taxa VALUES (1, NULL, 'birds'), (2, 1, 'waders'), (3, 2, 'curlews');
