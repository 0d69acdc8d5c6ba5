-- SPDX-License-Identifier: MIT
-- Load for the sqlite3 row: an in-memory database filled, indexed, joined.
PRAGMA journal_mode = OFF;
CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, grp INTEGER, score REAL);
CREATE TABLE tag (item INTEGER, word TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 150000)
INSERT INTO item SELECT i, printf('name-%d-%s', i * 7919 % 100003,
	hex(zeroblob(i % 24))), i * 31 % 997, i * 0.37 FROM n;
INSERT INTO tag SELECT id, printf('t%d', id * 131 % 5003) FROM item;
INSERT INTO tag SELECT id, printf('u%d', id * 17 % 707) FROM item;
CREATE INDEX item_name ON item (name);
CREATE INDEX tag_word ON tag (word, item);
SELECT count(*), sum(length(name)) FROM item WHERE name LIKE 'name-1%';
SELECT word, count(*) AS c, group_concat(item.id) FROM tag
	JOIN item ON item.id = tag.item WHERE grp < 300
	GROUP BY word ORDER BY c DESC LIMIT 5;
UPDATE item SET name = name || 'x' WHERE grp % 3 = 0;
DELETE FROM tag WHERE item % 5 = 0;
SELECT count(DISTINCT word) FROM tag;
SELECT json_group_array(name) IS NOT NULL FROM item WHERE id < 40000;
