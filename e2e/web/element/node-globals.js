/** What some packages take from Node.js as given. */
export { Buffer } from 'buffer/';
export { default as process } from 'process/browser.js';
