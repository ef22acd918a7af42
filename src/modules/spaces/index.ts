export { SpaceHierarchy, type HierarchyQuery } from './space-hierarchy.ts';
