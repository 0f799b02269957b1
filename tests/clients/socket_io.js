// A front end of ServerAPI: says who it is, and prints what it is told, a line of JSON each.
// node socket_io.js <2|4> <server> <transports> <token>
const [version, server, transports, token] = process.argv.slice(2);
const io = require(`socket.io-client-${version}`);
const socket = io(`${server}/alert`, { transports: transports.split(","), forceNew: true });
const say = (name, data) =>
  console.log(JSON.stringify([name, data === undefined ? null : data, socket.io.engine ? socket.io.engine.transport.name : null]));
socket.on("connect", () => {
  say("connect");
  socket.emit("get_alert", { username: "whoever", token });
});
for (const name of ["my_response", "an_alert", "disconnect", "error"]) socket.on(name, (data) => say(name, data));
socket.on("connect_error", (error) => say("connect_error", String(error && error.message)));
