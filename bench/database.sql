-- What the workloads with a database read.

CREATE TABLE item (id BIGINT PRIMARY KEY, title TEXT NOT NULL, views BIGINT NOT NULL);
INSERT INTO item SELECT n, 'Item ' || n, n * 7 % 1000 FROM generate_series(1, 1000) AS n;

CREATE TABLE fortune (id BIGINT PRIMARY KEY, message TEXT NOT NULL);
INSERT INTO fortune (id, message) VALUES
    (1, 'A page is quick when it does little.'),
    (2, 'Measure twice, then measure again.'),
    (3, 'Whoever says "it is fast" has not said how fast.'),
    (4, '<script>alert("This must be text.");</script>'),
    (5, 'The cache knows; the cache forgets.'),
    (6, 'Nobody''s profiler has ever agreed with anybody''s guess.'),
    (7, 'Zeros are the cheapest bytes & the dullest.'),
    (8, 'フレームワークのベンチマーク'),
    (9, 'An average hides the one who waits.'),
    (10, 'Delete it: nothing runs faster than nothing.'),
    (11, 'Two cores are company, three are a benchmark.');
