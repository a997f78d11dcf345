-- "Ada" and "ada" are one name.
CREATE UNIQUE INDEX author_name ON author (lower(username));
