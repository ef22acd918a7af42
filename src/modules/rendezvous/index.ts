export { ConcurrentWrite, Rendezvous, type Shown } from './rendezvous.ts';
