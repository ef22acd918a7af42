/** Which events relate to which and what is counted of them; the search index; finding events by their time. */
export const relationsAndSearch = {
  number: 9,
  name: 'relations-search',
  statements: [
    `CREATE TABLE event_relations (
      parent_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      room_id TEXT NOT NULL,
      event_id TEXT NOT NULL,
      rel_type TEXT NOT NULL,
      type TEXT NOT NULL,
      sender TEXT NOT NULL,
      key TEXT,
      origin_server_ts INTEGER NOT NULL,
      edits INTEGER NOT NULL,
      PRIMARY KEY (parent_id, position)
    ) WITHOUT ROWID`,
    `CREATE UNIQUE INDEX event_relations_by_child ON event_relations (event_id)`,
    `CREATE INDEX event_relations_by_type ON event_relations (parent_id, rel_type, position)`,
    `CREATE INDEX event_relations_by_sender ON event_relations (parent_id, sender, rel_type, type)`,
    `CREATE INDEX event_relations_edits ON event_relations
      (parent_id, sender, type, origin_server_ts, event_id) WHERE edits = 1`,
    `INSERT INTO event_relations SELECT relations.parent_id, relations.position, events.room_id, events.event_id,
        relations.rel_type, relations.type, relations.sender, relations.key, events.origin_server_ts,
        CASE WHEN relations.rel_type = 'm.replace' THEN 1 ELSE 0 END
      FROM relations JOIN events ON events.position = relations.position WHERE events.redacted_by IS NULL`,
    `DROP TABLE relations`,
    `CREATE TABLE indirect_relations (
      ancestor_id TEXT NOT NULL,
      position INTEGER NOT NULL,
      event_id TEXT NOT NULL,
      depth INTEGER NOT NULL,
      PRIMARY KEY (ancestor_id, position)
    ) WITHOUT ROWID`,
    `CREATE INDEX indirect_relations_by_child ON indirect_relations (event_id)`,
    `CREATE TABLE aggregations (
      parent_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      edits INTEGER NOT NULL,
      mentions INTEGER NOT NULL,
      thread_events INTEGER NOT NULL,
      thread_position INTEGER,
      PRIMARY KEY (parent_id, room_id)
    ) WITHOUT ROWID`,
    `CREATE INDEX aggregations_threads ON aggregations (room_id, thread_position) WHERE thread_events > 0`,
    `INSERT INTO aggregations SELECT parent_id, room_id,
        SUM(edits), SUM(CASE WHEN rel_type = 'm.reference' THEN 1 ELSE 0 END),
        SUM(CASE WHEN rel_type = 'm.thread' THEN 1 ELSE 0 END),
        MAX(CASE WHEN rel_type = 'm.thread' THEN position END)
      FROM event_relations WHERE rel_type IN ('m.replace', 'm.reference', 'm.thread') GROUP BY parent_id, room_id`,
    `CREATE TABLE thread_participants (
      root_id TEXT NOT NULL,
      room_id TEXT NOT NULL,
      sender TEXT NOT NULL,
      events INTEGER NOT NULL,
      PRIMARY KEY (root_id, room_id, sender)
    ) WITHOUT ROWID`,
    `INSERT INTO thread_participants SELECT parent_id, room_id, sender, COUNT(*)
      FROM event_relations WHERE rel_type = 'm.thread' GROUP BY parent_id, room_id, sender`,
    `CREATE INDEX events_by_time ON events (room_id, origin_server_ts, position)`,
    `CREATE TABLE search_terms (
      key INTEGER NOT NULL,
      position INTEGER NOT NULL,
      PRIMARY KEY (key, position)
    ) WITHOUT ROWID`,
    `CREATE TABLE search_documents (position INTEGER PRIMARY KEY, keys BLOB NOT NULL)`,
    `CREATE TABLE search_edits (event_id TEXT NOT NULL, edited_id TEXT NOT NULL, PRIMARY KEY (event_id)) WITHOUT ROWID`,
    `CREATE TABLE search_progress (id INTEGER PRIMARY KEY CHECK (id = 1), position INTEGER NOT NULL)`,
    `INSERT INTO search_progress (id, position) VALUES (1, 0)`,
  ],
};
