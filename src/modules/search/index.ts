export { EventSearch } from './event-search.ts';
export { SearchAnswers, type ContextWish, type SearchWish } from './search-answers.ts';
export { SearchIndex } from './search-index.ts';
export { GROUP_KEYS, parseSearchToken } from './search-token.ts';
export { SEARCH_KEYS } from './searchable-text.ts';
