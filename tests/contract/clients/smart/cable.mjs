// A cable to a server, at a port of its own, that can be pulled out and put in again.
import { connect, createServer } from 'node:net'

export async function cable (url) {
  const { hostname, port, protocol } = new URL(url)
  const ends = new Set()
  const server = createServer((near) => {
    const far = connect(port, hostname)
    for (const end of [near, far]) {
      ends.add(end)
      end.on('error', () => {}).on('close', () => { ends.delete(end); near.destroy(); far.destroy() })
    }
    near.pipe(far).pipe(near)
  })
  const listening = (at) => new Promise((resolve) => server.listen(at, '127.0.0.1', resolve))
  await listening(0)
  const own = server.address().port
  return {
    url: `${protocol}//${hostname}:${own}`,
    pull () {
      server.close()
      for (const end of ends) end.destroy()
    },
    plug: () => listening(own)
  }
}
