import { endpoint } from '../wire/endpoint.ts';
import { pageReply } from './page.ts';

/** Logs in with the endpoint that every client uses, and hands its answer over as "Login Fallback" has it. */
const SCRIPT = `
var form = document.getElementById("form"), message = document.getElementById("status");
form.addEventListener("submit", function (event) {
  event.preventDefault();
  var query = new URLSearchParams(location.search);
  var body = { type: "m.login.password", identifier: { type: "m.id.user", user: form.user.value }, password: form.password.value };
  if (query.get("device_id")) body.device_id = query.get("device_id");
  if (query.get("initial_device_display_name")) body.initial_device_display_name = query.get("initial_device_display_name");
  message.textContent = "";
  fetch("/_matrix/client/v3/login", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
    .then(function (response) {
      return response.json().then(function (answer) {
        if (!response.ok) throw new Error(answer.error);
        form.hidden = true;
        message.textContent = "You are logged in. Close this page.";
        if (window.matrixLogin && window.matrixLogin.onLogin) window.matrixLogin.onLogin(answer);
        else if (window.onLogin) window.onLogin(answer);
      });
    })
    .catch(function (error) { message.textContent = error.message; });
});
`;

/** GET /_matrix/static/client/login/ */
const loginPage = endpoint(
  {
    id: 'loginFallback',
    spec: 'client-server-api/#login-fallback',
    method: 'GET',
    paths: [
      '/_matrix/static/client/login/',
      '/_matrix/static/client/login',
      '/_matrix/client/api/v1/login/fallback',
    ],
    auth: 'none',
  },
  () =>
    pageReply({
      title: 'Log in',
      body: `<form id="form">
<label for="user">User name</label>
<input id="user" name="user" autocomplete="username" required>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button>
</form>
<p id="status" role="status"></p>`,
      script: SCRIPT,
    }),
);

export const loginPages = [loginPage] as const;
