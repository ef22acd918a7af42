export { RemoteSpaces } from './remote-spaces.ts';
export { SpaceAnswers } from './space-answers.ts';
export { SpaceHierarchy, type HierarchyQuery } from './space-hierarchy.ts';
