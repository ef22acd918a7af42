/** Much of the user interface looks at the configuration and its texts while it is loaded, so that these come first. */
import SdkConfig from 'matrix-react-sdk/src/SdkConfig';

SdkConfig.put(await (await fetch('config.json')).json());
const { setLanguage } = await import('matrix-react-sdk/src/languageHandler');
await setLanguage('en');
const { start } = await import('./page.js');
await start();
