export { KeyBackup, type PlacedKey, type SessionKey } from './key-backup.ts';
