/**
 * The page around Element's user interface: what a maker of a client hands to `matrix-react-sdk` so that it runs. It says
 * which homeserver to use, what the browser can do, and which address shows which screen.
 */
import React from 'react';
import { render } from 'react-dom';
import BasePlatform from 'matrix-react-sdk/src/BasePlatform';
import MatrixChat from 'matrix-react-sdk/src/components/structures/MatrixChat';
import { MatrixClientPeg } from 'matrix-react-sdk/src/MatrixClientPeg';
import PlatformPeg from 'matrix-react-sdk/src/PlatformPeg';
import { init as keepLog } from 'matrix-react-sdk/src/rageshake/rageshake';
import SdkConfig from 'matrix-react-sdk/src/SdkConfig';
import { setTheme } from 'matrix-react-sdk/src/theme';
import AutoDiscoveryUtils from 'matrix-react-sdk/src/utils/AutoDiscoveryUtils';

class PagePlatform extends BasePlatform {
  constructor(config) {
    super();
    this.config = config;
  }

  getConfig() {
    return Promise.resolve(this.config);
  }

  getDefaultDeviceDisplayName() {
    return 'Element in a test';
  }

  getHumanReadableName() {
    return 'Web Platform';
  }

  getAppVersion() {
    return Promise.resolve('matrix-react-sdk');
  }

  requestNotificationPermission() {
    return Promise.resolve('denied');
  }

  reload() {
    window.location.reload();
  }
}

/** What the part of the address behind `#/` says: the screen, and the words for it. */
function screenOf(address) {
  const [screen = '', query = ''] = new URL(address).hash.replace(/^#\/?/, '').split('?');
  return { screen, params: Object.fromEntries(new URLSearchParams(query)) };
}

/** Media need the account's token; pictures of a page are fetched without, so that a worker adds it. */
async function addTokensToMedia() {
  navigator.serviceWorker.addEventListener('message', ({ ports: [port] }) => {
    port?.postMessage(MatrixClientPeg.get()?.getAccessToken() ?? null);
  });
  await navigator.serviceWorker.register('media-token-worker.js');
  await navigator.serviceWorker.ready;
}

export async function start() {
  const config = SdkConfig.get();
  await keepLog(false);
  PlatformPeg.set(new PagePlatform(config));
  await addTokensToMedia();
  const { base_url: homeserver, server_name: hsName } = config.default_server_config['m.homeserver'];
  const server = await AutoDiscoveryUtils.validateServerConfigWithStaticUrls(homeserver, undefined, true);
  SdkConfig.add({ validated_server_config: { ...server, hsName, hsNameIsDifferent: true, isDefault: true } });
  await setTheme();

  let shown = window.location.hash;
  const onNewScreen = (screen, replaceLast) => {
    shown = `#/${screen}`;
    if (replaceLast) window.location.replace(shown);
    else window.location.assign(shown);
  };
  const first = screenOf(window.location.href);
  const chat = React.createElement(MatrixChat, {
    config: SdkConfig.get(),
    onNewScreen,
    enableGuest: false,
    startingFragmentQueryParams: first.params,
    initialScreenAfterLogin: first.screen === '' ? undefined : first,
    defaultDeviceDisplayName: 'Element in a test',
    ref: (running) => {
      window.matrixChat = running;
    },
  });
  render(chat, document.getElementById('matrixchat'));
  window.addEventListener('hashchange', () => {
    if (window.location.hash === shown) return;
    const { screen, params } = screenOf(window.location.href);
    window.matrixChat?.showScreen(screen, params);
  });
}
