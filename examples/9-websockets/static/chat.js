const list = document.getElementById("said");
const state = document.getElementById("state");
const text = document.getElementById("text");
let socket;
let wait = 1000;

function connect() {
  socket = new WebSocket(list.dataset.live);
  socket.onopen = () => {
    wait = 1000;
    state.textContent = "connected";
  };
  socket.onmessage = (event) => {
    const said = JSON.parse(event.data);
    const item = document.createElement("li");
    const name = document.createElement("b");
    // As text: what others write is not HTML.
    name.textContent = said.name;
    item.append(name, " ", said.text);
    list.append(item);
  };
  socket.onclose = (event) => {
    state.textContent = "disconnected (" + event.code + ")";
    // All clients of a server that has restarted must not come back in the same moment.
    setTimeout(connect, wait * (1 + Math.random()));
    wait = Math.min(wait * 2, 60000);
  };
}

document.getElementById("say").addEventListener("submit", (event) => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN && text.value.trim()) {
    socket.send(JSON.stringify({ text: text.value }));
    text.value = "";
  }
});

connect();
