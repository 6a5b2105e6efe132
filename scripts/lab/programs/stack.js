// A TLS client and a TLS server of Node: "stack.js client '{...}'" and "stack.js server '{...}'" with tls's options;
// files are named by caFile, certFile and keyFile.
const fs = require('fs');
const https = require('https');
const tls = require('tls');

const [role, text] = process.argv.slice(2);
const options = JSON.parse(text);
for (const key of ['ca', 'cert', 'key']) {
  if (options[key + 'File']) options[key] = fs.readFileSync(options[key + 'File']);
}
if (role === 'server') {
  https.createServer(options, (request, response) => response.end('hello\n')).listen(options.port, '::');
} else {
  const socket = tls.connect(options, () => socket.write(`GET / HTTP/1.0\r\nHost: ${options.servername}\r\n\r\n`));
  socket.setTimeout(10000, () => socket.destroy());
  socket.on('error', (error) => { console.error(error.code || error.message); process.exitCode = 1; });
  socket.pipe(process.stdout);
}
