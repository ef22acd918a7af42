export { Typing } from './typing.ts';
export { exchangeTyping } from './typing-edus.ts';
