export { InvitePermissions } from './invite-permissions.ts';
