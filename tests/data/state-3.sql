-- Written by version 0.1.0, schema 3; python: sqlite3.Connection.iterdump().
BEGIN TRANSACTION;
CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY, at TEXT NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, stream TEXT NOT NULL,
    detail TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL
);
INSERT INTO "audit" VALUES(1,'2026-11-29T07:00:00.000Z','gateway','start','','{"streams": 2}','0000000000000000000000000000000000000000000000000000000000000000','893c7fd7a65ae8a179ee5b42b333e6048a50412f4f48069082db1c2432faa90c');
INSERT INTO "audit" VALUES(2,'2026-11-29T07:00:01.000Z','http:ops','update','front','{"keys": {"masks": 1}}','893c7fd7a65ae8a179ee5b42b333e6048a50412f4f48069082db1c2432faa90c','aae85b93e9ba95d109293948f8874f262cf7b1f8e9550b13f02a86c01b32c817');
INSERT INTO "audit" VALUES(3,'2026-11-29T07:00:02.000Z','mqtt','add','yard','{}','aae85b93e9ba95d109293948f8874f262cf7b1f8e9550b13f02a86c01b32c817','82fccd1f3e5e44f7481f6a6f9e58c4c480e4f0cf7ba20a586ef41123be017ff0');
INSERT INTO "audit" VALUES(4,'2026-11-29T07:00:04.000Z','gateway','channel_seen','front','{"kind": "h264 type 6", "layer": "rtp"}','82fccd1f3e5e44f7481f6a6f9e58c4c480e4f0cf7ba20a586ef41123be017ff0','4d1770e76bf18305feb7812ec74d749e3609cbffb77f8cd549a34f005d2ed1f8');
CREATE TABLE asset_change (
    number INTEGER PRIMARY KEY, asset TEXT NOT NULL, state TEXT NOT NULL, at TEXT NOT NULL, because TEXT NOT NULL
);
INSERT INTO "asset_change" VALUES(1,'pole-17','legacy','2026-11-29T07:00:06.000Z','front was not verified yet');
CREATE TABLE asset_overlay (asset TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "asset_overlay" VALUES('pole-17','{"keys": {"planned": "2027-Q2"}, "removed": false}');
CREATE TABLE channel (
    stream TEXT NOT NULL, layer TEXT NOT NULL, kind TEXT NOT NULL, first_seen TEXT NOT NULL,
    PRIMARY KEY (stream, layer, kind)
) WITHOUT ROWID;
INSERT INTO "channel" VALUES('front','rtp','h264 type 6','2026-11-29T07:00:03.000Z');
CREATE TABLE finding (
    number INTEGER PRIMARY KEY, subject TEXT NOT NULL, field TEXT NOT NULL, finder TEXT NOT NULL,
    document TEXT NOT NULL, UNIQUE (subject, field, finder)
);
INSERT INTO "finding" VALUES(1,'asset:pole-17','maker','stream','{"field": "maker", "value": "Hikvision", "by": "stream", "evidence": ["realm"], "seen": "2026-11-29T07:00:05.000Z"}');
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "meta" VALUES('etag_key','5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a');
INSERT INTO "meta" VALUES('file','{"streams": {"front": {"source": "rtsp://192.168.10.21/x"}}}');
INSERT INTO "meta" VALUES('learned','{"rtsp://192.168.10.21:554": {"transport": "tcp"}}');
CREATE TABLE overlay (stream TEXT PRIMARY KEY, document TEXT NOT NULL) WITHOUT ROWID;
INSERT INTO "overlay" VALUES('front','{"keys": {"masks": [{"polygon": [[0, 0], [0.5, 0], [0.5, 0.5]], "style": "solid"}]}, "removed": false}');
INSERT INTO "overlay" VALUES('yard','{"keys": {"source": {"url": "rtsp://192.168.10.22/y"}, "video": {"fps": 5}}, "removed": false}');
CREATE TABLE verdict (
    number INTEGER PRIMARY KEY, stream TEXT NOT NULL, document TEXT NOT NULL, signed TEXT NOT NULL
);
INSERT INTO "verdict" VALUES(1,'front','{"number": 1, "stream": "front", "at": "2026-11-29T07:00:05.000Z", "kind": "clean", "reason": "schedule", "pictures": 60, "seconds": 60, "by": "schedule", "was_read": true, "is_signed": true}','{"statement": "s", "signature": "g"}');
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER audit_only_grows BEFORE INSERT ON audit
    WHEN NEW.sequence <= (SELECT COALESCE(MAX(sequence), 0) FROM audit) BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE INDEX asset_change_of_asset ON asset_change (asset, number);
CREATE INDEX verdict_of_stream ON verdict (stream, number);
COMMIT;
PRAGMA user_version = 3;
