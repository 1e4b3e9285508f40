// What happens in the page: the browser's own WebSocket and EventSource. `tell` is given by bridge.js.
"use strict";

let socket;

const say = (event) => tell(JSON.stringify(event));

function toBase64(buffer) {
  const bytes = new Uint8Array(buffer);
  let text = "";
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

const commands = {
  connect({ url }) {
    let opened = false;
    socket = new WebSocket(url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      opened = true;
      say({ event: "open", cursor: null });
    };
    socket.onmessage = ({ data }) =>
      say(typeof data === "string" ? { event: "text", data } : { event: "binary", data: toBase64(data) });
    socket.onclose = ({ code, reason }) =>
      say(opened ? { event: "closed", code, reason } : { event: "refused", status: null });
  },

  text({ data }) {
    socket.send(data);
  },

  binary({ data }) {
    socket.send(Uint8Array.from(atob(data), (character) => character.charCodeAt(0)));
  },

  close({ code, reason }) {
    if (code === null) socket.close();
    else socket.close(code, reason);
  },

  // EventSource connects again by itself, and names the last event it got.
  sse({ url }) {
    const source = new EventSource(url);
    const heard = ({ type, lastEventId, data }) => say({ event: "streamed", id: lastEventId, name: type, data });
    source.onopen = () => say({ event: "open", cursor: null });
    source.onerror = () => say({ event: "ended" });
    for (const name of ["message", "binary", "gap"]) source.addEventListener(name, heard);
  },
};

function obey(command) {
  commands[command.do](command);
}
