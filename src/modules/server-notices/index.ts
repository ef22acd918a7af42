export { ServerNotices, type Notice } from './server-notices.ts';
