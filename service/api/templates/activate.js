"use strict";
// The link's secret stands after # and never reaches a server's log; it is taken out of the address at once.
const secret = location.hash.slice(1);
history.replaceState(null, "", location.pathname);
const at = (id) => document.getElementById(id);
at(secret ? "by-link" : "by-code").hidden = false;

function say(kind, indonesian, english) {
  const result = at("result");
  result.className = kind;
  const second = document.createElement("span");
  second.lang = "en";
  second.textContent = english;
  result.replaceChildren(indonesian + " ", second);
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  at("send").disabled = true;
  const body = { cookie: true, device: navigator.platform.slice(0, 64) };
  if (secret) body.token = secret;
  else Object.assign(body, { code: at("code").value, phone: at("phone").value });
  if (at("password").value) body.password = at("password").value;
  try {
    const answer = await fetch("/auth/activate", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
    });
    const found = await answer.json();
    if (answer.ok) {
      at("form").hidden = true;
      say("good", "Akun aktif dan Anda sudah masuk.", "The account is active and you are logged in.");
    } else {
      at("send").disabled = false;
      say("bad", found.message.id, found.message.en);
    }
  } catch {
    at("send").disabled = false;
    say("bad", "Tidak ada jaringan. Tautan ini tetap berlaku; coba lagi nanti.",
      "No network. The link stays good; try again later.");
  }
});
