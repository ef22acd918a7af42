/** Content of other servers by when it was fetched, so that not too much of it is kept. */
export const fetchedMedia = {
  number: 62,
  name: 'fetched-media',
  statements: [
    `CREATE INDEX media_fetched ON media (uploaded_at, bytes, origin) WHERE user_id IS NULL AND expires_at IS NULL`,
  ],
};
