CREATE TABLE author (
    id INTEGER PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    password TEXT NOT NULL
);

CREATE TABLE post (
    id INTEGER PRIMARY KEY,
    author_id INTEGER NOT NULL REFERENCES author (id),
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    picture TEXT
);

CREATE TABLE comment (
    id INTEGER PRIMARY KEY,
    post_id INTEGER NOT NULL REFERENCES post (id) ON DELETE CASCADE,
    author_id INTEGER NOT NULL REFERENCES author (id),
    created TEXT NOT NULL DEFAULT CURRENT_TIMESTAMP,
    body TEXT NOT NULL
);

CREATE INDEX comment_post ON comment (post_id);
